"""The audit log: append-only rows, each holding the hash of the one before, so that no change goes unseen.

hash = hex sha256(previous hex hash ‖ RFC 8785 JSON of the body); the first previous is 64 zeros.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, NamedTuple

import rfc8785
from sqlalchemy import Connection, insert, select

from presence.instants import rfc3339
from storage.record.tables import audit

FIRST_PREVIOUS = "0" * 64

_newest = select(audit.c.hash).order_by(audit.c.id.desc()).limit(1)
_all = (
    select(audit.c.id, audit.c.at_ms, audit.c.body, audit.c.previous, audit.c.hash)
    .order_by(audit.c.id)
    .execution_options(yield_per=1000)
)


class Broken(NamedTuple):
    """The first row at which the chain does not hold, and in what way."""

    row: int
    problem: str


def append(connection: Connection, at_ms: int, body: Mapping[str, Any]) -> str:
    """Add a row and return its hash. `body`: JSON values, without `at`, which is put in.

    The transaction is the caller's, and must be a writing one: it is what keeps two rows from following the same one.
    """
    previous = connection.execute(_newest).scalar_one_or_none() or FIRST_PREVIOUS
    text = rfc8785.dumps({**body, "at": rfc3339(at_ms)}).decode()
    digest = _hash(previous, text)
    connection.execute(insert(audit), {"at_ms": at_ms, "body": text, "previous": previous, "hash": digest})
    return digest


def verify(connection: Connection) -> int | Broken:
    """How many rows the log has when all of them hold, else the first that does not."""
    previous, rows = FIRST_PREVIOUS, 0
    # Closed also when the end is not reached: PostgreSQL keeps a cursor open for it.
    with connection.execute(_all) as found:
        for row in found:
            if row.previous != previous:
                return Broken(row.id, "a row before it was taken out, put in or exchanged")
            if _hash(previous, row.body) != row.hash:
                return Broken(row.id, "its content was changed")
            if json.loads(row.body)["at"] != rfc3339(row.at_ms):
                return Broken(row.id, "its time was changed")
            previous = row.hash
            rows += 1
    return rows


def _hash(previous: str, text: str) -> str:
    return hashlib.sha256((previous + text).encode()).hexdigest()
