"""The named hours of Indonesian offices: what Perpres 21/2023 says of them, in sums."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

import pytest

from presence.hours_templates import TEMPLATES
from presence.service_hours import Calendar, check_expression, ranges_on

HOUR_MS = 3_600_000
# A week without holidays: 2026-11-23 is a Monday.
WEEK = [date(2026, 11, 23) + timedelta(days=n) for n in range(7)]
CHRISTMAS = date(2026, 12, 25)
INDONESIA = Calendar("ID", cuti_bersama=False)


def open_hours(name: str) -> list[float]:
    """Hours open on Monday, Tuesday, …, Sunday."""
    return [sum(wall.end_ms - wall.start_ms for wall in ranges_on(name, INDONESIA, on)) / HOUR_MS for on in WEEK]


def breaks(name: str) -> list[int]:
    """Minutes between the first opening and the last closing, Monday to Sunday."""
    found = []
    for on in WEEK:
        ranges = ranges_on(name, INDONESIA, on)
        found.append(sum(after.start_ms - before.end_ms for before, after in pairwise(ranges)))
    return [ms // 60_000 for ms in found]


@pytest.mark.parametrize(
    ("name", "hours_a_week", "begins", "break_min", "friday_break_min"),
    [
        # Article 4: (1), (3), (5); (2), (4), (6).
        ("perpres-21-2023", 37.5, 7.5, 60, 90),
        ("perpres-21-2023-ramadan", 32.5, 8, 30, 60),
        ("enam-hari", 37.5, 7.5, 60, 90),
        # SE Menteri PANRB 6/2023: at least 32.5.
        ("enam-hari-ramadan", 33, 8, 30, 60),
    ],
)
def test_hours_a_week_beginning_and_breaks_are_those_of_the_regulation(
    name: str, hours_a_week: float, begins: float, break_min: int, friday_break_min: int
) -> None:
    saturday = break_min if name.startswith("enam") else 0
    assert sum(open_hours(name)) == hours_a_week
    assert {ranges_on(name, INDONESIA, on)[0].start_ms / HOUR_MS for on in WEEK[:5]} == {begins}
    assert breaks(name) == [*[break_min] * 4, friday_break_min, saturday, 0]


@pytest.mark.parametrize(("name", "days"), [("perpres-21-2023", 5), ("enam-hari", 6)])
def test_every_working_day_is_equally_long(name: str, days: int) -> None:
    assert open_hours(name) == [*[37.5 / days] * days, *[0] * (7 - days)]


@pytest.mark.parametrize("name", TEMPLATES)
def test_every_template_is_closed_on_holidays_and_names_its_form_for_ramadan(name: str) -> None:
    assert ranges_on(name, INDONESIA, CHRISTMAS) == ()
    ramadan = TEMPLATES[name].ramadan
    assert TEMPLATES[ramadan].ramadan == ramadan


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (" perpres-21-2023\n", None),
        ("perpres-21-2003", 'no template has that name; did you mean "perpres-21-2023"?'),
        ("Perpres-21-2023-Ramadhan", 'no template has that name; did you mean "perpres-21-2023-ramadan"?'),
        ("enam hari", 'no template has that name; did you mean "enam-hari"?'),
        ("enam-hari; Sa off", "a template's name stands alone; write its hours out: Mo-Th,Sa 07:30-12:00"),
    ],
)
def test_a_name_stands_where_an_expression_may_and_a_misspelt_one_is_asked_about(text: str, said: str | None) -> None:
    problem = check_expression(text)
    assert problem is None if said is None else problem is not None and said in problem
