"""What is true, false or unknown of sensors and gateways: the conditions of the technical kinds of alerts.

    sensor_silent    no report for `stale_after`, or its own last word was `online` false
    gateway_offline  the gateway's last word was `online` false
    low_battery      its battery stands at `at_most` or below
    sensor_stuck     its presence does not change while others' does, or changes without end (`presence.stuck`)

Readings of one device and one instant count as one: `online` false wins over everything said at that instant,
presence over absence, the lower battery over the higher.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from presence.device_states import GatewayState, SensorState, Turn, in_order, truths
from presence.intervals import Span, TruthInterval, union
from presence.readings import Reading
from presence.site import AlertKind, Outlet, Sensor, Site
from presence.stuck import Mark, changes, flapping, lively, long_stretch, unmoved


class DeviceKey(NamedTuple):
    """A condition of a sensor or gateway, within a site."""

    kind: AlertKind
    device: str


@dataclass(frozen=True, slots=True)
class Thresholds:
    """From when on a sensor is stuck, or its battery low."""

    unchanged_ms: int = 24 * 3_600_000
    flaps_per_hour: int = 60
    at_most: float = 15.0


def thresholds(site: Site, outlet: Outlet) -> Thresholds:
    """Those of the sensors of `outlet`, merged key by key: site, then agency, then outlet."""
    agency = next((agency for agency in site.agencies if agency.id == outlet.agency), None)
    found = Thresholds()
    unchanged_ms, flaps_per_hour, at_most = found.unchanged_ms, found.flaps_per_hour, found.at_most
    for rules in (site.rules, agency.rules if agency else {}, outlet.rules):
        if (stuck := rules.get("sensor_stuck")) is not None:
            unchanged_ms = unchanged_ms if stuck.unchanged_ms is None else stuck.unchanged_ms
            flaps_per_hour = flaps_per_hour if stuck.flaps_per_hour is None else stuck.flaps_per_hour
        if (battery := rules.get("low_battery")) is not None and battery.at_most is not None:
            at_most = battery.at_most
    return Thresholds(unchanged_ms, flaps_per_hour, at_most)


def device_conditions(
    site: Site, by_device: Mapping[str, Sequence[Reading]], horizon: Span
) -> dict[DeviceKey, list[TruthInterval]]:
    """The lines of every sensor and gateway within `horizon`, each from its start on, the last interval open.

    `by_device`: all readings of that time by sensor or gateway, in any order. A sensor that never told its battery has
    no line of that, one that never told presence none of being stuck.
    """
    found: dict[DeviceKey, list[TruthInterval]] = {}
    for gateway in site.gateways:
        words = GatewayState.begin(horizon.start_ms)
        words.take(in_order(by_device.get(gateway.id, ())))
        found[DeviceKey("gateway_offline", gateway.id)] = truths(words.offline)
    marks: dict[str, list[Mark]] = {}
    for outlet in site.outlets:
        at_most = thresholds(site, outlet).at_most
        for sensor in outlet.sensors:
            state = _state_after(sensor, at_most, by_device.get(sensor.id, ()), horizon)
            found |= {DeviceKey(kind, sensor.id): truths(turns) for kind, turns in state.lines().items()}
            marks[sensor.id] = state.marks
    for device, spans in stuck_spans(site, marks, horizon).items():
        if marks[device]:
            found[DeviceKey("sensor_stuck", device)] = truths(_turns(spans, horizon))
    return found


def stuck_spans(site: Site, marks: Mapping[str, Sequence[Mark]], within: Span) -> dict[str, list[Span]]:
    """Where each sensor of `site` is stuck, of what begins within `within`, as far as all their marks tell.

    `marks`: of at least the longest window before `within`. An end beyond it is what it is if nothing more comes.
    """
    changed = {device: changes(its) for device, its in marks.items()}
    staff = [sensor.id for outlet in site.outlets for sensor in outlet.sensors if sensor.zone == "staff"]
    at_least = len(staff) // 2  # half of the others, rounded up
    others: dict[int, list[Span]] = {}
    found: dict[str, list[Span]] = {}
    for outlet in site.outlets:
        limits = thresholds(site, outlet)
        for sensor in outlet.sensors:
            its = marks.get(sensor.id, ())
            spans = flapping(changed.get(sensor.id, ()), limits.flaps_per_hour, within.start_ms)
            unchanged_ms = limits.unchanged_ms
            if sensor.zone == "staff" and at_least and long_stretch(its, unchanged_ms, within.end_ms):
                if unchanged_ms not in others:
                    theirs = (changed.get(device, ()) for device in staff)
                    others[unchanged_ms] = lively(theirs, unchanged_ms, at_least, within.start_ms)
                spans += unmoved(its, unchanged_ms, others[unchanged_ms], within.start_ms)
            found[sensor.id] = union(span for span in spans if span.start_ms < within.end_ms)
    return found


def _state_after(sensor: Sensor, at_most: float, readings: Sequence[Reading], horizon: Span) -> SensorState:
    state = SensorState.begin(horizon.start_ms, sensor.stale_after_ms, at_most)
    if not state.take(readings):
        state = SensorState.begin(horizon.start_ms, sensor.stale_after_ms, at_most)
        state.take(in_order(readings))
    state.expire(horizon.end_ms)
    return state


def _turns(spans: Iterable[Span], horizon: Span) -> list[Turn]:
    found = [Turn(horizon.start_ms, False)]
    for span in spans:
        found.append(Turn(span.start_ms, True))
        if span.end_ms < horizon.end_ms:
            found.append(Turn(span.end_ms, False))
    return found
