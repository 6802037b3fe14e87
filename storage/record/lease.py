"""Which engine watches a site, on a database that several machines share: a row that its holder keeps renewing.

Times are those of the database (PostgreSQL's), whose clock is the one that all engines see alike. On SQLite a file lock
does this.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Connection, bindparam, cast, delete, func

from storage.record.tables import engine_lease
from storage.record.upsert import upsert

LASTS_MS = 10_000

# Not now(): that is when the transaction began, before it waited for its turn to write.
_now_ms = cast(func.extract("epoch", func.clock_timestamp()) * 1000, BigInteger)
_row = upsert(engine_lease).values(until_ms=_now_ms + LASTS_MS)
_take = _row.on_conflict_do_update(
    index_elements=["site"],
    set_={"holder": _row.excluded.holder, "until_ms": _row.excluded.until_ms},
    where=(engine_lease.c.holder == _row.excluded.holder) | (engine_lease.c.until_ms <= _now_ms),
).returning(engine_lease.c.site)
_release = delete(engine_lease).where(
    engine_lease.c.site == bindparam("of_site"), engine_lease.c.holder == bindparam("of_holder")
)


def take(connection: Connection, site: str, holder: str) -> bool:
    """Take the lease of `site`, or renew it: for LASTS_MS from now; False while another holder has it."""
    return connection.execute(_take, {"site": site, "holder": holder}).scalar() is not None


def release(connection: Connection, site: str, holder: str) -> None:
    """Let another one have it at once, if it is `holder`'s."""
    connection.execute(_release, {"of_site": site, "of_holder": holder})
