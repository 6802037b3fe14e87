"""Service hours that are understood but hardly meant: what people mistype, told as warnings.

Nothing here is wrong by the syntax; each warning says what the hours do and what to write if that was not meant.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from functools import lru_cache
from itertools import combinations
from typing import NamedTuple

from presence.hours_preview import local_date, speaks_of_holidays
from presence.hours_ramadan import undecided_ramadan
from presence.intervals import Span
from presence.schedule import Schedule, schedule_of_agency, schedule_of_outlet, schedule_of_site
from presence.service_hours import Calendar, HoursRule, ServiceHours, applies_on, holiday_on, ranges_on, rules_of
from presence.site import DatedHours, Site

_HOUR_MS = 3_600_000
_DAY_MS = 24 * _HOUR_MS
_WEEK_HOURS = 7 * 24
# A year of whole weeks.
_YEAR_DAYS = 53 * 7
_LONG_CLOSED_DAYS = 60
_MOST_HOURS, _FEWEST_HOURS = 100, 1
_LONGEST_NIGHT_HOURS = 12
_NAMED = 5
_INDONESIA = "ID"
_WEEKLY = re.compile(r"(?:(?:Mo|Tu|We|Th|Fr|Sa|Su)[-,]?)*")


class HoursWarning(NamedTuple):
    """`path` as in the site file (`outlets[0].service_hours`), `where` in words (`outlet a-1`)."""

    path: str
    where: str
    says: str


class _Place(NamedTuple):
    path: str
    where: str


class _Level(NamedTuple):
    """One place that may say hours: the site, an agency, an outlet. `base`: where its usual hours are written."""

    place: _Place
    said: str | None
    exceptions: tuple[DatedHours, ...]
    schedule: Schedule
    base: _Place


def hours_warnings(site: Site, now_ms: int) -> list[HoursWarning]:
    """What is hardly meant in the hours of `site`, as it looks from `now_ms` on; each once, where it is written."""
    today = local_date(now_ms, site.timezone)
    calendar = Calendar(site.country, site.cuti_bersama)
    found: list[HoursWarning] = []
    for level in (_site_level(site), *_agency_levels(site), *_outlet_levels(site)):
        if level.said is not None:
            says = (*expression_warnings(level.said, calendar, today), *_working_holidays(level.said, calendar, today))
            found += [_at(level.place, said) for said in says]
        found += _exceptions(level, calendar, today)
    return [*found, *_outlets(site, today)]


def _at(place: _Place, says: str) -> HoursWarning:
    return HoursWarning(f"{place.path}.service_hours", place.where, says)


def _site_level(site: Site) -> _Level:
    place = _Place("site", "the site")
    return _Level(place, site.service_hours, site.exceptions, schedule_of_site(site), place)


def _agency_levels(site: Site) -> Iterator[_Level]:
    for a, agency in enumerate(site.agencies):
        place = _Place(f"agencies[{a}]", f"agency {agency.id}")
        base = _Place("site", "the site") if agency.service_hours is None else place
        yield _Level(place, agency.service_hours, agency.exceptions, schedule_of_agency(site, agency), base)


def _outlet_levels(site: Site) -> Iterator[_Level]:
    bases = {agency.id: level.base for agency, level in zip(site.agencies, _agency_levels(site), strict=True)}
    for o, outlet in enumerate(site.outlets):
        place = _Place(f"outlets[{o}]", f"outlet {outlet.id}")
        base = bases[outlet.agency] if outlet.service_hours is None else place
        yield _Level(place, outlet.service_hours, outlet.exceptions, schedule_of_outlet(site, outlet), base)


@lru_cache(maxsize=256)
def expression_warnings(expression: str, calendar: Calendar, today: date) -> tuple[str, ...]:
    """What is hardly meant in one expression taken alone."""
    rules = rules_of(expression)
    return (
        *_lengths(rules),
        *_overlaps(rules, calendar, today),
        *_replaced(rules, calendar, today),
        *_weekly_hours(expression, calendar, today),
    )


def _days(today: date, count: int = _YEAR_DAYS) -> Iterator[date]:
    return (today + timedelta(days=n) for n in range(count))


# --- within a rule


def _lengths(rules: Iterable[HoursRule]) -> Iterator[str]:
    for rule in rules:
        for wall in () if rule.whole_day or rule.closed else rule.ranges:
            hours = (wall.end_ms - wall.start_ms) / _HOUR_MS
            if wall.end_ms - wall.start_ms == _DAY_MS and wall.start_ms > 0:
                yield (
                    f'"{_clock(wall)}" in "{rule.text}" opens for 24 hours, not for none; '
                    "write off, or the time at which it closes"
                )
            elif wall.end_ms > _DAY_MS and hours > _LONGEST_NIGHT_HOURS:
                yield (
                    f'"{_clock(wall)}" in "{rule.text}" goes on past midnight, for {hours:g} h; '
                    "if that is not meant, write the times in their order"
                )


def _overlaps(rules: Sequence[HoursRule], calendar: Calendar, today: date) -> Iterator[str]:
    for rule in rules:
        for one, other in combinations(rule.ranges, 2):
            if _overlap(one, other):
                yield (
                    f'"{_clock(one)}" and "{_clock(other)}" in "{rule.text}" overlap and count as one; '
                    "write where the first ends and the second begins"
                )
    for n, rule in enumerate(rules):
        for added in rules[n + 1 :]:
            if added.operator != ", ":
                break
            if _share_time(rule, added) and any(
                applies_on(rule, calendar, on) and applies_on(added, calendar, on) for on in _days(today)
            ):
                yield f'"{rule.text}" and "{added.text}" overlap and count as one; write each time once'


def _share_time(rule: HoursRule, other: HoursRule) -> bool:
    if rule.closed or other.closed:
        return False
    return any(_overlap(one, another) for one in rule.ranges for another in other.ranges)


def _overlap(one: Span, other: Span) -> bool:
    return one.start_ms < other.end_ms and other.start_ms < one.end_ms


def _clock(wall: Span) -> str:
    """As people write it: what ends past midnight by the time of the next day."""
    start, end = (divmod(at_ms // 60_000, 60) for at_ms in (wall.start_ms, _on_one_day(wall.end_ms)))
    return f"{start[0]:02d}:{start[1]:02d}-{end[0]:02d}:{end[1]:02d}"


def _on_one_day(end_ms: int) -> int:
    return end_ms - _DAY_MS if end_ms > _DAY_MS else end_ms


# --- between rules


def _replaced(rules: Sequence[HoursRule], calendar: Calendar, today: date) -> Iterator[str]:
    """A rule in whose place, on all of its days, later ones stand: `Mo-Fr 08:00-12:00; Mo-Fr 13:00-15:00`.

    Of one for holidays a later rule for weekdays is enough: `PH off; Mo-Fr 08:00-12:00` opens on holidays.
    """
    for n, rule in enumerate(rules[:-1]):
        later = rules[n + 1 :]
        if (rule.closed and not rule.whole_day) or not any(map(_replaces, later)):
            continue
        by = [_replaced_by(later, calendar, on) for on in _days(today) if applies_on(rule, calendar, on)]
        weekly = next((one for one in by if one is not None and _WEEKLY.fullmatch(one.days)), None)
        if "PH" in rule.days and weekly is not None and not weekly.closed:
            yield f'"{rule.text}" does not hold on holidays: "{weekly.text}" behind it does; write it last'
        elif by and (instead := by[0]) is not None and all(by):
            yield f'"{rule.text}" never counts: "{instead.text}" stands in its place; {_both(rule, instead)}'


def _replaced_by(later: Sequence[HoursRule], calendar: Calendar, on: date) -> HoursRule | None:
    return next((rule for rule in reversed(later) if _replaces(rule) and applies_on(rule, calendar, on)), None)


def _replaces(rule: HoursRule) -> bool:
    return rule.whole_day if rule.closed else rule.operator == "; "


def _both(rule: HoursRule, instead: HoursRule) -> str:
    if instead.closed or rule.closed:
        return "leave one of them out"
    if rule.days == instead.days and not rule.whole_day and not instead.whole_day:
        times = ",".join(_clock(wall) for wall in sorted((*rule.ranges, *instead.ranges)))
        return f"for both write {rule.days} {times}".replace("  ", " ")
    return "if it is meant, write it behind that one"


# --- over a week


@lru_cache(maxsize=256)
def _hours_of_weeks(expression: str, calendar: Calendar, today: date) -> tuple[float, ...]:
    """Hours open in each of the coming 53 weeks."""
    days = [sum(wall.end_ms - wall.start_ms for wall in ranges_on(expression, calendar, on)) for on in _days(today)]
    return tuple(sum(days[n : n + 7]) / _HOUR_MS for n in range(0, len(days), 7))


def _weekly_hours(expression: str, calendar: Calendar, today: date) -> Iterator[str]:
    weeks = _hours_of_weeks(expression, calendar, today)
    most, mean = max(weeks), sum(weeks) / len(weeks)
    if _MOST_HOURS < most < _WEEK_HOURS:
        yield f"opens for {most:g} h in a week; look at the closing times, or write 24/7 where nobody ever closes"
    if 0 < mean < _FEWEST_HOURS:
        yield f"opens for {mean:.1g} h in a week; look at the days and times"


# --- holidays


def _working_holidays(expression: str, calendar: Calendar, today: date) -> Iterator[str]:
    """Only of office hours: what is open on all seven weekdays means to be open on every day."""
    if calendar.country != _INDONESIA or speaks_of_holidays(expression):
        return
    open_on = {on.weekday() for on in _days(today) if ranges_on(expression, calendar, on)}
    if 0 < len(open_on) < 7:
        yield 'says nothing of public holidays: they count as working days; write "; PH off" at its end to close then'


def _exceptions(level: _Level, calendar: Calendar, today: date) -> Iterator[HoursWarning]:
    for e, exception in enumerate(level.exceptions):
        if date.fromisoformat(exception.last) < today:
            continue
        place = _Place(f"{level.place.path}.exceptions[{e}]", f"{level.place.where}, exception from {exception.first}")
        rules = rules_of(exception.service_hours)
        for says in (
            *_lengths(rules),
            *_overlaps(rules, calendar, today),
            # Over a year: on the few dates of an exception one rule may well stand in another's place throughout.
            *_replaced(rules, calendar, today),
            *_open_holiday(level.schedule, exception, calendar, today),
        ):
            yield _at(place, says)


def _open_holiday(schedule: Schedule, exception: DatedHours, calendar: Calendar, today: date) -> Iterator[str]:
    """A holiday within an exception of several days that does not say `PH off` again, though the usual hours do.

    An exception for a single date is written with that date in mind.
    """
    if exception.first == exception.last or speaks_of_holidays(exception.service_hours):
        return
    if not speaks_of_holidays(schedule.service_hours):
        return
    first, last = max(date.fromisoformat(exception.first), today), date.fromisoformat(exception.last)
    for on in _days(first, min((last - first).days + 1, _YEAR_DAYS)):
        holiday = holiday_on(calendar.country, on)
        counts = holiday is not None and (calendar.cuti_bersama or not holiday.is_leave)
        if holiday is not None and counts and ranges_on(exception.service_hours, calendar, on):
            yield f'is open on {on} ({holiday.name}); write "; PH off" again to close on holidays'
            return


# --- an outlet's hours as a whole


def _outlets(site: Site, today: date) -> Iterator[HoursWarning]:
    """Told where the hours are written, once for all outlets that have them from there."""
    told: dict[tuple[_Place, str], list[_Place]] = {}
    for level in _outlet_levels(site):
        for says in (*_long_closed(level.schedule, today), *_ramadan(level.schedule, today)):
            told.setdefault((level.base, says), []).append(level.place)
    for (base, says), places in told.items():
        names = ", ".join(place.where.removeprefix("outlet ") for place in places[:_NAMED])
        more = f" and {len(places) - _NAMED} more" if len(places) > _NAMED else ""
        yield _at(base, says if places == [base] else f"{says} (of {names}{more})")


def _long_closed(schedule: Schedule, today: date) -> Iterator[str]:
    opens, unsaid = _first_opening(schedule, today)
    if unsaid <= _LONG_CLOSED_DAYS:
        return
    if opens is None:
        yield "never opens in the coming year; write the days and times on which it does"
    else:
        yield f"opens next on {opens}, {unsaid} days ahead; look at the dates, or say why it is closed in an exception"


@lru_cache(maxsize=256)
def _first_opening(schedule: Schedule, today: date) -> tuple[date | None, int]:
    """The first date with open hours within a year, and how many closed ones before it no exception speaks of."""
    hours = ServiceHours.of(schedule)
    unsaid = 0
    for on in _days(today):
        if hours.begun_on(on):
            return on, unsaid
        unsaid += hours.exception_on(on) is None
    return None, unsaid


def _ramadan(schedule: Schedule, today: date) -> Iterator[str]:
    if (lacking := undecided_ramadan(schedule, today)) is not None:
        yield (
            f"no exception says Ramadan's hours, about {lacking.first} to {lacking.last}; "
            f"`hadir hours --ramadan {lacking.first[:4]} --hours {schedule.service_hours.strip()}` proposes one"
        )
