"""Every driver against its vectors: whole, byte by byte, in every split, in the given chunks, after noise."""

from __future__ import annotations

import json
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from firmware_bridge.commands import decode_reply, encode_command
from firmware_bridge.drivers import DRIVERS, driver_named
from firmware_bridge.resync import Answer, Damage, Decoded, Gap
from presence.quantities import TRUTHS
from presence.site_inactive import ACTING_DRIVERS

SERIAL = Path(__file__).parents[2] / "vectors" / "serial"


def vectors(kind: str) -> list[dict[str, Any]]:
    files = [SERIAL / f"{name}{kind}.json" for name in DRIVERS]
    return [vector for file in files if file.exists() for vector in json.loads(file.read_text())]


FRAMES, COMMANDS = vectors(""), vectors("_commands")

frames = pytest.mark.parametrize("vector", FRAMES, ids=lambda vector: vector["id"])


def decoded(vector: dict[str, Any], *chunks: bytes) -> list[Decoded | Damage]:
    """Readings and damages; answers are looked at in the tests of commands, and gaps are neither."""
    decoder = driver_named(vector["driver"], "vectors").driver(vector.get("config", {}))
    results = [result for chunk in chunks for result in decoder.feed(chunk)]
    return [result for result in results if not isinstance(result, Answer | Gap)]


def told(results: list[Decoded | Damage]) -> list[dict[str, Any]]:
    """Results as vectors write them, runs of damages being one."""
    lines: list[dict[str, Any]] = []
    for damaged, run in groupby(results, key=lambda result: isinstance(result, Damage)):
        lines += [{"error": True}] if damaged else [_reading(result) for result in run if isinstance(result, Decoded)]
    return lines


def _reading(result: Decoded) -> dict[str, Any]:
    part = {} if result.part is None else {"part": result.part}
    return {"values": {name: bool(v) if name in TRUTHS else v for name, v in result.values.items()}, **part}


def expected(vector: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {**line, "values": {name: pytest.approx(value, abs=1e-6) for name, value in line["values"].items()}}
        if "values" in line
        else line
        for line in vector["expect"]
    ]


@frames
def test_a_stream_gives_its_readings(vector: dict[str, Any]) -> None:
    assert told(decoded(vector, bytes.fromhex(vector["hex"]))) == expected(vector)


@frames
def test_no_split_changes_the_result(vector: dict[str, Any]) -> None:
    stream = bytes.fromhex(vector["hex"])
    whole = decoded(vector, stream)
    assert decoded(vector, *(stream[at : at + 1] for at in range(len(stream)))) == whole
    for at in range(1, len(stream)):
        assert decoded(vector, stream[:at], stream[at:]) == whole


@pytest.mark.parametrize("vector", [v for v in FRAMES if "chunks" in v], ids=lambda vector: vector["id"])
def test_the_given_chunks_give_the_same(vector: dict[str, Any]) -> None:
    rest, chunks = bytes.fromhex(vector["hex"]), []
    for size in vector["chunks"]:
        chunks.append(rest[:size])
        rest = rest[size:]
    assert told(decoded(vector, *chunks, rest)) == expected(vector)


@frames
@pytest.mark.parametrize("noise", [b"\x00" * 300, b"\xf4\xf3\xf2", b"\xfd\xfc\xfb\x00", bytes(range(240))])
def test_noise_before_a_stream_changes_nothing(vector: dict[str, Any], noise: bytes) -> None:
    assert told(decoded(vector, noise, bytes.fromhex(vector["hex"]))) == expected(vector)


@pytest.mark.parametrize("vector", COMMANDS, ids=lambda vector: vector["id"])
def test_a_command_is_written_and_its_reply_read(vector: dict[str, Any]) -> None:
    driver, command, args = driver_named(vector["driver"], "vectors"), vector["command"], vector["args"]
    assert encode_command(driver, command, args).hex() == vector["hex"]
    if vector["reply_hex"] is None:
        assert driver.COMMANDS[command].reply is None
    else:
        assert decode_reply(driver, command, args, bytes.fromhex(vector["reply_hex"])) == vector["expect"]


def test_the_check_of_a_site_file_knows_every_driver() -> None:
    assert sorted(DRIVERS) == sorted(ACTING_DRIVERS)
