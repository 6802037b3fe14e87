"""The MR60BHA1 driver keeps where somebody is and nothing of how the body works; frames: test_seeed.py."""

from __future__ import annotations

import pytest

from firmware_bridge.drivers import mr24hpc1, mr60bha
from firmware_bridge.emulators.target import Target
from firmware_bridge.resync import Damage, Decoded
from firmware_bridge.seeed import PRESENCE, UNDERLYING, frame
from presence.errors import BadInput
from tests.firmware_bridge.talk import Talk


@pytest.mark.parametrize("control", [0x81, 0x84, 0x85])
def test_vital_signs_are_dropped_whatever_they_say(control: int) -> None:
    frames = [frame(control, command, data) for command in range(256) for data in (b"\x01", b"\x0f", b"\x01\x02\x03")]
    assert mr60bha.driver({}).feed(b"".join(frames)) == []


def test_only_one_of_the_two_radars_knows_each_of_their_own_reports() -> None:
    distance, underlying = frame(PRESENCE, 0x04, b"\x00\x6b"), frame(UNDERLYING, 0x01, b"\x0c\x03\xb4\x04\x0d")
    assert mr60bha.driver({}).feed(distance) == [Decoded({"distance": 1.07})]
    assert not [each for each in mr60bha.driver({}).feed(underlying) if isinstance(each, Decoded)]
    assert not [each for each in mr24hpc1.driver({}).feed(distance) if isinstance(each, Decoded)]


@pytest.mark.parametrize(("command", "length"), [(0x04, 6), (0x05, 2)])
def test_a_distance_and_a_direction_of_another_length_are_damage(command: int, length: int) -> None:
    (damage,) = mr60bha.driver({}).feed(frame(PRESENCE, command, bytes(length)))
    assert damage == Damage(0, f"length {length} does not fit 80 {command:02x}")


def test_at_the_start_it_is_asked_who_it_is_and_what_it_sees() -> None:
    talk = Talk("mr60bha", {})
    talk.device.target = Target("moving", 2.0, 50)
    values: dict[str, float] = {}
    for reading in talk.go_on(3_000):
        values |= reading.values
    assert values.keys() == {"presence", "moving", "still", "moving_energy", "distance", "x1", "y1", "z1"}
    assert (values["presence"], values["moving"], values["still"]) == (1, 1, 0)
    assert abs(values["distance"] - 2) < 0.04
    assert (talk.dialogue.firmware, talk.dialogue.trouble) == ("G60SM1SYv010309", None)
    assert not talk.driver.strayed


def test_nothing_can_be_configured() -> None:
    with pytest.raises(BadInput):
        mr60bha.driver({"underlying": True})
