"""An LD2420 as its host sees it: ten reports a second of whoever is before it, and the answers to commands.

Frames and commands: `firmware_bridge.drivers.ld2420`. It leaves the factory in simple mode, and keeps the mode that it
is given. A restart is never answered; it is over after 0.25 s.
"""

from __future__ import annotations

import random
import struct

from firmware_bridge.drivers import ld2420
from firmware_bridge.emulators.hilink import HostSession
from firmware_bridge.emulators.numbered import told, written
from firmware_bridge.emulators.target import Target, share_in_gate
from firmware_bridge.hilink import REPORT_HEADER, REPORT_TAIL, le16

INTERVAL_MS = 100
_RESTART_MS = 250
_RESTART = 0x68
_GATE_M = 0.7
_STRONGEST, _NOISE = 60_000, 200
_GREETING = struct.pack("<HH", 2, 32)
_FIRMWARE = b"v1.5.9"
_DEBUG_FRAME = ld2420.DEBUG_HEADER + bytes(4 * ld2420.DEBUG_VALUES) + ld2420.DEBUG_TAIL
# As delivered, by the numbers of commands; source: esphome/esphome@33fdbbe components/ld2420.
_MOVE = (60_000, 30_000, 400, *(250,) * 13)
_STILL = (40_000, 20_000, 200, 200, 200, 200, 200, 150, 150, *(100,) * 7)
_PARAMETERS = {0x00: 1, 0x01: 12, 0x04: 120}
_PARAMETERS |= {0x10 + gate: threshold for gate, threshold in enumerate(_MOVE)}
_PARAMETERS |= {0x20 + gate: threshold for gate, threshold in enumerate(_STILL)}


class Ld2420Emulator:
    """One radar. `target` is set by whoever plays the room; `seed` decides noise and serial number.

    `reticent`: whether it is one of those that say nothing while nobody is there.
    """

    def __init__(self, seed: int) -> None:
        self.target = Target()
        self.mode = "simple"
        self.reticent = False
        self._random = random.Random(seed)  # noqa: S311
        self._serial = b"%08d" % self._random.randrange(10**8)
        self._parameters = _PARAMETERS.copy()
        self._session = HostSession(_GREETING, self._obey, unanswered=(_RESTART,))
        self._last_distance_m = 0.0

    def report(self, at_ms: int) -> bytes:
        """What the radar sends at `at_ms`; to be asked for each 100 ms. Empty while it is quiet."""
        somebody = self.target.state != "nobody"
        if self._session.quiet(at_ms) or (self.reticent and not somebody):
            return b""
        if somebody:
            self._last_distance_m = max(0.0, self.target.distance_m + self._random.uniform(-0.05, 0.05))
        cm = round(self._last_distance_m * 100)
        match self.mode:
            case "simple":
                return b"ON\r\nRange %d\r\n" % cm if somebody else b"OFF\r\n"
            case "energy":
                body = ld2420.ENERGY_BODY.pack(somebody, cm, *self._energies())
                return REPORT_HEADER + le16(len(body)) + body + REPORT_TAIL
        return _DEBUG_FRAME

    def receive(self, data: bytes) -> bytes:
        """What the radar answers to these bytes of its host; commands may come in pieces."""
        return self._session.receive(data)

    def _energies(self) -> list[int]:
        reflected = _STRONGEST * self.target.energy / 100
        shares = (share_in_gate(self.target, gate, _GATE_M) for gate in range(ld2420.GATES))
        return [min(0xFFFF, round(reflected * share) + self._random.randint(0, _NOISE)) for share in shares]

    def _obey(self, word: int, value: bytes) -> bytes | None:
        """The value of the reply; None to refuse."""
        match word:
            case 0x00:
                return le16(len(_FIRMWARE)) + _FIRMWARE
            case 0x07:
                return written(self._parameters, value)
            case 0x08:
                return told(self._parameters, value)
            case 0x11:
                return le16(len(self._serial)) + self._serial
            case 0x12:
                return self._change_mode(value)
            case 0x68:
                self._session.restart(_RESTART_MS)
                return b""
        return None

    def _change_mode(self, value: bytes) -> bytes | None:
        for mode, number in ld2420.MODES.items():
            if value == struct.pack("<HI", 0, number):
                self.mode = mode
                return b""
        return None
