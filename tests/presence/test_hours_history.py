"""A change of hours says nothing about the time before it."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from presence.hours_history import HoursHistory, Regime, hours_by, schedule_of
from presence.instants import parse_instant
from presence.intervals import Span, union
from presence.ledger import outlet_ledger
from presence.schedule import Schedule
from presence.service_hours import ServiceHours
from presence.site import DatedHours
from tests.builders import outlet, site

HOUR_MS = 3_600_000


def at(text: str) -> int:
    """Of `24T09:30`, in November 2026 in Jakarta."""
    return parse_instant(f"2026-11-{text}+07:00")


def open_hours(expression: str, timezone: str = "Asia/Jakarta") -> ServiceHours:
    return ServiceHours(timezone, "ID", False, expression)


def history(*regimes: tuple[str, str]) -> HoursHistory:
    """`08:00-12:00` from `24T10:00` on, and so on; the first one from the beginning."""
    begins = [0, *(at(text) for text, _ in regimes[1:])]
    return HoursHistory([Regime(from_ms, open_hours(said)) for from_ms, (_, said) in zip(begins, regimes, strict=True)])


def spans(*pairs: tuple[str, str]) -> list[Span]:
    return [Span(at(start), at(end)) for start, end in pairs]


MID_DAY = history(("", "08:00-12:00"), ("24T10:00", "09:00-15:00"))


def test_a_schedule_changed_in_mid_day_parts_the_day() -> None:
    assert MID_DAY.open_spans(at("23T00:00"), at("26T00:00")) == spans(
        ("23T08:00", "23T12:00"), ("24T08:00", "24T15:00"), ("25T09:00", "25T15:00")
    )


def test_hours_that_the_new_schedule_had_before_it_was_in_force_were_closed() -> None:
    earlier = history(("", "10:00-12:00"), ("24T10:00", "06:00-08:00,11:00-12:00"))
    assert earlier.open_spans(at("24T00:00"), at("25T00:00")) == spans(("24T11:00", "24T12:00"))
    assert not earlier.is_open(at("24T07:00"))
    assert not earlier.is_open(at("24T10:30"))


def test_changes_are_found_on_both_sides_of_a_change_of_schedule() -> None:
    assert MID_DAY.next_change(at("24T09:00")) == at("24T15:00")
    assert MID_DAY.last_change(at("24T14:00")) == at("24T08:00")
    closes = history(("", "08:00-12:00"), ("24T10:00", "off"))
    assert closes.next_change(at("24T09:00")) == at("24T10:00")
    assert closes.last_change(at("29T09:00")) == at("24T10:00")
    assert closes.next_change(at("24T10:00")) is None
    never = history(("", "off"), ("24T10:00", "off"))
    assert (never.next_change(at("24T09:00")), never.last_change(at("24T11:00"))) == (None, None)


def test_the_ledger_of_a_day_whose_hours_change_in_it_has_the_hours_of_both() -> None:
    (day,) = outlet_ledger("a-1", [], MID_DAY, [], [], Span(at("24T00:00"), at("25T00:00")), 30_000)
    assert day.unknown_ms == 7 * HOUR_MS


def test_a_site_that_moves_to_another_time_zone_has_no_date_twice() -> None:
    moved = HoursHistory(
        [Regime(0, open_hours("24/7", "Asia/Jayapura")), Regime(at("24T22:30"), open_hours("24/7", "Asia/Jakarta"))]
    )
    # 00:30 of the 25th in Jayapura becomes 22:30 of the 24th in Jakarta.
    assert moved.local_days(at("24T12:00"), at("26T12:00")) == [
        ("2026-11-24", Span(at("24T12:00"), at("24T22:00"))),
        ("2026-11-25", Span(at("24T22:00"), at("26T00:00"))),
        ("2026-11-26", Span(at("26T00:00"), at("26T12:00"))),
    ]
    assert moved.local_days(at("24T23:00"), at("24T23:30"))[0][0] == "2026-11-25"


def test_a_schedule_is_what_site_agency_and_outlet_say_together() -> None:
    ramadan = DatedHours(first="2027-02-08", last="2027-03-09", service_hours="08:00-14:00", reason="Ramadan")
    said = site(outlets=[outlet(service_hours="24/7")], exceptions=(ramadan,))
    schedule = schedule_of(said, said.outlets[0])
    assert schedule == Schedule(
        timezone="Asia/Jakarta",
        country="ID",
        cuti_bersama=False,
        service_hours="24/7",
        exceptions=(DatedHours(first="2027-02-08", last="2027-03-09", service_hours="08:00-14:00"),),
    )
    assert hours_by(schedule) is hours_by(schedule_of(said, said.outlets[0]))


# --- against a look at each half hour, over both clock changes of Berlin

BEGIN_MS = parse_instant("2026-03-01T00:00:00+01:00")
instants = st.one_of(
    st.integers(0, 2 * 366 * 24).map(lambda half: BEGIN_MS + half * HOUR_MS // 2),
    # Around the last Sundays of March and October, where hours are skipped and come twice.
    st.integers(0, 96).map(lambda half: parse_instant("2026-03-28T12:00:00+01:00") + half * HOUR_MS // 2),
    st.integers(0, 96).map(lambda half: parse_instant("2026-10-24T12:00:00+02:00") + half * HOUR_MS // 2),
)
EXPRESSIONS = ("24/7", "08:00-12:00,13:00-15:00", "22:00-06:00; Su off", "Mo,Su 01:00-26:00", "off", "02:00-03:00")


@st.composite
def histories(draw: st.DrawFn) -> HoursHistory:
    changes = sorted(set(draw(st.lists(instants, max_size=4))))
    said = draw(st.lists(st.sampled_from(EXPRESSIONS), min_size=len(changes) + 1, max_size=len(changes) + 1))
    return HoursHistory(
        [
            Regime(from_ms, hours_by(_schedule(expression)))
            for from_ms, expression in zip([0, *changes], said, strict=True)
        ]
    )


def _schedule(expression: str) -> Schedule:
    return Schedule(timezone="Europe/Berlin", country="DE", cuti_bersama=False, service_hours=expression)


@settings(max_examples=150, deadline=None)
@given(histories(), instants)
def test_the_hours_of_an_instant_are_those_in_force_then(hours: HoursHistory, start_ms: int) -> None:
    halves = range(start_ms, start_ms + 72 * HOUR_MS, HOUR_MS // 2)
    asked = [Span(half, half + HOUR_MS // 2) for half in halves if hours.is_open(half)]
    assert hours.open_spans(start_ms, start_ms + 72 * HOUR_MS) == union(asked)


@settings(max_examples=150, deadline=None)
@given(histories(), instants)
def test_next_and_last_change_are_where_open_turns(hours: HoursHistory, at_ms: int) -> None:
    turns = [
        half
        for half in range(at_ms - 72 * HOUR_MS, at_ms + 72 * HOUR_MS, HOUR_MS // 2)
        if hours.is_open(half) != hours.is_open(half - 1)
    ]
    after, before = [turn for turn in turns if turn > at_ms], [turn for turn in turns if turn <= at_ms]
    found = hours.next_change(at_ms)
    assert found == after[0] if after else found is None or found >= at_ms + 72 * HOUR_MS
    found = hours.last_change(at_ms)
    assert found == before[-1] if before else found is None or found < at_ms - 72 * HOUR_MS


@settings(max_examples=50, deadline=None)
@given(histories(), instants, st.integers(1, 200))
def test_local_days_follow_each_other_without_gap(hours: HoursHistory, start_ms: int, halves: int) -> None:
    end_ms = start_ms + halves * HOUR_MS // 2
    days = hours.local_days(start_ms, end_ms)
    assert union(span for _, span in days) == [Span(start_ms, end_ms)]
    assert [date for date, _ in days] == sorted({date for date, _ in days})
