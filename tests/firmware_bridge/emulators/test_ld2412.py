"""The emulated LD2412 behaves as the sheet says: what the driver asks of it, it answers in the driver's words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from firmware_bridge.commands import decode_reply, encode_command
from firmware_bridge.drivers import ld2412
from firmware_bridge.emulators.ld2412 import Ld2412Emulator
from firmware_bridge.emulators.target import Target
from firmware_bridge.resync import Decoded

COMMANDS = json.loads((Path(__file__).parents[2] / "vectors" / "serial" / "ld2412_commands.json").read_text())
TAKING_NOTHING = [
    "end_config",
    "read_parameters",
    "read_moving_sensitivity",
    "read_still_sensitivity",
    "read_resolution",
    "read_light_control",
    "calibrate",
    "read_calibration",
    "engineering_on",
    "engineering_off",
    "read_firmware",
    "factory_reset",
    "restart",
    "read_mac",
]


def ask(radar: Ld2412Emulator, command: str, **args: Any) -> dict[str, Any]:
    return decode_reply(ld2412, command, args, radar.receive(encode_command(ld2412, command, args)))


def in_session() -> Ld2412Emulator:
    radar = Ld2412Emulator(1)
    assert ask(radar, "enable_config")["ok"]
    return radar


@pytest.mark.parametrize("vector", COMMANDS, ids=lambda vector: vector["id"])
def test_every_command_is_answered_with_the_keys_of_the_real_device(vector: dict[str, Any]) -> None:
    answer = ask(in_session(), vector["command"], **vector["args"])
    assert answer.keys() == vector["expect"].keys()
    assert answer["ok"]


@pytest.mark.parametrize("command", TAKING_NOTHING)
def test_every_other_command_is_answered_too(command: str) -> None:
    assert ask(in_session(), command)["ok"]


@pytest.mark.parametrize("engineering", [False, True])
@pytest.mark.parametrize(
    ("target", "state"),
    [
        (Target(), (False, False, False)),
        (Target("moving", 2.0, 70), (True, True, True)),
        (Target("still", 0.9, 60), (True, False, True)),
    ],
)
def test_its_reports_are_read_by_the_driver(engineering: bool, target: Target, state: tuple[bool, bool, bool]) -> None:
    radar, decoder = Ld2412Emulator(1), ld2412.driver({})
    radar.engineering, radar.target = engineering, target
    for at in range(0, 3_000, 100):
        (read,) = decoder.feed(radar.report(at))
        assert isinstance(read, Decoded)
        assert tuple(read.values[name] for name in ("presence", "moving", "still")) == state
        assert abs(read.values["moving_distance"] - target.distance_m) <= 0.06
        assert ("light_raw" in read.values) is engineering


def test_the_gate_of_the_target_reflects_most() -> None:
    radar = Ld2412Emulator(1)
    radar.engineering, radar.target = True, Target("still", 4.0, 80)
    (read,) = ld2412.driver({}).feed(radar.report(0))
    assert isinstance(read, Decoded)
    energies = [read.values[f"still_energy_g{gate}"] for gate in range(14)]
    assert energies.index(max(energies)) == 5
    assert max(read.values[f"moving_energy_g{gate}"] for gate in range(14)) <= 12


def test_equal_seeds_give_equal_reports() -> None:
    assert [Ld2412Emulator(7).report(0)] * 2 == [Ld2412Emulator(7).report(0) for _ in range(2)]


def test_no_reports_come_while_a_session_is_open_and_for_a_second_after_a_restart() -> None:
    radar = Ld2412Emulator(1)
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
    assert ask(Ld2412Emulator(1), "engineering_on") == {"ok": False}


def test_background_correction_takes_two_minutes() -> None:
    radar = in_session()
    ask(radar, "calibrate")
    radar.report(0)
    assert ask(radar, "read_calibration") == {"ok": True, "state": "running"}
    radar.report(120_000)
    assert ask(radar, "read_calibration") == {"ok": True, "state": "idle"}


def test_a_reset_brings_back_what_it_was_delivered_with() -> None:
    radar = in_session()
    delivered = ask(radar, "read_parameters")
    ask(radar, "set_parameters", min_gate=3, max_gate=5, timeout=1, out_level=1)
    assert ask(radar, "read_parameters") != delivered
    ask(radar, "factory_reset")
    assert ask(radar, "read_parameters") == delivered


def test_commands_are_understood_in_pieces_and_after_noise() -> None:
    radar = Ld2412Emulator(1)
    sent = b"\xfd\xfd\xfc" + encode_command(ld2412, "enable_config", {}) + encode_command(ld2412, "read_mac", {})
    assert b"".join(radar.receive(sent[at : at + 1]) for at in range(len(sent))) == Ld2412Emulator(1).receive(sent)
    assert radar.report(0) == b""
