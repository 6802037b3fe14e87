"""An A02YYUW as its host sees it, or a JSN-SR04T in mode 2: distances by themselves, or each time it is asked.

It hears the counter's far side when nobody is there; from clothing that throws little back, often nothing.
"""

from __future__ import annotations

import random

from firmware_bridge.drivers import a02yyuw
from firmware_bridge.emulators.target import Target

INTERVAL_MS = 300
_FAR_SIDE_MM = 3_200
_SURE_OF_ECHO = 40  # per cent of energy


class A02yyuwEmulator:
    """One sensor. `target` is set by whoever plays the room; `seed` decides noise. `on_request`: JSN-SR04T, mode 2."""

    def __init__(self, seed: int, *, on_request: bool = False) -> None:
        self.target = Target()
        self._on_request = on_request
        self._random = random.Random(seed)  # noqa: S311

    def report(self, at_ms: int) -> bytes:
        """The frame that it sends at `at_ms`; to be asked for each 300 ms. Empty for one that waits to be asked."""
        return b"" if self._on_request else self._frame()

    def receive(self, data: bytes) -> bytes:
        """What it answers to these bytes of its host."""
        return b"".join(self._frame() for _ in range(data.count(a02yyuw.TRIGGER))) if self._on_request else b""

    def _frame(self) -> bytes:
        distance_mm = _FAR_SIDE_MM
        if self.target.state != "nobody":
            distance_mm = round(self.target.distance_m * 1000)
            if self._random.random() * _SURE_OF_ECHO > self.target.energy:
                distance_mm = 0
        if distance_mm:
            distance_mm = max(0, distance_mm + self._random.randint(-5, 5))
        frame = a02yyuw.HEADER + distance_mm.to_bytes(2, "big")
        return frame + bytes((sum(frame) & 0xFF,))
