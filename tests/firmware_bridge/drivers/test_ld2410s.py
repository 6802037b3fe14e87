"""What must always hold of the LD2410S decoder, and how it keeps its device at the configured output."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge.commands import Ask, decode_reply, encode_command
from firmware_bridge.drivers import ld2410s
from firmware_bridge.emulators.ld2410s import Ld2410sEmulator
from firmware_bridge.emulators.target import Target
from firmware_bridge.hilink import LONGEST, OVERHEAD
from firmware_bridge.resync import Damage, Result
from presence.errors import BadInput, DamagedFrame
from tests.firmware_bridge.talk import Talk, settings

MINIMAL = bytes.fromhex("6e02640262")
STANDARD = bytes.fromhex("f4f3f2f1460001023e010000" + "48ee0000" * 16 + "f8f7f6f5")
PROGRESS = bytes.fromhex("f4f3f2f10300036400f8f7f6f5")
FRAGMENTS = st.sampled_from(
    [b"\x6e", b"\x6e\x02", b"\xf4\xf3", b"\xf4\xf3\xf2\xf1\x46\x00", b"\xfd\xfc\xfb\xfa", MINIMAL]
)
STREAMS = st.lists(st.one_of(st.binary(max_size=40), FRAGMENTS, st.sampled_from([STANDARD, PROGRESS])), max_size=20)


def results(*chunks: bytes) -> list[Result]:
    decoder = ld2410s.driver({})
    return [result for chunk in chunks for result in decoder.feed(chunk)]


@given(STREAMS)
def test_any_bytes_in_any_chunks_give_the_same_and_never_more_than_one_frame_is_kept(chunks: list[bytes]) -> None:
    decoder = ld2410s.driver({})
    found = []
    for chunk in chunks:
        found += decoder.feed(chunk)
        assert len(decoder._stream._unread) <= LONGEST + OVERHEAD
    assert found == results(b"".join(chunks))


@given(st.lists(st.tuples(st.binary(max_size=60), st.sampled_from([MINIMAL, STANDARD])), max_size=8))
def test_frames_in_noise_are_all_found(pieces: list[tuple[bytes, bytes]]) -> None:
    # Noise without the first byte of a header cannot claim what follows it.
    quiet = [(noise.translate(None, b"\x6e\xf4\xfd"), whole) for noise, whole in pieces]
    assert results(*(noise + whole for noise, whole in quiet)) == results(*(whole for _, whole in quiet))
    assert len(results(*(noise + whole for noise, whole in quiet))) == len(pieces)


@pytest.mark.parametrize(
    ("damaged", "reason"),
    [
        (b"\x6e\x02\x64\x02\x63", "wrong tail 63"),
        (STANDARD[:4] + b"\x45\x00", "impossible length 69"),
        (STANDARD[:4] + b"\xff\xff", "impossible length 65535"),
        (b"\xfd\xfc\xfb\xfa\x81\x00", "impossible length 129"),
        (STANDARD[:7] + b"\x04" + STANDARD[8:], "unknown state 4"),
        (STANDARD[:6] + b"\x03" + STANDARD[7:], "length 70 does not fit report 03"),
        (PROGRESS[:6] + b"\x05" + PROGRESS[7:], "length 3 does not fit report 05"),
        (STANDARD[:-1] + b"\xf4", "wrong tail"),
    ],
)
def test_damage_is_told_with_its_place_and_the_next_frame_is_read(damaged: bytes, reason: str) -> None:
    damage, reading = results(b"\0" * 10 + damaged + MINIMAL)
    assert damage == Damage(10, reason)
    assert reading == results(MINIMAL)[0]


def test_what_begins_like_a_minimal_frame_without_a_state_is_noise() -> None:
    assert results(b"\x6e\x04\x64\x02\x62\x6e\x6e") == []


def test_a_device_without_a_configured_output_is_left_alone() -> None:
    talk = Talk("ld2410s", {})
    assert talk.go_on(60_000)
    assert (talk.sent, talk.driver.strayed) == ([], False)


def test_the_output_is_set_at_the_start_and_again_when_the_device_has_lost_it() -> None:
    talk = Talk("ld2410s", {"output": "standard"})
    talk.device.target = Target("still", 0.8, 60)
    assert "strength_g15" in talk.go_on(1_000)[-1].values
    assert (talk.dialogue.firmware, talk.dialogue.trouble) == ("1.1.1", None)

    talk.device = Ld2410sEmulator(2)  # another one at the same port
    assert "strength_g15" not in talk.go_on(29_000)[-1].values
    assert "strength_g15" in talk.go_on(2_000)[-1].values


def test_minimal_output_can_be_asked_for() -> None:
    talk = Talk("ld2410s", {"output": "minimal"})
    talk.ask(Ask("set_output", {"standard": True}))
    assert talk.go_on(2_000)[-1].values.keys() == {"presence", "distance"}
    assert not talk.driver.strayed


def test_every_setting_is_written_read_back_and_told() -> None:
    parameters = {
        "max_gate": 9,
        "min_gate": 1,
        "timeout": 120,
        "status_frequency": 0.5,
        "distance_frequency": 8,
        "response_speed": 10,
    }
    trigger, hold = list(range(40, 56)), list(range(20, 36))
    outcome = Talk("ld2410s", {}).ask(
        Ask("write_serial_number", {"serial": "LOKET-07"}),
        Ask("set_parameters", parameters),
        Ask("set_trigger_thresholds", {"threshold": trigger}),
        Ask("set_hold_thresholds", {"threshold": hold}),
        *ld2410s.SETTINGS,
    )
    assert (outcome.problem, len(outcome.read_back)) == (None, 4)
    assert settings(outcome) == {
        "firmware": "1.1.1",
        "serial": "LOKET-07",
        **parameters,
        "trigger_threshold": trigger,
        "hold_threshold": hold,
    }


@pytest.mark.parametrize(
    ("command", "args", "message"),
    [
        ("fly", {}, 'ld2410s: no command "fly"; known: '),
        ("set_parameters", {}, "ld2410s: set_parameters.max_gate: is missing; give a whole number from 1 to 16"),
        (
            "set_hold_thresholds",
            {"threshold": 45},
            "ld2410s: set_hold_thresholds.threshold: 45 cannot be used; give a list of 16 whole numbers from 0 to 100",
        ),
        (
            "set_parameters",
            {
                "max_gate": 16,
                "min_gate": 0,
                "timeout": 10,
                "status_frequency": 0.55,
                "distance_frequency": 8,
                "response_speed": 5,
            },
            "ld2410s: set_parameters.status_frequency: 0.55 cannot be used; give tenths of a hertz",
        ),
        ("set_output", {"standard": 1}, "ld2410s: set_output.standard: 1 cannot be used; give one of true, false"),
        ("write_serial_number", {"serial": "1"}, "ld2410s: write_serial_number.serial: not 8 printable ASCII"),
    ],
)
def test_a_command_that_cannot_be_written_says_why(command: str, args: dict[str, Any], message: str) -> None:
    with pytest.raises(BadInput) as wrong:
        encode_command(ld2410s, command, args)
    assert str(wrong.value).startswith(message)


@pytest.mark.parametrize("value", ["", "0800313233", "0200ffff"])
def test_a_serial_number_that_is_cut_short_or_no_text_is_damaged(value: str) -> None:
    length = (4 + len(value) // 2).to_bytes(2, "little").hex()
    with pytest.raises(DamagedFrame):
        decode_reply(ld2410s, "read_serial_number", {}, bytes.fromhex(f"fdfcfbfa{length}11010000{value}04030201"))


@pytest.mark.parametrize("config", [{"output": "loud"}, {"output": True}, {"outptu": "standard"}])
def test_a_configuration_that_is_not_understood_is_refused(config: dict[str, Any]) -> None:
    with pytest.raises(BadInput):
        ld2410s.driver(config)


def test_the_example_works() -> None:
    assert Talk("ld2410s", ld2410s.EXAMPLE).go_on(1_000)
