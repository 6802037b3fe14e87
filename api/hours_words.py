"""Service hours in the reader's words: what they mean, what is wrong with them, how they are written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta
from itertools import groupby
from typing import NamedTuple

from api.words import Words
from presence.hours_fault import HoursFault
from presence.hours_preview import WEEKDAYS, Day, preview, speaks_of_holidays
from presence.schedule import Schedule
from presence.service_hours import check_country, check_expression, check_timezone, holiday_on

_WEEKS = 4
_AHEAD_DAYS = 60
_HOLIDAY_WITHIN_DAYS = 400
_MOST_DATES = 6
_DAY_MINUTES = 24 * 60


# What is written, by the key of the words that say what it means.
_SYNTAX = (
    ("days", "Mo Tu We Th Fr Sa Su"),
    ("times", "Mo-Th 08:00-12:00,13:00-15:00"),
    ("rules", "Mo-Th 08:00-15:00; Fr 08:00-11:00"),
    ("holidays", "PH off"),
    ("night", "22:00-06:00"),
    ("always", "24/7"),
    ("closed", "off"),
)


class Syntax(NamedTuple):
    """How service hours are written. `rows`: what to write, and for what."""

    heading: str
    rows: list[tuple[str, str]]


class Meaning(NamedTuple):
    """`week`: lines such as `Senin–Kamis: 08.00–12.00, 13.00–15.00`. `notes`: of holidays, seasons. `dates`: the next
    that are no ordinary days.
    """

    week: list[str]
    notes: list[str]
    dates: list[str]


def syntax_of(field: str, words: Words) -> Syntax | None:
    """How what a field of this name takes is written; None where nothing has to be learned."""
    if field != "service_hours":
        return None
    return Syntax(words("hours.syntax"), [(code, words(f"hours.syntax.{key}")) for key, code in _SYNTAX])


def not_understood(fault: HoursFault, words: Words) -> str:
    """What is wrong with service hours, where in the text, what to write, and an example that works."""
    hints = (words(f"hours.hint.{one.key}", what=one.what) for one in fault.hints)
    return " ".join((words(f"hours.wrong.{fault.key}", what=fault.what), *hints, words("hours.wrong.example")))


def meaning(schedule: Schedule, today: date, words: Words) -> Meaning | None:
    """What `schedule` means from `today` on; None when zone, country or hours cannot be read."""
    if check_timezone(schedule.timezone) or check_country(schedule.country) or check_expression(schedule.service_hours):
        return None
    usual = [*preview(replace(schedule, exceptions=()), today, 7 * _WEEKS)]
    by_weekday = [_ordinary(usual, weekday) for weekday in WEEKDAYS]
    notes = [words("hours.by_date")] if any(len({day.clock for day in days}) > 1 for days in by_weekday) else []
    return Meaning(
        [*_week([days[0] for days in by_weekday], words)],
        [*notes, *_of_holidays(schedule, today, words)],
        [*_dates(schedule, today, words)],
    )


def _ordinary(days: Sequence[Day], weekday: str) -> list[Day]:
    """Those of a weekday that are no holiday; all of it when there are no others."""
    alike = [day for day in days if day.weekday == weekday]
    return [day for day in alike if day.holiday is None or not day.counts] or alike


def _week(days: Sequence[Day], words: Words) -> Iterator[str]:
    monday_first = sorted(days, key=lambda day: day.on.weekday())
    for _, alike in groupby(monday_first, key=lambda day: day.clock):
        same = [*alike]
        first, last = (words.weekday(day.on.isoformat()) for day in (same[0], same[-1]))
        named = words("hours.every_day") if len(same) == 7 else first if len(same) == 1 else f"{first}–{last}"
        yield f"{named}: {_clocks(same[0], words)}"


def _of_holidays(schedule: Schedule, today: date, words: Words) -> Iterator[str]:
    if not speaks_of_holidays(schedule.service_hours):
        yield words("hours.holidays.alike")
        return
    for on in (today + timedelta(days=n) for n in range(_HOLIDAY_WITHIN_DAYS)):
        holiday = holiday_on(schedule.country, on)
        if holiday is not None and not holiday.is_leave:
            (day,) = preview(replace(schedule, exceptions=()), on, 1)
            yield words("hours.holidays", hours=_clocks(day, words))
            return


def _dates(schedule: Schedule, today: date, words: Words) -> Iterator[str]:
    """The next dates that are special days or holidays."""
    special = (day for day in preview(schedule, today, _AHEAD_DAYS) if _why(day, words))
    for _, day in zip(range(_MOST_DATES), special, strict=False):
        yield f"{words.short_date(day.on.isoformat())}: {_clocks(day, words)} ({_why(day, words)})"


def _why(day: Day, words: Words) -> str:
    if day.exception is not None:
        return day.exception.reason or words("hours.special")
    return day.holiday.name if day.holiday is not None and day.counts else ""


def _clocks(day: Day, words: Words) -> str:
    return ", ".join("–".join(_clock(end, words) for end in span.split("-")) for span in day.clock) or words(
        "hours.closed"
    )


def _clock(text: str, words: Words) -> str:
    hour, minute = map(int, text.split(":"))
    at = hour * 60 + minute
    # No clock shows the end of a day.
    return words.clock_of(at) if at < _DAY_MINUTES else f"24{words.clock_of(0)[2:]}"
