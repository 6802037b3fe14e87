"""The emulated SEN0395 behaves as the sheet says: what the driver asks of it, it answers in the driver's words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from firmware_bridge.commands import decode_reply, encode_command
from firmware_bridge.drivers import sen0395
from firmware_bridge.emulators.sen0395 import Sen0395Emulator
from firmware_bridge.emulators.target import Target
from firmware_bridge.resync import Decoded

COMMANDS = json.loads((Path(__file__).parents[2] / "vectors" / "serial" / "sen0395_commands.json").read_text())


def ask(radar: Sen0395Emulator, command: str, **args: Any) -> dict[str, Any]:
    return decode_reply(sen0395, command, args, radar.receive(encode_command(sen0395, command, args)))


def stopped() -> Sen0395Emulator:
    radar = Sen0395Emulator(1)
    assert ask(radar, "stop")["ok"]
    return radar


@pytest.mark.parametrize("vector", COMMANDS, ids=lambda vector: vector["id"])
def test_every_command_is_answered_with_the_keys_of_the_real_device(vector: dict[str, Any]) -> None:
    answer = ask(stopped(), vector["command"], **vector["args"])
    assert answer.keys() == vector["expect"].keys()
    assert answer["ok"] is vector["expect"]["ok"]


@pytest.mark.parametrize(
    ("target", "presence"),
    [(Target(), 0), (Target("moving", 2, 70), 1), (Target("still", 0.9, 60), 1), (Target("still", 8, 60), 0)],
)
def test_its_reports_are_read_by_the_driver(target: Target, presence: int) -> None:
    radar, decoder = Sen0395Emulator(1), sen0395.driver({})
    radar.target = target
    for at in range(0, 5_000, 1_000):
        assert decoder.feed(radar.report(at)) == [Decoded({"presence": presence})]


def test_while_it_runs_it_takes_no_settings_and_while_it_is_stopped_it_says_nothing() -> None:
    radar = Sen0395Emulator(1)
    assert ask(radar, "set_sensitivity", level=3) == {"ok": False}
    assert ask(radar, "save") == {"ok": False}
    assert radar.report(0)
    assert ask(radar, "stop")["ok"]
    assert ask(radar, "stop")["ok"]
    assert radar.report(1_000) == b""
    assert ask(radar, "start")["ok"]
    assert radar.report(2_000)


def test_it_does_not_start_over_settings_that_are_not_saved() -> None:
    radar = stopped()
    ask(radar, "set_sensitivity", level=3)
    assert not ask(radar, "start")["ok"]
    assert ask(radar, "save")["ok"]
    assert ask(radar, "start")["ok"]
    assert radar.console.saves == 1


def test_what_was_set_and_saved_stays_and_the_rest_is_lost_at_a_restart() -> None:
    radar = stopped()
    ask(radar, "set_range", min=0.6, max=3)
    ask(radar, "save")
    ask(radar, "set_range", min=0, max=9)
    radar.receive(encode_command(sen0395, "restart", {}))
    assert [bool(radar.report(at)) for at in (0, 500, 1_000)] == [False, False, True]
    assert ask(radar, "read_range") == {"ok": True, "min": 0.6, "max": 3.0}
    ask(radar, "stop")
    assert ask(radar, "factory_reset")["ok"]
    assert ask(radar, "read_range")["max"] == 6.0


def test_without_output_it_says_nothing() -> None:
    radar = stopped()
    for command, args in [("set_uart_output", {"on": False}), ("save", {}), ("start", {})]:
        assert ask(radar, command, **args)["ok"]
    assert radar.report(0) == b""


def test_what_it_does_not_know_is_refused() -> None:
    radar = stopped()
    for line in ("fly", "setRange 1", "setRange a b", "getFoo", "detRangeCfg 0 1"):
        assert ask(radar, "raw", line=line) == {"ok": False}


def test_commands_are_understood_in_pieces() -> None:
    sent = encode_command(sen0395, "stop", {}) + encode_command(sen0395, "read_range", {})
    radar = Sen0395Emulator(1)
    assert b"".join(radar.receive(sent[at : at + 1]) for at in range(len(sent))) == Sen0395Emulator(1).receive(sent)
