"""For each kind of alert one function: what makes its condition true, false or unknown, and when it is armed.

Each gives the changes within [start_ms, end_ms), the first of them at its start. The kinds about people are armed while
the outlet is open and neither a declared absence nor maintenance covers it, the others whenever no maintenance does.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter, itemgetter
from typing import Any, TypeVar

from presence.alerts.rule import Change, Disarmed, Effect, Fired
from presence.intervals import Interval, Span, Truth, TruthInterval

_REASONS: tuple[Disarmed, ...] = ("closed", "declared", "maintenance")
OUTAGE_WITHIN_MS = 120_000
_OUTAGE_ZONES = 4
_LONG_AGO_MS = -(2**62)
_start = attrgetter("start_ms")
_Stretch = TypeVar("_Stretch", Interval, Span, TruthInterval)


@dataclass(frozen=True, slots=True)
class OutletHistory:
    """What a stretch of time knows of one outlet: its zones and the spans that matter to alerts about people.

    Where a zone has no interval it is unknown.
    """

    staff: Sequence[Interval]
    open: Sequence[Span]
    declared: Sequence[Span] = field(default=())
    maintenance: Sequence[Span] = field(default=())
    visitor: Sequence[Interval] = field(default=())
    equipment: Sequence[Interval] = field(default=())


def vacancy(outlets: Sequence[OutletHistory], at_least: int, start_ms: int, end_ms: int) -> list[Change]:
    """True while fewer than `at_least` of the duty's outlets are or may be occupied; false when enough are.

    A closed outlet counts as vacant; a declared one as what is seen there, as vacant when nobody is or it is unknown.
    Armed while one of the outlets is.
    """
    if len(outlets) == 1 == at_least:
        return _vacancy_of_one(outlets[0], start_ms, end_ms)
    lines = [turns for outlet in outlets for turns in (_states(outlet.staff), *_arming(outlet))]
    changes: list[Change] = []
    last_disarmed: Disarmed | None = "closed"
    before: list[Disarmed | None] = ["closed"] * len(outlets)
    for at_ms, values in _moments(lines, start_ms, end_ms):
        occupied = unknown = 0
        why: list[Disarmed | None] = []
        for place in range(0, len(values), 4):
            state, is_open, is_declared, is_muted = values[place : place + 4]
            why.append(_disarmed(is_open, is_declared, is_muted))
            if is_open and (state == "occupied" or not is_declared):
                occupied += state == "occupied"
                unknown += state == "unknown"
        truth: Truth = True if occupied + unknown < at_least else False if occupied >= at_least else None
        disarmed = None
        if None not in why:
            ceased = [reason for reason, was in zip(why, before, strict=True) if was is None]
            disarmed = next((reason for reason in _REASONS if reason in ceased), last_disarmed)
        before, last_disarmed = why, disarmed
        _append(changes, at_ms, truth, disarmed)
    return changes


def _vacancy_of_one(outlet: OutletHistory, start_ms: int, end_ms: int) -> list[Change]:
    """The same, of an outlet that is its own duty: most are, and a year of it takes half as long."""
    changes: list[Change] = []
    disarmed: Disarmed | None = "closed"
    for at_ms, (state, *arming) in _moments([_states(outlet.staff), *_arming(outlet)], start_ms, end_ms):
        is_open, is_declared, _ = arming
        truth: Truth = True
        if is_open and (state == "occupied" or not is_declared):
            truth = None if state == "unknown" else state == "vacant"
        why = _disarmed(*arming)
        if why is None or disarmed is None:
            disarmed = why
        _append(changes, at_ms, truth, disarmed)
    return changes


def unattended(outlet: OutletHistory, start_ms: int, end_ms: int) -> list[Change]:
    """True while a visitor is there and no officer; false as soon as either is false."""
    changes: list[Change] = []
    lines = [_states(outlet.staff), _states(outlet.visitor), *_arming(outlet)]
    for at_ms, (officer, citizen, *arming) in _moments(lines, start_ms, end_ms):
        truth: Truth = None
        if officer == "occupied" or citizen == "vacant":
            truth = False
        elif officer == "vacant" and citizen == "occupied":
            truth = True
        _append(changes, at_ms, truth, _disarmed(*arming))
    return changes


def officer_came(effects: Iterable[Effect], staff: Sequence[Interval], min_presence_ms: int) -> list[Effect]:
    """`effects` of `unattended`, those that resolved as false with `presence` where it was an officer who came.

    That is: the staff side was occupied at any instant of the first `min_presence` of the false stretch.
    """
    told: list[Effect] = []
    for effect in effects:
        if not isinstance(effect, Fired) and effect.reason == "visitor_left":
            first = max(bisect_right(staff, effect.resolved_ms, key=_start) - 1, 0)
            last = bisect_left(staff, effect.resolved_ms + min_presence_ms, key=_start)
            if any(
                one.state == "occupied" and (one.end_ms is None or one.end_ms > effect.resolved_ms)
                for one in staff[first:last]
            ):
                effect = effect._replace(reason="presence")
        told.append(effect)
    return told


def equipment_down(outlet: OutletHistory, start_ms: int, end_ms: int) -> list[Change]:
    """True while the equipment zone is vacant: occupied means that it works."""
    changes: list[Change] = []
    for at_ms, (state, *arming) in _moments([_states(outlet.equipment), *_arming(outlet)], start_ms, end_ms):
        truth = None if state == "unknown" else state == "vacant"
        _append(changes, at_ms, truth, _disarmed(*arming))
    return changes


def of_device(line: Sequence[TruthInterval], muted: Sequence[Span], start_ms: int, end_ms: int) -> list[Change]:
    """The line of a sensor or gateway as it is; armed but for maintenance. Where it has no interval it is unknown."""
    changes: list[Change] = []
    for at_ms, (truth, is_muted) in _moments(
        [_turns(line, attrgetter("truth"), None), _covered(muted)], start_ms, end_ms
    ):
        _append(changes, at_ms, truth, "maintenance" if is_muted else None)
    return changes


def site_outage(zones: Sequence[Sequence[Interval]], start_ms: int, end_ms: int) -> list[Change]:
    """True from when 60 % or more and at least 4 of the site's zones have turned unknown within two minutes.

    It lasts until fewer than 60 % are unknown. `zones`: the intervals of each zone that has a sensor, from more than
    two minutes before anything that matters on; one whose first interval is unknown has not turned.
    """
    changes = [Change(start_ms, False, None)]
    unknown: dict[int, int | None] = {}  # the zones that are so, and when they turned
    stands = False
    for at_ms, turns in groupby(_unknown_turns(zones), key=itemgetter(0)):
        if at_ms >= end_ms:
            break
        for _, number, into, turned_ms in turns:
            if into:
                unknown[number] = turned_ms
            else:
                del unknown[number]
        many = len(unknown) * 5 >= len(zones) * 3 > 0
        if not stands and many:
            turned = sum(1 for since in unknown.values() if since is not None and at_ms - since <= OUTAGE_WITHIN_MS)
            stands = turned * 5 >= len(zones) * 3 and turned >= _OUTAGE_ZONES
        elif not many:
            stands = False
        _append(changes, max(at_ms, start_ms), stands, None)
    return changes


def _unknown_turns(zones: Sequence[Sequence[Interval]]) -> list[tuple[int, int, bool, int | None]]:
    """(instant, zone, whether it is unknown from then on, since when it turned so) in order of time."""
    found: list[tuple[int, int, bool, int | None]] = []
    for number, line in enumerate(zones):
        for place, interval in enumerate(line):
            if interval.state == "unknown":
                found.append((interval.start_ms, number, True, interval.start_ms if place else None))
                if interval.end_ms is not None:
                    found.append((interval.end_ms, number, False, None))
    return sorted(found, key=itemgetter(0, 2))


def _append(changes: list[Change], at_ms: int, truth: Truth, disarmed: Disarmed | None) -> None:
    if changes:
        last_ms, last_truth, last_disarmed = changes[-1]
        if truth is last_truth and disarmed == last_disarmed:
            return
        if last_ms == at_ms:
            changes.pop()
    changes.append(Change(at_ms, truth, disarmed))


# Of one line: what it becomes at which instants, in order.
_Turns = list[tuple[int, Any]]


def _moments(lines: Sequence[_Turns], start_ms: int, end_ms: int) -> Iterator[tuple[int, list[Any]]]:
    """The values of all `lines` at `start_ms`, and at each instant of [start_ms, end_ms) at which one of them turns.

    It is the same list of values each time.
    """
    values = [turns[0][1] for turns in lines]
    # What is sorted consists of runs in order, which takes little more than one pass.
    ahead = [(at_ms, place, value) for place, turns in enumerate(lines) for at_ms, value in turns if at_ms < end_ms]
    ahead.sort(key=itemgetter(0))
    moment_ms = start_ms
    for at_ms, place, value in ahead:
        if at_ms > moment_ms:
            yield moment_ms, values
            moment_ms = at_ms
        values[place] = value
    yield moment_ms, values


def _states(zone: Sequence[Interval]) -> _Turns:
    """The states of a zone, unknown where nothing is said."""
    return _turns(zone, attrgetter("state"), "unknown")


def _arming(outlet: OutletHistory) -> tuple[_Turns, _Turns, _Turns]:
    """Whether an outlet is open, declared, under maintenance: what `_disarmed` takes."""
    return _covered(outlet.open), _covered(outlet.declared), _covered(outlet.maintenance)


def _disarmed(is_open: bool, is_declared: bool, is_muted: bool) -> Disarmed | None:
    """Why an outlet is not armed; None: it is."""
    if not is_open:
        return "closed"
    return "declared" if is_declared else "maintenance" if is_muted else None


def _covered(spans: Sequence[Span]) -> _Turns:
    return _turns(spans, lambda _: True, False)


def _turns(line: Sequence[_Stretch], value: Callable[[_Stretch], object], elsewhere: object) -> _Turns:
    """What ordered, disjoint stretches say along time, `elsewhere` where there is none."""
    turns: _Turns = []
    ended_ms: int | None = _LONG_AGO_MS
    for stretch in line:
        if ended_ms is not None and ended_ms < stretch.start_ms:
            turns.append((ended_ms, elsewhere))
        turns.append((stretch.start_ms, value(stretch)))
        ended_ms = stretch.end_ms
    if ended_ms is not None:
        turns.append((ended_ms, elsewhere))
    return turns
