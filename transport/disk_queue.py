"""A queue on disk: what was appended is there until the other side has it, whatever is killed in between.

One SQLite file, one process, one connection, which holds the file exclusively: the bridge's queue of unsent readings
and the collector's spool. Every append is one COMMIT with fsync; a drop is committed without one, so that a power cut
(no kill) may bring dropped rows back, which receivers recognise anyway.

SQLite on a full disk can neither append nor delete nor checkpoint. A ballast file beside the queue is given up then:
with its room the queue can still be read and emptied, while appends are refused until the ballast is back, or else are
written where others were dropped.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import sqlite3
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from presence.errors import BadInput, HadirError

_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS entry (id INTEGER PRIMARY KEY AUTOINCREMENT, body BLOB NOT NULL)",
    "CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID",
)
_IDENTITY = "queue.identity"
_PAGE_BYTES = 4096
# What a long outage has left is given back by a VACUUM, which writes what still waits once more: when that is little.
_FREE_PAGES_KEPT = 2048
_USED_PAGES_COPIED = 256
# Rows are told in bodies, and stand in pages that are never quite full.
_ROOM_FOR_ROWS = 2
_ROOM_TO_REUSE = 16 * _PAGE_BYTES
_WAL_BYTES_KEPT = 16 * 1024 * 1024


Note = tuple[str, bytes]
"""A key and its value, kept in the same transaction as what it speaks of."""
_Statement = tuple[str, Sequence[tuple[object, ...]]]


class QueueFull(HadirError):
    """Nothing was appended: the queue has reached its bound, or the disk is full. Try again when some is dropped.

    `found`: what is full, without a remedy. `dropping_helps`: False when there was room in the file, and the disk
    refused even so.
    """

    def __init__(self, found: str, remedy: str, *, dropping_helps: bool = True) -> None:
        self.found = found
        self.dropping_helps = dropping_helps
        super().__init__(f"{found}; {remedy}")


class QueueHeld(HadirError):
    """Another process has the file open."""


class QueueDamaged(HadirError):
    """The file is no queue, or its disk has damaged it."""


class DiskQueue:
    """First in, first out, rows of bytes with ids that only grow; any thread may call.

    `max_bytes`: bound of the file. `ballast_bytes`: what is kept for the day when the disk is full, 0 for none; it must
    hold the write-ahead log (4 MiB and the largest append) more than once.
    Raises QueueHeld, QueueDamaged, and BadInput for a file that cannot be opened.
    """

    def __init__(self, path: Path, *, max_bytes: int = 2 * 1024**3, ballast_bytes: int = 64 * 1024**2) -> None:
        self._path = path
        self._max_bytes = max_bytes
        self._ballast = path.with_name(path.name + ".ballast")
        self._ballast_bytes = ballast_bytes
        self._lock = threading.Lock()
        self._count: int | None = None
        self._database = self._open()
        self.identity: str = self._rows("SELECT value FROM meta WHERE key = ?", _IDENTITY)[0][0].decode()
        self._last_id: int = self._rows("SELECT coalesce(max(seq), 0) FROM sqlite_sequence")[0][0]
        self._disk_full = not self._restore_ballast()

    def _open(self) -> sqlite3.Connection:
        # SQLite gives the files beside it the rights of this one: nobody else is to read what waits.
        with contextlib.suppress(OSError):  # which SQLite tells in its own words
            os.close(_private(str(self._path), os.O_RDWR | os.O_CREAT))
        try:
            database = sqlite3.connect(self._path, timeout=0, isolation_level=None, check_same_thread=False)
        except sqlite3.OperationalError as error:
            raise _unusable(self._path, error) from None
        try:
            for pragma in (
                "locking_mode=EXCLUSIVE",
                f"page_size={_PAGE_BYTES}",
                "journal_mode=WAL",
                "synchronous=FULL",
                f"journal_size_limit={_WAL_BYTES_KEPT}",
                # Debian's SQLite writes zeros over all that is deleted, through the log: as dear as an append, and more
                # than the ballast holds.
                "secure_delete=OFF",
            ):
                database.execute(f"PRAGMA {pragma}").fetchall()
            database.execute("BEGIN EXCLUSIVE")
            for statement in _SCHEMA:
                database.execute(statement)
            database.execute("INSERT OR IGNORE INTO meta VALUES (?, ?)", (_IDENTITY, secrets.token_hex(8).encode()))
            database.execute("COMMIT")
        except sqlite3.DatabaseError as error:
            database.close()
            match error.sqlite_errorcode & 0xFF:
                case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
                    raise QueueHeld(f"{self._path}: another process has it open; stop that one first") from None
                case sqlite3.SQLITE_NOTADB | sqlite3.SQLITE_CORRUPT:
                    raise QueueDamaged(
                        f"{self._path}: cannot be read ({error}); move it away, a new one is begun"
                    ) from None
                case sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_READONLY | sqlite3.SQLITE_PERM:
                    raise _unusable(self._path, error) from None
            raise
        return database

    def close(self) -> None:
        """Writes everything into the one file and lets go of it."""
        with self._lock:
            self._database.close()

    def append(self, rows: Sequence[bytes], *, note: Note | None = None, reuse: bool = False) -> range:
        """Ids of `rows`, which are on disk now. Raises QueueFull and appends none of them.

        `reuse`: on a full disk, write where others were dropped.
        """
        if not rows:
            return range(0)
        with self._lock:
            self._look_for_room(sum(map(len, rows)), reuse=reuse)
            ids = range(self._last_id + 1, self._last_id + 1 + len(rows))
            inserted = ("INSERT INTO entry VALUES (?, ?)", list(zip(ids, rows, strict=True)))
            self._write([inserted, *_kept(note)], urgent=False)
            self._last_id = ids[-1]
            if self._count is not None:
                self._count += len(ids)
        return ids

    def read(self, after_id: int, limit: int) -> list[tuple[int, bytes]]:
        """The first `limit` rows with an id above `after_id`, oldest first."""
        with self._lock:
            return self._rows("SELECT id, body FROM entry WHERE id > ? ORDER BY id LIMIT ?", after_id, limit)

    def drop_through(self, last_id: int) -> None:
        """Forgets every row up to and with `last_id`."""
        self._drop("DELETE FROM entry WHERE id <= ?", [last_id])

    def drop(self, ids: Sequence[int], *, note: Note | None = None) -> None:
        """Forgets the rows `ids`; those that are not there do no harm."""
        if ids:
            self._drop("DELETE FROM entry WHERE id = ?", ids, note)

    def __len__(self) -> int:
        """Rows that wait. The first call after opening counts them, which may take seconds for gigabytes."""
        with self._lock:
            if self._count is None:
                self._count = self._rows("SELECT count(*) FROM entry")[0][0]
            return self._count

    def oldest_id(self) -> int | None:
        """Id of the row that waits longest, None when none does."""
        with self._lock:
            oldest: int | None = self._rows("SELECT min(id) FROM entry")[0][0]
        return oldest

    def last_id(self) -> int:
        """The highest id ever given, 0 before the first."""
        return self._last_id

    def meta_get(self, key: str) -> bytes | None:
        """The value kept under `key`."""
        with self._lock:
            rows = self._rows("SELECT value FROM meta WHERE key = ?", key)
        return rows[0][0] if rows else None

    def meta_put(self, key: str, value: bytes) -> None:
        """Keeps `value` under `key`, on disk at return."""
        with self._lock:
            self._write(_kept((key, value)), urgent=True)

    def bytes(self) -> int:
        """Size on disk of what waits, in whole pages."""
        with self._lock:
            return self._used_bytes()

    def _drop(self, statement: str, ids: Sequence[int], note: Note | None = None) -> None:
        with self._lock:
            self._database.execute("PRAGMA synchronous=NORMAL")
            try:
                gone = self._write([(statement, [(row_id,) for row_id in ids]), *_kept(note)], urgent=True)
                # Where even that finds no room, the next drop tries again.
                with contextlib.suppress(sqlite3.OperationalError):
                    self._give_back()
            finally:
                self._database.execute("PRAGMA synchronous=FULL")
            if self._count is not None:
                self._count -= gone

    def _give_back(self) -> None:
        """Shortens the file of a queue that is almost empty again: an outage does not hold the disk for ever."""
        free = self._pragma("freelist_count")
        if free > _FREE_PAGES_KEPT and self._pragma("page_count") - free < _USED_PAGES_COPIED:
            self._database.execute("VACUUM")
            self._rows("PRAGMA wal_checkpoint(TRUNCATE)")

    def _write(self, statements: Sequence[_Statement], *, urgent: bool) -> int:
        """Rows changed by the first of `statements`; all are one transaction, which is done whole or not at all.

        `urgent`: on a full disk it is done in the room of the ballast. Raises QueueFull when there is none.
        """
        try:
            self._database.execute("BEGIN IMMEDIATE")
            changed = [self._database.executemany(statement, rows).rowcount for statement, rows in statements]
            self._database.execute("COMMIT")
        except BaseException as error:
            # SQLite has rolled back itself after most errors of the disk, but not after all.
            if self._database.in_transaction:
                self._database.execute("ROLLBACK")
            if not isinstance(error, sqlite3.DatabaseError) or error.sqlite_errorcode != sqlite3.SQLITE_FULL:
                raise
        else:
            return changed[0]
        ballast_was_there = self._ballast.exists()
        self._ballast.unlink(missing_ok=True)
        self._disk_full = True
        if urgent and ballast_was_there:
            return self._write(statements, urgent=False)
        raise self._no_room(dropping_helps=ballast_was_there)

    def _no_room(self, *, dropping_helps: bool) -> QueueFull:
        found = f"{self._path}: the disk is full, or nearly so"
        return QueueFull(found, "make room, what comes now must wait", dropping_helps=dropping_helps)

    def _look_for_room(self, incoming: int, *, reuse: bool) -> None:
        if self._used_bytes() + incoming > self._max_bytes:
            found = f"{self._path}: has reached its bound of {self._max_bytes} bytes"
            raise QueueFull(found, "what comes now must wait")
        if self._disk_full:
            self._disk_full = not self._restore_ballast()
        if self._disk_full and not (reuse and self._free_bytes() >= _ROOM_FOR_ROWS * incoming + _ROOM_TO_REUSE):
            raise self._no_room(dropping_helps=True)

    def _restore_ballast(self) -> bool:
        """Whether the ballast lies there, now or already, with as much again left beside it."""
        if self._ballast_bytes == 0:
            return True
        if self._ballast.exists() and self._ballast.stat().st_size == self._ballast_bytes:
            return True
        room = os.statvfs(self._path.parent)
        if room.f_bavail * room.f_frsize < 2 * self._ballast_bytes:
            return False
        try:
            with open(self._ballast, "wb", opener=_private) as ballast:
                os.posix_fallocate(ballast.fileno(), 0, self._ballast_bytes)
        except OSError:
            self._ballast.unlink(missing_ok=True)
            return False
        return True

    def _used_bytes(self) -> int:
        return (self._pragma("page_count") - self._pragma("freelist_count")) * _PAGE_BYTES

    def _free_bytes(self) -> int:
        return self._pragma("freelist_count") * _PAGE_BYTES

    def _pragma(self, name: str) -> int:
        value: int = self._rows(f"PRAGMA {name}")[0][0]
        return value

    def _rows(self, statement: str, *values: object) -> list[Any]:
        return self._database.execute(statement, values).fetchall()


def _kept(note: Note | None) -> list[_Statement]:
    return [] if note is None else [("INSERT OR REPLACE INTO meta VALUES (?, ?)", [note])]


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _unusable(path: Path, error: sqlite3.Error) -> BadInput:
    return BadInput(str(path), str(error), remedy="name a data directory that this user may write to, with --data")
