"""The emulated LD2450 behaves as the sheet says: what the driver asks of it, it answers in the driver's words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from firmware_bridge.commands import decode_reply, encode_command
from firmware_bridge.drivers import ld2450
from firmware_bridge.emulators.ld2450 import Ld2450Emulator
from firmware_bridge.emulators.target import Target
from firmware_bridge.resync import Decoded

COMMANDS = json.loads((Path(__file__).parents[2] / "vectors" / "serial" / "ld2450_commands.json").read_text())


def ask(radar: Ld2450Emulator, command: str, **args: Any) -> dict[str, Any]:
    return decode_reply(ld2450, command, args, radar.receive(encode_command(ld2450, command, args)))


def in_session() -> Ld2450Emulator:
    radar = Ld2450Emulator(1)
    assert ask(radar, "enable_config")["ok"]
    return radar


@pytest.mark.parametrize("vector", COMMANDS, ids=lambda vector: vector["id"])
def test_every_command_is_answered_with_the_keys_of_the_real_device(vector: dict[str, Any]) -> None:
    answer = ask(in_session(), vector["command"], **vector["args"])
    assert answer.keys() == vector["expect"].keys()
    assert answer["ok"]


@pytest.mark.parametrize("target", [Target(), Target("moving", 2.0, 70), Target("still", 0.9, 60)])
def test_its_reports_are_read_by_the_driver(target: Target) -> None:
    radar, decoder = Ld2450Emulator(1), ld2450.driver({})
    radar.target = target
    for at in range(0, 3_000, 100):
        (read,) = decoder.feed(radar.report(at))
        assert isinstance(read, Decoded)
        assert read.values["presence"] == (target.state != "nobody")
        if target.state != "nobody":
            assert abs(read.values["y1"] - target.distance_m) <= 0.041
            assert (read.values["speed1"] != 0) is (target.state == "moving")


def test_a_companion_keeps_its_slot_and_is_seen_only_when_several_are_tracked() -> None:
    radar, decoder = Ld2450Emulator(1), ld2450.driver({})
    radar.companion = Target("still", 1.0, 60)
    (read,) = decoder.feed(radar.report(0))
    assert isinstance(read, Decoded)
    assert (read.values["target_count"], "x1" in read.values, "x2" in read.values) == (1, False, True)
    ask(radar, "enable_config")
    ask(radar, "set_tracking", tracking="single")
    ask(radar, "end_config")
    (read,) = decoder.feed(radar.report(100))
    assert isinstance(read, Decoded)
    assert read.values["target_count"] == 0


def test_equal_seeds_give_equal_reports() -> None:
    one, other = Ld2450Emulator(7), Ld2450Emulator(7)
    one.target = other.target = Target("moving", 1.0, 50)
    assert [one.report(at) for at in (0, 100)] == [other.report(at) for at in (0, 100)]


def test_no_reports_come_while_a_session_is_open_and_for_two_seconds_after_a_restart() -> None:
    radar = in_session()
    assert radar.report(0) == b""
    ask(radar, "end_config")
    assert radar.report(100)
    ask(radar, "enable_config")
    ask(radar, "restart")
    assert [bool(radar.report(at)) for at in (200, 2_100, 2_200)] == [False, False, True]


def test_outside_a_session_commands_are_refused() -> None:
    assert ask(Ld2450Emulator(1), "read_tracking") == {"ok": False}


def test_what_was_set_is_read_back_and_a_factory_reset_forgets_it() -> None:
    radar, zones = in_session(), [[-1.0, 0.0, 1.0, 2.5], [0.0] * 4, [0.0] * 4]
    ask(radar, "set_tracking", tracking="single")
    ask(radar, "set_zones", mode="include", zones=zones)
    ask(radar, "set_bluetooth", on=False)
    assert ask(radar, "read_tracking")["tracking"] == "single"
    assert ask(radar, "read_zones") == {"ok": True, "mode": "include", "zones": zones}
    assert ask(radar, "read_mac")["bluetooth"] is False
    ask(radar, "factory_reset")
    assert ask(radar, "read_tracking")["tracking"] == "multi"
    assert ask(radar, "read_zones")["mode"] == "off"


def test_commands_are_understood_in_pieces_and_after_noise() -> None:
    radar = Ld2450Emulator(1)
    sent = b"\xfd\xfd\xfc" + encode_command(ld2450, "enable_config", {}) + encode_command(ld2450, "read_mac", {})
    assert b"".join(radar.receive(sent[at : at + 1]) for at in range(len(sent))) == Ld2450Emulator(1).receive(sent)
