"""Service hours over time: a schedule changed today says nothing about yesterday.

What decides on an outlet's hours, gathered from site, agency and outlet, is its `Schedule`. Each schedule is in force
from an instant on, until the next one is: what it says of other times counts for nothing. So a change in mid-day parts
the day, and hours that go on over the change are one stretch.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple, Protocol

from presence.intervals import Span, clip, union
from presence.schedule import Schedule, schedule_of_outlet
from presence.service_hours import ServiceHours
from presence.site import Outlet, Site

_DAY_MS = 86_400_000
# A clock that is set to another time zone moves by 26 hours at most.
_DATES_REACH_MS = 3 * _DAY_MS


class Hours(Protocol):
    """When an outlet must be staffed: by one schedule for all time (ServiceHours), or by one after the other."""

    def open_spans(self, start_ms: int, end_ms: int) -> list[Span]: ...

    def is_open(self, at_ms: int) -> bool: ...

    def next_change(self, at_ms: int) -> int | None: ...

    def last_change(self, at_ms: int) -> int | None: ...

    def local_days(self, start_ms: int, end_ms: int) -> list[tuple[str, Span]]: ...


class Regime(NamedTuple):
    """Hours that are in force from `from_ms` on."""

    from_ms: int
    hours: ServiceHours


def schedule_of(site: Site, outlet: Outlet) -> Schedule:
    """What decides on the outlet's hours now. The reasons of exceptions decide nothing, and are left out."""
    found = schedule_of_outlet(site, outlet)
    return replace(found, exceptions=tuple(replace(exception, reason=None) for exception in found.exceptions))


@lru_cache(maxsize=1024)
def hours_by(schedule: Schedule) -> ServiceHours:
    """The hours that a schedule makes: one object for all outlets that have it, so that each day is worked out once."""
    return ServiceHours.of(schedule)


class HoursHistory:
    """The hours of an outlet over all time, asked as ServiceHours are.

    `regimes`: at least one, by rising `from_ms`; the first one counts for the time before it as well.
    """

    def __init__(self, regimes: Sequence[Regime]) -> None:
        self._regimes = regimes
        self._changes_ms = [regime.from_ms for regime in regimes[1:]]

    def open_spans(self, start_ms: int, end_ms: int) -> list[Span]:
        """The open stretches within [start_ms, end_ms), in order, those that touch joined."""
        if len(self._regimes) == 1:
            return self._regimes[0].hours.open_spans(start_ms, end_ms)
        return union(span for hours, part in self._parts(start_ms, end_ms) for span in hours.open_spans(*part))

    def is_open(self, at_ms: int) -> bool:
        return self._regimes[self._at(at_ms)].hours.is_open(at_ms)

    def next_change(self, at_ms: int) -> int | None:
        """The first instant after `at_ms` at which open turns to closed or back; None: there is none in ten years."""
        first, is_open = self._at(at_ms), self.is_open(at_ms)
        for n in range(first, len(self._regimes)):
            hours, begin_ms = self._regimes[n].hours, at_ms if n == first else self._regimes[n].from_ms
            if hours.is_open(begin_ms) != is_open:
                return begin_ms
            change_ms = hours.next_change(begin_ms)
            if change_ms is not None and (n == len(self._changes_ms) or change_ms < self._changes_ms[n]):
                return change_ms
        return None

    def last_change(self, at_ms: int) -> int | None:
        """The last such instant up to and including `at_ms`; None when there is none in the 400 days before."""
        is_open, until_ms = self.is_open(at_ms), at_ms
        for n in range(self._at(at_ms), -1, -1):
            hours = self._regimes[n].hours
            if hours.is_open(until_ms) != is_open:
                return until_ms + 1
            change_ms = hours.last_change(until_ms)
            if change_ms is not None and (n == 0 or change_ms > self._changes_ms[n - 1]):
                return change_ms
            until_ms = self._changes_ms[n - 1] - 1 if n else until_ms
        return None

    def local_days(self, start_ms: int, end_ms: int) -> list[tuple[str, Span]]:
        """ISO date and extent, midnight to midnight on the clock, of each local day in [start_ms, end_ms), clipped.

        No date comes twice: where a site's clock was set back over midnight, the date that had begun goes on.
        """
        if len(self._regimes) == 1:
            return self._regimes[0].hours.local_days(start_ms, end_ms)
        days: list[tuple[str, Span]] = []
        for hours, part in self._parts(start_ms - _DATES_REACH_MS, end_ms):
            for date, span in hours.local_days(*part):
                if days and date <= days[-1][0]:
                    days[-1] = (days[-1][0], Span(days[-1][1].start_ms, span.end_ms))
                else:
                    days.append((date, span))
        return [(date, part) for date, span in days for part in clip([span], start_ms, end_ms)]

    def _at(self, at_ms: int) -> int:
        return bisect_right(self._changes_ms, at_ms)

    def _parts(self, start_ms: int, end_ms: int) -> Iterator[tuple[ServiceHours, Span]]:
        """The regimes of [start_ms, end_ms), each with the part of it in which it is in force."""
        while start_ms < end_ms:
            n = self._at(start_ms)
            until_ms = min(end_ms, self._changes_ms[n]) if n < len(self._changes_ms) else end_ms
            yield self._regimes[n].hours, Span(start_ms, until_ms)
            start_ms = until_ms
