"""The checks of a moment, each on its own, and in order up to the one that stopped it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo

from presence.alerts import rule
from presence.alerts.evaluate import changes
from presence.alerts.rule import Change, Resolved, Rule
from presence.alerts.why_moment import DUTY_KINDS, Moment, covering, holding
from presence.alerts.why_value import At, Check, CheckName, Fact, Lasting, Reason, Result
from presence.intervals import Span, Truth, union
from presence.service_hours import holiday_on, hours_of
from presence.site import AlertKind, Outlet, ZoneName
from presence.zones import ZoneKey

_DAY_MS = 24 * 3_600_000
# How far openings and closings are looked for around an instant, one after the other.
_AROUND_DAYS = (2, 16, 128)
# What a condition is called where it is false: it stops everything, or interrupts what has begun.
_FALSE: dict[AlertKind, Reason] = {"vacancy": "staffed", "late_opening": "staffed", "equipment_down": "works"}


class _Found(NamedTuple):
    """A check on its own. `reason`: why there is no alert, when it stops it."""

    name: CheckName
    reason: Reason | None
    said: tuple[str, ...]
    facts: Mapping[str, Fact] = {}


def in_order(moment: Moment) -> tuple[Reason, tuple[Check, ...]]:
    """The reason, and all checks: those behind the first one that stopped it were not reached."""
    standing = moment.state.fired_ms is not None
    reason: Reason | None = ("standing" if moment.truth is True else "ending") if standing else None
    checks = []
    for found in _checks(moment):
        result: Result = "passed"
        if not standing and reason is not None and found.name != "ended":
            result = "not_reached"
        elif found.reason is not None:
            reason, result = found.reason, "stopped"
        checks.append(Check(found.name, result, found.said, found.facts))
    assert reason is not None
    return reason, tuple(checks)


def _checks(moment: Moment) -> Iterable[_Found]:
    subject = moment.subject
    if subject.group == "people":
        yield _hours(moment)
    yield _rule(moment)
    if subject.group == "people":
        yield _declared(moment)
    if subject.kind != "site_outage":
        yield _maintenance(moment)
    if subject.late_rule is not None:
        yield _late_phase(moment)
    yield _state(moment)
    if subject.rule is not None:
        yield _bridge(moment, subject.rule)
        yield _clock(moment, subject.rule)
        if moment.state.fired_ms is not None:
            yield _end(moment, subject.rule)
        elif (last := _last_ended(moment)) is not None:
            yield last


def _hours(moment: Moment) -> _Found:
    """The stretch of service hours: of a duty's outlets together."""
    closed = moment.disarmed == "closed"
    span, next_ms = _open_stretch(moment)
    facts: dict[str, Fact] = {}
    said: list[str] = []
    if closed:
        said.append("hours.closed")
        if next_ms is not None:
            facts["next"] = At(next_ms)
            said.append("hours.next")
    elif span is None:
        said.append("hours.always")
    else:
        facts |= {"opens": At(span.start_ms), "closes": At(span.end_ms)}
        said.append("hours.open")
    if moment.subject.subject_type == "duty":
        facts["outlets"] = len(moment.outlets)
        facts["open"] = sum(outlet.disarmed != "closed" for outlet in moment.outlets)
        said += [] if closed else ["hours.of_duty"]
    elif (special := _special_day(moment, span)) is not None:
        name, value = special
        facts[name] = value
        said.append(f"hours.{name}")
    return _Found("hours", "closed" if closed else None, tuple(said), facts)


def _open_stretch(moment: Moment) -> tuple[Span | None, int | None]:
    """The open stretch around the instant (None: no end of it is near), and the next opening."""
    hours = [moment.obligations.hours[outlet.id] for outlet in moment.subject.outlets]
    seen_ms = moment.seen_ms
    for days in _AROUND_DAYS:
        start_ms, end_ms = seen_ms - days * _DAY_MS, seen_ms + days * _DAY_MS
        spans = union(span for one in hours for span in one.open_spans(start_ms, end_ms))
        around = next((span for span in spans if span.start_ms <= seen_ms < span.end_ms), None)
        following = next((span.start_ms for span in spans if span.start_ms > seen_ms), None)
        if around is not None and (around.start_ms > start_ms and around.end_ms < end_ms):
            return around, following
        if around is None and following is not None:
            return None, following
    return None, None


def _special_day(moment: Moment, span: Span | None) -> tuple[str, str] | None:
    """("exception" | "holiday", its name), if the hours of the day are those of one.

    Only where the hours that were in force are those of today's registry, of which alone this is known.
    """
    site, outlet = moment.site, moment.subject.outlets[0]
    at_ms = moment.seen_ms if span is None else span.start_ms
    date = datetime.fromtimestamp(at_ms // 1000, ZoneInfo(site.timezone)).date()
    day = Span(moment.day_ms, moment.day_ms + _DAY_MS)
    in_force, present = moment.obligations.hours[outlet.id].open_spans(*day), hours_of(site, outlet)
    if present.open_spans(*day) != in_force:
        return None
    if (exception := present.exception_on(date)) is not None:
        return "exception", exception.reason or exception.service_hours
    holiday = None if in_force else holiday_on(site.country, date)
    return None if holiday is None or (holiday.is_leave and not site.cuti_bersama) else ("holiday", holiday.name)


def _rule(moment: Moment) -> _Found:
    its = moment.subject.rule
    if its is None:
        return _Found("rule", "off", ("rule.off",))
    facts: dict[str, Fact] = {"after": Lasting(its.after_ms), "min_presence": Lasting(its.min_presence_ms)}
    facts["unknown_after"] = Lasting(its.unknown_after_ms)
    return _Found("rule", None, ("rule.after" if its.after_ms else "rule.at_once",), facts)


def _declared(moment: Moment) -> _Found:
    absent = [
        absence
        for outlet in moment.subject.outlets
        for absence in moment.site.absences
        if absence.outlet == outlet.id and absence.from_ms <= moment.seen_ms < absence.to_ms
    ]
    spans = [
        span
        for outlet in moment.subject.outlets
        if (span := covering(moment.obligations.declared.get(outlet.id, ()), moment.seen_ms)) is not None
    ]
    stops: Reason | None = "declared" if moment.disarmed == "declared" else None
    if not spans:
        return _Found("declared", stops, ("declared.none",))
    facts: dict[str, Fact] = {"until": At(min(span.end_ms for span in spans)), "outlets": len(spans)}
    said = ["declared.some" if moment.subject.subject_type == "duty" else "declared.until"]
    if absent:
        facts["absence"] = absent[-1].reason
        said.append("declared.reason")
    return _Found("declared", stops, tuple(said), facts)


def _maintenance(moment: Moment) -> _Found:
    obligations, subject = moment.obligations, moment.subject
    if subject.group == "people":
        lines: list[Sequence[Span]] = [obligations.maintenance.get(outlet.id, ()) for outlet in subject.outlets]
    else:
        lines = [obligations.muted(subject.id)]
    spans = [span for line in lines if (span := covering(line, moment.seen_ms)) is not None]
    stops: Reason | None = "maintenance" if moment.disarmed == "maintenance" else None
    if not spans:
        return _Found("maintenance", stops, ("maintenance.none",))
    return _Found("maintenance", stops, ("maintenance.until",), {"until": At(min(span.end_ms for span in spans))})


def _late_phase(moment: Moment) -> _Found:
    """Of the two kinds that share a duty's day only one is armed: `late_opening` in the phase, `vacancy` outside."""
    late = moment.subject.kind == "late_opening"
    phase = moment.changes
    if not late:
        its = replace(moment.subject, kind="late_opening")
        phase = changes(its, moment.known, moment.obligations, moment.begin_ms, moment.until_ms)
    armed = holding(moment.changes, moment.seen_ms).disarmed is None
    inside = armed is late
    if moment.disarmed is not None:
        return _Found("late_phase", None, ("late_phase.not_open",))
    stops: Reason | None = None if armed else "late_phase_over" if late else "late_phase"
    ends = [
        (after.at_ms, before.truth)
        for before, after in pairwise(phase)
        if before.disarmed is None and after.disarmed is not None and after.at_ms <= moment.seen_ms
    ]
    if inside:
        return _Found("late_phase", stops, ("late_phase.inside",))
    if not ends or ends[-1][0] < moment.day_ms:
        return _Found("late_phase", stops, ("late_phase.none",))
    over_ms, truth = ends[-1]
    said = "late_phase.over" if truth is True else "late_phase.unknown" if truth is None else "late_phase.opened"
    return _Found("late_phase", stops, (said,), {"over": At(over_ms)})


def _state(moment: Moment) -> _Found:
    """What the zones or the device say. It stops what has not begun; what interrupts is the bridge's business."""
    told = {"unattended": _unattended, "equipment_down": _equipment, "site_outage": _zones_unknown}
    if moment.subject.kind in DUTY_KINDS:
        found = _duty if moment.subject.subject_type == "duty" else _staff
    else:
        found = told.get(moment.subject.kind, _device)
    reason, said, facts = found(moment)
    if moment.truth is not True and moment.goes_on:
        said += ("state.clock_goes_on" if moment.state.fired_ms is None else "state.alert_goes_on",)
    stops = moment.truth is not True and not moment.goes_on
    return _Found("state", (reason if moment.truth is False else "unknown") if stops else None, said, facts)


_Told = tuple[Reason, tuple[str, ...], dict[str, Fact]]


def _staff(moment: Moment) -> _Told:
    said, facts = _zone(moment, moment.subject.outlets[0], "staff")
    return "staffed", said, facts


def _equipment(moment: Moment) -> _Told:
    said, facts = _zone(moment, moment.subject.outlets[0], "equipment")
    return "works", said, facts


def _zone(moment: Moment, outlet: Outlet, side: ZoneName) -> tuple[tuple[str, ...], dict[str, Fact]]:
    """One zone: its state, since when, how sure, and how old its newest evidence is if that is known."""
    if not any(sensor.zone == side for sensor in outlet.sensors):
        return (f"{side}.unwatched",), {"state": "unknown"}
    interval = moment.interval(outlet, side)
    if interval is None:
        return (f"{side}.never",), {"state": "unknown"}
    facts: dict[str, Fact] = {"state": interval.state, "since": At(interval.start_ms)}
    facts["lasted"] = Lasting(moment.at_ms - interval.start_ms)
    said = [f"{side}.{interval.state}"]
    if interval.state != "unknown":
        facts["p"] = round(interval.p, 4)
        said.append("sure")
    seen_ms = moment.evidence.get(ZoneKey(outlet.id, side))
    if seen_ms is not None and seen_ms <= moment.at_ms:
        facts["evidence"] = Lasting(moment.at_ms - seen_ms)
        said.append("evidence")
    return tuple(said), facts


def _unattended(moment: Moment) -> _Told:
    outlet = moment.subject.outlets[0]
    said: list[str] = []
    facts: dict[str, Fact] = {}
    sides: tuple[ZoneName, ...] = ("staff", "visitor")
    for side in sides:
        interval = moment.interval(outlet, side)
        facts[side] = "unknown" if interval is None else interval.state
        if interval is None:
            said.append(f"{side}.never")
        else:
            facts[f"{side}_since"] = At(interval.start_ms)
            said.append(f"{side}.{interval.state}_of_two")
    return "staffed" if facts["staff"] == "occupied" else "no_visitor", tuple(said), facts


def _duty(moment: Moment) -> _Told:
    counted = [outlet.vacant for outlet in moment.outlets]
    facts: dict[str, Fact] = {"outlets": len(counted), "at_least": moment.subject.at_least}
    facts |= {"staffed": counted.count(False), "unknown": counted.count(None)}
    said = ["duty.short" if moment.truth is True else "duty.enough" if moment.truth is False else "duty.unknown"]
    if facts["unknown"]:
        said.append("duty.some_unknown")
    if moment.truth_since_ms > moment.begin_ms:
        facts["since"] = At(moment.truth_since_ms)
        said.append("duty.since")
    return "staffed", tuple(said), facts


def _device(moment: Moment) -> _Told:
    kind, device = moment.subject.kind, moment.subject.id
    interval = covering(moment.known.device(kind, device, moment.seen_ms, moment.until_ms), moment.seen_ms)
    facts: dict[str, Fact] = {"device": device}
    if interval is None:
        return "in_order", (f"{kind}.never",), facts
    facts["since"] = At(interval.start_ms)
    return "in_order", (f"{kind}.{_word(interval.truth)}",), facts


def _zones_unknown(moment: Moment) -> _Told:
    keys = {ZoneKey(outlet.id, sensor.zone) for outlet in moment.subject.outlets for sensor in outlet.sensors}
    lines = [moment.known.zone(key, moment.seen_ms, moment.until_ms) for key in sorted(keys)]
    states = [covering(line, moment.seen_ms) for line in lines]
    unknown = sum(one is None or one.state == "unknown" for one in states)
    return "in_order", (f"site_outage.{_word(moment.truth)}",), {"zones": len(keys), "unknown": unknown}


def _bridge(moment: Moment, its: Rule) -> _Found:
    """What interrupted the clock: nothing fires while it lasts; shorter than `min_presence` it stops nothing."""
    state = moment.state
    if state.clock_ms is None:
        return _Found("bridge", None, ("bridge.no_clock",))
    until_ms = moment.until_ms if state.fired_ms is None else state.fired_ms
    found = _interruptions(moment, state.clock_ms, until_ms)
    if not found:
        return _Found("bridge", None, ("bridge.none",))
    last, by = found[-1]
    facts: dict[str, Fact] = {"since": At(last.start_ms), "by": by, "min_presence": Lasting(its.min_presence_ms)}
    facts["times"] = len(found)
    if moment.truth is not True and state.fired_ms is None:
        facts |= {"lasted": Lasting(moment.at_ms - last.start_ms), "over": At(last.start_ms + its.min_presence_ms)}
        return _Found("bridge", "interrupted", ("bridge.open",), facts)
    facts |= {"until": At(last.end_ms), "lasted": Lasting(last.end_ms - last.start_ms)}
    return _Found("bridge", None, ("bridge.closed",) if len(found) == 1 else ("bridge.closed", "bridge.times"), facts)


def _interruptions(moment: Moment, clock_ms: int, until_ms: int) -> list[tuple[Span, str]]:
    """The stretches of [clock, until) in which the condition was not true, false and unknown in a row being one."""
    found: list[tuple[Span, set[Truth]]] = []
    past = [change for change in moment.changes if change.at_ms < until_ms]
    for change, following in pairwise([*past, Change(until_ms, None, None)]):
        if change.truth is True or change.at_ms < clock_ms:
            continue
        if found and found[-1][0].end_ms == change.at_ms:
            span, truths = found.pop()
            found.append((Span(span.start_ms, following.at_ms), truths | {change.truth}))
        else:
            found.append((Span(change.at_ms, following.at_ms), {change.truth}))
    false = _FALSE.get(moment.subject.kind, "over")
    return [(span, "mixed" if len(kinds) > 1 else "unknown" if None in kinds else false) for span, kinds in found]


def _clock(moment: Moment, its: Rule) -> _Found:
    state = moment.state
    if state.clock_ms is None:
        return _Found("clock", None, ("clock.stopped",))
    facts: dict[str, Fact] = {"since": At(state.clock_ms), "after": Lasting(its.after_ms)}
    if state.fired_ms is not None:
        return _Found("clock", None, ("clock.fired",), facts | {"fired": At(state.fired_ms)})
    full_ms = state.clock_ms + its.after_ms
    if state.truth is True:
        full_ms = rule.due_ms(state, its) or full_ms
    facts |= {"ran": Lasting(moment.at_ms - state.clock_ms), "full": At(full_ms)}
    said = ["clock.running"]
    ends = next(
        (one for one in moment.condition if moment.seen_ms < one.at_ms <= full_ms and one.disarmed is not None), None
    )
    if ends is not None and ends.disarmed is not None:
        facts |= {"cut_off": At(ends.at_ms), "cut_off_by": ends.disarmed}
        said.append("clock.cut_off")
    return _Found("clock", "clock_running" if state.truth is True else None, tuple(said), facts)


def _end(moment: Moment, its: Rule) -> _Found:
    """What may end the alert that stands."""
    state = moment.state
    if state.truth is True:
        return _Found("end", None, ("end.none",))
    limit_ms = its.unknown_after_ms if state.truth is None else its.min_presence_ms
    facts: dict[str, Fact] = {
        "since": At(state.truth_since_ms),
        "lasted": Lasting(moment.at_ms - state.truth_since_ms),
        "needs": Lasting(limit_ms),
        "ends": At(state.truth_since_ms + limit_ms),
    }
    return _Found("end", None, ("end.unknown" if state.truth is None else "end.false",), facts)


def _last_ended(moment: Moment) -> _Found | None:
    """The last alert of the day that was over by then."""
    ended = [one for one in moment.effects if isinstance(one, Resolved) and one.resolved_ms >= moment.day_ms]
    if not ended:
        return None
    last = ended[-1]
    facts: dict[str, Fact] = {"since": At(last.since_ms), "fired": At(last.fired_ms), "resolved": At(last.resolved_ms)}
    return _Found("ended", None, ("ended.by",), facts | {"ended": last.reason})


def _word(truth: Truth) -> str:
    return "unknown" if truth is None else "true" if truth else "false"
