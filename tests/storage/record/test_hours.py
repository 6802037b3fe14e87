"""Which hours are in force from when on, as the record keeps it."""

from __future__ import annotations

import dataclasses
from typing import Any

from sqlalchemy import delete

from presence.intervals import Span
from presence.site import Agency, DatedHours, Site
from storage.record import Record
from storage.record.hours import hours_history
from storage.record.registry import apply
from storage.record.tables import hours_in_force
from tests.builders import HOUR_MS, outlet, site

DAY_MS = 24 * HOUR_MS
# Midnight of a Monday in UTC.
MONDAY = 1_795_392_000_000


def at_utc(**fields: Any) -> Site:
    return site(**{"timezone": "UTC", "service_hours": "08:00-12:00", **fields})


def put(record: Record, wanted: Site, now_ms: int, *, prune: bool = True) -> None:
    with record.writing(durable=False) as connection:
        apply(connection, wanted, prune=prune, now_ms=now_ms)


def hours(record: Record, wanted: Site, outlet_id: str = "a-1", days: int = 3) -> list[Span]:
    """What was obliged on the `days` from MONDAY on, in hours after it."""
    with record.reading() as connection:
        found = hours_history(connection, wanted)[outlet_id].open_spans(MONDAY, MONDAY + days * DAY_MS)
    return [Span((start - MONDAY) // HOUR_MS, (end - MONDAY) // HOUR_MS) for start, end in found]


def rows(record: Record) -> list[tuple[str, int]]:
    with record.reading() as connection:
        found = connection.execute(hours_in_force.select().order_by(hours_in_force.c.outlet, hours_in_force.c.from_ms))
        return [(row.outlet, row.from_ms) for row in found]


def test_a_first_registration_counts_from_the_beginning(record: Record):
    put(record, at_utc(), MONDAY + DAY_MS)
    assert hours(record, at_utc()) == [(8, 12), (32, 36), (56, 60)]
    assert rows(record) == [("a-1", 0)]


def test_a_change_in_mid_day_says_nothing_about_the_past(record: Record):
    put(record, at_utc(), MONDAY)
    changed = at_utc(service_hours="10:00-16:00")
    put(record, changed, MONDAY + DAY_MS + 11 * HOUR_MS)
    assert hours(record, changed) == [(8, 12), (32, 40), (58, 64)]


def test_only_outlets_whose_own_hours_change_get_a_row(record: Record):
    said = at_utc(outlets=[outlet("a-1"), outlet("a-2", service_hours="24/7")])
    put(record, said, MONDAY)
    put(record, dataclasses.replace(said, service_hours="09:00-12:00", name="Balai Baru"), MONDAY + DAY_MS)
    assert rows(record) == [("a-1", 0), ("a-1", MONDAY + DAY_MS), ("a-2", 0)]


def test_an_exception_counts_whoever_makes_it_and_its_reason_is_no_change(record: Record):
    closed = DatedHours(first="2026-11-24", last="2026-11-24", service_hours="off", reason="Rapat")
    put(record, at_utc(), MONDAY)
    by_agency = at_utc(agencies=(Agency(id="dinas", name="Dinas", exceptions=(closed,)),))
    put(record, by_agency, MONDAY + HOUR_MS)
    assert hours(record, by_agency) == [(8, 12), (56, 60)]
    renamed = dataclasses.replace(closed, reason="Rapat kerja")
    put(record, at_utc(agencies=(Agency(id="dinas", name="Dinas", exceptions=(renamed,)),)), MONDAY + 2 * HOUR_MS)
    assert rows(record) == [("a-1", 0), ("a-1", MONDAY + HOUR_MS)]


def test_a_record_from_before_these_rows_counts_its_hours_for_all_time(record: Record):
    put(record, at_utc(), MONDAY)
    with record.writing(durable=False) as connection:
        connection.execute(delete(hours_in_force))
    assert hours(record, at_utc()) == [(8, 12), (32, 36), (56, 60)]
    changed = at_utc(service_hours="10:00-16:00")
    put(record, changed, MONDAY + DAY_MS)
    assert hours(record, changed) == [(8, 12), (34, 40), (58, 64)]


def test_hours_that_a_wrong_clock_put_into_the_future_never_were_in_force(record: Record):
    put(record, at_utc(), MONDAY)
    put(record, at_utc(service_hours="24/7"), MONDAY + 2 * DAY_MS)
    put(record, at_utc(service_hours="10:00-16:00"), MONDAY + DAY_MS)
    assert hours(record, at_utc()) == [(8, 12), (34, 40), (58, 64)]
    put(record, at_utc(service_hours="09:00-10:00"), MONDAY + DAY_MS)
    assert rows(record) == [("a-1", 0), ("a-1", MONDAY + DAY_MS)]
    assert hours(record, at_utc()) == [(8, 12), (33, 34), (57, 58)]


def test_an_outlet_that_comes_back_was_judged_by_its_old_hours_until_then(record: Record):
    both = at_utc(outlets=[outlet("a-1"), outlet("a-2", service_hours="09:00-10:00")])
    put(record, both, MONDAY)
    put(record, at_utc(), MONDAY + HOUR_MS)
    back = at_utc(outlets=[outlet("a-1"), outlet("a-2")])
    put(record, back, MONDAY + DAY_MS)
    assert hours(record, back, "a-2") == [(9, 10), (32, 36), (56, 60)]


def test_outlets_of_equal_hours_share_them(record: Record):
    said = at_utc(outlets=[outlet("a-1"), outlet("a-2")])
    put(record, said, MONDAY)
    with record.reading() as connection:
        found = hours_history(connection, said)
    assert found["a-1"] is found["a-2"]
