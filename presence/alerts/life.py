"""An alert as a value: its identity, and its life as replay prints it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from presence.alerts.rule import Effect, Fired, Reason
from presence.alerts.subjects import Subject, SubjectType
from presence.instants import rfc3339, rfc3339_or_none
from presence.site import AlertKind


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


def alerts(subject: Subject, effects: Iterable[Effect]) -> list[Alert]:
    """The alerts that `effects`, in order of time, made of one subject."""
    made: dict[int, Alert] = {}
    for effect in effects:
        resolved_ms, reason = (None, None) if isinstance(effect, Fired) else (effect.resolved_ms, effect.reason)
        made[effect.fired_ms] = Alert(
            subject.kind, subject.subject_type, subject.id, effect.since_ms, effect.fired_ms, resolved_ms, reason
        )
    return list(made.values())
