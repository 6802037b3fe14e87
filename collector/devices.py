"""Readings to the lines of devices as they come in, and what of them the record gets.

Every change of a line is committed together with the state of its device, from which the next process goes on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec
from sqlalchemy import Connection

from presence.device_lines import DeviceLines, Settled
from presence.readings import Reading
from presence.site import Site
from storage.record import Record, checkpoints, conditions, health
from storage.record.checkpoints import Snapshot
from storage.timeseries import Series, Store

Place = tuple[str, str]  # site, device

_PART = "conditions"  # where a zone's snapshots have their zone, a device's have this
_SNAPSHOT_EVERY_MS = 3_600_000


class _Saved(NamedTuple):
    """`spool_id`: the last row that the lines have seen; `late_ms`: the oldest reading still to be folded in."""

    spool_id: int
    late_ms: int | None
    state: bytes


@dataclass(slots=True, eq=False)
class Device:
    """One sensor or gateway while it is watched. `spool_id`: the last row that its lines had seen when restored."""

    site: str
    id: str
    lines: DeviceLines
    spool_id: int = 0
    batch: list[Reading] = field(default_factory=list)
    unsaved: bool = True
    snapshot_ms: int = 0
    snapshots: list[Settled] = field(default_factory=list)  # to be kept by the next commit …
    untrue_ms: int | None = None  # … which drops those from here on
    late_ms: int | None = None  # the oldest reading that came too late for the window
    late_id: int = 0  # the store must have the rows up to here before the stretch is told again


class Devices:
    """The sensors and gateways of all sites. `known`: each by its place; `saved`: `SensorHealth.conditions` of each."""

    def __init__(self, saved: Mapping[Place, bytes], *, same_spool: bool) -> None:
        self.known: dict[Place, Device] = {}
        self._sites: dict[str, DeviceLines] = {}
        self._gone: list[Place] = []
        self._written: list[Device] = []  # by the `write` whose commit is awaited
        self._saved: dict[str, dict[str, _Saved]] = {}
        for (site, device), dumped in saved.items():
            row = _DECODER.decode(dumped)
            self._saved.setdefault(site, {})[device] = row if same_spool else row._replace(spool_id=0)

    def follow(self, sites: Mapping[str, Site], now_ms: int) -> None:
        """Take over the registry; what it changes is pending then."""
        for site_id, site in sites.items():
            saved = self._saved.pop(site_id, {})
            lines = self._sites.get(site_id)
            if lines is None:
                lines = DeviceLines(site, now_ms, {device: row.state for device, row in saved.items()})
                self._sites[site_id] = lines
            else:
                lines.follow(site, now_ms)
            self._follow_site(site, lines, saved)

    def _follow_site(self, site: Site, lines: DeviceLines, saved: Mapping[str, _Saved]) -> None:
        wanted = {gateway.id for gateway in site.gateways}
        wanted |= {sensor.id for outlet in site.outlets for sensor in outlet.sensors}
        known = {device for site_id, device in self.known if site_id == site.id} | saved.keys()
        for device in known - wanted:
            self.known.pop((site.id, device), None)
            self._gone.append((site.id, device))
        for device in wanted - known:
            self.known[site.id, device] = Device(site.id, device, lines)
        for device in wanted & saved.keys():
            one = self.known[site.id, device] = Device(site.id, device, lines, saved[device].spool_id)
            one.late_ms = saved[device].late_ms
            one.late_id = one.spool_id
        for device in lines.adjusted:
            one = self.known[site.id, device]
            one.unsaved = True
            one.late_ms = None  # of what came before nothing is told again
            one.snapshots.append(lines.settled(device))
        lines.adjusted.clear()

    def take(self, touched: Iterable[Device], last_id: int) -> None:
        """Let the lines see the batches of `touched`, the last of which is of row `last_id`."""
        for one in touched:
            late = one.lines.take(one.id, one.batch)
            one.batch.clear()
            one.unsaved = True
            if late or one.late_ms is not None:
                one.late_ms = min([reading.at_ms for reading in late] + ([one.late_ms] if one.late_ms else []))
                one.late_id = last_id

    def expire(self, now_ms: int) -> None:
        """Let time pass."""
        for lines in self._sites.values():
            lines.expire(now_ms)

    @property
    def pressing(self) -> bool:
        """Whether some line changed and waits to be committed."""
        return any(lines.pending for lines in self._sites.values())

    def write(self, connection: Connection, now_ms: int, last_id: int, *, everything: bool) -> None:
        """Write what is pending, with the states that it comes from; with `everything` those of all devices."""
        revised: set[Place] = set()
        for site, lines in self._sites.items():
            for (kind, device), from_ms, intervals in lines.pending:
                conditions.revise(connection, site, device, kind, from_ms, intervals, now_ms)
                revised.add((site, device))
        rows = []
        self._written.clear()
        for place, one in self.known.items():
            if place in revised or (everything and one.unsaved):
                state = _ENCODER.encode(_Saved(last_id, one.late_ms, one.lines.dump(one.id)))
                rows.append((*place, state))
                self._keep_snapshots(connection, one)
                self._written.append(one)
        health.save_conditions(connection, [*((*place, None) for place in self._gone), *rows], now_ms)

    def _keep_snapshots(self, connection: Connection, one: Device) -> None:
        newest = one.lines.settled(one.id)
        if newest.at_ms - one.snapshot_ms >= _SNAPSHOT_EVERY_MS:
            one.snapshots.append(newest)
            one.snapshot_ms = newest.at_ms
        if one.untrue_ms is not None:
            checkpoints.forget_snapshots_from(connection, one.site, one.id, _PART, one.untrue_ms)
        for at_ms, state in one.snapshots:
            checkpoints.keep_snapshot(connection, one.site, one.id, _PART, Snapshot(at_ms, state))

    def committed(self) -> None:
        """What `write` wrote is in the record."""
        for one in self._written:
            one.snapshots, one.untrue_ms, one.unsaved = [], None, False
        for lines in self._sites.values():
            lines.pending.clear()
        self._gone.clear()

    def late(self) -> list[Device]:
        """The devices that have heard what came too late for the window."""
        return [one for one in self.known.values() if one.late_ms is not None]

    def tell_again(self, one: Device, record: Record, store: Store, series: Series) -> None:
        """Tell the stretch of a device with late readings again, from the stored ones.

        The store must have row `late_id` and all that is settled. Raises StoreUnavailable; the device is then left as
        it is.
        """
        assert one.late_ms is not None
        with record.reading() as connection:
            snapshot = checkpoints.snapshot_before(connection, one.site, one.id, _PART, one.late_ms)
        start_ms = one.lines.since_ms(one.id)
        if snapshot is not None and snapshot.at_ms >= start_ms:
            start_ms = snapshot.at_ms
        else:
            snapshot = None
        readings = store.read([series], start_ms, one.lines.newest_ms(one.id) + 1)
        before = None if snapshot is None else Settled(*snapshot)
        one.snapshots = one.lines.again(one.id, before, readings)
        one.untrue_ms, one.late_ms, one.unsaved = one.late_ms, None, True
        one.snapshot_ms = one.snapshots[-1].at_ms if one.snapshots else start_ms

    def stuck_since(self, place: Place) -> int | None:
        """Since when a sensor is stuck; None when it is not."""
        one = self.known.get(place)
        return None if one is None else one.lines.stuck_since(one.id)


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(_Saved)
