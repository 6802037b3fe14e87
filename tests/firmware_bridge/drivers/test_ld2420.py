"""What must always hold of the LD2420 decoder, its mode, and its sign of life when it keeps silent."""

from __future__ import annotations

from itertools import groupby, pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge.commands import Ask, encode_command
from firmware_bridge.drivers import ld2420
from firmware_bridge.emulators.ld2420 import Ld2420Emulator
from firmware_bridge.emulators.target import Target
from firmware_bridge.resync import Damage, Decoded, Result
from presence.errors import BadInput
from tests.firmware_bridge.talk import Talk, settings

ENERGY = bytes.fromhex("f4f3f2f1230001de00" + "60ea" * 16 + "f8f7f6f5")
ON = b"ON\r\n"
DEBUG = b"\xaa\xbf\x10\x14" + b"ON\r\n" * 320 + b"\xfd\xfc\xfb\xfa"
FRAGMENTS = st.sampled_from(
    [b"\xf4\xf3", b"\xf4\xf3\xf2\xf1\x23\x00", b"\xfd\xfc\xfb\xfa", b"ON", b"OFF\n", b"Rang", b"Range 153\r\n", b"\r\n"]
)
STREAMS = st.lists(
    st.one_of(st.binary(max_size=40), FRAGMENTS, st.sampled_from([ENERGY, DEBUG, DEBUG[:-1]])), max_size=20
)


def results(*chunks: bytes) -> list[Result]:
    decoder = ld2420.driver({})
    return [result for chunk in chunks for result in decoder.feed(chunk)]


@given(STREAMS)
def test_any_bytes_in_any_chunks_give_the_same_and_never_more_than_one_frame_is_kept(chunks: list[bytes]) -> None:
    decoder = ld2420.driver({})
    found = []
    for chunk in chunks:
        found += decoder.feed(chunk)
        assert len(decoder._stream._unread) <= len(DEBUG)
    assert found == results(b"".join(chunks))


@given(st.lists(st.tuples(st.binary(max_size=60), st.sampled_from([ON, b"Range 7\n", ENERGY])), max_size=8))
def test_frames_in_noise_are_all_found(pieces: list[tuple[bytes, bytes]]) -> None:
    # Noise without the first byte of a header or a word, and without text right before a word, claims nothing.
    quiet = [(noise.translate(None, b"\xf4\xfd\xaaOR") + b"\0", whole) for noise, whole in pieces]
    assert results(*(noise + whole for noise, whole in quiet)) == results(*(whole for _, whole in quiet))
    assert len(results(*(noise + whole for noise, whole in quiet))) == len(pieces)


@pytest.mark.parametrize(
    ("damaged", "reason"),
    [
        (ENERGY[:4] + b"\x24\x00", "impossible length 36"),
        (ENERGY[:4] + b"\xff\xff", "impossible length 65535"),
        (b"\xfd\xfc\xfb\xfa\x01\x00", "impossible length 1"),
        (ENERGY[:6] + b"\x02" + ENERGY[7:], "presence 2"),
        (ENERGY[:-1] + b"\xf4", "wrong tail"),
        (b"ONON\r\n", 'unknown line "ONON"'),
        (b"Range 12345\r\n", 'unknown line "Range 12345"'),
        (b"Range\r\n", 'unknown line "Range"'),
        (b"OFF\r\r\n", 'unknown line "OFF\r"'),
        (b"Range 1" + b" " * 20, "no line end in 16 bytes"),
        (b"Range 1", "byte f4 in a line of text"),
    ],
)
def test_damage_is_told_with_its_place_and_the_next_frame_is_read(damaged: bytes, reason: str) -> None:
    damage, reading = results(b"\0" * 10 + damaged + ENERGY)
    assert damage == Damage(10, reason)
    assert reading == results(ENERGY)[0]


def test_debug_mode_says_nothing_and_a_frame_of_it_is_no_command() -> None:
    assert results(DEBUG + ENERGY + DEBUG + ON) == results(ENERGY + ON)
    broken = DEBUG[:-1] + b"\0"
    assert results(broken)[0] == Damage(0, "wrong tail of debug mode")


def test_text_that_is_none_of_the_simple_mode_is_noise() -> None:
    assert results(b"OK boot\r\nBUTTON\r\nrange 5\r\n") == []


def test_a_device_without_a_configured_mode_is_left_as_it_is() -> None:
    talk = Talk("ld2420", {})
    talk.device.target = Target("still", 1.0, 50)
    assert talk.go_on(60_000)[-1].values.keys() == {"distance"}
    assert (talk.sent, talk.driver.strayed) == ([], False)


def test_energy_mode_is_set_at_the_start_and_again_when_the_device_has_lost_it() -> None:
    talk = Talk("ld2420", {"mode": "energy"})
    talk.device.target = Target("still", 0.8, 60)
    assert "strength_g15" in talk.go_on(1_000)[-1].values
    assert (talk.dialogue.firmware, talk.dialogue.trouble) == ("v1.5.9", None)

    assert isinstance(talk.device, Ld2420Emulator)
    talk.device.mode = "simple"  # a power cut, with old firmware
    assert "strength_g15" not in talk.go_on(29_000)[-1].values
    assert "strength_g15" in talk.go_on(2_000)[-1].values

    talk.device.mode = "debug"  # left by somebody else
    talk.go_on(31_000)
    assert "strength_g15" in talk.go_on(1_000)[-1].values


def test_simple_mode_can_be_asked_for() -> None:
    talk = Talk("ld2420", {"mode": "simple"})
    assert isinstance(talk.device, Ld2420Emulator)
    talk.device.mode = "energy"
    assert talk.go_on(1_000)[-1].values == {"presence": False}


def test_a_device_that_is_silent_while_nobody_is_there_gives_a_sign_of_life_every_few_seconds() -> None:
    talk = Talk("ld2420", {})
    assert isinstance(talk.device, Ld2420Emulator)
    talk.device.reticent = True
    answered_ms = [0]
    for at in range(0, 60_000, 100):
        before = talk.answers
        assert talk.go_on(100) == []
        if talk.answers > before:
            answered_ms.append(at)
    assert max(later - earlier for earlier, later in pairwise(answered_ms)) < ld2420.SILENT_AFTER_MS / 2
    talk.device.target = Target("moving", 2.0, 80)
    assert talk.go_on(500)[0] == Decoded({"presence": True})


@pytest.mark.parametrize("begun_ms", range(2_000, 2_100, 5))
def test_what_people_ask_in_the_middle_of_a_sign_of_life_is_answered(begun_ms: int) -> None:
    talk = Talk("ld2420", {})
    assert isinstance(talk.device, Ld2420Emulator)
    talk.device.reticent = True
    talk.go_on(begun_ms)
    for timeout in (7, 8):
        assert talk.ask(Ask("set_timeout", {"value": timeout})).problem is None
    talk.device.reticent = False
    assert talk.go_on(1_000)


def test_a_device_that_reports_is_not_asked() -> None:
    talk = Talk("ld2420", {})
    talk.go_on(60_000)
    assert talk.sent == []


def test_a_device_that_is_dead_is_asked_again_and_again_and_each_session_is_closed() -> None:
    talk = Talk("ld2420", {})
    talk.deaf = True
    assert isinstance(talk.device, Ld2420Emulator)
    talk.device.reticent = True
    talk.go_on(30_000)
    opening, closing = (encode_command(ld2420, command, {}) for command in ("enable_config", "end_config"))
    runs = [(data, len(list(run))) for data, run in groupby(data for _, data in talk.sent)]
    assert runs[:4] == [(opening, 4), (closing, 3)] * 2
    talk.deaf = False
    talk.go_on(6_000)
    assert talk.answers


def test_every_setting_is_written_read_back_and_told() -> None:
    outcome = Talk("ld2420", {}).ask(
        Ask("set_min_gate", {"value": 2}),
        Ask("set_max_gate", {"value": 9}),
        Ask("set_timeout", {"value": 30}),
        Ask("set_move_threshold", {"gate": 3, "value": 70_000}),
        Ask("set_still_threshold", {"gate": 15, "value": 41}),
        Ask("set_parameter", {"id": 0x10, "value": 55_000}),
        *ld2420.SETTINGS,
    )
    assert (outcome.problem, len(outcome.read_back)) == (None, 6)
    told = settings(outcome)
    assert len(told) == 1 + 3 + 16 + 16
    assert told["firmware"] == "v1.5.9"
    assert [told[name] for name in ("min_gate", "max_gate", "timeout")] == [2, 9, 30]
    assert [told[f"move_threshold_g{gate}"] for gate in (0, 3, 4)] == [55_000, 70_000, 250]
    assert [told[f"still_threshold_g{gate}"] for gate in (14, 15)] == [100, 41]


def test_a_restart_is_not_awaited_and_reports_go_on_after_it() -> None:
    talk = Talk("ld2420", {})
    outcome = talk.ask(Ask("restart"))
    assert (outcome.problem, outcome.replies) == (None, [])
    assert talk.go_on(1_000)
    assert [data for _, data in talk.sent] == [
        encode_command(ld2420, "enable_config", {}),
        encode_command(ld2420, "restart", {}),
    ]


@pytest.mark.parametrize(
    ("command", "args", "message"),
    [
        ("fly", {}, 'ld2420: no command "fly"; known: '),
        (
            "set_mode",
            {"mode": "loud"},
            "ld2420: set_mode.mode: 'loud' cannot be used; give one of energy, simple, debug",
        ),
        ("set_timeout", {}, "ld2420: set_timeout.value: is missing; give a whole number from 0 to 65535"),
        (
            "set_max_gate",
            {"value": 16},
            "ld2420: set_max_gate.value: 16 cannot be used; give a whole number from 0 to 15",
        ),
        ("read_move_threshold", {"gate": 16}, "ld2420: read_move_threshold.gate: 16 cannot be used; "),
        ("set_parameter", {"id": -1, "value": 0}, "ld2420: set_parameter.id: -1 cannot be used; "),
        ("restart", {"now": True}, "ld2420: restart.now: not known; give no arguments"),
    ],
)
def test_a_command_that_cannot_be_written_says_why(command: str, args: dict[str, Any], message: str) -> None:
    with pytest.raises(BadInput) as wrong:
        encode_command(ld2420, command, args)
    assert str(wrong.value).startswith(message)


@pytest.mark.parametrize("config", [{"mode": "debug"}, {"mode": 4}, {"mod": "energy"}])
def test_a_configuration_that_is_not_understood_is_refused(config: dict[str, Any]) -> None:
    with pytest.raises(BadInput):
        ld2420.driver(config)


def test_the_example_works() -> None:
    assert Talk("ld2420", ld2420.EXAMPLE).go_on(1_000)
