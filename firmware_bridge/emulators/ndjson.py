"""A board of one's own as its host sees it: a radar and a motion sensor that speak lines of JSON, numbered and sealed.

Lines: `firmware_bridge.drivers.ndjson`, docs/ndjson.md. Boot text comes first, as from an ESP32.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from typing import Any

from firmware_bridge.drivers.ndjson import seal
from firmware_bridge.emulators.target import Target

INTERVAL_MS = 500
RADAR, MOTION = "radar", "pir"
_BOOT = b"ets Jul 29 2019 12:21:46\r\nrst:0x1 (POWERON_RESET),boot:0x13\r\n"


class NdjsonEmulator:
    """One board. `target` is set by whoever plays the room; `seed` decides noise."""

    def __init__(self, seed: int) -> None:
        self.target = Target()
        self._random = random.Random(seed)  # noqa: S311
        self._seq = 0

    def report(self, at_ms: int) -> bytes:
        """A line of each sensor, boot text before the first."""
        target = self.target
        boot = _BOOT if self._seq == 0 else b""
        radar: dict[str, Any] = {"presence": target.state != "nobody", "moving": target.state == "moving"}
        if target.state != "nobody":
            radar["distance"] = round(max(0.0, target.distance_m + self._random.uniform(-0.05, 0.05)), 3)
        # A motion sensor does not see who sits still.
        motion = {"presence": target.state == "moving"}
        return boot + self._line(RADAR, radar) + self._line(MOTION, motion)

    def receive(self, data: bytes) -> bytes:
        """Nothing: it takes no commands."""
        return b""

    def _line(self, sensor: str, values: Mapping[str, Any]) -> bytes:
        self._seq += 1
        said = {"sensor": sensor, **values, "seq": self._seq}
        return seal(json.dumps(said, separators=(",", ":")).encode()) + b"\r\n"
