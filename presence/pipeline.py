"""Readings to intervals, alerts and ledger: the one road that live, replay and backtest take.

`intervals` is what the collector does as readings come in, `alerts_of` what the engine does as intervals come in, and
`ledger_of` what reports do; `replay` is all three over a stretch of the past.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, TypeVar

from presence.alerts import life
from presence.alerts.evaluate import Known, evaluate
from presence.alerts.life import Alert
from presence.alerts.subjects import Subject, min_presence_ms, subjects
from presence.devices import DeviceKey, device_conditions
from presence.duties import duties
from presence.estimator import estimate, zone_sensors
from presence.instants import rfc3339, rfc3339_or_none
from presence.intervals import Interval, Span, TruthInterval
from presence.ledger import LedgerDay, WatchedOutlet, duty_ledger, outlet_ledger
from presence.obligations import Obligations
from presence.readings import Reading
from presence.site import AlertKind, Site
from presence.zones import ZoneKey, zones

Intervals = Mapping[ZoneKey, Sequence[Interval]]
Conditions = Mapping[DeviceKey, Sequence[TruthInterval]]


class Lines:
    """What is known of a horizon, in memory."""

    def __init__(self, intervals: Intervals, conditions: Conditions, first_ms: int) -> None:
        self._intervals = intervals
        self._conditions = conditions
        self.first_ms = first_ms

    def zone(self, key: ZoneKey, start_ms: int, end_ms: int) -> Sequence[Interval]:
        return _overlapping(self._intervals.get(key, ()), start_ms, end_ms)

    def device(self, kind: AlertKind, device: str, start_ms: int, end_ms: int) -> Sequence[TruthInterval]:
        return _overlapping(self._conditions.get(DeviceKey(kind, device), ()), start_ms, end_ms)


_Stretch = TypeVar("_Stretch", Interval, TruthInterval)


def _overlapping(line: Sequence[_Stretch], start_ms: int, end_ms: int) -> Sequence[_Stretch]:
    first = bisect_right(line, start_ms, key=_start)
    if first and ((end := line[first - 1].end_ms) is None or end > start_ms):
        first -= 1
    last = bisect_left(line, end_ms, key=_start)
    return line if first == 0 and last == len(line) else line[first:last]


_start = attrgetter("start_ms")


def intervals(site: Site, readings: Iterable[Reading], horizon: Span) -> dict[ZoneKey, list[Interval]]:
    """The intervals of every zone within `horizon`, the last ones open. `readings` outside of it are not seen."""
    return _intervals(site, _by_device(readings, horizon), horizon)


def _by_device(readings: Iterable[Reading], horizon: Span) -> dict[str, list[Reading]]:
    found: dict[str, list[Reading]] = defaultdict(list)
    for reading in readings:
        if horizon.start_ms <= reading.at_ms < horizon.end_ms:
            found[reading.sensor].append(reading)
    return found


def _intervals(site: Site, heard: Mapping[str, Sequence[Reading]], horizon: Span) -> dict[ZoneKey, list[Interval]]:
    found: dict[ZoneKey, list[Interval]] = {}
    for key, sensors in zones(site).items():
        known = zone_sensors(sensors)
        names = {sensor.id for sensor in known} | {sensor.gateway for sensor in known if sensor.gateway}
        said = [reading for name in sorted(names) for reading in heard.get(name, ())]
        found[key] = estimate(known, said, horizon.start_ms, horizon.end_ms)
    return found


def alerts_of(
    site: Site,
    known: Known,
    horizon: Span,
    obligations: Obligations | None = None,
    of: Iterable[Subject] | None = None,
) -> list[Alert]:
    """All alerts within `horizon`, those still standing unresolved. `of`: the subjects asked about, else all."""
    held_to = obligations or Obligations(site)
    found: list[Alert] = []
    for subject in subjects(site) if of is None else of:
        if subject.rule is not None:
            found += life.alerts(subject, evaluate(subject, known, held_to, *horizon).effects)
    return found


def ledger_of(site: Site, known: Intervals, horizon: Span, obligations: Obligations | None = None) -> list[LedgerDay]:
    """The ledger of every outlet and every named duty, the days of `horizon` in order."""
    held_to = obligations or Obligations(site)
    watched = {
        outlet.id: WatchedOutlet(
            staff=known.get(ZoneKey(outlet.id, "staff"), ()),
            hours=held_to.hours[outlet.id],
            declared=held_to.declared.get(outlet.id, ()),
            equipment=known.get(ZoneKey(outlet.id, "equipment"), ()),
        )
        for outlet in site.outlets
    }
    found: list[LedgerDay] = []
    for outlet in site.outlets:
        min_presence = min_presence_ms(site, outlet.agency, outlet.rules)
        found += outlet_ledger(outlet.id, *watched[outlet.id], horizon, min_presence)
    for duty in duties(site):
        if duty.subject_type == "duty":
            outlets = [watched[outlet.id] for outlet in duty.outlets]
            min_presence = min_presence_ms(site, duty.agency, duty.rules)
            found += duty_ledger(duty.id, duty.at_least, outlets, horizon, min_presence)
    return found


@dataclass(frozen=True, slots=True)
class Replay:
    """What happened within a horizon."""

    intervals: dict[ZoneKey, list[Interval]]
    alerts: list[Alert]
    ledger: list[LedgerDay]

    def lines(self) -> Iterable[dict[str, Any]]:
        """As `hadir replay` prints them: intervals by start, alerts by the instant of firing, ledger by date."""
        flat = [(key, interval) for key, line in self.intervals.items() for interval in line]
        for key, interval in sorted(flat, key=lambda one: one[1].start_ms):
            yield {
                "type": "interval",
                "outlet": key.outlet,
                "zone": key.zone,
                "state": interval.state,
                "start": rfc3339(interval.start_ms),
                "end": rfc3339_or_none(interval.end_ms),
                "p": round(interval.p, 4),
            }
        for alert in sorted(self.alerts, key=lambda alert: alert.fired_ms):
            yield alert.as_json()
        for day in sorted(self.ledger, key=lambda day: day.date):
            yield day.as_json()


def replay(site: Site, readings: Iterable[Reading], horizon: Span) -> Replay:
    """Everything within `horizon`: same readings in, same answer out, however they arrived."""
    heard = _by_device(readings, horizon)
    known = _intervals(site, heard, horizon)
    lines = Lines(known, device_conditions(site, heard, horizon), horizon.start_ms)
    obligations = Obligations(site)
    return Replay(known, alerts_of(site, lines, horizon, obligations), ledger_of(site, known, horizon, obligations))
