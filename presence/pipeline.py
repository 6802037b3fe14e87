"""Readings to intervals, alerts and ledger: the one road that live, replay and backtest take.

`intervals` is what the collector does as readings come in, `alerts_of` what the engine does as intervals come in, and
`ledger_of` what reports do; `replay` is all three over a stretch of the past.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from presence.alerts import life, rule
from presence.alerts.conditions import OutletHistory, vacancy
from presence.alerts.life import Alert, DutyOf
from presence.estimator import estimate, zone_sensors
from presence.instants import rfc3339, rfc3339_or_none
from presence.intervals import Interval, Span, union
from presence.ledger import LedgerDay, WatchedOutlet, duty_ledger, outlet_ledger
from presence.readings import Reading
from presence.service_hours import hours_of
from presence.site import Sensor, Site, ZoneName


class ZoneKey(NamedTuple):
    """A zone of an outlet, within a site."""

    outlet: str
    zone: ZoneName


Intervals = Mapping[ZoneKey, Sequence[Interval]]


def zones(site: Site) -> dict[ZoneKey, list[Sensor]]:
    """The zones of the site that have a sensor, with their sensors."""
    found: dict[ZoneKey, list[Sensor]] = defaultdict(list)
    for outlet in site.outlets:
        for sensor in outlet.sensors:
            found[ZoneKey(outlet.id, sensor.zone)].append(sensor)
    return dict(found)


def intervals(site: Site, readings: Iterable[Reading], horizon: Span) -> dict[ZoneKey, list[Interval]]:
    """The intervals of every zone within `horizon`, the last ones open. `readings` outside of it are not seen."""
    by_sensor: dict[str, list[Reading]] = defaultdict(list)
    for reading in readings:
        if horizon.start_ms <= reading.at_ms < horizon.end_ms:
            by_sensor[reading.sensor].append(reading)
    found: dict[ZoneKey, list[Interval]] = {}
    for key, sensors in zones(site).items():
        known = zone_sensors(sensors)
        names = {sensor.id for sensor in known} | {sensor.gateway for sensor in known if sensor.gateway}
        heard = [reading for name in sorted(names) for reading in by_sensor.get(name, ())]
        found[key] = estimate(known, heard, horizon.start_ms, horizon.end_ms)
    return found


def outlet_histories(site: Site, duty: DutyOf, known: Intervals, span: Span) -> list[OutletHistory]:
    """What `span` knows of the duty's outlets, for the conditions about people."""
    return [
        OutletHistory(
            staff=known.get(ZoneKey(outlet.id, "staff"), ()),
            open=hours_of(site, outlet).open_spans(span.start_ms, span.end_ms),
            declared=union(Span(a.from_ms, a.to_ms) for a in site.absences if a.outlet == outlet.id),
            maintenance=union(Span(m.from_ms, m.to_ms) for m in site.maintenance if m.outlet == outlet.id),
        )
        for outlet in duty.outlets
    ]


def alerts_of(site: Site, known: Intervals, horizon: Span) -> list[Alert]:
    """All alerts within `horizon`, those still standing unresolved."""
    found: list[Alert] = []
    for duty in life.duties(site):
        times = life.rule_of(site, duty, "vacancy")
        if times is None:
            continue
        outlets = outlet_histories(site, duty, known, horizon)
        changes = vacancy(outlets, duty.at_least, horizon.start_ms, horizon.end_ms)
        _, effects = rule.run(changes, horizon.end_ms, times)
        found += life.alerts("vacancy", duty.subject_type, duty.id, effects)
    return found


def ledger_of(site: Site, known: Intervals, horizon: Span) -> list[LedgerDay]:
    """The ledger of every outlet and every named duty, the days of `horizon` in order."""
    watched = {
        outlet.id: WatchedOutlet(
            staff=known.get(ZoneKey(outlet.id, "staff"), ()),
            hours=hours_of(site, outlet),
            declared=union(Span(a.from_ms, a.to_ms) for a in site.absences if a.outlet == outlet.id),
        )
        for outlet in site.outlets
    }
    found: list[LedgerDay] = []
    for outlet in site.outlets:
        min_presence_ms = life.min_presence_ms(site, outlet.agency, outlet.rules)
        found += outlet_ledger(outlet.id, *watched[outlet.id], horizon, min_presence_ms)
    for duty in life.duties(site):
        if duty.subject_type == "duty":
            outlets = [watched[outlet.id] for outlet in duty.outlets]
            min_presence_ms = life.min_presence_ms(site, duty.agency, duty.rules)
            found += duty_ledger(duty.id, duty.at_least, outlets, horizon, min_presence_ms)
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
    known = intervals(site, readings, horizon)
    return Replay(known, alerts_of(site, known, horizon), ledger_of(site, known, horizon))
