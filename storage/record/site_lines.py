"""The lines of a site as the record has them: what `presence.alerts.evaluate` asks of a past.

Within a transaction a line does not change: what lies in the stretch that was read last is not read again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, TypeVar, get_args

from sqlalchemy import BindParameter, Connection, bindparam, case, func, or_, select

from presence.alerts.subjects import subjects
from presence.devices import DeviceKey
from presence.intervals import Interval, TruthInterval
from presence.pipeline import Lines
from presence.site import AlertKind, Site, ZoneName
from presence.zones import ZoneKey, zones
from storage.record.conditions import condition_intervals
from storage.record.intervals import zone_intervals
from storage.record.tables import condition_interval, occupancy_interval, outlet

_Stretch = TypeVar("_Stretch", bound=Interval | TruthInterval)

_ZONES: tuple[ZoneName, ...] = get_args(ZoneName)
_SITE: BindParameter[str] = bindparam("site")
_rows = condition_interval.c
_zones = occupancy_interval.c
# A step in the index for each zone: the smallest start of the whole site would be looked for in all its history.
_first_starts = select(
    *(
        select(func.min(_zones.start_ms))
        .where(_zones.site == _SITE, _zones.outlet == outlet.c.id, _zones.zone == zone, _zones.superseded_ms.is_(None))
        .scalar_subquery()
        for zone in _ZONES
    )
).where(outlet.c.site == _SITE)
_AT_MS: BindParameter[int] = bindparam("at_ms")
_states_at = select(
    outlet.c.id,
    *(
        select(case((or_(_zones.end_ms.is_(None), _zones.end_ms > _AT_MS), _zones.state)))
        .where(
            _zones.site == _SITE,
            _zones.outlet == outlet.c.id,
            _zones.zone == zone,
            _zones.superseded_ms.is_(None),
            _zones.start_ms <= _AT_MS,
        )
        .order_by(_zones.start_ms.desc())
        .limit(1)
        .scalar_subquery()
        for zone in _ZONES
    ),
).where(outlet.c.site == _SITE)


class RecordLines:
    """What the record knows of a site's zones and devices (`presence.alerts.evaluate.Known`).

    `first_ms`: where its history begins, `first_of_site`.
    """

    def __init__(self, connection: Connection, site: str, first_ms: int) -> None:
        self.first_ms = first_ms
        self._connection = connection
        self._site = site
        self._of_zones: dict[ZoneKey, _Read[Interval]] = {}
        self._of_devices: dict[tuple[AlertKind, str], _Read[TruthInterval]] = {}

    def zone(self, key: ZoneKey, start_ms: int, end_ms: int) -> Sequence[Interval]:
        """The zone's intervals that overlap [start, end), in order, whole."""
        read = self._of_zones.get(key)
        if read is None or not read.holds(start_ms, end_ms):
            line = zone_intervals(self._connection, self._site, *key, start_ms, end_ms)
            read = self._of_zones[key] = _Read(start_ms, end_ms, line)
        return read.overlapping(start_ms, end_ms)

    def device(self, kind: AlertKind, device: str, start_ms: int, end_ms: int) -> Sequence[TruthInterval]:
        """What the condition `kind` of a sensor or gateway was: the intervals that overlap [start, end), whole."""
        read = self._of_devices.get((kind, device))
        if read is None or not read.holds(start_ms, end_ms):
            line = condition_intervals(self._connection, self._site, device, kind, start_ms, end_ms)
            read = self._of_devices[kind, device] = _Read(start_ms, end_ms, line)
        return read.overlapping(start_ms, end_ms)


class _Read(Generic[_Stretch]):
    """All of a line that overlaps [start, end)."""

    def __init__(self, start_ms: int, end_ms: int, line: Sequence[_Stretch]) -> None:
        self._start_ms, self._end_ms, self._line = start_ms, end_ms, line

    def holds(self, start_ms: int, end_ms: int) -> bool:
        return self._start_ms <= start_ms and end_ms <= self._end_ms

    def overlapping(self, start_ms: int, end_ms: int) -> Sequence[_Stretch]:
        """Of what it holds."""
        if (start_ms, end_ms) == (self._start_ms, self._end_ms):
            return self._line
        return [one for one in self._line if one.start_ms < end_ms and (one.end_ms is None or one.end_ms > start_ms)]


def read_lines(connection: Connection, site: Site, first_ms: int, from_ms: int, to_ms: int) -> Lines:
    """All that the record knows of the site's zones and devices in [from_ms, to_ms), in memory, each line whole.

    For long stretches: the record's log need not wait for what is then made of them. `first_ms` as in `RecordLines`.
    """
    record = RecordLines(connection, site.id, first_ms)
    return Lines(
        {key: record.zone(key, from_ms, to_ms) for key in zones(site)},
        {
            DeviceKey(subject.kind, subject.id): record.device(subject.kind, subject.id, from_ms, to_ms)
            for subject in subjects(site)
            if subject.subject_type in ("sensor", "gateway")
        },
        first_ms,
    )


def true_now(connection: Connection, site: str) -> set[tuple[AlertKind, str]]:
    """The conditions of devices that are true at the end of what is known: kind and device."""
    found = select(_rows.kind, _rows.device).where(
        _rows.site == _SITE, _rows.end_ms.is_(None), _rows.truth == "true", _rows.superseded_ms.is_(None)
    )
    return {(kind, device) for kind, device in connection.execute(found, {"site": site})}


def unknown_at(connection: Connection, site: str, at_ms: int) -> set[ZoneKey]:
    """The zones of the site's outlets that are unknown at an instant, those left out of which nothing is known."""
    found: set[ZoneKey] = set()
    for outlet_id, *states in connection.execute(_states_at, {"site": site, "at_ms": at_ms}):
        found |= {ZoneKey(outlet_id, zone) for zone, state in zip(_ZONES, states, strict=True) if state == "unknown"}
    return found


def first_of_site(connection: Connection, site: str) -> int | None:
    """When the first interval of the site's zones begins; None when they have none."""
    starts = [start for row in connection.execute(_first_starts, {"site": site}) for start in row if start is not None]
    return min(starts, default=None)
