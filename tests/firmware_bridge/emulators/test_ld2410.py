"""The emulated LD2410 behaves as the sheet says: what the driver asks of it, it answers in the driver's words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from firmware_bridge.commands import decode_reply, encode_command
from firmware_bridge.drivers import ld2410
from firmware_bridge.emulators.ld2410 import Ld2410Emulator
from firmware_bridge.emulators.target import Target
from firmware_bridge.resync import Decoded

COMMANDS = json.loads((Path(__file__).parents[2] / "vectors" / "serial" / "ld2410_commands.json").read_text())


def ask(radar: Ld2410Emulator, command: str, **args: Any) -> dict[str, Any]:
    return decode_reply(ld2410, command, args, radar.receive(encode_command(ld2410, command, args)))


def in_session() -> Ld2410Emulator:
    radar = Ld2410Emulator(1)
    assert ask(radar, "enable_config")["ok"]
    return radar


@pytest.mark.parametrize("vector", COMMANDS, ids=lambda vector: vector["id"])
def test_every_command_is_answered_with_the_keys_of_the_real_device(vector: dict[str, Any]) -> None:
    answer = ask(in_session(), vector["command"], **vector["args"])
    assert answer.keys() == vector["expect"].keys()
    assert answer["ok"]


@pytest.mark.parametrize("engineering", [False, True])
@pytest.mark.parametrize(
    ("target", "state"),
    [(Target(), (0, 0)), (Target("moving", 2.0, 70), (1, 1)), (Target("still", 0.9, 60), (1, None))],
)
def test_its_reports_are_read_by_the_driver(engineering: bool, target: Target, state: tuple[int, int | None]) -> None:
    radar, decoder = Ld2410Emulator(1), ld2410.driver({})
    radar.engineering, radar.target = engineering, target
    for at in range(0, 3_000, 100):
        (read,) = decoder.feed(radar.report(at))
        assert isinstance(read, Decoded)
        assert read.values["presence"] == state[0]
        assert state[1] is None or read.values["moving"] == state[1]
        assert abs(read.values["moving_distance"] - target.distance_m) <= 0.06
        assert ("light_raw" in read.values) is engineering


def test_equal_seeds_give_equal_reports() -> None:
    assert [Ld2410Emulator(7).report(0)] * 2 == [Ld2410Emulator(7).report(0) for _ in range(2)]


def test_no_reports_come_while_a_session_is_open_and_for_a_second_after_a_restart() -> None:
    radar = Ld2410Emulator(1)
    assert radar.report(0)
    ask(radar, "enable_config")
    assert radar.report(100) == b""
    ask(radar, "end_config")
    assert radar.report(200)
    ask(radar, "enable_config")
    ask(radar, "engineering_on")
    ask(radar, "restart")
    assert [bool(radar.report(at)) for at in (300, 1_200, 1_300)] == [False, False, True]
    assert not radar.engineering


def test_outside_a_session_commands_are_refused() -> None:
    assert ask(Ld2410Emulator(1), "engineering_on") == {"ok": False}


def test_what_was_set_is_read_back() -> None:
    radar = in_session()
    ask(radar, "set_max_gates", moving=6, still=4, timeout=30)
    ask(radar, "set_gate_sensitivity", gate="all", moving=33, still=44)
    ask(radar, "set_gate_sensitivity", gate=2, moving=70, still=71)
    ask(radar, "set_resolution", resolution=0.2)
    ask(radar, "set_bluetooth", on=False)
    assert ask(radar, "read_parameters") == {
        "ok": True,
        "max_gate": 8,
        "max_moving_gate": 6,
        "max_still_gate": 4,
        "moving_sensitivity": [33, 33, 70, 33, 33, 33, 33, 33, 33],
        "still_sensitivity": [44, 44, 71, 44, 44, 44, 44, 44, 44],
        "timeout": 30,
    }
    assert ask(radar, "read_resolution")["resolution"] == 0.2
    assert ask(radar, "read_mac")["mac"] is None


def test_commands_are_understood_in_pieces_and_after_noise() -> None:
    radar = Ld2410Emulator(1)
    sent = b"\xfd\xfd\xfc" + encode_command(ld2410, "enable_config", {}) + encode_command(ld2410, "read_mac", {})
    assert b"".join(radar.receive(sent[at : at + 1]) for at in range(len(sent))) == Ld2410Emulator(1).receive(sent)
    assert radar.report(0) == b""
