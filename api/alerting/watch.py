"""What alerts of one site speak of, and what the lines in the record mean for them.

Nothing is remembered that the record does not hold: the alerts of a subject are computed anew from the last instant at
which its past does not matter any more, and compared with those of the record. What is kept in memory only says when
that is worth doing.
"""

from __future__ import annotations

import hashlib
import heapq
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from sqlalchemy import Connection

from api.alerting.transitions import Look, Transition, ends, from_intervals, from_registry
from presence.alerts import life, rule
from presence.alerts.evaluate import changes, changes_from, outcome
from presence.alerts.life import Alert
from presence.alerts.rule import Change, Disarmed, Rule
from presence.alerts.subjects import Subject, group_of, subjects
from presence.hours_history import Hours
from presence.intervals import Span, clip
from presence.obligations import Obligations
from presence.site import AlertKind, Site
from presence.zones import ZoneKey, zones
from storage.record.alerts import Cursor, StoredAlert, cursor, of_subject, standing
from storage.record.intervals import IntervalChange, last_change
from storage.record.site_lines import RecordLines, first_of_site, true_now, unknown_at

_HOUR_MS = 3_600_000
_DAY_MS = 24 * _HOUR_MS
# How far ahead openings, closings and declared absences are looked for; after that long a duty is looked at anyway.
_AHEAD_MS = _DAY_MS
_SIDES: dict[AlertKind, tuple[str, ...]] = {
    "vacancy": ("staff",),
    "late_opening": ("staff",),
    "unattended": ("staff", "visitor"),
    "equipment_down": ("equipment",),
}
_SPEAKING: tuple[AlertKind, ...] = ("site_outage", "gateway_offline")

Key = tuple[AlertKind, str]


class Finding(NamedTuple):
    """A transition, and what its alert speaks of; None: of something that the site has no more."""

    transition: Transition
    subject: Subject | None


@dataclass(slots=True)
class _Watched:
    """One subject. `due_ms`: when it is to be looked at though nothing comes in; None: when something does.

    `true_now`: whether the condition was true at the end of what was known when it was looked at last.
    """

    subject: Subject
    due_ms: int | None = None
    true_now: bool = False


class SiteWatch:
    """One site as the engine follows it. `site`, `version` and `obligations` are replaced by `reload`.

    Begins where the record's cursor says that an engine came to, or with the first interval. `to_tell`: the alerts that
    stand and of which there may be something to say. `changed`: from when on the intervals of which outlet's zone
    changed, as the last look found. `position`: up to which change of the record `note` was told of all that there are.
    """

    def __init__(self, connection: Connection, site: Site, hours: Mapping[str, Hours], version: int) -> None:
        self.cursor = cursor(connection, site.id)
        self.position = self.cursor.interval_change if self.cursor else last_change(connection)
        self._noted: dict[tuple[str, str], int] = {}
        self._until_ms = self.cursor.until_ms if self.cursor else None
        self._looked_ms: int | None = None
        self._standing: dict[Key, dict[str, StoredAlert]] = defaultdict(dict)
        for stored in standing(connection, site.id):
            self._standing[_key(stored)][stored.id] = stored
        self._first_ms = first_of_site(connection, site.id)
        self.changed: dict[tuple[str, str], int] = {}
        changed = self.cursor is not None and self.cursor.registry_version != version
        self.reload(connection, site, hours, version, changed=changed)

    def reload(
        self, connection: Connection, site: Site, hours: Mapping[str, Hours], version: int, *, changed: bool = True
    ) -> None:
        """Take another registry. `changed`: the alerts that stand were raised under one that said something else."""
        self.site, self.version = site, version
        self.obligations = Obligations(site, hours)
        self._by_registry = changed
        self._all_due = True
        self._watched = {(subject.kind, subject.id): _Watched(subject) for subject in subjects(site)}
        self._by_line: dict[tuple[str, str], list[Key]] = defaultdict(list)
        for key, watched in self._watched.items():
            for line in _lines_of(watched.subject):
                self._by_line[line].append(key)
        self._zones = zones(site)
        at_ms = self._until_ms if self._until_ms is not None else 0
        self._unknown = unknown_at(connection, site.id, at_ms) & self._zones.keys()
        self._due: list[tuple[int, Key]] = []
        true = true_now(connection, site.id)
        for key, watched in self._watched.items():
            # The line of a device acts when it changes, and while it is true.
            if watched.subject.group == "people" or self._until_ms is None or self._standing[key] or key in true:
                self._set_due(key, 0)
        self.to_tell = {stored.id for alerts in self._standing.values() for stored in alerts.values()}

    def note(self, change: IntervalChange) -> None:
        """One of the site's lines changed: the next look takes it in. What was taken in before is passed by."""
        if change.id > self.position:
            place = (change.outlet, change.zone)
            self._noted[place] = min(self._noted.get(place, change.from_ms), change.from_ms)

    def is_due(self, frontier_ms: int) -> bool:
        """Whether `look` might find anything that it did not know."""
        return self._all_due or bool(self._noted) or bool(self._due and self._due[0][0] <= frontier_ms)

    def look(self, connection: Connection, frontier_ms: int, now_ms: int) -> list[Finding]:
        """What is different from what the record says, as far as intervals are complete.

        Nothing is decided at `frontier_ms` or later. `now_ms` only tells what comes late.
        """
        # A frontier that went back (a collector that lost its spool) takes nothing back by itself.
        until_ms = frontier_ms if self._until_ms is None else max(frontier_ms, self._until_ms)
        self._take_changes()
        before_ms = self._until_ms if self._until_ms is not None else self._first_ms
        findings: list[Finding] = []
        if before_ms is not None:
            lines = RecordLines(connection, self.site.id, before_ms if self._first_ms is None else self._first_ms)
            from_ms = self._keys_changed(lines, before_ms, until_ms)
            # Each once: what was found in this look is not in the record that a second evaluation would read.
            for key in dict.fromkeys([*self._take_due(until_ms), *from_ms]):
                if key in from_ms or self._is_due(key, until_ms):
                    look_from_ms = min(before_ms, from_ms.pop(key, before_ms))
                    findings += self._evaluate(connection, lines, key, look_from_ms, until_ms, now_ms)
            if self._all_due:
                findings += self._of_no_subject(until_ms)
            self._all_due = self._by_registry = False
            self._until_ms = until_ms
        self._looked_ms = until_ms
        return findings

    def pass_to(self, frontier_ms: int) -> None:
        """Nothing is due up to `frontier_ms`: that is a look that would find nothing."""
        if self._looked_ms is not None:
            self._looked_ms = max(self._looked_ms, frontier_ms)

    @property
    def reached(self) -> Cursor | None:
        """The cursor as it is to be in the record; None before the first look, and while something waits for one."""
        if self._looked_ms is None or self._noted:
            return None
        return Cursor(self.position, self.version, self._looked_ms)

    def subject_of(self, stored: StoredAlert) -> Subject | None:
        """What an alert speaks of, if the site still has it."""
        if watched := self._watched.get(_key(stored)):
            return watched.subject
        # An outlet that has joined a named duty since.
        for outlet in self.site.outlets:
            if stored.alert.subject_type == "outlet" and outlet.id == stored.alert.subject:
                return Subject(
                    kind=stored.alert.kind,
                    subject_type="outlet",
                    id=outlet.id,
                    agency=outlet.agency,
                    outlets=(outlet,),
                )
        return None

    def standing(self) -> Iterator[StoredAlert]:
        """The alerts that stand."""
        for alerts in self._standing.values():
            yield from alerts.values()

    def is_true(self, stored: StoredAlert) -> bool:
        """Whether the condition of an alert was true at the end of what is known."""
        watched = self._watched.get(_key(stored))
        return watched is not None and watched.true_now

    # What is worth a look

    def _take_changes(self) -> None:
        """From when on which lines changed since the last look."""
        self.changed, self._noted = self._noted, {}
        known = [] if self._first_ms is None else [self._first_ms]
        self._first_ms = min([*self.changed.values(), *known], default=None)

    def _keys_changed(self, lines: RecordLines, before_ms: int, until_ms: int) -> dict[Key, int]:
        """Of which subjects something changed, and from when on."""
        found: dict[Key, int] = {}
        for line, changed_ms in self.changed.items():
            for key in self._by_line.get(line, ()):
                found[key] = min(found.get(key, changed_ms), changed_ms)
        touched = {zone: from_ms for zone in self._zones if (from_ms := self.changed.get(zone)) is not None}
        if touched and self._may_be_outage(lines, touched, before_ms, until_ms):
            found["site_outage", self.site.id] = min(touched.values())
        return found

    def _may_be_outage(self, lines: RecordLines, touched: Mapping[ZoneKey, int], before_ms: int, until_ms: int) -> bool:
        """Whether 60 % of the zones may have been unknown at one time: to read all of them costs a query for each."""
        was_unknown = set(self._unknown)
        for key, from_ms in touched.items():
            # The duty's own look comes next, and finds what is read here.
            lines.zone(key, min(from_ms, before_ms) - _HOUR_MS, until_ms + _AHEAD_MS)
            line = lines.zone(key, from_ms, until_ms)
            if any(interval.state == "unknown" for interval in line):
                was_unknown.add(key)
            if line and line[-1].state == "unknown":
                self._unknown.add(key)
            else:
                self._unknown.discard(key)
        return (
            len(was_unknown) * 5 >= len(self._zones) * 3
            or min(touched.values()) < before_ms
            or bool(self._standing["site_outage", self.site.id])
        )

    def _set_due(self, key: Key, due_ms: int | None) -> None:
        self._watched[key].due_ms = due_ms
        if due_ms is not None:
            heapq.heappush(self._due, (due_ms, key))

    def _take_due(self, until_ms: int) -> list[Key]:
        taken = []
        while self._due and self._due[0][0] <= until_ms:
            due_ms, key = heapq.heappop(self._due)
            if self._watched[key].due_ms == due_ms:
                taken.append(key)
        return taken

    def _is_due(self, key: Key, until_ms: int) -> bool:
        due_ms = self._watched[key].due_ms
        return due_ms is not None and due_ms <= until_ms

    # One subject

    def _evaluate(
        self, connection: Connection, lines: RecordLines, key: Key, before_ms: int, until_ms: int, now_ms: int
    ) -> list[Finding]:
        """Compute the alerts of a subject anew from a quiet instant up to `before_ms` on, and compare."""
        watched = self._watched[key]
        subject, times = watched.subject, watched.subject.rule
        stand = self._standing[key].values()
        if times is None:
            watched.due_ms = None
            return self._taken_in(subject, list(ends(stand, None, until_ms)))
        before_ms = min([before_ms, until_ms, *(stored.alert.since_ms for stored in stand)])
        ahead_ms = until_ms + _AHEAD_MS
        start_ms, found = self._since_quiet(lines, subject, times, before_ms, ahead_ms)
        state, effects, _ = outcome(subject, lines, found, until_ms)
        watched.true_now = state.truth is True and state.armed
        due = [change.at_ms for change in found if change.at_ms >= until_ms]
        due += [at_ms for at_ms in [rule.due_ms(state, times)] if at_ms is not None]
        self._set_due(key, min([ahead_ms, *due]) if due or subject.group == "people" else None)
        stored = of_subject(connection, self.site.id, subject.kind, subject.id, start_ms)
        computed = life.alerts(subject, effects)
        look = Look(now_ms, partial(_judged_by, subject, self.obligations))
        if self._by_registry:
            made = from_registry(self.site.id, stored, computed, look, self._disarmed(subject, until_ms), until_ms)
        else:
            made = from_intervals(self.site.id, stored, computed, look)
        findings = self._taken_in(subject, list(made))
        self.to_tell.update(self._standing[key])
        return findings

    def _since_quiet(
        self, lines: RecordLines, subject: Subject, times: Rule, before_ms: int, ahead_ms: int
    ) -> tuple[int, list[Change]]:
        """The newest instant up to `before_ms` at which no clock runs and nothing stands, or the first of all.

        With it the changes of `subject` from then on to `ahead_ms`: also those that hours and absences will bring.
        """
        first_ms = before_ms if self._first_ms is None else min(self._first_ms, before_ms)
        length_ms = _HOUR_MS
        while True:
            start_ms = max(first_ms, before_ms - length_ms)
            found = changes(subject, lines, self.obligations, start_ms, ahead_ms)
            quiet_ms = rule.last_quiet(found, before_ms, times)
            if quiet_ms is not None:
                return quiet_ms, changes_from(found, quiet_ms)
            if start_ms == first_ms:
                return first_ms, found
            length_ms *= 2

    def _disarmed(self, subject: Subject, at_ms: int) -> Disarmed | None:
        """Why alerts of a subject are not armed; None when they are."""
        if subject.group == "site":
            return None
        if subject.group == "technical":
            muted = self.obligations.muted(subject.id)
            return "maintenance" if any(span.start_ms <= at_ms < span.end_ms for span in muted) else None
        reasons: list[Disarmed] = []
        for outlet in subject.outlets:
            why = self._why_not_armed(outlet.id, at_ms)
            if why is None:
                return None
            reasons.append(why)
        return min(reasons)  # closed, declared, maintenance: in this order when there are several

    def _why_not_armed(self, outlet: str, at_ms: int) -> Disarmed | None:
        if not self.obligations.hours[outlet].is_open(at_ms):
            return "closed"
        if any(span.start_ms <= at_ms < span.end_ms for span in self.obligations.declared.get(outlet, ())):
            return "declared"
        if any(span.start_ms <= at_ms < span.end_ms for span in self.obligations.maintenance.get(outlet, ())):
            return "maintenance"
        return None

    def _of_no_subject(self, until_ms: int) -> list[Finding]:
        """The ends of alerts that stand for what is no subject any more."""
        found: list[Finding] = []
        for key in [key for key in self._standing if key not in self._watched]:
            for stored in list(self._standing[key].values()):
                found += self._taken_in(self.subject_of(stored), list(ends([stored], None, until_ms)))
        return found

    def _taken_in(self, subject: Subject | None, transitions: Sequence[Transition]) -> list[Finding]:
        for transition in transitions:
            now = transition.now
            if now.stands:
                self._standing[_key(now)][now.id] = now
            else:
                self._standing[_key(now)].pop(now.id, None)
            if now.alert.kind in _SPEAKING:
                # What it speaks for may be said from now on, or not any more.
                self.to_tell.update(
                    stored.id for stored in self.standing() if group_of(stored.alert.kind) == "technical"
                )
        return [Finding(transition, subject) for transition in transitions]


def _judged_by(subject: Subject, obligations: Obligations, alert: Alert) -> str:
    """Names all of the registry that decided on an alert up to its firing: what is declared of other times does not."""
    begin_ms = alert.since_ms - (1 if subject.late_rule is None else _DAY_MS)
    time = Span(begin_ms, alert.fired_ms)
    decides: list[object] = []
    if subject.group == "people":
        for outlet in subject.outlets:
            of_outlet = (obligations.declared.get(outlet.id, ()), obligations.maintenance.get(outlet.id, ()))
            decides += [outlet.id, obligations.hours[outlet.id].open_spans(*time)]
            decides += [list(clip(spans, *time)) for spans in of_outlet]
    else:
        decides += clip(obligations.muted(subject.id), *time)
    said = (subject.rule, subject.late_rule, subject.at_least, decides)
    return hashlib.sha256(repr(said).encode()).hexdigest()[:32]


def _lines_of(subject: Subject) -> list[tuple[str, str]]:
    """Whose lines in the record decide on a subject: outlet and zone, or device and kind. The site's are all zones."""
    if subject.group == "people":
        return [(outlet.id, side) for outlet in subject.outlets for side in _SIDES[subject.kind]]
    return [] if subject.group == "site" else [(subject.id, subject.kind)]


def _key(stored: StoredAlert) -> Key:
    return stored.alert.kind, stored.alert.subject
