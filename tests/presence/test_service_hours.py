"""Open or closed, and when that changes: the cases, the traps of the syntax, clock changes, and what always holds."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opening_hours import OpeningHours

from presence.instants import parse_instant, rfc3339, rfc3339_or_none
from presence.intervals import Span, union
from presence.service_hours import ServiceHours, check_country, check_expression, check_timezone, hours_of
from presence.site import Agency, DatedHours, Outlet, Site

CASES = Path(__file__).parents[1] / "vectors" / "hours" / "cases.csv"
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


def hours(
    base: str,
    *exceptions: tuple[str, str, str],
    timezone: str = "Asia/Jakarta",
    country: str = "ID",
    cuti_bersama: bool = False,
) -> ServiceHours:
    """Hours of `base` and exceptions (first, last, expression)."""
    dated = [DatedHours(first=first, last=last, service_hours=text) for first, last, text in exceptions]
    return ServiceHours(timezone, country, cuti_bersama, base, dated)


def clock(service: ServiceHours, start: str, end: str, timezone: str = "Asia/Jakarta") -> list[str]:
    """The open stretches from local midnight of `start` to that of `end`, as `24T08:00-24T12:00`."""
    zone = ZoneInfo(timezone)

    def local(at_ms: int) -> str:
        return datetime.fromtimestamp(at_ms / 1000, zone).strftime("%dT%H:%M")

    bounds = (round(datetime.fromisoformat(day).replace(tzinfo=zone).timestamp() * 1000) for day in (start, end))
    return [f"{local(span.start_ms)}-{local(span.end_ms)}" for span in service.open_spans(*bounds)]


def test_every_case_is_right() -> None:
    wrong = []
    with CASES.open(newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        dated = [(one["from"], one["to"], one["service_hours"]) for one in json.loads(row["exceptions"] or "[]")]
        service = hours(row["service_hours"], *dated, timezone=row["timezone"], country=row["country"])
        at_ms = parse_instant(row["instant"])
        found = (service.is_open(at_ms), rfc3339_or_none(service.next_change(at_ms)))
        if found != (row["open"] == "true", row["next_change"] or None):
            wrong.append((row, found))
    assert len(rows) == 175
    assert wrong == []


@pytest.mark.parametrize(
    ("expression", "monday_to_wednesday"),
    [
        # 2026-11-23 is a Monday; the library takes `Mo, Tu 08:00-09:00` for a Monday that is open all day.
        ("Mo, Tu 08:00-09:00", ["23T08:00-23T09:00", "24T08:00-24T09:00"]),
        ("Mo-We 08:00-09:00,  10:00-11:00; Tu off", ["23T08:00-23T09:00", "23T10:00-23T11:00",
                                                     "25T08:00-25T09:00", "25T10:00-25T11:00"]),
        ("mo\n 08:00-09:00 ,\t10:00-11:00 ;", ["23T08:00-23T09:00", "23T10:00-23T11:00"]),
        ("Mo-We 08:00-09:00,Tu 10:00-11:00", ["23T08:00-23T09:00", "24T08:00-24T09:00", "24T10:00-24T11:00",
                                              "25T08:00-25T09:00"]),
        ("Mo-We 08:00-12:00; Tu 10:00-11:00 off", ["23T08:00-23T12:00", "24T08:00-24T10:00", "24T11:00-24T12:00",
                                                   "25T08:00-25T12:00"]),
        ("Mo 08:00-12:00||Tu,Mo 10:00-14:00", ["23T08:00-23T12:00", "24T10:00-24T14:00"]),
        ('Mo 08:00-09:00 "antre; atau, || daring"; Tu off "libur"', ["23T08:00-23T09:00"]),
        ("Mo 22:00-06:00; Tu off", ["23T22:00-24T06:00"]),
        ("Mo 20:00-30:00; We 09:00-09:00", ["23T20:00-24T06:00", "25T09:00-26T00:00"]),
    ],
)  # fmt: skip
def test_rules_of_one_expression(expression: str, monday_to_wednesday: list[str]) -> None:
    assert clock(hours(expression), "2026-11-23", "2026-11-26") == monday_to_wednesday


@pytest.mark.parametrize(
    ("expression", "christmas_thursday_to_saturday"),
    [
        # Friday 25 Dec 2026 is a holiday, Thursday 24 cuti bersama.
        ("08:00-09:00; PH off", ["24T08:00-24T09:00", "26T08:00-26T09:00"]),
        ("08:00-09:00, ph off", ["24T08:00-24T09:00", "26T08:00-26T09:00"]),
        ("PH,Sa 08:00-09:00", ["25T08:00-25T09:00", "26T08:00-26T09:00"]),
        ("PH -1 day 08:00-09:00", ["24T08:00-24T09:00"]),
        ("PH +1 day 08:00-09:00", ["26T08:00-26T09:00"]),
        ("Dec PH 08:00-09:00", ["25T08:00-25T09:00"]),
        ("22:00-06:00; PH off", ["24T00:00-24T06:00", "24T22:00-25T06:00", "26T22:00-27T00:00"]),
    ],
)
def test_holidays_are_those_of_the_country(expression: str, christmas_thursday_to_saturday: list[str]) -> None:
    assert clock(hours(expression), "2026-12-24", "2026-12-27") == christmas_thursday_to_saturday


def test_cuti_bersama_counts_as_a_holiday_where_the_site_says_so() -> None:
    service = hours("08:00-09:00; PH off", cuti_bersama=True)
    assert clock(service, "2026-12-24", "2026-12-27") == ["26T08:00-26T09:00"]


def test_of_exceptions_the_last_decides_alone() -> None:
    service = hours(
        "Mo-Fr 08:00-12:00; PH off",
        ("2026-11-24", "2026-11-25", "10:00-11:00"),
        ("2026-11-25", "2026-11-25", "off"),
        ("2026-12-25", "2026-12-25", "08:00-09:00"),
    )
    assert clock(service, "2026-11-23", "2026-11-27") == [
        "23T08:00-23T12:00", "24T10:00-24T11:00", "26T08:00-26T12:00",
    ]  # fmt: skip
    assert clock(service, "2026-12-25", "2026-12-26") == ["25T08:00-25T09:00"]


def test_a_night_that_began_before_an_exception_goes_on_into_it() -> None:
    service = hours("22:00-06:00", ("2026-11-24", "2026-11-24", "off"))
    assert clock(service, "2026-11-23", "2026-11-26") == ["23T00:00-23T06:00", "23T22:00-24T06:00", "25T22:00-26T00:00"]


def test_an_exceptions_night_ends_on_the_day_after_it() -> None:
    service = hours("08:00-09:00", ("2026-11-24", "2026-11-24", "20:00-30:00"))
    assert clock(service, "2026-11-24", "2026-11-26") == ["24T20:00-25T06:00", "25T08:00-25T09:00"]


def test_hours_of_an_outlet_replace_those_above_and_exceptions_of_all_lie_over_them() -> None:
    def dated(day: str, text: str) -> DatedHours:
        return DatedHours(first=day, last=day, service_hours=text)

    outlet = Outlet(
        id="a-1",
        name="A",
        agency="dinas",
        service_hours="09:00-10:00",
        exceptions=(dated("2026-11-25", "11:00-12:00"),),
    )
    agency = Agency(
        id="dinas", name="D", service_hours="14:00-15:00",
        exceptions=(dated("2026-11-24", "08:00-09:00"), dated("2026-11-25", "off")),
    )  # fmt: skip
    site = Site(
        id="s", name="S", timezone="Asia/Jakarta", country="ID", service_hours="24/7", agencies=(agency,),
        outlets=(outlet,), exceptions=(dated("2026-11-24", "off"), dated("2026-11-26", "off")),
    )  # fmt: skip
    assert clock(hours_of(site, outlet), "2026-11-23", "2026-11-28") == [
        "23T09:00-23T10:00", "24T08:00-24T09:00", "25T11:00-25T12:00", "27T09:00-27T10:00",
    ]  # fmt: skip
    assert clock(hours_of(site, Outlet(id="a-2", name="A", agency="dinas")), "2026-11-23", "2026-11-24") == [
        "23T14:00-23T15:00"
    ]


def test_clocks_that_go_forward_skip_what_they_skip() -> None:
    berlin = hours("02:30-05:00", timezone="Europe/Berlin", country="DE")
    assert clock(berlin, "2027-03-28", "2027-03-29", "Europe/Berlin") == ["28T03:00-28T05:00"]
    assert clock(hours("02:10-02:50", timezone="Europe/Berlin"), "2027-03-28", "2027-03-29", "Europe/Berlin") == []


def test_an_hour_that_comes_twice_counts_in_both_passes() -> None:
    def spans(expression: str) -> list[tuple[str, str]]:
        service = hours(expression, timezone="Europe/Berlin", country="DE")
        day = parse_instant("2026-10-25T00:00:00+02:00")
        return [(rfc3339(start)[11:16], rfc3339(end)[11:16]) for start, end in service.open_spans(day, day + DAY_MS)]

    # 03:00 (+02:00, 01:00Z) becomes 02:00 (+01:00) again.
    assert spans("01:00-03:00") == [("23:00", "02:00")]
    assert spans("02:30-05:00") == [("00:30", "01:00"), ("01:30", "04:00")]


def test_there_is_no_change_at_midnight_inside_hours_and_none_under_24_7() -> None:
    at_ms = parse_instant("2026-11-24T12:00:00+07:00")
    night = hours("00:00-24:00; We off")
    assert rfc3339_or_none(night.next_change(at_ms)) == "2026-11-24T17:00:00.000Z"
    assert rfc3339_or_none(night.last_change(at_ms)) == "2026-11-18T17:00:00.000Z"
    always = hours("24/7", ("2026-11-20", "2026-11-20", "off"))
    assert rfc3339_or_none(always.last_change(at_ms)) == "2026-11-20T17:00:00.000Z"
    assert always.next_change(at_ms) is None
    assert hours("off").last_change(at_ms) is hours("off").next_change(at_ms) is None


def test_a_change_is_found_years_ahead() -> None:
    at_ms = parse_instant("2026-11-24T12:00:00+07:00")
    assert rfc3339_or_none(hours("Feb 29 08:00-09:00").next_change(at_ms)) == "2028-02-29T01:00:00.000Z"
    far = hours("24/7", ("2031-05-01", "2031-05-01", "off"))
    assert rfc3339_or_none(far.next_change(at_ms)) == "2031-04-30T17:00:00.000Z"


def test_the_last_change_is_the_instant_itself_when_it_is_one() -> None:
    service = hours("08:00-12:00")
    opening = parse_instant("2026-11-24T08:00:00+07:00")
    assert service.last_change(opening) == opening
    assert service.last_change(opening - 1) == opening - 20 * HOUR_MS
    assert service.next_change(opening) == opening + 4 * HOUR_MS


def test_local_days_part_at_midnight_on_the_clock() -> None:
    berlin = hours("off", timezone="Europe/Berlin")
    start, end = (parse_instant(text) for text in ("2026-10-24T12:00:00+02:00", "2026-10-26T01:00:00+01:00"))
    assert [(date, span.end_ms - span.start_ms) for date, span in berlin.local_days(start, end)] == [
        ("2026-10-24", 12 * HOUR_MS), ("2026-10-25", 25 * HOUR_MS), ("2026-10-26", HOUR_MS),
    ]  # fmt: skip


def test_a_date_that_a_zone_left_out_has_no_hours() -> None:
    samoa = hours("08:00-09:00", timezone="Pacific/Apia")
    assert clock(samoa, "2011-12-29", "2012-01-01", "Pacific/Apia") == ["29T08:00-29T09:00", "31T08:00-31T09:00"]


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("", "service hours are missing; write for example Mo-Th "),
        ("Mo-Fr 08.00-12.00", 'not understood at "08.00-12.00"; write times with a colon'),
        ("Mo-Fr 08:00–12:00", 'not understood at "–12:00"; write "-" for the long dash'),
        ("Mo-Fr: 08:00-12:00", "leave out the colon behind the days"),
        ("Senin-Jumat 08:00-12:00", "days are Mo Tu We Th Fr Sa Su, holidays PH"),
        ("Mo-Fr 08:00-12:00,", "not understood at its end; write for example"),
        ("Mo-Fr 08:00-12:00; SH off", '"SH": school holidays are not known; give those dates as exceptions'),
        ("sunrise-12:00", '"sunrise": hours by the sun are not known; write clock times'),
        ("Mo unknown", "an outlet is open or it is not; write times or off"),
        ("Mo 08:00+", '"08:00+": there is no closing time; write both'),
        ("Mo 08:00-12:00/00:30", '"12:00/00:30": repeated instants are not hours'),
        ("Mo-Fr PH 08:00-12:00", "For both write Mo-Fr,PH; for holidays alone write PH"),
        ("PH Mo-Fr 08:00-12:00", "For both write PH,Mo-Fr; for holidays alone write PH"),
        ('"atas janji"', "a comment is no hours"),
        ('Mo-Fr "atas janji"', '"Mo-Fr" with a comment alone is no hours'),
        ("Mo-Fr 08:00-12:00 off, 13:00-14:00", "times of no day"),
        ("08:00-32:00; Mo 22:00-02:00 off", "closes past midnight; write the times that are open"),
    ],
)
def test_what_is_not_understood_is_refused_with_a_remedy(expression: str, said: str) -> None:
    problem = check_expression(expression)
    assert problem is not None
    assert said in problem
    with pytest.raises(ValueError) as refused:
        hours(expression)
    assert str(refused.value) == problem


def test_what_is_understood_has_no_problem() -> None:
    assert check_expression("Mo-Th 08:00-12:00,13:00-15:00; Fr 08:00-11:00,13:00-15:00; PH off") is None


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Asia/Jakarta", None),
        ("asia/jakarta", '"asia/jakarta" is no IANA time zone; did you mean Asia/Jakarta?'),
        ("Asia/Jakata", '"Asia/Jakata" is no IANA time zone; did you mean Asia/Jakarta?'),
        ("WITA", '"WITA" is no IANA time zone; write Asia/Makassar'),
        ("../etc", '"../etc" is no IANA time zone; write for example Asia/Jakarta'),
    ],
)
def test_time_zones_are_the_iana_s(name: str, said: str | None) -> None:
    assert check_timezone(name) == said


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("ID", None),
        ("id", '"id" is no country whose public holidays are known; write ID'),
        ("IDN", '"IDN" is no country whose public holidays are known; write the two letters of ISO 3166-1, such as ID'),
    ],
)
def test_countries_are_those_whose_holidays_are_known(code: str, said: str | None) -> None:
    assert check_country(code) == said


# --- what always holds

ZONES = ("Asia/Jakarta", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe")
WEEKDAYS = ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")
# Around the clock changes of the zones above, Christmas, and a leap day.
STARTS = st.sampled_from(("2026-10-03", "2026-10-24", "2026-10-31", "2026-12-23", "2027-03-13", "2028-02-28")).map(
    lambda day: parse_instant(f"{day}T00:00:00Z")
)


def times(last: int) -> st.SearchStrategy[str]:
    """A range of quarters of an hour that ends by the `last` one after midnight."""

    def text(bounds: Sequence[int]) -> str:
        return "-".join(f"{quarter // 4:02d}:{quarter % 4 * 15:02d}" for quarter in sorted(bounds))

    begins = st.integers(0, min(last, 96) - 1)
    return begins.flatmap(lambda begin: st.tuples(st.just(begin), st.integers(begin + 1, last))).map(text)


def days(*more: str) -> st.SearchStrategy[str]:
    weekday = st.sampled_from(WEEKDAYS)
    between = st.tuples(weekday, weekday).map("-".join)
    return st.lists(st.one_of(weekday, between, st.sampled_from(("Fr[-1]", *more))), min_size=1, max_size=2).map(
        ",".join
    )


def expressions(last: int = 96, *more: str) -> st.SearchStrategy[str]:
    """One to four rules whose hours end by the `last` quarter; `more`: further day selectors."""
    opens = st.tuples(days(*more), st.lists(times(last), min_size=1, max_size=2).map(",".join)).map(" ".join)
    closes = st.tuples(days(*more), st.sampled_from(("off", "10:00-14:00 off"))).map(" ".join)
    rule = st.one_of(opens, opens, closes)
    return st.tuples(
        rule, st.lists(st.tuples(st.sampled_from(("; ", ", ", " || ")), rule).map("".join), max_size=3)
    ).map(lambda parts: parts[0] + "".join(parts[1]))


@st.composite
def schedules(draw: st.DrawFn) -> ServiceHours:
    first = draw(st.integers(24, 30))
    exceptions = draw(st.lists(expressions(130).map(lambda text: (f"2026-10-{first}", "2026-10-30", text)), max_size=2))
    return hours(draw(expressions(130, "PH")), *exceptions, timezone=draw(st.sampled_from(ZONES)), country="DE")


@settings(max_examples=60, deadline=None)
@given(expressions(), st.sampled_from(ZONES), STARTS)
def test_within_a_day_every_expression_means_what_the_library_says_of_the_wall_clock(
    expression: str, timezone: str, start_ms: int
) -> None:
    service, library = hours(expression, timezone=timezone), OpeningHours(expression)
    for at_ms in range(start_ms, start_ms + 3 * DAY_MS, HOUR_MS // 4):
        wall = datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(ZoneInfo(timezone)).replace(tzinfo=None, fold=0)
        assert service.is_open(at_ms) == library.is_open(wall), wall


@settings(max_examples=60, deadline=None)
@given(schedules(), STARTS, st.integers(0, 7 * DAY_MS), st.integers(0, 7 * DAY_MS))
def test_spans_are_in_order_apart_and_may_be_asked_for_in_parts(
    service: ServiceHours, start_ms: int, first_ms: int, second_ms: int
) -> None:
    middle_ms, end_ms = start_ms + first_ms, start_ms + first_ms + second_ms
    whole = service.open_spans(start_ms, end_ms)
    assert all(start_ms <= span.start_ms < span.end_ms <= end_ms for span in whole)
    assert all(before.end_ms < after.start_ms for before, after in pairwise(whole))
    assert union([*service.open_spans(start_ms, middle_ms), *service.open_spans(middle_ms, end_ms)]) == whole


@settings(max_examples=60, deadline=None)
@given(schedules(), STARTS, st.lists(st.integers(0, 10 * DAY_MS), max_size=20))
def test_open_and_the_changes_around_an_instant_are_those_of_the_spans(
    service: ServiceHours, start_ms: int, offsets: list[int]
) -> None:
    spans = service.open_spans(start_ms - 60 * DAY_MS, start_ms + 60 * DAY_MS)
    edges = sorted(edge for span in spans for edge in span)
    # The first and the last edge may be cuts.
    inner = {edge for edge in edges if abs(edge - start_ms) < 60 * DAY_MS}
    for at_ms in [start_ms + offset for offset in offsets] + [
        edge + shift for edge in edges if 0 <= edge - start_ms < 4 * DAY_MS for shift in (-1, 0, 1)
    ]:
        assert service.is_open(at_ms) == any(span.start_ms <= at_ms < span.end_ms for span in spans)
        ahead = [edge for edge in inner if edge > at_ms]
        behind = [edge for edge in inner if edge <= at_ms]
        if ahead:
            assert service.next_change(at_ms) == min(ahead)
        if behind:
            assert service.last_change(at_ms) == max(behind)


@settings(max_examples=60, deadline=None)
@given(schedules(), STARTS, st.integers(0, 5 * DAY_MS))
def test_local_days_cover_a_stretch_without_gaps(service: ServiceHours, start_ms: int, length_ms: int) -> None:
    parts = [span for _, span in service.local_days(start_ms, start_ms + length_ms)]
    assert union(parts) == union([Span(start_ms, start_ms + length_ms)])
    assert sum(span.end_ms - span.start_ms for span in parts) == length_ms


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.sampled_from([*'0123456789:-+,;|/ []"', "Mo", "PH", "SH", "off", "week ", "Jan", "||", "24/7"])).map(
        "".join
    )
)
def test_whatever_is_written_is_understood_or_refused_in_words(text: str) -> None:
    problem = check_expression(text)
    if problem is None:
        service = hours(text)
        service.open_spans(0, 3 * DAY_MS)
    else:
        assert ";" in problem
