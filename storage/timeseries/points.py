"""What goes into a store of readings, and the names and numbers that every store takes alike."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from math import isfinite
from typing import Final, NamedTuple

from presence.errors import HadirError

TAGS: Final = ("site", "outlet", "zone", "sensor")
# InfluxDB keeps nanoseconds in 64 bits; what lies outside these years is a broken clock anyway.
OLDEST_MS: Final = 0
END_MS: Final = 7_258_118_400_000  # 2200-01-01T00:00:00Z

_SLUG: Final = re.compile(r"[a-z0-9][a-z0-9_-]*")
_NAME: Final = re.compile(r"[a-z][a-z0-9_]*")
# InfluxDB drops a field `time` without a word, and renames a field that is called like a tag.
_RESERVED: Final = frozenset((*TAGS, "time"))


class Series(NamedTuple):
    """Where a sensor stands: the tags of its points, each a slug. A gateway's own series: outlet and zone `gateway`."""

    site: str
    outlet: str
    zone: str
    sensor: str


class Point(NamedTuple):
    """One reading of one series; `values` as in `presence.readings.Reading`."""

    series: Series
    at_ms: int
    values: dict[str, float]


class Refused(NamedTuple):
    """A point that the store will never take, and why."""

    point: Point
    reason: str


class Unwritable(HadirError):
    """A point that no store may take, however often it is tried; the message is the reason."""


class StoreUnavailable(HadirError):
    """Not now: nothing may be dropped, try again after `retry_after_s` (None: the caller's own pauses).

    `operator`: somebody must act (credentials, missing database); said at once, probed with growing pauses.
    """

    def __init__(self, message: str, *, retry_after_s: float | None = None, operator: bool = False) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
        self.operator = operator


def require_series(series: Series) -> None:
    """Raises Unwritable unless every tag is a slug: stores are spared escapes, of which InfluxDB has several traps."""
    for tag, value in zip(TAGS, series, strict=True):
        if not _SLUG.fullmatch(value):
            raise Unwritable(f"{tag} {value!r} is no slug ([a-z0-9][a-z0-9_-]*)")


def require_names(names: Iterable[str]) -> None:
    """Raises Unwritable unless `names` are one or more names of quantities."""
    empty = True
    for name in names:
        empty = False
        if name in _RESERVED or not _NAME.fullmatch(name):
            raise Unwritable(f"{name!r} cannot be the name of a quantity")
    if empty:
        raise Unwritable("a reading without quantities")


def require_time(at_ms: int) -> None:
    """Raises Unwritable for an instant outside 1970 to 2199."""
    if not OLDEST_MS <= at_ms < END_MS:
        raise Unwritable(f"instant {at_ms} ms lies outside the years 1970 to 2199")


def finite_numbers(values: Mapping[str, float]) -> tuple[float, ...]:
    """The values as floats, in order. Raises Unwritable when one is no finite number: it is never left out silently."""
    try:
        numbers = tuple(map(float, values.values()))
    except (TypeError, ValueError, OverflowError):
        numbers = ()
    # One sum in place of a look at each number; it can overflow over huge finite ones, so it only raises suspicion.
    if numbers and isfinite(sum(numbers)):
        return numbers
    for name, value in values.items():
        if not _is_finite(value):
            raise Unwritable(f"{name} is {value!r}, no finite number")
    return numbers


def _is_finite(value: float) -> bool:
    try:
        return isfinite(float(value))
    except (TypeError, ValueError, OverflowError):
        return False
