"""One month of readings in one SQLite file.

A reading arrives in `hot`, one row each, in the order of time: an append, whatever the number of sensors. An hour that
is over is sealed: packed into one `chunk` a sensor and quantity, a tenth of the size, and gone from `hot` in the same
transaction. What arrives for a sealed hour waits in `hot` again and joins its chunks later. Of two readings of one
sensor and instant the first counts, in `hot`, between `hot` and the chunks, and when chunks grow.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from itertools import pairwise, repeat
from pathlib import Path
from typing import Final

import msgspec

from presence.readings import Reading
from storage.timeseries.chunks import Column, pack_hour, unpack_hour
from storage.timeseries.points import (
    Point,
    Refused,
    Series,
    Unwritable,
    finite_numbers,
    require_names,
    require_series,
)

HOUR_MS: Final = 3_600_000

_VERSION: Final = 1
# vals: {"<quantity id>": number}; chunk.data: chunks.py; hour: hours since 1970; t: epoch ms.
_SCHEMA: Final = f"""
BEGIN IMMEDIATE;
CREATE TABLE sensor(id INTEGER PRIMARY KEY, site TEXT NOT NULL, outlet TEXT NOT NULL, zone TEXT NOT NULL,
  sensor TEXT NOT NULL, UNIQUE(site, outlet, zone, sensor));
CREATE TABLE quantity(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE hot(t INTEGER NOT NULL, sensor INTEGER NOT NULL REFERENCES sensor(id), vals TEXT NOT NULL,
  PRIMARY KEY(t, sensor)) WITHOUT ROWID;
CREATE TABLE chunk(sensor INTEGER NOT NULL REFERENCES sensor(id), quantity INTEGER NOT NULL REFERENCES quantity(id),
  hour INTEGER NOT NULL, n INTEGER NOT NULL CHECK(n > 0), lo REAL NOT NULL, hi REAL NOT NULL, data BLOB NOT NULL,
  PRIMARY KEY(sensor, quantity, hour)) WITHOUT ROWID;
CREATE TABLE latest(sensor INTEGER PRIMARY KEY REFERENCES sensor(id), t INTEGER NOT NULL, vals TEXT NOT NULL)
  WITHOUT ROWID;
PRAGMA user_version={_VERSION};
COMMIT;
"""
_INSERT: Final = "INSERT OR IGNORE INTO hot(t, sensor, vals) VALUES (?, ?, ?)"
_UPSERT: Final = """INSERT INTO latest(t, sensor, vals) VALUES (?, ?, ?)
  ON CONFLICT(sensor) DO UPDATE SET t = excluded.t, vals = excluded.vals WHERE excluded.t > latest.t"""
# Without the list of quantities the key (sensor, quantity, hour) would be read over all hours of the month.
_CHUNKS: Final = """SELECT hour, quantity, n, data FROM chunk
  WHERE sensor = ? AND quantity IN (SELECT id FROM quantity) AND hour BETWEEN ? AND ?"""
_SENSOR: Final = "SELECT id FROM sensor WHERE site = ? AND outlet = ? AND zone = ? AND sensor = ?"

_numbers_by_id = msgspec.json.Decoder(dict[int, float])


class NewerFile(Exception):
    """A month file whose schema is of a later version than this Hadir knows."""


class MonthWriter:
    """The writing connection of a month file; made and used only under the store's lock.

    After any exception it is to be closed: what it remembers may not be in the file.
    """

    def __init__(self, path: Path) -> None:
        self._sensors: dict[Series, int] = {}
        self._quantities: dict[str, int] = {}
        self._layouts: dict[tuple[str, ...], str] = {}
        self._connection = sqlite3.connect(path, timeout=5, isolation_level=None, check_same_thread=False)
        try:
            self._prepare(path)
        except BaseException:
            self._connection.close()
            raise

    def _prepare(self, path: Path) -> None:
        for setting in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "journal_size_limit=8388608"):
            self._connection.execute(f"PRAGMA {setting}")
        if _version(self._connection, path) == 0:
            self._connection.executescript(_SCHEMA)

    def insert(self, points: Iterable[Point]) -> list[Refused]:
        """Keep all points, each within this month, but those returned; on disk when it returns."""
        refused: list[Refused] = []
        rows: list[tuple[int, int, str]] = []
        newest: dict[int, tuple[int, int, str]] = {}
        self._connection.execute("BEGIN IMMEDIATE")
        for point in points:
            series, at_ms, values = point
            names = tuple(values)
            try:
                layout = self._layouts.get(names) or self._add_layout(names)
                numbers = finite_numbers(values)
                sensor = self._sensors.get(series) or self._add_sensor(series)
            except Unwritable as fault:
                refused.append(Refused(point, str(fault)))
                continue
            row = (at_ms, sensor, layout % numbers)
            rows.append(row)
            if sensor not in newest or at_ms > newest[sensor][0]:
                newest[sensor] = row
        self._connection.executemany(_INSERT, rows)
        self._connection.executemany(_UPSERT, newest.values())
        self._connection.execute("COMMIT")
        return refused

    def _add_layout(self, names: tuple[str, ...]) -> str:
        require_names(names)
        self._connection.executemany("INSERT OR IGNORE INTO quantity(name) VALUES (?)", [(name,) for name in names])
        ids = dict(self._connection.execute("SELECT name, id FROM quantity"))
        layout = "{" + ",".join(f'"{ids[name]}":%r' for name in names) + "}"
        self._layouts[names] = layout
        return layout

    def _add_sensor(self, series: Series) -> int:
        require_series(series)
        self._connection.execute("INSERT OR IGNORE INTO sensor(site, outlet, zone, sensor) VALUES (?, ?, ?, ?)", series)
        sensor: int = self._connection.execute(_SENSOR, series).fetchone()[0]
        self._sensors[series] = sensor
        return sensor

    def seal(self, until_ms: int, limit: int) -> int:
        """Seal up to `limit` readings of the oldest hour in `hot` that ended by `until_ms`; how many left `hot`."""
        self._connection.execute("BEGIN IMMEDIATE")
        moved = self._seal_oldest(until_ms, limit)
        self._connection.execute("COMMIT")
        return moved

    def _seal_oldest(self, until_ms: int, limit: int) -> int:
        (oldest,) = self._connection.execute("SELECT min(t) FROM hot").fetchone()
        if oldest is None or (oldest // HOUR_MS + 1) * HOUR_MS > until_ms:
            return 0
        hour = oldest // HOUR_MS
        moved, last = 0, (oldest, 0)
        by_sensor: dict[int, list[tuple[int, str]]] = {}
        for t, sensor, vals in self._connection.execute(
            "SELECT t, sensor, vals FROM hot WHERE t < ? ORDER BY t, sensor LIMIT ?", ((hour + 1) * HOUR_MS, limit)
        ):
            moved += 1
            last = (t, sensor)
            by_sensor.setdefault(sensor, []).append((t - hour * HOUR_MS, vals))
        for sensor, readings in by_sensor.items():
            self._grow_chunks(sensor, hour, readings)
        self._connection.execute("DELETE FROM hot WHERE (t, sensor) <= (?, ?)", last)
        return moved

    def _grow_chunks(self, sensor: int, hour: int, readings: Iterable[tuple[int, str]]) -> None:
        sealed = unpack_hour(chunk[1:] for chunk in self._connection.execute(_CHUNKS, (sensor, hour, hour)))
        known = {offset for column in sealed.values() for offset in column.offsets_ms}
        # Sealed columns may share their times, so what grows is a copy.
        columns = {quantity: Column([*offsets], values) for quantity, (offsets, values) in sealed.items()}
        for offset, vals in readings:
            if offset not in known:
                for quantity, value in _numbers_by_id.decode(vals).items():
                    column = columns.setdefault(quantity, Column([], []))
                    column.offsets_ms.append(offset)
                    column.values.append(value)
        columns = {quantity: _in_order(column) for quantity, column in columns.items()}
        self._connection.executemany(
            "INSERT OR REPLACE INTO chunk(sensor, quantity, hour, n, lo, hi, data) VALUES (?, ?, ?, ?, ?, ?, ?)",
            [
                (sensor, quantity, hour, len(values := columns[quantity].values), min(values), max(values), data)
                for quantity, data in pack_hour(columns).items()
            ],
        )

    def try_lock(self) -> None:
        """Raises sqlite3.Error when the file cannot be written."""
        self._connection.execute("BEGIN IMMEDIATE")
        self._connection.execute("ROLLBACK")

    def close(self) -> None:
        self._connection.close()


def _in_order(column: Column) -> Column:
    if all(before < after for before, after in pairwise(column.offsets_ms)):
        return column
    pairs = sorted(zip(*column, strict=True))
    return Column([offset for offset, _ in pairs], [value for _, value in pairs])


def read_month(path: Path, wanted: Sequence[Series], from_ms: int, to_ms: int) -> list[Reading]:
    """The readings of `wanted` in [from_ms, to_ms) that the file holds, series by series."""
    readings: list[Reading] = []
    with closing(_reading_connection(path)) as connection:
        # One transaction: a chunk and the rows that became it are never seen both, nor neither.
        connection.execute("BEGIN")
        if _version(connection, path) == 0:
            return []
        names: dict[int, str] = dict(connection.execute("SELECT id, name FROM quantity"))
        found: dict[int, dict[int, dict[str, float]]] = {}
        sensors: dict[int, Series] = {}
        for series in wanted:
            for (sensor,) in connection.execute(_SENSOR, series):
                sensors[sensor] = series
                found[sensor] = _sealed(connection, sensor, from_ms, to_ms, names)
        for t, sensor, vals in connection.execute(
            "SELECT t, sensor, vals FROM hot WHERE t >= ? AND t < ? AND sensor IN (SELECT value FROM json_each(?))",
            (from_ms, to_ms, json.dumps(list(sensors))),
        ):
            if t not in found[sensor]:
                found[sensor][t] = {names[key]: value for key, value in _numbers_by_id.decode(vals).items()}
    for sensor, series in sensors.items():
        readings += [Reading(series.sensor, t, values) for t, values in found[sensor].items() if from_ms <= t < to_ms]
    return readings


def _sealed(
    connection: sqlite3.Connection, sensor: int, from_ms: int, to_ms: int, names: dict[int, str]
) -> dict[int, dict[str, float]]:
    """Instant -> values of all sealed readings in the hours that touch [from_ms, to_ms)."""
    hours: dict[int, list[tuple[int, int, bytes]]] = {}
    for hour, *chunk in connection.execute(_CHUNKS, (sensor, from_ms // HOUR_MS, (to_ms - 1) // HOUR_MS)):
        hours.setdefault(hour, []).append(tuple(chunk))
    found: dict[int, dict[str, float]] = {}
    for hour, chunks in hours.items():
        start = hour * HOUR_MS
        columns = unpack_hour(chunks)
        first = next(iter(columns.values())).offsets_ms
        if all(column.offsets_ms is first for column in columns.values()):
            # What a sensor reports mostly has the same quantities all the time.
            keys = [names[quantity] for quantity in columns]
            rows = zip(*(column.values for column in columns.values()), strict=True)
            instants = (start + offset for offset in first)
            found.update(zip(instants, map(dict, map(zip, repeat(keys), rows)), strict=True))
        else:
            for quantity, column in columns.items():
                for offset, value in zip(*column, strict=True):
                    found.setdefault(start + offset, {})[names[quantity]] = value
    return found


def newest_instant(path: Path) -> int | None:
    """The instant of the newest reading in the file."""
    with closing(_reading_connection(path)) as connection:
        if _version(connection, path) == 0:
            return None
        newest: int | None = connection.execute("SELECT max(t) FROM latest").fetchone()[0]
        return newest


def _reading_connection(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path.absolute().as_uri() + "?mode=ro", uri=True, timeout=5, isolation_level=None)


def _version(connection: sqlite3.Connection, path: Path) -> int:
    """0: the file has been made and not yet filled. Raises NewerFile."""
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > _VERSION:
        raise NewerFile(f"{path.name} has schema {version}, this Hadir knows {_VERSION}")
    return version
