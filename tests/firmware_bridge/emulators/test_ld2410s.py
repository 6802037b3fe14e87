"""The emulated LD2410S behaves as the sheet says: what the driver asks of it, it answers in the driver's words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from firmware_bridge.commands import decode_reply, encode_command
from firmware_bridge.drivers import ld2410s
from firmware_bridge.emulators.ld2410s import Ld2410sEmulator
from firmware_bridge.emulators.target import Target
from firmware_bridge.resync import Damage, Decoded

COMMANDS = json.loads((Path(__file__).parents[2] / "vectors" / "serial" / "ld2410s_commands.json").read_text())
PARAMETERS = {
    "max_gate": 16,
    "min_gate": 0,
    "timeout": 10,
    "status_frequency": 8,
    "distance_frequency": 8,
    "response_speed": 5,
}


def ask(radar: Ld2410sEmulator, command: str, **args: Any) -> dict[str, Any]:
    return decode_reply(ld2410s, command, args, radar.receive(encode_command(ld2410s, command, args)))


def in_session() -> Ld2410sEmulator:
    radar = Ld2410sEmulator(1)
    assert ask(radar, "enable_config")["ok"]
    return radar


@pytest.mark.parametrize("vector", COMMANDS, ids=lambda vector: vector["id"])
def test_every_command_is_answered_with_the_keys_of_the_real_device(vector: dict[str, Any]) -> None:
    answer = ask(in_session(), vector["command"], **vector["args"])
    assert answer.keys() == vector["expect"].keys()
    assert answer["ok"]


@pytest.mark.parametrize("standard", [False, True])
@pytest.mark.parametrize("target", [Target(), Target("moving", 2.0, 70), Target("still", 0.9, 60)])
def test_its_reports_are_read_by_the_driver(standard: bool, target: Target) -> None:
    radar, decoder = in_session(), ld2410s.driver({})
    ask(radar, "set_output", standard=standard)
    ask(radar, "end_config")
    radar.target = target
    for at in range(0, 3_000, 125):
        (read,) = decoder.feed(radar.report(at))
        assert isinstance(read, Decoded)
        assert read.values["presence"] == (target.state != "nobody")
        assert abs(read.values["distance"] - target.distance_m) <= 0.06
        assert ("strength_g0" in read.values) is standard


def test_stray_bytes_stand_before_minimal_frames_and_harm_nothing() -> None:
    radar = Ld2410sEmulator(1)
    reports = [radar.report(at) for at in range(0, 5_000, 125)]
    assert {len(report) for report in reports} == {5, 6}
    results = ld2410s.driver({}).feed(b"".join(reports))
    assert len(results) == 40
    assert not any(isinstance(result, Damage) for result in results)


def test_it_speaks_at_the_rate_to_which_it_is_set_only() -> None:
    radar = in_session()
    ask(radar, "set_parameters", **PARAMETERS | {"status_frequency": 0.5})
    ask(radar, "end_config")
    assert [at for at in range(0, 6_000, 125) if radar.report(at)] == [0, 2_000, 4_000]


def test_who_asks_a_little_late_misses_no_report() -> None:
    radar = Ld2410sEmulator(1)
    assert all(radar.report(at + at % 7) for at in range(0, 5_000, 125))


def test_while_it_calibrates_itself_it_tells_how_far_it_is_and_no_reading() -> None:
    radar, decoder = in_session(), ld2410s.driver({})
    ask(radar, "calibrate", trigger_factor=4, hold_factor=2, seconds=3)
    ask(radar, "end_config")
    progress = [radar.report(at) for at in range(0, 3_001, 125)]
    assert [int.from_bytes(frame[7:9], "little") for frame in progress] == [
        100 * at // 3_000 for at in range(0, 3_001, 125)
    ]
    assert decoder.feed(b"".join(progress)) == []
    assert len(decoder.feed(radar.report(3_250))) == 1
    ask(radar, "enable_config")
    assert ask(radar, "read_trigger_thresholds")["threshold"] == [31] * 16
    assert ask(radar, "read_hold_thresholds")["threshold"] == [28] * 16


def test_no_reports_come_while_a_session_is_open() -> None:
    radar = Ld2410sEmulator(1)
    assert radar.report(0)
    ask(radar, "enable_config")
    assert radar.report(125) == b""
    ask(radar, "end_config")
    assert radar.report(250)


def test_outside_a_session_and_for_unknown_numbers_commands_are_refused() -> None:
    assert ask(Ld2410sEmulator(1), "read_parameters") == {"ok": False}
    radar = in_session()
    unknown = bytes.fromhex("fdfcfbfa04007100990004030201")
    assert radar.receive(unknown) == bytes.fromhex("fdfcfbfa04007101010004030201")


def test_what_is_out_of_range_is_cut_to_eight_bits() -> None:
    radar = in_session()
    radar.receive(bytes.fromhex("fdfcfbfa08007000 0600 2c010000 04030201"))
    assert ask(radar, "read_parameters")["timeout"] == 300 - 256


def test_equal_seeds_give_equal_reports() -> None:
    assert [Ld2410sEmulator(7).report(0)] * 2 == [Ld2410sEmulator(7).report(0) for _ in range(2)]
