from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from presence.hours_preview import Day, local_date, preview
from presence.instants import parse_instant
from presence.schedule import Schedule
from presence.service_hours import ServiceHours
from presence.site import DatedHours


def schedule(
    service_hours: str,
    *exceptions: DatedHours,
    timezone: str = "Asia/Jakarta",
    country: str = "ID",
    leave: bool = False,
) -> Schedule:
    return Schedule(
        timezone=timezone, country=country, service_hours=service_hours, cuti_bersama=leave, exceptions=exceptions
    )


def dated(first: str, last: str, service_hours: str, reason: str | None = None) -> DatedHours:
    return DatedHours(first=first, last=last, service_hours=service_hours, reason=reason)


def lines(of: Schedule, first: str, count: int) -> list[str]:
    return [f"{day.weekday} {day.hours} {day.why}".rstrip() for day in preview(of, date.fromisoformat(first), count)]


def test_a_line_a_day_says_when_it_is_open_and_why_a_day_differs() -> None:
    office = schedule(
        "Mo-Fr 08:00-12:00,13:00-15:00; PH off",
        dated("2026-12-28", "2026-12-28", "10:00-12:00", "Rapat"),
        dated("2026-12-29", "2026-12-29", "off"),
    )
    assert lines(office, "2026-12-23", 7) == [
        "We 08:00-12:00, 13:00-15:00",
        "Th 08:00-12:00, 13:00-15:00 Cuti Bersama Hari Raya Natal (does not count)",
        "Fr closed Hari Raya Natal",
        "Sa closed",
        "Su closed",
        "Mo 10:00-12:00 Rapat",
        "Tu closed exception",
    ]  # fmt: skip


def test_collective_leave_counts_where_the_site_says_so_and_a_holiday_not_without_ph() -> None:
    assert lines(schedule("Mo-Fr 08:00-12:00; PH off", leave=True), "2026-12-24", 1) == [
        "Th closed Cuti Bersama Hari Raya Natal"
    ]
    assert lines(schedule("Mo-Fr 08:00-12:00"), "2026-12-25", 1) == ["Fr 08:00-12:00 Hari Raya Natal (does not count)"]


def test_holidays_have_the_names_of_their_country_whatever_the_locale(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANGUAGE", "en_US")
    assert lines(schedule("PH off", country="DE"), "2031-12-25", 1) == ["Th closed Erster Weihnachtstag"]
    assert lines(schedule("PH off"), "2031-12-25", 1) == ["Th closed Hari Raya Natal"]


def test_a_night_belongs_to_the_day_on_which_it_began() -> None:
    night = schedule("Mo 22:00-06:00; We 18:00-24:00")
    assert lines(night, "2026-11-23", 3) == ["Mo 22:00-06:00", "Tu closed", "We 18:00-24:00"]


def test_clocks_that_change_are_shown_as_they_run() -> None:
    berlin = schedule("02:30-05:00", timezone="Europe/Berlin", country="DE")
    assert lines(berlin, "2027-03-28", 1) == ["Su 03:00-05:00"]
    assert lines(berlin, "2026-10-25", 1) == ["Su 02:30-03:00, 02:30-05:00"]
    until_the_gap = schedule("00:00-02:30", timezone="Europe/Berlin", country="DE")
    assert lines(until_the_gap, "2027-03-28", 1) == ["Su 00:00-02:00"]


def test_a_day_as_json_has_its_instants_in_utc() -> None:
    [day] = preview(schedule("PH 08:00-12:00", dated("2026-12-25", "2026-12-31", "PH 09:00-10:00", "Natal")),
                    date(2026, 12, 25), 1)  # fmt: skip
    assert day.as_json() == {
        "date": "2026-12-25",
        "weekday": "Fr",
        "hours": ["09:00-10:00"],
        "open": [{"start": "2026-12-25T02:00:00.000Z", "end": "2026-12-25T03:00:00.000Z"}],
        "holiday": {"name": "Hari Raya Natal", "counts": True},
        "exception": {"from": "2026-12-25", "to": "2026-12-31", "reason": "Natal"},
    }


def test_the_date_is_that_of_the_zone() -> None:
    at_ms = parse_instant("2026-11-24T20:00:00Z")
    assert [local_date(at_ms, zone).day for zone in ("America/New_York", "Asia/Jakarta")] == [24, 25]


EXPRESSIONS = st.sampled_from(
    ("Mo-Fr 08:00-12:00,13:00-15:00; PH off", "22:00-06:00; Sa off", "24/7", "off", "Mo 20:00-44:00", "02:10-02:50")
)
ZONES = st.sampled_from(("Asia/Jakarta", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia"))


@settings(max_examples=60, deadline=None)
@given(EXPRESSIONS, EXPRESSIONS, ZONES, st.dates(date(2026, 1, 1), date(2028, 12, 31)), st.integers(1, 12))
def test_the_days_together_are_the_open_time(base: str, other: str, timezone: str, first: date, count: int) -> None:
    of = schedule(base, dated("2026-10-20", "2026-10-30", other), timezone=timezone, country="DE")
    days: list[Day] = list(preview(of, first, count))
    assert [day.on.toordinal() - first.toordinal() for day in days] == list(range(count))
    hours = ServiceHours.of(of)
    for day in days:
        assert len(day.clock) == len(day.stretches)
        for span in day.stretches:
            assert local_date(span.start_ms, timezone) == day.on
            assert hours.open_spans(*span) == [span]
