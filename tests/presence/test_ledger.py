"""Every obliged millisecond is booked once, as the rules say at each instant."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from presence.instants import parse_instant, rfc3339_or_none
from presence.intervals import Interval, Span, State
from presence.ledger import Coverage, LedgerDay, WatchedOutlet, coverage, duty_ledger, outlet_ledger
from presence.service_hours import ServiceHours

MIN_PRESENCE_MS = 30_000
MINUTE_MS = 60_000
JAKARTA = ZoneInfo("Asia/Jakarta")


def at(text: str) -> int:
    """Of `24T09:30`, in November 2026 in Jakarta, or of whole RFC 3339 text."""
    return parse_instant(text if text.endswith("Z") else f"2026-11-{text}+07:00")


def open_hours(expression: str = "08:00-12:00,13:00-15:00", timezone: str = "Asia/Jakarta") -> ServiceHours:
    return ServiceHours(timezone, "ID", False, expression)


def staff(*states: tuple[str, State]) -> list[Interval]:
    """Intervals that begin where given, the last one open."""
    ends = [at(text) for text, _ in states[1:]]
    return [Interval(at(text), end, state, 0.5) for (text, state), end in zip(states, [*ends, None], strict=True)]


def stretch(start: str, end: str) -> Span:
    return Span(at(start), at(end))


def booked(day: LedgerDay) -> tuple[float, float, float, float]:
    """Attended, absent, declared, unknown in minutes."""
    parts = (day.attended_ms, day.absent_ms, day.declared_ms, day.unknown_ms)
    return tuple(part / MINUTE_MS for part in parts)  # type: ignore[return-value]


def of_outlet(
    states: Sequence[Interval],
    expression: str = "08:00-12:00,13:00-15:00",
    *,
    declared: Sequence[Span] = (),
    equipment: Sequence[Interval] = (),
    horizon: Span | None = None,
) -> list[LedgerDay]:
    seen = horizon or stretch("24T00:00", "25T00:00")
    return outlet_ledger("a-1", states, open_hours(expression), declared, equipment, seen, MIN_PRESENCE_MS)


def test_a_day_as_replay_prints_it() -> None:
    states = staff(("24T07:50", "occupied"), ("24T09:00", "vacant"), ("24T09:25:00.001", "occupied"))
    assert [day.as_json() for day in of_outlet(states)] == [
        {
            "type": "ledger",
            "outlet": "a-1",
            "date": "2026-11-24",
            "obliged_s": 21600.0,
            "attended_s": 20099.999,
            "absent_s": 1500.001,
            "declared_s": 0.0,
            "unknown_s": 0.0,
            "equipment_down_s": 0.0,
            "opened_at": "2026-11-24T01:00:00.000Z",
            "left_at": None,
        }
    ]


def test_presence_goes_before_a_declared_absence_and_that_before_everything_else() -> None:
    states = staff(
        ("24T08:00", "occupied"), ("24T09:00", "vacant"), ("24T10:00", "occupied"), ("24T10:10", "unknown"),
        ("24T11:00", "vacant"), ("24T13:00", "unknown"),
    )  # fmt: skip
    (day,) = of_outlet(states, declared=[stretch("24T09:30", "24T10:30"), stretch("24T10:20", "24T10:40")])
    assert booked(day) == (70, 30 + 60, 30 + 30, 20 + 120)


def test_an_outlet_without_evidence_is_unknown_all_along() -> None:
    (day,) = of_outlet([])
    assert booked(day) == (0, 0, 0, 360)
    assert (day.opened_at_ms, day.left_at_ms) == (None, None)


def test_gaps_between_intervals_are_unknown() -> None:
    (day,) = of_outlet([Interval(at("24T08:00"), at("24T09:00"), "vacant", 0.0)])
    assert booked(day) == (0, 60, 0, 300)


def test_days_without_obliged_time_are_left_out() -> None:
    days = of_outlet([], "Tu,Th 08:00-09:00", horizon=stretch("23T00:00", "29T00:00"))
    assert [day.date for day in days] == ["2026-11-24", "2026-11-26"]
    assert of_outlet([], "off") == []
    assert duty_ledger("loket", 1, [], stretch("23T00:00", "29T00:00"), MIN_PRESENCE_MS) == []


@pytest.mark.parametrize(
    ("states", "horizon", "opened_and_left"),
    [
        # Cut to the hours; a break is not the closing.
        ((("24T07:50", "occupied"), ("24T14:00", "vacant")), "25T00:00", ("01:00", "07:00")),
        ((("24T07:50", "occupied"), ("24T12:30", "vacant")), "25T00:00", ("01:00", "05:00")),
        ((("24T07:50", "occupied"), ("24T15:00", "vacant")), "25T00:00", ("01:00", None)),
        # Shorter than 30 s is no presence to open by, nor to stay by.
        ((("24T08:00", "occupied"), ("24T08:00:29.999", "vacant")), "25T00:00", (None, None)),
        ((("24T08:00", "occupied"), ("24T08:00:30", "vacant")), "25T00:00", ("01:00", "01:00:30")),
        ((("24T09:00", "occupied"), ("24T10:00", "unknown"), ("24T14:59:40", "occupied")), "25T00:00",
         ("02:00", "03:00")),
        ((("24T11:59:40", "occupied"), ("24T12:20", "vacant")), "25T00:00", (None, None)),
        # What lies behind the horizon is not seen, be it the afternoon or the rest of a presence.
        ((("24T08:10", "occupied"), ("24T09:00", "vacant")), "24T08:40", ("01:10", None)),
        ((("24T08:10", "occupied"), ("24T12:10", "vacant")), "24T12:30", ("01:10", None)),
    ],
)  # fmt: skip
def test_opened_and_left(
    states: tuple[tuple[str, State], ...], horizon: str, opened_and_left: tuple[str | None, str | None]
) -> None:
    (day,) = of_outlet(staff(*states), horizon=stretch("24T00:00", horizon))
    texts = (rfc3339_or_none(day.opened_at_ms), rfc3339_or_none(day.left_at_ms))
    assert texts == tuple(
        text and f"2026-11-24T{text}{':00' if len(text) == 5 else ''}.000Z" for text in opened_and_left
    )


def test_a_night_is_parted_at_local_midnight() -> None:
    states = staff(("24T21:30", "occupied"), ("24T23:55", "vacant"), ("25T00:20", "occupied"), ("25T06:30", "vacant"))
    first, second = of_outlet(states, "22:00-06:00", horizon=stretch("24T12:00", "25T12:00"))
    assert (first.date, booked(first)) == ("2026-11-24", (115, 5, 0, 0))
    assert (first.opened_at_ms, first.left_at_ms) == (at("24T22:00"), at("24T23:55"))
    assert (second.date, booked(second)) == ("2026-11-25", (340, 20, 0, 0))
    assert (second.opened_at_ms, second.left_at_ms) == (at("25T00:20"), None)


def test_who_stays_past_midnight_has_not_left_and_is_there_from_midnight_on() -> None:
    days = of_outlet(staff(("24T21:30", "occupied")), "24/7", horizon=stretch("24T12:00", "26T00:00"))
    assert [(day.opened_at_ms, day.left_at_ms) for day in days] == [(at("24T21:30"), None), (at("25T00:00"), None)]


def test_a_day_of_25_hours_has_25_hours() -> None:
    berlin = open_hours("24/7", "Europe/Berlin")
    horizon = Span(at("2026-10-24T22:00:00Z"), at("2026-10-25T23:00:00Z"))
    (day,) = outlet_ledger("a-1", [], berlin, [], [], horizon, MIN_PRESENCE_MS)
    assert (day.date, day.obliged_ms) == ("2026-10-25", 25 * 60 * MINUTE_MS)


def watched(states: Iterable[tuple[str, State]], expression: str = "08:00-12:00", *declared: Span) -> WatchedOutlet:
    return WatchedOutlet(staff(*states), open_hours(expression), declared)


@pytest.mark.parametrize(
    ("at_least", "outlets", "minutes"),
    [
        # One of two: the other one's emptiness is nobody's fault; unknown may be staffed.
        (1, [watched([("24T08:00", "occupied")]), watched([("24T08:00", "vacant")])], (240, 0, 0, 0)),
        (1, [watched([("24T08:00", "unknown")]), watched([("24T08:00", "vacant")])], (0, 0, 0, 240)),
        # Two of two: one that is vacant is enough.
        (2, [watched([("24T08:00", "unknown")]), watched([("24T08:00", "vacant")])], (0, 240, 0, 0)),
        # Who sits at a closed outlet counts for nothing; the duty is obliged while one of them is open.
        (
            1,
            [watched([("24T08:00", "vacant")]), watched([("24T08:00", "occupied")], "10:00-13:00")],
            (180, 120, 0, 0),
        ),
        (
            2,
            [watched([("24T08:00", "occupied")]), watched([("24T08:00", "occupied")], "10:00-12:00")],
            (120, 120, 0, 0),
        ),
        # A declared outlet counts when somebody is seen there, and as vacant when that is unknown.
        (
            1,
            [watched([("24T08:00", "vacant")]),
             watched(
                 [("24T08:00", "unknown"), ("24T10:00", "occupied")], "08:00-12:00", stretch("24T09:00", "24T11:00"),
             )],
            (120, 60, 0, 60),
        ),
        # Declared when all that are open are.
        (
            1,
            [watched([("24T08:00", "vacant")], "08:00-12:00", stretch("24T08:00", "24T10:00")),
             watched([("24T08:00", "unknown")], "09:00-12:00", stretch("24T09:30", "24T12:00"))],
            (0, 120, 90, 30),
        ),
    ],
)  # fmt: skip
def test_a_duty_is_booked_by_what_its_open_outlets_give(
    at_least: int, outlets: list[WatchedOutlet], minutes: tuple[float, ...]
) -> None:
    (day,) = duty_ledger("loket", at_least, outlets, stretch("24T00:00", "25T00:00"), MIN_PRESENCE_MS)
    assert booked(day) == minutes
    assert day.as_json()["duty"] == "loket"


def test_equipment_is_down_in_attended_time_in_which_it_is_known_not_to_work() -> None:
    states = staff(("24T08:00", "occupied"), ("24T10:00", "vacant"), ("24T13:00", "occupied"))
    equipment = staff(
        ("24T07:00", "vacant"), ("24T08:15", "occupied"), ("24T08:30", "unknown"), ("24T09:50", "vacant"),
        ("24T13:05:00.001", "occupied"),
    )  # fmt: skip
    (day,) = of_outlet(states, equipment=equipment)
    assert booked(day) == (240, 120, 0, 0)
    assert day.as_json()["equipment_down_s"] == 1800.001


@pytest.mark.parametrize(
    ("at_least", "down", "minutes"),
    [
        # One of two is enough, and works.
        (1, [("24T08:00", "24T09:00"), None], 0),
        # At nine the one whose equipment works leaves.
        (1, [("24T08:00", "24T09:30"), ("24T08:45", "24T12:00")], 45),
        (2, [("24T08:00", "24T08:20"), ("24T08:10", "24T08:30")], 30),
    ],
)
def test_the_equipment_of_a_duty_is_down_while_too_few_of_those_who_are_there_can_work(
    at_least: int, down: list[tuple[str, str] | None], minutes: int
) -> None:
    outlets = [
        WatchedOutlet(
            staff(("24T08:00", "occupied"), (left, "vacant")),
            open_hours("08:00-12:00"),
            (),
            [] if span is None else staff((span[0], "vacant"), (span[1], "occupied")),
        )
        for left, span in zip(("24T12:00", "24T11:00"), down, strict=True)
    ]
    (day,) = duty_ledger("loket", at_least, outlets, stretch("24T00:00", "25T00:00"), MIN_PRESENCE_MS)
    assert day.equipment_down_ms == minutes * MINUTE_MS


def test_a_duty_opens_when_enough_are_there_and_goes_on_while_they_relieve_each_other() -> None:
    outlets = [
        watched([("24T08:00", "occupied"), ("24T10:00", "vacant")]),
        watched([("24T08:10", "occupied"), ("24T11:00", "vacant")]),
        watched([("24T10:00", "occupied")]),
    ]
    (day,) = duty_ledger("loket", 2, outlets, stretch("24T00:00", "25T00:00"), MIN_PRESENCE_MS)
    assert (day.opened_at_ms, day.left_at_ms) == (at("24T08:10"), at("24T11:00"))


def test_coverage_is_a_bound() -> None:
    states = staff(("24T08:00", "occupied"), ("24T09:00", "vacant"), ("24T10:00", "unknown"), ("24T11:00", "vacant"))
    days = of_outlet(states, declared=[stretch("24T11:00", "25T00:00")])
    assert coverage(days) == Coverage(60 / 180, 120 / 180)
    assert coverage(of_outlet(states, declared=[stretch("24T00:00", "25T00:00")])) == Coverage(1.0, 1.0)
    assert coverage(of_outlet([], declared=[stretch("24T00:00", "25T00:00")])) is None


# --- against a reference that asks at each instant at which anything changes

HORIZON_MINUTES = 4 * 24 * 60
START_MS = at("2026-10-23T20:30:00Z")
EXPRESSIONS = st.sampled_from(("24/7", "08:00-12:00,13:00-15:00", "22:00-06:00; Su off", "Mo,Sa 09:00-26:00", "off"))
minutes = st.integers(0, HORIZON_MINUTES).map(lambda minute: START_MS + minute * MINUTE_MS + minute % 7)


@st.composite
def zones(draw: st.DrawFn) -> list[Interval]:
    edges = sorted(set(draw(st.lists(minutes, min_size=2, max_size=16))))
    states = draw(st.lists(st.sampled_from(("occupied", "vacant", "unknown", None)), min_size=16, max_size=16))
    return [
        Interval(start, end, state, 0.5)
        for start, end, state in zip(edges, [*edges[1:], None], states, strict=False)
        if state is not None
    ]


@st.composite
def histories(draw: st.DrawFn) -> WatchedOutlet:
    declared = [Span(*sorted(pair)) for pair in draw(st.lists(st.tuples(minutes, minutes), max_size=3))]
    hours = draw(
        st.sampled_from(("24/7", "08:00-12:00,13:00-15:00", "22:00-06:00; Su off", "Mo,Sa 09:00-26:00", "off"))
    )
    equipment = draw(st.one_of(st.just([]), zones()))
    return WatchedOutlet(draw(zones()), open_hours(hours, "Europe/Berlin"), declared, equipment)


def state_at(intervals: Sequence[Interval], at_ms: int) -> State:
    states = [one.state for one in intervals if one.start_ms <= at_ms and (one.end_ms or at_ms + 1) > at_ms]
    return states[0] if states else "unknown"


def is_down_at(outlets: list[WatchedOutlet], at_least: int, at_ms: int) -> bool:
    """Whether too few of those who are there can work."""
    there = [one for one in outlets if one.hours.is_open(at_ms) and state_at(one.staff, at_ms) == "occupied"]
    return sum(state_at(one.equipment, at_ms) != "vacant" for one in there) < at_least


def booking_at(outlets: list[WatchedOutlet], at_least: int, at_ms: int) -> str | None:
    seen = [
        (state_at(outlet.staff, at_ms), any(start <= at_ms < end for start, end in outlet.declared))
        for outlet in outlets
        if outlet.hours.is_open(at_ms)
    ]
    if not seen:
        return None
    occupied = sum(state == "occupied" for state, _ in seen)
    perhaps = sum(state == "unknown" and not declared for state, declared in seen)
    if occupied >= at_least:
        return "attended"
    if all(declared for _, declared in seen):
        return "declared"
    return "absent" if occupied + perhaps < at_least else "unknown"


def reference(outlets: list[WatchedOutlet], at_least: int, horizon: Span) -> list[LedgerDay]:
    zone = ZoneInfo("Europe/Berlin")

    def date_of(at_ms: int) -> str:
        return datetime.fromtimestamp(at_ms / 1000, zone).date().isoformat()

    edges = {edge for outlet in outlets for span in outlet.hours.open_spans(*horizon) for edge in span}
    edges |= {edge for outlet in outlets for span in outlet.declared for edge in span}
    intervals = [one for outlet in outlets for one in (*outlet.staff, *outlet.equipment)]
    edges |= {edge for one in intervals for edge in (one.start_ms, one.end_ms) if edge}
    # Local midnights lie on whole hours.
    edges |= set(range(START_MS - 30 * MINUTE_MS, horizon.end_ms, 60 * MINUTE_MS)) | set(horizon)
    inside = sorted(edge for edge in edges if horizon.start_ms <= edge <= horizon.end_ms)
    sums: dict[str, dict[str, int]] = {}
    runs: dict[str, list[list[int]]] = {}
    closing: dict[str, int] = {}
    for start, end in pairwise(inside):
        booking, date = booking_at(outlets, at_least, start), date_of(start)
        if booking is None:
            continue
        day = sums.setdefault(date, dict.fromkeys(("attended", "absent", "declared", "unknown", "equipment_down"), 0))
        day[booking] += end - start
        closing[date] = end
        if booking == "attended":
            day["equipment_down"] += end - start if is_down_at(outlets, at_least, start) else 0
            if runs.setdefault(date, []) and runs[date][-1][1] == start:
                runs[date][-1][1] = end
            else:
                runs[date].append([start, end])
    found = []
    for date, day in sums.items():
        present = [run for run in runs.get(date, ()) if run[1] - run[0] >= MIN_PRESENCE_MS]
        found.append(
            LedgerDay(
                subject="duty", id="loket", date=date, **{f"{name}_ms": length for name, length in day.items()},
                opened_at_ms=present[0][0] if present else None,
                left_at_ms=present[-1][1] if present and present[-1][1] != closing[date] else None,
            )
        )  # fmt: skip
    return found


@settings(max_examples=150, deadline=None)
@given(st.lists(histories(), min_size=1, max_size=3), st.integers(1, 3), minutes, minutes)
def test_the_ledger_is_what_a_look_at_every_instant_says(
    outlets: list[WatchedOutlet], at_least: int, one_ms: int, other_ms: int
) -> None:
    horizon = Span(*sorted((one_ms, other_ms)))
    days = duty_ledger("loket", at_least, outlets, horizon, MIN_PRESENCE_MS)
    assert days == reference(outlets, at_least, horizon)


@settings(max_examples=100, deadline=None)
@given(histories(), minutes, minutes)
def test_obliged_time_is_the_service_hours_exactly(outlet: WatchedOutlet, one_ms: int, other_ms: int) -> None:
    horizon = Span(*sorted((one_ms, other_ms)))
    days = outlet_ledger("a-1", *outlet, horizon, MIN_PRESENCE_MS)
    open_ms = sum(span.end_ms - span.start_ms for span in outlet.hours.open_spans(*horizon))
    assert sum(day.attended_ms + day.absent_ms + day.declared_ms + day.unknown_ms for day in days) == open_ms
