"""What the message of an alert says beside the alert itself, from the record."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from api.alerting.watch import SiteWatch
from presence.alerts.message import Event
from presence.alerts.subjects import Subject
from presence.intervals import Interval, Span
from presence.site import ZoneName
from storage.record import health
from storage.record.alerts import StoredAlert
from storage.record.conditions import condition_intervals
from storage.record.intervals import newest_evidence, zone_intervals

_HOUR_MS = 3_600_000
# A presence that comes and goes: more intervals in an hour than any officer makes.
_FLAPPING = 30


def facts(
    connection: Connection,
    watch: SiteWatch,
    subject: Subject,
    stored: StoredAlert,
    event: Event,
    until_ms: int,
    now_ms: int,
) -> dict[str, Any]:
    """The fields of `presence.alerts.message.News` that are known of this event of this kind."""
    look = _Look(connection, watch, subject, stored, until_ms)
    if event == "resolved":
        return look.of_end()
    if event == "disproved":
        return look.of_correction()
    return look.of_standing()


class _Look:
    def __init__(
        self, connection: Connection, watch: SiteWatch, subject: Subject, stored: StoredAlert, until_ms: int
    ) -> None:
        self._connection = connection
        self._watch = watch
        self._subject = subject
        self._alert = stored.alert
        self._until_ms = until_ms

    def of_standing(self) -> dict[str, Any]:
        match self._subject.kind:
            case "vacancy" | "late_opening" | "unattended":
                return {"seen_ms": self._seen("staff"), "declared_until_ms": self._declared_until()}
            case "equipment_down":
                return {"seen_ms": self._seen("equipment")}
            case "site_outage":
                return {"unknown_outlets": self._unknown_outlets()}
            case "gateway_offline":
                return {"sensors": self._sensors_of_gateway()}
            case "low_battery":
                return {"battery": self._battery()}
            case "sensor_stuck":
                return self._stuck()
            case "sensor_silent":
                return {}

    def of_end(self) -> dict[str, Any]:
        rule, resolved_ms = self._subject.rule, self._alert.resolved_ms
        if self._alert.reason == "ended":
            return {"withdrawn": rule is None or self._is_still_true(resolved_ms or self._until_ms)}
        if rule is None or resolved_ms is None or self._alert.reason != "unknown":
            return {}
        return {"unknown_since_ms": resolved_ms - rule.unknown_after_ms}

    def _is_still_true(self, at_ms: int) -> bool:
        """Whether it was the registry, and not the device, that ended the alert of a device."""
        if self._subject.group != "technical":
            return False
        site, device = self._watch.site.id, self._subject.id
        line = condition_intervals(self._connection, site, device, self._subject.kind, at_ms, at_ms + 1)
        return bool(line) and line[-1].truth is True

    def of_correction(self) -> dict[str, Any]:
        if self._subject.kind not in ("vacancy", "late_opening") or len(self._subject.outlets) != 1:
            return {}
        line = self._zone(self._subject.outlets[0].id, "staff", self._alert.since_ms, self._alert.fired_ms)
        staffed = next((one for one in line if one.state == "occupied"), None)
        return {} if staffed is None else {"staffed": Span(staffed.start_ms, staffed.end_ms or self._until_ms)}

    def _zone(self, outlet: str, zone: ZoneName, from_ms: int, to_ms: int) -> list[Interval]:
        return zone_intervals(self._connection, self._watch.site.id, outlet, zone, from_ms, to_ms)

    def _seen(self, zone: ZoneName) -> int | None:
        outlets = [outlet.id for outlet in self._subject.outlets]
        return newest_evidence(self._connection, self._watch.site.id, outlets, zone)

    def _declared_until(self) -> int | None:
        """The end of the declared absence with which the clock started, at an outlet that is its own duty."""
        if len(self._subject.outlets) != 1:
            return None
        spans = self._watch.obligations.declared.get(self._subject.outlets[0].id, ())
        return next((span.end_ms for span in spans if span.end_ms == self._alert.since_ms), None)

    def _unknown_outlets(self) -> tuple[int, int]:
        """How many outlets have a zone that was unknown when the outage began, and how many have a sensor."""
        at_ms = self._alert.since_ms
        unknown, watched = 0, 0
        for outlet in self._subject.outlets:
            sides = sorted({sensor.zone for sensor in outlet.sensors})
            lines = [self._zone(outlet.id, side, at_ms, at_ms + 1) for side in sides]
            watched += bool(sides)
            unknown += any(not line or line[-1].state == "unknown" for line in lines)
        return unknown, watched

    def _sensors_of_gateway(self) -> int:
        return sum(
            1
            for outlet in self._watch.site.outlets
            for sensor in outlet.sensors
            if sensor.source is not None and sensor.source.gateway == self._subject.id
        )

    def _battery(self) -> float | None:
        row = health.of_sensor(self._connection, self._watch.site.id, self._subject.id)
        return None if row is None else row.battery

    def _stuck(self) -> dict[str, Any]:
        """What the sensor's zone shows: one state for long, or many in the last hour."""
        outlet = self._subject.outlets[0]
        zone = next(sensor.zone for sensor in outlet.sensors if sensor.id == self._subject.id)
        line = self._zone(outlet.id, zone, self._until_ms - _HOUR_MS, self._until_ms)
        if len(line) > _FLAPPING:
            return {"stuck": "flapping"}
        if not line or line[-1].state == "unknown":
            return {}
        return {"stuck": line[-1].state, "stuck_since_ms": line[-1].start_ms}
