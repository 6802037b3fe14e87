"""An LD2410S as its host sees it: up to eight reports a second of whoever is before it, and the answers to commands.

Frames and commands: `firmware_bridge.drivers.ld2410s`. A stray byte stands before many minimal frames, and settings out
of range are cut to 8 bits without a word, as on the real device.
"""

from __future__ import annotations

import math
import random
import struct
from dataclasses import dataclass, field

from firmware_bridge.drivers import ld2410s
from firmware_bridge.emulators.hilink import HostSession
from firmware_bridge.emulators.numbered import told, written
from firmware_bridge.emulators.target import Target, share_in_gate
from firmware_bridge.hilink import REPORT_HEADER, REPORT_TAIL, le16

INTERVAL_MS = 125
_GATE_M = 0.7
_STRONGEST, _NOISE = 100_000, 300
_STRAY_BYTES = b"\x00\x27\x6a"
_GREETING = struct.pack("<HH", 3, 0x80)
_FIRMWARE = struct.pack("<4xHHH", 1, 1, 1)
_STATUS_FREQUENCY = ld2410s.PARAMETERS["status_frequency"]
_MAX_GATE, _NORMAL = 16, 5
_EIGHT_BITS = 0xFF


def _parameters() -> dict[int, int]:
    return dict(zip(ld2410s.PARAMETERS.values(), (_MAX_GATE, 0, 10, 80, 80, _NORMAL), strict=True))


def _thresholds(highest_db: int) -> dict[int, int]:
    return {gate: highest_db - gate for gate in range(ld2410s.GATES)}


@dataclass(slots=True)
class _Settings:
    """What the device keeps, by the numbers of its commands."""

    serial: bytes
    standard: bool = False
    parameters: dict[int, int] = field(default_factory=_parameters)
    trigger_thresholds: dict[int, int] = field(default_factory=lambda: _thresholds(48))
    hold_thresholds: dict[int, int] = field(default_factory=lambda: _thresholds(45))


class Ld2410sEmulator:
    """One radar. `target` is set by whoever plays the room; `seed` decides noise and serial number."""

    def __init__(self, seed: int) -> None:
        self.target = Target()
        self._random = random.Random(seed)  # noqa: S311
        self._settings = _Settings(serial=b"%08d" % self._random.randrange(10**8))
        self._session = HostSession(_GREETING, self._obey)
        self._due_ms: int | None = None
        self._calibration_ms = 0
        self._calibrates_since_ms: int | None = None
        self._last_distance_m = 0.0

    def report(self, at_ms: int) -> bytes:
        """The frame that the radar sends at `at_ms`; to be asked for each 125 ms. Empty while it is quiet, or when the
        next report is not due at the rate to which it is set."""
        due_ms = at_ms if self._due_ms is None else self._due_ms
        if self._session.quiet(at_ms) or at_ms < due_ms:
            return b""
        pause_ms = 10_000 // max(1, self._settings.parameters[_STATUS_FREQUENCY])
        # Whoever asks a little late does not shift what follows.
        self._due_ms = (due_ms if at_ms - due_ms < pause_ms else at_ms) + pause_ms
        if self._calibration_ms:
            return self._progress(at_ms)
        return self._standard() if self._settings.standard else self._minimal()

    def receive(self, data: bytes) -> bytes:
        """What the radar answers to these bytes of its host; commands may come in pieces."""
        return self._session.receive(data)

    def _minimal(self) -> bytes:
        stray = bytes((self._random.choice(_STRAY_BYTES),)) if self._random.random() < 0.5 else b""
        return stray + ld2410s.MINIMAL.pack(ld2410s.MINIMAL_HEAD, *self._seen(), ld2410s.MINIMAL_TAIL)

    def _standard(self) -> bytes:
        shares = (share_in_gate(self.target, gate, _GATE_M) for gate in range(ld2410s.GATES))
        reflected = _STRONGEST * self.target.energy / 100
        energies = [round(reflected * share) + self._random.randint(0, _NOISE) for share in shares]
        return _framed(ld2410s.STANDARD_BODY.pack(ld2410s.STANDARD, *self._seen(), *energies))

    def _progress(self, at_ms: int) -> bytes:
        """How much of the calibration is over, in per cent."""
        if self._calibrates_since_ms is None:
            self._calibrates_since_ms = at_ms
        percent = min(100, 100 * (at_ms - self._calibrates_since_ms) // self._calibration_ms)
        if percent == 100:
            self._calibration_ms, self._calibrates_since_ms = 0, None
        return _framed(ld2410s.PROGRESS_BODY.pack(ld2410s.PROGRESS, percent))

    def _seen(self) -> tuple[int, int]:
        """State and distance in cm; the distance of somebody who left stays."""
        somebody = self.target.state != "nobody"
        if somebody:
            self._last_distance_m = max(0.0, self.target.distance_m + self._random.uniform(-0.05, 0.05))
        return 2 if somebody else 0, round(self._last_distance_m * 100)

    def _obey(self, word: int, value: bytes) -> bytes | None:
        """The value of the reply; None to refuse."""
        settings = self._settings
        match word:
            case 0x00:
                return _FIRMWARE
            case 0x09 if len(value) == 6:
                self._begin_calibration(*struct.unpack("<HHH", value))
            case 0x10 if len(value) == 10:
                settings.serial = value[2:]
            case 0x11:
                return le16(len(settings.serial)) + settings.serial
            case 0x70:
                return written(settings.parameters, value, _EIGHT_BITS)
            case 0x71:
                return told(settings.parameters, value)
            case 0x72:
                return written(settings.trigger_thresholds, value, _EIGHT_BITS)
            case 0x73:
                return told(settings.trigger_thresholds, value)
            case 0x76:
                return written(settings.hold_thresholds, value, _EIGHT_BITS)
            case 0x77:
                return told(settings.hold_thresholds, value)
            case 0x7A if len(value) == 6:
                settings.standard = value[2] == 1
            case _:
                return None
        return b""

    def _begin_calibration(self, trigger_factor: int, hold_factor: int, seconds: int) -> None:
        """The thresholds that come of it: so many times the noise of an empty room."""
        self._calibration_ms, self._calibrates_since_ms = seconds * 1_000, None
        for thresholds, factor in (
            (self._settings.trigger_thresholds, trigger_factor),
            (self._settings.hold_thresholds, hold_factor),
        ):
            thresholds.update(dict.fromkeys(thresholds, round(10 * math.log10(_NOISE * max(1, factor)))))


def _framed(body: bytes) -> bytes:
    return REPORT_HEADER + le16(len(body)) + body + REPORT_TAIL
