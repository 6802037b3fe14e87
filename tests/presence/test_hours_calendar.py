"""The calendar file: what RFC 5545 asks of its text, and that an event keeps its UID when its times change."""

from __future__ import annotations

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from presence.hours_calendar import calendar, key_of
from presence.hours_preview import preview
from presence.instants import parse_instant
from presence.schedule import Schedule
from presence.site import DatedHours

NOW_MS = parse_instant("2026-11-20T01:02:03Z")


def schedule(service_hours: str, *exceptions: DatedHours) -> Schedule:
    return Schedule(timezone="Asia/Jakarta", country="ID", service_hours=service_hours, exceptions=exceptions)


def text_of(of: Schedule, name: str = "Loket 7", first: date = date(2026, 12, 24), count: int = 2) -> str:
    return calendar(preview(of, first, count), name=name, key="imigrasi-1.mpp", now_ms=NOW_MS)


def properties(text: str, name: str) -> list[str]:
    """The values of a property, lines unfolded."""
    lines = text.replace("\r\n ", "").split("\r\n")
    return [line.partition(":")[2] for line in lines if line.partition(":")[0] == name]


def test_an_event_for_each_open_stretch() -> None:
    closed = DatedHours(first="2026-12-25", last="2026-12-25", service_hours="09:00-10:00", reason="Natal, pagi; saja")
    assert text_of(schedule("Mo-Fr 08:00-12:00,22:00-06:00; PH off", closed)).split("\r\n") == [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Hadir//service hours//EN",
        "CALSCALE:GREGORIAN",
        "METHOD:PUBLISH",
        "NAME:Loket 7",
        "X-WR-CALNAME:Loket 7",
        "BEGIN:VEVENT",
        "UID:20261224-1.imigrasi-1.mpp@hadir",
        "DTSTAMP:20261120T010203Z",
        "DTSTART:20261224T010000Z",
        "DTEND:20261224T050000Z",
        "SUMMARY:Loket 7",
        "DESCRIPTION:Cuti Bersama Hari Raya Natal (does not count)",
        "TRANSP:TRANSPARENT",
        "END:VEVENT",
        "BEGIN:VEVENT",
        "UID:20261224-2.imigrasi-1.mpp@hadir",
        "DTSTAMP:20261120T010203Z",
        "DTSTART:20261224T150000Z",
        "DTEND:20261224T230000Z",
        "SUMMARY:Loket 7",
        "DESCRIPTION:Cuti Bersama Hari Raya Natal (does not count)",
        "TRANSP:TRANSPARENT",
        "END:VEVENT",
        "BEGIN:VEVENT",
        "UID:20261225-1.imigrasi-1.mpp@hadir",
        "DTSTAMP:20261120T010203Z",
        "DTSTART:20261225T020000Z",
        "DTEND:20261225T030000Z",
        "SUMMARY:Loket 7",
        "DESCRIPTION:Natal\\, pagi\\; saja\\; Hari Raya Natal (does not count)",
        "TRANSP:TRANSPARENT",
        "END:VEVENT",
        "END:VCALENDAR",
        "",
    ]


def test_other_times_keep_the_uids() -> None:
    before, after = (text_of(schedule(f"08:00-{end}; 13:00-15:00")) for end in ("11:00", "12:00"))
    assert properties(before, "UID") == properties(after, "UID")


def test_around_the_clock_is_an_event_a_day_so_that_the_uids_do_not_depend_on_the_first_day() -> None:
    always = schedule("24/7")
    assert properties(text_of(always), "UID")[1] == properties(text_of(always, first=date(2026, 12, 25)), "UID")[0]


def test_hours_of_no_site_are_known_by_their_expression_and_not_by_their_exceptions() -> None:
    off = DatedHours(first="2026-12-24", last="2026-12-24", service_hours="off")
    assert key_of(schedule("24/7")) == key_of(schedule("24/7", off)) != key_of(schedule("08:00-09:00"))


@given(st.text(st.characters(codec="utf-8"), max_size=200))
def test_any_name_is_folded_and_escaped_and_comes_back(name: str) -> None:
    text = text_of(schedule("08:00-09:00"), name, count=1)
    assert all(len(line.encode()) <= 75 for line in text.split("\r\n"))
    [told] = properties(text, "SUMMARY")
    told = told.replace("\\\\", "\0").replace("\\n", "\n").replace("\\,", ",").replace("\\;", ";").replace("\0", "\\")
    assert told == "\n".join("".join(filter(str.isprintable, line)) for line in name.splitlines())
