"""The live state of every outlet, as it stands on its retained topic."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from collector.live import Live, Zone
from presence import topics
from presence.service_hours import ServiceHours, hours_of
from presence.site import Absence, ZoneName
from presence.status import Occupancy, next_boundary, occupancy_message, outlet_status

Said = tuple[str, str, bytes]  # site, topic, payload

# Pages tell how old the evidence is: an outlet of which nothing changes is said again so often.
_AGAIN_MS = 10_000


@dataclass(slots=True)
class _Outlet:
    site: str
    id: str
    hours: ServiceHours
    absences: tuple[Absence, ...]
    zones: dict[ZoneName, Zone]
    said: dict[str, Any] = field(default_factory=dict)
    said_ms: int = 0
    seen_ms: int = 0
    due_ms: int = 0  # when its status may change without a reading


class Board:
    """All outlets of all sites; gives messages (site, topic, payload) for what has changed."""

    def __init__(self) -> None:
        self._outlets: dict[tuple[str, str], _Outlet] = {}

    def follow(self, live: Live) -> None:
        """Take over the outlets of the registry and the zones that are watched now."""
        outlets: dict[tuple[str, str], _Outlet] = {}
        for site in live.sites.values():
            for outlet in site.outlets:
                absences = tuple(absence for absence in site.absences if absence.outlet == outlet.id)
                outlets[site.id, outlet.id] = _Outlet(site.id, outlet.id, hours_of(site, outlet), absences, {})
        for (site_id, key), zone in live.zones.items():
            outlets[site_id, key.outlet].zones[key.zone] = zone
        self._outlets = outlets

    def changed(self, zones: Iterable[Zone], now_ms: int) -> list[Said]:
        """What is new of the outlets of `zones`."""
        places = dict.fromkeys((zone.site, zone.key.outlet) for zone in zones)
        outlets = [self._outlets[place] for place in places if place in self._outlets]
        return [said for outlet in outlets if (said := self._said(outlet, now_ms, always=False)) is not None]

    def due(self, now_ms: int, pace_ms: int) -> list[Said]:
        """What time has changed: openings, closings, declared absences; newer evidence now and then, by `pace_ms`."""
        found = []
        for outlet in self._outlets.values():
            newer = pace_ms - outlet.said_ms >= _AGAIN_MS and outlet.seen_ms != _seen_ms(outlet)
            if newer:
                outlet.said_ms = pace_ms
            if (now_ms >= outlet.due_ms or newer) and (said := self._said(outlet, now_ms, always=newer)) is not None:
                found.append(said)
        return found

    def all(self, site: str, now_ms: int) -> list[Said]:
        """Every outlet of `site`, for a broker that knows nothing."""
        outlets = [outlet for outlet in self._outlets.values() if outlet.site == site]
        return [said for outlet in outlets if (said := self._said(outlet, now_ms, always=True)) is not None]

    def again(self, site: str, outlet: str, now_ms: int) -> Said | None:
        """One outlet as it is, whether it changed or not; None when there is none of that name."""
        known = self._outlets.get((site, outlet))
        return None if known is None else self._said(known, now_ms, always=True)

    def _said(self, outlet: _Outlet, now_ms: int, *, always: bool) -> Said | None:
        zones = {
            name: Occupancy(
                zone.estimator.now.state, zone.estimator.now.p, zone.estimator.now.at_ms, zone.estimator.seen_ms
            )
            for name, zone in outlet.zones.items()
        }
        status = outlet_status(zones, outlet.hours, outlet.absences, now_ms)
        boundary_ms = next_boundary(outlet.hours, outlet.absences, now_ms)
        outlet.due_ms = now_ms + _AGAIN_MS if boundary_ms is None else boundary_ms
        message = occupancy_message(outlet.site, outlet.id, status, zones, now_ms)
        if not always and _essence(message) == _essence(outlet.said):
            return None
        outlet.said, outlet.seen_ms = message, _seen_ms(outlet)
        payload = json.dumps(message, separators=(",", ":"), ensure_ascii=False).encode()
        return outlet.site, topics.outlet_occupancy(outlet.site, outlet.id), payload


def _seen_ms(outlet: _Outlet) -> int:
    return max((zone.estimator.seen_ms or 0 for zone in outlet.zones.values()), default=0)


def _essence(message: dict[str, Any]) -> Any:
    """What of a message is a change, and not only newer evidence of the same."""
    zones = {name: (zone["state"], zone["since"]) for name, zone in message.get("zones", {}).items()}
    return [message.get(key) for key in ("status", "since", "until", "reason")], zones
