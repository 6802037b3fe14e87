"""The record on a PostgreSQL server, for the processes of several machines.

Who writes holds one advisory lock from the beginning of the transaction to its end: what is read in it stays true,
and counters rise in the order of commits, on which cursors and the audit chain rely.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

from sqlalchemy import URL, Connection, Engine, create_engine, text
from sqlalchemy.exc import DBAPIError, OperationalError

from presence.errors import BadInput
from storage.record.errors import RecordUnavailable
from storage.record.revision import NEWEST_REVISION, revision_of
from storage.secret import secret

_PORT = 5432
_FORM = "postgresql://user:password@host:port/DATABASE"
# libpq's own, as far as they say how the server is reached.
_OPTIONS = frozenset({"host", "sslmode", "sslrootcert", "sslcert", "sslkey"})
# A server whose machine died answers nothing at all: without these a process would wait for a quarter of an hour.
_NETWORK: Final[Mapping[str, Any]] = {
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 3,
    "keepalives_count": 3,
    "tcp_user_timeout": 14_000,
    "client_encoding": "utf8",
    "application_name": "hadir",
}
_CONNECTIONS = 5
_MORE_CONNECTIONS = 15

# A writer that is stopped in the midst of it, or whose machine died, must not hold up all others for ever.
_ALONE = text(
    "SELECT set_config('idle_in_transaction_session_timeout', '15s', true), pg_advisory_xact_lock(:lock)"
).bindparams(lock=int.from_bytes(b"hadir"))
_NOT_DURABLE = text("SET LOCAL synchronous_commit = off")

_REMEDIES = (
    ("password authentication failed", "correct user and password in the URL of the record"),
    ("no password supplied", "write user and password into the URL of the record"),
    ("database .* does not exist", "make it: createdb --encoding=UTF8 --template=template0 --owner=USER DATABASE"),
    ("permission denied", "let the user own the database, or create tables in it"),
    ("starting up|shutting down", "wait until it is up"),
    ("too many clients|connection slots", "raise max_connections of the server"),
)
_REACH = "start the server, or correct host and port"
_USE = "restore a backup, or name another database"


@dataclass(frozen=True, slots=True)
class Address:
    """Where the server is and who we are to it. `options`: libpq's, for the rest of how it is reached."""

    host: str
    port: int
    database: str
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """For people and logs: without user and password."""
        if self.host.startswith("/"):
            return f"postgresql:///{self.database}?host={self.host}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"postgresql://{host}:{self.port}/{self.database}"


def parse_address(url: str, environ: Mapping[str, str]) -> Address:
    """The address in `postgresql://[user:password@]host[:port]/DATABASE[?sslmode=…]`.

    `?host=/run/postgresql` in place of the host is the folder of a local socket. Raises BadInput; the password never
    reaches its text.
    """
    remedy = f"write {_FORM}"
    try:
        parts = urlsplit(url)
        port = parts.port or _PORT
    except ValueError:
        raise BadInput("postgresql:…", "no URL of a record", remedy=remedy) from None
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    if unknown := options.keys() - _OPTIONS:
        raise BadInput(
            "postgresql:…", f'unknown option "{min(unknown)}"', remedy=f"known are {', '.join(sorted(_OPTIONS))}"
        )
    host = parts.hostname or options.pop("host", "")
    database = unquote(parts.path.strip("/"))
    if not host or not database or "host" in options or parts.fragment:
        raise BadInput("postgresql:…", "names no host and database", remedy=remedy)
    password = None if parts.password is None else secret(unquote(parts.password), environ, source="record URL")
    return Address(host, port, database, unquote(parts.username) if parts.username else None, password, options)


class PostgresqlDatabase:
    """The database at `address`, which is first spoken to by the first transaction."""

    shared: Final = True

    def __init__(self, address: Address) -> None:
        self._address = address
        self._engine = create_engine(
            URL.create(
                "postgresql+psycopg",
                address.user,
                address.password,
                address.host,
                address.port,
                address.database,
            ),
            connect_args={**_NETWORK, **address.options},
            hide_parameters=True,
            # Whatever the server's default: a view that is taken before the lock is had would be one of the past.
            isolation_level="READ COMMITTED",
            max_overflow=_MORE_CONNECTIONS,
            pool_pre_ping=True,
            pool_size=_CONNECTIONS,
        )
        self._view = self._engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)

    @property
    def name(self) -> str:
        return self._address.name

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        with self._transaction(self._view) as connection:
            yield connection

    @contextmanager
    def writing(self, *, durable: bool) -> Iterator[Connection]:
        with self._transaction(self._engine) as connection:
            connection.execute(_ALONE)
            if not durable:
                connection.execute(_NOT_DURABLE)
            yield connection

    def close(self) -> None:
        self._engine.dispose()

    def revision(self) -> str | None:
        """The revision of the schema; None when there is none yet. Raises BadInput for an encoding that loses text."""
        with self.reading() as connection:
            encoding = connection.scalar(text("SHOW server_encoding"))
            if encoding != "UTF8":
                problem = f"cannot be used as the record: its encoding is {encoding}"
                raise BadInput(self.name, problem, remedy="make a database with --encoding=UTF8 --template=template0")
            return revision_of(connection)

    def upgrade(self, scripts: Path | None = None) -> None:
        """Make the record, or bring it to the newest revision of `scripts`, in one transaction.

        Raises BadInput when a newer version, or another program, wrote the database.
        """
        # Loading Alembic takes longer than everything else here.
        from storage.record import migrations

        with self.writing(durable=True) as connection:
            migrations.newest(connection, self.name, scripts or migrations.SCRIPTS)
            migrations.run(connection, scripts or migrations.SCRIPTS)

    @contextmanager
    def _transaction(self, engine: Engine) -> Iterator[Connection]:
        """Raises RecordUnavailable when the server cannot be reached, or is lost before the end."""
        try:
            connection = engine.connect()
        except OperationalError as error:
            reason = _reason(error)
            raise RecordUnavailable(
                self.name, f"cannot be reached: {reason}", remedy=_remedy(reason, _REACH)
            ) from error
        try:
            with connection, connection.begin():
                yield connection
        except DBAPIError as error:
            if not error.connection_invalidated:
                raise
            raise RecordUnavailable(self.name, f"the connection is lost: {_reason(error)}") from error


def open_url(url: str, environ: Mapping[str, str], *, create: bool) -> PostgresqlDatabase:
    """The database that `url` names, of the newest revision. Raises as `Record.open` does."""
    database = _database(url, environ)
    try:
        revision = database.revision()
        if revision is None and not create:
            raise BadInput(database.name, "there is no record", remedy="make one with `hadir site apply`")
        if revision != NEWEST_REVISION:
            database.upgrade()
    except DBAPIError as error:
        database.close()
        reason = _reason(error)
        problem = f"cannot be used as the record: {reason}"
        raise BadInput(database.name, problem, remedy=_remedy(reason, _USE)) from error
    except BadInput:
        database.close()
        raise
    return database


def exists(url: str, environ: Mapping[str, str]) -> bool:
    """Whether there is a schema in the database at `url`."""
    database = _database(url, environ)
    try:
        return database.revision() is not None
    finally:
        database.close()


def _database(url: str, environ: Mapping[str, str]) -> PostgresqlDatabase:
    address = parse_address(url, environ)
    try:
        return PostgresqlDatabase(address)
    except ImportError as error:
        # There is no wheel with libpq in it for every machine.
        raise BadInput(
            address.name, f"cannot be spoken to from here: {error}", remedy="install libpq (Debian package libpq5)"
        ) from error


def _reason(error: DBAPIError) -> str:
    """What the server or libpq said, in one line; of a host with several addresses what the last one said."""
    lines = str(error.orig).splitlines()
    said = [line for line in lines if "failed: " in line] or lines[:1]
    return re.sub(r"^(.*failed: )?([A-Z]+: +)?", "", said[-1].strip())


def _remedy(reason: str, otherwise: str) -> str:
    return next((remedy for pattern, remedy in _REMEDIES if re.search(pattern, reason)), otherwise)
