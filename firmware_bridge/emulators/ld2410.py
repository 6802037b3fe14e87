"""An LD2410 as its host sees it: ten reports a second of whoever is before it, and the answers to commands.

Frames and commands: `firmware_bridge.drivers.ld2410`. Quiet while a session is open and for a second after a restart,
by which engineering mode is lost. Distances and energies go on moving when nobody is there, as on the real device.
"""

from __future__ import annotations

import random
import struct
from dataclasses import dataclass
from typing import Literal

from firmware_bridge import hilink
from firmware_bridge.drivers import ld2410
from firmware_bridge.emulators.hilink import HostSession
from firmware_bridge.emulators.target import Target, share_in_gate

INTERVAL_MS = 100
_RESTART_MS = 1_000
_GATE_M = 0.75
_GATES = range(9)
_NOISE = 12  # per cent of energy in an empty gate, at most
_FIRMWARE = struct.pack("<HBBI", 0x0100, 0x04, 0x02, 0x23022511)
_GREETING = struct.pack("<HH", 1, 64)


@dataclass(slots=True)
class _Settings:
    """What the device keeps, in the bytes of its commands."""

    gates: tuple[int, int, int] = (8, 8, 5)  # max moving, max still, timeout in s
    moving_sensitivity: bytes = bytes((50, 50, 40, 30, 20, 15, 15, 15, 15))
    still_sensitivity: bytes = bytes((0, 0, 40, 40, 30, 30, 20, 20, 20))
    bluetooth: bool = True
    resolution: bytes = b"\0\0"
    light_control: bytes = b"\0\x80\0\0"


class Ld2410Emulator:
    """One radar. `target` is set by whoever plays the room; `seed` decides noise and MAC."""

    def __init__(self, seed: int) -> None:
        self.target = Target()
        self.engineering = False
        self._random = random.Random(seed)  # noqa: S311
        self._mac = self._random.randbytes(6)
        self._settings = _Settings()
        self._session = HostSession(_GREETING, self._obey)
        self._last_distance_m = 0.0

    def report(self, at_ms: int) -> bytes:
        """The frame that the radar sends at `at_ms`; to be asked for each 100 ms. Empty while it is quiet."""
        if self._session.quiet(at_ms):
            return b""
        body = self._target_bytes()
        if self.engineering:
            body += bytes((8, 8)) + self._gate_energies("moving") + self._gate_energies("still")
            body += bytes((self._random.randint(60, 70), self.target.state != "nobody"))
        kind = ld2410.ENGINEERING if self.engineering else ld2410.BASIC
        length = len(body) + 4
        return ld2410.REPORT_HEADER + struct.pack("<HBB", length, kind, 0xAA) + body + ld2410.REPORT_TAIL

    def receive(self, data: bytes) -> bytes:
        """What the radar answers to these bytes of its host; commands may come in pieces."""
        return self._session.receive(data)

    def _target_bytes(self) -> bytes:
        target = self.target
        if target.state != "nobody":
            self._last_distance_m = max(0.0, target.distance_m + self._random.uniform(-0.05, 0.05))
        cm = round(self._last_distance_m * 100)
        moving = target.energy if target.state == "moving" else 0
        still = 0 if target.state == "nobody" else target.energy
        # A body that moves is seen by the slower detector too, one that sits still twitches now and then.
        state = {"nobody": 0, "moving": 3, "still": 3 if self._random.random() < 0.1 else 2}[target.state]
        return struct.pack("<BHBHBH", state, cm, self._noisy(moving), cm, self._noisy(still), cm if state else 0)

    def _gate_energies(self, detector: Literal["moving", "still"]) -> bytes:
        energies = []
        for gate in _GATES:
            seen = self.target.state in ("moving", detector)
            share = share_in_gate(self.target, gate, _GATE_M) if seen else 0
            energies.append(self._noisy(round(self.target.energy * share)))
        return bytes(energies)

    def _noisy(self, energy: int) -> int:
        return min(100, max(0, energy + self._random.randint(0, _NOISE)))

    def _obey(self, word: int, value: bytes) -> bytes | None:
        """The value of the reply; None to refuse."""
        settings = self._settings
        match word:
            case 0x60 if len(value) == 18:
                moving, still, timeout = _numbers(value)
                settings.gates = min(moving, 8), min(still, 8), min(timeout, 0xFFFF)
            case 0x61:
                moving, still, timeout = settings.gates
                sensitivities = settings.moving_sensitivity + settings.still_sensitivity
                return bytes((0xAA, 8, moving, still)) + sensitivities + timeout.to_bytes(2, "little")
            case 0x62 | 0x63:
                self.engineering = word == 0x62
            case 0x64 if len(value) == 18:
                self._set_sensitivity(*_numbers(value))
            case 0xA0:
                return _FIRMWARE
            case 0xA1 | 0xA9 | 0x0B:
                pass
            case 0xA2:
                self._settings = _Settings()
            case 0xA3:
                self.engineering = False
                self._session.restart(_RESTART_MS)
            case 0xA4:
                settings.bluetooth = value == b"\x01\x00"
            case 0xA5:
                return self._mac if settings.bluetooth else hilink.NO_MAC
            case 0xAA if len(value) == 2:
                settings.resolution = value
            case 0xAB:
                return settings.resolution
            case 0xAD if len(value) == 4:
                settings.light_control = value
            case 0xAE:
                return settings.light_control
            case 0x1B:
                return b"\x00\x00"
            case _:
                return None
        return b""

    def _set_sensitivity(self, gate: int, moving: int, still: int) -> None:
        settings = self._settings
        for each in _GATES if gate == ld2410.ALL_GATES else [gate]:
            if each in _GATES:
                settings.moving_sensitivity = _replaced(settings.moving_sensitivity, each, moving)
                settings.still_sensitivity = _replaced(settings.still_sensitivity, each, still)


def _numbers(value: bytes) -> tuple[int, int, int]:
    """The three LE32 of `index LE16, value LE32` each."""
    _, first, _, second, _, third = struct.unpack("<HIHIHI", value)
    return first, second, third


def _replaced(levels: bytes, gate: int, level: int) -> bytes:
    return levels[:gate] + bytes((min(level, 100),)) + levels[gate + 1 :]
