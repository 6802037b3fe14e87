"""The emulated TFmini behaves as the sheet says: what the driver asks of it, it answers in the driver's words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from firmware_bridge.commands import decode_reply, encode_command
from firmware_bridge.drivers import tfmini
from firmware_bridge.emulators.target import Target
from firmware_bridge.emulators.tfmini import INTERVAL_MS, TfminiEmulator
from firmware_bridge.resync import Decoded

COMMANDS = json.loads((Path(__file__).parents[2] / "vectors" / "serial" / "tfmini_commands.json").read_text())


def ask(sensor: TfminiEmulator, command: str, **args: Any) -> dict[str, Any]:
    return decode_reply(tfmini, command, args, sensor.receive(encode_command(tfmini, command, args)))


def reports(sensor: TfminiEmulator, from_ms: int, to_ms: int) -> int:
    return sum(bool(sensor.report(at)) for at in range(from_ms, to_ms, INTERVAL_MS))


@pytest.mark.parametrize("vector", COMMANDS, ids=lambda vector: vector["id"])
def test_every_command_is_answered_with_the_keys_of_the_real_device(vector: dict[str, Any]) -> None:
    answer = ask(TfminiEmulator(1), vector["command"], **vector["args"])
    assert answer.keys() == vector["expect"].keys()
    assert answer["ok"]


@pytest.mark.parametrize(
    ("target", "distance_m"), [(Target(), 4.2), (Target("moving", 2, 70), 2), (Target("still", 0.9, 60), 0.9)]
)
def test_its_reports_are_read_by_the_driver(target: Target, distance_m: float) -> None:
    sensor, decoder = TfminiEmulator(1), tfmini.driver({})
    sensor.target = target
    for at in range(0, 3_000, INTERVAL_MS):
        (read,) = decoder.feed(sensor.report(at))
        assert isinstance(read, Decoded)
        assert read.values["distance"] == pytest.approx(distance_m, abs=0.03)
        assert read.values["temperature"] == 42


def test_of_somebody_who_throws_nothing_back_there_is_no_distance() -> None:
    sensor = TfminiEmulator(1)
    sensor.target = Target("still", 0.9, 0)
    (read,) = tfmini.driver({}).feed(sensor.report(0))
    assert isinstance(read, Decoded)
    assert "distance" not in read.values


def test_equal_seeds_give_equal_reports() -> None:
    assert [TfminiEmulator(7).report(0)] * 2 == [TfminiEmulator(7).report(0) for _ in range(2)]


@pytest.mark.parametrize(("hz", "heard"), [(1, 5), (3, 15), (10, 50), (30, 150), (100, 500), (1000, 500)])
def test_the_rate_that_is_set_holds(hz: int, heard: int) -> None:
    sensor = TfminiEmulator(1)
    ask(sensor, "set_frame_rate", hz=hz)
    assert reports(sensor, 0, 5_000) == pytest.approx(heard, rel=0.02)


def test_what_is_not_saved_is_lost_at_a_restart() -> None:
    sensor = TfminiEmulator(1)
    ask(sensor, "set_frame_rate", hz=10)
    ask(sensor, "save")
    ask(sensor, "set_output", on=False)
    assert reports(sensor, 0, 1_000) == 0
    sensor.restart()
    assert reports(sensor, 1_000, 2_000) == 10


def test_commands_are_understood_in_pieces_and_after_noise() -> None:
    sent = b"\x5a\x5a\x04\x00\x00" + encode_command(tfmini, "read_firmware", {}) + encode_command(tfmini, "save", {})
    sensor = TfminiEmulator(1)
    answers = b"".join(sensor.receive(sent[at : at + 1]) for at in range(len(sent)))
    assert answers == TfminiEmulator(1).receive(sent) == bytes.fromhex("5a0701030201685a05110070")
    assert sensor.receive(tfmini.frame(0x40)) == b""
