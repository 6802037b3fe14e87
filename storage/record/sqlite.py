"""The record in an SQLite file, for the processes of one machine."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, QueuePool, create_engine, event
from sqlalchemy.exc import DBAPIError

from presence.errors import BadInput
from storage.record.revision import NEWEST_REVISION, revision_of
from storage.sqlite_lock import SqliteLock

_SCHEME = "sqlite:///"
_READERS = 8
_BUSY_TIMEOUT_S = 5.0
_LOG_LIMIT_BYTES = 64 * 1024 * 1024


class SqliteDatabase:
    """The file at `path`. Every write, checkpoint and close happens under its one lock (`storage.sqlite_lock`)."""

    shared: Final = False

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = SqliteLock(path)
        self._reading = _engine(partial(_connect, path, reading=True), "BEGIN", connections=_READERS)
        self._writing = _engine(partial(_connect, path, reading=False), "BEGIN IMMEDIATE", connections=1)

    @property
    def name(self) -> str:
        return str(self._path)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """While it lasts the file's log cannot be shortened."""
        with self._reading.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def writing(self, *, durable: bool) -> Iterator[Connection]:
        with self._lock, self._writing.connect() as connection:
            driver = connection.connection.driver_connection
            assert isinstance(driver, sqlite3.Connection)
            driver.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            with connection.begin():
                yield connection

    def close(self) -> None:
        """Let go of the file; the last one to do so folds its log into it."""
        with self._lock:
            self._reading.dispose()
            self._writing.dispose()

    def bring_up(self) -> None:
        """Make the record, or bring it to the newest revision, where needed."""
        if self._revision() == NEWEST_REVISION:
            return
        # Loading Alembic takes longer than everything else here.
        from storage.record.migrations.sqlite import upgrade

        with self._lock:
            upgrade(self._path)

    def _revision(self) -> str | None:
        if not self._path.exists():
            return None
        with self.reading() as connection:
            return revision_of(connection)


def open_url(url: str, *, create: bool) -> SqliteDatabase:
    """The file that `sqlite:///FILE` names, of the newest revision. Raises BadInput, naming it, when it cannot be."""
    path = _path_of(url)
    _check_place(path, create=create)
    database = SqliteDatabase(path)
    try:
        database.bring_up()
    except (sqlite3.Error, DBAPIError) as error:
        database.close()
        problem = error.orig if isinstance(error, DBAPIError) else error
        raise BadInput(
            str(path), f"cannot be used as the record: {problem}", remedy="restore a backup, or name another file"
        ) from error
    except BadInput:
        database.close()
        raise
    return database


def exists(url: str) -> bool:
    """Whether there is a file at `url`."""
    return _path_of(url).exists()


def _path_of(url: str) -> Path:
    path = url.removeprefix(_SCHEME)
    if path == url or not path or path.startswith(":"):
        raise BadInput("sqlite:…", "names no record", remedy="write sqlite:///FILE")
    return Path(path)


def _check_place(path: Path, *, create: bool) -> None:
    """Raises BadInput when `path` cannot be a record, as far as the file system knows."""
    if not create and not path.exists():
        raise BadInput(str(path), "there is no record", remedy="make one with `hadir site apply`, or name its folder")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(str(path), f"its folder cannot be made: {error.strerror}", remedy="name another one") from error
    if path.is_dir():
        raise BadInput(str(path), "is a folder, not a file", remedy="name a file in it")
    if not os.access(path.parent, os.W_OK) or (path.exists() and not os.access(path, os.W_OK)):
        raise BadInput(str(path), "may not be written by this user", remedy="change its owner, or name another folder")


def _connect(path: Path, *, reading: bool) -> sqlite3.Connection:
    # isolation_level None: the begin of a transaction is ours (see _engine), and DDL takes part in it.
    connection = sqlite3.connect(path, timeout=_BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA foreign_keys = ON")
    if reading:
        connection.execute("PRAGMA query_only = ON")
        connection.execute("PRAGMA wal_autocheckpoint = 0")
    else:
        connection.execute(f"PRAGMA journal_size_limit = {_LOG_LIMIT_BYTES}")
    return connection


def _engine(connect: partial[sqlite3.Connection], begin: str, *, connections: int) -> Engine:
    # No overflow: a connection that the pool closes by itself would be closed outside the lock.
    # An error of the database goes to the log, and what people wrote, or hashes of their passwords, do not.
    engine = create_engine(
        "sqlite://",
        creator=connect,
        poolclass=QueuePool,
        pool_size=connections,
        max_overflow=0,
        hide_parameters=True,
    )

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine
