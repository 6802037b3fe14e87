"""Readings in SQLite files, one for each UTC month, in one folder: the embedded store."""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from operator import attrgetter
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import unquote

from presence.errors import BadInput
from presence.instants import rfc3339_or_none
from presence.readings import Reading
from storage.sqlite_lock import SqliteLock
from storage.timeseries.chunks import UnknownForm
from storage.timeseries.month_file import HOUR_MS, MonthWriter, NewerFile, newest_instant, read_month
from storage.timeseries.points import Point, Refused, Series, StoreUnavailable, Unwritable, require_time

_FILE: Final = re.compile(r"readings-(\d{4})-(0[1-9]|1[0-2])\.db")
# This month and, around its first day, the one before.
_OPEN_WRITERS: Final = 2


class _Month(NamedTuple):
    year: int
    month: int

    @classmethod
    def of(cls, at_ms: int) -> _Month:
        at = datetime.fromtimestamp(at_ms // 1000, UTC)
        return cls(at.year, at.month)

    @property
    def start_ms(self) -> int:
        return int(datetime(self.year, self.month, 1, tzinfo=UTC).timestamp()) * 1000

    @property
    def end_ms(self) -> int:
        return _Month(self.year + self.month // 12, self.month % 12 + 1).start_ms

    @property
    def file_name(self) -> str:
        return f"readings-{self.year:04}-{self.month:02}.db"


def open_url(url: str, environment: Mapping[str, str]) -> SqliteStore:
    """`sqlite:///FOLDER`, with a fourth slash before an absolute one; the folder is made when it is not there."""
    del environment  # no secrets here
    folder = Path(unquote(url.removeprefix("sqlite:///")))
    if not url.startswith("sqlite:///") or folder == Path():
        raise BadInput("store URL", f"{url!r} names no folder", remedy="write sqlite:///hadir-data")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput("store URL", f"{folder}: {error.strerror}", remedy="name a folder that can be written") from None
    return SqliteStore(folder)


class SqliteStore:
    """A `Store` in `folder`, which exists. Nothing is opened before the first call, so it may be carried over a fork.

    Several processes may read and write the same folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = SqliteLock(folder / "readings")
        self._writers: dict[_Month, MonthWriter] = {}
        # Months whose `hot` may hold something; None: not looked yet.
        self._unsealed: set[_Month] | None = None

    def write(self, points: Sequence[Point]) -> list[Refused]:
        refused: list[Refused] = []
        by_month: dict[_Month, list[Point]] = {}
        start_ms = end_ms = 0
        batch: list[Point] = []
        for point in points:
            if not start_ms <= point.at_ms < end_ms:
                try:
                    require_time(point.at_ms)
                except Unwritable as fault:
                    refused.append(Refused(point, str(fault)))
                    continue
                month = _Month.of(point.at_ms)
                start_ms, end_ms = month.start_ms, month.end_ms
                batch = by_month.setdefault(month, [])
            batch.append(point)
        for month, batch in by_month.items():
            with self._writer(month) as writer:
                refused += writer.insert(batch)
            if self._unsealed is not None:
                self._unsealed.add(month)
        return refused

    def read(self, series: Iterable[Series], from_ms: int, to_ms: int) -> list[Reading]:
        wanted = list(dict.fromkeys(series))
        readings: list[Reading] = []
        with self._told():
            for month in self._months():
                if month.start_ms < to_ms and from_ms < month.end_ms:
                    readings += read_month(self._folder / month.file_name, wanted, from_ms, to_ms)
        readings.sort(key=attrgetter("at_ms", "sensor"))
        return readings

    def seal(self, now_ms: int, *, limit: int = 60_000) -> int:
        """Seal a slice: at most `limit` readings of one hour that ended an hour ago. How many; 0: nothing is due.

        60,000 readings of six quantities take half a second, which another writer has to wait; readers do not.
        """
        until_ms = now_ms - HOUR_MS
        if self._unsealed is None:
            self._unsealed = set(self._months())
        for month in sorted(self._unsealed):
            if month.start_ms >= until_ms:
                break
            with self._writer(month) as writer:
                moved = writer.seal(until_ms, limit)
            if moved:
                return moved
            if month.end_ms <= until_ms:
                self._unsealed.discard(month)
                self._close_writer(month)
        return 0

    def check(self) -> str:
        months = self._months()
        newest = None
        if months:
            with self._told(), self._lock:
                writer = MonthWriter(self._folder / months[-1].file_name)
                try:
                    writer.try_lock()
                finally:
                    writer.close()
            with self._told():
                newest = newest_instant(self._folder / months[-1].file_name)
        elif not os.access(self._folder, os.W_OK | os.X_OK):
            raise StoreUnavailable(f"{self._folder}: no file can be made in this folder", operator=True)
        size = sum(file.stat().st_size for file in self._folder.glob("readings-*.db*")) / 1e6
        return (
            f"{self._folder}: SQLite {sqlite3.sqlite_version}, {len(months)} months, {size:.1f} MB, "
            f"newest reading {rfc3339_or_none(newest) or 'none'}"
        )

    def close(self) -> None:
        for month in list(self._writers):
            self._close_writer(month)

    def _months(self) -> list[_Month]:
        """The months that have a file, oldest first."""
        try:
            names = os.listdir(self._folder)
        except OSError as error:
            raise StoreUnavailable(f"{self._folder}: {error.strerror}", operator=True) from None
        return sorted(_Month(int(found[1]), int(found[2])) for name in names if (found := _FILE.fullmatch(name)))

    @contextmanager
    def _writer(self, month: _Month) -> Iterator[MonthWriter]:
        """The month's writer, under the lock; closed when the work fails, so that nothing half-done stays open."""
        with self._told(), self._lock:
            writer = self._writers.pop(month, None)
            if writer is None:
                while len(self._writers) >= _OPEN_WRITERS:
                    self._writers.pop(next(iter(self._writers))).close()
                writer = MonthWriter(self._folder / month.file_name)
            try:
                yield writer
            except BaseException:
                writer.close()
                raise
            self._writers[month] = writer

    def _close_writer(self, month: _Month) -> None:
        # The last close of a file copies its WAL into it: a checkpoint, so under the lock.
        if writer := self._writers.pop(month, None):
            with self._told(), self._lock:
                writer.close()

    @contextmanager
    def _told(self) -> Iterator[None]:
        """What SQLite and the file system say, as StoreUnavailable."""
        try:
            yield
        except sqlite3.Error as error:
            name = getattr(error, "sqlite_errorname", type(error).__name__)
            passing = name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED"))
            raise StoreUnavailable(f"{self._folder}: {error} ({name})", operator=not passing) from error
        except OSError as error:
            raise StoreUnavailable(f"{self._folder}: {error.strerror}", operator=True) from error
        except (NewerFile, UnknownForm) as error:
            raise StoreUnavailable(f"{self._folder}: {error}", operator=True) from error
