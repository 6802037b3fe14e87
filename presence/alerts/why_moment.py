"""A subject at an instant: what conditions and rules had come to by then, and what the checks look at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import NamedTuple, TypeVar
from zoneinfo import ZoneInfo

from presence.alerts import conditions, rule
from presence.alerts.evaluate import Known, changes, evaluate, outlet_history
from presence.alerts.rule import Change, Disarmed, Effect, Rule, State
from presence.alerts.subjects import Subject
from presence.intervals import Interval, Span, Truth, TruthInterval
from presence.obligations import Obligations
from presence.site import AlertKind, Outlet, Site, ZoneName
from presence.zones import ZoneKey

_DAY_MS = 24 * 3_600_000
# The kinds that share a duty's day, parted by its late phase.
DUTY_KINDS: tuple[AlertKind, ...] = ("vacancy", "late_opening")


class OutletAt(NamedTuple):
    """An outlet at an instant: why it is not armed (None: it is), and whether its duty counts it as vacant."""

    disarmed: Disarmed | None
    vacant: Truth


def _outlet_at(outlet: Outlet, known: Known, obligations: Obligations, at_ms: int) -> OutletAt:
    seen = outlet_history(outlet, ("staff",), known, obligations, at_ms, at_ms + 1)
    # Of a duty the reason is the one for which its last outlet ceased to be armed; of a zone it is that of now.
    disarmed = conditions.equipment_down(seen, at_ms, at_ms + 1)[0].disarmed
    return OutletAt(disarmed, conditions.vacancy([seen], 1, at_ms, at_ms + 1)[0].truth)


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
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
    outlets: Sequence[OutletAt]
    state: State
    effects: Sequence[Effect] = field(default=())
    evidence: Mapping[ZoneKey, int] = field(default_factory=dict)

    @property
    def seen_ms(self) -> int:
        return self.until_ms - 1

    @property
    def truth(self) -> Truth:
        return holding(self.condition, self.seen_ms).truth

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
            return holding(self.condition, self.seen_ms).disarmed
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
        return covering(self.known.zone(ZoneKey(outlet.id, side), self.seen_ms, self.until_ms), self.seen_ms)


def moment_of(
    site: Site,
    subject: Subject,
    known: Known,
    obligations: Obligations,
    at_ms: int,
    until_ms: int,
    evidence: Mapping[ZoneKey, int],
) -> Moment:
    """`subject` at `at_ms`, as everything before `until_ms` tells it."""
    day_ms = _local_midnight(until_ms - 1, obligations.timezone)
    begin_ms = day_ms if subject.rule is None else _quiet_before(subject, subject.rule, known, obligations, day_ms)
    after_ms = 0 if subject.rule is None else subject.rule.after_ms
    ahead_ms = until_ms + _DAY_MS + after_ms
    found = changes(subject, known, obligations, begin_ms, ahead_ms)
    condition = found
    if subject.kind in DUTY_KINDS:
        whole = replace(subject, kind="vacancy", late_rule=None)
        condition = changes(whole, known, obligations, begin_ms, ahead_ms)
    state, effects = State(), list[Effect]()
    if subject.rule is not None:
        state, effects, _ = evaluate(subject, known, obligations, begin_ms, until_ms)
    outlets: list[OutletAt] = []
    if subject.group == "people":
        outlets = [_outlet_at(outlet, known, obligations, until_ms - 1) for outlet in subject.outlets]
    return Moment(
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


def holding(found: Sequence[Change], at_ms: int) -> Change:
    """The change that holds at an instant; before all of them nothing is known and nothing armed."""
    return next((one for one in reversed(found) if one.at_ms <= at_ms), Change(at_ms, None, "closed"))


_Stretch = TypeVar("_Stretch", Interval, Span, TruthInterval)


def covering(line: Sequence[_Stretch], at_ms: int) -> _Stretch | None:
    """The stretch of `line` that covers an instant."""
    return next((one for one in line if one.start_ms <= at_ms and (one.end_ms is None or at_ms < one.end_ms)), None)


def _local_midnight(at_ms: int, timezone: str) -> int:
    at = datetime.fromtimestamp(at_ms // 1000, ZoneInfo(timezone))
    return round(at.replace(hour=0, minute=0, second=0).timestamp() * 1000)
