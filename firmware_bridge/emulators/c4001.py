"""A C4001 as its host sees it: a sentence a second of whoever is in its range, and its command line.

In speed mode it blinks: now and then a single line says that nobody is there.
"""

from __future__ import annotations

import random

from firmware_bridge.drivers.c4001 import MODES
from firmware_bridge.emulators.dfrobot_console import Console
from firmware_bridge.emulators.target import Target

INTERVAL_MS = 1_000
_BLINKS = 0.03
_DELIVERED = {
    "Range": ("0.600", "12.000"),
    "TrigRange": ("6.000",),
    "Latency": ("0.050", "15.000"),
    "Sensitivity": ("7", "5"),
    "LedMode": ("1", "0"),
    "RunApp": (str(MODES["presence"]),),
}


class C4001Emulator:
    """One radar. `target` is set by whoever plays the room; `seed` decides noise."""

    def __init__(self, seed: int) -> None:
        self.target = Target()
        self.console = Console("DFRobot:/>", "saveConfig", _DELIVERED)
        self._random = random.Random(seed)  # noqa: S311

    def report(self, at_ms: int) -> bytes:
        """The sentence that the radar says at `at_ms`; to be asked for each second. Empty while it is quiet."""
        if self.console.quiet(at_ms):
            return b""
        target, settings = self.target, self.console.settings
        nearest_m, farthest_m = map(float, settings["Range"])
        seen = target.state != "nobody" and nearest_m <= target.distance_m <= farthest_m
        if settings["RunApp"] == _DELIVERED["RunApp"]:
            return b"$DFHPD,%d, , , *\r\n" % seen
        if not seen or self._random.random() < _BLINKS:
            return b"$DFDMD,0, , , , , , *\r\n"
        distance_m = max(0.0, target.distance_m + self._random.uniform(-0.05, 0.05))
        speed_m_s = self._random.uniform(-1, 1) if target.state == "moving" else 0.0
        energy = target.energy * 500 + self._random.randrange(500)
        return f"$DFDMD,1,1,{distance_m:.3f},{speed_m_s:.3f},{energy}, , *\r\n".encode()

    def receive(self, data: bytes) -> bytes:
        """What the radar answers to these bytes of its host; commands may come in pieces."""
        return self.console.receive(data)
