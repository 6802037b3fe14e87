"""An MR24HPC1 as its host sees it: what changes, and in underlying mode a report of the target twice a second.

Frames and commands: `firmware_bridge.drivers.mr24hpc1`. A restart ends underlying mode; the other settings are kept. A
value that it does not know is answered with the one that it keeps.
"""

from __future__ import annotations

import random
from typing import Final

from firmware_bridge import seeed
from firmware_bridge.emulators.seeed import Radar, State, presence
from firmware_bridge.emulators.target import Target
from firmware_bridge.seeed import ANSWER, PRESENCE, UNDERLYING, WORK, Frame

INTERVAL_MS: Final = 500
_MODE = (UNDERLYING, 0x00)
# Lowest and highest value of each setting, by control and command.
_RANGES = {(WORK, 0x07): (1, 4), (WORK, 0x08): (1, 3), (PRESENCE, 0x0A): (0, 8), _MODE: (0, 1)}


class Mr24hpc1Emulator:
    """One radar. `target` is set by whoever plays the room; `seed` decides noise and serial number."""

    def __init__(self, seed: int) -> None:
        self.target = Target()
        self._settings = {(WORK, 0x07): 1, (WORK, 0x08): 3, (PRESENCE, 0x0A): 2, _MODE: 0}
        self._random = random.Random(seed)  # noqa: S311
        number = f"{self._random.randrange(10**8):08}"
        identity = {0xA1: "MR24HPC1", 0xA2: number, 0xA3: "G24VD1", 0xA4: "G24VD1SYV11"}
        self._radar = Radar(identity, self._answer)

    def report(self, at_ms: int) -> bytes:
        """What the radar says at `at_ms`; to be asked for each 500 ms."""
        underlying = seeed.frame(UNDERLYING, 0x01, self._underlying()) if self._settings[_MODE] else b""
        return self._radar.report(at_ms, self._state(), underlying)

    def receive(self, data: bytes) -> bytes:
        """What the radar answers to these bytes of its host; questions may come in pieces."""
        answers = self._radar.receive(data, self._state())
        if self._radar.restarting:
            self._settings[_MODE] = 0
        return answers

    def cut_power(self) -> None:
        """It starts anew, in the mode in which it is delivered."""
        self._settings[_MODE] = 0
        self._radar.restarting = True

    def _state(self) -> State:
        return presence(self.target, self._random)

    def _underlying(self) -> bytes:
        halves = round(self.target.distance_m * 2)
        energy = self.target.energy + self._random.randint(0, 9)
        still, moving = {"nobody": (0, 0), "still": (energy, 0), "moving": (energy // 2, energy)}[self.target.state]
        return bytes((still, halves if still else 0, moving, halves if moving else 0, 11 if moving else 10))

    def _answer(self, asked: Frame) -> bytes | None:
        key = (asked.control, asked.command & ~ANSWER)
        if key not in self._settings:
            return None
        low, high = _RANGES[key]
        if not asked.command & ANSWER and low <= asked.data[0] <= high:
            self._settings[key] = asked.data[0]
        return bytes((self._settings[key],))
