"""Occupancy intervals of zones, their corrections, and how far a site's are complete. Functions on a connection.

A row is current until a correction contradicts it; then it keeps its values and gets `superseded_ms`. To close the
interval that is still open is no correction. Current rows of a zone are ordered and disjoint.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, cast

from sqlalchemy import BindParameter, Connection, bindparam, func, insert, or_, select, update

from presence.intervals import Interval, State
from storage.record.tables import collector_progress, interval_change, occupancy_interval, zone_checkpoint
from storage.record.upsert import upsert

_rows = occupancy_interval.c
_SITE: BindParameter[str] = bindparam("site")
_OUTLET: BindParameter[str] = bindparam("outlet")
_ZONE: BindParameter[str] = bindparam("zone")
_FROM: BindParameter[int] = bindparam("from_ms")
_zone_current = (_rows.site == _SITE, _rows.outlet == _OUTLET, _rows.zone == _ZONE, _rows.superseded_ms.is_(None))

# Of disjoint rows only the last one that begins before an instant can reach it: one step in the index, however long
# the history is.
_last_before = (
    select(_rows.start_ms)
    .where(*_zone_current, _rows.start_ms < _FROM)
    .order_by(_rows.start_ms.desc())
    .limit(1)
    .scalar_subquery()
)
_reaching = (
    select(_rows.id, _rows.start_ms, _rows.end_ms, _rows.state, _rows.p)
    .where(
        *_zone_current,
        _rows.start_ms >= func.coalesce(_last_before, _FROM),
        or_(_rows.end_ms.is_(None), _rows.end_ms >= _FROM),
    )
    .order_by(_rows.start_ms)
)
_overlapping = _reaching.where(_rows.start_ms < bindparam("to_ms"), or_(_rows.end_ms.is_(None), _rows.end_ms > _FROM))
_first_start = select(func.min(_rows.start_ms)).where(*_zone_current)
_supersede = (
    update(occupancy_interval).where(_rows.id == bindparam("row")).values(superseded_ms=bindparam("superseded_at_ms"))
)
_close = update(occupancy_interval).where(_rows.id == bindparam("row")).values(end_ms=bindparam("closed_ms"))

_changes = interval_change.c
_changes_after = (
    select(_changes.id, _changes.outlet, _changes.zone, _changes.from_ms)
    .where(_changes.site == _SITE, _changes.id > bindparam("after"))
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
    """The intervals of one zone are no longer what they were, from `from_ms` on."""

    id: int
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
    """Make `intervals` all that the record says of the zone from `from_ms` on; what lies before stays.

    `intervals`: ordered and disjoint; the first may begin before `from_ms` and then speaks from there on. It joins the
    stored interval that it touches when both are of one state; one that goes on over `from_ms` otherwise ends there.
    Returns the first instant from which on something is different, and notes it for those who follow by a cursor;
    None, and nothing is written, when all was known. The transaction is the caller's.
    """
    key = {"site": site, "outlet": outlet, "zone": zone}
    if intervals:
        from_ms = min(from_ms, intervals[0].start_ms)
    stored = connection.execute(_reaching, {**key, "from_ms": from_ms}).all()
    wanted = list(intervals)
    if stored and stored[0].start_ms < from_ms:
        wanted = _joined(Interval(stored[0].start_ms, stored[0].end_ms, stored[0].state, stored[0].p), wanted, from_ms)

    known = {row.start_ms: row for row in stored}
    closed, superseded, new, differences = [], [], [], []
    for interval in wanted:
        row = known.get(interval.start_ms)
        if row is None or row.state != interval.state:
            new.append(interval)
            differences.append(interval.start_ms)
            continue
        del known[interval.start_ms]
        if row.end_ms == interval.end_ms:
            continue
        differences.append(min(end for end in (row.end_ms, interval.end_ms) if end is not None))
        if row.end_ms is None:
            closed.append({"row": row.id, "closed_ms": interval.end_ms})
        else:
            superseded.append({"row": row.id, "superseded_at_ms": now_ms})
            new.append(interval)
    for row in known.values():
        superseded.append({"row": row.id, "superseded_at_ms": now_ms})
        differences.append(row.start_ms)

    if not differences:
        return None
    if superseded:
        connection.execute(_supersede, superseded)
    if closed:
        connection.execute(_close, closed)
    if new:
        connection.execute(
            insert(occupancy_interval), [{**key, **interval._asdict(), "made_ms": now_ms} for interval in new]
        )
    changed_ms = min(differences)
    connection.execute(insert(interval_change), {**key, "from_ms": changed_ms})
    return changed_ms


def zone_intervals(
    connection: Connection, site: str, outlet: str, zone: str, from_ms: int, to_ms: int
) -> list[Interval]:
    """The zone's intervals that overlap [from_ms, to_ms), in order, whole."""
    asked = {"site": site, "outlet": outlet, "zone": zone, "from_ms": from_ms, "to_ms": to_ms}
    return [
        Interval(row.start_ms, row.end_ms, cast(State, row.state), row.p)
        for row in connection.execute(_overlapping, asked)
    ]


def first_start(connection: Connection, site: str, outlet: str, zone: str) -> int | None:
    """When the zone's first interval begins; None when it has none."""
    asked = {"site": site, "outlet": outlet, "zone": zone}
    first: int | None = connection.execute(_first_start, asked).scalar_one()
    return first


def newest_evidence(connection: Connection, site: str, outlets: Sequence[str], zone: str) -> int | None:
    """When the newest evidence of `zone` was observed at any of `outlets`; None when there never was one."""
    columns = zone_checkpoint.c
    newest: int | None = connection.execute(
        select(func.max(columns.seen_ms)).where(columns.site == site, columns.outlet.in_(outlets), columns.zone == zone)
    ).scalar_one()
    return newest


def changes_after(connection: Connection, site: str, after: int, limit: int) -> list[IntervalChange]:
    """The changes of the site's intervals with ids greater than `after`, in order, at most `limit`."""
    asked = {"site": site, "after": after, "limit": limit}
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


def _joined(reaching: Interval, intervals: list[Interval], from_ms: int) -> list[Interval]:
    """`intervals`, preceded by or joined to the stored one that began before `from_ms` and reaches it."""
    if intervals and intervals[0].start_ms == from_ms and intervals[0].state == reaching.state:
        return [reaching._replace(end_ms=intervals[0].end_ms), *intervals[1:]]
    return [reaching._replace(end_ms=from_ms), *intervals]
