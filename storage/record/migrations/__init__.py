"""The schema's history, one step forward a file in `versions/`; `storage.record.tables` is what they add up to.

A step only adds, or changes what no running older process reads: collector, engine and pages restart one by one.
"""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect

from presence.errors import BadInput
from storage.record.revision import revision_of

SCRIPTS = Path(__file__).parent


def newest(connection: Connection, source: str, scripts: Path) -> str:
    """The newest revision of `scripts`, if the database is empty or of a revision that they know.

    Raises BadInput, naming `source`, when a newer version, or another program, wrote it.
    """
    known = [step.revision for step in ScriptDirectory(scripts).walk_revisions()]
    if not inspect(connection).get_table_names():
        return known[0]
    revision = revision_of(connection)
    if revision is None:
        raise BadInput(source, "is the database of another program", remedy="name another one for the record")
    if revision not in known:
        raise BadInput(
            source,
            f"was written by a newer version of Hadir (its schema is {revision}, the newest known here {known[0]})",
            remedy="run that version, or restore an older backup",
        )
    return known[0]


def run(connection: Connection, scripts: Path) -> None:
    """Do the steps that are missing, in the transaction that the caller has begun."""
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(scripts).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    command.upgrade(config, "head")
