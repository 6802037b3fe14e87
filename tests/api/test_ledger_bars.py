from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from api.ledger_bars import bar, largest_remainder, shares
from api.words import Words
from presence.ledger_sums import LedgerSum

WORDS = Words("id", "Asia/Jakarta")
TIMES = st.integers(0, 30 * 86_400_000)


def booked(attended: int, absent: int, declared: int, unknown: int) -> LedgerSum:
    return LedgerSum(
        by="outlet", site="balai", id="a-1", period="",
        attended_ms=attended, absent_ms=absent, declared_ms=declared, unknown_ms=unknown,
    )  # fmt: skip


@pytest.mark.parametrize("parts", [(1, 1, 1, 0), (1, 0, 0, 0), (999_999, 1, 0, 0), (7, 11, 13, 17), (1, 1, 1, 1)])
def test_rounded_parts_add_up_to_the_whole(parts: tuple[int, int, int, int]):
    found = largest_remainder(parts, 1000)
    assert sum(found) == 1000
    assert all(part or not share for part, share in zip(parts, found, strict=True))


def test_printed_times_and_shares_close():
    shown = bar(booked(3_333_400, 3_333_300, 0, 3_333_300), WORDS)
    assert [part.time for part in shown.parts] == ["0:55:34", "0:55:33", "0:00:00", "0:55:33"]
    assert shown.obliged == "2:46:40"
    assert [part.share for part in shown.parts] == ["33,3\u00a0%", "33,4\u00a0%", "0,0\u00a0%", "33,3\u00a0%"]


@pytest.mark.parametrize(
    ("parts", "expected"),
    [([0, 0], [0, 0]), ([1, 1, 1], [333, 334, 333]), ([2, 1, 0, 0], [666, 334, 0, 0]), ([999, 1], [999, 1]),
     ([1, 0, 0, 0], [1000, 0, 0, 0])],
)  # fmt: skip
def test_printed_shares_add_up(parts: list[int], expected: list[int]):
    assert shares(parts) == expected


@given(attended=TIMES, absent=TIMES, unknown=TIMES)
def test_what_was_attended_lies_within_its_bounds_as_printed(attended: int, absent: int, unknown: int):
    assume(attended + absent + unknown)
    shown = bar(booked(attended, absent, 0, unknown), Words("en", "Asia/Jakarta"))
    assert shown.bounds is not None
    lowest, highest = (float(end.rstrip("%")) for end in shown.bounds)
    sure, _, _, perhaps = (float(part.share.rstrip("%")) for part in shown.parts)
    assert lowest == sure
    assert sure + perhaps <= highest + 1e-9
    assert (lowest == highest) or unknown


def test_coverage_is_rounded_outwards():
    assert bar(booked(93_280, 6_110, 0, 610), WORDS).coverage == "93,2–93,9\u00a0%"
    assert bar(booked(29, 71, 0, 0), WORDS).coverage == "29,0\u00a0%"


def test_coverage_is_a_bound_and_one_figure_where_all_is_known():
    assert bar(booked(60, 35, 0, 5), WORDS).coverage == "60,0–65,0\u00a0%"
    assert bar(booked(60, 40, 100, 0), WORDS).coverage == "60,0\u00a0%"
    assert bar(booked(0, 0, 100, 0), WORDS).coverage == "–"
    assert bar(booked(60, 35, 0, 5), Words("en", "Asia/Jakarta")).coverage == "60.0–65.0%"


def test_a_bar_of_nothing_says_so():
    shown = bar(booked(0, 0, 0, 0), WORDS)
    assert shown.said == "tidak ada waktu wajib buka"
    assert {part.width for part in shown.parts} == {"0.00%"}
