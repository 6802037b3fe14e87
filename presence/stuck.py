"""When a sensor is stuck: its presence does not change for a day while others' do, or it changes without end.

Both are asked of *marks*, what a sensor's presence did: it began to be told, changed, or fell silent. A window of so
long at an instant t is (t - so long, t]: a change counts at its own instant, and no more when it is exactly so old.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from presence.intervals import Span, union

HOUR_MS = 3_600_000
FOREVER_MS = 2**62


class Mark(NamedTuple):
    """At `at_ms` presence is told to be `present`; None: the sensor fell silent. `changed`: it was told otherwise."""

    at_ms: int
    present: float | None
    changed: bool


def changes(marks: Iterable[Mark]) -> list[int]:
    """When presence changed; what is told first after a silence is no change."""
    return [mark.at_ms for mark in marks if mark.changed]


def flapping(changed: Sequence[int], flaps_per_hour: int, from_ms: int) -> list[Span]:
    """Where, from `from_ms` on, there are more than `flaps_per_hour` changes within the past hour."""
    return _crowded(changed, flaps_per_hour, HOUR_MS, from_ms)


def lively(changed: Iterable[Sequence[int]], unchanged_ms: int, at_least: int, from_ms: int) -> list[Span]:
    """Where, from `from_ms` on, `at_least` of these sensors changed twice or more within the past `unchanged_ms`."""
    steps: list[tuple[int, int]] = []
    for one in changed:
        for span in _crowded(one, 1, unchanged_ms, from_ms):
            steps += ((span.start_ms, 1), (span.end_ms, -1))
    steps.sort()
    found: list[Span] = []
    count = 0
    for at_ms, step in steps:
        before, count = count, count + step
        if before < at_least <= count:
            found.append(Span(at_ms, FOREVER_MS))
        elif count < at_least <= before:
            found[-1] = Span(found[-1].start_ms, at_ms)
    return union(found)


def long_stretch(marks: Sequence[Mark], unchanged_ms: int, before_ms: int) -> bool:
    """Whether presence was told without a change for `unchanged_ms`, in any stretch or up to `before_ms`."""
    ends = [mark.at_ms for mark in marks[1:]]
    stretches = zip(marks, [*ends, before_ms], strict=False)
    return any(mark.present is not None and end_ms - mark.at_ms > unchanged_ms for mark, end_ms in stretches)


def unmoved(
    marks: Sequence[Mark], unchanged_ms: int, others: Sequence[Span], from_ms: int, seen: Sequence[int] = ()
) -> list[Span]:
    """Where, from `from_ms` on, presence has not changed through a window in which the others were lively.

    `others`: as `lively` gives them, of all sensors: one that has not changed in the window is not among the lively
    ones anyway. Such a stretch lasts until presence changes or the sensor falls silent, however quiet the others are.
    `seen`: instants before `from_ms` at which such a stretch is known to have begun.
    """
    found: list[Span] = []
    for place, mark in enumerate(marks):
        end_ms = marks[place + 1].at_ms if place + 1 < len(marks) else FOREVER_MS
        full_ms = mark.at_ms + unchanged_ms
        known_ms = max(full_ms, from_ms)
        if mark.present is None or end_ms <= known_ms:
            continue
        begun_ms = next((at_ms for at_ms in seen if full_ms <= at_ms < from_ms), None)
        if begun_ms is None:
            begun_ms = next((max(span.start_ms, known_ms) for span in others if span.end_ms > known_ms), FOREVER_MS)
        if begun_ms < end_ms:
            found.append(Span(begun_ms, end_ms))
    return found


def recent(marks: list[Mark], from_ms: int) -> list[Mark]:
    """The marks from `from_ms` on, and of those before the last one and the last two changes, which may still count."""
    place = bisect_left(marks, from_ms, key=lambda mark: mark.at_ms)
    if place <= 1:
        return marks
    kept = [n for n in range(place) if marks[n].changed][-2:]
    if kept[-1:] != [place - 1]:
        kept.append(place - 1)
    return [marks[n] for n in kept] + marks[place:]


def _crowded(changed: Sequence[int], but: int, width_ms: int, from_ms: int) -> list[Span]:
    """Where, from `from_ms` on, more than `but` of `changed` lie in the window of `width_ms`."""
    first = max(0, bisect_right(changed, from_ms) - 1 - but)
    pairs = zip(changed[first + but :], changed[first:], strict=False)
    return union(Span(max(newest_ms, from_ms), oldest_ms + width_ms) for newest_ms, oldest_ms in pairs)
