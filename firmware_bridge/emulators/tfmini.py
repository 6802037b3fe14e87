"""A TFmini Plus as its host sees it: so many reports a second as are set, and the answers to commands.

It looks across the place of whoever it watches at a wall, which it measures when nobody is there.
"""

from __future__ import annotations

import random
import struct
from dataclasses import dataclass, replace

from firmware_bridge.drivers import tfmini
from firmware_bridge.emulators.target import Target

INTERVAL_MS = 10
_WALL_CM, _WALL_STRENGTH = 420, 900
_VERSION = bytes((3, 2, 1))
_CHIP_C = 42
_MM = 6


@dataclass(frozen=True, slots=True)
class _Settings:
    hz: int = 100
    format: int = 1
    baud: int = 115_200
    output: int = 1


class TfminiEmulator:
    """One sensor. `target` is set by whoever plays the room; `seed` decides noise. `saves`: writings of its flash."""

    def __init__(self, seed: int) -> None:
        self.target = Target()
        self.saves = 0
        self._random = random.Random(seed)  # noqa: S311
        self._settings = self._saved = _Settings()
        self._due_ms: float | None = None
        self._unread = b""

    def report(self, at_ms: int) -> bytes:
        """The report that is due by `at_ms`, at most one; to be asked for each 10 ms."""
        settings = self._settings
        if not settings.hz or not settings.output or (self._due_ms is not None and at_ms < self._due_ms):
            return b""
        # From when it was due, so that the rate holds though it is asked at other times; anew after a pause.
        interval_ms = 1000 / settings.hz
        late = self._due_ms is None or at_ms - self._due_ms >= interval_ms
        self._due_ms = (at_ms if late or self._due_ms is None else self._due_ms) + interval_ms
        return self._frame()

    def receive(self, data: bytes) -> bytes:
        """What the sensor answers to these bytes of its host; commands may come in pieces."""
        buffer, at, answers = self._unread + data, 0, b""
        while (at := _next_command(buffer, at)) + 2 <= len(buffer):
            length = buffer[at + 1]
            if at + length > len(buffer):
                break
            whole = buffer[at : at + length]
            if not tfmini.is_sound(whole):
                at += 1
                continue
            answers += self._answer(whole[2], whole[3:-1])
            at += length
        self._unread = buffer[at:]
        return answers

    def restart(self) -> None:
        """As after a power cut: what was not saved is lost."""
        self._settings, self._due_ms = self._saved, None

    def _answer(self, word: int, value: bytes) -> bytes:
        match word:
            case tfmini.VERSION:
                value = _VERSION
            case tfmini.TRIGGER:
                return self._frame() if not self._settings.hz else b""
            case tfmini.SAVE:
                self._saved = self._settings
                self.saves += 1
                value = b"\0"
            case _:
                names = {tfmini.RATE: "hz", tfmini.FORMAT: "format", tfmini.BAUD_RATE: "baud", tfmini.OUTPUT: "output"}
                if word not in names:
                    return b""
                self._settings = replace(self._settings, **{names[word]: int.from_bytes(value, "little")})
                self._due_ms = None
        return tfmini.frame(word, value)

    def _frame(self) -> bytes:
        if self.target.state == "nobody":
            cm, strength = _WALL_CM, _WALL_STRENGTH
        else:
            cm, strength = round(self.target.distance_m * 100), self.target.energy * 100
        distance = max(0, cm + self._random.randint(-2, 2)) * (10 if self._settings.format == _MM else 1)
        strength = max(0, strength + self._random.randint(-20, 20))
        temperature = (_CHIP_C + 256) * 8
        return tfmini.with_sum(tfmini.REPORT_HEADER + struct.pack("<HHH", distance, strength, temperature))


def _next_command(buffer: bytes, at: int) -> int:
    """Where the next command may begin at or after `at`; without one, from where on bytes may still become one."""
    found = tfmini.COMMAND_START.search(buffer, at)
    return found.start() if found else max(at, len(buffer) - 1)
