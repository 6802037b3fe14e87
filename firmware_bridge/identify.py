"""Which of several sensors somebody waves at: each one's usual level is learnt, then the one that leaves it most is it.

Readings are handed in. What counts is what a waving hand changes: presence, energies, strengths, targets; a distance
only of sensors that know nothing else, for radars go on measuring it when nobody is there.
"""

from __future__ import annotations

import math
import re
from collections import deque
from typing import NamedTuple

from presence.readings import Reading

WINDOW_MS = 3_000
# Usual noise is taken to be this at least, in the quantity's unit; of strengths, a share of their level.
_TRUTHS, _TRUTH_NOISE = ("presence", "moving", "still", "out_pin"), 0.4
_ENERGY, _ENERGY_NOISE = re.compile(r"(moving|still)_energy(_g\d+)?"), 8.0
_STRENGTH, _STRENGTH_SHARE = re.compile(r"((moving|still)_)?strength(_g\d+)?"), 0.2
_DISTANCE_NOISE, _COUNT_NOISE = 0.15, 0.4
_SPREADS = 3.0
_LARGEST = 10.0
# Once and a half the usual noise for most of the window, and half more than any other sensor.
_CLEAR, _AHEAD = 1.5, 1.5


class Score(NamedTuple):
    """`score`: how far a sensor has left its usual level in the last seconds; about 0 to 0.5 when nothing happens."""

    sensor: str
    score: float


class _Level:
    """Mean and spread of one quantity, by Welford's method."""

    def __init__(self) -> None:
        self._count = 0
        self.mean = 0.0
        self._squares = 0.0

    def add(self, value: float) -> None:
        self._count += 1
        away = value - self.mean
        self.mean += away / self._count
        self._squares += away * (value - self.mean)

    @property
    def spread(self) -> float:
        return math.sqrt(self._squares / self._count) if self._count else 0.0


class Attention:
    """First `learn` some seconds of readings, then `watch` others and ask for the `ranking`."""

    def __init__(self) -> None:
        self._levels: dict[str, dict[str, _Level]] = {}
        self._changes: dict[str, deque[tuple[int, float]]] = {}

    @property
    def known(self) -> set[str]:
        """The sensors that were heard."""
        return set(self._levels)

    def learn(self, reading: Reading) -> None:
        levels = self._levels.setdefault(reading.sensor, {})
        for name, value in _telling(reading.values).items():
            levels.setdefault(name, _Level()).add(value)

    def watch(self, reading: Reading) -> None:
        """A sensor that was not heard before is learnt from what it says first."""
        levels = self._levels.get(reading.sensor)
        if levels is None:
            self.learn(reading)
            return
        changes = self._changes.setdefault(reading.sensor, deque())
        telling = _telling(reading.values)
        known = [_change(name, value, levels[name]) for name, value in telling.items() if name in levels]
        changes.append((reading.at_ms, max(known, default=0.0)))

    def ranking(self, now_ms: int) -> list[Score]:
        """All sensors, the one that changed most first. `now_ms`: of the readings' clock."""
        scores = [Score(sensor, self._score(sensor, now_ms)) for sensor in self._levels]
        return sorted(scores, key=lambda each: (-each.score, each.sensor))

    def answer(self, now_ms: int) -> str | None:
        """The sensor that somebody waves at; None while none stands out."""
        first, *others = self.ranking(now_ms) or [Score("", 0.0)]
        ahead = not others or first.score >= _AHEAD * others[0].score
        return first.sensor if first.score >= _CLEAR and ahead else None

    def _score(self, sensor: str, now_ms: int) -> float:
        changes = self._changes.get(sensor, deque())
        while changes and changes[0][0] <= now_ms - WINDOW_MS:
            changes.popleft()
        return sum(change for _, change in changes) / len(changes) if changes else 0.0


def _telling(values: dict[str, float]) -> dict[str, float]:
    telling = {
        name: value
        for name, value in values.items()
        if name in _TRUTHS or name == "target_count" or _ENERGY.fullmatch(name) or _STRENGTH.fullmatch(name)
    }
    if not telling and "distance" in values:
        return {"distance": values["distance"]}
    return telling


def _change(name: str, value: float, level: _Level) -> float:
    noise = max(_SPREADS * level.spread, _least_noise(name, level.mean))
    return min(_LARGEST, abs(value - level.mean) / noise)


def _least_noise(name: str, mean: float) -> float:
    if name in _TRUTHS:
        return _TRUTH_NOISE
    if _ENERGY.fullmatch(name):
        return _ENERGY_NOISE
    if _STRENGTH.fullmatch(name):
        return max(1.0, _STRENGTH_SHARE * abs(mean))
    return _COUNT_NOISE if name == "target_count" else _DISTANCE_NOISE
