"""An LD2412 as its host sees it: ten reports a second of whoever is before it, and the answers to commands.

Frames and commands: `firmware_bridge.drivers.ld2412`. Engineering mode is lost by a restart; a new resolution acts
after one.
"""

from __future__ import annotations

import random
import struct
from dataclasses import dataclass

from firmware_bridge import hilink
from firmware_bridge.drivers import ld2412
from firmware_bridge.emulators.hilink import HostSession
from firmware_bridge.emulators.target import Target, share_in_gate
from firmware_bridge.hilink import REPORT_HEADER, REPORT_TAIL

INTERVAL_MS = 100
_RESTART_MS = 1_000
_CALIBRATION_MS = 120_000
_GATES_M = {0: 0.75, 1: 0.5, 3: 0.2}
_NOISE = 12  # per cent of energy in an empty gate, at most
_FIRMWARE = struct.pack("<HBBI", 0x2412, 0x14, 0x01, 0x24031316)
_GREETING = struct.pack("<HH", 1, 64)
_SENSITIVITY = bytes((50, 50, 40, 30, 20, *(15,) * 9))


@dataclass(slots=True)
class _Settings:
    """What the device keeps, in the bytes of its commands."""

    parameters: bytes = bytes((1, 14, 5, 0, 0))  # min gate, max gate, timeout LE16 in s, OUT level
    moving_sensitivity: bytes = _SENSITIVITY
    still_sensitivity: bytes = _SENSITIVITY
    resolution: bytes = bytes(6)
    light_control: bytes = b"\0\x80"
    bluetooth: bool = True


class Ld2412Emulator:
    """One radar. `target` is set by whoever plays the room; `seed` decides noise and MAC."""

    def __init__(self, seed: int) -> None:
        self.target = Target()
        self.engineering = False
        self._random = random.Random(seed)  # noqa: S311
        self._mac = self._random.randbytes(6)
        self._settings = _Settings()
        self._gate_m = _GATES_M[0]
        self._session = HostSession(_GREETING, self._obey)
        self._last_distance_m = 0.0
        self._calibrating = False
        self._calibrated_at_ms: int | None = None

    def report(self, at_ms: int) -> bytes:
        """The frame that the radar sends at `at_ms`; to be asked for each 100 ms. Empty while it is quiet."""
        self._calibrate(at_ms)
        if self._session.quiet(at_ms):
            return b""
        kind = ld2412.ENGINEERING if self.engineering else ld2412.BASIC
        body = bytes((kind, 0xAA)) + self._target_bytes()
        if self.engineering:
            body += bytes((13, 13)) + self._gate_energies("moving") + self._gate_energies("still")
            body += bytes((self._random.randint(60, 70),))
        body += b"\x55\x00"
        return REPORT_HEADER + hilink.le16(len(body)) + body + REPORT_TAIL

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
        # A body that moves is seen by the slower detector too.
        state = {"nobody": 0, "moving": 3, "still": 2}[target.state]
        return struct.pack("<BHBHB", state, cm, self._noisy(moving), cm, self._noisy(still))

    def _gate_energies(self, detector: str) -> bytes:
        seen = self.target.state in ("moving", detector)
        reflected = self.target.energy if seen else 0
        shares = (share_in_gate(self.target, gate, self._gate_m) for gate in range(ld2412.GATES))
        return bytes(self._noisy(round(reflected * share)) for share in shares)

    def _noisy(self, energy: int) -> int:
        return min(100, max(0, energy + self._random.randint(0, _NOISE)))

    def _calibrate(self, at_ms: int) -> None:
        if self._calibrating and self._calibrated_at_ms is None:
            self._calibrated_at_ms = at_ms + _CALIBRATION_MS
        if self._calibrated_at_ms is not None and at_ms >= self._calibrated_at_ms:
            self._calibrating, self._calibrated_at_ms = False, None

    def _obey(self, word: int, value: bytes) -> bytes | None:
        """The value of the reply; None to refuse."""
        settings = self._settings
        match word:
            case 0x02 if len(value) == 5:
                settings.parameters = value
            case 0x12:
                return settings.parameters
            case 0x03 if len(value) == ld2412.GATES:
                settings.moving_sensitivity = value
            case 0x13:
                return settings.moving_sensitivity
            case 0x04 if len(value) == ld2412.GATES:
                settings.still_sensitivity = value
            case 0x14:
                return settings.still_sensitivity
            case 0x01 if len(value) == 6 and value[0] in _GATES_M:
                settings.resolution = value
            case 0x11:
                return settings.resolution
            case 0x0C if len(value) == 2:
                settings.light_control = value
            case 0x1C:
                return settings.light_control
            case 0x0B:
                self._calibrating = True
            case 0x1B:
                return bytes((self._calibrating, 0))
            case 0x62 | 0x63:
                self.engineering = word == 0x62
            case _:
                return self._obey_as_all(word, value)
        return b""

    def _obey_as_all(self, word: int, value: bytes) -> bytes | None:
        """The commands that LD2410 and others have too."""
        match word:
            case 0xA0:
                return _FIRMWARE
            case 0xA1:
                pass
            case 0xA2:
                self._settings = _Settings()
            case 0xA3:
                self.engineering = False
                self._gate_m = _GATES_M[self._settings.resolution[0]]
                self._session.restart(_RESTART_MS)
            case 0xA4:
                self._settings.bluetooth = value == b"\x01\x00"
            case 0xA5:
                return self._mac if self._settings.bluetooth else hilink.NO_MAC
            case _:
                return None
        return b""
