"""The keys that sign what leaves us and comes back: made once for each record and purpose, and never shown.

Functions on a connection.
"""

from __future__ import annotations

import secrets
from typing import Literal

from sqlalchemy import Connection, select

from storage.record.tables import signing_key
from storage.record.upsert import upsert

Purpose = Literal["oidc log-in"]
_KEY_BYTES = 32


def key_for(connection: Connection, purpose: Purpose) -> bytes | None:
    """The key; None when nothing was ever signed with it."""
    found: bytes | None = connection.scalar(select(signing_key.c.key).where(signing_key.c.purpose == purpose))
    return found


def make_key_for(connection: Connection, purpose: Purpose, now_ms: int) -> bytes:
    """The key, made when there is none; of two who make it at once both get the one that was first."""
    row = {"purpose": purpose, "key": secrets.token_bytes(_KEY_BYTES), "made_ms": now_ms}
    connection.execute(upsert(signing_key).values(row).on_conflict_do_nothing())
    made: bytes = connection.execute(select(signing_key.c.key).where(signing_key.c.purpose == purpose)).scalar_one()
    return made
