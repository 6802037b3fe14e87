"""An alert as a value: its identity, its life as replay prints it, and the duties that alerts about people speak of."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from presence.alerts.rule import Effect, Fired, Reason, Rule
from presence.instants import rfc3339, rfc3339_or_none
from presence.site import AlertKind, Duty, Outlet, Rules, Site
from presence.site import Rule as RuleOfLevel

SubjectType = Literal["outlet", "duty", "sensor", "gateway", "site"]

DEFAULT_AFTER_MS: dict[AlertKind, int] = {"vacancy": 600_000}
DEFAULT_MIN_PRESENCE_MS = 30_000
DEFAULT_UNKNOWN_AFTER_MS = 300_000


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert of one subject; `resolved_ms` and `reason` are None while it stands. `subject` is the bare id."""

    kind: AlertKind
    subject_type: SubjectType
    subject: str
    since_ms: int
    fired_ms: int
    resolved_ms: int | None = None
    reason: Reason | None = None

    def as_json(self) -> dict[str, Any]:
        """The line of `hadir replay`."""
        return {
            "type": "alert",
            "kind": self.kind,
            self.subject_type: self.subject,
            "since": rfc3339(self.since_ms),
            "fired": rfc3339(self.fired_ms),
            "resolved": rfc3339_or_none(self.resolved_ms),
            "reason": self.reason,
        }


def alert_id(site: str, kind: AlertKind, subject: str, since_ms: int) -> str:
    """16 hex digits that are the same whoever computes them: live, replayed or after a restart."""
    return hashlib.sha256(f"{site}|{kind}|{subject}|{rfc3339(since_ms)}".encode()).hexdigest()[:16]


def alerts(kind: AlertKind, subject_type: SubjectType, subject: str, effects: Iterable[Effect]) -> list[Alert]:
    """The alerts that `effects`, in order of time, made of one subject."""
    made: dict[int, Alert] = {}
    for effect in effects:
        resolved_ms, reason = (None, None) if isinstance(effect, Fired) else (effect.resolved_ms, effect.reason)
        made[effect.fired_ms] = Alert(
            kind, subject_type, subject, effect.since_ms, effect.fired_ms, resolved_ms, reason
        )
    return list(made.values())


@dataclass(frozen=True, slots=True)
class DutyOf:
    """A duty with what it needs: a named one, or one outlet that is its own duty."""

    subject_type: SubjectType
    id: str
    agency: str
    outlets: tuple[Outlet, ...]
    at_least: int
    rules: Rules


def duties(site: Site) -> list[DutyOf]:
    """Every duty of the site: the outlets that are in no named duty, each its own, then the named ones."""
    by_id = {outlet.id: outlet for outlet in site.outlets}
    named: list[Duty] = [duty for duty in site.duties if all(outlet in by_id for outlet in duty.outlets)]
    taken = {outlet for duty in named for outlet in duty.outlets}
    own = [
        DutyOf("outlet", outlet.id, outlet.agency, (outlet,), 1, outlet.rules)
        for outlet in site.outlets
        if outlet.id not in taken
    ]
    return own + [
        DutyOf(
            "duty",
            duty.id,
            by_id[duty.outlets[0]].agency,
            tuple(by_id[o] for o in duty.outlets),
            duty.at_least,
            duty.rules,
        )
        for duty in named
    ]


def rule_of(site: Site, duty: DutyOf, kind: AlertKind) -> Rule | None:
    """The rule of `kind` for `duty`, merged key by key: site, then agency, then duty or outlet; None when it is off."""
    said = _levels(site, duty.agency, duty.rules, kind)
    if said and said[-1].off:
        return None
    return Rule(
        after_ms=_last(said, "after_ms", DEFAULT_AFTER_MS[kind]),
        min_presence_ms=_last(said, "min_presence_ms", DEFAULT_MIN_PRESENCE_MS),
        unknown_after_ms=_last(said, "unknown_after_ms", DEFAULT_UNKNOWN_AFTER_MS),
    )


def min_presence_ms(site: Site, agency: str, rules: Rules) -> int:
    """What counts as a presence in the ledger: `min_presence` of the vacancy rule, whether that is on or off."""
    return _last(_levels(site, agency, rules, "vacancy"), "min_presence_ms", DEFAULT_MIN_PRESENCE_MS)


def _levels(site: Site, agency_id: str, rules: Rules, kind: AlertKind) -> list[RuleOfLevel]:
    agency = next((agency for agency in site.agencies if agency.id == agency_id), None)
    return [level[kind] for level in (site.rules, agency.rules if agency else {}, rules) if kind in level]


def _last(levels: Iterable[RuleOfLevel], key: str, default: int) -> int:
    value = default
    for level in levels:
        given = getattr(level, key)
        value = value if given is None else given
    return value
