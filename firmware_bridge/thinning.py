"""Which reports are sent: those that say something new about presence, and of the others one now and then."""

from __future__ import annotations

from typing import Literal

Verdict = Literal["news", "repeat", "drop"]

_TELLING = ("presence", "moving", "still")


class Thinning:
    """For one sensor. `interval_ms`: of reports that repeat the last sent one, one in so long; None: all are sent."""

    def __init__(self, interval_ms: int | None) -> None:
        self._interval_ms = interval_ms or 0
        self._said: dict[str, float] = {}
        self._sent_ms: int | None = None

    def judge(self, at_ms: int, values: dict[str, float]) -> Verdict:
        """What becomes of a report of `at_ms`. A clock that was set back lets one through."""
        news = False
        for name in _TELLING:
            if name in values and self._said.get(name) != values[name]:
                self._said[name] = values[name]
                news = True
        if not news and self._sent_ms is not None and 0 <= at_ms - self._sent_ms < self._interval_ms:
            return "drop"
        self._sent_ms = at_ms
        return "news" if news else "repeat"
