"""The ledger: every obliged millisecond of an outlet, or of a duty, booked once.

At each instant in which at least one of its outlets is open a duty is attended when n of the open ones are occupied,
declared ones too; else declared when all open ones are; else absent when even those that may be occupied (unknown and
not declared) would not make n; else unknown. An outlet is the duty of itself, n = 1. Nothing is bridged.

Of attended time the equipment is down while fewer than n of the occupied outlets have equipment that is not known to be
down: where nobody watches it, or nothing is known of it, it counts as working.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Protocol, get_args

from presence.hours_history import Hours
from presence.instants import rfc3339_or_none
from presence.intervals import Interval, Span, State, clip, union

Booking = Literal["attended", "absent", "declared", "unknown"]
Signal = Literal["open", "declared", "occupied", "vacant", "down"]


class WatchedOutlet(NamedTuple):
    """What the ledger needs of an outlet. `staff`, `equipment`: their zones' intervals, in order; gaps are unknown."""

    staff: Sequence[Interval]
    hours: Hours
    declared: Sequence[Span]
    equipment: Sequence[Interval] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class LedgerDay:
    """One local day of one outlet or duty. `date`: ISO. The four bookings add up to `obliged_ms`.

    `equipment_down_ms`: the part of `attended_ms` in which the equipment did not work.

    `opened_at_ms`: beginning, within hours, of the first presence of `min_presence`. `left_at_ms`: end of the last one,
    None when it lasts to the last closing of the day, to midnight if the hours go on, or to the end of what is seen.
    """

    subject: Literal["outlet", "duty"]
    id: str
    date: str
    attended_ms: int
    absent_ms: int
    declared_ms: int
    unknown_ms: int
    opened_at_ms: int | None
    left_at_ms: int | None
    equipment_down_ms: int = 0

    @property
    def obliged_ms(self) -> int:
        return self.attended_ms + self.absent_ms + self.declared_ms + self.unknown_ms

    def as_json(self) -> dict[str, Any]:
        """As `hadir replay` prints it."""
        return {
            "type": "ledger",
            self.subject: self.id,
            "date": self.date,
            "obliged_s": self.obliged_ms / 1000,
            "attended_s": self.attended_ms / 1000,
            "absent_s": self.absent_ms / 1000,
            "declared_s": self.declared_ms / 1000,
            "unknown_s": self.unknown_ms / 1000,
            "equipment_down_s": self.equipment_down_ms / 1000,
            "opened_at": rfc3339_or_none(self.opened_at_ms),
            "left_at": rfc3339_or_none(self.left_at_ms),
        }


class Coverage(NamedTuple):
    """The share of the time to be attended that was: at least, and at most. Both in [0, 1]."""

    at_least: float
    at_most: float


class Booked(Protocol):
    """Obliged time as it is booked: of a day, or of many."""

    @property
    def attended_ms(self) -> int: ...
    @property
    def absent_ms(self) -> int: ...
    @property
    def declared_ms(self) -> int: ...
    @property
    def unknown_ms(self) -> int: ...
    @property
    def equipment_down_ms(self) -> int: ...


def coverage(booked: Iterable[Booked]) -> Coverage | None:
    """The bounds over all of `booked` together; None when nothing was to be attended."""
    attended = unknown = due = 0
    for one in booked:
        attended += one.attended_ms
        unknown += one.unknown_ms
        due += one.attended_ms + one.absent_ms + one.unknown_ms
    return Coverage(attended / due, (attended + unknown) / due) if due else None


def outlet_ledger(
    outlet_id: str,
    staff: Sequence[Interval],
    hours: Hours,
    declared: Sequence[Span],
    equipment: Sequence[Interval],
    horizon: Span,
    min_presence_ms: int,
) -> list[LedgerDay]:
    """The days of an outlet within `horizon` that have obliged time, in order."""
    outlet = WatchedOutlet(staff, hours, declared, equipment)
    return _ledger("outlet", outlet_id, 1, [outlet], horizon, min_presence_ms)


class Stretch(NamedTuple):
    """[start_ms, end_ms) of obliged time, and what it is booked as."""

    start_ms: int
    end_ms: int
    booking: Booking


def outlet_stretches(staff: Sequence[Interval], hours: Hours, declared: Sequence[Span], horizon: Span) -> list[Stretch]:
    """What `outlet_ledger` adds up: the obliged time within `horizon`, in order, cut where its booking changes."""
    found: list[Stretch] = []
    for piece in _pieces([WatchedOutlet(staff, hours, declared)], 1, horizon):
        last = found[-1] if found else None
        if last is not None and (last.end_ms, last.booking) == (piece.start_ms, piece.booking):
            found[-1] = last._replace(end_ms=piece.end_ms)
        else:
            found.append(Stretch(piece.start_ms, piece.end_ms, piece.booking))
    return found


def duty_ledger(
    duty_id: str, at_least: int, outlets: Sequence[WatchedOutlet], horizon: Span, min_presence_ms: int
) -> list[LedgerDay]:
    """The days of a named duty within `horizon` that have obliged time, in order. Its outlets share one time zone."""
    return _ledger("duty", duty_id, at_least, outlets, horizon, min_presence_ms)


class _Piece(NamedTuple):
    start_ms: int
    end_ms: int
    booking: Booking
    equipment_down: bool


def _ledger(
    subject: Literal["outlet", "duty"],
    subject_id: str,
    at_least: int,
    outlets: Sequence[WatchedOutlet],
    horizon: Span,
    min_presence_ms: int,
) -> list[LedgerDay]:
    found = []
    for date, pieces in _by_day(_pieces(outlets, at_least, horizon), outlets, horizon).items():
        booked = dict.fromkeys(("attended", "absent", "declared", "unknown"), 0)
        for piece in pieces:
            booked[piece.booking] += piece.end_ms - piece.start_ms
        attended = union(Span(piece.start_ms, piece.end_ms) for piece in pieces if piece.booking == "attended")
        present = [span for span in attended if span.end_ms - span.start_ms >= min_presence_ms]
        stayed = bool(present) and present[-1].end_ms == pieces[-1].end_ms
        found.append(
            LedgerDay(
                subject=subject,
                id=subject_id,
                date=date,
                attended_ms=booked["attended"],
                absent_ms=booked["absent"],
                declared_ms=booked["declared"],
                unknown_ms=booked["unknown"],
                opened_at_ms=present[0].start_ms if present else None,
                left_at_ms=present[-1].end_ms if present and not stayed else None,
                equipment_down_ms=sum(piece.end_ms - piece.start_ms for piece in pieces if piece.equipment_down),
            )
        )
    return found


def _by_day(pieces: Iterable[_Piece], outlets: Sequence[WatchedOutlet], horizon: Span) -> dict[str, list[_Piece]]:
    """The pieces of each local date that has any, parted at midnight."""
    found: dict[str, list[_Piece]] = defaultdict(list)
    days = iter(outlets[0].hours.local_days(*horizon) if outlets else ())
    date, day = next(days, ("", Span(0, 0)))
    for piece in pieces:
        while day.end_ms <= piece.start_ms:
            date, day = next(days)
        found[date].append(piece._replace(end_ms=min(piece.end_ms, day.end_ms)))
        while day.end_ms < piece.end_ms:
            date, day = next(days)
            found[date].append(piece._replace(start_ms=day.start_ms, end_ms=min(piece.end_ms, day.end_ms)))
    return found


def _pieces(outlets: Sequence[WatchedOutlet], at_least: int, horizon: Span) -> Iterator[_Piece]:
    """The obliged time within `horizon`, in order, cut wherever an outlet's hours, absence or state changes."""
    changes = sorted(
        change
        for number, outlet in enumerate(outlets)
        for signal, spans in _signals(outlet, horizon)
        for span in spans
        # Ends sort before beginnings of the same instant.
        for change in ((span.start_ms, True, signal, number), (span.end_ms, False, signal, number))
    )
    true: dict[Signal, set[int]] = {signal: set() for signal in get_args(Signal)}
    before_ms = horizon.start_ms
    for at_ms, begins, signal, number in changes:
        if at_ms > before_ms and true["open"]:
            booked = booking(true, at_least)
            working = true["open"] & true["occupied"] - true["down"]
            yield _Piece(before_ms, at_ms, booked, booked == "attended" and len(working) < at_least)
        before_ms = at_ms
        if begins:
            true[signal].add(number)
        else:
            true[signal].remove(number)


def _signals(outlet: WatchedOutlet, horizon: Span) -> Iterator[tuple[Signal, list[Span]]]:
    """When each signal of an outlet is true, within `horizon`: stretches that do not touch."""
    yield "open", outlet.hours.open_spans(*horizon)
    yield "declared", list(clip(union(outlet.declared), *horizon))
    yield "occupied", _in_state(outlet.staff, "occupied", horizon)
    yield "vacant", _in_state(outlet.staff, "vacant", horizon)
    yield "down", _in_state(outlet.equipment, "vacant", horizon)


def _in_state(intervals: Iterable[Interval], state: State, horizon: Span) -> list[Span]:
    spans = (
        Span(interval.start_ms, horizon.end_ms if interval.end_ms is None else interval.end_ms)
        for interval in intervals
        if interval.state == state
    )
    return list(clip(union(spans), *horizon))


def booking(true: Mapping[Signal, AbstractSet[int]], at_least: int) -> Booking:
    """What an instant of a duty is booked as. `true`: of which outlets each signal is true; one of them is open."""
    occupied = true["open"] & true["occupied"]
    if len(occupied) >= at_least:
        return "attended"
    if true["open"] <= true["declared"]:
        return "declared"
    perhaps = true["open"] - true["occupied"] - true["vacant"] - true["declared"]
    return "absent" if len(occupied) + len(perhaps) < at_least else "unknown"
