"""What the officers of the demonstration do: a function of the time since it began, the same for the same seed.

Twelve counters, numbered from 0. Some are left alone for 40-90 s, one after the other, so that in any two minutes an
alert begins and one ends; at the others somebody goes away for a few seconds now and then, which nobody need know of;
the sensor of the last one falls silent for minutes.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import NamedTuple

from firmware_bridge.emulators.target import Target

COUNTERS = 12
SEED = 2026

_LEFT_ALONE = (1, 3, 5, 7, 8, 10)
_STEADY = (0, 2, 4, 6, 9)
FAILING = 11

_FIRST_ABSENCE_S, _ABSENCE_EVERY_S, _ABSENCE_S = 10.0, 45.0, (45.0, 75.0)
_FIRST_BREAK_S, _BREAK_EVERY_S, _BREAK_S = 25.0, 40.0, 8.0
_FAILS_EVERY_S, FAILS_AT_S, _FAILS_FOR_S = 900.0, 60.0, 300.0
_ARRIVING_S = 3.0
_POSTURE_S = 4.0
_NOBODY = Target()


class Absence(NamedTuple):
    """Nobody is at `counter` in [start_s, end_s), counted from the beginning of the demonstration."""

    counter: int
    start_s: float
    end_s: float


def absences(from_s: float, to_s: float, seed: int = SEED) -> Iterator[Absence]:
    """The absences long enough to matter that touch [from_s, to_s), in the order in which they begin."""
    order = random.Random(seed).sample(_LEFT_ALONE, len(_LEFT_ALONE))  # noqa: S311  (a play, no secret)
    number = max(0, int((from_s - _FIRST_ABSENCE_S - _ABSENCE_S[1]) // _ABSENCE_EVERY_S))
    while (start_s := _FIRST_ABSENCE_S + number * _ABSENCE_EVERY_S) < to_s:
        end_s = start_s + _dice(seed, number, 1).uniform(*_ABSENCE_S)
        if end_s > from_s:
            yield Absence(order[number % len(order)], start_s, end_s)
        number += 1


def breaks(from_s: float, to_s: float, seed: int = SEED) -> Iterator[Absence]:
    """The absences of seconds that touch [from_s, to_s)."""
    order = random.Random(seed + 1).sample(_STEADY, len(_STEADY))  # noqa: S311
    number = max(0, int((from_s - _FIRST_BREAK_S - _BREAK_S) // _BREAK_EVERY_S))
    while (start_s := _FIRST_BREAK_S + number * _BREAK_EVERY_S) < to_s:
        if start_s + _BREAK_S > from_s:
            yield Absence(order[number % len(order)], start_s, start_s + _BREAK_S)
        number += 1


def silent(counter: int, at_s: float) -> bool:
    """Whether the counter's sensor is out of order."""
    return counter == FAILING and 0 <= at_s % _FAILS_EVERY_S - FAILS_AT_S < _FAILS_FOR_S


class Officers:
    """What each counter's sensor sees, asked in the order of time."""

    def __init__(self, seed: int = SEED) -> None:
        self._seed = seed
        self._away: tuple[Absence, ...] = ()
        self._away_until_s = 0.0  # `_away` holds all absences that touch the time before
        self._arrived_s = [0.0] * COUNTERS

    def target(self, counter: int, at_s: float) -> Target | None:
        """What the counter's sensor sees, `at_s` after the beginning; None while it is out of order."""
        if silent(counter, at_s):
            return None
        if at_s >= self._away_until_s:
            self._away_until_s = at_s + 10.0
            both = (absences(at_s, self._away_until_s, self._seed), breaks(at_s, self._away_until_s, self._seed))
            self._away = tuple(absence for kind in both for absence in kind)
        for absence in self._away:
            if absence.counter == counter and absence.start_s <= at_s < absence.end_s:
                self._arrived_s[counter] = absence.end_s
                return _NOBODY
        return self._officer(counter, at_s)

    def _officer(self, counter: int, at_s: float) -> Target:
        # Somebody at a desk moves for some seconds, sits still for some more, and shifts a little all the time.
        posture = _dice(self._seed, counter, int(at_s / _POSTURE_S) + 2)
        distance_m = 0.6 + 0.05 * counter + posture.uniform(-0.08, 0.08)
        if at_s < self._arrived_s[counter] + _ARRIVING_S or posture.random() < 0.4:
            return Target("moving", distance_m, posture.randint(55, 95))
        return Target("still", distance_m, posture.randint(35, 75))


def _dice(seed: int, *what: int) -> random.Random:
    return random.Random(hash((seed, *what)))  # noqa: S311
