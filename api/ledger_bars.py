"""The ledger in figures that close: bars in %, printed parts that add up to the printed whole, coverage as a bound.

The attended share and the lower bound are rounded down, the upper bound up. Without declared time that share is the
lower bound: as printed it lies within its bounds.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, floor
from typing import NamedTuple

from api.words import Words
from presence.ledger import Booked, Coverage, coverage

BOOKINGS = ("attended", "absent", "declared", "unknown")
_WHOLE = 1000  # tenths of a per cent
_DIGITS = 6  # to which a quotient is taken for exact


class Part(NamedTuple):
    """One booking: its share of the bar, and how it is printed."""

    booking: str
    x: str
    width: str
    word: str
    time: str
    share: str


class Bar(NamedTuple):
    """`parts`: all four; those without time have no width. `said`: the bar in words."""

    parts: list[Part]
    obliged: str
    whole: str
    said: str
    coverage: str
    bounds: tuple[str, str] | None


def bar(booked: Booked, words: Words) -> Bar:
    """The bar of a day or of many. Times are rounded by largest remainder, and shares but for the attended one."""
    times = [booked.attended_ms, booked.absent_ms, booked.declared_ms, booked.unknown_ms]
    obliged_ms = sum(times)
    seconds = largest_remainder(times, obliged_ms // 1000)
    parts, before_ms = [], 0
    for booking, time_ms, share, its_seconds in zip(BOOKINGS, times, shares(times), seconds, strict=True):
        x, width = (100 * ms / obliged_ms if obliged_ms else 0.0 for ms in (before_ms, time_ms))
        word = words(f"outlet.booked.{booking}")
        said = words.percent(share / _WHOLE, 1)
        parts.append(Part(booking, f"{x:.2f}%", f"{width:.2f}%", word, _clock(its_seconds), said))
        before_ms += time_ms
    told = [f"{part.word.lower()} {part.share}" for part, time_ms in zip(parts, times, strict=True) if time_ms]
    bounds = coverage([booked])
    return Bar(
        parts=parts,
        obliged=_clock(obliged_ms // 1000),
        whole=words.percent(1 if obliged_ms else 0, 1),
        said=", ".join(told) or words("outlet.ledger.none"),
        coverage="–" if bounds is None else bound(bounds, words),
        bounds=None if bounds is None else _printed(bounds, words),
    )


def shares(parts: Sequence[int]) -> list[int]:
    """`parts` in thousandths, which add up to 1000; the first, what was attended, is rounded down."""
    return largest_remainder(parts, _WHOLE, down=1)


def largest_remainder(parts: Sequence[int], whole: int, *, down: int = 0) -> list[int]:
    """`parts` in proportion, as whole numbers that add up to `whole`; so many of the first are rounded down.

    All 0 when there is nothing.
    """
    total = sum(parts)
    if not total:
        return [0] * len(parts)
    found = [part * whole // total for part in parts]
    left = sorted(range(down, len(parts)), key=lambda n: (-(parts[n] * whole % total), n))
    for n in left[: whole - sum(found)]:
        found[n] += 1
    return found


def bound(covered: Coverage, words: Words) -> str:
    """`60,7–65,0 %`; a single figure when nothing is unknown."""
    lowest, highest = _rounded(covered)
    return words.percent(lowest, 1) if lowest == highest else words.percents(lowest, highest)


def _printed(covered: Coverage, words: Words) -> tuple[str, str]:
    lowest, highest = _rounded(covered)
    return words.percent(lowest, 1), words.percent(highest, 1)


def _rounded(covered: Coverage) -> tuple[float, float]:
    """Outwards, so that it stays a bound; a figure that is known is rounded as its share is."""
    lowest = floor(round(covered.at_least * _WHOLE, _DIGITS))
    highest = lowest if covered.at_least == covered.at_most else ceil(round(covered.at_most * _WHOLE, _DIGITS))
    return lowest / _WHOLE, highest / _WHOLE


def _clock(seconds: int) -> str:
    """`1:38:20`: hours, minutes, seconds."""
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
