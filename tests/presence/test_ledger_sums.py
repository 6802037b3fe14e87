"""Sums are exact, and agencies and sites are summed by duty."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from presence.ledger import Coverage, LedgerDay, coverage
from presence.ledger_sums import By, Entry, LedgerSum, Period, sums


def day(subject: str, name: str, when: str = "2026-11-24", **booked: int) -> LedgerDay:
    parts = {"attended_ms": 0, "absent_ms": 0, "declared_ms": 0, "unknown_ms": 0, **booked}
    return LedgerDay(
        subject=subject,  # type: ignore[arg-type]
        id=name,
        date=when,
        opened_at_ms=None,
        left_at_ms=None,
        **parts,
    )


# Two counters that relieve each other, and one alone.
RELIEVED = [
    Entry("balai", "dinas", day("outlet", "a-1", attended_ms=60, absent_ms=40)),
    Entry("balai", "dinas", day("outlet", "a-2", attended_ms=50, absent_ms=50)),
    Entry("balai", "dinas", day("duty", "loket-a", attended_ms=100)),
    Entry("balai", "bkn", day("outlet", "b-1", attended_ms=70, unknown_ms=30, equipment_down_ms=20)),
    Entry("balai", "bkn", day("duty", "b-1", attended_ms=70, unknown_ms=30, equipment_down_ms=20)),
]


def test_outlets_are_summed_each_for_itself() -> None:
    assert [(one.id, one.attended_ms, one.absent_ms) for one in sums(RELIEVED, "outlet", "day")] == [
        ("a-1", 60, 40),
        ("a-2", 50, 50),
        ("b-1", 70, 0),
    ]


def test_agencies_and_sites_are_summed_by_duty() -> None:
    assert [(one.id, one.attended_ms, one.obliged_ms) for one in sums(RELIEVED, "agency")] == [
        ("bkn", 70, 100),
        ("dinas", 100, 100),
    ]
    assert sums(RELIEVED, "site", "month") == [
        LedgerSum(
            by="site", site="balai", id="balai", period="2026-11",
            attended_ms=170, unknown_ms=30, equipment_down_ms=20,
        ),
    ]  # fmt: skip


def test_a_sum_as_programs_get_it() -> None:
    (_, bkn) = sums(RELIEVED, "duty", "day")[::-1]
    assert bkn.as_json() == {
        "site": "balai",
        "duty": "b-1",
        "date": "2026-11-24",
        "obliged_s": 0.1,
        "attended_s": 0.07,
        "absent_s": 0.0,
        "declared_s": 0.0,
        "unknown_s": 0.03,
        "equipment_down_s": 0.02,
        "coverage": {"at_least": 0.7, "at_most": 1.0},
    }
    assert sums(RELIEVED, "site", "month")[0].as_json()["month"] == "2026-11"
    declared = sums([Entry("balai", "dinas", day("duty", "a-1", declared_ms=5))], "duty")
    assert declared[0].as_json()["coverage"] is None


lengths = st.integers(0, 86_400_000)


@st.composite
def entries(draw: st.DrawFn) -> list[Entry]:
    found = []
    for _ in range(draw(st.integers(0, 40))):
        subject = draw(st.sampled_from(("outlet", "duty")))
        when = (date(2026, 10, 20) + timedelta(days=draw(st.integers(0, 40)))).isoformat()
        booked = {f"{part}_ms": draw(lengths) for part in ("attended", "absent", "declared", "unknown")}
        one = day(subject, draw(st.sampled_from(("a-1", "a-2"))), when, **booked)
        found.append(Entry(draw(st.sampled_from(("balai", "mall"))), draw(st.sampled_from(("dinas", "bkn"))), one))
    return found


@given(entries(), st.sampled_from(("outlet", "duty", "agency", "site")), st.sampled_from(("day", "month", None)))
def test_nothing_is_lost_or_counted_twice(booked: list[Entry], by: By, period: Period | None) -> None:
    wanted = [one.day for one in booked if (one.day.subject == "outlet") == (by == "outlet")]
    found = sums(booked, by, period)
    for part in ("attended_ms", "absent_ms", "declared_ms", "unknown_ms", "obliged_ms"):
        assert sum(getattr(one, part) for one in found) == sum(getattr(one, part) for one in wanted)
    assert coverage(found) == coverage(wanted)
    assert coverage([]) is None
    assert all(isinstance(coverage([one]), Coverage | None) for one in found)
