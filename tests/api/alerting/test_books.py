"""Closed days are booked once, and corrected when what is known of them changes."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, update

from presence.instants import parse_instant
from presence.intervals import Interval, Span
from presence.ledger import LedgerDay
from presence.ledger_sums import sums
from presence.pipeline import ZoneKey, ledger_of
from presence.site import Absence, Duty, Site
from storage.record import alerts, ledger
from storage.record.alerts import Cursor
from storage.record.intervals import first_start, zone_intervals
from storage.record.tables import engine_cursor, ledger_day
from tests.builders import HOUR_MS, outlet, sensor, site
from tests.fixtures.books import Keeper, at, keeper_of

DAY_MS = 24 * HOUR_MS
HOURS = "08:00-12:00,13:00-15:00"


def mall(*names: str, **fields: Any) -> Site:
    return site(**{"outlets": [outlet(name) for name in names or ("a-1",)], "service_hours": HOURS, **fields})


@pytest.fixture
def keeper(empty_record: Path) -> Iterator[Keeper]:
    with keeper_of(empty_record, mall()) as keeper:
        yield keeper


def test_a_day_is_booked_when_the_collector_has_passed_its_end(keeper: Keeper):
    keeper.zone("a-1", {"23T07:00": "occupied", "23T10:00": "vacant", "23T11:00": "occupied"})
    keeper.until("23T23:59:59.999")
    assert keeper.hours() == {}
    keeper.until("24T00:00")
    assert keeper.hours() == {"23": (5, 1, 0, 0)}
    assert keeper.hours("a-1", "duty") == {"23": (5, 1, 0, 0)}
    assert not keeper.look(at("24T09:00"))


def test_the_first_day_begins_with_the_first_interval(keeper: Keeper):
    keeper.zone("a-1", {"23T11:00": "vacant"})
    keeper.until("25T00:00")
    assert keeper.hours() == {"23": (0, 3, 0, 0), "24": (0, 6, 0, 0)}


def test_late_data_corrects_a_day_and_what_it_was_before_is_kept(keeper: Keeper):
    keeper.zone("a-1", {"23T07:00": "unknown"})
    keeper.until("24T00:00")
    keeper.now_ms = at("24T09:00")
    keeper.zone("a-1", {"23T07:00": "occupied", "23T14:00": "vacant", "23T20:00": "unknown"})
    keeper.until("24T09:00")
    assert keeper.hours() == {"23": (5, 1, 0, 0)}
    assert keeper.hours(as_of_ms=at("24T08:59:59")) == {"23": (0, 0, 0, 6)}
    with keeper.record.reading() as connection:
        (was,) = ledger.corrected(connection, "balai", "2026-11-23", "2026-11-23", "outlet", "a-1")
    assert (was.entry.day.unknown_ms, was.made_ms, was.superseded_ms) == (6 * HOUR_MS, at("24T00:00"), at("24T09:00"))
    (said,) = keeper.audited()
    assert said == {
        "event": "ledger_corrected",
        "site": "balai",
        "subject_type": "outlet",
        "subject": "a-1",
        "date": "2026-11-23",
        "before": {
            "attended_ms": 0, "absent_ms": 0, "declared_ms": 0, "unknown_ms": 6 * HOUR_MS, "equipment_down_ms": 0,
            "opened_at": None, "left_at": None,
        },
        "after": {
            "attended_ms": 5 * HOUR_MS, "absent_ms": HOUR_MS, "declared_ms": 0, "unknown_ms": 0,
            "equipment_down_ms": 0, "opened_at": "2026-11-23T01:00:00.000Z", "left_at": "2026-11-23T07:00:00.000Z",
        },
        "at": "2026-11-24T02:00:00.000Z",
    }  # fmt: skip


def test_late_data_that_says_the_same_of_the_hours_corrects_nothing(keeper: Keeper):
    keeper.zone("a-1", {"23T07:00": "occupied"})
    keeper.until("24T00:00")
    keeper.zone("a-1", {"23T12:10": "vacant", "23T12:50": "occupied"})
    assert not keeper.look(at("24T09:00"))
    assert (keeper.rows(), keeper.audited()) == (2, [])


def test_a_duty_is_booked_beside_its_outlets_which_are_no_duties_then(empty_record: Path):
    loket = mall("a-1", "a-2", "a-3", duties=(Duty(id="loket", outlets=("a-1", "a-2")),))
    with keeper_of(empty_record, loket) as keeper:
        keeper.zone("a-1", {"23T07:00": "occupied", "23T10:00": "vacant"})
        keeper.zone("a-2", {"23T07:00": "vacant", "23T09:00": "occupied"})
        keeper.until("24T00:00")
        assert keeper.hours("loket", "duty") == {"23": (6, 0, 0, 0)}
        assert keeper.hours("a-1", "duty") == {}
        assert keeper.hours("a-3", "duty") == {"23": (0, 0, 0, 6)}
        keeper.zone("a-2", {"23T09:00": "vacant"})
        keeper.until("24T08:00")
        assert keeper.hours("loket", "duty") == {"23": (2, 4, 0, 0)}
        assert [(said["subject_type"], said["subject"]) for said in keeper.audited()] == [
            ("outlet", "a-2"),
            ("duty", "loket"),
        ]


def test_duties_of_today_say_nothing_about_the_days_before(empty_record: Path):
    with keeper_of(empty_record, mall("a-1", "a-2")) as keeper:
        for name in ("a-1", "a-2"):
            keeper.zone(name, {"23T07:00": "vacant"})
        keeper.until("24T00:00")
        keeper.register(mall("a-1", "a-2", duties=(Duty(id="loket", outlets=("a-1", "a-2")),)))
        keeper.zone("a-1", {"23T10:00": "occupied"})
        keeper.until("25T00:00")
        assert keeper.hours("a-1", "duty") == {"23": (4, 2, 0, 0)}
        assert keeper.hours("loket", "duty") == {"24": (6, 0, 0, 0)}
        assert {row.id: row.obliged_ms for row in sums(entries(keeper), "site", "day")} == {"balai": 6 * HOUR_MS}
        keeper.register(mall("a-1", "a-2"))
        keeper.zone("a-1", {"24T10:00": "vacant"})
        keeper.until("25T10:00")
        assert keeper.hours("a-1", "duty") == {"23": (4, 2, 0, 0)}


def entries(keeper: Keeper) -> list[Any]:
    with keeper.record.reading() as connection:
        return [one.entry for one in ledger.days(connection, keeper.site.id, "2026-01-01", "2027-12-31")]


def test_an_outlet_that_is_new_is_not_booked_for_days_before_it_unless_something_is_known_of_it(empty_record: Path):
    with keeper_of(empty_record, mall("a-1")) as keeper:
        keeper.zone("a-1", {"23T07:00": "vacant"})
        keeper.until("25T00:00")
        keeper.register(mall("a-1", "a-2"))
        keeper.zone("a-2", {"24T10:00": "occupied"})
        keeper.zone("a-1", {"23T10:00": "occupied"})
        keeper.until("26T00:00")
        assert keeper.hours("a-2") == {"24": (4, 0, 0, 2), "25": (6, 0, 0, 0)}
        assert keeper.hours("a-2", "duty") == keeper.hours("a-2")


def test_a_day_whose_agency_has_changed_since_stays_with_whom_it_was(keeper: Keeper):
    keeper.zone("a-1", {"23T07:00": "vacant"})
    keeper.until("24T00:00")
    keeper.register(mall("a-1", outlets=[outlet("a-1", agency="bkn")]))
    keeper.zone("a-1", {"23T10:00": "occupied"})
    keeper.until("25T00:00")
    with keeper.record.reading() as connection:
        found = ledger.days(connection, "balai", "2026-11-01", "2026-11-30", subject_type="outlet")
        assert [(one.entry.agency, one.entry.day.absent_ms) for one in found] == [("dinas", 2 * HOUR_MS), ("bkn", 0)]
        assert len(ledger.days(connection, "balai", "2026-11-01", "2026-11-30", agency="bkn")) == 2


@pytest.mark.parametrize("restarted", [False, True])
def test_an_absence_declared_or_withdrawn_afterwards_books_its_days_again(keeper: Keeper, restarted: bool):
    keeper.zone("a-1", {"23T07:00": "vacant"})
    keeper.until("25T00:00")
    rows = keeper.rows()
    meeting = Absence(outlet="a-1", from_ms=at("23T09:00"), to_ms=at("23T11:00"), reason="meeting")
    absent, declared = {"23": (0, 6, 0, 0), "24": (0, 6, 0, 0)}, {"23": (0, 4, 2, 0), "24": (0, 6, 0, 0)}
    for absences, expected in (((meeting,), declared), ((), absent)):
        keeper.register(mall(absences=absences))
        if restarted:
            keeper.restart()
        keeper.until("25T09:00")
        assert keeper.hours() == expected
    assert keeper.rows() == rows + 4


def test_hours_changed_in_mid_day_leave_the_days_before_alone(keeper: Keeper):
    keeper.zone("a-1", {"23T07:00": "vacant"})
    keeper.until("24T10:00")
    keeper.register(mall(service_hours="09:00-11:00"))
    keeper.zone("a-1", {"23T07:00": "occupied"})
    keeper.until("26T00:00")
    assert keeper.hours() == {"23": (6, 0, 0, 0), "24": (3, 0, 0, 0), "25": (2, 0, 0, 0)}


def test_equipment_that_did_not_work_is_booked_and_corrected(empty_record: Path):
    watched = outlet("a-1", sensors=[sensor("s"), sensor("e", zone="equipment")])
    with keeper_of(empty_record, mall(outlets=[watched])) as keeper:
        keeper.zone("a-1", {"23T07:00": "occupied"})
        keeper.zone("a-1", {"23T07:00": "occupied", "23T11:00": "vacant"}, "equipment")
        keeper.until("24T00:00")
        assert [day.equipment_down_ms for day in keeper.days()] == [3 * HOUR_MS]
        keeper.zone("a-1", {"23T14:00": "occupied"}, "equipment")
        keeper.until("24T09:00")
        assert [day.equipment_down_ms for day in keeper.days()] == [2 * HOUR_MS]


def test_data_from_before_the_first_day_begin_the_books_anew(empty_record: Path):
    with keeper_of(empty_record, mall("a-1", "a-2")) as keeper:
        keeper.zone("a-1", {"24T10:00": "vacant"})
        keeper.until("25T00:00")
        assert keeper.hours("a-2") == {"24": (0, 0, 0, 4)}
        keeper.zone("a-1", {"23T11:00": "vacant"})
        keeper.until("25T09:00")
        assert keeper.hours("a-1") == {"23": (0, 3, 0, 0), "24": (0, 6, 0, 0)}
        assert keeper.hours("a-2") == {"23": (0, 0, 0, 3), "24": (0, 0, 0, 6)}


def test_a_long_history_is_booked_in_steps_each_of_which_is_kept(empty_record: Path):
    names = [f"a-{n}" for n in range(1, 61)]
    with keeper_of(empty_record, mall(*names)) as keeper:
        keeper.zone("a-1", {"01T07:00": "vacant"})
        frontier_ms, looks = at("23T00:00"), 0
        while keeper.look(frontier_ms):
            keeper.restart()
            looks += 1
        assert looks == 5
        assert len(keeper.days()) == 22
        assert len(keeper.days("a-60")) == 22


def test_a_correction_that_reaches_far_back_is_made_in_steps(empty_record: Path):
    names = [f"a-{n}" for n in range(1, 61)]
    with keeper_of(empty_record, mall(*names)) as keeper:
        for name in names:
            keeper.zone(name, {"16T07:00": "vacant"})
        keeper.until("23T00:00")
        for name in names:
            keeper.zone(name, {"17T10:00": "occupied"})
        looks = 0
        while keeper.look(at("23T09:00")):
            keeper.restart()
            looks += 1
        assert looks == 2
        assert keeper.hours("a-60")["17"] == (4, 2, 0, 0)
        assert keeper.hours("a-60")["22"] == (6, 0, 0, 0)


def test_the_cursor_of_alerts_and_the_books_leave_each_other_alone(keeper: Keeper):
    keeper.zone("a-1", {"23T07:00": "vacant"})
    keeper.until("24T00:00")
    with keeper.record.writing(durable=False) as connection:
        alerts.set_cursor(connection, "balai", Cursor(99, 99, 99))
        assert ledger.booked(connection, "balai") == ledger.Booked(at("24T00:00"), 99)


def test_an_outlet_that_is_removed_keeps_its_days_and_gets_no_more(empty_record: Path):
    with keeper_of(empty_record, mall("a-1", "a-2")) as keeper:
        keeper.zone("a-1", {"23T07:00": "vacant"})
        keeper.until("24T00:00")
        meeting = Absence(outlet="a-2", from_ms=at("23T09:00"), to_ms=at("23T11:00"), reason="meeting")
        keeper.register(mall("a-1", "a-2", absences=(meeting,)))
        keeper.register(mall("a-1"))
        keeper.zone("a-1", {"23T10:00": "occupied"})
        keeper.until("25T00:00")
        assert keeper.hours("a-1") == {"23": (4, 2, 0, 0), "24": (6, 0, 0, 0)}
        assert keeper.hours("a-2") == {"23": (0, 0, 0, 6)}


def test_a_site_without_outlets_has_no_books(empty_record: Path):
    with keeper_of(empty_record, mall(outlets=[])) as keeper:
        assert not keeper.look(at("25T00:00"))


# --- booked step by step, with corrections in any order, or once at the end: the same

BEGIN_MS = parse_instant("2026-10-23T08:00:00+02:00")  # the clocks of Berlin go back on the 25th
END_MS = BEGIN_MS + 5 * DAY_MS
instants = st.integers(0, 5 * 24 * 60).map(lambda minute: BEGIN_MS + minute * 60_000 + minute % 7)
EXPRESSIONS = ("24/7", HOURS, "22:00-06:00; Su off", "Mo,Sa 09:00-26:00", "off", "01:00-04:00")
KEYS = [ZoneKey("a-1", "staff"), ZoneKey("a-2", "staff"), ZoneKey("a-2", "equipment"), ZoneKey("a-3", "visitor")]


def berlin(hours: Sequence[str], **fields: Any) -> Site:
    outlets = [
        outlet("a-1", service_hours=hours[0]),
        outlet("a-2", service_hours=hours[1], sensors=[sensor("s"), sensor("e", zone="equipment")]),
        outlet("a-3", service_hours=hours[2], sensors=[sensor("v", zone="visitor")]),
    ]
    duties = (Duty(id="loket", outlets=("a-1", "a-2")),)
    return site(**{"timezone": "Europe/Berlin", "outlets": outlets, "duties": duties, **fields})


@st.composite
def revisions(draw: st.DrawFn) -> tuple[ZoneKey, int, list[Interval]]:
    edges = sorted(set(draw(st.lists(instants, min_size=1, max_size=6))))
    states = draw(st.lists(st.sampled_from(("occupied", "vacant", "unknown")), min_size=6, max_size=6))
    ends = [*edges[1:], draw(st.sampled_from((None, END_MS + DAY_MS)))]
    intervals = [Interval(*one, 0.5) for one in zip(edges, ends, states, strict=False)]
    return draw(st.sampled_from(KEYS)), edges[0], intervals


@st.composite
def absences(draw: st.DrawFn) -> tuple[Absence, ...]:
    spans = draw(st.lists(st.tuples(instants, instants), max_size=2))
    return tuple(
        Absence(outlet=outlet_id, from_ms=min(pair), to_ms=max(pair) + 1, reason="sick")
        for outlet_id, pair in zip(("a-1", "a-2"), spans, strict=False)
    )


steps = st.lists(
    st.one_of(
        st.tuples(st.just("revise"), revisions()),
        st.tuples(st.just("absences"), absences()),
        st.tuples(st.just("hours"), st.lists(st.sampled_from(EXPRESSIONS), min_size=3, max_size=3)),
        st.tuples(st.just("look"), instants),
        st.tuples(st.just("restart"), st.none()),
    ),
    max_size=12,
)


def live(keeper: Keeper, taken: Sequence[tuple[str, Any]]) -> None:
    """What an engine lives through, its time only going forward; at the end all days are over."""
    frontier_ms = BEGIN_MS
    for what, given_ in taken:
        if what == "revise":
            keeper.revise(*given_)
        elif what == "absences":
            keeper.register(dataclasses.replace(keeper.site, absences=given_))
        elif what == "hours":
            outlets = zip(keeper.site.outlets, given_, strict=True)
            counters = tuple(dataclasses.replace(one, service_hours=said) for one, said in outlets)
            keeper.register(dataclasses.replace(keeper.site, outlets=counters))
        elif what == "restart":
            keeper.restart()
        else:
            frontier_ms = max(frontier_ms, given_)
        keeper.now_ms = max(keeper.now_ms, frontier_ms)
        while keeper.look(frontier_ms):
            pass
    while keeper.look(END_MS):
        pass


def current(keeper: Keeper) -> list[LedgerDay]:
    return sorted((one.day for one in entries(keeper)), key=_key)


def _key(day: LedgerDay) -> tuple[str, str, str]:
    return day.subject, day.id, day.date


def people(days: Sequence[LedgerDay]) -> list[LedgerDay]:
    """The days without what is said of equipment."""
    return [dataclasses.replace(day, equipment_down_ms=0) for day in days]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(taken=steps)
def test_booked_with_corrections_is_as_booked_once_at_the_end(empty_record: Path, taken: list[tuple[str, Any]]):
    with keeper_of(empty_record, berlin((HOURS, HOURS, HOURS))) as keeper:
        keeper.now_ms = BEGIN_MS
        live(keeper, taken)
        found = current(keeper)
        with keeper.record.writing(durable=False) as connection:
            connection.execute(delete(ledger_day))
            connection.execute(update(engine_cursor).values(booked_ms=None))
        keeper.restart()
        while keeper.look(END_MS):
            pass
        assert found == current(keeper)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(taken=steps, hours=st.lists(st.sampled_from(EXPRESSIONS), min_size=3, max_size=3))
def test_the_books_are_what_a_replay_says_and_their_sums_are_exact(
    empty_record: Path, taken: list[tuple[str, Any]], hours: list[str]
):
    with keeper_of(empty_record, berlin(hours)) as keeper:
        keeper.now_ms = BEGIN_MS
        live(keeper, [step for step in taken if step[0] != "hours"])
        found = current(keeper)
        with keeper.record.reading() as connection:
            known = {key: zone_intervals(connection, "balai", *key, BEGIN_MS - DAY_MS, END_MS) for key in KEYS}
            starts = [first_start(connection, "balai", *key) for key in KEYS]
        begin_ms = min((start for start in starts if start is not None), default=END_MS)
        last_midnight_ms = parse_instant("2026-10-28T00:00:00+01:00")
        replayed = ledger_of(keeper.site, known, Span(begin_ms, max(begin_ms, last_midnight_ms)))
        named = [day for day in found if day.subject == "outlet" or day.id == "loket"]
        assert people(sorted(replayed, key=_key)) == people(named)
        for by in ("outlet", "duty", "agency", "site"):
            for period in ("day", "month"):
                parts = sums(entries(keeper), by, period)  # type: ignore[arg-type]
                days = [day for day in found if (day.subject == "outlet") is (by == "outlet")]
                for part in ("attended_ms", "absent_ms", "declared_ms", "unknown_ms", "obliged_ms"):
                    assert sum(getattr(one, part) for one in parts) == sum(getattr(day, part) for day in days)
        for day in found:
            (span,) = [
                span for date, span in keeper._hours["a-1"].local_days(BEGIN_MS - DAY_MS, END_MS) if date == day.date
            ]
            if day.subject == "outlet":
                seen = Span(max(begin_ms, span.start_ms), span.end_ms)
                open_ms = sum(end - start for start, end in keeper._hours[day.id].open_spans(*seen))
                assert day.obliged_ms == open_ms
