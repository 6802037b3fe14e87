"""`hadir hours`: is it open, when does that change, what do the coming days look like, as a table or a calendar."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from hadir.output import json_line, progress, table
from hadir.settings import Settings
from hadir.text_files import lines_of
from presence.errors import BadInput
from presence.hours_templates import TEMPLATES

if TYPE_CHECKING:
    from presence.schedule import Schedule
    from presence.service_hours import ServiceHours
    from presence.site import DatedHours

NAME = "hours"
HELP = "service hours: open now? the coming days, a calendar file, Ramadan's dates"

_SELF = "hadir hours"
_DEFAULT_DAYS = 14
_MOST_DAYS = 3660
_OWN_NAME = "Service hours"
_FLAGS = ("timezone", "country", "hours")
_NOT_WITH_SITE = (*_FLAGS, "exceptions", "cuti_bersama")
_NOT_WITH_RAMADAN = ("exceptions", "cuti_bersama", "at", "days", "ical")
_NOT_WITH_BATCH = (*_NOT_WITH_SITE, "site", "outlet", "agency", "at", "days", "ical", "json", "ramadan")
_PROPOSAL = """\
# A proposal: these dates are computed (by python-holidays, criteria of MABIMS). The government's sidang isbat
# decides on the evening before, and has differed by a day (2025). A person confirms the dates: put right what
# was decided, and paste the line under "exceptions:" of the site, of an agency or of an outlet."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    names = ", ".join(TEMPLATES)
    whose = parser.add_argument_group("whose hours")
    whose.add_argument("--timezone", metavar="ZONE", help="IANA time zone, such as Asia/Jakarta")
    whose.add_argument("--country", metavar="CODE", help="whose public holidays PH means, such as ID")
    whose.add_argument("--hours", metavar="HOURS", help=f'"Mo-Fr 08:00-15:00; PH off" (opening_hours), or {names}')
    whose.add_argument("--exceptions", metavar="JSON", help="the exceptions of a site file, as JSON")
    whose.add_argument("--cuti-bersama", action="store_true", help="collective leave days count as PH too")
    whose.add_argument("--site", metavar="FILE", help="the hours of a site file instead of the flags above")
    one = whose.add_mutually_exclusive_group()
    one.add_argument("--outlet", metavar="ID", help="with --site: of this outlet, not of the site")
    one.add_argument("--agency", metavar="ID", help="with --site: of this agency")
    asked = parser.add_argument_group("what is asked")
    asked.add_argument("--at", metavar="TIME", help="the instant, or the first day of a preview; default: now")
    asked.add_argument("--days", metavar="N", help="a preview of N days: a line a day, with the reason")
    asked.add_argument("--ical", action="store_true", help=f"those days (default {_DEFAULT_DAYS}) as iCalendar")
    asked.add_argument("--json", action="store_true", help="a JSON object instead of each line")
    asked.add_argument("--ramadan", metavar="YEAR", help="propose the exception for Ramadan, for a template")
    asked.add_argument(
        "--batch", metavar="CSV", help="a question a row: timezone,country,service_hours,exceptions,instant"
    )


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    from presence.service_hours import ServiceHours

    if arguments.batch is not None:
        _refuse(arguments, _NOT_WITH_BATCH, "beside --batch", "the rows of the file say it")
        return _batch(arguments.batch)
    if arguments.ramadan is not None:
        _refuse(arguments, _NOT_WITH_RAMADAN, "beside --ramadan", "leave it out")
        return _ramadan(arguments, _whose(arguments).schedule)
    if arguments.ical:
        _refuse(arguments, ("json",), "beside --ical", "leave one of them out")
    whose = _whose(arguments)
    at_ms, now_ms = _instants(arguments)
    if arguments.days is not None or arguments.ical:
        return _days(arguments, whose, at_ms, now_ms)
    print(_answer(ServiceHours.of(whose.schedule), at_ms))
    return 0


class _Whose(NamedTuple):
    """`key`: names them in a calendar, the same each time."""

    schedule: Schedule
    name: str
    key: str


def _whose(arguments: argparse.Namespace) -> _Whose:
    if arguments.site is not None:
        _refuse(arguments, _NOT_WITH_SITE, "beside --site", "the site file says it")
        return _of_site(arguments)
    _refuse(arguments, ("outlet", "agency"), "alone", "name a site file too: --site FILE")
    return _of_flags(arguments)


def _refuse(arguments: argparse.Namespace, flags: tuple[str, ...], how: str, remedy: str) -> None:
    for flag in flags:
        if getattr(arguments, flag) not in (None, False):
            raise BadInput(_SELF, f"cannot stand {how}", field=f"--{flag.replace('_', '-')}", remedy=remedy)


def _of_flags(arguments: argparse.Namespace) -> _Whose:
    from presence.hours_calendar import key_of
    from presence.hours_ramadan import COUNTRY
    from presence.schedule import Schedule
    from presence.service_hours import check_country, check_expression, check_timezone

    if arguments.ramadan is not None:
        # The dates are those of Indonesia, in all of its zones.
        arguments.timezone, arguments.country = arguments.timezone or "Asia/Jakarta", arguments.country or COUNTRY
    missing = [f"--{flag}" for flag in _FLAGS if getattr(arguments, flag) is None]
    if missing:
        raise BadInput(_SELF, f"lacks {', '.join(missing)}", remedy="write what is missing, or --site FILE")
    _checked("--timezone", check_timezone, arguments.timezone)
    _checked("--country", check_country, arguments.country)
    _checked("--hours", check_expression, arguments.hours)
    schedule = Schedule(
        timezone=arguments.timezone,
        country=arguments.country,
        service_hours=arguments.hours,
        cuti_bersama=arguments.cuti_bersama,
        exceptions=_exceptions(arguments.exceptions),
    )
    return _Whose(schedule, _OWN_NAME, key_of(schedule))


def _checked(flag: str, check: Callable[[str], str | None], text: str) -> None:
    if says := check(text):
        problem, _, remedy = says.partition("; ")
        raise BadInput(flag, problem, remedy=remedy or None)


def _exceptions(text: str | None) -> tuple[DatedHours, ...]:
    from presence.site_file import parse_exceptions

    return () if text is None else parse_exceptions(text, "--exceptions")


def _of_site(arguments: argparse.Namespace) -> _Whose:
    from hadir.commands.site import read_site_file
    from presence.schedule import schedule_of_agency, schedule_of_outlet, schedule_of_site
    from presence.site_file import parse_site
    from presence.site_values import did_you_mean

    site = parse_site(read_site_file(Path(arguments.site)), arguments.site)
    if arguments.outlet is not None:
        for outlet in site.outlets:
            if outlet.id == arguments.outlet:
                return _Whose(schedule_of_outlet(site, outlet), outlet.name, f"{outlet.id}.{site.id}")
        hint = did_you_mean(arguments.outlet, [outlet.id for outlet in site.outlets])
        raise BadInput(arguments.site, f'has no outlet "{arguments.outlet}"', field="--outlet", remedy=hint)
    if arguments.agency is not None:
        for agency in site.agencies:
            if agency.id == arguments.agency:
                return _Whose(schedule_of_agency(site, agency), agency.name, f"agency.{agency.id}.{site.id}")
        hint = did_you_mean(arguments.agency, [agency.id for agency in site.agencies])
        raise BadInput(arguments.site, f'has no agency "{arguments.agency}"', field="--agency", remedy=hint)
    return _Whose(schedule_of_site(site), site.name, site.id)


def _instants(arguments: argparse.Namespace) -> tuple[int, int]:
    """The instant asked about, and now."""
    from hadir.composition import now_ms
    from presence.instants import parse_instant

    now = now_ms()
    if arguments.at is None:
        return now, now
    try:
        return parse_instant(arguments.at), now
    except ValueError as error:
        problem, _, remedy = str(error).partition("; ")
        raise BadInput("--at", problem, remedy=remedy) from None


def _answer(hours: ServiceHours, at_ms: int) -> str:
    from presence.instants import rfc3339_or_none

    return json_line({"open": hours.is_open(at_ms), "next_change": rfc3339_or_none(hours.next_change(at_ms))})


def _batch(file: str) -> int:
    from presence.hours_csv import read_questions
    from presence.service_hours import ServiceHours

    with lines_of(file) as lines:
        questions = read_questions(progress(lines, f"{file}: rows"), "standard input" if file == "-" else file)
    hours_of = lru_cache(maxsize=256)(ServiceHours.of)
    for question in progress(questions, f"{file}: answers", len(questions)):
        print(_answer(hours_of(question.schedule), question.at_ms))
    return 0


def _days(arguments: argparse.Namespace, whose: _Whose, at_ms: int, now_ms: int) -> int:
    from presence.hours_calendar import calendar
    from presence.hours_preview import local_date, preview

    days = preview(whose.schedule, local_date(at_ms, whose.schedule.timezone), _count(arguments.days))
    if arguments.ical:
        sys.stdout.write(calendar(days, name=whose.name, key=whose.key, now_ms=now_ms))
    elif arguments.json:
        for day in days:
            print(json_line(day.as_json()))
    else:
        _look_at(whose.schedule, local_date(at_ms, whose.schedule.timezone))
        print(table(("date", "day", "hours", "why"), [(day.on, day.weekday, day.hours, day.why) for day in days]))
    return 0


def _look_at(schedule: Schedule, today: date) -> None:
    """What is hardly meant in the hours, beside the table: `hadir site check` tells it with lines."""
    from presence.hours_lint import expression_warnings
    from presence.service_hours import Calendar

    calendar = Calendar(schedule.country, schedule.cuti_bersama)
    for says in expression_warnings(schedule.service_hours, calendar, today):
        print(f"{_SELF}: {says}", file=sys.stderr)


def _count(text: str | None) -> int:
    if text is None:
        return _DEFAULT_DAYS
    if not re.fullmatch(r"\d{1,4}", text, re.ASCII) or not 1 <= int(text) <= _MOST_DAYS:
        raise BadInput("--days", f'"{text}" is no number of days', remedy=f"write 1 to {_MOST_DAYS}")
    return int(text)


def _ramadan(arguments: argparse.Namespace, schedule: Schedule) -> int:
    from presence.hours_ramadan import COUNTRY, proposals

    if schedule.country != COUNTRY:
        remedy = f"ask for a site with country {COUNTRY}, or write its dates yourself"
        raise BadInput(_SELF, f"knows Ramadan's dates in Indonesia, not in {schedule.country}", remedy=remedy)
    year: str = arguments.ramadan
    try:
        proposed = proposals(int(year), schedule.service_hours) if re.fullmatch(r"\d{4}", year, re.ASCII) else []
    except ValueError as error:
        problem, _, remedy = str(error).partition("; ")
        raise BadInput("--hours" if arguments.site is None else arguments.site, problem, remedy=remedy) from None
    if not proposed:
        raise BadInput("--ramadan", f'"{year}" is no year whose Ramadan is known', remedy="write for example 2027")
    if not arguments.json:
        print(_PROPOSAL)
    for one in proposed:
        entry = {"from": one.first, "to": one.last, "service_hours": one.service_hours, "reason": one.reason}
        pairs = ", ".join(f"{key}: {value}" for key, value in entry.items())
        print(json_line(entry) if arguments.json else f"    - {{{pairs}}}")
    return 0
