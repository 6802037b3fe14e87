"""Links that open the sidak of one site to whoever holds them, until an instant. Functions on a connection.

A link holds a secret of 128 bits, of which the record keeps the sha256 alone: a backup opens nothing.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, Select, delete, insert, select, update

from presence.instants import rfc3339
from storage.record import audit
from storage.record.refusals import NotNow, NotThere
from storage.record.tables import sidak_link
from storage.record.users import digest

# Short enough for a code that a telephone reads from across a desk.
_SECRET_BYTES = 16
# So long its page still says that a link has ended, or was taken back.
_KEPT_MS = 30 * 24 * 3_600_000

_columns = sidak_link.c


class SidakLink(NamedTuple):
    """A link without its secret. It opens `site` until `until_ms`, unless it was taken back before."""

    id: int
    site: str
    author: str
    made_ms: int
    until_ms: int
    revoked_ms: int | None

    def opens(self, now_ms: int) -> bool:
        return self.revoked_ms is None and now_ms < self.until_ms


def make(connection: Connection, site: str, until_ms: int, *, by: str, now_ms: int) -> tuple[str, SidakLink]:
    """The secret of a new link that ends at `until_ms`, cut to seconds, and the link; with its audit row."""
    connection.execute(delete(sidak_link).where(_columns.until_ms <= now_ms - _KEPT_MS))
    secret, until_ms = secrets.token_urlsafe(_SECRET_BYTES), until_ms // 1000 * 1000
    row = {"hash": digest(secret), "site": site, "author": by, "made_ms": now_ms, "until_ms": until_ms}
    made = connection.execute(insert(sidak_link).values(row).returning(_columns.id)).scalar_one()
    said = {"event": "sidak_link_made", "link": made, "site": site, "until": rfc3339(until_ms), "author": by}
    audit.append(connection, now_ms, said)
    return secret, SidakLink(made, site, by, now_ms, until_ms, None)


def found(connection: Connection, secret: str) -> SidakLink | None:
    """The link of that secret, also when it is over; None when it was altered, or is none of ours."""
    row = connection.execute(_chosen().where(_columns.hash == digest(secret))).one_or_none()
    return None if row is None else _link(row)


def standing(connection: Connection, now_ms: int) -> list[SidakLink]:
    """Those that open something, the one that ends first in front."""
    rows = connection.execute(
        _chosen()
        .where(_columns.revoked_ms.is_(None), _columns.until_ms > now_ms)
        .order_by(_columns.until_ms, _columns.id)
    )
    return [_link(row) for row in rows]


def revoke(
    connection: Connection, link_id: int, *, sites: Collection[str] | None = None, by: str, now_ms: int
) -> SidakLink:
    """Take back a link to one of `sites` (None: to any). Raises NotThere, and NotNow when it is over already."""
    row = connection.execute(_chosen().where(_columns.id == link_id)).one_or_none()
    if row is None or (sites is not None and row.site not in sites):
        raise NotThere(f'no sidak link "{link_id}"')
    link = _link(row)
    if not link.opens(now_ms):
        raise NotNow("this link is over already")
    connection.execute(update(sidak_link).where(_columns.id == link_id).values(revoked_ms=now_ms))
    audit.append(connection, now_ms, {"event": "sidak_link_revoked", "link": link_id, "site": link.site, "author": by})
    return link


def _chosen() -> Select[Any]:
    return select(_columns.id, _columns.site, _columns.author, _columns.made_ms, _columns.until_ms, _columns.revoked_ms)


def _link(row: Row[Any]) -> SidakLink:
    return SidakLink._make(row)
