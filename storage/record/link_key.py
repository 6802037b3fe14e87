"""The key that signs links to one page: made once for each record, and never shown. Functions on a connection."""

from __future__ import annotations

import secrets

from sqlalchemy import Connection, select

from storage.record.tables import signing_key
from storage.record.upsert import upsert

_PURPOSE = "sidak link"
_KEY_BYTES = 32

_key = select(signing_key.c.key).where(signing_key.c.purpose == _PURPOSE)


def link_key(connection: Connection) -> bytes | None:
    """The key; None when no link was ever made."""
    found: bytes | None = connection.execute(_key).scalar()
    return found


def make_link_key(connection: Connection, now_ms: int) -> bytes:
    """The key, made when there is none; of two who make it at once both get the one that was first."""
    row = {"purpose": _PURPOSE, "key": secrets.token_bytes(_KEY_BYTES), "made_ms": now_ms}
    connection.execute(upsert(signing_key).values(row).on_conflict_do_nothing())
    made: bytes = connection.execute(_key).scalar_one()
    return made
