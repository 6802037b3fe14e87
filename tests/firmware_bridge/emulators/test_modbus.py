"""The emulated RS-485 line behaves as the sheet says: what the driver asks of it, it answers in the driver's words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from firmware_bridge.commands import decode_reply, encode_command
from firmware_bridge.drivers import modbus
from firmware_bridge.emulators.modbus import CONFIG, LASER, RADAR, ModbusEmulator
from firmware_bridge.emulators.target import Target
from firmware_bridge.resync import Decoded

COMMANDS = json.loads((Path(__file__).parents[2] / "vectors" / "serial" / "modbus_commands.json").read_text())


def ask(line: ModbusEmulator, command: str, **args: Any) -> dict[str, Any]:
    return decode_reply(modbus, command, args, line.receive(encode_command(modbus, command, args)))


def polled(line: ModbusEmulator) -> dict[str | None, dict[str, float]]:
    """What one round of polls gives, by part."""
    decoder, read = modbus.driver(CONFIG), dict[str | None, dict[str, float]]()
    for at in range(0, 400, 10):
        for result in decoder.feed(line.receive(decoder.outgoing(at))):
            if isinstance(result, Decoded):
                read[result.part] = result.values
    return read


@pytest.mark.parametrize("vector", COMMANDS, ids=lambda vector: vector["id"])
def test_every_command_is_answered_with_the_keys_of_the_real_device(vector: dict[str, Any]) -> None:
    answer = ask(ModbusEmulator(1), vector["command"], **vector["args"])
    assert answer.keys() == vector["expect"].keys()
    assert answer["ok"] is vector["expect"]["ok"]


@pytest.mark.parametrize(
    ("target", "state"),
    [(Target(), (0, 0, 0)), (Target("moving", 2.0, 70), (1, 1, 0)), (Target("still", 0.9, 60), (1, 0, 1))],
)
def test_all_units_of_the_line_are_read_by_the_driver(target: Target, state: tuple[int, int, int]) -> None:
    line = ModbusEmulator(1)
    line.target = target
    read = polled(line)
    assert read.keys() == {"radar", "sonar", "laser"}
    assert tuple(read["radar"][name] for name in ("presence", "moving", "still")) == state
    assert read["sonar"]["temperature"] == 26.5
    assert ("distance" in read["sonar"]) is (target.state != "nobody")
    assert abs(read["laser"]["distance"] - (target.distance_m or 4.0)) < 0.004


def test_it_says_nothing_by_itself_and_equal_seeds_answer_alike() -> None:
    assert ModbusEmulator(7).report(0) == b""
    assert polled(ModbusEmulator(7)) == polled(ModbusEmulator(7))


def test_what_was_written_is_read_back() -> None:
    line = ModbusEmulator(1)
    assert ask(line, "write_register", unit=RADAR, address=105, value=30)["ok"]
    assert ask(line, "read_register", unit=RADAR, address=105) == {"ok": True, "value": 30}


@pytest.mark.parametrize(
    ("request_", "exception"),
    [
        (("read_registers", {"unit": LASER, "function": 4, "address": 52, "count": 1}), 2),
        (("read_registers", {"unit": RADAR, "function": 4, "address": 6, "count": 2}), 2),
        (("write_register", {"unit": LASER, "address": 99, "value": 1}), 2),
    ],
)
def test_registers_that_are_not_there_are_refused(request_: tuple[str, dict[str, Any]], exception: int) -> None:
    command, args = request_
    assert ask(ModbusEmulator(1), command, **args) == {"ok": False, "exception": exception}


def test_requests_are_understood_in_pieces_and_after_noise_and_others_units_are_left_alone() -> None:
    sent = b"\x01\x01\x04" + encode_command(modbus, "read_register", {"unit": RADAR, "address": 105})
    line = ModbusEmulator(1)
    assert (
        b"".join(line.receive(sent[at : at + 1]) for at in range(len(sent))) == ModbusEmulator(1).receive(sent) != b""
    )
    assert line.receive(encode_command(modbus, "read_register", {"unit": 99, "address": 105})) == b""
    assert line.receive(sent[3:-1] + b"\0") == b""
