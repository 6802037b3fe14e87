"""Service hours: is an outlet open at an instant, when does that change, which stretches of a day are obliged.

Expressions are OpenStreetMap `opening_hours`. opening-hours-py is asked two things only: is this its syntax, and does
one day selector (`Mo-Fr`, `Dec 24-Jan 02`, `week 47 Fr[-1]`) match one date. What it does to a whole expression is not
used: 2.1.4 knows half of Indonesia's holidays, lets a rule for the next day cut hours that run past midnight, and does
not see which pass of an hour that comes twice is meant. So, for each local date:

1. the expression that decides: the last exception that covers the date, else the base;
2. the ranges that *begin* on it, in wall-clock time, up to 48:00: rules in order, a later one in place of the earlier
   ones on the days that it matches, `off` closing them (or, with times, those times), `, ` adding, ` || ` where nothing
   was open; PH is what python-holidays lists (default category, for cuti bersama its `government` as well);
3. the instants at which the clock shows a time in one of them. A wall time that a clock change skips is thereby the
   first instant after the gap, and an hour that comes twice counts in both passes.

The stretches of all dates are joined: hours past midnight belong to the day on which they began.
"""

from __future__ import annotations

import difflib
import re
import zoneinfo
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import NamedTuple

from opening_hours import OpeningHours, ParserError  # type: ignore[attr-defined]  # its stub leaves ParserError out

from presence.hours_fault import HoursFault
from presence.hours_hints import hints
from presence.hours_templates import misspelt_template, template_named
from presence.intervals import Span, clip, subtract, union
from presence.schedule import Schedule, schedule_of_outlet
from presence.site import DatedHours, Outlet, Site

_MINUTE_MS = 60_000
_DAY_MS = 24 * 60 * _MINUTE_MS
_EPOCH = date(1970, 1, 1).toordinal()
_FIRST_DAY = date(2, 1, 1).toordinal() - _EPOCH
_LAST_DAY = date(9998, 12, 31).toordinal() - _EPOCH

# How many days a change is looked for, before and after: nearly always it is within the first of these.
_BACK_DAYS = (2, 16, 400)
_AHEAD_DAYS = (2, 16, 128)
# A week repeats itself but for clock changes. Dates do within eight years: 29 February of a leap year.
_WEEKLY_AHEAD_DAYS = 28
_DATED_AHEAD_DAYS = 10 * 366
_KEPT_DAYS = 8192
# "Never again" is looked up anew after a year.
_NEVER_HOLDS_MS = 366 * _DAY_MS

_EXAMPLE = "Mo-Th 08:00-12:00,13:00-15:00; Fr 08:00-11:00,13:00-15:00; PH off"
_WEEKDAYS = ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")
_DAY = r"(?:Mo|Tu|We|Th|Fr|Sa|Su)"
_WEEKLY = re.compile(rf"(?:{_DAY}[-,]?)*")
_OFFSET = r"(?: [+-]\d+ days?)?"
_HOLIDAY_BESIDE_DAY = re.compile(rf"\bPH{_OFFSET} {_DAY}[^\s;|]*|\b{_DAY}[^\s;|]*{_OFFSET} PH\b", re.IGNORECASE)
_HOLIDAY = re.compile(r"PH(?: (-?\d+) days)?")
_RANGE = r"\d\d:\d\d-\d\d:\d\d"
_RULE = re.compile(rf"(?P<days>.*?) ?(?P<times>{_RANGE}(?:,{_RANGE})*)?")
_SEPARATOR = re.compile(r"(; | \|\| |, )")
_RULE_ENDS = re.compile(r'(?:\b(?:off|closed|open)|24/7|")$', re.IGNORECASE)
_TIME_ENDS = re.compile(r"\d:\d\d$")
_TIME_BEGINS = re.compile(r"\d{1,2}:\d")
_COLUMN = re.compile(r"--> \d+:(\d+)")

# What is valid opening_hours but says nothing that an outlet can be held to, and what to write in its place.
_REFUSED = (
    (r"\bSH\b", "school", "school holidays are not known; give those dates as exceptions"),
    (
        r"\b(?:sunrise|sunset|dawn|dusk)\b",
        "sun",
        "hours by the sun are not known; write clock times, such as 06:00-18:00",
    ),
    (r"\bunknown\b", "unknown", "an outlet is open or it is not; write times or off"),
    (r"\d?\d:\d\d ?\+", "open_end", "there is no closing time; write both, such as 08:00-12:00"),
    (r"\d?\d:\d\d ?/ ?[\d:]+", "instants", "repeated instants are not hours; write a range, such as 08:00-12:00"),
)
_AREA = re.compile(r"(?:Africa|America|Antarctica|Arctic|Asia|Atlantic|Australia|Europe|Indian|Pacific)/.*")
_ZONES_BY_ABBREVIATION = {"WIB": "Asia/Jakarta", "WITA": "Asia/Makassar", "WIT": "Asia/Jayapura"}


class _NotUnderstood(ValueError):
    """What is wrong with an expression, and what to write."""

    def __init__(self, fault: HoursFault) -> None:
        self.fault = fault
        super().__init__(fault.says)


class HoursRule(NamedTuple):
    """`operator`: what stands before it, "; ", ", " or " || ". `days`: a selector, "" = every day.

    `ranges`: [start, end) in ms after local midnight. `whole_day`: written without times. `text`: as it was written.
    """

    operator: str
    days: str
    ranges: tuple[Span, ...]
    closed: bool
    whole_day: bool
    text: str


class Calendar(NamedTuple):
    """Whose holidays `PH` means; `cuti_bersama`: collective leave days too."""

    country: str
    cuti_bersama: bool


class Holiday(NamedTuple):
    """`name` in the country's own language. `is_leave`: cuti bersama, no public holiday."""

    name: str
    is_leave: bool


@dataclass(frozen=True, slots=True)
class _Stretch:
    """The changes before and after an instant; they are the same for all of [from_ms, to_ms)."""

    since_ms: int | None
    until_ms: int | None
    from_ms: int
    to_ms: int


class ServiceHours:
    """When one outlet must be staffed. Asked again and again near one instant, it answers in microseconds.

    `exceptions` in rising order of precedence: the site's, the agency's, the outlet's. Raises ValueError with the words
    of `check_expression` or `check_timezone`; the country is `check_country`'s business.
    """

    def __init__(
        self, timezone: str, country: str, cuti_bersama: bool, base: str, exceptions: Sequence[DatedHours] = ()
    ) -> None:
        problem = check_timezone(timezone)
        if problem:
            raise ValueError(problem)
        for expression in (base, *(exception.service_hours for exception in exceptions)):
            _rules(expression)
        self._zone = zoneinfo.ZoneInfo(timezone)
        self._calendar = Calendar(country, cuti_bersama)
        self._base = base
        self._exceptions = [
            (_day_of(exception.first), _day_of(exception.last), exception) for exception in reversed(exceptions)
        ]
        self._last_exception_day = max((last for _, last, _ in self._exceptions), default=_FIRST_DAY)
        self._weekly = all(_WEEKLY.fullmatch(rule.days) for rule in _rules(base))
        self._spans_by_day: dict[int, tuple[Span, ...]] = {}
        self._recent: _Stretch | None = None

    @classmethod
    def of(cls, schedule: Schedule) -> ServiceHours:
        """The hours of a schedule. Raises ValueError as the constructor does."""
        return cls(
            schedule.timezone, schedule.country, schedule.cuti_bersama, schedule.service_hours, schedule.exceptions
        )

    def open_spans(self, start_ms: int, end_ms: int) -> list[Span]:
        """The open stretches within [start_ms, end_ms), in order, those that touch joined."""
        if start_ms >= end_ms:
            return []
        return list(clip(self._joined(self._local_day(start_ms) - 2, self._local_day(end_ms)), start_ms, end_ms))

    def is_open(self, at_ms: int) -> bool:
        day = self._local_day(at_ms)
        return any(
            span.start_ms <= at_ms < span.end_ms
            for begun in (day, day - 1, day - 2)
            for span in self._spans_begun_on(begun)
        )

    def next_change(self, at_ms: int) -> int | None:
        """The first instant after `at_ms` at which open turns to closed or back; None: there is none in ten years."""
        return self._stretch(at_ms).until_ms

    def last_change(self, at_ms: int) -> int | None:
        """The last such instant up to and including `at_ms`; None when there is none in the 400 days before."""
        return self._stretch(at_ms).since_ms

    def local_days(self, start_ms: int, end_ms: int) -> list[tuple[str, Span]]:
        """ISO date and extent, midnight to midnight on the clock, of each local day in [start_ms, end_ms), clipped."""
        days = []
        for day in range(self._local_day(start_ms) - 1, self._local_day(end_ms) + 2):
            whole = Span(self._begin_of(day), self._begin_of(day + 1))
            days += [(_date_of(day).isoformat(), part) for part in clip([whole], start_ms, end_ms)]
        return days

    def begun_on(self, on: date) -> tuple[Span, ...]:
        """The open stretches that begin on a local date, whole, also past its midnight."""
        return self._spans_begun_on(on.toordinal() - _EPOCH)

    def exception_on(self, on: date) -> DatedHours | None:
        """The exception that alone decides on a local date; None where none does."""
        return self._exception_on(on.toordinal() - _EPOCH)

    def _stretch(self, at_ms: int) -> _Stretch:
        recent = self._recent
        if recent is None or not recent.from_ms <= at_ms < recent.to_ms:
            since, until = self._since(at_ms), self._until(at_ms)
            recent = self._recent = _Stretch(
                since_ms=since,
                until_ms=until,
                from_ms=at_ms if since is None else since,
                to_ms=at_ms + _NEVER_HOLDS_MS if until is None else until,
            )
        return recent

    def _since(self, at_ms: int) -> int | None:
        day = self._local_day(at_ms)
        for back in _BACK_DAYS:
            first = max(day - back, _FIRST_DAY)
            begun = [span for span in self._joined(first, day + 1) if span.start_ms <= at_ms]
            if begun and begun[-1].end_ms <= at_ms:
                return begun[-1].end_ms
            # What began on days before `first` ends by the second midnight: later than that nothing more can be joined.
            if begun and begun[-1].start_ms > self._begin_of(first + 1):
                return begun[-1].start_ms
        return None

    def _until(self, at_ms: int) -> int | None:
        day = self._local_day(at_ms)
        furthest = max(day, self._last_exception_day) + _WEEKLY_AHEAD_DAYS if self._weekly else day + _DATED_AHEAD_DAYS
        furthest = min(furthest, _LAST_DAY)
        for last in (*(day + days for days in _AHEAD_DAYS if day + days < furthest), furthest):
            left = [span for span in self._joined(day - 2, last) if span.end_ms > at_ms]
            if left and left[0].start_ms > at_ms:
                return left[0].start_ms
            if left and left[0].end_ms < self._begin_of(last + 1):
                return left[0].end_ms
        return None

    def _joined(self, first_day: int, last_day: int) -> list[Span]:
        return union(span for day in range(first_day, last_day + 1) for span in self._spans_begun_on(day))

    def _spans_begun_on(self, day: int) -> tuple[Span, ...]:
        spans = self._spans_by_day.get(day)
        if spans is None:
            if len(self._spans_by_day) >= _KEPT_DAYS:
                self._spans_by_day.clear()
            ranges = _ranges_begun_on(self._expression_on(day), self._calendar, day)
            midnight = day * _DAY_MS
            spans = tuple(
                union(
                    instants
                    for wall in ranges
                    for instants in _instants(self._zone, Span(midnight + wall.start_ms, midnight + wall.end_ms))
                )
            )
            self._spans_by_day[day] = spans
        return spans

    def _expression_on(self, day: int) -> str:
        exception = self._exception_on(day)
        return self._base if exception is None else exception.service_hours

    def _exception_on(self, day: int) -> DatedHours | None:
        for first, last, exception in self._exceptions:
            if first <= day <= last:
                return exception
        return None

    def _local_day(self, at_ms: int) -> int:
        return datetime.fromtimestamp(at_ms // 1000, self._zone).toordinal() - _EPOCH

    def _begin_of(self, day: int) -> int:
        """The first instant at which the clock shows 00:00 of `day` or later."""
        return _instants(self._zone, Span(day * _DAY_MS, (day + 2) * _DAY_MS))[0].start_ms


def hours_of(site: Site, outlet: Outlet) -> ServiceHours:
    """The outlet's hours: its own, else its agency's, else the site's, with the exceptions of all three over them."""
    return ServiceHours.of(schedule_of_outlet(site, outlet))


def check_expression(text: str) -> str | None:
    """What is wrong with an `opening_hours` expression and what to write, in words; None when it can be used."""
    fault = fault_of(text)
    return None if fault is None else fault.says


def fault_of(text: str) -> HoursFault | None:
    """What is wrong with an `opening_hours` expression, for a page in any language; None when it can be used."""
    try:
        _rules(text)
    except _NotUnderstood as error:
        return error.fault
    return None


def check_timezone(text: str) -> str | None:
    """What is wrong with the name of a time zone, in words; None when it is one of the IANA's."""
    if _is_zone(text):
        return None
    if text.upper() in _ZONES_BY_ABBREVIATION:
        return f'"{text}" is no IANA time zone; write {_ZONES_BY_ABBREVIATION[text.upper()]}'
    names = {name.lower(): name for name in zoneinfo.available_timezones()}
    close = difflib.get_close_matches(text.lower(), names, n=1)
    remedy = f"did you mean {names[close[0]]}?" if close else "write for example Asia/Jakarta"
    return f'"{text}" is no IANA time zone; {remedy}'


@lru_cache(maxsize=1)
def timezones() -> tuple[str, ...]:
    """The IANA's names of places, `Asia/Jakarta`, without its older and technical ones."""
    return tuple(sorted(name for name in zoneinfo.available_timezones() if _AREA.fullmatch(name)))


def countries() -> tuple[str, ...]:
    """The countries whose public holidays are known, as ISO 3166-1 has them."""
    import holidays

    return tuple(code for code in sorted(holidays.list_supported_countries()) if len(code) == 2)


def check_country(text: str) -> str | None:
    """What is wrong with a country code, in words; None when python-holidays knows that country's public holidays."""
    known = countries()
    if text in known:
        return None
    remedy = "write the two letters of ISO 3166-1, such as ID"
    if text.upper() in known:
        remedy = f"write {text.upper()}"
    return f'"{text}" is no country whose public holidays are known; {remedy}'


def rules_of(expression: str) -> tuple[HoursRule, ...]:
    """The rules of an expression, or of the template that it names, in order. Raises ValueError in words."""
    return _rules(expression)


def applies_on(rule: HoursRule, calendar: Calendar, on: date) -> bool:
    """Whether a rule speaks of a date."""
    return _matches(rule.days, calendar, on.toordinal() - _EPOCH)


def ranges_on(expression: str, calendar: Calendar, on: date) -> tuple[Span, ...]:
    """The ranges that begin on a date, on the clock: ms after its midnight, joined and in order."""
    return _ranges_begun_on(expression, calendar, on.toordinal() - _EPOCH)


def holiday_on(country: str, on: date) -> Holiday | None:
    """The public holiday or collective leave day of a date; an estimated one says so in its name."""
    name = _holidays(Calendar(country, cuti_bersama=False), on.year).get(on)
    if name is not None:
        return Holiday(name, is_leave=False)
    name = _holidays(Calendar(country, cuti_bersama=True), on.year).get(on)
    return None if name is None else Holiday(name, is_leave=True)


@lru_cache(maxsize=16)
def ramadans(year: int) -> tuple[tuple[date, date], ...]:
    """First and last day of each Ramadan that begins in `year`, computed for Indonesia.

    By the criteria of MABIMS; where Idul Fitri has been announced, Ramadan ends before it. The Ministry of Religious
    Affairs decides each beginning the evening before, and has differed by a day (2025).
    """
    from holidays.countries.indonesia import IndonesiaIslamicHolidays

    calendar = IndonesiaIslamicHolidays()
    begins = sorted({day for day, _ in calendar.ramadan_beginning_dates(year) if day.year == year})
    ends = sorted(day for of in (year, year + 1) for day, _ in calendar.eid_al_fitr_dates(of))
    return tuple(
        (first, feast - timedelta(days=1))
        for first in begins
        if (feast := next((day for day in ends if day > first), None)) is not None
    )


@lru_cache(maxsize=256)
def _is_zone(name: str) -> bool:
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def _day_of(iso_date: str) -> int:
    return date.fromisoformat(iso_date).toordinal() - _EPOCH


def _date_of(day: int) -> date:
    return date.fromordinal(day + _EPOCH)


# --- an expression -> its rules


@lru_cache(maxsize=1024)
def _rules(expression: str) -> tuple[HoursRule, ...]:
    """The rules of an expression, in order. Raises _NotUnderstood."""
    if template := template_named(expression):
        expression = template.service_hours
    text = _tidied(expression)
    if not text:
        raise _NotUnderstood(HoursFault("missing", f"service hours are missing; write for example {_EXAMPLE}"))
    for pattern, key, remedy in _REFUSED:
        if found := re.search(pattern, text, re.IGNORECASE):
            raise _NotUnderstood(HoursFault(key, f'"{found[0]}": {remedy}', found[0]))
    if found := _HOLIDAY_BESIDE_DAY.search(text):
        listed = ",".join(re.split(rf" (?={_DAY}|PH)", found[0], flags=re.IGNORECASE))
        says = (
            f'"{found[0]}": holidays that fall on those weekdays, or both? For both write {listed}; for holidays alone '
            f"write PH, and behind it a rule for the weekdays that differ"
        )
        raise _NotUnderstood(HoursFault("holiday_beside_day", says, found[0]))
    _parsed(text, expression)
    operators_and_rules = ["; ", *_SEPARATOR.split(text)]
    return tuple(
        _rule(operator, rule, expression)
        for operator, rule in zip(operators_and_rules[::2], operators_and_rules[1::2], strict=True)
    )


def _tidied(expression: str) -> str:
    """The expression with one blank wherever there are some, comments emptied, and commas told apart.

    To the library `Mo, Tu 08:00-09:00` is "Monday all day, and Tuesday 08:00-09:00": a comma with a blank begins a
    rule. Here it does so only behind a complete rule and before days.
    """
    text = re.sub(r'"[^"]*"', '"x"', expression)
    text = re.sub(r"\s+", " ", text).strip(" ;")
    text = re.sub(r"\bPH\b", "PH", text, flags=re.IGNORECASE)
    text = re.sub(r" ?; ?", "; ", re.sub(r" ?\|\| ?", " || ", text))

    def comma(match: re.Match[str]) -> str:
        before, after = text[: match.start()], text[match.end() :]
        if _RULE_ENDS.search(before):
            if _TIME_BEGINS.match(after):
                says = f'", {after}": times of no day; write the days before them, after ";"'
                raise _NotUnderstood(HoursFault("times_of_no_day", says, after))
            return ", "
        return ", " if _TIME_ENDS.search(before) and not _TIME_BEGINS.match(after) else ","

    return re.sub(r" ?, ?", comma, text)


def _parsed(text: str, expression: str) -> OpeningHours:
    try:
        return OpeningHours(text)
    except ParserError as error:
        column = _COLUMN.search(str(error))
        rest = text[int(column[1]) - 1 :] if column else ""
        if template := misspelt_template(expression):
            raise _NotUnderstood(template._replace(says=f'"{expression}" is not understood; {template.says}')) from None
        place = f'at "{rest}"' if rest else "at its end"
        found = hints(text)
        hint = "; ".join(one.says for one in found) or f"write for example {_EXAMPLE}"
        says = f'"{expression}" is not understood {place}; {hint}'
        # The parser stops within a word: people are shown the whole of it.
        word = text[text.rfind(" ", 0, len(text) - len(rest)) + 1 :]
        raise _NotUnderstood(HoursFault("place" if rest else "end", says, word, tuple(found))) from None


def _rule(operator: str, text: str, expression: str) -> HoursRule:
    bare = text.removesuffix('"x"').rstrip()
    if not bare:
        says = f'"{expression}": a comment is no hours; write the times beside it'
        raise _NotUnderstood(HoursFault("comment", says, expression))
    written = str(_parsed(bare, expression))
    rule = written.removesuffix("closed").rstrip()
    parts = _RULE.fullmatch("" if rule == "24/7" else rule)
    if parts is None or ":" in parts["days"]:
        says = f'"{text}" is not understood; write for example {_EXAMPLE}'
        raise _NotUnderstood(HoursFault("place", says, text))
    closed = written.endswith("closed")
    says_open = closed or parts["times"] or re.search(r"open$|24/7", bare, re.IGNORECASE)
    if bare != text and not says_open:
        says = f'"{bare}" with a comment alone is no hours; write the times beside it'
        raise _NotUnderstood(HoursFault("comment", says, bare))
    if parts["days"]:
        _parsed(_HOLIDAY.sub("Mo", parts["days"]), expression)
    ranges = tuple(_range(times) for times in (parts["times"] or "00:00-24:00").split(","))
    if closed and any(wall.end_ms > _DAY_MS for wall in ranges):
        says = f'"{text}" closes past midnight; write the times that are open in its place'
        raise _NotUnderstood(HoursFault("closes_past_midnight", says, text))
    return HoursRule(operator, parts["days"], ranges, closed, parts["times"] is None, bare)


def _range(text: str) -> Span:
    """`22:00-06:00`, `20:00-26:00` or `06:00-24:00` in ms after the midnight that begins its day."""
    start, end = (
        (int(hours) * 60 + int(minutes)) * _MINUTE_MS
        for hours, minutes in (clock.split(":") for clock in text.split("-"))
    )
    return Span(start, end if end > start else end + _DAY_MS)


# --- a date -> the ranges that begin on it


@lru_cache(maxsize=16384)
def _ranges_begun_on(expression: str, calendar: Calendar, day: int) -> tuple[Span, ...]:
    """The wall-clock ranges that begin on `day`, in ms after its midnight, joined and in order."""
    ranges: list[Span] = []
    for rule in _rules(expression):
        if rule.operator == " || " and ranges:
            continue
        if not _matches(rule.days, calendar, day):
            continue
        if rule.closed:
            # `Sa off` closes what begins on Saturday, all of it, past midnight too; with times it closes those times.
            ranges = [] if rule.whole_day else subtract(ranges, rule.ranges)
        elif rule.operator == ", ":
            ranges = union([*ranges, *rule.ranges])
        else:
            ranges = union(rule.ranges)
    return tuple(ranges)


@lru_cache(maxsize=16384)
def _matches(days: str, calendar: Calendar, day: int) -> bool:
    if not days:
        return True
    on = _date_of(day)

    def weekday(holiday: re.Match[str]) -> str:
        is_one = _is_holiday(calendar, day - int(holiday[1] or 0))
        return _WEEKDAYS[on.weekday() if is_one else on.weekday() - 3]

    # PH becomes the date's own weekday when it is a holiday, some other one when not: the library need not know any.
    return _selector(_HOLIDAY.sub(weekday, days)).is_open(datetime.combine(on, time(12)))


@lru_cache(maxsize=1024)
def _selector(days: str) -> OpeningHours:
    return OpeningHours(days)


def _is_holiday(calendar: Calendar, day: int) -> bool:
    on = _date_of(day)
    return on in _holidays(calendar, on.year)


@lru_cache(maxsize=256)
def _holidays(calendar: Calendar, year: int) -> dict[date, str]:
    import holidays

    # Only Indonesia's table has cuti bersama, and nothing else, in `government`.
    categories = ["public", "government"] if calendar.cuti_bersama and calendar.country == "ID" else None
    # Without a language the names are those of whatever locale the process runs in.
    language = holidays.country_holidays(calendar.country, years=()).default_language
    return dict(holidays.country_holidays(calendar.country, years=year, categories=categories, language=language))


# --- wall-clock time -> instants


def _instants(zone: zoneinfo.ZoneInfo, wall: Span) -> list[Span]:
    """The stretches in which the clock shows a time in `wall` (ms since 1970 on the clock): none, one or two."""
    offsets = _offsets(zone, (datetime.fromtimestamp(wall.start_ms // 1000, UTC)).year)
    found = []
    first = max(bisect_right(offsets, wall.start_ms - 2 * _DAY_MS, key=lambda offset: offset[0]) - 1, 0)
    for n in range(first, len(offsets)):
        from_ms, offset_ms = offsets[n]
        to_ms = offsets[n + 1][0] if n + 1 < len(offsets) else wall.end_ms + _DAY_MS
        start, end = max(wall.start_ms - offset_ms, from_ms), min(wall.end_ms - offset_ms, to_ms)
        if start < end:
            found.append(Span(start, end))
    return union(found)


@lru_cache(maxsize=256)
def _offsets(zone: zoneinfo.ZoneInfo, year: int) -> list[tuple[int, int]]:
    """(since when, offset to UTC), both ms, of the zone from a few days before `year` until a few days after it."""
    begin = int(datetime(year, 1, 1, tzinfo=UTC).timestamp()) - 5 * 86_400
    offsets = [(begin * 1000, _offset_s(zone, begin) * 1000)]
    step = 6 * 3600
    for before in range(begin, begin + 377 * 86_400, step):
        if _offset_s(zone, before) == _offset_s(zone, before + step):
            continue
        low, high = before, before + step
        while high - low > 1:
            middle = (low + high) // 2
            if _offset_s(zone, middle) == _offset_s(zone, before):
                low = middle
            else:
                high = middle
        offsets.append((high * 1000, _offset_s(zone, high) * 1000))
    return offsets


def _offset_s(zone: zoneinfo.ZoneInfo, at_s: int) -> int:
    offset = datetime.fromtimestamp(at_s, zone).utcoffset()
    assert offset is not None
    return round(offset.total_seconds())
