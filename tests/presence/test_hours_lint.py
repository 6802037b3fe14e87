"""What is told of hours that are understood but hardly meant, and that nothing is told of right ones."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from presence.hours_lint import HoursWarning, expression_warnings, hours_warnings
from presence.hours_templates import TEMPLATES
from presence.instants import parse_instant
from presence.service_hours import Calendar, ranges_on
from presence.site import Agency, DatedHours, Site
from presence.site_file import parse_site
from tests.builders import outlet, site

ROOT = Path(__file__).parents[2]
INDONESIA = Calendar("ID", cuti_bersama=False)
TODAY = date(2026, 11, 24)
NOW_MS = parse_instant("2026-11-24T09:00+07:00")


def told(expression: str) -> list[str]:
    return list(expression_warnings(expression, INDONESIA, TODAY))


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("Mo-Fr 08:00-12:00; Mo-Fr 13:00-15:00",
         ('"Mo-Fr 08:00-12:00" never counts: "Mo-Fr 13:00-15:00" stands in its place; '
         "for both write Mo-Fr 08:00-12:00,13:00-15:00")),
        ("08:00-12:00; 13:00-15:00; PH off",
         '"08:00-12:00" never counts: "13:00-15:00" stands in its place; for both write 08:00-12:00,13:00-15:00'),
        ("Mo-Fr 08:00-12:00; Mo-Th 13:00-15:00; Fr 13:00-14:00",
         ('"Mo-Fr 08:00-12:00" never counts: "Mo-Th 13:00-15:00" stands in its place; '
         "if it is meant, write it behind that one")),
        ("Dec 24 08:00-10:00; Mo-Fr 08:00-15:00; PH off",
         ('"Dec 24 08:00-10:00" never counts: "Mo-Fr 08:00-15:00" stands in its place; '
         "if it is meant, write it behind that one")),
        ("Fr off; Mo-Fr 08:00-15:00; PH off",
         '"Fr off" never counts: "Mo-Fr 08:00-15:00" stands in its place; leave one of them out'),
        ("PH off; Mo-Fr 08:00-15:00",
         '"PH off" does not hold on holidays: "Mo-Fr 08:00-15:00" behind it does; write it last'),
        ("Mo-Fr 08:00-12:00,11:00-15:00; PH off",
         ('"08:00-12:00" and "11:00-15:00" in "Mo-Fr 08:00-12:00,11:00-15:00" overlap and count as one; '
         "write where the first ends and the second begins")),
        ("Mo-Fr 08:00-12:00, Fr 11:00-15:00; PH off",
         '"Mo-Fr 08:00-12:00" and "Fr 11:00-15:00" overlap and count as one; write each time once'),
        ("Mo 08:00-08:00; PH off",
         ('"08:00-08:00" in "Mo 08:00-08:00" opens for 24 hours, not for none; '
          "write off, or the time at which it closes")),
        ("Mo-Fr 13:00-03:00; PH off",
         ('"13:00-03:00" in "Mo-Fr 13:00-03:00" goes on past midnight, for 14 h; '
         "if that is not meant, write the times in their order")),
        ("Mo-Su 08:00-24:00; PH off",
         "opens for 112 h in a week; look at the closing times, or write 24/7 where nobody ever closes"),
        ("Mo 08:00-08:30; PH off", "opens for 0.5 h in a week; look at the days and times"),
    ],
)  # fmt: skip
def test_what_is_hardly_meant_is_told_with_what_it_does_and_what_to_write(expression: str, said: str) -> None:
    assert told(expression) == [said]


@pytest.mark.parametrize(
    "expression",
    [
        *TEMPLATES,
        "24/7",
        "off",
        "Mo-Th 08:00-12:00,13:00-15:00; Fr 08:00-11:00,13:00-15:00; PH off",
        "Mo-Fr 08:00-15:00; Fr 08:00-11:00; PH off",
        "Mo-Fr 08:00-12:00; PH off; Dec 25 09:00-10:00",
        "Mo-Fr 08:00-12:00; PH 09:00-10:00",
        "Mo-Fr 08:00-12:00,12:00-15:00",
        "Mo-Fr 08:00-12:00, Mo-Fr 13:00-15:00, PH off",
        "Mo-Fr 08:00-12:00; We 10:00-11:00 off",
        "Mo-Fr 08:00-12:00 || Sa 10:00-11:00",
        "Mo-Su 22:00-06:00",
        "Mo-Fr 20:00-30:00",
        "Mo-We 08:00-12:00; We-Fr 13:00-15:00",
        "Feb 29 08:00-12:00",
    ],
)
def test_nothing_is_told_of_what_is_usual(expression: str) -> None:
    assert told(expression) == []


RULES = st.lists(
    st.tuples(
        st.sampled_from(("Mo-Fr", "Fr", "Sa-Su", "Mo-Su", "Dec 24")), st.sampled_from(("08:00-12:00", "13:00-15:00"))
    ).map(" ".join),
    min_size=2,
    max_size=4,
)


@settings(max_examples=40, deadline=None)
@given(RULES)
def test_a_rule_that_never_counts_may_be_left_out_and_one_that_counts_may_not(rules: list[str]) -> None:
    def year(of: list[str]) -> list[object]:
        days = range(TODAY.toordinal(), TODAY.toordinal() + 371)
        return [ranges_on("; ".join(of), INDONESIA, date.fromordinal(day)) for day in days]

    never = [said.split('"')[1] for said in told("; ".join(rules)) if "never counts" in said]
    for n, rule in enumerate(rules):
        idle = year(rules) == year(rules[:n] + rules[n + 1 :])
        if rule in never and rules.count(rule) == 1:
            assert idle
        elif rule not in never and rule not in rules[n + 1 :]:
            # What holds the same hours as an earlier rule is idle as well, and no mistake.
            assert not idle or rule.split()[-1] in {other.split()[-1] for other in rules[:n]}


def warnings(of: Site, now: str = "2026-11-24T09:00+07:00") -> list[tuple[str, str]]:
    return [(warning.path, warning.says) for warning in hours_warnings(of, parse_instant(now))]


def dated(first: str, last: str, text: str) -> DatedHours:
    return DatedHours(first=first, last=last, service_hours=text)


def test_each_is_told_once_where_it_is_written() -> None:
    twice = "Mo-Fr 08:00-12:00; Mo-Fr 13:00-15:00; PH off"
    hall = site(
        outlets=[outlet("a-1"), outlet("a-2"), outlet("a-3", service_hours="Mo 09:00-09:00; PH off")],
        service_hours="Mo-Fr 08:00-12:00; PH off",
        agencies=(Agency(id="dinas", name="D", service_hours=twice),),
    )
    assert [(warning.path, warning.where) for warning in hours_warnings(hall, NOW_MS)] == [
        ("agencies[0].service_hours", "agency dinas"),
        ("outlets[2].service_hours", "outlet a-3"),
    ]


def test_office_hours_without_ph_count_holidays_in_indonesia() -> None:
    said = 'says nothing of public holidays: they count as working days; write "; PH off" at its end to close then'
    assert warnings(site(service_hours="Mo-Fr 08:00-12:00")) == [("site.service_hours", said)]
    assert warnings(site(service_hours="Mo-Fr 08:00-12:00", country="DE")) == []
    # Open on all seven days is meant for every day.
    assert warnings(site(service_hours="08:00-12:00")) == warnings(site(service_hours="24/7")) == []


def test_an_exception_of_several_days_that_forgets_the_holidays_in_it() -> None:
    hours = "Mo-Fr 08:00-12:00"
    hall = site(
        exceptions=(
            dated("2026-12-20", "2026-12-31", hours),
            dated("2026-12-25", "2026-12-25", hours),  # written for that day
            dated("2026-12-01", "2026-12-23", hours),  # has no holiday in it
            dated("2026-12-20", "2026-12-31", f"{hours}; PH off"),
            dated("2025-12-20", "2025-12-31", f"{hours}; {hours}"),  # over
        )
    )
    said = 'is open on 2026-12-25 (Hari Raya Natal); write "; PH off" again to close on holidays'
    assert warnings(hall) == [("site.exceptions[0].service_hours", said)]
    assert warnings(site(service_hours="08:00-12:00", exceptions=hall.exceptions[:1])) == []


def test_an_outlet_that_never_opens_or_not_for_long() -> None:
    never = "never opens in the coming year; write the days and times on which it does"
    assert warnings(site(outlets=[outlet("a-1", service_hours="off")])) == [("outlets[0].service_hours", never)]
    both = site(outlets=[outlet("a-1"), outlet("a-2")], service_hours="off")
    assert warnings(both) == [("site.service_hours", f"{never} (of a-1, a-2)")]
    many = site(outlets=[outlet(f"a-{n}") for n in range(8)], service_hours="off")
    assert warnings(many) == [("site.service_hours", f"{never} (of a-0, a-1, a-2, a-3, a-4 and 3 more)")]
    late = "opens next on 2027-03-01, 97 days ahead; look at the dates, or say why it is closed in an exception"
    assert warnings(site(service_hours="Mar 08:00-12:00; PH off")) == [("site.service_hours", f"{late} (of a-1)")]


def test_a_closure_that_an_exception_speaks_of_is_meant() -> None:
    rebuilt = dated("2026-11-01", "2027-06-30", "off")
    assert warnings(site(exceptions=(rebuilt,))) == []
    assert warnings(site(service_hours="off", exceptions=(dated("2026-11-01", "2028-06-30", "off"),))) == []


def test_a_ramadan_that_nobody_has_confirmed() -> None:
    own, plain = outlet("a-2", service_hours="Mo-Fr 08:00-12:00; PH off"), outlet("a-1")
    hall = site(outlets=[plain, own], service_hours="perpres-21-2023")
    said = (
        "no exception says Ramadan's hours, about 2027-02-08 to 2027-03-09; "
        "`hadir hours --ramadan 2027 --hours perpres-21-2023` proposes one (of a-1)"
    )
    assert warnings(hall, "2027-01-10T09:00+07:00") == [("site.service_hours", said)]
    assert warnings(hall, "2026-11-24T09:00+07:00") == []
    ramadan = dated("2027-02-08", "2027-03-09", "perpres-21-2023-ramadan")
    confirmed = site(outlets=[outlet(exceptions=(ramadan,))], service_hours="perpres-21-2023")
    assert warnings(confirmed, "2027-01-10T09:00+07:00") == []


SITE_FILES = [
    ROOT / "config" / "site.example.yaml",
    ROOT / "hadir" / "simulation" / "demo.yaml",
    *sorted((ROOT / "tests" / "vectors").glob("scenarios/*/site.yaml")),
]


@pytest.mark.parametrize("file", SITE_FILES, ids=lambda file: file.parent.name)
def test_our_own_sites_give_no_false_warning(file: Path) -> None:
    found: list[HoursWarning] = hours_warnings(
        parse_site(file.read_text().replace("{ports}", "/dev"), file.name), NOW_MS
    )
    # Some scenarios leave holidays out on purpose: that is told, and right.
    assert [warning for warning in found if not warning.says.startswith("says nothing of public holidays")] == []
    assert found == [] or "PH" not in file.read_text() or "duty" in file.parent.name
