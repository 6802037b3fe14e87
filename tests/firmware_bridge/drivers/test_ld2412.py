"""What must always hold of the LD2412 decoder, and how it keeps its device in the configured mode."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge.commands import Ask, encode_command
from firmware_bridge.drivers import ld2412
from firmware_bridge.emulators.ld2412 import Ld2412Emulator
from firmware_bridge.emulators.target import Target
from firmware_bridge.hilink import LONGEST, OVERHEAD
from firmware_bridge.resync import Damage, Decoded, Result
from presence.errors import BadInput
from tests.firmware_bridge.talk import Talk, settings

BASIC = bytes.fromhex("f4f3f2f10b0002aa02000000a000645500f8f7f6f5")
ENGINEERING = bytes.fromhex(
    "f4f3f2f12a0001aa019a014d92011f0d0d3230284d3d1e140a09080706050400000c1f19140f0a090807060504855500f8f7f6f5"
)
FRAGMENTS = st.sampled_from([b"\xf4\xf3", b"\xf4\xf3\xf2\xf1", b"\x0b\x00", b"\x2a\x00", b"\xfd\xfc\xfb\xfa", BASIC])
STREAMS = st.lists(st.one_of(st.binary(max_size=40), FRAGMENTS, st.just(ENGINEERING)), max_size=20)


def results(*chunks: bytes) -> list[Result]:
    decoder = ld2412.driver({})
    return [result for chunk in chunks for result in decoder.feed(chunk)]


@given(STREAMS)
def test_any_bytes_in_any_chunks_give_the_same_and_never_more_than_one_frame_is_kept(chunks: list[bytes]) -> None:
    decoder = ld2412.driver({})
    found = []
    for chunk in chunks:
        found += decoder.feed(chunk)
        assert len(decoder._stream._unread) <= LONGEST + OVERHEAD
    assert found == results(b"".join(chunks))


@given(st.lists(st.tuples(st.binary(max_size=60), st.sampled_from([BASIC, ENGINEERING])), max_size=8))
def test_frames_in_noise_are_all_found(pieces: list[tuple[bytes, bytes]]) -> None:
    # Noise without the first byte of a header cannot claim what follows it.
    quiet = [(noise.translate(None, b"\xf4\xfd"), whole) for noise, whole in pieces]
    assert results(*(noise + whole for noise, whole in quiet)) == results(*(whole for _, whole in quiet))
    assert len(results(*(noise + whole for noise, whole in quiet))) == len(pieces)


@pytest.mark.parametrize(
    ("damaged", "reason"),
    [
        (BASIC[:4] + b"\x0d\x00", "impossible length 13"),
        (BASIC[:4] + b"\x29\x00", "impossible length 41"),
        (BASIC[:4] + b"\xff\xff", "impossible length 65535"),
        (b"\xfd\xfc\xfb\xfa\x01\x00", "impossible length 1"),
        (BASIC[:8] + b"\x04" + BASIC[9:], "unknown state 4"),
        (BASIC[:7] + b"\xab" + BASIC[8:], "unknown report 02 ab"),
        (ENGINEERING[:6] + b"\x02" + ENGINEERING[7:], "length 42 does not fit report 02"),
        (BASIC[:6] + b"\x01" + BASIC[7:], "length 11 does not fit report 01"),
        (BASIC[:-6] + b"\x56" + BASIC[-5:], "wrong inner tail"),
        (BASIC[:-1] + b"\xf4", "wrong tail"),
    ],
)
def test_damage_is_told_with_its_place_and_the_next_frame_is_read(damaged: bytes, reason: str) -> None:
    damage, reading = results(b"\0" * 10 + damaged + BASIC)
    assert damage == Damage(10, reason)
    assert reading == results(BASIC)[0]


def test_the_byte_after_the_inner_tail_means_nothing() -> None:
    assert results(BASIC[:-5] + b"\x7f" + BASIC[-4:]) == results(BASIC)


def test_a_longer_engineering_report_is_read_by_its_first_bytes() -> None:
    longer = ENGINEERING[:4] + b"\x2c" + ENGINEERING[5:-6] + b"\x01\x02" + ENGINEERING[-6:]
    assert results(longer) == results(ENGINEERING)


def test_a_device_without_a_configured_mode_is_left_alone() -> None:
    talk = Talk("ld2412", {})
    assert talk.go_on(60_000)
    assert (talk.sent, talk.driver.strayed) == ([], False)


def test_engineering_mode_is_set_at_the_start_and_again_when_the_device_has_lost_it() -> None:
    talk = Talk("ld2412", {"engineering": True})
    talk.device.target = Target("still", 0.8, 60)
    assert "light_raw" in talk.go_on(1_000)[-1].values
    assert (talk.dialogue.firmware, talk.dialogue.trouble) == ("1.14.24031316", None)

    assert isinstance(talk.device, Ld2412Emulator)
    talk.device.engineering = False  # a power cut
    assert "light_raw" not in talk.go_on(29_000)[-1].values
    assert "light_raw" in talk.go_on(2_000)[-1].values


def test_engineering_mode_can_be_switched_off() -> None:
    talk = Talk("ld2412", {"engineering": False})
    assert isinstance(talk.device, Ld2412Emulator)
    talk.device.engineering = True
    assert "light_raw" not in talk.go_on(1_000)[-1].values


def test_every_setting_is_written_read_back_and_told() -> None:
    moving, still = list(range(14)), list(range(50, 64))
    outcome = Talk("ld2412", {}).ask(
        Ask("set_parameters", {"min_gate": 2, "max_gate": 9, "timeout": 300, "out_level": 1}),
        Ask("set_moving_sensitivity", {"sensitivity": moving}),
        Ask("set_still_sensitivity", {"sensitivity": still}),
        Ask("set_light_control", {"function": "above", "threshold": 99}),
        Ask("set_resolution", {"resolution": 0.5}),
        Ask("set_bluetooth", {"on": False}),
        *ld2412.SETTINGS,
    )
    assert (outcome.problem, len(outcome.read_back)) == (None, 4)
    told = settings(outcome)
    assert told.pop("type") == 0x2412
    assert told == {
        "firmware": "1.14.24031316",
        "min_gate": 2,
        "max_gate": 9,
        "timeout": 300,
        "out_level": 1,
        "moving_sensitivity": moving,
        "still_sensitivity": still,
        "resolution": 0.5,
        "function": "above",
        "threshold": 99,
        "mac": None,
        "bluetooth": False,
    }


@pytest.mark.parametrize(
    ("command", "args", "message"),
    [
        ("fly", {}, 'ld2412: no command "fly"; known: '),
        (
            "set_parameters",
            {"min_gate": 0, "max_gate": 9, "timeout": 5, "out_level": 0},
            "ld2412: set_parameters.min_gate: 0 cannot be used; give a whole number from 1 to 14",
        ),
        (
            "set_still_sensitivity",
            {"sensitivity": [50] * 13},
            "ld2412: set_still_sensitivity.sensitivity: [50, 50, 50, 50, 50, ",
        ),
        ("set_resolution", {"resolution": 0.3}, "ld2412: set_resolution.resolution: 0.3 cannot be used; give one of "),
        ("calibrate", {"seconds": 5}, "ld2412: calibrate.seconds: not known; give no arguments"),
    ],
)
def test_a_command_that_cannot_be_written_says_why(command: str, args: dict[str, Any], message: str) -> None:
    with pytest.raises(BadInput) as wrong:
        encode_command(ld2412, command, args)
    assert str(wrong.value).startswith(message)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"engineering": "yes"}, "ld2412: config.engineering: 'yes' cannot be used; give one of true, false"),
        ({"enginering": True}, "ld2412: config.enginering: not known; known: engineering"),
    ],
)
def test_a_configuration_that_is_not_understood_is_refused(config: dict[str, Any], message: str) -> None:
    with pytest.raises(BadInput) as wrong:
        ld2412.driver(config)
    assert str(wrong.value) == message


def test_the_example_works() -> None:
    assert Talk("ld2412", ld2412.EXAMPLE).go_on(1_000)
    assert isinstance(results(BASIC)[0], Decoded)
