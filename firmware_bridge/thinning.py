"""Which reports are sent: those that say something new about presence at once, of the others one now and then."""

from __future__ import annotations

_TELLING = ("presence", "moving", "still")


class Thinning:
    """For one sensor. `interval_ms`: of reports that repeat the last sent one, one in so long; None: all are sent."""

    def __init__(self, interval_ms: int | None) -> None:
        self._interval_ms = interval_ms
        self._said: dict[str, float] = {}
        self._sent_ms: int | None = None

    def admits(self, at_ms: int, values: dict[str, float]) -> bool:
        """Whether the report is to be sent. A clock that was set back lets one through."""
        if self._interval_ms is None:
            return True
        said = {name: values[name] for name in _TELLING if name in values}
        repeats = all(self._said.get(name) == value for name, value in said.items())
        if repeats and self._sent_ms is not None and 0 <= at_ms - self._sent_ms < self._interval_ms:
            return False
        self._said |= said
        self._sent_ms = at_ms
        return True
