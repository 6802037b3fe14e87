"""The emulated LD2420 behaves as the sheet says: what the driver asks of it, it answers in the driver's words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from firmware_bridge.commands import decode_reply, encode_command
from firmware_bridge.drivers import ld2420
from firmware_bridge.emulators.ld2420 import Ld2420Emulator
from firmware_bridge.emulators.target import Target
from firmware_bridge.resync import Decoded

COMMANDS = json.loads((Path(__file__).parents[2] / "vectors" / "serial" / "ld2420_commands.json").read_text())


def ask(radar: Ld2420Emulator, command: str, **args: Any) -> dict[str, Any]:
    return decode_reply(ld2420, command, args, radar.receive(encode_command(ld2420, command, args)))


def in_session() -> Ld2420Emulator:
    radar = Ld2420Emulator(1)
    assert ask(radar, "enable_config")["ok"]
    return radar


@pytest.mark.parametrize("vector", [v for v in COMMANDS if v["expect"]], ids=lambda vector: vector["id"])
def test_every_command_is_answered_with_the_keys_of_the_real_device(vector: dict[str, Any]) -> None:
    answer = ask(in_session(), vector["command"], **vector["args"])
    assert answer.keys() == vector["expect"].keys()
    assert answer["ok"]


def test_the_serial_number_is_told() -> None:
    assert len(ask(in_session(), "read_serial_number")["serial"]) == 8


@pytest.mark.parametrize("target", [Target(), Target("moving", 2.0, 70), Target("still", 0.9, 60)])
def test_its_energy_reports_are_read_by_the_driver(target: Target) -> None:
    radar, decoder = in_session(), ld2420.driver({})
    ask(radar, "set_mode", mode="energy")
    ask(radar, "end_config")
    radar.target = target
    for at in range(0, 3_000, 100):
        (read,) = decoder.feed(radar.report(at))
        assert isinstance(read, Decoded)
        assert read.values["presence"] == (target.state != "nobody")
        assert abs(read.values["distance"] - target.distance_m) <= 0.06
        assert "strength_g15" in read.values


def test_its_simple_lines_are_read_by_the_driver() -> None:
    radar, decoder = Ld2420Emulator(1), ld2420.driver({})
    assert decoder.feed(radar.report(0)) == [Decoded({"presence": False})]
    radar.target = Target("still", 12.3, 60)
    on, distance = decoder.feed(radar.report(100))
    assert on == Decoded({"presence": True})
    assert isinstance(distance, Decoded)
    assert distance.values == {"distance": pytest.approx(12.3, abs=0.06)}


def test_its_debug_frames_give_no_reading() -> None:
    radar, decoder = in_session(), ld2420.driver({})
    ask(radar, "set_mode", mode="debug")
    ask(radar, "end_config")
    stream = b"".join(radar.report(at) for at in range(0, 1_000, 100))
    assert len(stream) == 10 * (4 + 20 * 16 * 4 + 4)
    assert decoder.feed(stream) == []


def test_a_reticent_one_says_nothing_while_nobody_is_there() -> None:
    radar = Ld2420Emulator(1)
    radar.reticent = True
    assert radar.report(0) == b""
    radar.target = Target("moving", 1.0, 80)
    assert radar.report(100)


def test_no_reports_come_while_a_session_is_open_and_for_a_moment_after_a_restart_which_is_not_answered() -> None:
    radar = Ld2420Emulator(1)
    assert radar.report(0)
    ask(radar, "enable_config")
    assert radar.report(100) == b""
    assert radar.receive(encode_command(ld2420, "restart", {})) == b""
    assert [bool(radar.report(at)) for at in (200, 400, 500)] == [False, False, True]


def test_outside_a_session_and_for_unknown_numbers_commands_are_refused() -> None:
    assert ask(Ld2420Emulator(1), "read_firmware") == {"ok": False}
    assert ask(in_session(), "read_parameter", id=0x99) == {"ok": False}
    assert ask(in_session(), "set_parameter", id=0x99, value=1) == {"ok": False}


def test_equal_seeds_give_equal_reports() -> None:
    def energies() -> bytes:
        radar = Ld2420Emulator(7)
        radar.mode = "energy"
        return radar.report(0)

    assert energies() == energies()
