"""The stores of readings: the `Store` protocol, and which URL scheme means which store."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, Protocol
from urllib.parse import urlsplit

from presence.errors import BadInput
from presence.readings import Reading
from storage.timeseries import sqlite
from storage.timeseries.points import Point, Refused, Series, StoreUnavailable

__all__ = ["OPENERS", "Point", "Refused", "Series", "Store", "StoreUnavailable", "open_store"]


class Store(Protocol):
    """A durable home for readings. One writer thread, which also seals; reads from any thread."""

    def write(self, points: Sequence[Point]) -> list[Refused]:
        """Store all `points` but those returned as refused for good; durable on return.

        The same point again changes nothing (of two different points of one series and instant the first is kept
        where the server can tell). Raises StoreUnavailable when nothing may be taken as stored: the same points are
        then given again, by themselves or among others.
        """
        ...

    def read(self, series: Iterable[Series], from_ms: int, to_ms: int) -> list[Reading]:
        """All readings of `series` in [from_ms, to_ms), in time order. A partial answer is an error, never shorter."""
        ...

    def seal(self, now_ms: int) -> int:
        """Bring a slice of older readings into their lasting form; how many, 0 when nothing is due.

        To be called now and then, again at once while it does not return 0. Raises StoreUnavailable, harmlessly.
        """
        ...

    def check(self) -> str:
        """One line about the server: what it is and that it can be written and read. Raises StoreUnavailable."""
        ...

    def close(self) -> None: ...


def _influxdb(url: str, environment: Mapping[str, str]) -> Store:
    # Imported when it is asked for: urllib3 would cost every process 70 ms and 6 MB.
    from storage.timeseries.influxdb import open_url

    return open_url(url, environment)


OPENERS: Final[Mapping[str, Callable[[str, Mapping[str, str]], Store]]] = {
    "sqlite": sqlite.open_url,
    "influxdb": _influxdb,
    "influxdb+https": _influxdb,
}


def open_store(url: str, *, environment: Mapping[str, str] = os.environ) -> Store:
    """The store that `url` names; `{env:NAME}` in a password or token is taken from `environment`.

    Nothing is asked of a server yet. Raises BadInput for a URL or folder that cannot be used.
    """
    opener = OPENERS.get(urlsplit(url).scheme)
    if opener is None:
        raise BadInput("store URL", f"no store for {url.partition(':')[0]!r}", remedy=f"one of {', '.join(OPENERS)}")
    return opener(url, environment)
