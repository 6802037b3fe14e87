"""What of the registry a message names besides its subject: whose it is, and where a sensor hangs."""

from __future__ import annotations

from presence.alerts.subjects import Subject
from presence.site import Agency, Sensor, Site


def agency_of(site: Site, subject: Subject) -> Agency | None:
    return next((agency for agency in site.agencies if agency.id == subject.agency), None)


def sensor_of(subject: Subject) -> Sensor | None:
    sensors = (sensor for outlet in subject.outlets for sensor in outlet.sensors)
    return next((sensor for sensor in sensors if sensor.id == subject.id), None)


def gateway_of(sensor: Sensor) -> str | None:
    return None if sensor.source is None else sensor.source.gateway


def gateway_name(site: Site, subject: Subject) -> str | None:
    return next((gateway.name for gateway in site.gateways if gateway.id == subject.id), None)
