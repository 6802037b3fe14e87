"""Why an alert stood at an instant, or did not: the decision of that instant, and the checks that led to it in order.

Nothing is decided here. The conditions and the five rules are run up to the instant (`evaluate`), and what they came to
is read off: what they knew *then*, so that an interruption of ten seconds is one that may still be a bridge. Zones and
absences are as they are known today; what became of a clock or an alert afterwards is `Why.later`, and the end that an
alert has by now stands in `Why.alert`. The words for all of it are `why_words`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from presence.alerts import life, rule
from presence.alerts.evaluate import Known, evaluate
from presence.alerts.life import Alert
from presence.alerts.rule import Rule
from presence.alerts.subjects import Subject, subjects
from presence.alerts.why_checks import in_order
from presence.alerts.why_moment import Moment, moment_of
from presence.alerts.why_value import At, Check, Later, Why
from presence.obligations import Obligations
from presence.site import Site
from presence.zones import ZoneKey

_DAY_MS = 24 * 3_600_000


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
    moment = moment_of(site, subject, known, obligations, at_ms, min(at_ms + 1, known_until_ms), evidence or {})
    reason, checks = in_order(moment)
    if subject.rule is None:
        return replace(told, reason=reason, checks=checks)
    later_ms = max(moment.until_ms, min(known_until_ms, at_ms + _DAY_MS))
    alert, later = _afterwards(moment, subject.rule, later_ms)
    return replace(told, reason=reason, alert=alert, checks=checks, later=later)


def _afterwards(moment: Moment, its: Rule, later_ms: int) -> tuple[Alert | None, Later | None]:
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


def _stopped(moment: Moment, its: Rule, later_ms: int) -> Later | None:
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
