"""The emulated LD2402 behaves as the sheet says: what the driver asks of it, it answers in the driver's words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from firmware_bridge import hilink
from firmware_bridge.commands import decode_reply, encode_command
from firmware_bridge.drivers import ld2402
from firmware_bridge.emulators.ld2402 import INTERVAL_MS, Ld2402Emulator
from firmware_bridge.emulators.target import Target
from firmware_bridge.resync import Decoded

COMMANDS = json.loads((Path(__file__).parents[2] / "vectors" / "serial" / "ld2402_commands.json").read_text())


def ask(radar: Ld2402Emulator, command: str, **args: Any) -> dict[str, Any]:
    return decode_reply(ld2402, command, args, radar.receive(encode_command(ld2402, command, args)))


def in_session() -> Ld2402Emulator:
    radar = Ld2402Emulator(1)
    assert ask(radar, "enable_config") == {"ok": True, "protocol": 2, "buffer": 32}
    return radar


@pytest.mark.parametrize("vector", COMMANDS, ids=lambda vector: vector["id"])
def test_every_command_is_answered_with_the_keys_of_the_real_device(vector: dict[str, Any]) -> None:
    answer = ask(in_session(), vector["command"], **vector["args"])
    assert answer.keys() == vector["expect"].keys()
    assert answer["ok"]


@pytest.mark.parametrize("mode", ["text", "engineering"])
@pytest.mark.parametrize(
    ("target", "state"),
    [(Target(), (0, 0, 0)), (Target("moving", 2.0, 70), (1, 1, 0)), (Target("still", 0.9, 60), (1, 0, 1))],
)
def test_its_reports_are_read_by_the_driver(mode: str, target: Target, state: tuple[int, int, int]) -> None:
    radar, decoder = Ld2402Emulator(1), ld2402.driver({})
    radar.mode, radar.target = mode, target
    for at in range(0, 20 * INTERVAL_MS, INTERVAL_MS):
        (read,) = decoder.feed(radar.report(at))
        assert isinstance(read, Decoded)
        assert read.values["presence"] == state[0]
        if target.state != "nobody":
            assert abs(read.values["distance"] - target.distance_m) <= 0.06
        if mode == "engineering":
            assert (read.values["moving"], read.values["still"]) == state[1:]


def test_a_mode_acts_when_the_session_ends_and_is_lost_with_the_power() -> None:
    radar = in_session()
    ask(radar, "set_mode", mode="engineering")
    assert (radar.mode, radar.report(0)) == ("text", b"")
    ask(radar, "end_config")
    assert radar.report(165).startswith(hilink.REPORT_HEADER)
    radar.cut_power()
    assert radar.report(330) == b"OFF\r\n"


def test_a_mode_of_four_bytes_or_none_is_refused() -> None:
    radar = in_session()
    for value in (b"\x04\x00\x00\x00", b"", b"\x00\x00\x05\x00\x00\x00"):
        assert radar.receive(hilink.frame(0x12, value)) == hilink.reply_frame(0x12, ok=False)


def test_parameters_that_were_not_saved_are_lost_with_the_power() -> None:
    radar = in_session()
    ask(radar, "set_parameter", id=1, value=50)
    ask(radar, "save")
    ask(radar, "set_parameter", id=4, value=99)
    assert ask(radar, "read_parameter", id=4)["value"] == 99
    radar.cut_power()
    ask(radar, "enable_config")
    assert ask(radar, "read_parameter", id=1)["value"] == 50
    assert ask(radar, "read_parameter", id=4)["value"] == 5


def test_automatic_thresholds_take_a_while_and_the_end_of_automatic_gain_is_announced() -> None:
    radar = in_session()
    assert ask(radar, "auto_threshold", move=3, hold=3, still=3) == {"ok": True}
    assert ask(radar, "read_auto_threshold") == {"ok": True, "percent": 0}
    for at in range(0, 60 * INTERVAL_MS, INTERVAL_MS):
        assert radar.report(at) == b""
    assert ask(radar, "read_auto_threshold") == {"ok": True, "percent": 100}
    assert ask(radar, "auto_gain") == {"ok": True}
    assert [radar.report(at) for at in (20_000, 20_165)] == [hilink.frame(0xF0), b""]


def test_it_tells_its_serial_number_and_equal_seeds_give_equal_devices() -> None:
    one, other = in_session(), in_session()
    number = ask(one, "read_serial_number")["serial"]
    assert number.isdigit()
    assert ask(other, "read_serial_number")["serial"] == number
    assert [Ld2402Emulator(7).report(0)] == [Ld2402Emulator(7).report(0)]


def test_outside_a_session_commands_are_refused() -> None:
    assert ask(Ld2402Emulator(1), "read_firmware") == {"ok": False}


def test_commands_are_understood_in_pieces_and_after_noise() -> None:
    sent = b"\xfd\xfd\xfc" + encode_command(ld2402, "enable_config", {}) + encode_command(ld2402, "read_firmware", {})
    radar = Ld2402Emulator(1)
    assert b"".join(radar.receive(sent[at : at + 1]) for at in range(len(sent))) == Ld2402Emulator(1).receive(sent)
