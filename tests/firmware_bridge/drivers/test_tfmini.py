"""What must always hold of the TFmini decoder, and how the sensor is brought to the configured rate."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge.commands import Ask, decode_reply, encode_command
from firmware_bridge.drivers import tfmini
from firmware_bridge.drivers.tfmini import REPORT_LENGTH, frame
from firmware_bridge.emulators.target import Target
from firmware_bridge.emulators.tfmini import TfminiEmulator
from firmware_bridge.resync import Answer, Damage, Result
from presence.errors import BadInput, DamagedFrame
from tests.firmware_bridge.talk import Talk

REPORT = bytes.fromhex("59597b00e110c808ee")
ECHO = frame(tfmini.RATE, b"\x0a\x00")
TEN = {"hz": 10}
STREAMS = st.lists(
    st.one_of(
        st.binary(max_size=40),
        st.sampled_from(
            [REPORT, ECHO, b"\x59", b"\x59\x59", b"\x5a\x08", b"\x5a", bytes.fromhex("595959005959c8088d")]
        ),
    ),
    max_size=20,
)


def results(*chunks: bytes) -> list[Result]:
    decoder = tfmini.driver({})
    return [result for chunk in chunks for result in decoder.feed(chunk)]


@given(STREAMS)
def test_any_bytes_in_any_chunks_give_the_same_and_never_more_than_one_frame_is_kept(chunks: list[bytes]) -> None:
    decoder = tfmini.driver({})
    found = []
    for chunk in chunks:
        found += decoder.feed(chunk)
        assert len(decoder._unread) < REPORT_LENGTH
    stream = b"".join(chunks)
    assert found == results(stream)
    assert found == results(*(stream[at : at + 1] for at in range(len(stream))))


@given(st.lists(st.tuples(st.binary(max_size=60), st.sampled_from([REPORT, ECHO])), max_size=8))
def test_frames_in_noise_are_all_found(pieces: list[tuple[bytes, bytes]]) -> None:
    # Noise without the first byte of a header cannot claim what follows it.
    stream = [noise.translate(None, b"\x59\x5a") + whole for noise, whole in pieces]
    assert results(*stream) == results(*(whole for _, whole in pieces))
    assert len(results(*stream)) == len(pieces)


@pytest.mark.parametrize("damaged", [REPORT[:-1] + b"\xef", ECHO[:-1] + b"\x00", b"\x59\x59" + bytes(7)])
def test_damage_is_told_with_its_place_and_the_next_report_is_read(damaged: bytes) -> None:
    damage, reading = results(b"\0" * 10 + damaged + REPORT)
    assert damage == Damage(10, "wrong sum")
    assert reading == results(REPORT)[0]


def test_an_answer_among_reports_is_given_whole() -> None:
    assert results(REPORT + ECHO + REPORT)[1] == Answer(ECHO)


def test_every_command_is_done_and_changes_are_saved() -> None:
    talk = Talk("tfmini")
    asks = (
        Ask("set_frame_rate", {"hz": 50}),
        Ask("set_format", {"format": "cm"}),
        Ask("set_baud", {"baud": 115_200}),
        Ask("set_output", {"on": True}),
        *tfmini.SETTINGS,
    )
    outcome = talk.ask(*asks)
    assert outcome.problem is None
    assert outcome.replies == [(ask, {"ok": True}) for ask in asks[:4]] + [(asks[4], {"ok": True, "firmware": "1.2.3"})]
    assert talk.device.saves == 1
    assert len(talk.go_on(1_000)) == 50
    talk.device.restart()
    assert len(talk.go_on(1_000)) == 50


def test_a_single_report_is_triggered_at_a_rate_of_0() -> None:
    talk = Talk("tfmini")
    talk.ask(Ask("set_frame_rate", {"hz": 0}))
    assert talk.go_on(1_000) == []
    talk.dialogue.ask([Ask("trigger")], lambda _: None)
    assert len(talk.go_on(1_000)) == 1


@pytest.mark.parametrize(
    ("config", "hz"), [({}, 100), ({}, 10), (TEN, 10), (TEN, 12), ({"hz": 1}, 1), ({"hz": 100}, 100)]
)
def test_a_sensor_that_is_as_configured_or_not_configured_is_never_written_to(config: dict[str, Any], hz: int) -> None:
    sensor = TfminiEmulator(1)
    sensor.receive(encode_command(tfmini, "set_frame_rate", {"hz": hz}))
    talk = Talk("tfmini", config, sensor)
    talk.go_on(60_000)
    assert talk.said == []


@pytest.mark.parametrize("delivered", [100, 5, 1000])
def test_the_configured_rate_is_set_and_saved_once_another_one_is_counted(delivered: int) -> None:
    sensor = TfminiEmulator(1)
    sensor.receive(encode_command(tfmini, "set_frame_rate", {"hz": delivered}))
    talk = Talk("tfmini", TEN, sensor)
    talk.go_on(60_000)
    assert len(talk.go_on(10_000)) == pytest.approx(100, abs=1)
    assert talk.said == [encode_command(tfmini, command, args) for command, args in SET_UP]
    assert (sensor.saves, talk.dialogue.firmware, talk.dialogue.trouble) == (1, "1.2.3", None)


SET_UP = (("read_firmware", {}), ("set_frame_rate", TEN), ("save", {}))


def test_a_sensor_that_has_lost_its_rate_is_set_up_again() -> None:
    talk = Talk("tfmini", TEN)
    talk.go_on(20_000)
    talk.device.receive(encode_command(tfmini, "set_frame_rate", {"hz": 200}))
    talk.go_on(60_000)
    assert len(talk.go_on(10_000)) == pytest.approx(100, abs=1)
    assert talk.device.saves == 2


def test_a_silent_sensor_is_left_alone() -> None:
    sensor = TfminiEmulator(1)
    sensor.receive(encode_command(tfmini, "set_output", {"on": False}))
    talk = Talk("tfmini", TEN, sensor)
    assert talk.go_on(60_000) == []
    assert talk.said == []


def test_a_sensor_that_keeps_its_rate_is_written_to_ever_more_seldom() -> None:
    talk = Talk("tfmini", TEN, lost=encode_command(tfmini, "set_frame_rate", TEN))
    talk.device.target = Target("still", 0.8, 60)
    talk.go_on(10 * 60_000)
    assert talk.dialogue.trouble == "set_frame_rate was not answered"
    assert sum(sent == encode_command(tfmini, "read_firmware", {}) for sent in talk.said) == 5
    assert talk.device.saves == 0


@pytest.mark.parametrize(
    ("command", "args", "whole", "ok"),
    [
        ("save", {}, "5a05110171", False),
        ("set_frame_rate", TEN, "5a0603640 0c7", False),
        ("set_output", {"on": True}, "5a05070066", False),
        ("set_output", {"on": True}, "5a05070167", True),
        ("set_baud", {"baud": 9600}, "5a080680250000 0d", True),
    ],
)
def test_another_value_than_was_asked_for_is_a_refusal(
    command: str, args: dict[str, Any], whole: str, ok: bool
) -> None:
    assert decode_reply(tfmini, command, args, bytes.fromhex(whole.replace(" ", ""))) == {"ok": ok}


@pytest.mark.parametrize(
    ("command", "whole", "reason"),
    [
        ("read_firmware", REPORT, "no whole answer"),
        ("read_firmware", frame(tfmini.VERSION, b"\3\2\1")[:-1] + b"\0", "no whole answer"),
        ("read_firmware", ECHO, "no answer to 01"),
        ("read_firmware", frame(tfmini.VERSION, b"\3"), "03 is no version"),
        ("save", frame(tfmini.SAVE), " is no status"),
        ("trigger", REPORT, "trigger is never answered"),
    ],
)
def test_what_does_not_answer_a_command_is_damage(command: str, whole: bytes, reason: str) -> None:
    with pytest.raises(DamagedFrame) as damage:
        decode_reply(tfmini, command, {}, whole)
    assert damage.value.reason == reason


@pytest.mark.parametrize(
    ("command", "args", "message"),
    [
        (
            "set_frame_rate",
            {"hz": 1001},
            "tfmini: set_frame_rate.hz: 1001 cannot be used; give a whole number from 0 to 1000",
        ),
        ("set_format", {"format": "mm"}, "tfmini: set_format.format: 'mm' cannot be used; give one of cm"),
        ("set_baud", {"baud": 1}, "tfmini: set_baud.baud: 1 cannot be used; give one of 9600, "),
        ("set_output", {}, "tfmini: set_output.on: is missing; give one of true, false"),
        ("restart", {}, 'tfmini: no command "restart"; known: '),
    ],
)
def test_a_command_that_cannot_be_written_says_why(command: str, args: dict[str, Any], message: str) -> None:
    with pytest.raises(BadInput) as wrong:
        encode_command(tfmini, command, args)
    assert str(wrong.value).startswith(message)


@pytest.mark.parametrize("config", [{"hz": 0}, {"hz": 101}, {"hz": "10"}, {"hz": True}, {"Hz": 10}])
def test_a_configuration_that_is_not_understood_is_refused(config: dict[str, Any]) -> None:
    with pytest.raises(BadInput):
        tfmini.driver(config)
