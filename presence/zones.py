"""The zones of a site: the watched sides of its outlets that have a sensor."""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

from presence.site import Sensor, Site, ZoneName


class ZoneKey(NamedTuple):
    """A zone of an outlet, within a site."""

    outlet: str
    zone: ZoneName


def zones(site: Site) -> dict[ZoneKey, list[Sensor]]:
    """The zones of the site that have a sensor, with their sensors."""
    found: dict[ZoneKey, list[Sensor]] = defaultdict(list)
    for outlet in site.outlets:
        for sensor in outlet.sensors:
            found[ZoneKey(outlet.id, sensor.zone)].append(sensor)
    return dict(found)
