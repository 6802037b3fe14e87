"""Readings for plots: of each quantity of each sensor the least, the greatest and the last value in every bucket."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from statistics import median
from typing import Any, NamedTuple

from presence.instants import rfc3339
from presence.intervals import Span
from presence.quantities import quantity
from presence.site import Outlet, Sensor
from storage.timeseries import Series, Store

# So much is in memory at a time.
_SLICE_MS = 3_600_000
_RUNNING_NUMBERS = ("seq", "boot")
# So many times longer than usual nothing was said: that is a gap.
_UNUSUAL = 3


class Bucket(NamedTuple):
    """What was read in [at_ms, at_ms + the width of a bucket)."""

    at_ms: int
    least: float
    greatest: float
    last: float


class Line(NamedTuple):
    """One quantity of one sensor; buckets without a reading are left out, in none of them something is made up.

    `gap_ms`: over a longer step from bucket to bucket no line may be drawn.
    """

    sensor: str
    zone: str
    quantity: str
    unit: str | None
    buckets: list[Bucket]
    gap_ms: int


def lines(store: Store, site: str, outlet: Outlet, span: Span, points: int) -> list[Line]:
    """Every quantity of the sensors of `outlet` over `span`, in at most `points` buckets. Raises StoreUnavailable."""
    width_ms = bucket_ms(span, points)
    found: dict[tuple[str, str], dict[int, Bucket]] = {}
    sensors = {sensor.id: sensor for sensor in outlet.sensors}
    series = [Series(site, outlet.id, sensor.zone, sensor.id) for sensor in outlet.sensors]
    for part in _slices(span):
        for reading in store.read(series, *part):
            at_ms = span.start_ms + (reading.at_ms - span.start_ms) // width_ms * width_ms
            for name, value in reading.values.items():
                if name not in _RUNNING_NUMBERS:
                    _put(found.setdefault((reading.sensor, name), {}), at_ms, value)
    return [
        _line(sensors[sensor], name, sorted(buckets.values()), width_ms)
        for (sensor, name), buckets in sorted(found.items())
    ]


def _line(sensor: Sensor, name: str, buckets: list[Bucket], width_ms: int) -> Line:
    known = quantity(name)
    steps = [after.at_ms - before.at_ms for before, after in pairwise(buckets)]
    usual_ms = int(median(steps)) if steps else width_ms
    gap_ms = max(width_ms, min(sensor.stale_after_ms, _UNUSUAL * usual_ms))
    return Line(sensor.id, sensor.zone, name, None if known is None else known.unit, buckets, gap_ms)


def bucket_ms(span: Span, points: int) -> int:
    """The width of a bucket: `points` of them cover the span."""
    return max(1, -(-(span.end_ms - span.start_ms) // points))


def as_json(found: Sequence[Line]) -> list[dict[str, Any]]:
    """As programs get them: columns, which are half as long as rows."""
    return [
        {
            "sensor": line.sensor,
            "zone": line.zone,
            "quantity": line.quantity,
            "unit": line.unit,
            "gap_s": line.gap_ms / 1000,
            "at": [rfc3339(bucket.at_ms) for bucket in line.buckets],
            "min": [bucket.least for bucket in line.buckets],
            "max": [bucket.greatest for bucket in line.buckets],
            "last": [bucket.last for bucket in line.buckets],
        }
        for line in found
    ]


def _slices(span: Span) -> Iterator[Span]:
    for start_ms in range(span.start_ms, span.end_ms, _SLICE_MS):
        yield Span(start_ms, min(start_ms + _SLICE_MS, span.end_ms))


def _put(buckets: dict[int, Bucket], at_ms: int, value: float) -> None:
    before = buckets.get(at_ms)
    if before is None:
        buckets[at_ms] = Bucket(at_ms, value, value, value)
    else:
        buckets[at_ms] = Bucket(at_ms, min(before.least, value), max(before.greatest, value), value)
