"""The steps on an SQLite file: a copy first, and no foreign keys while tables are rebuilt."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from sqlalchemy import Connection, NullPool, create_engine, event

from presence.errors import BadInput
from storage.record.migrations import SCRIPTS, newest, run


def upgrade(path: Path, scripts: Path = SCRIPTS) -> None:
    """Bring the record in the file `path` to the newest revision of `scripts`, in one transaction.

    The caller holds the file's lock. A record that is there is copied first, to `{path}.before-{newest}`. Raises
    BadInput when a newer version, or another program, wrote the file.
    """
    engine = create_engine("sqlite://", creator=lambda: sqlite3.connect(path, isolation_level=None), poolclass=NullPool)

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    with engine.connect() as connection:
        driver = connection.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        with connection.begin():
            revision = newest(connection, str(path), scripts)
        driver.execute("PRAGMA journal_mode = WAL")
        # With it on, a rebuilt parent table takes its children along; inside a transaction the setting is ignored.
        driver.execute("PRAGMA foreign_keys = OFF")
        if driver.execute("SELECT EXISTS (SELECT 1 FROM sqlite_master)").fetchone()[0]:
            _copy(driver, path.with_name(f"{path.name}.before-{revision}"))
        with connection.begin():
            run(connection, scripts)
            orphans = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
            if orphans:
                table, _, parent, _ = orphans[0]
                raise BadInput(
                    str(path),
                    f"cannot be upgraded: {len(orphans):,} rows without a parent, the first in {table} (its {parent})",
                    remedy="nothing was changed; restore a backup",
                )


def _copy(driver: sqlite3.Connection, to: Path) -> None:
    unfinished = to.with_name(to.name + ".unfinished")
    unfinished.unlink(missing_ok=True)
    driver.execute("VACUUM INTO ?", (str(unfinished),))
    with unfinished.open("rb") as file:
        os.fsync(file.fileno())
    unfinished.replace(to)
