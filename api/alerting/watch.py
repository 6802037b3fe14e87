"""The duties of one site, and what their intervals in the record mean for its alerts.

Nothing is remembered that the record does not hold: the alerts of a duty are computed anew from the last instant at
which its past does not matter any more, and compared with those of the record. What is kept in memory only says when
that is worth doing.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from sqlalchemy import Connection

from api.alerting.transitions import Look, Transition, ends, from_intervals, from_registry
from presence.alerts import life, rule
from presence.alerts.conditions import OutletHistory, vacancy
from presence.alerts.life import DutyOf
from presence.alerts.rule import Change, Disarmed, Rule
from presence.intervals import Span, union
from presence.service_hours import ServiceHours, hours_of
from presence.site import AlertKind, Site
from storage.record.alerts import Cursor, StoredAlert, announced, cursor, of_subject, standing
from storage.record.intervals import changes_after, first_start, last_change, newest_evidence, zone_intervals

_KIND: AlertKind = "vacancy"
_ZONE: Literal["staff"] = "staff"
_HOUR_MS = 3_600_000
# How far ahead openings, closings and declared absences are looked for; after that long a duty is looked at anyway.
_AHEAD_MS = 24 * _HOUR_MS
_CHANGES_AT_ONCE = 1000


class Finding(NamedTuple):
    """A transition, whose duty it is (None: of a subject that the site has no more), and what its message tells."""

    transition: Transition
    duty: DutyOf | None
    seen_ms: int | None = None
    unknown_since_ms: int | None = None
    staffed: Span | None = None


@dataclass(slots=True)
class _Watched:
    """One duty. `due_ms`: when it is to be looked at though nothing comes in; None: never, for its rule is off.

    `judged_by`: names all of the registry that decides on its alerts, as in StoredAlert.
    """

    duty: DutyOf
    rule: Rule | None
    hours: list[ServiceHours]
    judged_by: str
    due_ms: int | None


class SiteWatch:
    """One site as the engine follows it. `site` and `version` are replaced by `reload`.

    Begins where the record's cursor says that an engine came to, or with the first interval.
    """

    def __init__(self, connection: Connection, site: Site, version: int) -> None:
        self.cursor = cursor(connection, site.id)
        self._position = self.cursor.interval_change if self.cursor else last_change(connection)
        self._until_ms = self.cursor.until_ms if self.cursor else None
        self._standing: dict[str, dict[str, StoredAlert]] = defaultdict(dict)
        for stored in standing(connection, site.id, _KIND):
            self._standing[stored.alert.subject][stored.id] = stored
        self._first_ms: int | None = None
        changed = self.cursor is not None and self.cursor.registry_version != version
        self.reload(connection, site, version, changed=changed)

    def reload(self, connection: Connection, site: Site, version: int, *, changed: bool = True) -> None:
        """Take another registry. `changed`: the alerts that stand were raised under one that said something else."""
        self.site, self.version = site, version
        self._by_registry = changed
        self._all_due = True
        self._maintenance, self._declared = _spans_of(site)
        self._watched = {duty.id: self._watch(duty) for duty in life.duties(site)}
        self._held = {
            stored.id
            for alerts in self._standing.values()
            for stored in alerts.values()
            if not announced(connection, stored.id)
        }
        self._duties_of_outlet: dict[str, list[_Watched]] = {}
        for watched in self._watched.values():
            for outlet in watched.duty.outlets:
                self._duties_of_outlet.setdefault(outlet.id, []).append(watched)
        starts = [
            start_ms
            for outlet in site.outlets
            for zone in {_ZONE, *(sensor.zone for sensor in outlet.sensors)}
            if (start_ms := first_start(connection, site.id, outlet.id, zone)) is not None
        ]
        if self._first_ms is not None:
            starts.append(self._first_ms)
        self._first_ms = min(starts, default=None)

    def is_due(self, frontier_ms: int, newest_change: int) -> bool:
        """Whether `look` might find anything that it did not know."""
        return (
            self._all_due
            or newest_change > self._position
            or any(one.due_ms is not None and one.due_ms <= frontier_ms for one in self._watched.values())
        )

    def look(self, connection: Connection, frontier_ms: int, now_ms: int) -> tuple[list[Finding], Cursor]:
        """What is different from what the record says, as far as intervals are complete, and the cursor after it.

        Nothing is decided at `frontier_ms` or later. `now_ms` only tells what comes late.
        """
        # A frontier that went back (a collector that lost its spool) takes nothing back by itself.
        until_ms = frontier_ms if self._until_ms is None else max(frontier_ms, self._until_ms)
        changed = self._take_changes(connection)
        before_ms = self._until_ms if self._until_ms is not None else self._first_ms
        findings: list[Finding] = []
        if before_ms is not None:
            for watched in self._watched.values():
                changed_ms = changed.get(watched.duty.id)
                due = self._all_due or (watched.due_ms is not None and watched.due_ms <= until_ms)
                if changed_ms is None and not due:
                    continue
                from_ms = before_ms if changed_ms is None else min(before_ms, changed_ms)
                findings += self._evaluate(connection, watched, from_ms, until_ms, now_ms)
            if self._all_due:
                findings += self._of_no_duty(until_ms)
            self._all_due = self._by_registry = False
            self._until_ms = until_ms
        return findings, Cursor(self._position, self.version, until_ms)

    def duty_of(self, stored: StoredAlert) -> DutyOf | None:
        """The duty that an alert spoke of, if the site still has its outlets."""
        if watched := self._watched.get(stored.alert.subject):
            return watched.duty
        # An outlet that has joined a named duty since.
        for outlet in self.site.outlets:
            if stored.alert.subject_type == "outlet" and outlet.id == stored.alert.subject:
                return DutyOf("outlet", outlet.id, outlet.agency, (outlet,), 1, outlet.rules)
        return None

    def _watch(self, duty: DutyOf) -> _Watched:
        site, times = self.site, life.rule_of(self.site, duty, _KIND)
        agency = next(agency for agency in site.agencies if agency.id == duty.agency)
        decides = (
            times,
            duty.at_least,
            site.timezone,
            site.country,
            site.cuti_bersama,
            [
                (
                    outlet.id,
                    outlet.service_hours or agency.service_hours or site.service_hours,
                    (*site.exceptions, *agency.exceptions, *outlet.exceptions),
                    self._declared.get(outlet.id, ()),
                    self._maintenance.get(outlet.id, ()),
                )
                for outlet in duty.outlets
            ],
        )
        judged_by = hashlib.sha256(repr(decides).encode()).hexdigest()[:16]
        return _Watched(duty, times, [hours_of(site, outlet) for outlet in duty.outlets], judged_by, None)

    def _take_changes(self, connection: Connection) -> dict[str, int]:
        """From when on the intervals of which duties changed since the last look."""
        newest = last_change(connection)
        changed: dict[str, int] = {}
        while self._position < newest:
            changes = changes_after(connection, self.site.id, self._position, _CHANGES_AT_ONCE)
            for change in changes:
                self._first_ms = change.from_ms if self._first_ms is None else min(self._first_ms, change.from_ms)
                if change.zone == _ZONE:
                    for watched in self._duties_of_outlet.get(change.outlet, ()):
                        known_ms = changed.get(watched.duty.id, change.from_ms)
                        changed[watched.duty.id] = min(known_ms, change.from_ms)
            # Other sites' changes are passed by, so that the next look begins behind them.
            self._position = changes[-1].id if len(changes) == _CHANGES_AT_ONCE else newest
        return changed

    def _evaluate(
        self,
        connection: Connection,
        watched: _Watched,
        before_ms: int,
        until_ms: int,
        now_ms: int,
    ) -> list[Finding]:
        """Compute the duty's alerts anew from a quiet instant up to `before_ms` on, and compare."""
        duty, times = watched.duty, watched.rule
        stand = self._standing[duty.id].values()
        if times is None:
            watched.due_ms = None
            return self._taken_in(duty, list(ends(stand, None, until_ms)))
        before_ms = min([before_ms, until_ms, *(stored.alert.since_ms for stored in stand)])
        start_ms = self._quiet(connection, watched, times, before_ms)
        changes = self._changes(connection, watched, start_ms, until_ms + _AHEAD_MS)
        state, effects = rule.run(changes, until_ms, times)
        ahead = [change.at_ms for change in changes if change.at_ms >= until_ms]
        due_ms = rule.due_ms(state, times)
        watched.due_ms = min([until_ms + _AHEAD_MS, *ahead, *([] if due_ms is None else [due_ms])])
        stored = of_subject(connection, self.site.id, _KIND, duty.id, start_ms)
        computed = life.alerts(_KIND, duty.subject_type, duty.id, effects)
        look = Look(now_ms, watched.judged_by, state.truth is True)
        if self._by_registry:
            disarmed = self._disarmed(watched, until_ms)
            made = from_registry(self.site.id, stored, computed, look, disarmed, until_ms)
        else:
            made = from_intervals(self.site.id, stored, computed, look)
        found = self._taken_in(duty, list(made))
        if look.true_now:
            found += self._taken_in(duty, [Transition("told", held, held, "firing") for held in self._held_of(duty)])
        return [self._with_facts(connection, finding, times, until_ms) for finding in found]

    def _quiet(self, connection: Connection, watched: _Watched, times: Rule, before_ms: int) -> int:
        """The newest instant up to `before_ms` at which no clock runs and nothing stands; at the latest, the first."""
        first_ms = before_ms if self._first_ms is None else min(self._first_ms, before_ms)
        length_ms = _HOUR_MS
        while before_ms > first_ms:
            start_ms = max(first_ms, before_ms - length_ms)
            changes = self._changes(connection, watched, start_ms, before_ms)
            quiet_ms = rule.last_quiet(changes, before_ms, times)
            if quiet_ms is not None:
                return quiet_ms
            if start_ms == first_ms:
                break
            length_ms *= 2
        return first_ms

    def _changes(self, connection: Connection, watched: _Watched, start_ms: int, end_ms: int) -> list[Change]:
        histories = [
            OutletHistory(
                staff=zone_intervals(connection, self.site.id, outlet.id, _ZONE, start_ms, end_ms),
                open=hours.open_spans(start_ms, end_ms),
                declared=self._declared.get(outlet.id, ()),
                maintenance=self._maintenance.get(outlet.id, ()),
            )
            for outlet, hours in zip(watched.duty.outlets, watched.hours, strict=True)
        ]
        return vacancy(histories, watched.duty.at_least, start_ms, end_ms)

    def _disarmed(self, watched: _Watched, at_ms: int) -> Disarmed | None:
        """Why alerts of a duty are not armed; None when they are."""
        reasons: list[Disarmed] = []
        for outlet, hours in zip(watched.duty.outlets, watched.hours, strict=True):
            if not hours.is_open(at_ms):
                reasons.append("closed")
            elif any(span.start_ms <= at_ms < span.end_ms for span in self._declared.get(outlet.id, ())):
                reasons.append("declared")
            elif any(span.start_ms <= at_ms < span.end_ms for span in self._maintenance.get(outlet.id, ())):
                reasons.append("maintenance")
            else:
                return None
        return min(reasons)  # closed, declared, maintenance: in this order when there are several

    def _of_no_duty(self, until_ms: int) -> list[Finding]:
        """The ends of alerts that stand for subjects which are no duties any more."""
        subjects = [subject for subject in self._standing if subject not in self._watched]
        found: list[Finding] = []
        for subject in subjects:
            for stored in list(self._standing[subject].values()):
                found += self._taken_in(self.duty_of(stored), list(ends([stored], None, until_ms)))
        return found

    def _held_of(self, duty: DutyOf) -> list[StoredAlert]:
        """The alerts that stand and of which nobody knows."""
        return [stored for stored in self._standing[duty.id].values() if stored.id in self._held]

    def _taken_in(self, duty: DutyOf | None, transitions: Sequence[Transition]) -> list[Finding]:
        found: list[Finding] = []
        for transition in transitions:
            now = transition.now
            if transition.what == "resolved" and now.id in self._held:
                transition = transition._replace(tells=None)
            found.append(Finding(transition, duty))
            if not now.stands:
                self._standing[now.alert.subject].pop(now.id, None)
                self._held.discard(now.id)
                continue
            self._standing[now.alert.subject][now.id] = now
            if transition.tells == "firing":
                self._held.discard(now.id)
            elif transition.what in ("firing", "reopened"):
                self._held.add(now.id)
        return found

    def _with_facts(self, connection: Connection, finding: Finding, times: Rule, until_ms: int) -> Finding:
        """What the message of a transition says beside the alert itself."""
        transition = finding.transition
        if transition.tells is None or finding.duty is None:
            return finding
        alert, outlets = transition.now.alert, [outlet.id for outlet in finding.duty.outlets]
        if transition.tells == "firing":
            return finding._replace(seen_ms=newest_evidence(connection, self.site.id, outlets, _ZONE))
        if transition.tells == "resolved":
            assert alert.resolved_ms is not None
            return finding._replace(unknown_since_ms=alert.resolved_ms - times.unknown_after_ms)
        staff = zone_intervals(connection, self.site.id, outlets[0], _ZONE, alert.since_ms, alert.fired_ms)
        staffed = next((one for one in staff if one.state == "occupied"), None)
        if staffed is None or len(outlets) > 1:
            return finding
        return finding._replace(staffed=Span(staffed.start_ms, staffed.end_ms or until_ms))


def _spans_of(site: Site) -> tuple[dict[str, list[Span]], dict[str, list[Span]]]:
    """Maintenance and declared absences of each outlet that has any."""
    maintenance, declared = defaultdict(list), defaultdict(list)
    for stretch in site.maintenance:
        if stretch.outlet is not None:
            maintenance[stretch.outlet].append(Span(stretch.from_ms, stretch.to_ms))
    for absence in site.absences:
        declared[absence.outlet].append(Span(absence.from_ms, absence.to_ms))
    return (
        {outlet: union(spans) for outlet, spans in maintenance.items()},
        {outlet: union(spans) for outlet, spans in declared.items()},
    )
