"""Readings drawn: a polyline for each quantity of each sensor, on the axis of the outlet's timeline.

`static/readings.js` draws the same with uPlot, so that one can look closer.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from api.plots import Bucket, Line
from api.words import Words
from presence.intervals import Span, clip
from presence.ledger import Booking, Stretch
from presence.quantities import TRUTHS

WIDTH, HEIGHT = 1000, 100
# What people write for the units of SenML; the others are written as they are.
_UNITS = {"Cel": "°C", "%RH": "%", "%EL": "%", "count": ""}
_GATE = re.compile(r"(.+)_g(\d+)")


class Run(NamedTuple):
    """A stretch without a gap, as points in a box of `WIDTH` × `HEIGHT`: of the last values, and around all values."""

    last: str
    between: str


class Band(NamedTuple):
    """What the outlet was meanwhile, behind the lines: obliged time that is not simply attended."""

    css: str
    booking: Booking
    start_ms: int
    end_ms: int
    x: str
    width: str


class Plot(NamedTuple):
    """One quantity of one sensor. `truth`: it is true or false; `cut`: the value on which something depends, if known;
    `said`: what its drawing shows, in words.
    """

    sensor: str
    quantity: str
    unit: str
    truth: bool
    cut: float | None
    name: str
    least: str
    greatest: str
    last: str
    runs: list[Run]
    said: str


def plotted(found: Iterable[Line], span: Span, cuts: Mapping[str, float], words: Words) -> list[Plot]:
    """The plots of those lines that have readings. `cuts`: by quantity, the value on which something depends."""
    return [_plot(line, span, cuts.get(line.quantity), words) for line in found if line.buckets]


def bands(booked: Iterable[Stretch], span: Span) -> list[Band]:
    """The stretches of `booked` within `span` that are drawn behind every plot."""
    shown = [
        (part, one.booking)
        for one in booked
        if one.booking != "attended"
        for part in clip([Span(one.start_ms, one.end_ms)], *span)
    ]
    whole_ms = span.end_ms - span.start_ms
    return [
        Band(
            f"band-{booking}",
            booking,
            *part,
            f"{WIDTH * (part.start_ms - span.start_ms) / whole_ms:.1f}",
            f"{WIDTH * (part.end_ms - part.start_ms) / whole_ms:.1f}",
        )
        for part, booking in shown
    ]


def as_data(plots: Iterable[Plot]) -> list[dict[str, Any]]:
    """What the page's module needs to know of `plots` besides the readings."""
    return [{name: getattr(plot, name) for name in ("sensor", "quantity", "unit", "truth", "cut")} for plot in plots]


def _plot(line: Line, span: Span, cut: float | None, words: Words) -> Plot:
    least = min(bucket.least for bucket in line.buckets)
    greatest = max(bucket.greatest for bucket in line.buckets)
    truth = line.quantity in TRUTHS
    low, high = (0.0, 1.0) if truth else (least, greatest if greatest > least else least + 1)
    unit = _UNITS.get(line.unit or "", line.unit or "")
    name = f"{line.sensor} · {quantity_in_words(line.quantity, words)}"

    def said(value: float) -> str:
        return words(f"outlet.plot.{value >= 0.5}".lower()) if truth else f"{words.measured(value)} {unit}".rstrip()

    lowest, highest, last = (said(value) for value in (least, greatest, line.buckets[-1].last))
    return Plot(
        line.sensor,
        line.quantity,
        unit,
        truth,
        cut,
        name,
        lowest,
        highest,
        last,
        [_drawn(run, span, low, high, stepped=truth) for run in _runs(line)],
        words("outlet.plot.said", name=name, least=lowest, greatest=highest, last=last),
    )


def quantity_in_words(name: str, words: Words) -> str:
    """`jarak`, `energi diam, gerbang 3`; a name that has no words stands for itself."""
    gate = _GATE.fullmatch(name)
    if gate is None:
        return words.get(f"quantity.{name}", name)
    return words("quantity.gate", name=words.get(f"quantity.{gate[1]}", gate[1]), n=int(gate[2]))


def _runs(line: Line) -> Iterator[list[Bucket]]:
    run: list[Bucket] = []
    for bucket in line.buckets:
        if run and bucket.at_ms - run[-1].at_ms > line.gap_ms:
            yield run
            run = []
        run.append(bucket)
    yield run


def _drawn(run: Sequence[Bucket], span: Span, low: float, high: float, *, stepped: bool) -> Run:
    def point(at_ms: int, value: float) -> str:
        x = WIDTH * (at_ms - span.start_ms) / (span.end_ms - span.start_ms)
        return f"{x:.1f},{HEIGHT - HEIGHT * (value - low) / (high - low):.1f}"

    above = [point(bucket.at_ms, bucket.greatest) for bucket in run]
    below = [point(bucket.at_ms, bucket.least) for bucket in reversed(run)]
    last = [point(bucket.at_ms, bucket.last) for bucket in run]
    if stepped:  # true holds until false is said
        corners = [point(after.at_ms, before.last) for before, after in pairwise(run)]
        last = [last[0], *(one for pair in zip(corners, last[1:], strict=True) for one in pair)]
    return Run(" ".join(last if len(last) > 1 else last * 2), " ".join([*above, *below]))
