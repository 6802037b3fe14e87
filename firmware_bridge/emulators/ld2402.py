"""An LD2402 as its host sees it: six reports a second of whoever is before it, and the answers to commands.

Frames and commands: `firmware_bridge.drivers.ld2402`. It leaves the factory in text mode. A mode acts when the session
ends; when its power is cut, the mode and all that was not saved are lost.
"""

from __future__ import annotations

import random
import struct
from typing import Final

from firmware_bridge import hilink
from firmware_bridge.drivers import ld2402
from firmware_bridge.emulators.hilink import HostSession
from firmware_bridge.emulators.numbered import told, written
from firmware_bridge.emulators.target import Target, share_in_gate
from firmware_bridge.hilink import REPORT_HEADER, REPORT_TAIL, le16

INTERVAL_MS: Final = 165
_GATE_M = 0.7
_STRONGEST, _NOISE = 60_000, 800
_STATES = {"nobody": 0, "moving": 1, "still": 2}
_GREETING = struct.pack("<HH", 2, 32)
_FIRMWARE = b"v3.3.5"
_GAIN_DONE = hilink.frame(0xF0)
_REPORTS_OF_CALIBRATION = 60  # about ten seconds
# Made up: no source that was read tells how it is delivered.
_PARAMETERS = {ld2402.MAX_DISTANCE: 100, ld2402.TIMEOUT: 5, ld2402.SUPPLY_INTERFERENCE: 1} | {
    first + gate: 4_000 - 200 * gate for first in ld2402.THRESHOLDS.values() for gate in range(ld2402.GATES)
}


class Ld2402Emulator:
    """One radar. `target` is set by whoever plays the room; `seed` decides noise and serial number."""

    def __init__(self, seed: int) -> None:
        self.target = Target()
        self.mode = "text"
        self._random = random.Random(seed)  # noqa: S311
        self._serial = b"%08d" % self._random.randrange(10**8)
        self._parameters = _PARAMETERS.copy()
        self._saved = _PARAMETERS.copy()
        self._chosen_mode = self.mode
        self._session = HostSession(_GREETING, self._obey)
        self._last_distance_m = 0.0
        self._calibration_left = 0
        self._adjusting_gain = False

    def report(self, at_ms: int) -> bytes:
        """What the radar sends at `at_ms`; to be asked for each 165 ms. No reports while it is quiet."""
        self._calibration_left = max(0, self._calibration_left - 1)
        pushed = _GAIN_DONE if self._adjusting_gain else b""
        self._adjusting_gain = False
        return pushed if self._session.quiet(at_ms) else pushed + self._report()

    def receive(self, data: bytes) -> bytes:
        """What the radar answers to these bytes of its host; commands may come in pieces."""
        answers = self._session.receive(data)
        if not self._session.open:
            self.mode = self._chosen_mode
        return answers

    def cut_power(self) -> None:
        """It starts anew with what was saved."""
        self.mode = self._chosen_mode = "text"
        self._parameters = self._saved.copy()
        self._session.open = False

    def _report(self) -> bytes:
        target = self.target
        if target.state != "nobody":
            self._last_distance_m = max(0.0, target.distance_m + self._random.uniform(-0.05, 0.05))
        cm = round(self._last_distance_m * 100)
        if self.mode == "text":
            return b"OFF\r\n" if target.state == "nobody" else b"distance:%d\r\n" % cm
        energies = self._energies("moving") + self._energies("still")
        body = ld2402.BODY.pack(_STATES[target.state], cm, *energies)
        return REPORT_HEADER + le16(len(body)) + body + REPORT_TAIL

    def _energies(self, detector: str) -> list[int]:
        # Who moves is seen by the detector of small movements too.
        seen = self.target.state == "moving" or self.target.state == detector
        reflected = _STRONGEST * self.target.energy / 100 if seen else 0.0
        shares = (share_in_gate(self.target, gate, _GATE_M) for gate in range(ld2402.GATES))
        return [round(reflected * share) + self._random.randint(0, _NOISE) for share in shares]

    def _obey(self, word: int, value: bytes) -> bytes | None:
        """The value of the reply; None to refuse."""
        match word:
            case 0x00:
                return le16(len(_FIRMWARE)) + _FIRMWARE
            case 0x11:
                return le16(len(self._serial)) + self._serial
            case 0x12:
                return self._choose_mode(value)
            case 0x07:
                return written(self._parameters, value)
            case 0x08:
                return told(self._parameters, value)
            case 0x09 if len(value) == 6:
                self._calibration_left = _REPORTS_OF_CALIBRATION
            case 0x0A:
                return le16(100 - 100 * self._calibration_left // _REPORTS_OF_CALIBRATION)
            case 0xEE:
                self._adjusting_gain = True
            case 0xFD:
                self._saved = self._parameters.copy()
            case _:
                return None
        return b""

    def _choose_mode(self, value: bytes) -> bytes | None:
        for mode, number in ld2402.MODES.items():
            if value == struct.pack("<HI", 0, number):
                self._chosen_mode = mode
                return b""
        return None
