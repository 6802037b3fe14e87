"""The device's side of each driver, for tests, the demonstration and people without hardware.

An emulator is one module of this folder, named as its driver is, and one line in the list below.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

from firmware_bridge.emulators import (
    a02yyuw,
    c4001,
    ld2402,
    ld2410,
    ld2410s,
    ld2412,
    ld2420,
    ld2450,
    modbus,
    mr24hpc1,
    mr60bha,
    mysensors,
    ndjson,
    sen0395,
    tfmini,
)
from firmware_bridge.emulators.a02yyuw import A02yyuwEmulator
from firmware_bridge.emulators.c4001 import C4001Emulator
from firmware_bridge.emulators.ld2402 import Ld2402Emulator
from firmware_bridge.emulators.ld2410 import Ld2410Emulator
from firmware_bridge.emulators.ld2410s import Ld2410sEmulator
from firmware_bridge.emulators.ld2412 import Ld2412Emulator
from firmware_bridge.emulators.ld2420 import Ld2420Emulator
from firmware_bridge.emulators.ld2450 import Ld2450Emulator
from firmware_bridge.emulators.modbus import ModbusEmulator
from firmware_bridge.emulators.mr24hpc1 import Mr24hpc1Emulator
from firmware_bridge.emulators.mr60bha import Mr60bhaEmulator
from firmware_bridge.emulators.mysensors import MySensorsEmulator
from firmware_bridge.emulators.ndjson import NdjsonEmulator
from firmware_bridge.emulators.sen0395 import Sen0395Emulator
from firmware_bridge.emulators.target import Target
from firmware_bridge.emulators.tfmini import TfminiEmulator


class Emulator(Protocol):
    """One device. `target`: who is before it; whoever plays the room sets it."""

    target: Target

    def report(self, at_ms: int) -> bytes:
        """What the device says by itself at `at_ms`, of any clock that goes on; nothing while it is quiet."""

    def receive(self, data: bytes) -> bytes:
        """What it answers at once to these bytes of its host; requests may come in pieces."""


class Kind(NamedTuple):
    """`make`: seed -> a device, in the state in which it is delivered; the seed decides noise and serial numbers.

    `interval_ms`: how often it is to be asked for a report.
    """

    make: Callable[[int], Emulator]
    interval_ms: int


EMULATORS: dict[str, Kind] = {
    "ld2410": Kind(Ld2410Emulator, ld2410.INTERVAL_MS),
    "ld2410s": Kind(Ld2410sEmulator, ld2410s.INTERVAL_MS),
    "ld2412": Kind(Ld2412Emulator, ld2412.INTERVAL_MS),
    "ld2420": Kind(Ld2420Emulator, ld2420.INTERVAL_MS),
    "ld2402": Kind(Ld2402Emulator, ld2402.INTERVAL_MS),
    "ld2450": Kind(Ld2450Emulator, ld2450.INTERVAL_MS),
    "sen0395": Kind(Sen0395Emulator, sen0395.INTERVAL_MS),
    "c4001": Kind(C4001Emulator, c4001.INTERVAL_MS),
    "mr24hpc1": Kind(Mr24hpc1Emulator, mr24hpc1.INTERVAL_MS),
    "mr60bha": Kind(Mr60bhaEmulator, mr60bha.INTERVAL_MS),
    "tfmini": Kind(TfminiEmulator, tfmini.INTERVAL_MS),
    "a02yyuw": Kind(A02yyuwEmulator, a02yyuw.INTERVAL_MS),
    "modbus": Kind(ModbusEmulator, modbus.INTERVAL_MS),
    "ndjson": Kind(NdjsonEmulator, ndjson.INTERVAL_MS),
    "mysensors": Kind(MySensorsEmulator, mysensors.INTERVAL_MS),
}
