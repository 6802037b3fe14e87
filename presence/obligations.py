"""Who must be there when: service hours, declared absences and maintenance of a site, as stretches of time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from presence.hours_history import Hours, hours_by, schedule_of
from presence.intervals import Span, union
from presence.site import Site


class Obligations:
    """What of a site decides whether somebody must be there, and whose alerts are muted.

    `hours`: of each outlet; as the site says now where left out. Absences and maintenance: stretches in order, joined.
    """

    def __init__(self, site: Site, hours: Mapping[str, Hours] | None = None) -> None:
        self.timezone = site.timezone
        self.hours: Mapping[str, Hours] = _present_hours(site) if hours is None else hours
        self.declared = _joined((a.outlet, Span(a.from_ms, a.to_ms)) for a in site.absences)
        self.maintenance = _joined((m.outlet, Span(m.from_ms, m.to_ms)) for m in site.maintenance if m.outlet)
        self._of_sensor = _joined((m.sensor, Span(m.from_ms, m.to_ms)) for m in site.maintenance if m.sensor)
        self._of_gateway = _joined((m.gateway, Span(m.from_ms, m.to_ms)) for m in site.maintenance if m.gateway)
        self._place = {
            sensor.id: (outlet.id, sensor.source.gateway if sensor.source else None)
            for outlet in site.outlets
            for sensor in outlet.sensors
        }

    def muted(self, device: str) -> Sequence[Span]:
        """When nobody wants to hear of a sensor (its own maintenance, its outlet's or its gateway's) or a gateway."""
        outlet, gateway = self._place.get(device, (None, None))
        spans = [
            *self._of_sensor.get(device, ()),
            *self._of_gateway.get(device if outlet is None else gateway or "", ()),
            *self.maintenance.get(outlet or "", ()),
        ]
        return union(spans)


def _present_hours(site: Site) -> dict[str, Hours]:
    return {outlet.id: hours_by(schedule_of(site, outlet)) for outlet in site.outlets}


def _joined(spans: Iterable[tuple[str | None, Span]]) -> dict[str, list[Span]]:
    found: dict[str, list[Span]] = defaultdict(list)
    for owner, span in spans:
        found[owner or ""].append(span)
    return {owner: union(given) for owner, given in found.items()}
