"""The record: registry, intervals, health, alerts, audit, users, in one relational database."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from types import TracebackType
from typing import Protocol

from sqlalchemy import Connection

from presence.errors import BadInput
from storage.record import sqlite
from storage.record.errors import RecordUnavailable
from storage.record.revision import NEWEST_REVISION

__all__ = ["NEWEST_REVISION", "Database", "Record", "RecordUnavailable"]


class Database(Protocol):
    """Where a record is, brought to the newest revision: what differs between SQLite and PostgreSQL."""

    @property
    def name(self) -> str:
        """What errors call it; nothing secret is in it."""
        ...

    @property
    def shared(self) -> bool:
        """Whether processes of several machines may use it."""
        ...

    def reading(self) -> AbstractContextManager[Connection]: ...
    def writing(self, *, durable: bool) -> AbstractContextManager[Connection]: ...
    def close(self) -> None: ...


class Record:
    """One open record. Threads may share it; a child process opens its own."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @classmethod
    def open(cls, url: str, *, create: bool = True, environ: Mapping[str, str] = os.environ) -> Record:
        """The record at `url`, made or brought to the newest revision where needed.

        `url`: `sqlite:///FILE`, or `postgresql://[user:password@]host[:port]/DATABASE`, a password `{env:NAME}` being
        taken from `environ`. `create` False: only one that is there. Raises BadInput, naming the file or server, when
        it cannot be used, or was written by a newer version; RecordUnavailable when the server does not answer.
        """
        if _is_postgresql(url):
            from storage.record import postgresql

            return cls(postgresql.open_url(url, environ, create=create))
        return cls(sqlite.open_url(url, create=create))

    @staticmethod
    def exists(url: str, environ: Mapping[str, str] = os.environ) -> bool:
        """Whether there is a record at `url`. Raises as `open` does."""
        if _is_postgresql(url):
            from storage.record import postgresql

            return postgresql.exists(url, environ)
        return sqlite.exists(url)

    def __enter__(self) -> Record:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def name(self) -> str:
        """The file, or the server and database, as errors name it."""
        return self._database.name

    @property
    def shared(self) -> bool:
        """Whether processes of several machines may use it."""
        return self._database.shared

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One consistent view, which cannot write. Keep it short: the database must keep what it shows."""
        with self._database.reading() as connection:
            yield connection

    @contextmanager
    def writing(self, *, durable: bool = True) -> Iterator[Connection]:
        """One transaction, alone among all processes: committed at the end, rolled back when an exception leaves it.

        `durable` False does not wait for the disk: a power cut (not a crash) may take back the last seconds.
        Not reentrant: a second one inside it waits for ever. Counters rise in the order of commits.
        """
        with self._database.writing(durable=durable) as connection:
            yield connection

    def close(self) -> None:
        """Let go of the database."""
        self._database.close()


def _is_postgresql(url: str) -> bool:
    """Raises BadInput for what is neither of the two."""
    scheme = url.partition(":")[0]
    if scheme not in ("sqlite", "postgresql"):
        remedy = "write sqlite:///FILE or postgresql://user:password@host/DATABASE"
        raise BadInput(f"{scheme}:…", "names no record", remedy=remedy)
    return scheme == "postgresql"
