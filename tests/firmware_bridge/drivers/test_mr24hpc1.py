"""The MR24HPC1 driver keeps its device in the configured mode; frames are looked at in test_seeed.py."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from firmware_bridge.commands import Ask, encode_command
from firmware_bridge.drivers import mr24hpc1
from firmware_bridge.emulators.mr24hpc1 import Mr24hpc1Emulator
from firmware_bridge.emulators.target import Target
from firmware_bridge.resync import Damage, Decoded
from firmware_bridge.seeed import UNDERLYING, frame
from presence.errors import BadInput
from tests.firmware_bridge.talk import Talk, settings


def radar_of(talk: Talk) -> Mr24hpc1Emulator:
    assert isinstance(talk.device, Mr24hpc1Emulator)
    return talk.device


def underlying(talk: Talk, for_ms: int) -> bool:
    """Whether reports of underlying mode come in that time."""
    return any("speed" in reading.values for reading in talk.go_on(for_ms))


def test_a_report_of_underlying_mode_is_a_reading_and_no_answer() -> None:
    (read,) = mr24hpc1.driver({}).feed(frame(UNDERLYING, 0x01, b"\x0c\x03\xb4\x04\x0d"))
    assert isinstance(read, Decoded)
    assert read.values["speed"] == 1.5


def test_a_device_that_does_not_tell_its_firmware_is_set_up_all_the_same() -> None:
    commands = [ask.command for ask in mr24hpc1.setup({"underlying": True})]
    assert commands == ["read_presence", "read_motion", "set_output", "read_firmware"]


def test_a_still_value_above_its_range_is_damage() -> None:
    (damage,) = mr24hpc1.driver({}).feed(frame(UNDERLYING, 0x01, b"\xfb\x03\xb4\x04\x0d"))
    assert damage == Damage(0, "still value 251 is more than 250")


def test_at_the_start_it_is_asked_who_it_is_and_what_it_sees_but_left_in_its_mode() -> None:
    talk = Talk("mr24hpc1", {})
    values = [reading.values for reading in talk.go_on(3_000)]
    assert {"presence": 0.0} in values
    assert {"moving": 0.0, "still": 0.0} in values
    assert (talk.dialogue.firmware, talk.dialogue.trouble) == ("G24VD1SYV11", None)
    assert not underlying(talk, 10_000)


def test_underlying_mode_is_set_at_the_start_and_again_when_the_device_has_lost_it() -> None:
    talk = Talk("mr24hpc1", {"underlying": True})
    talk.device.target = Target("still", 1.5, 60)
    assert underlying(talk, 5_000)
    assert talk.go_on(1_000)[-1].values["still_distance"] == 1.5
    assert not talk.driver.strayed

    radar_of(talk).cut_power()
    talk.go_on(10_000)
    assert talk.driver.strayed
    talk.go_on(30_000)
    assert underlying(talk, 1_000)
    assert not talk.driver.strayed


def test_underlying_mode_is_switched_off_where_it_is_not_wanted() -> None:
    talk = Talk("mr24hpc1", {"underlying": False})
    radar_of(talk).receive(encode_command(mr24hpc1, "set_output", {"open": True}))
    talk.go_on(5_000)
    assert not underlying(talk, 5_000)
    assert not talk.driver.strayed
    radar_of(talk).receive(encode_command(mr24hpc1, "set_output", {"open": True}))
    talk.go_on(1_000)
    assert talk.driver.strayed


def test_an_empty_room_is_told_again_at_least_every_90_s_with_one_question_a_minute() -> None:
    talk = Talk("mr24hpc1", {})
    talk.go_on(5_000)
    asked = len(talk.sent)
    for _ in range(4):
        assert [reading.values for reading in talk.go_on(mr24hpc1.SILENT_AFTER_MS)][-1] == {"presence": 0.0}
    instants = [at for at, _ in talk.sent[asked:]]
    assert all(later - earlier >= 60_000 for earlier, later in pairwise(instants))


def test_every_setting_is_written_read_back_and_told() -> None:
    talk = Talk("mr24hpc1", {})
    written = talk.ask(
        Ask("set_scene", {"scene": 2}),
        Ask("set_sensitivity", {"level": 1}),
        Ask("set_timeout", {"timeout": 120}),
        Ask("set_output", {"open": True}),
    )
    assert written.problem is None
    assert len(written.read_back) == 4
    told = settings(talk.ask(*mr24hpc1.SETTINGS))
    assert told.pop("id").isdigit()
    assert told == {
        "product": "MR24HPC1",
        "hardware": "G24VD1",
        "firmware": "G24VD1SYV11",
        "scene": 2,
        "level": 1,
        "timeout": 120,
        "open": True,
    }


@pytest.mark.parametrize(
    ("command", "args", "message"),
    [
        ("set_scene", {"scene": 5}, "mr24hpc1: set_scene.scene: 5 cannot be used; give one of 1, 2, 3, 4"),
        ("set_sensitivity", {}, "mr24hpc1: set_sensitivity.level: is missing; give one of 1, 2, 3"),
        ("set_timeout", {"timeout": 11}, "mr24hpc1: set_timeout.timeout: 11 cannot be used; give one of 0, 10, "),
        ("set_output", {"open": 1}, "mr24hpc1: set_output.open: 1 cannot be used; give one of true, false"),
        ("heartbeat", {"now": True}, "mr24hpc1: heartbeat.now: not known; give no arguments"),
    ],
)
def test_a_command_that_cannot_be_written_says_why(command: str, args: dict[str, Any], message: str) -> None:
    with pytest.raises(BadInput) as wrong:
        encode_command(mr24hpc1, command, args)
    assert str(wrong.value).startswith(message)


@pytest.mark.parametrize("config", [{"underlying": 1}, {"underlying": "on"}, {"engineering": True}])
def test_a_configuration_that_is_not_understood_is_refused(config: dict[str, Any]) -> None:
    with pytest.raises(BadInput):
        mr24hpc1.driver(config)
