"""The last hour of a floor: what outlets became, and which alerts ended. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from api.floor import HOUR_MS, STAFFED, Plan, Subject
from api.floor_alerts import page_of, subject_key
from api.live import Change
from api.words import Words
from storage.record.alert_list import AlertRow

LOG_LENGTH = 12
_WORTH_TELLING_MS = 1000


class Line(NamedTuple):
    """One line of the log. `at_ms`: its place in time."""

    at_ms: int
    at: str
    state: str
    where: str
    href: str
    icon: str
    word: str
    more: str


def log_lines(
    changes: Iterable[Change], alerts: Iterable[AlertRow], floor: Plan, now_ms: int, words: Words
) -> list[Line]:
    """What happened within the last hour, newest first; the page shows the first `LOG_LENGTH`."""
    lines = [
        _change_line(change, floor, words) for change in changes if change.outlet in floor.outlets and _tells(change)
    ]
    lines += [_ended_line(row, floor, words) for row in alerts if not row.stands]
    recent = [line for line in lines if line.at_ms > now_ms - HOUR_MS]
    return sorted(recent, key=lambda line: (line.at_ms, line.where), reverse=True)


def _tells(change: Change) -> bool:
    """All outlets share openings and closings, and visitors come and go."""
    both = {change.status, change.was}
    return "closed" not in both and both != set(STAFFED)


def _change_line(change: Change, floor: Plan, words: Words) -> Line:
    more = ""
    if change.was is not None and change.lasted_ms is not None and change.lasted_ms >= _WORTH_TELLING_MS:
        more = words("log.was", state=words(f"state.{change.was}").lower(), span=words.span(change.lasted_ms))
    subject = floor.subjects[f"outlet/{change.outlet}"]
    return Line(
        change.at_ms,
        words.clock(change.at_ms),
        change.status,
        subject.label,
        floor.outlets[change.outlet].href,
        f"st-{change.status}",
        words(f"state.{change.status}"),
        more,
    )


def _ended_line(row: AlertRow, floor: Plan, words: Words) -> Line:
    alert = row.alert
    subject = floor.subjects.get(subject_key(row), Subject(alert.subject, ()))
    ended_ms = alert.resolved_ms if row.disproved_ms is None else row.disproved_ms
    assert ended_ms is not None
    lasted = words("log.after", kind=words(f"kind.{alert.kind}").lower(), span=words.span(ended_ms - alert.since_ms))
    reason = words(f"reason.{alert.reason}") if alert.reason is not None and row.disproved_ms is None else ""
    return Line(
        ended_ms,
        words.clock(ended_ms),
        "staffed" if alert.reason in ("presence", "ended") and row.disproved_ms is None else "unknown",
        subject.label,
        page_of(subject, floor),
        "i-check",
        words("log.resolved") if row.disproved_ms is None else words("log.disproved"),
        "; ".join(part for part in (lasted, reason) if part),
    )
