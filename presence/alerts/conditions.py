"""For each kind of alert one function: what makes its condition true, false or unknown, and when it is armed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from presence.alerts.rule import Change, Disarmed
from presence.intervals import Interval, Span, State, Truth

_REASONS: tuple[Disarmed, ...] = ("closed", "declared", "maintenance")


@dataclass(frozen=True, slots=True)
class OutletHistory:
    """What a stretch of time knows of one outlet: its staff zone and the spans that matter to alerts about people."""

    staff: Sequence[Interval]
    open: Sequence[Span]
    declared: Sequence[Span] = field(default=())
    maintenance: Sequence[Span] = field(default=())


def vacancy(outlets: Sequence[OutletHistory], at_least: int, start_ms: int, end_ms: int) -> list[Change]:
    """True while fewer than `at_least` of the duty's outlets are or may be occupied; false when enough are.

    A closed outlet counts as vacant; a declared one as what is seen there, as vacant when nobody is or it is unknown.
    Armed while one of the outlets is: open, not declared, not under maintenance. The changes within [start_ms, end_ms),
    the first of them at its start.
    """
    tracks = [_Outlet(outlet) for outlet in outlets]
    boundaries = {start_ms}
    for outlet in outlets:
        boundaries.update(at for at in _boundaries(outlet) if start_ms < at < end_ms)
    changes: list[Change] = []
    last_disarmed: Disarmed | None = "closed"
    for at_ms in sorted(boundaries):
        occupied = unknown = 0
        armed_before = [track.armed for track in tracks]
        for track in tracks:
            state = track.move(at_ms)
            occupied += state == "occupied"
            unknown += state == "unknown"
        truth: Truth = True if occupied + unknown < at_least else False if occupied >= at_least else None
        disarmed = None
        if not any(track.armed for track in tracks):
            ceased = [track.why for track, before in zip(tracks, armed_before, strict=True) if before]
            disarmed = next((reason for reason in _REASONS if reason in ceased), last_disarmed or "closed")
        last_disarmed = disarmed
        if not changes or (truth, disarmed) != changes[-1][1:]:
            changes.append(Change(at_ms, truth, disarmed))
    return changes


def _boundaries(outlet: OutletHistory) -> Iterable[int]:
    for interval in outlet.staff:
        yield interval.start_ms
        if interval.end_ms is not None:
            yield interval.end_ms
    for spans in (outlet.open, outlet.declared, outlet.maintenance):
        for span in spans:
            yield span.start_ms
            yield span.end_ms


_Stretch = TypeVar("_Stretch", Interval, Span)


class _Cursor(Generic[_Stretch]):
    """Which of ordered, disjoint stretches covers an instant; asked with instants that only grow."""

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


class _Outlet:
    """One outlet, moved along time: whether it is armed, and if not why."""

    def __init__(self, history: OutletHistory) -> None:
        self._staff = _Cursor(history.staff)
        self._open = _Cursor(history.open)
        self._declared = _Cursor(history.declared)
        self._maintenance = _Cursor(history.maintenance)
        self.armed = False
        self.why: Disarmed = "closed"

    def move(self, at_ms: int) -> State:
        """The state in which the outlet counts from `at_ms` on."""
        declared = self._declared.at(at_ms) is not None
        is_open = self._open.at(at_ms) is not None
        maintenance = self._maintenance.at(at_ms) is not None
        self.armed = is_open and not declared and not maintenance
        self.why = "closed" if not is_open else "declared" if declared else "maintenance"
        staff = self._staff.at(at_ms)
        state: State = "unknown" if staff is None else staff.state
        if not is_open or (declared and state != "occupied"):
            return "vacant"
        return state
