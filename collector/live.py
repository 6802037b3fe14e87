"""Readings to occupancy as they come in: the estimators of all zones, and what they write into the record.

Every change of a zone's intervals is committed together with the estimator's checkpoint; what nothing came of is
checkpointed now and then. A row of the spool may go when every zone's checkpoint has passed it (`settled_id`).
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, cast

from sqlalchemy import Connection

from collector.claims import Claims
from collector.devices import Device, Devices
from collector.health import SensorWatch
from presence.estimator import Revision, ZoneEstimator, ZoneSensor, closed, spliced, zone_sensors
from presence.foreign_text import printable
from presence.intervals import Interval
from presence.readings import Reading
from presence.site import Site, ZoneName
from presence.zones import ZoneKey, zones
from storage.record import Record, aside, checkpoints, health, intervals, registry
from storage.record.checkpoints import Checkpoint, Snapshot
from storage.timeseries import Store

_log = logging.getLogger("hadir.collector")

_SNAPSHOT_EVERY_MS = 3_600_000
_SNAPSHOTS_KEPT_MS = 31 * 24 * 3_600_000
_TELL_AGAIN_MS = 600_000
# What was over lately is kept: a clock may be set back.
_CLOCK_BACK_MS = 24 * 3_600_000
_MOST_ASIDE = 1_000  # between two commits; the record keeps no more either
_SLICE = 500  # readings at a time when a stretch is estimated again


class Entry(NamedTuple):
    """Readings of one row of the spool, all of one site."""

    row_id: int
    site: str
    readings: Sequence[Reading]


@dataclass(slots=True, eq=False)
class Zone:
    """One zone while it is watched. `spool_id`: the last row that its estimator has seen, as far as it was restored."""

    site: str
    key: ZoneKey
    sensors: tuple[ZoneSensor, ...]
    estimator: ZoneEstimator
    spool_id: int = 0
    batch: list[Reading] = field(default_factory=list)
    revisions: list[Revision] = field(default_factory=list)
    since_ms: int = 0  # since when it has these sensors: nothing before is estimated again
    snapshot_ms: int = 0
    snapshots: list[Snapshot] = field(default_factory=list)  # to be kept by the next commit …
    untrue_ms: int | None = None  # … which drops those from here on
    late_ms: int | None = None  # the oldest reading that came too late for the window
    late_id: int = 0  # the store must have the rows up to here before the stretch is estimated again


class Live:
    """All zones of all sites, in one thread."""

    def __init__(self, record: Record, spool: str, now_ms: int) -> None:
        self._record = record
        self._spool = spool
        self.sites: dict[str, Site] = {}
        self.claims = Claims(())
        self.zones: dict[tuple[str, ZoneKey], Zone] = {}
        self.watches: dict[tuple[str, str], SensorWatch] = {}
        self.last_id = 0  # the last row taken
        self.settled_id = 0  # every zone's checkpoint in the record has passed it
        self._versions: dict[str, int] = {}
        self._until_ms: dict[str, int] = {}
        self._revised: set[Zone] = set()
        self._dirty: set[Zone] = set()  # its checkpoint is not what the record has
        self._unclaimed: dict[tuple[str, str, str], aside.Unclaimed] = {}
        self.dead: list[aside.DeadLetter] = []
        self._gateways_of: dict[tuple[str, str], list[SensorWatch]] = {}
        with record.reading() as connection:
            restored = checkpoints.load(connection)
            rows = health.load(connection)
            for site in registry.site_ids(connection):
                position = intervals.spool_position(connection, site)
                if (until_ms := intervals.progress(connection, site)) is not None:
                    self._until_ms[site] = until_ms
                if position is not None and position[0] == spool:
                    self.settled_id = max(self.settled_id, position[1])
        self.last_id = self.settled_id
        same_spool = self.settled_id > 0
        self._restored = {
            (row.site, ZoneKey(row.outlet, cast(ZoneName, row.zone))): row if same_spool else row._replace(spool_id=0)
            for row in restored
        }
        self._health = {(row.site, row.sensor): row for row in rows}
        states = {(row.site, row.sensor): row.conditions for row in rows if row.conditions is not None}
        self.devices = Devices(states, same_spool=same_spool)
        self._swept_ms = 0
        self._told: set[tuple[str, str]] = set()
        self._told_ms = now_ms
        self.follow_registry(now_ms)

    def until_ms(self, site: str) -> int | None:
        """Up to when the site's intervals are complete: the last sign of life; None before the first."""
        return self._until_ms.get(site)

    def follow_registry(self, now_ms: int) -> bool:
        """Take over what changed in the registry; whether anything did."""
        with self._record.reading() as connection:
            versions = registry.versions(connection)
            if versions == self._versions:
                return False
            from_ms = now_ms - _CLOCK_BACK_MS
            loaded = {site: registry.load_site(connection, site, declared_from_ms=from_ms) for site in versions}
        sites = {site_id: site for site_id, site in loaded.items() if site is not None}
        wanted = {
            (site.id, key): zone_sensors(sensors) for site in sites.values() for key, sensors in zones(site).items()
        }
        ended = [place for place in (*self.zones, *self._restored) if place not in wanted]
        begun = [place for place in wanted if place not in self.zones and place not in self._restored]
        # Before anything is taken over: the record may be lost in the midst of it, and then all of it is done again.
        if ended or begun:
            with self._record.writing() as connection:
                for site, key in (*ended, *begun):
                    unknown = [Interval(now_ms, None, "unknown", 0.5)]
                    intervals.revise(connection, site, *key, now_ms, unknown, now_ms)
                for site, key in ended:
                    checkpoints.forget(connection, site, *key)
        self.sites, self._versions = sites, versions
        for site_id in self.sites:
            self._until_ms.setdefault(site_id, now_ms)
        self.claims = Claims(self.sites.values())
        self._unclaimed.clear()  # one of them may be claimed now; the others will be heard again
        for place, sensors in wanted.items():
            if place not in self.zones:
                self._open_zone(*place, sensors, now_ms)
            elif self.zones[place].sensors != sensors:
                self._change_sensors(self.zones[place], sensors, now_ms)
        self._watch_sensors(now_ms)
        self.devices.follow(self.sites, now_ms)
        for place in ended:
            self._restored.pop(place, None)
            if (zone := self.zones.pop(place, None)) is not None:
                self._revised.discard(zone)
                self._dirty.discard(zone)
        return True

    def _open_zone(self, site: str, key: ZoneKey, sensors: tuple[ZoneSensor, ...], now_ms: int) -> None:
        """Watch a zone, going on from its checkpoint when it has one."""
        zone = Zone(site, key, sensors, ZoneEstimator(sensors, now_ms), since_ms=now_ms)
        if (saved := self._restored.pop((site, key), None)) is not None:
            zone.estimator = ZoneEstimator(sensors, now_ms, saved.state)
            zone.spool_id, zone.since_ms = saved.spool_id, saved.since_ms
            zone.late_ms, zone.late_id = saved.late_ms, saved.spool_id
        self.zones[site, key] = zone
        self._dirty.add(zone)
        self._begin_anew(zone, now_ms)

    def _change_sensors(self, zone: Zone, sensors: tuple[ZoneSensor, ...], now_ms: int) -> None:
        zone.estimator = ZoneEstimator(sensors, now_ms, zone.estimator.checkpoint())
        zone.sensors = sensors
        self._dirty.add(zone)
        # Of what the sensors before said nothing is estimated again: there is no telling it from the new ones' silence.
        zone.since_ms, zone.late_ms = now_ms, None
        zone.snapshots.append(Snapshot(now_ms, zone.estimator.checkpoint()))
        self._begin_anew(zone, now_ms)

    def _begin_anew(self, zone: Zone, now_ms: int) -> None:
        """What a sensor had said that is there no more is not evidence any longer."""
        if zone.estimator.opening is not None:
            zone.since_ms = now_ms
            self._revise(zone, zone.estimator.opening)

    def _watch_sensors(self, now_ms: int) -> None:
        watches: dict[tuple[str, str], SensorWatch] = {}
        self._gateways_of = {}
        for site in self.sites.values():
            for outlet in site.outlets:
                for sensor in outlet.sensors:
                    place = (site.id, sensor.id)
                    fresh = SensorWatch(site.id, sensor, now_ms)
                    row = self.watches[place].row() if place in self.watches else self._health.pop(place, None)
                    if row is not None:
                        fresh.restore(row)
                    watches[place] = fresh
                    if sensor.source is not None and sensor.source.gateway is not None:
                        self._gateways_of.setdefault((site.id, sensor.source.gateway), []).append(fresh)
        self.watches = watches

    def fresh(self, site: str, readings: Iterable[Reading]) -> list[Reading]:
        """Those of `readings` that were not here before, by their running numbers."""
        new = []
        for reading in readings:
            watch = self.watches.get((site, reading.sensor))
            if watch is None or watch.take(reading):
                new.append(reading)
        return new

    def take(self, entries: Iterable[Entry]) -> None:
        """Let the estimators see `entries`, in the order of their rows; the record hears of it by `commit`."""
        touched: set[Zone] = set()
        heard: list[Device] = []
        for row_id, site, readings in entries:
            self.last_id = max(self.last_id, row_id)
            for reading in readings:
                place = (site, reading.sensor)
                if place in self._gateways_of and reading.values.get("online") == 0.0:
                    for sensor in self._gateways_of[place]:
                        sensor.silence(reading.at_ms)
                device = self.devices.known.get(place)
                if device is not None and row_id > device.spool_id:
                    if not device.batch:
                        heard.append(device)
                    device.batch.append(reading)
                for zone_place in self.claims.zones(*place):
                    zone = self.zones[zone_place]
                    if row_id > zone.spool_id:
                        zone.batch.append(reading)
                        touched.add(zone)
        self.devices.take(heard, self.last_id)
        for zone in touched:
            revision, late = zone.estimator.take(zone.batch)
            zone.batch.clear()
            self._dirty.add(zone)
            if revision is not None:
                self._revise(zone, revision)
            late_ms = [reading.at_ms for reading in late if reading.at_ms > zone.since_ms]
            if late_ms or zone.late_ms is not None:
                zone.late_ms = min(late_ms if zone.late_ms is None else [*late_ms, zone.late_ms])
                zone.late_id = self.last_id

    def expire(self, now_ms: int) -> None:
        """Let time pass: sensors that are silent for too long turn stale."""
        self.devices.expire(now_ms)
        for zone in self.zones.values():
            due_ms = zone.estimator.next_due_ms()
            if due_ms is not None and due_ms < now_ms and (revision := zone.estimator.expire(now_ms)):
                self._revise(zone, revision)

    def _revise(self, zone: Zone, revision: Revision) -> None:
        zone.revisions.append(revision)
        self._revised.add(zone)
        self._dirty.add(zone)

    def bury(self, letter: aside.DeadLetter) -> None:
        """Keep what cannot be used, and say so, each topic and reason once in ten minutes."""
        if len(self.dead) < _MOST_ASIDE:
            self.dead.append(letter)
        if (letter.topic, letter.why) not in self._told and len(self._told) < _MOST_ASIDE:
            self._told.add((letter.topic, letter.why))
            _log.warning("%s: %s; kept aside as a dead letter", printable(letter.topic), printable(letter.why))

    def put_aside(self, device: aside.Unclaimed) -> None:
        """A device that nobody claims sent something; the inbox keeps it, and the newest of each of its values."""
        place = (device.site, device.convention, device.device)
        before = self._unclaimed.get(place)
        if before is None and len(self._unclaimed) >= _MOST_ASIDE:
            return
        if before is not None:
            device = device._replace(
                messages=before.messages + 1,
                seems=device.seems or before.seems,
                values={**before.values, **device.values},
            )
        self._unclaimed[place] = device
        if ("inbox", "/".join(place)) not in self._told and len(self._told) < _MOST_ASIDE:
            self._told.add(("inbox", "/".join(place)))
            name = printable(device.device)
            _log.info("%s: %s is no sensor of the registry; see `hadir inbox list`", printable(device.topic), name)

    @property
    def pressing(self) -> bool:
        """Whether some interval changed, of a zone or device, and waits to be committed."""
        return bool(self._revised) or self.devices.pressing

    def commit(self, now_ms: int, until_ms: int | None, *, everything: bool) -> list[Zone]:
        """Write what changed, in one transaction; the zones whose intervals did.

        `until_ms`: the intervals are complete up to there (None: as before). `everything`: all checkpoints and the
        health of the sensors too, after which the spool's rows up to `settled_id` are no longer needed.
        """
        revised = list(self._revised)
        saved = list(self._dirty) if everything else revised
        settled_id = self.last_id if everything else self.settled_id
        durable = bool(self.pressing or everything or self.dead or self._unclaimed)
        with self._record.writing(durable=durable) as connection:
            for zone in revised:
                for revision in zone.revisions:
                    intervals.revise(connection, zone.site, *zone.key, revision.from_ms, revision.intervals, now_ms)
            checkpoints.save(connection, [self._checkpoint(zone) for zone in saved])
            self._keep_snapshots(connection, saved)
            if everything:
                self._sweep_snapshots(connection, now_ms)
                health.save(connection, [watch.row() for watch in self.watches.values() if watch.unsaved])
            self.devices.write(connection, now_ms, self.last_id, everything=everything)
            for site, before_ms in self._until_ms.items():
                site_until_ms = before_ms if until_ms is None else max(before_ms, until_ms)
                intervals.set_progress(connection, site, site_until_ms, spool=self._spool, spool_id=settled_id)
            aside.keep_dead_letters(connection, self.dead)
            aside.note_unclaimed(connection, self._unclaimed.values())
        self._committed(revised, saved, settled_id, until_ms, everything=everything)
        return revised

    def _checkpoint(self, zone: Zone) -> Checkpoint:
        estimator = zone.estimator
        return Checkpoint(
            zone.site,
            *zone.key,
            self.last_id,
            estimator.seen_ms,
            zone.since_ms,
            zone.late_ms,
            estimator.checkpoint(),
        )

    def _keep_snapshots(self, connection: Connection, zones: Iterable[Zone]) -> None:
        for zone in zones:
            at_ms, state = zone.estimator.settled()
            if at_ms - zone.snapshot_ms >= _SNAPSHOT_EVERY_MS:
                zone.snapshots.append(Snapshot(at_ms, state))
                zone.snapshot_ms = at_ms
            if zone.untrue_ms is not None:
                checkpoints.forget_snapshots_from(connection, zone.site, *zone.key, zone.untrue_ms)
            for snapshot in zone.snapshots:
                checkpoints.keep_snapshot(connection, zone.site, *zone.key, snapshot)

    def _sweep_snapshots(self, connection: Connection, now_ms: int) -> None:
        if abs(now_ms - self._told_ms) >= _TELL_AGAIN_MS:
            self._told.clear()
            self._told_ms = now_ms
        if now_ms - self._swept_ms >= _SNAPSHOT_EVERY_MS:
            checkpoints.forget_snapshots_before(connection, now_ms - _SNAPSHOTS_KEPT_MS)
            self._swept_ms = now_ms

    def _committed(
        self, revised: list[Zone], saved: list[Zone], settled_id: int, until_ms: int | None, *, everything: bool
    ) -> None:
        self.settled_id = settled_id
        self.dead.clear()
        self._unclaimed.clear()
        if until_ms is not None:
            self._until_ms = {site: max(before_ms, until_ms) for site, before_ms in self._until_ms.items()}
        self.devices.committed()
        for zone in revised:
            zone.revisions.clear()
        for zone in saved:
            zone.snapshots.clear()
            zone.untrue_ms = None
        self._revised.clear()
        self._dirty.difference_update(saved)
        if everything:
            for watch in self.watches.values():
                watch.unsaved = False

    def newest_ms(self, site: str, device: str) -> int | None:
        """The newest report of a sensor, or of any sensor of a gateway."""
        watch = self.watches.get((site, device))
        watches = self._gateways_of.get((site, device), ()) if watch is None else (watch,)
        return max((one.seen_ms for one in watches if one.seen_ms is not None), default=None)

    def judge(self, now_ms: int) -> None:
        """Let time pass for the health of the sensors."""
        for place, watch in self.watches.items():
            watch.judge(now_ms, self.devices.stuck_since(place))

    def late_zones(self) -> list[Zone]:
        """The zones that have heard what came too late for the window."""
        return [zone for zone in self.zones.values() if zone.late_ms is not None]

    def tell_again(self, device: Device, store: Store) -> None:
        """Tell the stretch of `device` with late readings again, as `Devices.tell_again` says."""
        series = self.claims.series(device.site, device.id)
        assert series is not None  # it is watched because the registry has it
        self.devices.tell_again(device, self._record, store, series)

    def estimate_again(self, zone: Zone, store: Store, now_ms: int) -> None:
        """Estimate the stretch of `zone` with late readings again, from the stored ones.

        The store must have row `late_id` and all that the estimator has settled. Raises StoreUnavailable; the zone is
        then left as it is.
        """
        assert zone.late_ms is not None
        with self._record.reading() as connection:
            snapshot = checkpoints.snapshot_before(connection, zone.site, *zone.key, zone.late_ms)
        if snapshot is not None and snapshot.at_ms < zone.since_ms:
            snapshot = None
        start_ms = zone.since_ms if snapshot is None else snapshot.at_ms
        end_ms = max(now_ms, zone.estimator.at_ms) + 1
        devices = {sensor.id for sensor in zone.sensors} | {sensor.gateway for sensor in zone.sensors if sensor.gateway}
        series = [found for device in sorted(devices) if (found := self.claims.series(zone.site, device)) is not None]
        known = {(reading.at_ms, reading.sensor): reading for reading in zone.estimator.recent()}
        # A point is stored whole and once, so what the store has stands over what memory has.
        known |= {(reading.at_ms, reading.sensor): reading for reading in store.read(series, start_ms, end_ms)}
        estimator = ZoneEstimator(zone.sensors, start_ms, snapshot.state if snapshot else None)
        line = closed([estimator.now])
        kept: list[Snapshot] = []
        readings = [reading for _, reading in sorted(known.items())]
        for first in range(0, len(readings), _SLICE):
            revision, _ = estimator.take(readings[first : first + _SLICE])
            line = spliced(line, revision)
            at_ms, state = estimator.settled()
            if at_ms - (kept[-1].at_ms if kept else start_ms) >= _SNAPSHOT_EVERY_MS:
                kept.append(Snapshot(at_ms, state))
        line = spliced(line, estimator.expire(now_ms))
        zone.estimator, zone.revisions, zone.snapshots = estimator, [], kept
        zone.untrue_ms, zone.late_ms = zone.late_ms, None
        zone.snapshot_ms = kept[-1].at_ms if kept else start_ms
        self._revise(zone, Revision(line[0].start_ms, line))
