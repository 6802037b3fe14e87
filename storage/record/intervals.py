"""Occupancy intervals of zones, who follows their changes, and how far a site's are complete."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, func, select

from presence.intervals import Interval
from storage.record.lines import Lines, Stretch
from storage.record.tables import collector_progress, interval_change, occupancy_interval, zone_checkpoint
from storage.record.upsert import upsert

_rows = occupancy_interval.c
_lines = Lines(occupancy_interval, _rows.outlet, _rows.zone, _rows.state, _rows.p)

_changes = interval_change.c
_changes_after = (
    select(_changes.id, _changes.site, _changes.outlet, _changes.zone, _changes.from_ms)
    .where(_changes.id > bindparam("after"))
    .order_by(_changes.id)
    .limit(bindparam("limit"))
)
_last_change = select(func.coalesce(func.max(_changes.id), 0))

_set_progress = upsert(collector_progress)
_set_progress = _set_progress.on_conflict_do_update(
    index_elements=["site"],
    set_={name: _set_progress.excluded[name] for name in ("spool", "spool_id", "until_ms")},
)


class IntervalChange(NamedTuple):
    """The intervals of one zone (or device and kind, in their place) are not what they were, from `from_ms` on."""

    id: int
    site: str
    outlet: str
    zone: str
    from_ms: int


def revise(
    connection: Connection,
    site: str,
    outlet: str,
    zone: str,
    from_ms: int,
    intervals: Sequence[Interval],
    now_ms: int,
) -> int | None:
    """Make `intervals` all that the record says of the zone from `from_ms` on, as `Lines.revise` says."""
    stretches = [Stretch(one.start_ms, one.end_ms, one.state, {"p": one.p}) for one in intervals]
    return _lines.revise(connection, site, outlet, zone, from_ms, stretches, now_ms)


def zone_intervals(
    connection: Connection, site: str, outlet: str, zone: str, from_ms: int, to_ms: int
) -> list[Interval]:
    """The zone's intervals that overlap [from_ms, to_ms), in order, whole."""
    return list(map(Interval._make, _lines.overlapping(connection, site, outlet, zone, from_ms, to_ms)))


def first_start(connection: Connection, site: str, outlet: str, zone: str) -> int | None:
    """When the zone's first interval begins; None when it has none."""
    return _lines.first_start(connection, site, outlet, zone)


def newest_evidence(connection: Connection, site: str, outlets: Sequence[str], zone: str) -> int | None:
    """When the newest evidence of `zone` was observed at any of `outlets`; None when there never was one."""
    columns = zone_checkpoint.c
    newest: int | None = connection.execute(
        select(func.max(columns.seen_ms)).where(columns.site == site, columns.outlet.in_(outlets), columns.zone == zone)
    ).scalar_one()
    return newest


def changes_after(connection: Connection, after: int, limit: int) -> list[IntervalChange]:
    """The changes of all sites' intervals with ids greater than `after`, in order, at most `limit`."""
    asked = {"after": after, "limit": limit}
    return [IntervalChange(*row) for row in connection.execute(_changes_after, asked)]


def last_change(connection: Connection) -> int:
    """The id of the newest change of any site; 0 when there was none."""
    newest: int = connection.execute(_last_change).scalar_one()
    return newest


def progress(connection: Connection, site: str) -> int | None:
    """Up to when (exclusive) the site's intervals are complete; None when no collector ever worked for it."""
    return connection.execute(
        select(collector_progress.c.until_ms).where(collector_progress.c.site == site)
    ).scalar_one_or_none()


def progress_of_sites(connection: Connection) -> dict[str, int]:
    """`progress` of every site that a collector ever worked for."""
    columns = collector_progress.c
    return {row.site: row.until_ms for row in connection.execute(select(columns.site, columns.until_ms))}


def spool_position(connection: Connection, site: str) -> tuple[str, int] | None:
    """Identity of the collector's spool, and the last row of it that the site's intervals have seen."""
    columns = collector_progress.c
    row = connection.execute(select(columns.spool, columns.spool_id).where(columns.site == site)).one_or_none()
    return None if row is None else (row.spool, row.spool_id)


def set_progress(connection: Connection, site: str, until_ms: int, *, spool: str, spool_id: int) -> None:
    """The site's intervals are complete up to `until_ms`, by what `spool` held up to its row `spool_id`."""
    connection.execute(_set_progress, {"site": site, "spool": spool, "spool_id": spool_id, "until_ms": until_ms})
