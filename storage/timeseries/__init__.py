"""The stores of readings: the `Store` protocol, and which URL scheme means which store."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol

from presence.errors import HadirError
from presence.readings import Reading


class Series(NamedTuple):
    """Where a sensor stands: the tags of its points, each a slug. A gateway's own series: outlet and zone `gateway`."""

    site: str
    outlet: str
    zone: str
    sensor: str


class Point(NamedTuple):
    """One reading of one series; `values` as in `presence.readings.Reading`."""

    series: Series
    at_ms: int
    values: dict[str, float]


class Refused(NamedTuple):
    """A point that the store will never take, and why."""

    point: Point
    reason: str


class StoreUnavailable(HadirError):
    """Not now: nothing may be dropped, try again after `retry_after_s` (None: the caller's own pauses).

    `operator`: somebody must act (credentials, missing database); said at once, probed with growing pauses.
    """

    def __init__(self, message: str, *, retry_after_s: float | None = None, operator: bool = False) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
        self.operator = operator


class Store(Protocol):
    """A durable home for readings. One writer thread; reads from any thread."""

    def write(self, points: Sequence[Point]) -> list[Refused]:
        """Store all `points` but those returned as refused for good; durable on return.

        The same point again changes nothing (of two different points of one series and instant the first is kept
        where the server can tell). Raises StoreUnavailable when nothing may be taken as stored: the same call is
        then repeated.
        """
        ...

    def read(self, series: Iterable[Series], from_ms: int, to_ms: int) -> list[Reading]:
        """All readings of `series` in [from_ms, to_ms), in time order. A partial answer is an error, never shorter."""
        ...

    def check(self) -> str:
        """One line about the server: what it is and that it can be written and read. Raises StoreUnavailable."""
        ...

    def close(self) -> None: ...
