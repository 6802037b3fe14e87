"""What becomes of the alerts in the record when they are computed anew: pure, and the same whoever computes.

The engine computes the alerts of a duty from its intervals, from an instant on at which the past does not matter any
more. What it finds and what the record holds are compared here; each difference is one transition.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Literal, NamedTuple

from presence.alerts.life import Alert, alert_id
from presence.alerts.message import Event
from presence.alerts.rule import Disarmed
from storage.record.alerts import StoredAlert

# An alert that is recorded longer than this after it fired was due while nobody watched.
LATE_AFTER_MS = 10_000

What = Literal["firing", "resolved", "disproved", "reopened", "corrected"]


class Transition(NamedTuple):
    """One change of one alert: `now` is written over `was`, which is None for a new one.

    `tells`: what is said of it; None: nobody is told. A `reopened` alert had ended and stands, or is true, again.
    """

    what: What
    now: StoredAlert
    was: StoredAlert | None
    tells: Event | None


def from_intervals(
    site: str, stored: Sequence[StoredAlert], computed: Sequence[Alert], now_ms: int
) -> Iterator[Transition]:
    """What `computed`, all alerts of one subject from some instant on, makes of `stored`, those of the record.

    An alert that was over before anybody was told is recorded, and nobody is told.
    """
    found = {alert_id(site, alert.kind, alert.subject, alert.since_ms): alert for alert in computed}
    known = {one.id: one for one in stored}
    # What was wrong is taken back before anything new is said.
    for was in stored:
        if was.id not in found and was.disproved_ms is None and not _ended(was):
            yield Transition("disproved", was._replace(disproved_ms=now_ms), was, "disproved")
    for found_id, alert in found.items():
        yield from _again(known[found_id], alert) if found_id in known else _new(found_id, alert, now_ms)


def from_registry(
    site: str,
    stored: Sequence[StoredAlert],
    computed: Sequence[Alert],
    disarmed: Disarmed | None,
    until_ms: int,
    now_ms: int,
) -> Iterator[Transition]:
    """As `from_intervals`, where not the intervals changed but rules, hours, absences or outlets.

    That makes nothing wrong which was right when it was said: nothing is disproved, and what ended stays as it ended.
    What stands and would not have fired ends at `until_ms`, because it is `disarmed` now or, if not, as `ended`.
    """
    found = {alert_id(site, alert.kind, alert.subject, alert.since_ms): alert for alert in computed}
    known = {one.id: one for one in stored}
    yield from ends((was for was in stored if was.id not in found), disarmed, until_ms)
    for found_id, alert in found.items():
        if found_id not in known:
            yield from _new(found_id, alert, now_ms)
        elif known[found_id].stands:
            # A new rule may put the instant of firing elsewhere; people were told under the old one.
            yield from _again(known[found_id], replace(alert, fired_ms=known[found_id].alert.fired_ms))


def ends(stored: Iterable[StoredAlert], disarmed: Disarmed | None, until_ms: int) -> Iterator[Transition]:
    """Those that stand are over at `until_ms`: no rule speaks of them any more."""
    for was in stored:
        if was.stands:
            over = replace(was.alert, resolved_ms=max(until_ms, was.alert.fired_ms), reason=disarmed or "ended")
            yield Transition("resolved", was._replace(alert=over), was, "resolved")


def _new(new_id: str, alert: Alert, now_ms: int) -> Iterator[Transition]:
    late = now_ms - alert.fired_ms > LATE_AFTER_MS
    fired = replace(alert, resolved_ms=None, reason=None)
    first = StoredAlert(new_id, fired, late, None)
    if alert.resolved_ms is None:
        yield Transition("firing", first, None, "firing")
    else:
        yield Transition("firing", first, None, None)
        yield Transition("resolved", first._replace(alert=alert), first, None)


def _again(was: StoredAlert, alert: Alert) -> Iterator[Transition]:
    now = was._replace(alert=alert, disproved_ms=None)
    if now == was or (_ended(was) and was.disproved_ms is None):
        return
    if was.stands and alert.resolved_ms is not None:
        yield Transition("resolved", now, was, "resolved")
    elif was.disproved_ms is not None or (now.stands and not was.stands):
        yield Transition("reopened", now, was, "firing" if now.stands else None)
    else:
        yield Transition("corrected", now, was, None)


def _ended(stored: StoredAlert) -> bool:
    """Ended by the registry, of which intervals know nothing."""
    return stored.alert.reason == "ended"
