"""The collector's view of every sensor."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from sqlalchemy import Connection, select

from storage.record.tables import sensor_health
from storage.record.upsert import upsert

_save = upsert(sensor_health)
_save = _save.on_conflict_do_update(
    index_elements=["site", "sensor"],
    set_={
        column.name: _save.excluded[column.name]
        for column in sensor_health.c
        if not column.primary_key and column.name != "conditions"
    },
)
_save_conditions = upsert(sensor_health)
_save_conditions = _save_conditions.on_conflict_do_update(
    index_elements=["site", "sensor"], set_={"conditions": _save_conditions.excluded.conditions}
)


class SensorHealth(NamedTuple):
    """`state`: fresh, stale, offline (its own or its gateway's word) or stuck; `seen_ms`: the newest report.

    `received`, `stored`, `missing`: readings; `sequence`: `presence.sequence.Sequence` as it dumps itself;
    `conditions`: what the lines of its conditions go on from; a gateway has a row for that alone, with no `sequence`.
    """

    site: str
    sensor: str
    state: str
    since_ms: int
    seen_ms: int | None
    battery: float | None
    received: int
    stored: int
    missing: int
    sequence: bytes
    conditions: bytes | None = None


def save(connection: Connection, rows: Iterable[SensorHealth]) -> None:
    """Replace the health of these sensors, but for their `conditions`."""
    if values := [row._asdict() for row in rows]:
        connection.execute(_save, values)


def save_conditions(connection: Connection, rows: Iterable[tuple[str, str, bytes | None]], watched_ms: int) -> None:
    """Replace the `conditions` of (site, device); those without a row yet get one, watched since `watched_ms`."""
    values = [
        SensorHealth(site, device, "stale", watched_ms, None, None, 0, 0, 0, b"", dumped)._asdict()
        for site, device, dumped in rows
    ]
    if values:
        connection.execute(_save_conditions, values)


def load(connection: Connection) -> list[SensorHealth]:
    """The health of all sensors."""
    return [SensorHealth(*row) for row in connection.execute(select(*sensor_health.c))]


def of_sensor(connection: Connection, site: str, sensor: str) -> SensorHealth | None:
    """The health of one sensor; None when it was never written."""
    columns = sensor_health.c
    row = connection.execute(select(*columns).where(columns.site == site, columns.sensor == sensor)).one_or_none()
    return None if row is None else SensorHealth(*row)
