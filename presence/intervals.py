"""Half-open stretches of time, [start, end), in epoch milliseconds UTC: cut, join, clip."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple

State = Literal["occupied", "vacant", "unknown"]
Truth = bool | None  # None: unknown


class Span(NamedTuple):
    """[start_ms, end_ms)."""

    start_ms: int
    end_ms: int


class Interval(NamedTuple):
    """One state of a zone; `end_ms` is None while it lasts. `p`: probability of presence when it began."""

    start_ms: int
    end_ms: int | None
    state: State
    p: float


class TruthInterval(NamedTuple):
    """What a condition of a device is from `start_ms` on; `end_ms` is None while it lasts."""

    start_ms: int
    end_ms: int | None
    truth: Truth


def union(spans: Iterable[Span]) -> list[Span]:
    """`spans` in order, those that touch or overlap joined, empty ones left out."""
    joined: list[Span] = []
    for span in sorted(span for span in spans if span.end_ms > span.start_ms):
        if joined and span.start_ms <= joined[-1].end_ms:
            joined[-1] = Span(joined[-1].start_ms, max(joined[-1].end_ms, span.end_ms))
        else:
            joined.append(span)
    return joined


def clip(spans: Iterable[Span], start_ms: int, end_ms: int) -> Iterator[Span]:
    """The parts of `spans` within [start_ms, end_ms)."""
    for span in spans:
        start, end = max(span.start_ms, start_ms), min(span.end_ms, end_ms)
        if start < end:
            yield Span(start, end)


def subtract(spans: Iterable[Span], holes: Iterable[Span]) -> list[Span]:
    """What of `spans` no one of `holes` covers, in order."""
    left = union(spans)
    for hole in union(holes):
        rest: list[Span] = []
        for span in left:
            if hole.end_ms <= span.start_ms or hole.start_ms >= span.end_ms:
                rest.append(span)
                continue
            if span.start_ms < hole.start_ms:
                rest.append(Span(span.start_ms, hole.start_ms))
            if hole.end_ms < span.end_ms:
                rest.append(Span(hole.end_ms, span.end_ms))
        left = rest
    return left
