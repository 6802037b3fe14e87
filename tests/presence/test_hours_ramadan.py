"""Ramadan's dates: computed, proposed, and missed when nobody has confirmed them."""

from __future__ import annotations

from datetime import date

import pytest

from presence.hours_ramadan import proposals, undecided_ramadan
from presence.schedule import Schedule
from presence.service_hours import ramadans
from presence.site import DatedHours

# What the government decided (sidang isbat, Kementerian Agama): the first day of Ramadan and of Syawal.
DECIDED = {
    2016: ("2016-06-06", "2016-07-06"), 2017: ("2017-05-27", "2017-06-25"), 2018: ("2018-05-17", "2018-06-15"),
    2019: ("2019-05-06", "2019-06-05"), 2020: ("2020-04-24", "2020-05-24"), 2021: ("2021-04-13", "2021-05-13"),
    2022: ("2022-04-03", "2022-05-02"), 2023: ("2023-03-23", "2023-04-22"), 2024: ("2024-03-12", "2024-04-10"),
    2025: ("2025-03-01", "2025-03-31"), 2026: ("2026-02-19", "2026-03-21"),
}  # fmt: skip


@pytest.mark.parametrize("year", DECIDED)
def test_computed_dates_are_at_most_a_day_from_what_was_decided(year: int) -> None:
    [(first, last)] = ramadans(year)
    begin, feast = (date.fromisoformat(day) for day in DECIDED[year])
    assert (first - begin).days in ((1,) if year == 2025 else (0,))
    assert (feast - last).days == 1


@pytest.mark.parametrize("year", range(2000, 2075))
def test_every_ramadan_has_29_or_30_days(year: int) -> None:
    assert all((last - first).days in (28, 29) for first, last in ramadans(year))


def test_a_proposal_is_an_exception_in_the_templates_form_for_ramadan() -> None:
    assert proposals(2027, "perpres-21-2023") == [
        DatedHours(first="2027-02-08", last="2027-03-09", service_hours="perpres-21-2023-ramadan", reason="Ramadan")
    ]
    assert [one.first for one in proposals(2030, "enam-hari")] == ["2030-01-06", "2030-12-26"]
    assert proposals(2200, "enam-hari") == []


def test_own_hours_have_no_form_for_ramadan() -> None:
    with pytest.raises(ValueError, match=r'^"24/7" has no form .* \(perpres-21-2023, enam-hari\)$'):
        proposals(2027, "24/7")


def lacking(
    today: str, *exceptions: tuple[str, str], hours: str = "perpres-21-2023", country: str = "ID"
) -> str | None:
    """The first day of the Ramadan that is not covered."""
    dated = tuple(DatedHours(first=first, last=last, service_hours="08:00-09:00") for first, last in exceptions)
    schedule = Schedule(timezone="Asia/Jakarta", country=country, service_hours=hours, exceptions=dated)
    found = undecided_ramadan(schedule, date.fromisoformat(today))
    return None if found is None else found.first


@pytest.mark.parametrize(
    ("today", "first"),
    [("2026-12-09", None), ("2026-12-10", "2027-02-08"), ("2027-03-09", "2027-02-08"), ("2027-03-10", None),
     ("2031-01-20", "2030-12-26")],
)  # fmt: skip
def test_a_ramadan_is_missed_from_60_days_before_it_until_its_end(today: str, first: str | None) -> None:
    assert lacking(today) == first


def test_none_is_missed_that_is_covered_or_that_nobody_asked_about() -> None:
    assert lacking("2027-01-20", ("2027-02-08", "2027-03-09")) is None
    # The government may decide on a day later; several exceptions may share it.
    assert lacking("2027-01-20", ("2027-02-09", "2027-02-20"), ("2027-02-21", "2027-03-09")) is None
    assert lacking("2027-01-20", ("2027-02-11", "2027-03-09")) == "2027-02-08"
    assert lacking("2027-01-20", hours="Mo-Fr 08:00-12:00; PH off") is None
    assert lacking("2027-01-20", country="SG") is None
