"""The alerts of one subject over a stretch of time, from what is known of its zones and devices.

The one place where kinds, conditions and the five rules meet: replay, live engine, backtest and why all ask here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from presence.alerts import conditions, rule
from presence.alerts.conditions import OutletHistory
from presence.alerts.late_phase import first_openings, late_phases, within
from presence.alerts.rule import Change, Effect, State
from presence.alerts.subjects import Subject
from presence.intervals import Interval, Span, TruthInterval, union
from presence.obligations import Obligations
from presence.site import AlertKind, Outlet, ZoneName
from presence.zones import ZoneKey

_DAY_MS = 24 * 3_600_000
# An opening is looked for so far back: hours that go on for longer have no first opening of a day.
_OPENING_WITHIN_MS = 3 * _DAY_MS


class Known(Protocol):
    """The lines of a site: of its zones and of its devices' conditions. Nothing is known before `first_ms`."""

    @property
    def first_ms(self) -> int: ...

    def zone(self, key: ZoneKey, start_ms: int, end_ms: int) -> Sequence[Interval]:
        """The zone's intervals that overlap [start, end), in order."""

    def device(self, kind: AlertKind, device: str, start_ms: int, end_ms: int) -> Sequence[TruthInterval]:
        """What the condition `kind` of a sensor or gateway was in [start, end), in order."""


class Evaluation(NamedTuple):
    """`state` at the end of the stretch, the `effects` within it, and the `changes` that made them."""

    state: State
    effects: list[Effect]
    changes: list[Change]


def evaluate(subject: Subject, known: Known, obligations: Obligations, start_ms: int, until_ms: int) -> Evaluation:
    """What became of `subject` within [start, until), nothing of before being under way. Its rule is not off."""
    assert subject.rule is not None
    found = changes(subject, known, obligations, start_ms, until_ms)
    return outcome(subject, known, found, until_ms)


def outcome(subject: Subject, known: Known, found: list[Change], until_ms: int) -> Evaluation:
    """What the five rules make of `found`, the changes of `subject`, up to `until_ms`. Its rule is not off."""
    assert subject.rule is not None
    state, effects = rule.run(found, until_ms, subject.rule)
    if subject.kind == "unattended" and effects:
        staff = known.zone(ZoneKey(subject.outlets[0].id, "staff"), effects[0].since_ms, until_ms)
        effects = conditions.officer_came(effects, staff, subject.rule.min_presence_ms)
    return Evaluation(state, effects, found)


def changes(subject: Subject, known: Known, obligations: Obligations, start_ms: int, end_ms: int) -> list[Change]:
    """What the condition of `subject` was within [start, end) and whether it was armed, from `start_ms` on."""
    match subject.kind:
        case "vacancy" | "late_opening":
            return _of_duty(subject, known, obligations, start_ms, end_ms)
        case "unattended":
            history = outlet_history(subject.outlets[0], ("staff", "visitor"), known, obligations, start_ms, end_ms)
            return conditions.unattended(history, start_ms, end_ms)
        case "equipment_down":
            history = outlet_history(subject.outlets[0], ("equipment",), known, obligations, start_ms, end_ms)
            return conditions.equipment_down(history, start_ms, end_ms)
        case "site_outage":
            return _of_site(subject, known, start_ms, end_ms)
        case "sensor_silent" | "sensor_stuck" | "gateway_offline" | "low_battery":
            line = known.device(subject.kind, subject.id, start_ms, end_ms)
            return conditions.of_device(line, obligations.muted(subject.id), start_ms, end_ms)


def _of_duty(subject: Subject, known: Known, obligations: Obligations, start_ms: int, end_ms: int) -> list[Change]:
    openings = [] if subject.late_rule is None else _first_openings(subject, obligations, start_ms, end_ms)
    # Whether a phase that began before is over is known from its beginning only.
    begin_ms = next((span.start_ms for span in openings if span.start_ms < start_ms < span.end_ms), start_ms)
    histories = [outlet_history(outlet, ("staff",), known, obligations, begin_ms, end_ms) for outlet in subject.outlets]
    found = conditions.vacancy(histories, subject.at_least, begin_ms, end_ms)
    late = subject.kind == "late_opening"
    if subject.late_rule is None:
        return [] if late else found
    phases = late_phases(found, [span for span in openings if span.start_ms >= begin_ms], subject.late_rule)
    return changes_from(within(found, phases, armed=late), start_ms)


def _first_openings(subject: Subject, obligations: Obligations, start_ms: int, end_ms: int) -> list[Span]:
    before_ms = start_ms - _OPENING_WITHIN_MS
    hours = [obligations.hours[outlet.id] for outlet in subject.outlets]
    spans = union(span for one in hours for span in one.open_spans(before_ms, end_ms))
    return [span for span in first_openings(spans, obligations.timezone) if span.start_ms > before_ms]


def outlet_history(
    outlet: Outlet, sides: Sequence[ZoneName], known: Known, obligations: Obligations, start_ms: int, end_ms: int
) -> OutletHistory:
    """What is known of `outlet` in [start, end), of its zones only `sides`."""
    zones = {side: known.zone(ZoneKey(outlet.id, side), start_ms, end_ms) for side in sides}
    return OutletHistory(
        staff=zones.get("staff", ()),
        visitor=zones.get("visitor", ()),
        equipment=zones.get("equipment", ()),
        open=obligations.hours[outlet.id].open_spans(start_ms, end_ms),
        declared=obligations.declared.get(outlet.id, ()),
        maintenance=obligations.maintenance.get(outlet.id, ()),
    )


def _of_site(subject: Subject, known: Known, start_ms: int, end_ms: int) -> list[Change]:
    keys = {ZoneKey(outlet.id, sensor.zone) for outlet in subject.outlets for sensor in outlet.sensors}
    begin_ms, back_ms = start_ms, conditions.OUTAGE_WITHIN_MS + 1
    while True:
        # No outage goes back over an instant at which few are unknown, nor do turns that make one over two minutes.
        begin_ms = max(start_ms - back_ms, known.first_ms)
        zones = [known.zone(key, begin_ms, end_ms) for key in sorted(keys)]
        unknown = sum(1 for line in zones if line and line[0].start_ms <= begin_ms and line[0].state == "unknown")
        if unknown * 5 < len(zones) * 3 or begin_ms <= known.first_ms:
            return changes_from(conditions.site_outage(zones, min(begin_ms, start_ms), end_ms), start_ms)
        back_ms *= 4


def changes_from(found: Sequence[Change], start_ms: int) -> list[Change]:
    """What of `found` holds at `start_ms` or comes later."""
    holds = 0
    while holds + 1 < len(found) and found[holds + 1].at_ms <= start_ms:
        holds += 1
    return [found[holds]._replace(at_ms=max(found[holds].at_ms, start_ms)), *found[holds + 1 :]] if found else []
