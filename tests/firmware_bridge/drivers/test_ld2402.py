"""What must always hold of the LD2402 decoder, and how it keeps its device in the configured mode."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge import hilink
from firmware_bridge.commands import Ask, decode_reply, encode_command
from firmware_bridge.drivers import ld2402
from firmware_bridge.emulators.ld2402 import Ld2402Emulator
from firmware_bridge.emulators.target import Target
from firmware_bridge.resync import Damage, Decoded, Result
from presence.errors import BadInput, DamagedFrame
from tests.firmware_bridge.talk import Talk, settings

BODY = ld2402.BODY.pack(2, 158, *range(32))
REPORT = hilink.REPORT_HEADER + b"\x83\x00" + BODY + hilink.REPORT_TAIL
ANSWER = hilink.reply_frame(0xFF, b"\x02\x00\x20\x00")
LINE = b"distance:158\r\n"
WHOLE = st.sampled_from([REPORT, ANSWER, LINE, b"OFF\r\n"])
FRAGMENTS = st.sampled_from(
    [b"distance", b"OFF", b"\r\n", hilink.REPORT_HEADER, hilink.HEADER, b"\x83\x00", REPORT[:90]]
)
STREAMS = st.lists(st.one_of(st.binary(max_size=40), FRAGMENTS, WHOLE), max_size=20)


def results(*chunks: bytes) -> list[Result]:
    decoder = ld2402.driver({})
    return [result for chunk in chunks for result in decoder.feed(chunk)]


@given(STREAMS)
def test_any_bytes_in_any_chunks_give_the_same_and_never_more_than_one_frame_is_kept(chunks: list[bytes]) -> None:
    decoder, found = ld2402.driver({}), list[Result]()
    for chunk in chunks:
        found += decoder.feed(chunk)
        assert len(decoder._stream._unread) <= len(REPORT)
    assert found == results(b"".join(chunks))


@given(st.lists(st.tuples(st.binary(max_size=60), WHOLE), max_size=8))
def test_frames_in_noise_are_all_found(pieces: list[tuple[bytes, bytes]]) -> None:
    # Noise without the first byte of a header or a word cannot claim what follows it; a line begins after no text.
    noisy = b"".join(noise.translate(None, b"\xf4\xfddO") + b"\r\n" + whole for noise, whole in pieces)
    assert results(noisy) == results(b"".join(whole for _, whole in pieces))
    assert len(results(noisy)) == len(pieces)


@pytest.mark.parametrize(
    ("damaged", "reason"),
    [
        (hilink.REPORT_HEADER + b"\x84\x00", "impossible length 132"),
        (REPORT[:6] + b"\x04" + REPORT[7:], "unknown state 4"),
        (REPORT[:-1] + b"\x00", "wrong tail"),
        (b"\xfd\xfc\xfb\xfa\x01\x00", "impossible length 1"),
        (b"distance:\r\n", 'unknown line "distance:"'),
        (b"distance:1x8\r\n", 'unknown line "distance:1x8"'),
        (b"OFFICE\r\n", 'unknown line "OFFICE"'),
        (b"distance:15\xff", "byte ff in a line of text"),
        (b"distance:" + b"1" * 15 + b"\r\n", "no line end in 24 bytes"),
    ],
)
def test_damage_is_told_with_its_place_and_the_next_frame_is_read(damaged: bytes, reason: str) -> None:
    assert results(b"\0" * 10 + damaged + REPORT) == [Damage(10, reason), *results(REPORT)]


@pytest.mark.parametrize(("state", "seen"), [(0, (0, 0, 0)), (1, (1, 1, 0)), (2, (1, 0, 1)), (3, (1, 1, 1))])
def test_each_state_of_a_report_is_told(state: int, seen: tuple[int, int, int]) -> None:
    (read,) = results(REPORT[:6] + bytes((state,)) + REPORT[7:])
    assert isinstance(read, Decoded)
    assert tuple(read.values[name] for name in ("presence", "moving", "still")) == seen
    assert (read.values["moving_strength_g15"], read.values["still_strength_g0"]) == (15, 16)


def test_a_distance_may_stand_apart_from_its_word() -> None:
    assert results(b"\r\ndistance : 158\n") == [Decoded({"presence": 1.0, "distance": 1.58})]


def test_the_announced_end_of_auto_gain_is_no_answer_and_no_damage() -> None:
    assert results(hilink.frame(0xF0) + LINE) == results(LINE)


def radar_of(talk: Talk) -> Ld2402Emulator:
    assert isinstance(talk.device, Ld2402Emulator)
    return talk.device


def test_a_device_without_a_configured_mode_is_left_alone() -> None:
    talk = Talk("ld2402", {})
    talk.go_on(60_000)
    assert (talk.sent, talk.driver.strayed) == ([], False)


def test_engineering_mode_is_set_at_the_start_and_again_when_the_device_has_lost_it() -> None:
    talk = Talk("ld2402", {"mode": "engineering"})
    radar = radar_of(talk)
    radar.target = Target("still", 0.8, 60)
    assert "still_strength_g1" in talk.go_on(2_000)[-1].values
    assert (talk.dialogue.firmware, talk.dialogue.trouble) == ("v3.3.5", None)

    radar.cut_power()
    assert talk.go_on(27_000)[-1].values.keys() == {"presence", "distance"}
    assert talk.driver.strayed
    assert "still_strength_g1" in talk.go_on(4_000)[-1].values
    assert not talk.driver.strayed
    # A mode is nothing that flash keeps.
    assert encode_command(ld2402, "save", {}) not in [sent for _, sent in talk.sent]


def test_text_mode_can_be_configured() -> None:
    talk = Talk("ld2402", {"mode": "text"})
    radar_of(talk).mode = "engineering"
    assert talk.go_on(2_000)[-1].values == {"presence": 0.0}
    assert not talk.driver.strayed


def test_every_setting_is_written_read_back_saved_and_told() -> None:
    talk = Talk("ld2402", {})
    outcome = talk.ask(
        Ask("set_parameter", {"id": 1, "value": 50}),
        Ask("set_parameter", {"id": 4, "value": 30}),
        Ask("set_parameter", {"id": 0x13, "value": 12_589}),
        Ask("set_parameter", {"id": 0x3F, "value": 4_294_967_295}),
        *ld2402.SETTINGS,
    )
    assert outcome.problem is None
    assert len(outcome.read_back) == 4
    wanted = {
        "max_distance_dm": 50,
        "timeout": 30,
        "supply_interference": 1,
        "move_threshold_g3": 12_589,
        "still_threshold_g15": 4_294_967_295,
    }
    assert settings(outcome).items() >= wanted.items()
    assert len(settings(outcome)) == 1 + 3 + 32

    radar_of(talk).cut_power()
    assert settings(talk.ask(*ld2402.SETTINGS)).items() >= wanted.items()


def test_asking_alone_saves_nothing() -> None:
    talk = Talk("ld2402", {})
    talk.ask(*ld2402.SETTINGS)
    assert encode_command(ld2402, "save", {}) not in [sent for _, sent in talk.sent]


@pytest.mark.parametrize(
    ("command", "args", "message"),
    [
        ("set_mode", {"mode": "loud"}, "ld2402: set_mode.mode: 'loud' cannot be used; give one of engineering, text"),
        ("set_parameter", {"id": 5, "value": 1}, "ld2402: set_parameter.id: 5 cannot be used; give one of 1, 4, 16, "),
        ("set_parameter", {"id": 1, "value": 6}, "ld2402: set_parameter.value: 6 cannot be used; give a whole number"),
        ("set_parameter", {"id": 1}, "ld2402: set_parameter.value: is missing; give a whole number from 7 to 100"),
        ("read_parameter", {"id": 0x20}, "ld2402: read_parameter.id: 32 cannot be used; give one of 1, 4, 16, "),
        ("auto_threshold", {"move": 3, "hold": 3, "still": 0}, "ld2402: auto_threshold.still: 0 cannot be used; give"),
        ("save", {"now": True}, "ld2402: save.now: not known; give no arguments"),
    ],
)
def test_a_command_that_cannot_be_written_says_why(command: str, args: dict[str, Any], message: str) -> None:
    with pytest.raises(BadInput) as wrong:
        encode_command(ld2402, command, args)
    assert str(wrong.value).startswith(message)


def test_auto_threshold_takes_its_factors_in_tenths() -> None:
    sent = encode_command(ld2402, "auto_threshold", {"move": 3, "hold": 2, "still": 20})
    assert sent == hilink.frame(0x09, bytes.fromhex("1e001400c800"))


@pytest.mark.parametrize("value", [b"", b"\x07\x00v3.3.5", b"\x02\x00\xff\xff"])
def test_a_text_that_is_shorter_than_it_says_or_is_none_answers_nothing(value: bytes) -> None:
    with pytest.raises(DamagedFrame):
        decode_reply(ld2402, "read_firmware", {}, hilink.reply_frame(0x00, value))


@pytest.mark.parametrize("config", [{"mode": "loud"}, {"mode": True}, {"engineering": True}])
def test_a_configuration_that_is_not_understood_is_refused(config: dict[str, Any]) -> None:
    with pytest.raises(BadInput):
        ld2402.driver(config)
