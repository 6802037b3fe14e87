"""Emulated ports report as their kind does, answer, and can be brought into a state beforehand."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import serial

from firmware_bridge.drivers import DRIVERS
from firmware_bridge.emulators import EMULATORS
from firmware_bridge.emulators.ld2410 import Ld2410Emulator
from firmware_bridge.emulators.play import EmulatedPort, play, set_up
from firmware_bridge.emulators.target import Target
from firmware_bridge.emulators.terminal import Terminal
from firmware_bridge.resync import Decoded

LD2410 = DRIVERS["ld2410"]


@pytest.fixture
def ports(tmp_path: Path) -> Iterator[list[EmulatedPort]]:
    """Two radars, the second with somebody before it."""
    kind = EMULATORS["ld2410"]
    made = [EmulatedPort(Terminal(tmp_path / f"radar-{n}"), kind.make(n), kind.interval_ms) for n in range(2)]
    stop = threading.Event()
    people = (Target(), Target("moving", 1.0, 80))
    playing = threading.Thread(target=play, args=(made, lambda number, _: people[number], stop))
    playing.start()
    yield made
    stop.set()
    playing.join()
    for port in made:
        port.terminal.close()


def test_each_port_says_who_is_before_it(ports: list[EmulatedPort]) -> None:
    for port, presence in zip(ports, (0.0, 1.0), strict=True):
        with serial.Serial(port.terminal.name, 256_000, timeout=10) as line:
            decoded = LD2410.driver({}).feed(line.read(80))
        readings = [result.values["presence"] for result in decoded if isinstance(result, Decoded)]
        assert readings
        assert set(readings) == {presence}


def test_a_device_is_set_up_as_a_bridge_would() -> None:
    radar = Ld2410Emulator(seed=1)
    set_up(radar, LD2410, {"engineering": True})
    assert radar.engineering
    assert radar.report(100)
