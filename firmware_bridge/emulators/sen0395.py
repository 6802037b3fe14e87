"""A SEN0395 as its host sees it: a sentence a second of whoever is in its range, and its command line."""

from __future__ import annotations

from collections.abc import Sequence

from firmware_bridge.drivers.sen0395 import RANGE_STEP_M
from firmware_bridge.emulators.dfrobot_console import Console
from firmware_bridge.emulators.target import Target

INTERVAL_MS = 1_000
_DELIVERED = {
    "Range": ("0.000", "6.000"),
    "Latency": ("2.500", "5.000"),
    "Sensitivity": ("7",),
    "LedMode": ("1", "0"),
    "UartOutput": ("1", "1"),
}


class Sen0395Emulator:
    """One radar. `target` is set by whoever plays the room. It makes no noise, so that the seed decides nothing."""

    def __init__(self, seed: int) -> None:
        self.target = Target()
        self.console = Console("leapMMW:/>", "saveCfg", _DELIVERED, _range_in_m)

    def report(self, at_ms: int) -> bytes:
        """The sentence that the radar says at `at_ms`; to be asked for each second. Empty while it is quiet."""
        settings = self.console.settings
        if self.console.quiet(at_ms) or settings["UartOutput"][1] != "1":
            return b""
        nearest_m, farthest_m = map(float, settings["Range"])
        seen = self.target.state != "nobody" and nearest_m <= self.target.distance_m <= farthest_m
        return b"$JYBSS,%d, , , *\r\n" % seen

    def receive(self, data: bytes) -> bytes:
        """What the radar answers to these bytes of its host; commands may come in pieces."""
        return self.console.receive(data)


def _range_in_m(words: Sequence[str]) -> Sequence[str]:
    """`detRangeCfg -1 a b`, in steps, sets the range that `getRange` shows in metres."""
    match words:
        case ["detRangeCfg", "-1", nearest, farthest] if nearest.isdigit() and farthest.isdigit():
            return "setRange", *(f"{int(steps) * RANGE_STEP_M:.3f}" for steps in (nearest, farthest))
        case _:
            return words
