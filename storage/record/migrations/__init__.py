"""The schema's history, one step forward a file in `versions/`; `storage.record.tables` is what they add up to.

A step only adds, or changes what no running older process reads: collector, engine and pages restart one by one.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, NullPool, create_engine, event

from presence.errors import BadInput

SCRIPTS = Path(__file__).parent


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
        newest = _newest(driver, path, scripts)
        driver.execute("PRAGMA journal_mode = WAL")
        # With it on, a rebuilt parent table takes its children along; inside a transaction the setting is ignored.
        driver.execute("PRAGMA foreign_keys = OFF")
        if driver.execute("SELECT EXISTS (SELECT 1 FROM sqlite_master)").fetchone()[0]:
            _copy(driver, path.with_name(f"{path.name}.before-{newest}"))
        with connection.begin():
            config = Config(attributes={"connection": connection})
            config.set_main_option("script_location", str(scripts).replace("%", "%%"))
            config.set_main_option("path_separator", "os")
            command.upgrade(config, "head")
            orphans = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
            if orphans:
                table, _, parent, _ = orphans[0]
                raise BadInput(
                    str(path),
                    f"cannot be upgraded: {len(orphans):,} rows without a parent, the first in {table} (its {parent})",
                    remedy="nothing was changed; restore a backup",
                )


def _newest(driver: sqlite3.Connection, path: Path, scripts: Path) -> str:
    """The newest revision of `scripts`, if the file is new or of a revision that they know."""
    known = [step.revision for step in ScriptDirectory(scripts).walk_revisions()]
    tables = {name for (name,) in driver.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if not tables:
        return known[0]
    if "alembic_version" not in tables:
        raise BadInput(str(path), "is the database of another program", remedy="name another file for the record")
    (revision,) = driver.execute("SELECT version_num FROM alembic_version").fetchone()
    if revision not in known:
        raise BadInput(
            str(path),
            f"was written by a newer version of Hadir (its schema is {revision}, the newest known here {known[0]})",
            remedy="run that version, or restore an older backup",
        )
    return known[0]


def _copy(driver: sqlite3.Connection, to: Path) -> None:
    unfinished = to.with_name(to.name + ".unfinished")
    unfinished.unlink(missing_ok=True)
    driver.execute("VACUUM INTO ?", (str(unfinished),))
    with unfinished.open("rb") as file:
        os.fsync(file.fileno())
    unfinished.replace(to)
