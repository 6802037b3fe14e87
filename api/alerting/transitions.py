"""What becomes of the alerts in the record when they are computed anew: pure, and the same whoever computes.

The engine computes the alerts of a duty from its intervals, from an instant on at which the past does not matter any
more. What it finds and what the record holds are compared here; each difference is one transition.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Literal, NamedTuple

from presence.alerts.life import Alert, alert_id
from presence.alerts.rule import Disarmed
from storage.record.alerts import StoredAlert

# An alert that is recorded longer than this after it fired was due while nobody watched.
LATE_AFTER_MS = 10_000

What = Literal["firing", "resolved", "disproved", "reopened", "corrected"]


class Transition(NamedTuple):
    """One change of one alert: `now` is written over `was`, which is None for a new one.

    A `reopened` alert had ended and stands, or is true, again.
    """

    what: What
    now: StoredAlert
    was: StoredAlert | None


class Look(NamedTuple):
    """When alerts were computed, and under what.

    `judged_by`: names the rule, hours, absences and maintenance that decide on an alert of theirs, as in StoredAlert.
    """

    now_ms: int
    judged_by: Callable[[Alert], str]


def from_intervals(
    site: str, stored: Sequence[StoredAlert], computed: Sequence[Alert], look: Look
) -> Iterator[Transition]:
    """What `computed`, all alerts of one subject from some instant on, makes of `stored`, those of the record.

    One that fired under other rules and is over stays as it is: what those rules would say of the intervals now is not
    known. It only can stand again.
    """
    found = _by_id(site, computed)
    known = {one.id: one for one in stored}
    # What was wrong is taken back before anything new is said.
    for was in stored:
        if was.disproved_ms is None and not _settled(was, look) and _denied(was, found.get(was.id), look):
            found.pop(was.id, None)
            yield Transition("disproved", was._replace(disproved_ms=look.now_ms), was)
    for found_id, alert in found.items():
        yield from _again(known[found_id], alert, look) if found_id in known else _new(found_id, alert, look)


def from_registry(
    site: str,
    stored: Sequence[StoredAlert],
    computed: Sequence[Alert],
    look: Look,
    disarmed: Disarmed | None,
    until_ms: int,
) -> Iterator[Transition]:
    """As `from_intervals`, when the registry was changed since the last look.

    Other rules, hours, absences or outlets make nothing wrong which was right when it was said: what stands, fired
    under others and would not have fired is not disproved; it ends at `until_ms`, because it is `disarmed` now or, if
    not, as `ended`.
    """
    found = _by_id(site, computed)
    others = [was for was in stored if was.stands and _otherwise(was, look)]
    over = {was.id: was for was in others if _denied(was, found.get(was.id), look)}
    yield from ends(over.values(), disarmed, until_ms)
    left = [alert for found_id, alert in found.items() if found_id not in over]
    yield from from_intervals(site, [was for was in stored if was.id not in over], left, look)


def ends(stored: Iterable[StoredAlert], disarmed: Disarmed | None, until_ms: int) -> Iterator[Transition]:
    """Those that stand are over at `until_ms`: no rule speaks of them any more."""
    for was in stored:
        if was.stands:
            over = replace(was.alert, resolved_ms=max(until_ms, was.alert.fired_ms), reason=disarmed or "ended")
            yield Transition("resolved", was._replace(alert=over), was)


def _by_id(site: str, computed: Iterable[Alert]) -> dict[str, Alert]:
    return {alert_id(site, alert.kind, alert.subject, alert.since_ms): alert for alert in computed}


def _denied(was: StoredAlert, alert: Alert | None, look: Look) -> bool:
    """Whether `alert`, what was computed of it, says that it did not fire: under other rules, over before it had."""
    if alert is None or alert.resolved_ms is None or not _otherwise(was, look):
        return alert is None
    return alert.resolved_ms <= was.alert.fired_ms


def _new(new_id: str, alert: Alert, look: Look) -> Iterator[Transition]:
    fired = replace(alert, resolved_ms=None, reason=None)
    first = StoredAlert(new_id, fired, look.now_ms - alert.fired_ms > LATE_AFTER_MS, None, look.judged_by(alert))
    yield Transition("firing", first, None)
    if alert.resolved_ms is not None:
        yield Transition("resolved", first._replace(alert=alert), first)


def _again(was: StoredAlert, alert: Alert, look: Look) -> Iterator[Transition]:
    if alert.resolved_ms is None and not was.stands:
        yield Transition("reopened", was._replace(alert=alert, disproved_ms=None, judged_by=look.judged_by(alert)), was)
        return
    if _otherwise(was, look):
        # Another rule may put the instant of firing elsewhere; people were told under the old one.
        alert = replace(alert, fired_ms=was.alert.fired_ms)
    now = was._replace(alert=alert, disproved_ms=None)
    if now == was or _settled(was, look):
        return
    if was.stands and alert.resolved_ms is not None:
        yield Transition("resolved", now, was)
    else:
        yield Transition("corrected" if was.disproved_ms is None else "reopened", now, was)


def _settled(was: StoredAlert, look: Look) -> bool:
    """Over, and not what intervals under today's rules can date: ended by a registry, or fired under another one."""
    return not was.stands and (was.alert.reason == "ended" or _otherwise(was, look))


def _otherwise(was: StoredAlert, look: Look) -> bool:
    """Whether it fired under what the registry does not say any more of that time."""
    return was.judged_by != look.judged_by(was.alert)
