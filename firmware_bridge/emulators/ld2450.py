"""An LD2450 as its host sees it: ten reports a second of where people are, and the answers to commands.

Frames and commands: `firmware_bridge.drivers.ld2450`. Zones are kept, but nobody is left out for them; who sits still
does not fade out as before the real device. A restart takes two seconds.
"""

from __future__ import annotations

import random
import struct
from dataclasses import dataclass
from typing import Final

from firmware_bridge import hilink
from firmware_bridge.drivers import ld2450
from firmware_bridge.emulators.hilink import HostSession
from firmware_bridge.emulators.target import Target

INTERVAL_MS: Final = 100
_RESTART_MS = 2_000
_RESOLUTION_MM = 360
_GREETING = struct.pack("<HH", 1, 64)
_FIRMWARE = struct.pack("<HBBI", 0, 0x04, 0x02, 0x23090617)
_SINGLE, _MULTI = 1, 2


@dataclass(slots=True)
class _Settings:
    """What the device keeps, the zones in the bytes of their command."""

    tracking: int = _MULTI
    zones: bytes = bytes(26)
    bluetooth: bool = True


class Ld2450Emulator:
    """One radar. `target` and `companion` are set by whoever plays the room; `seed` decides noise and MAC.

    The companion is seen while several are tracked, and keeps its slot when the other leaves.
    """

    def __init__(self, seed: int) -> None:
        self.target = Target()
        self.companion = Target()
        self._random = random.Random(seed)  # noqa: S311
        self._mac = self._random.randbytes(6)
        self._settings = _Settings()
        self._session = HostSession(_GREETING, self._obey)

    def report(self, at_ms: int) -> bytes:
        """The frame that the radar sends at `at_ms`; to be asked for each 100 ms. Empty while it is quiet."""
        if self._session.quiet(at_ms):
            return b""
        companion = self.companion if self._settings.tracking == _MULTI else Target()
        return ld2450.HEADER + self._slot(self.target) + self._slot(companion) + ld2450.EMPTY + ld2450.TAIL

    def receive(self, data: bytes) -> bytes:
        """What the radar answers to these bytes of its host; commands may come in pieces."""
        return self._session.receive(data)

    def _slot(self, target: Target) -> bytes:
        if target.state == "nobody":
            return ld2450.EMPTY
        x_mm = self._random.randint(-40, 40)
        y_mm = max(0, round(target.distance_m * 1_000) + self._random.randint(-40, 40))
        speed = self._random.choice((-32, -16, 16, 32)) if target.state == "moving" else 0
        return ld2450.SLOT.pack(*(ld2450.as_reported(each) for each in (x_mm, y_mm, speed)), _RESOLUTION_MM)

    def _obey(self, word: int, value: bytes) -> bytes | None:
        """The value of the reply; None to refuse."""
        settings = self._settings
        match word:
            case 0x80 | 0x90:
                settings.tracking = _SINGLE if word == 0x80 else _MULTI
            case 0x91:
                return hilink.le16(settings.tracking)
            case 0xC1:
                return settings.zones
            case 0xC2 if len(value) == len(settings.zones):
                settings.zones = value
            case 0xA0:
                return _FIRMWARE
            case 0xA1:
                pass
            case 0xA2:
                self._settings = _Settings()
            case 0xA3:
                self._session.restart(_RESTART_MS)
            case 0xA4:
                settings.bluetooth = value == b"\x01\x00"
            case 0xA5:
                return self._mac if settings.bluetooth else hilink.NO_MAC
            case _:
                return None
        return b""
