"""An MR60BHA1 as its host sees it: what changes, the place of the target, and a stream of vital signs.

Frames and commands: `firmware_bridge.drivers.mr60bha`. The vital signs mean nothing: they are there to be dropped.
"""

from __future__ import annotations

import random
import struct
from typing import Final

from firmware_bridge import seeed
from firmware_bridge.emulators.seeed import Radar, State, presence
from firmware_bridge.emulators.target import Target
from firmware_bridge.seeed import PRESENCE

INTERVAL_MS: Final = 500
_BREATH, _SLEEP, _HEART = 0x81, 0x84, 0x85


class Mr60bhaEmulator:
    """One radar. `target` is set by whoever plays the room; `seed` decides noise and serial number."""

    def __init__(self, seed: int) -> None:
        self.target = Target()
        self._random = random.Random(seed)  # noqa: S311
        number = f"{self._random.randrange(10**8):08}"
        identity = {0xA1: "MR60BHA1", 0xA2: number, 0xA3: "G60SM1", 0xA4: "G60SM1SYv010309"}
        self._radar = Radar(identity, lambda _: None)
        self._cm = 0

    def report(self, at_ms: int) -> bytes:
        """What the radar says at `at_ms`; to be asked for each 500 ms."""
        vital = b"" if self.target.state == "nobody" else self._vital_signs()
        return self._radar.report(at_ms, self._state(), vital)

    def receive(self, data: bytes) -> bytes:
        """What the radar answers to these bytes of its host; questions may come in pieces."""
        return self._radar.receive(data, self._state())

    def _state(self) -> State:
        """The distance and place that were measured last stay when nobody is there."""
        if self.target.state != "nobody":
            self._cm = max(0, round(self.target.distance_m * 100) + self._random.randint(-3, 3))
        left = 0x8000 | self._cm // 8
        return {
            **presence(self.target, self._random),
            (PRESENCE, 0x04): self._cm.to_bytes(2, "big"),
            (PRESENCE, 0x05): struct.pack(">3H", left, self._cm, 0),
        }

    def _vital_signs(self) -> bytes:
        wave = bytes(self._random.randint(100, 156) for _ in range(5))
        return (
            seeed.frame(_BREATH, 0x02, bytes((self._random.randint(12, 20),)))
            + seeed.frame(_SLEEP, 0x02, b"\x02")
            + seeed.frame(_HEART, 0x02, bytes((self._random.randint(60, 90),)))
            + seeed.frame(_HEART, 0x05, wave)
        )
