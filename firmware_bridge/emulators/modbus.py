"""A line of RS-485 as its host sees it: three units that answer when they are asked, and are quiet otherwise.

    unit 1   an LD2410 behind a Modbus slave: input registers 0 to 6, holding registers 100 to 105
    unit 12  a SEN0358 (URM14): input registers 5 distance in 0.1 mm, 6 temperature in 0.1 °C; holding 8 control
    unit 80  a SEN0492 laser: holding register 52, distance in mm

Frames: `firmware_bridge.modbus_rtu`. A request with a wrong checksum or to another unit is not answered.
Source: DFRobot SEN0492 and SEN0358 wikis; goosecrew/ld2410-modbus-slave@9a83e8b.
"""

from __future__ import annotations

import random
from typing import Any

from firmware_bridge.emulators.target import Target
from firmware_bridge.modbus_rtu import READ_INPUT, READING, REFUSED, REQUEST_LENGTH, WRITE_REGISTER, sealed

INTERVAL_MS = 500
RADAR, SONAR, LASER = 1, 12, 80
# How the driver is configured for all three of them.
CONFIG: dict[str, Any] = {
    "units": {
        "radar": {
            "unit": RADAR,
            "function": 4,
            "address": 0,
            "count": 7,
            "map": {
                "presence": {"register": 0},
                "still": {"register": 1},
                "moving": {"register": 2},
                "still_distance": {"register": 3, "scale": 0.01},
                "still_energy": {"register": 4},
                "moving_distance": {"register": 5, "scale": 0.01},
                "moving_energy": {"register": 6},
            },
        },
        "sonar": {
            "unit": SONAR,
            "function": 4,
            "address": 5,
            "count": 2,
            "map": {
                "distance": {"register": 5, "scale": 0.0001, "absent": 0xFFFF},
                "temperature": {"register": 6, "scale": 0.1, "signed": True},
            },
        },
        "laser": {
            "unit": LASER,
            "function": 3,
            "address": 52,
            "count": 1,
            "map": {"distance": {"register": 52, "scale": 0.001}},
        },
    }
}
_ILLEGAL_FUNCTION, _ILLEGAL_ADDRESS, _ILLEGAL_VALUE = 1, 2, 3
_NOTHING = 0xFFFF
_WALL_MM = 4_000  # what the laser sees when nobody is there


class ModbusEmulator:
    """One line. `target` is set by whoever plays the room; `seed` decides noise."""

    def __init__(self, seed: int) -> None:
        self.target = Target()
        self._random = random.Random(seed)  # noqa: S311
        self._holding = {
            RADAR: {100: 1, 101: 2, 102: 96, 103: 8, 104: 8, 105: 5},
            SONAR: {8: 0},
            LASER: {52: 0},
        }
        self._unread = b""

    def report(self, at_ms: int) -> bytes:
        """Nothing: units speak when they are asked."""
        return b""

    def receive(self, data: bytes) -> bytes:
        """What the unit that was asked answers at once; requests may come in pieces."""
        buffer, at, answers = self._unread + data, 0, b""
        while at + REQUEST_LENGTH <= len(buffer):
            request = buffer[at : at + REQUEST_LENGTH]
            if sealed(request[:-2]) != request:
                at += 1
                continue
            answers += self._answer(request)
            at += REQUEST_LENGTH
        self._unread = buffer[at:]
        return answers

    def _answer(self, request: bytes) -> bytes:
        unit, function = request[:2]
        address, number = int.from_bytes(request[2:4], "big"), int.from_bytes(request[4:6], "big")
        if unit not in self._holding:
            return b""
        refusal = _ILLEGAL_FUNCTION
        if function in READING:
            registers = self._inputs(unit) if function == READ_INPUT else self._held(unit)
            wanted = range(address, address + number)
            if wanted and all(register in registers for register in wanted):
                data = b"".join(registers[register].to_bytes(2, "big") for register in wanted)
                return sealed(bytes((unit, function, len(data))) + data)
            refusal = _ILLEGAL_ADDRESS if wanted else _ILLEGAL_VALUE
        elif function == WRITE_REGISTER:
            if address in self._holding[unit]:
                self._holding[unit][address] = number
                return request
            refusal = _ILLEGAL_ADDRESS
        return sealed(bytes((unit, function | REFUSED, refusal)))

    def _inputs(self, unit: int) -> dict[int, int]:
        target, there = self.target, self.target.state != "nobody"
        if unit == RADAR:
            moving = target.state == "moving"
            cm, energy = self._noisy(target.distance_m * 100, 3), target.energy
            return dict(
                enumerate((there, there and not moving, moving, cm, energy * (not moving), cm, energy * moving))
            )
        if unit == SONAR:
            tenths_mm = self._noisy(target.distance_m * 10_000, 30) if there else _NOTHING
            return {5: tenths_mm, 6: 265}
        return {}

    def _held(self, unit: int) -> dict[int, int]:
        if unit == LASER:
            there = self.target.state != "nobody"
            return {52: self._noisy(self.target.distance_m * 1_000 if there else _WALL_MM, 3)}
        return self._holding[unit]

    def _noisy(self, number: float, spread: int) -> int:
        return max(0, round(number) + self._random.randint(-spread, spread))
