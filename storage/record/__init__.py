"""The record: registry, intervals, health, alerts, audit, users, in one relational database."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import TracebackType

from sqlalchemy import Connection, Engine, QueuePool, create_engine, event
from sqlalchemy.exc import DBAPIError

from presence.errors import BadInput
from storage.sqlite_lock import SqliteLock

# Known here too, so that a process that finds it in the file need not load Alembic to start.
NEWEST_REVISION = "0002"

_SCHEME = "sqlite:///"
_READERS = 8
_BUSY_TIMEOUT_S = 5.0
_LOG_LIMIT_BYTES = 64 * 1024 * 1024


class Record:
    """One open record. Threads may share it; a child process opens its own.

    Every write, checkpoint and close happens under the one lock of the file (`storage.sqlite_lock` says why).
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = SqliteLock(path)
        self._reading = _engine(partial(_connect, path, reading=True), "BEGIN", connections=_READERS)
        self._writing = _engine(partial(_connect, path, reading=False), "BEGIN IMMEDIATE", connections=1)

    @classmethod
    def open(cls, url: str, *, create: bool = True) -> Record:
        """The record at `url` (`sqlite:///FILE`), made or brought to the newest revision where needed.

        `create` False: only one that is there. Raises BadInput, naming the file, when it cannot be used, or was
        written by a newer version.
        """
        path = _path_of(url)
        _check_place(path, create=create)
        record = cls(path)
        try:
            if record._revision() != NEWEST_REVISION:
                # Loading Alembic takes longer than everything else here.
                from storage.record.migrations import upgrade

                with record._lock:
                    upgrade(path)
        except (sqlite3.Error, DBAPIError) as error:
            record.close()
            problem = error.orig if isinstance(error, DBAPIError) else error
            raise BadInput(
                str(path), f"cannot be used as the record: {problem}", remedy="restore a backup, or name another file"
            ) from error
        except BadInput:
            record.close()
            raise
        return record

    @staticmethod
    def exists(url: str) -> bool:
        """Whether there is a file at `url`."""
        return _path_of(url).exists()

    def __enter__(self) -> Record:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One consistent view, which cannot write. Keep it short: while it lasts the file's log cannot be shortened."""
        with self._reading.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def writing(self, *, durable: bool = True) -> Iterator[Connection]:
        """One transaction, alone among all processes: committed at the end, rolled back when an exception leaves it.

        `durable` False does not wait for the disk: a power cut (not a crash) may take back the last seconds.
        Not reentrant: a second one inside it waits for ever.
        """
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

    def _revision(self) -> str | None:
        """The revision of the file's schema; None when it has none yet."""
        if not self.path.exists():
            return None
        with self.reading() as connection:
            if not connection.exec_driver_sql("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").scalar():
                return None
            revision: str | None = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
            return revision


def _path_of(url: str) -> Path:
    scheme = url.partition(":")[0]
    if scheme.startswith("postgres"):
        raise BadInput(
            f"{scheme}://…", "this version keeps the record in SQLite only", remedy="write sqlite:///FILE as the record"
        )
    path = url.removeprefix(_SCHEME)
    if path == url or not path or path.startswith(":"):
        raise BadInput(f"{scheme}:…", "names no record", remedy="write sqlite:///FILE")
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
    engine = create_engine("sqlite://", creator=connect, poolclass=QueuePool, pool_size=connections, max_overflow=0)

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine
