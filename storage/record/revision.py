"""Which revision of the schema a record has, and which one this version works with."""

from __future__ import annotations

from sqlalchemy import Connection, inspect, text

# Known here too, so that a process that finds it in the record need not load Alembic to start.
NEWEST_REVISION = "0010"


def revision_of(connection: Connection) -> str | None:
    """The revision of the schema; None when there is none yet."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    revision: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return revision
