"""Readings drawn: a polyline for each quantity of each sensor, on the axis of the outlet's timeline."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from api.plots import Bucket, Line
from api.words import Words
from presence.intervals import Span
from presence.quantities import TRUTHS

WIDTH, HEIGHT = 1000, 100
# Longer than so many buckets nothing was said: the line is cut, not drawn through.
_GAP_BUCKETS = 3


class Run(NamedTuple):
    """A stretch without a gap, as points in a box of `WIDTH` × `HEIGHT`: of the last values, and around all values."""

    last: str
    between: str


class Plot(NamedTuple):
    """One quantity of one sensor; `said`: what its drawing shows, in words."""

    name: str
    least: str
    greatest: str
    last: str
    runs: list[Run]
    said: str


def plotted(found: Iterable[Line], span: Span, words: Words) -> list[Plot]:
    """The plots of those lines that have readings."""
    return [_plot(line, span, words) for line in found if line.buckets]


def _plot(line: Line, span: Span, words: Words) -> Plot:
    least = min(bucket.least for bucket in line.buckets)
    greatest = max(bucket.greatest for bucket in line.buckets)
    if line.quantity in TRUTHS:
        low, high = 0.0, 1.0
    else:
        low, high = least, greatest if greatest > least else least + 1
    unit = f" {line.unit}" if line.unit else ""
    name = f"{line.sensor} · {line.quantity}"
    lowest, highest, last = (f"{words.measured(value)}{unit}" for value in (least, greatest, line.buckets[-1].last))
    return Plot(
        name,
        lowest,
        highest,
        last,
        [_drawn(run, span, low, high) for run in _runs(line.buckets)],
        words("outlet.plot.said", name=name, least=lowest, greatest=highest, last=last),
    )


def _runs(buckets: Sequence[Bucket]) -> Iterator[list[Bucket]]:
    steps = [after.at_ms - before.at_ms for before, after in pairwise(buckets)]
    most_ms = _GAP_BUCKETS * max(min(steps, default=0), 1)
    run = [buckets[0]]
    for bucket, step in zip(buckets[1:], steps, strict=True):
        if step > most_ms:
            yield run
            run = []
        run.append(bucket)
    yield run


def _drawn(run: Sequence[Bucket], span: Span, low: float, high: float) -> Run:
    def point(at_ms: int, value: float) -> str:
        x = WIDTH * (at_ms - span.start_ms) / (span.end_ms - span.start_ms)
        return f"{x:.1f},{HEIGHT - HEIGHT * (value - low) / (high - low):.1f}"

    above = [point(bucket.at_ms, bucket.greatest) for bucket in run]
    below = [point(bucket.at_ms, bucket.least) for bucket in reversed(run)]
    return Run(" ".join(point(bucket.at_ms, bucket.last) for bucket in run), " ".join([*above, *below]))
