"""Which sensor of which outlet a reading belongs to, by the registry."""

from __future__ import annotations

from collections.abc import Iterable

from presence.site import Site
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
