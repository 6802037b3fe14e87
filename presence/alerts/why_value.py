"""What is told of an instant: the reason, the checks in order with their facts, the alert, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

from presence.alerts.life import Alert
from presence.alerts.subjects import SubjectType
from presence.site import AlertKind

Reason = Literal[
    "standing", "ending",
    "not_known_yet", "closed", "off", "declared", "maintenance", "late_phase", "late_phase_over",
    "staffed", "no_visitor", "works", "in_order", "unknown", "interrupted", "clock_running",
]  # fmt: skip
CheckName = Literal[
    "record", "hours", "rule", "declared", "maintenance", "late_phase", "state", "bridge", "clock", "end", "ended"
]
Result = Literal["passed", "stopped", "not_reached"]


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
