"""The emulated gateway behaves as the sheet says: what the driver asks of it, it answers in the driver's words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from firmware_bridge.commands import decode_reply, encode_command
from firmware_bridge.drivers import mysensors
from firmware_bridge.emulators.mysensors import MySensorsEmulator
from firmware_bridge.emulators.target import Target
from firmware_bridge.resync import Damage, Decoded

COMMANDS = json.loads((Path(__file__).parents[2] / "vectors" / "serial" / "mysensors_commands.json").read_text())


def read(data: bytes) -> dict[tuple[str | None, str], float]:
    """Every value by part and quantity."""
    results = mysensors.driver({}).feed(data)
    assert not any(isinstance(result, Damage) for result in results)
    decoded = [result for result in results if isinstance(result, Decoded)]
    return {(each.part, name): value for each in decoded for name, value in each.values.items()}


@pytest.mark.parametrize("vector", COMMANDS, ids=lambda vector: vector["id"])
def test_every_command_is_answered_with_the_keys_of_the_real_device(vector: dict[str, Any]) -> None:
    command, args = vector["command"], vector["args"]
    answer = MySensorsEmulator(1).receive(encode_command(mysensors, command, args))
    if vector["reply_hex"] is None:
        assert answer == b""
    else:
        assert decode_reply(mysensors, command, args, answer).keys() == vector["expect"].keys()


@pytest.mark.parametrize(
    ("target", "counter", "other"),
    [(Target(), 0, 0), (Target("moving", 2.0, 70), 1, 1), (Target("still", 0.9, 60), 1, 0)],
)
def test_all_nodes_are_read_by_the_driver(target: Target, counter: int, other: int) -> None:
    gateway = MySensorsEmulator(1)
    gateway.target = target
    found = read(gateway.report(0))
    assert (found["12/1", "presence"], found["13/1", "presence"]) == (counter, other)
    assert abs(found.get(("12/2", "distance"), target.distance_m) - target.distance_m) <= 0.04
    assert 90 <= found["13", "battery"] <= 95
    assert ("13", "battery") not in read(gateway.report(1_000))


def test_a_new_node_gets_an_id_from_a_controller_and_is_there_afterwards() -> None:
    gateway, controller = MySensorsEmulator(1), mysensors.driver({"controller": True})
    gateway.newcomers = 1
    controller.feed(gateway.report(0))
    controller.feed(gateway.receive(controller.outgoing(0)))
    assert b";255;3;0;6;M\n" in controller.outgoing(1)
    assert gateway.newcomers == 0
    assert ("1/1", "presence") in read(gateway.report(1_000))


def test_a_node_that_restarts_presents_itself_again() -> None:
    gateway = MySensorsEmulator(1)
    assert b"12;1;0;0;1;\n" in gateway.report(0)
    assert b"12;1;0;0;1;\n" not in gateway.report(1_000)
    gateway.receive(encode_command(mysensors, "reboot", {"node": 12}))
    assert b"12;1;0;0;1;\n" in gateway.report(2_000)


def test_commands_are_understood_in_pieces_and_what_is_none_is_left_alone() -> None:
    gateway, sent = MySensorsEmulator(1), b"what?\n" + mysensors.ASK_VERSION
    assert b"".join(gateway.receive(sent[at : at + 1]) for at in range(len(sent))) == b"0;255;3;0;2;2.3.2\n"
    assert gateway.receive(encode_command(mysensors, "set", {"node": 99, "child": 1, "type": 2, "value": "1"})) == b""


def test_equal_seeds_give_equal_reports() -> None:
    assert MySensorsEmulator(7).report(0) == MySensorsEmulator(7).report(0)
