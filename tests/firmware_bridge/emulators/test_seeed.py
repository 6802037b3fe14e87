"""The emulated MR24HPC1 and MR60BHA1 behave as the sheet says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from firmware_bridge.commands import decode_reply, encode_command
from firmware_bridge.drivers import DRIVERS
from firmware_bridge.emulators import EMULATORS, Emulator
from firmware_bridge.emulators.target import Target
from firmware_bridge.resync import Decoded

COMMANDS = json.loads((Path(__file__).parents[2] / "vectors" / "serial" / "mr24hpc1_commands.json").read_text())
BOTH = pytest.mark.parametrize("name", ["mr24hpc1", "mr60bha"])


def ask(name: str, radar: Emulator, command: str, **args: Any) -> dict[str, Any]:
    return decode_reply(DRIVERS[name], command, args, radar.receive(encode_command(DRIVERS[name], command, args)))


@pytest.mark.parametrize("vector", COMMANDS, ids=lambda vector: vector["id"])
def test_every_command_is_answered_with_the_keys_of_the_real_device(vector: dict[str, Any]) -> None:
    answer = ask("mr24hpc1", EMULATORS["mr24hpc1"].make(1), vector["command"], **vector["args"])
    assert answer.keys() == vector["expect"].keys()
    assert answer["ok"]


@BOTH
def test_every_command_that_only_asks_is_answered(name: str) -> None:
    radar = EMULATORS[name].make(1)
    radar.target = Target("moving", 1.0, 40)
    for command, what in DRIVERS[name].COMMANDS.items():
        if not command.startswith("set_"):
            assert what.reply is not None
            assert ask(name, radar, command)["ok"], command


@BOTH
@pytest.mark.parametrize(
    ("target", "state"),
    [(Target(), (0, 0, 0)), (Target("moving", 2.0, 70), (1, 1, 0)), (Target("still", 0.9, 60), (1, 0, 1))],
)
def test_its_reports_are_read_by_the_driver(name: str, target: Target, state: tuple[int, int, int]) -> None:
    radar, decoder = EMULATORS[name].make(1), DRIVERS[name].driver({})
    radar.target = target
    values: dict[str, float] = {}
    for at in range(0, 3_000, 500):
        for result in decoder.feed(radar.report(at)):
            assert isinstance(result, Decoded)
            values |= result.values
    assert (values["presence"], values["moving"], values["still"]) == state
    assert (values["moving_energy"] > 0) is (target.state != "nobody")


@BOTH
def test_presence_is_reported_when_it_changes_and_a_heartbeat_each_minute(name: str) -> None:
    radar = EMULATORS[name].make(1)
    assert radar.report(0)
    assert [at for at in range(500, 121_000, 500) if radar.report(at)] == [60_000, 120_000]
    radar.target = Target("still", 1.0, 60)
    assert radar.report(121_000)


@BOTH
def test_a_restarted_one_is_quiet_for_two_seconds_and_then_reports_anew(name: str) -> None:
    radar = EMULATORS[name].make(1)
    radar.report(0)
    assert ask(name, radar, "restart")["ok"]
    assert [bool(radar.report(at)) for at in (500, 2_000, 2_500, 3_000)] == [False, False, True, False]


@BOTH
def test_equal_seeds_give_equal_reports(name: str) -> None:
    one, other = EMULATORS[name].make(7), EMULATORS[name].make(7)
    one.target = other.target = Target("moving", 1.0, 40)
    assert [one.report(at) for at in (0, 500)] == [other.report(at) for at in (0, 500)]


def test_a_value_that_it_does_not_know_is_answered_with_the_one_that_it_keeps() -> None:
    radar = EMULATORS["mr24hpc1"].make(1)
    assert ask("mr24hpc1", radar, "set_scene", scene=2)["ok"]
    asked = bytearray(encode_command(DRIVERS["mr24hpc1"], "set_scene", {"scene": 4}))
    asked[6], asked[7] = 9, (asked[7] + 5) & 0xFF
    assert decode_reply(DRIVERS["mr24hpc1"], "set_scene", {"scene": 4}, radar.receive(bytes(asked))) == {"ok": False}
    assert ask("mr24hpc1", radar, "read_scene")["scene"] == 2


@BOTH
def test_questions_are_understood_in_pieces_and_after_noise(name: str) -> None:
    radar = EMULATORS[name].make(1)
    sent = b"SSYS" + encode_command(DRIVERS[name], "heartbeat", {}) + encode_command(DRIVERS[name], "read_id", {})
    answers = b"".join(radar.receive(sent[at : at + 1]) for at in range(len(sent)))
    assert answers == EMULATORS[name].make(1).receive(sent)
    assert answers.startswith(encode_command(DRIVERS[name], "heartbeat", {}))
