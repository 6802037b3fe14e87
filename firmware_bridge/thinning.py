"""Which reports are sent: those that say something new about presence, and of the others one now and then."""

from __future__ import annotations

from typing import Literal

Verdict = Literal["news", "repeat", "drop"]

_TELLING = ("presence", "moving", "still")
# What measures a distance and no more tells by it who comes and goes: by more than such a sensor wavers.
_STEP_M = 0.1
# What a sensor says after such a silence may end an "unknown", though it repeats what it said before. Hardly anything
# is stale within 3 s, and a hundred sensors that speak once a second are no hundred transactions.
_SILENCE_MS = 2_500


class Thinning:
    """For one sensor. `interval_ms`: of reports that repeat the last sent one, one in so long; None: all are sent."""

    def __init__(self, interval_ms: int | None) -> None:
        self._interval_ms = interval_ms or 0
        self._said: dict[str, float] = {}
        self._distance_m: float | None = None
        self._heard_ms: int | None = None
        self._sent_ms: int | None = None

    def judge(self, at_ms: int, values: dict[str, float]) -> Verdict:
        """What becomes of a report of `at_ms`. A clock that was set back lets one through."""
        heard_ms, self._heard_ms = self._heard_ms, at_ms
        news = False
        for name in _TELLING:
            if name in values and self._said.get(name) != values[name]:
                self._said[name] = values[name]
                news = True
        distance_m = values.get("distance")
        news = news or (not self._said and _moved(self._distance_m, distance_m))
        if not news and self._sent_ms is not None and 0 <= at_ms - self._sent_ms < self._interval_ms:
            return "drop"
        self._sent_ms = at_ms
        self._distance_m = distance_m
        return "news" if news or (heard_ms is not None and at_ms - heard_ms >= _SILENCE_MS) else "repeat"


def _moved(before_m: float | None, now_m: float | None) -> bool:
    """Whether a distance has changed, or has come or gone."""
    if before_m is None or now_m is None:
        return before_m is not now_m
    return abs(now_m - before_m) >= _STEP_M
