"""The estimator's states: one a zone from which the collector goes on, and older ones to estimate a stretch again."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, delete, select

from storage.record.tables import zone_checkpoint, zone_snapshot
from storage.record.upsert import upsert

_save = upsert(zone_checkpoint)
_save = _save.on_conflict_do_update(
    index_elements=["site", "outlet", "zone"],
    set_={name: _save.excluded[name] for name in ("spool_id", "seen_ms", "since_ms", "late_ms", "state")},
)
_keep = upsert(zone_snapshot).on_conflict_do_nothing()
_of_zone = (
    zone_snapshot.c.site == bindparam("site"),
    zone_snapshot.c.outlet == bindparam("outlet"),
    zone_snapshot.c.zone == bindparam("zone"),
)


class Checkpoint(NamedTuple):
    """What the estimator of a zone knew after row `spool_id` of the spool.

    `since_ms`: since when it has these sensors. `late_ms`: the oldest reading that still has to be folded in.
    """

    site: str
    outlet: str
    zone: str
    spool_id: int
    seen_ms: int | None
    since_ms: int
    late_ms: int | None
    state: bytes


class Snapshot(NamedTuple):
    """What it knew of everything up to `at_ms`, and nothing after."""

    at_ms: int
    state: bytes


def save(connection: Connection, checkpoints: Iterable[Checkpoint]) -> None:
    """Replace the checkpoints of these zones."""
    if rows := [checkpoint._asdict() for checkpoint in checkpoints]:
        connection.execute(_save, rows)


def forget(connection: Connection, site: str, outlet: str, zone: str) -> None:
    """Drop the checkpoint of a zone that is watched no more."""
    of_zone = (zone_checkpoint.c.site == site, zone_checkpoint.c.outlet == outlet, zone_checkpoint.c.zone == zone)
    connection.execute(delete(zone_checkpoint).where(*of_zone))


def load(connection: Connection) -> list[Checkpoint]:
    """The checkpoints of all zones."""
    return [Checkpoint(*row) for row in connection.execute(select(*zone_checkpoint.c))]


def keep_snapshot(connection: Connection, site: str, outlet: str, zone: str, snapshot: Snapshot) -> None:
    """Keep one more; the same instant again changes nothing."""
    connection.execute(_keep, {"site": site, "outlet": outlet, "zone": zone, **snapshot._asdict()})


def snapshot_before(connection: Connection, site: str, outlet: str, zone: str, at_ms: int) -> Snapshot | None:
    """The newest snapshot older than `at_ms`."""
    newest = zone_snapshot.c
    found = connection.execute(
        select(newest.at_ms, newest.state)
        .where(*_of_zone, newest.at_ms < at_ms)
        .order_by(newest.at_ms.desc())
        .limit(1),
        {"site": site, "outlet": outlet, "zone": zone},
    ).one_or_none()
    return None if found is None else Snapshot(*found)


def forget_snapshots_from(connection: Connection, site: str, outlet: str, zone: str, at_ms: int) -> None:
    """Drop what late readings from `at_ms` on have made untrue."""
    connection.execute(
        delete(zone_snapshot).where(*_of_zone, zone_snapshot.c.at_ms >= at_ms),
        {"site": site, "outlet": outlet, "zone": zone},
    )


def forget_snapshots_before(connection: Connection, at_ms: int) -> None:
    """Drop what no reading can reach any more."""
    connection.execute(delete(zone_snapshot).where(zone_snapshot.c.at_ms < at_ms))
