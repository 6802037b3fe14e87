"""The emulated C4001 behaves as the sheet says: what the driver asks of it, it answers in the driver's words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from firmware_bridge.commands import decode_reply, encode_command
from firmware_bridge.drivers import c4001
from firmware_bridge.emulators.c4001 import C4001Emulator
from firmware_bridge.emulators.target import Target
from firmware_bridge.resync import Decoded

COMMANDS = json.loads((Path(__file__).parents[2] / "vectors" / "serial" / "c4001_commands.json").read_text())


def ask(radar: C4001Emulator, command: str, **args: Any) -> dict[str, Any]:
    return decode_reply(c4001, command, args, radar.receive(encode_command(c4001, command, args)))


def stopped() -> C4001Emulator:
    radar = C4001Emulator(1)
    assert ask(radar, "stop")["ok"]
    return radar


def in_mode(mode: str) -> C4001Emulator:
    radar = stopped()
    for command, args in [("set_mode", {"mode": mode}), ("save", {}), ("start", {})]:
        assert ask(radar, command, **args)["ok"]
    return radar


@pytest.mark.parametrize("vector", COMMANDS, ids=lambda vector: vector["id"])
def test_every_command_is_answered_with_the_keys_of_the_real_device(vector: dict[str, Any]) -> None:
    answer = ask(stopped(), vector["command"], **vector["args"])
    assert answer.keys() == vector["expect"].keys()
    assert answer["ok"]


@pytest.mark.parametrize(
    ("target", "presence"), [(Target(), 0), (Target("moving", 2, 70), 1), (Target("still", 14, 60), 0)]
)
def test_its_reports_in_presence_mode_are_read_by_the_driver(target: Target, presence: int) -> None:
    radar, decoder = in_mode("presence"), c4001.driver({})
    radar.target = target
    for at in range(0, 5_000, 1_000):
        assert decoder.feed(radar.report(at)) == [Decoded({"presence": presence})]


@pytest.mark.parametrize("target", [Target("moving", 2, 70), Target("still", 0.9, 60)])
def test_its_reports_in_speed_mode_are_read_by_the_driver_and_blink(target: Target) -> None:
    radar, decoder = in_mode("speed"), c4001.driver({})
    assert decoder.feed(radar.report(0)) == [Decoded({"presence": 0, "target_count": 0})]
    radar.target = target
    read = [result for at in range(1_000, 200_000, 1_000) for result in decoder.feed(radar.report(at))]
    seen = [result.values for result in read if isinstance(result, Decoded) and result.values["target_count"]]
    assert 180 < len(seen) < len(read) == 199
    for values in seen:
        assert values["distance"] == pytest.approx(target.distance_m, abs=0.06)
        assert (values["speed"] != 0) is (target.state == "moving")


def test_equal_seeds_give_equal_reports() -> None:
    radars = [in_mode("speed"), in_mode("speed")]
    for radar in radars:
        radar.target = Target("moving", 2, 70)
    assert radars[0].report(0) == radars[1].report(0)
