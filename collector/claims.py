"""Which sensor of which outlet a reading belongs to, by the registry."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple

from collector.conventions.convention import Entry
from presence.site import Site, Source
from presence.zones import ZoneKey
from storage.timeseries import Series

GATEWAY = "gateway"  # outlet and zone of a gateway's own series


class Claims:
    """What the registry says of every sensor and gateway of `sites`."""

    def __init__(self, sites: Iterable[Site]) -> None:
        self._series: dict[tuple[str, str], Series] = {}
        self._zones: dict[tuple[str, str], list[tuple[str, ZoneKey]]] = {}
        for site in sites:
            for gateway in site.gateways:
                self._series[site.id, gateway.id] = Series(site.id, GATEWAY, GATEWAY, gateway.id)
            for outlet in site.outlets:
                for sensor in outlet.sensors:
                    zone = (site.id, ZoneKey(outlet.id, sensor.zone))
                    self._series[site.id, sensor.id] = Series(site.id, outlet.id, sensor.zone, sensor.id)
                    self._zones.setdefault((site.id, sensor.id), []).append(zone)
                    if sensor.source is not None and sensor.source.gateway is not None:
                        zones = self._zones.setdefault((site.id, sensor.source.gateway), [])
                        if zone not in zones:
                            zones.append(zone)

    def series(self, site: str, device: str) -> Series | None:
        """Where the readings of a sensor or gateway are stored; None when nobody claimed it."""
        return self._series.get((site, device))

    def zones(self, site: str, device: str) -> list[tuple[str, ZoneKey]]:
        """The zones that a sensor, or a gateway through its sensors, speaks of."""
        return self._zones.get((site, device), [])


class Claim(NamedTuple):
    """A sensor whose source is a device of a convention. `key`: its name in `Heard.presences`; None: the device."""

    site: str
    sensor: str
    source: Source
    key: str | None

    def entry(self, address: str) -> Entry:
        """The claim as the convention is told of it."""
        return Entry(address, self.key, self.source.profile, self.source.config, self.source.topic)


def claims_of(sites: Iterable[Site], convention: str) -> list[Claim]:
    """The sensors of `sites` whose source is a device of `convention`."""
    return [
        Claim(site.id, sensor.id, sensor.source, key_of(sensor.source))
        for site in sites
        for outlet in site.outlets
        for sensor in outlet.sensors
        if sensor.source is not None and sensor.source.convention == convention
    ]


def sources(sites: Iterable[Site]) -> dict[tuple[str, str], Source | None]:
    """Which device is each sensor, by site and id; how often its bridge sends is not part of that."""
    return {
        (site.id, sensor.id): sensor.source and replace(sensor.source, thinning_ms=None)
        for site in sites
        for outlet in site.outlets
        for sensor in outlet.sensors
    }


def key_of(source: Source) -> str | None:
    """The name in `Heard.presences` that a source claims; None: the device as a whole.

    `presence` names the key or object that speaks of presence, `part` a part of the device; both: a part's key.
    """
    return "/".join(name for name in (source.part, source.presence) if name is not None) or None
