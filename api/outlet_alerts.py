"""The alerts of one outlet in words: who was told, who answered, who is told next, how they lie on a timeline."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from api import floor, floor_alerts
from api.answer_words import answer_said
from api.outlet_asked import Present
from api.timeline import Flag, Told
from api.words import Words
from presence.alerts.escalation import Recipient, contact_of, due, ladder
from presence.alerts.escalation import Told as Heard
from presence.alerts.subjects import Subject
from presence.alerts.substitution import is_known, rungs_at
from presence.alerts.why import subjects_at
from presence.alerts.wording import capital
from presence.intervals import Span
from presence.site import Outlet, Site
from storage.record.alert_list import AlertRow, alerts

_MOST_ALERTS = 10_000


def alerts_of_day(
    connection: Connection, plan: floor.Plan, outlet: Outlet, day: Span, present: Present
) -> list[AlertRow]:
    """The alerts that stood on the day and concern the outlet, by when they began."""
    found = alerts(
        connection,
        now_ms=present.now_ms,
        site=plan.site.id,
        from_ms=day.start_ms,
        to_ms=day.end_ms,
        among=present.among,
        limit=_MOST_ALERTS,
    )
    nothing = floor.Subject("", ())
    return sorted(
        (row for row in found if outlet.id in plan.subjects.get(floor_alerts.subject_key(row), nothing).outlets),
        key=lambda row: (row.alert.since_ms, row.id),
    )


def told_in_words(row: AlertRow, site: Site, words: Words) -> str:
    """`10.01, 10.16 Koordinator · 10.21 Kepala dinas`."""
    times: dict[str, list[str]] = {}
    for told in row.told:
        times.setdefault(_name(site, told.agency, told.recipient), []).append(words.clock(told.at_ms))
    return " · ".join(f"{', '.join(at)} {name}" for name, at in times.items())


def _name(site: Site, agency: str, recipient: str) -> str:
    contact = contact_of(site, Recipient(agency, recipient))
    return recipient if contact is None else contact.name


def answer_in_words(row: AlertRow, words: Words) -> str:
    """`10.05 ani: alat rusak. Berlaku sampai 11.05`; "" while nobody has answered."""
    said = row.acknowledged
    if said is None:
        return ""
    until = words("outlet.answer.until", at=words.clock(said.until_ms))
    return f"{words.clock(said.at_ms)} {said.author}: {answer_said(said, words)}. {until}"


def next_told(site: Site, outlet: Outlet, row: AlertRow, now_ms: int, words: Words) -> str:
    """Who is told next of an alert that stands, if nothing changes."""
    subject = _subject_of(site, outlet, row)
    if subject is None:
        return ""
    rungs = rungs_at(site, ladder(site, subject), now_ms, is_known)
    paused = [] if row.acknowledged is None else [Span(row.acknowledged.at_ms, row.acknowledged.until_ms)]
    heard = [Heard(Recipient(told.agency, told.recipient), told.at_ms) for told in row.told]
    _, next_ms = due(rungs, row.alert.fired_ms, paused, heard, now_ms)
    if next_ms is None:
        return ""
    then, _ = due(rungs, row.alert.fired_ms, paused, heard, next_ms)
    names = dict.fromkeys(_name(site, *one.recipient) for one in then)
    return " ".join(filter(None, [words.clock(next_ms), ", ".join(names)]))


def _subject_of(site: Site, outlet: Outlet, row: AlertRow) -> Subject | None:
    alert = row.alert
    return next(
        (one for one in subjects_at(site, outlet.id) if (one.kind, one.id) == (alert.kind, alert.subject)), None
    )


def on_timeline(row: AlertRow, site: Site, outlet: Outlet, words: Words) -> Told:
    """The alert's line among the day's, with a flag for each message by the step of the ladder that it came from."""
    subject = _subject_of(site, outlet, row)
    steps: dict[Recipient, int] = {}
    for n, rung in enumerate([] if subject is None else ladder(site, subject), 1):
        for told in row.told:
            (then,) = rungs_at(site, [rung], told.at_ms, is_known)
            if (who := Recipient(told.agency, told.recipient)) in then.recipients:
                steps.setdefault(who, n)
    flags = [Flag(told.at_ms, steps.get(Recipient(told.agency, told.recipient), 1)) for told in row.told]
    kind = words(f"kind.{row.alert.kind}")
    return Told(
        row=floor_alerts.state_of(row),
        name=kind if row.disproved_ms is None else f"{kind} ({words('log.disproved').lower()})",
        start_ms=row.alert.since_ms,
        end_ms=row.alert.resolved_ms if row.disproved_ms is None else row.alert.resolved_ms or row.disproved_ms,
        disproved=row.disproved_ms is not None,
        flags=flags,
    )


def alert_line(row: AlertRow, plan: floor.Plan, now_ms: int, day: Span, words: Words) -> dict[str, Any]:
    """The alert as a row of the day's table; instants of other days with their date."""
    alert = row.alert

    def at(at_ms: int) -> str:
        return (
            words.clock_s(at_ms) if day.start_ms <= at_ms < day.end_ms else f"{words.date(at_ms)}, {words.clock(at_ms)}"
        )

    if row.disproved_ms is not None:
        ended = f"{at(row.disproved_ms)} {words('log.disproved').lower()}"
    elif alert.resolved_ms is not None:
        ended = f"{at(alert.resolved_ms)} {words(f'reason.{alert.reason}') if alert.reason else ''}".rstrip()
    else:
        ended = words("outlet.alerts.stands", span=words.span(now_ms - alert.since_ms))
    said = row.acknowledged
    unanswered = words("outlet.alerts.unanswered") if row.stands else "–"
    return {
        "state": floor_alerts.state_of(row),
        "icon": "i-sensor" if floor_alerts.state_of(row) == "unknown" else f"st-{floor_alerts.state_of(row)}",
        "what": words(f"kind.{alert.kind}"),
        "whose": "" if alert.subject_type == "outlet" else plan.subjects[floor_alerts.subject_key(row)].label,
        "since": at(alert.since_ms),
        "fired": at(alert.fired_ms),
        "told": told_in_words(row, plan.site, words),
        "late": row.late,
        "ended": ended,
        "acknowledged": unanswered if said is None else f"{at(said.at_ms)} {said.author}",
        "reason": "–" if said is None else capital(answer_said(said, words)),
    }
