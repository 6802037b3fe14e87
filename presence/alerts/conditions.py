"""For each kind of alert one function: what makes its condition true, false or unknown, and when it is armed.

Each gives the changes within [start_ms, end_ms), the first of them at its start. The kinds about people are armed while
the outlet is open and neither a declared absence nor maintenance covers it, the others whenever no maintenance does.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from typing import Generic, NamedTuple, TypeVar

from presence.alerts.rule import Change, Disarmed, Effect, Fired
from presence.intervals import Interval, Span, State, Truth, TruthInterval

_REASONS: tuple[Disarmed, ...] = ("closed", "declared", "maintenance")
OUTAGE_WITHIN_MS = 120_000
_OUTAGE_ZONES = 4


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


class OutletAt(NamedTuple):
    """An outlet at an instant: why it is not armed (None: it is), and what its duty counts it as."""

    disarmed: Disarmed | None
    counted: State


def outlet_at(outlet: OutletHistory, at_ms: int) -> OutletAt:
    """What `vacancy` takes `outlet` for at an instant."""
    track = _Arming(outlet)
    track.move(at_ms)
    return OutletAt(track.why, _counted(_Cursor(outlet.staff).state(at_ms), track))


def vacancy(outlets: Sequence[OutletHistory], at_least: int, start_ms: int, end_ms: int) -> list[Change]:
    """True while fewer than `at_least` of the duty's outlets are or may be occupied; false when enough are.

    A closed outlet counts as vacant; a declared one as what is seen there, as vacant when nobody is or it is unknown.
    Armed while one of the outlets is.
    """
    tracks = [_Arming(outlet) for outlet in outlets]
    staff = [_Cursor(outlet.staff) for outlet in outlets]
    changes: list[Change] = []
    last_disarmed: Disarmed | None = "closed"
    lines: list[_Line] = []
    for outlet in outlets:
        lines += (outlet.staff, outlet.open, outlet.declared, outlet.maintenance)
    for at_ms in _boundaries(lines, start_ms, end_ms):
        occupied = unknown = 0
        armed_before = [track.why is None for track in tracks]
        for track, line in zip(tracks, staff, strict=True):
            track.move(at_ms)
            state = _counted(line.state(at_ms), track)
            occupied += state == "occupied"
            unknown += state == "unknown"
        truth: Truth = True if occupied + unknown < at_least else False if occupied >= at_least else None
        disarmed = None
        if all(track.why is not None for track in tracks):
            ceased = [track.why for track, before in zip(tracks, armed_before, strict=True) if before]
            disarmed = next((reason for reason in _REASONS if reason in ceased), last_disarmed)
        last_disarmed = disarmed
        _append(changes, Change(at_ms, truth, disarmed))
    return changes


def _counted(state: State, track: _Arming) -> State:
    return "vacant" if not track.is_open or (track.is_declared and state != "occupied") else state


def unattended(outlet: OutletHistory, start_ms: int, end_ms: int) -> list[Change]:
    """True while a visitor is there and no officer; false as soon as either is false."""
    staff, visitor, track = _Cursor(outlet.staff), _Cursor(outlet.visitor), _Arming(outlet)
    changes: list[Change] = []
    lines = [outlet.staff, outlet.visitor, outlet.open, outlet.declared, outlet.maintenance]
    for at_ms in _boundaries(lines, start_ms, end_ms):
        track.move(at_ms)
        officer, citizen = staff.state(at_ms), visitor.state(at_ms)
        truth: Truth = None
        if officer == "occupied" or citizen == "vacant":
            truth = False
        elif officer == "vacant" and citizen == "occupied":
            truth = True
        _append(changes, Change(at_ms, truth, track.why))
    return changes


def officer_came(effects: Iterable[Effect], staff: Sequence[Interval], min_presence_ms: int) -> list[Effect]:
    """`effects` of `unattended`, those that resolved as false with `presence` where it was an officer who came.

    That is: the staff side was occupied at any instant of the first `min_presence` of the false stretch.
    """
    told: list[Effect] = []
    for effect in effects:
        if not isinstance(effect, Fired) and effect.reason == "visitor_left":
            until_ms = effect.resolved_ms + min_presence_ms
            if any(
                one.state == "occupied"
                and one.start_ms < until_ms
                and (one.end_ms is None or one.end_ms > effect.resolved_ms)
                for one in staff
            ):
                effect = effect._replace(reason="presence")
        told.append(effect)
    return told


def equipment_down(outlet: OutletHistory, start_ms: int, end_ms: int) -> list[Change]:
    """True while the equipment zone is vacant: occupied means that it works."""
    equipment, track = _Cursor(outlet.equipment), _Arming(outlet)
    changes: list[Change] = []
    for at_ms in _boundaries([outlet.equipment, outlet.open, outlet.declared, outlet.maintenance], start_ms, end_ms):
        track.move(at_ms)
        state = equipment.state(at_ms)
        truth = None if state == "unknown" else state == "vacant"
        _append(changes, Change(at_ms, truth, track.why))
    return changes


def of_device(line: Sequence[TruthInterval], muted: Sequence[Span], start_ms: int, end_ms: int) -> list[Change]:
    """The line of a sensor or gateway as it is; armed but for maintenance. Where it has no interval it is unknown."""
    truth, maintenance = _Cursor(line), _Cursor(muted)
    changes: list[Change] = []
    for at_ms in _boundaries([line, muted], start_ms, end_ms):
        now = truth.at(at_ms)
        disarmed: Disarmed | None = None if maintenance.at(at_ms) is None else "maintenance"
        _append(changes, Change(at_ms, None if now is None else now.truth, disarmed))
    return changes


def site_outage(zones: Sequence[Sequence[Interval]], start_ms: int, end_ms: int) -> list[Change]:
    """True from when 60 % or more and at least 4 of the site's zones have turned unknown within two minutes.

    It lasts until fewer than 60 % are unknown. `zones`: the intervals of each zone that has a sensor, from more than
    two minutes before anything that matters on; one whose first interval is unknown has not turned.
    """
    changes = [Change(start_ms, False, None)]
    unknown: dict[int, int | None] = {}  # the zones that are so, and when they turned
    stands = False
    for at_ms, turns in groupby(_turns(zones), key=itemgetter(0)):
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
        _append(changes, Change(max(at_ms, start_ms), stands, None))
    return changes


def _turns(zones: Sequence[Sequence[Interval]]) -> list[tuple[int, int, bool, int | None]]:
    """(instant, zone, whether it is unknown from then on, since when it turned so) in order of time."""
    found: list[tuple[int, int, bool, int | None]] = []
    for number, line in enumerate(zones):
        for place, interval in enumerate(line):
            if interval.state == "unknown":
                found.append((interval.start_ms, number, True, interval.start_ms if place else None))
                if interval.end_ms is not None:
                    found.append((interval.end_ms, number, False, None))
    return sorted(found, key=itemgetter(0, 2))


def _append(changes: list[Change], change: Change) -> None:
    if not changes or change[1:] != changes[-1][1:]:
        if changes and changes[-1].at_ms == change.at_ms:
            changes.pop()
        changes.append(change)


_Stretch = TypeVar("_Stretch", Interval, Span, TruthInterval)
_Line = Sequence[Interval] | Sequence[Span] | Sequence[TruthInterval]


def _boundaries(lines: Iterable[_Line], start_ms: int, end_ms: int) -> list[int]:
    """Every instant of [start_ms, end_ms) at which a stretch of `lines` begins or ends, and `start_ms`."""
    found = {start_ms}
    for line in lines:
        for stretch in line:
            if start_ms < stretch.start_ms < end_ms:
                found.add(stretch.start_ms)
            if stretch.end_ms is not None and start_ms < stretch.end_ms < end_ms:
                found.add(stretch.end_ms)
    return sorted(found)


class _Cursor(Generic[_Stretch]):
    """Which of ordered, disjoint stretches covers an instant; asked with instants that only grow."""

    __slots__ = ("_next", "_stretches")

    def __init__(self, stretches: Sequence[_Stretch]) -> None:
        self._stretches: Sequence[_Stretch] = stretches
        self._next = 0

    def at(self, at_ms: int) -> _Stretch | None:
        while self._next < len(self._stretches):
            stretch = self._stretches[self._next]
            if stretch.end_ms is not None and stretch.end_ms <= at_ms:
                self._next += 1
                continue
            return stretch if stretch.start_ms <= at_ms else None
        return None

    def state(self: _Cursor[Interval], at_ms: int) -> State:
        """The state of a zone, unknown where nothing is said."""
        interval = self.at(at_ms)
        return "unknown" if interval is None else interval.state


class _Arming:
    """One outlet, moved along time. `why` it is not armed; None: it is."""

    __slots__ = ("_declared", "_maintenance", "_open", "is_declared", "is_open", "why")

    def __init__(self, history: OutletHistory) -> None:
        self._open = _Cursor(history.open)
        self._declared = _Cursor(history.declared)
        self._maintenance = _Cursor(history.maintenance)
        self.is_open = self.is_declared = False
        self.why: Disarmed | None = "closed"

    def move(self, at_ms: int) -> None:
        self.is_open = self._open.at(at_ms) is not None
        self.is_declared = self._declared.at(at_ms) is not None
        self.why = None
        if not self.is_open:
            self.why = "closed"
        elif self.is_declared:
            self.why = "declared"
        elif self._maintenance.at(at_ms) is not None:
            self.why = "maintenance"
