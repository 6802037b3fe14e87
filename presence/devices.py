"""What is true, false or unknown of sensors and gateways: the conditions of the technical kinds of alerts.

    sensor_silent    no report for `stale_after`, or its own last word was `online` false
    gateway_offline  the gateway's last word was `online` false
    low_battery      its battery stands at `at_most` or below
    sensor_stuck     its presence does not change while others' does, or changes without end (`presence.stuck`)

Readings of one device and one instant count as one: `online` false wins over everything said at that instant,
presence over absence, the lower battery over the higher.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import NamedTuple

from presence.intervals import Span, Truth, TruthInterval, union
from presence.readings import Reading
from presence.site import AlertKind, Outlet, Sensor, Site
from presence.stuck import Mark, changes, flapping, lively, long_stretch, unmoved

_SAYS_NOTHING = frozenset(("online", "seq", "boot"))


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


class Turn(NamedTuple):
    """From `at_ms` on the truth is `truth`."""

    at_ms: int
    truth: Truth


class SensorState:
    """What is known of a sensor after its readings up to `at_ms`: what has turned, and what its presence did."""

    __slots__ = (
        "at_most", "at_ms", "battery", "low", "marks", "offline", "said", "silence", "stale_after_ms", "stale_ms",
    )  # fmt: skip

    def __init__(self, start_ms: int, stale_after_ms: int, at_most: float) -> None:
        self.stale_after_ms = stale_after_ms
        self.at_most = at_most
        self.at_ms = start_ms - 1  # the newest reading, or the silence that time has brought
        # From when on it is stale if nothing comes: a report at that very instant leaves no gap.
        self.stale_ms = start_ms + stale_after_ms
        self.offline = False
        self.said: float | None = None  # its presence; None: not told since it was silent
        self.battery: float | None = None
        self.silence = [Turn(start_ms, False)]
        self.low = [Turn(start_ms, None)]
        self.marks: list[Mark] = []

    @property
    def silent(self) -> bool:
        return self.silence[-1].truth is True

    def take(self, readings: Iterable[Reading]) -> bool:
        """Fold in `readings`; False, and all is left half done, when one is not newer than all before."""
        newest_ms, stale_ms, stale_after_ms = self.at_ms, self.stale_ms, self.stale_after_ms
        said = math.nan if self.said is None else self.said  # NaN: equal to nothing
        for reading in readings:
            at_ms = reading.at_ms
            values = reading.values
            # Nearly all say the same again, in time.
            if (
                newest_ms < at_ms <= stale_ms
                and values.get("presence") == said
                and (len(values) == 1 or ("online" not in values and "battery" not in values))
            ):
                newest_ms = at_ms
                stale_ms = at_ms + stale_after_ms
                continue
            if at_ms <= newest_ms:
                return False
            newest_ms = at_ms
            self.stale_ms = stale_ms
            self._observe(at_ms, values)
            stale_ms = self.stale_ms
            said = math.nan if self.said is None else self.said
        self.at_ms, self.stale_ms = newest_ms, stale_ms
        return True

    def expire(self, before_ms: int) -> None:
        """Let it turn stale, if that is before `before_ms`."""
        if not self.silent and self.stale_ms < before_ms:
            self.at_ms = max(self.at_ms, self.stale_ms)
            self._fall_silent(self.stale_ms)

    def _observe(self, at_ms: int, values: Mapping[str, float]) -> None:
        if not self.silent and at_ms > self.stale_ms:
            self._fall_silent(self.stale_ms)
        online = values.get("online")
        reports = not values.keys() <= _SAYS_NOTHING
        if reports:
            self.stale_ms = at_ms + self.stale_after_ms
        if (battery := values.get("battery")) is not None:
            self.battery = battery
            self._judge_battery(at_ms)
        if online == 0.0:
            self.offline = True
            if not self.silent:
                self._fall_silent(at_ms)
            return
        self.offline = self.offline and online is None and not reports
        if self.silent and not self.offline and at_ms < self.stale_ms:
            self.silence.append(Turn(at_ms, False))
        present = values.get("presence")
        if present is not None and present != self.said:
            self.marks.append(Mark(at_ms, present, changed=self.said is not None))
            self.said = present

    def _fall_silent(self, at_ms: int) -> None:
        self.silence.append(Turn(at_ms, True))
        if self.said is not None:
            self.marks.append(Mark(at_ms, None, changed=False))
            self.said = None

    def _judge_battery(self, at_ms: int) -> None:
        low = self.battery is not None and self.battery <= self.at_most
        if low != self.low[-1].truth:
            self.low.append(Turn(at_ms, low))


def in_order(readings: Iterable[Reading]) -> list[Reading]:
    """`readings` of one device in order of time, those of one instant as one."""
    ordered: list[Reading] = []
    for reading in sorted(readings, key=attrgetter("at_ms")):
        if ordered and ordered[-1].at_ms == reading.at_ms:
            ordered[-1] = _merged(ordered[-1], reading)
        else:
            ordered.append(reading)
    return ordered


def truths(turns: Iterable[Turn]) -> list[TruthInterval]:
    """The intervals that `turns` begin, the last one open, adjacent ones of one truth joined."""
    kept: list[Turn] = []
    for turn in turns:
        if kept and kept[-1].at_ms == turn.at_ms:
            kept.pop()
        if not kept or kept[-1].truth != turn.truth:
            kept.append(turn)
    ends = [*(turn.at_ms for turn in kept[1:]), None]
    return [TruthInterval(turn.at_ms, end_ms, turn.truth) for turn, end_ms in zip(kept, ends, strict=True)]


def device_conditions(
    site: Site, by_device: Mapping[str, Sequence[Reading]], horizon: Span
) -> dict[DeviceKey, list[TruthInterval]]:
    """The lines of every sensor and gateway within `horizon`, each from its start on, the last interval open.

    `by_device`: all readings of that time by sensor or gateway, in any order. A sensor that never told its battery has
    no line of that, one that never told presence none of being stuck.
    """
    found: dict[DeviceKey, list[TruthInterval]] = {}
    for gateway in site.gateways:
        turns = gateway_turns(by_device.get(gateway.id, ()), Turn(horizon.start_ms, None))
        found[DeviceKey("gateway_offline", gateway.id)] = truths(turns)
    marks: dict[str, list[Mark]] = {}
    for outlet in site.outlets:
        at_most = thresholds(site, outlet).at_most if outlet.sensors else 0.0
        for sensor in outlet.sensors:
            state = _state_after(sensor, at_most, by_device.get(sensor.id, ()), horizon)
            found[DeviceKey("sensor_silent", sensor.id)] = truths(state.silence)
            if len(state.low) > 1:
                found[DeviceKey("low_battery", sensor.id)] = truths(state.low)
            marks[sensor.id] = state.marks
    for device, spans in stuck_spans(site, marks, horizon).items():
        if marks[device]:
            found[DeviceKey("sensor_stuck", device)] = truths(_turns(spans, horizon))
    return found


def gateway_turns(readings: Iterable[Reading], before: Turn) -> list[Turn]:
    """What the words of a gateway make of `before`: true where its last word was that it is offline."""
    words: dict[int, float] = {}
    for reading in readings:
        if (online := reading.values.get("online")) is not None:
            words[reading.at_ms] = min(online, words.get(reading.at_ms, online))
    return [before, *(Turn(at_ms, words[at_ms] == 0.0) for at_ms in sorted(words))]


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
        limits = thresholds(site, outlet) if outlet.sensors else Thresholds()
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
    state = SensorState(horizon.start_ms, sensor.stale_after_ms, at_most)
    if not state.take(readings):
        state = SensorState(horizon.start_ms, sensor.stale_after_ms, at_most)
        state.take(in_order(readings))
    state.expire(horizon.end_ms)
    return state


def _merged(one: Reading, other: Reading) -> Reading:
    values = {**one.values, **other.values}
    for quantity, wins in (("online", min), ("presence", max), ("battery", min)):
        if quantity in one.values and quantity in other.values:
            values[quantity] = wins(one.values[quantity], other.values[quantity])
    return Reading(one.sensor, one.at_ms, values)


def _turns(spans: Iterable[Span], horizon: Span) -> list[Turn]:
    found = [Turn(horizon.start_ms, False)]
    for span in spans:
        found.append(Turn(span.start_ms, True))
        if span.end_ms < horizon.end_ms:
            found.append(Turn(span.end_ms, False))
    return found
