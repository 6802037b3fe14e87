"""Why an alert stood at an instant, or did not: the decision of that instant, and the checks that led to it in order.

Nothing is decided here. The conditions and the five rules are run up to the instant (`evaluate`), and what they came to
is read off: what they knew *then*, so that an interruption of ten seconds is one that may still be a bridge. Zones and
absences are as they are known today; what became of a clock or an alert afterwards is `Why.later`, and the end that an
alert has by now stands in `Why.alert`. The words for all of it are `why_words`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import pairwise
from typing import Literal, NamedTuple, TypeVar
from zoneinfo import ZoneInfo

from presence.alerts import conditions, life, rule
from presence.alerts.evaluate import Known, changes, evaluate, outlet_history
from presence.alerts.life import Alert
from presence.alerts.rule import Change, Disarmed, Effect, Resolved, Rule, State
from presence.alerts.subjects import Subject, SubjectType, subjects
from presence.intervals import Interval, Span, Truth, TruthInterval, union
from presence.obligations import Obligations
from presence.service_hours import holiday_on, hours_of
from presence.site import AlertKind, Outlet, Site, ZoneName
from presence.zones import ZoneKey

Reason = Literal[
    "standing", "ending",
    "not_known_yet", "closed", "off", "declared", "maintenance", "late_phase", "late_phase_over",
    "staffed", "no_visitor", "works", "in_order", "unknown", "interrupted", "clock_running",
]  # fmt: skip
CheckName = Literal[
    "record", "hours", "rule", "declared", "maintenance", "late_phase", "state", "bridge", "clock", "end", "ended"
]
Result = Literal["passed", "stopped", "not_reached"]

_DAY_MS = 24 * 3_600_000
# How far openings and closings are looked for around an instant, one after the other.
_AROUND_DAYS = (2, 16, 128)
_DUTY_KINDS: tuple[AlertKind, ...] = ("vacancy", "late_opening")
# What a condition is called where it is false: it stops everything, or interrupts what has begun.
_FALSE: dict[AlertKind, Reason] = {"vacancy": "staffed", "late_opening": "staffed", "equipment_down": "works"}


@dataclass(frozen=True, slots=True)
class At:
    """An instant among facts."""

    ms: int


@dataclass(frozen=True, slots=True)
class Lasting:
    """A duration among facts."""

    ms: int


Fact = At | Lasting | str | int | float


class Check(NamedTuple):
    """One thing that was looked at. `said`: the sentences of `why_words` that tell it, with `facts` as their values.

    What stands behind the check that stopped it was not reached; its facts are true all the same.
    """

    name: CheckName
    result: Result
    said: tuple[str, ...]
    facts: Mapping[str, Fact] = {}


class Later(NamedTuple):
    """What came of a clock that ran, or of an alert that stood. `by`: what stopped or resolved it."""

    what: Literal["fired", "stopped", "resolved"]
    at_ms: int
    by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Why:
    """`reason`: what decided. `alert`: the one that stood, with the end that is known by now."""

    kind: AlertKind
    subject_type: SubjectType
    subject: str
    at_ms: int
    reason: Reason
    alert: Alert | None = None
    checks: tuple[Check, ...] = ()
    later: Later | None = None


def subjects_at(site: Site, outlet: str) -> list[Subject]:
    """Everything that could raise an alert at an outlet: its duty first, then it, its sensors, gateways, the site."""
    found = []
    gateways = {
        sensor.source.gateway
        for counter in site.outlets
        if counter.id == outlet
        for sensor in counter.sensors
        if sensor.source
    }
    for subject in subjects(site):
        if subject.subject_type == "gateway":
            concerned = subject.id in gateways
        else:
            concerned = any(counter.id == outlet for counter in subject.outlets)
        if concerned:
            found.append(subject)
    return found


def why(
    site: Site,
    subject: Subject,
    known: Known,
    obligations: Obligations,
    at_ms: int,
    known_until_ms: int | None,
    evidence: Mapping[ZoneKey, int] | None = None,
) -> Why:
    """Why an alert of `subject` stood at `at_ms`, or did not.

    `known_until_ms`: what lies before it is known, exclusive; None: nothing is. `evidence`: the newest of each zone.
    """
    told = Why(
        kind=subject.kind, subject_type=subject.subject_type, subject=subject.id, at_ms=at_ms, reason="not_known_yet"
    )
    if known_until_ms is None or at_ms > known_until_ms:
        said = ("record.empty",) if known_until_ms is None else ("record.ends",)
        facts = {} if known_until_ms is None else {"until": At(known_until_ms)}
        return replace(told, checks=(Check("record", "stopped", said, facts),))
    moment = _moment(site, subject, known, obligations, at_ms, min(at_ms + 1, known_until_ms), evidence or {})
    reason, checks = _in_order(moment)
    if subject.rule is None:
        return replace(told, reason=reason, checks=checks)
    later_ms = max(moment.until_ms, min(known_until_ms, at_ms + _DAY_MS))
    alert, later = _afterwards(moment, subject.rule, later_ms)
    return replace(told, reason=reason, alert=alert, checks=checks, later=later)


class _OutletAt(NamedTuple):
    """An outlet at an instant: why it is not armed (None: it is), and whether its duty counts it as vacant."""

    disarmed: Disarmed | None
    vacant: Truth


def _outlet_at(outlet: Outlet, known: Known, obligations: Obligations, at_ms: int) -> _OutletAt:
    seen = outlet_history(outlet, ("staff",), known, obligations, at_ms, at_ms + 1)
    # Of a duty the reason is the one for which its last outlet ceased to be armed; of a zone it is that of now.
    disarmed = conditions.equipment_down(seen, at_ms, at_ms + 1)[0].disarmed
    return _OutletAt(disarmed, conditions.vacancy([seen], 1, at_ms, at_ms + 1)[0].truth)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Moment:
    """A subject at an instant. `seen_ms`: the last one of which everything is known, `until_ms` - 1.

    `begin_ms`: since when its past is looked at; the local day began at `day_ms` or before. `condition`: its changes
    without regard to the late phase, `changes` with it, both up to a day ahead; `effects` are those of before.
    """

    site: Site
    subject: Subject
    known: Known
    obligations: Obligations
    at_ms: int
    until_ms: int
    day_ms: int
    begin_ms: int
    condition: Sequence[Change]
    changes: Sequence[Change]
    outlets: Sequence[_OutletAt]
    state: State
    effects: Sequence[Effect] = field(default=())
    evidence: Mapping[ZoneKey, int] = field(default_factory=dict)

    @property
    def seen_ms(self) -> int:
        return self.until_ms - 1

    @property
    def truth(self) -> Truth:
        return _holding(self.condition, self.seen_ms).truth

    @property
    def truth_since_ms(self) -> int:
        """Since when it is what it is, as far as it is looked at."""
        since_ms = self.until_ms
        for change in reversed(self.condition):
            if change.at_ms <= self.seen_ms:
                if change.truth is not self.truth:
                    break
                since_ms = change.at_ms
        return since_ms

    @property
    def disarmed(self) -> Disarmed | None:
        """Why nobody need be there, or nobody wants to hear of it, whatever the late phase."""
        if self.subject.group != "people":
            return _holding(self.condition, self.seen_ms).disarmed
        causes = [outlet.disarmed for outlet in self.outlets]
        if None in causes:
            return None
        of_open = [cause for cause in causes if cause != "closed"]
        if not of_open:
            return "closed"
        return "declared" if all(cause == "declared" for cause in of_open) else "maintenance"

    @property
    def goes_on(self) -> bool:
        """A clock runs or an alert stands, interrupted or not."""
        return self.state.clock_ms is not None

    def interval(self, outlet: Outlet, side: ZoneName) -> Interval | None:
        return _covering(self.known.zone(ZoneKey(outlet.id, side), self.seen_ms, self.until_ms), self.seen_ms)


def _moment(
    site: Site,
    subject: Subject,
    known: Known,
    obligations: Obligations,
    at_ms: int,
    until_ms: int,
    evidence: Mapping[ZoneKey, int],
) -> _Moment:
    day_ms = _local_midnight(until_ms - 1, obligations.timezone)
    begin_ms = day_ms if subject.rule is None else _quiet_before(subject, subject.rule, known, obligations, day_ms)
    after_ms = 0 if subject.rule is None else subject.rule.after_ms
    ahead_ms = until_ms + _DAY_MS + after_ms
    found = changes(subject, known, obligations, begin_ms, ahead_ms)
    condition = found
    if subject.kind in _DUTY_KINDS:
        whole = replace(subject, kind="vacancy", late_rule=None)
        condition = changes(whole, known, obligations, begin_ms, ahead_ms)
    state, effects = State(), list[Effect]()
    if subject.rule is not None:
        state, effects, _ = evaluate(subject, known, obligations, begin_ms, until_ms)
    outlets: list[_OutletAt] = []
    if subject.group == "people":
        outlets = [_outlet_at(outlet, known, obligations, until_ms - 1) for outlet in subject.outlets]
    return _Moment(
        site=site,
        subject=subject,
        known=known,
        obligations=obligations,
        at_ms=at_ms,
        until_ms=until_ms,
        day_ms=day_ms,
        begin_ms=begin_ms,
        condition=condition,
        changes=found,
        outlets=outlets,
        state=state,
        effects=effects,
        evidence=evidence,
    )


def _quiet_before(subject: Subject, its: Rule, known: Known, obligations: Obligations, before_ms: int) -> int:
    """An instant up to `before_ms` from which on the past of `subject` does not matter."""
    back_ms = _DAY_MS
    while True:
        start_ms = max(before_ms - back_ms, min(known.first_ms, before_ms))
        found = changes(subject, known, obligations, start_ms, before_ms)
        quiet_ms = rule.last_quiet(found, before_ms, its)
        if quiet_ms is not None:
            return quiet_ms
        if start_ms <= known.first_ms:
            return start_ms
        back_ms *= 4


# What came afterwards


def _afterwards(moment: _Moment, its: Rule, later_ms: int) -> tuple[Alert | None, Later | None]:
    """The alert that stood, and what is known by `later_ms` to have come of it or of the clock that ran."""
    state, subject = moment.state, moment.subject
    if state.clock_ms is None:
        return None, None
    found = evaluate(subject, moment.known, moment.obligations, moment.begin_ms, later_ms)
    since = [one for one in life.alerts(subject, found.effects) if one.since_ms == state.clock_ms]
    if state.fired_ms is not None:
        alert = next(one for one in since if one.fired_ms == state.fired_ms)
        over = None if alert.resolved_ms is None else Later("resolved", alert.resolved_ms, alert.reason)
        return alert, over
    if since:
        return None, Later("fired", since[0].fired_ms)
    return None, _stopped(moment, its, later_ms)


def _stopped(moment: _Moment, its: Rule, later_ms: int) -> Later | None:
    """What stopped a clock that ran, without an alert."""
    state = moment.state
    came = [change for change in moment.changes if moment.until_ms <= change.at_ms < later_ms]
    for at_ms, change in [*((one.at_ms, one) for one in came), (later_ms, None)]:
        over, _ = rule.step(state, None, at_ms, its)
        if over.clock_ms is None and state.broken_since_ms is not None:
            return Later("stopped", state.broken_since_ms, "interrupted")
        if change is not None and change.disarmed is not None:
            return Later("stopped", at_ms, change.disarmed)
        state, _ = rule.step(over, change, at_ms, its)
    return None


# The checks


class _Found(NamedTuple):
    """A check on its own. `reason`: why there is no alert, when it stops it."""

    name: CheckName
    reason: Reason | None
    said: tuple[str, ...]
    facts: Mapping[str, Fact] = {}


def _in_order(moment: _Moment) -> tuple[Reason, tuple[Check, ...]]:
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


def _checks(moment: _Moment) -> Iterable[_Found]:
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


def _hours(moment: _Moment) -> _Found:
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


def _open_stretch(moment: _Moment) -> tuple[Span | None, int | None]:
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


def _special_day(moment: _Moment, span: Span | None) -> tuple[str, str] | None:
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


def _rule(moment: _Moment) -> _Found:
    its = moment.subject.rule
    if its is None:
        return _Found("rule", "off", ("rule.off",))
    facts: dict[str, Fact] = {"after": Lasting(its.after_ms), "min_presence": Lasting(its.min_presence_ms)}
    facts["unknown_after"] = Lasting(its.unknown_after_ms)
    return _Found("rule", None, ("rule.after" if its.after_ms else "rule.at_once",), facts)


def _declared(moment: _Moment) -> _Found:
    absent = [
        absence
        for outlet in moment.subject.outlets
        for absence in moment.site.absences
        if absence.outlet == outlet.id and absence.from_ms <= moment.seen_ms < absence.to_ms
    ]
    spans = [
        span
        for outlet in moment.subject.outlets
        if (span := _covering(moment.obligations.declared.get(outlet.id, ()), moment.seen_ms)) is not None
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


def _maintenance(moment: _Moment) -> _Found:
    obligations, subject = moment.obligations, moment.subject
    if subject.group == "people":
        lines: list[Sequence[Span]] = [obligations.maintenance.get(outlet.id, ()) for outlet in subject.outlets]
    else:
        lines = [obligations.muted(subject.id)]
    spans = [span for line in lines if (span := _covering(line, moment.seen_ms)) is not None]
    stops: Reason | None = "maintenance" if moment.disarmed == "maintenance" else None
    if not spans:
        return _Found("maintenance", stops, ("maintenance.none",))
    return _Found("maintenance", stops, ("maintenance.until",), {"until": At(min(span.end_ms for span in spans))})


def _late_phase(moment: _Moment) -> _Found:
    """Of the two kinds that share a duty's day only one is armed: `late_opening` in the phase, `vacancy` outside."""
    late = moment.subject.kind == "late_opening"
    phase = moment.changes
    if not late:
        its = replace(moment.subject, kind="late_opening")
        phase = changes(its, moment.known, moment.obligations, moment.begin_ms, moment.until_ms)
    armed = _holding(moment.changes, moment.seen_ms).disarmed is None
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


def _state(moment: _Moment) -> _Found:
    """What the zones or the device say. It stops what has not begun; what interrupts is the bridge's business."""
    told = {"unattended": _unattended, "equipment_down": _equipment, "site_outage": _zones_unknown}
    if moment.subject.kind in _DUTY_KINDS:
        found = _duty if moment.subject.subject_type == "duty" else _staff
    else:
        found = told.get(moment.subject.kind, _device)
    reason, said, facts = found(moment)
    if moment.truth is not True and moment.goes_on:
        said += ("state.clock_goes_on" if moment.state.fired_ms is None else "state.alert_goes_on",)
    stops = moment.truth is not True and not moment.goes_on
    return _Found("state", (reason if moment.truth is False else "unknown") if stops else None, said, facts)


_Told = tuple[Reason, tuple[str, ...], dict[str, Fact]]


def _staff(moment: _Moment) -> _Told:
    said, facts = _zone(moment, moment.subject.outlets[0], "staff")
    return "staffed", said, facts


def _equipment(moment: _Moment) -> _Told:
    said, facts = _zone(moment, moment.subject.outlets[0], "equipment")
    return "works", said, facts


def _zone(moment: _Moment, outlet: Outlet, side: ZoneName) -> tuple[tuple[str, ...], dict[str, Fact]]:
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


def _unattended(moment: _Moment) -> _Told:
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


def _duty(moment: _Moment) -> _Told:
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


def _device(moment: _Moment) -> _Told:
    kind, device = moment.subject.kind, moment.subject.id
    interval = _covering(moment.known.device(kind, device, moment.seen_ms, moment.until_ms), moment.seen_ms)
    facts: dict[str, Fact] = {"device": device}
    if interval is None:
        return "in_order", (f"{kind}.never",), facts
    facts["since"] = At(interval.start_ms)
    return "in_order", (f"{kind}.{_word(interval.truth)}",), facts


def _zones_unknown(moment: _Moment) -> _Told:
    keys = {ZoneKey(outlet.id, sensor.zone) for outlet in moment.subject.outlets for sensor in outlet.sensors}
    lines = [moment.known.zone(key, moment.seen_ms, moment.until_ms) for key in sorted(keys)]
    states = [_covering(line, moment.seen_ms) for line in lines]
    unknown = sum(one is None or one.state == "unknown" for one in states)
    return "in_order", (f"site_outage.{_word(moment.truth)}",), {"zones": len(keys), "unknown": unknown}


def _bridge(moment: _Moment, its: Rule) -> _Found:
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


def _interruptions(moment: _Moment, clock_ms: int, until_ms: int) -> list[tuple[Span, str]]:
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


def _clock(moment: _Moment, its: Rule) -> _Found:
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


def _end(moment: _Moment, its: Rule) -> _Found:
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


def _last_ended(moment: _Moment) -> _Found | None:
    """The last alert of the day that was over by then."""
    ended = [one for one in moment.effects if isinstance(one, Resolved) and one.resolved_ms >= moment.day_ms]
    if not ended:
        return None
    last = ended[-1]
    facts: dict[str, Fact] = {"since": At(last.since_ms), "fired": At(last.fired_ms), "resolved": At(last.resolved_ms)}
    return _Found("ended", None, ("ended.by",), facts | {"ended": last.reason})


def _holding(found: Sequence[Change], at_ms: int) -> Change:
    """The change that holds at an instant; before all of them nothing is known and nothing armed."""
    return next((one for one in reversed(found) if one.at_ms <= at_ms), Change(at_ms, None, "closed"))


_Stretch = TypeVar("_Stretch", Interval, Span, TruthInterval)


def _covering(line: Sequence[_Stretch], at_ms: int) -> _Stretch | None:
    return next((one for one in line if one.start_ms <= at_ms and (one.end_ms is None or at_ms < one.end_ms)), None)


def _word(truth: Truth) -> str:
    return "unknown" if truth is None else "true" if truth else "false"


def _local_midnight(at_ms: int, timezone: str) -> int:
    at = datetime.fromtimestamp(at_ms // 1000, ZoneInfo(timezone))
    return round(at.replace(hour=0, minute=0, second=0).timestamp() * 1000)
