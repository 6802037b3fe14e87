"""The ledger in figures that close: bars in %, printed parts that add up to the printed whole, coverage as a bound."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from api.words import Words
from presence.ledger import Booked, coverage

BOOKINGS = ("attended", "absent", "declared", "unknown")
_WHOLE = 1000  # tenths of a per cent


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
    """The bar of a day or of many. All its figures are rounded by largest remainder."""
    times = [booked.attended_ms, booked.absent_ms, booked.declared_ms, booked.unknown_ms]
    obliged_ms = sum(times)
    shares = largest_remainder(times, _WHOLE) if obliged_ms else [0] * len(times)
    seconds = largest_remainder(times, obliged_ms // 1000) if obliged_ms else [0] * len(times)
    parts, before_ms = [], 0
    for booking, time_ms, share, its_seconds in zip(BOOKINGS, times, shares, seconds, strict=True):
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
        coverage="–" if bounds is None else _bound(*bounds, words),
        bounds=None if bounds is None else (words.percent(bounds[0], 1), words.percent(bounds[1], 1)),
    )


def largest_remainder(parts: Sequence[int], whole: int) -> list[int]:
    """`parts` in proportion, as whole numbers that add up to `whole`."""
    total = sum(parts)
    found = [part * whole // total for part in parts]
    left = sorted(range(len(parts)), key=lambda n: (-(parts[n] * whole % total), n))
    for n in left[: whole - sum(found)]:
        found[n] += 1
    return found


def _bound(lowest: float, highest: float, words: Words) -> str:
    one = words.percent(lowest, 1)
    return one if one == words.percent(highest, 1) else words.percents(lowest, highest)


def _clock(seconds: int) -> str:
    """`1:38:20`: hours, minutes, seconds."""
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
