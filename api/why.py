"""Why-not over the record: what `presence.alerts.why` derives of an outlet's instant, beside what was recorded of it.

The two may differ: the record keeps what was judged when it was judged, by the rules and data of that time.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Literal, get_args
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from api.access import EVERYTHING, Sight
from presence.alerts.escalation import speakers
from presence.alerts.life import alert_id
from presence.alerts.subjects import Subject
from presence.alerts.texts import Language
from presence.alerts.why import subjects_at, why
from presence.alerts.why_value import Why
from presence.alerts.why_words import as_json, note_text
from presence.instants import parse_instant, rfc3339, rfc3339_or_none
from presence.obligations import Obligations
from presence.site import AlertKind, Site
from presence.zones import zones
from storage.record.alert_list import AlertRow, alerts, by_ids
from storage.record.alerts import cursor
from storage.record.hours import hours_history
from storage.record.intervals import newest_evidence, progress
from storage.record.refusals import NotThere
from storage.record.registry import EVER, load_site, site_ids
from storage.record.site_lines import RecordLines, first_of_site

Note = Literal["late", "disproved", "spoken_for", "not_recorded", "engine_behind", "recorded_otherwise"]
_MOST_AT_ONCE = 10_000
_CLOCK = re.compile(r"([01]?\d|2[0-3])[.:]([0-5]\d)(?:[.:]([0-5]\d))?")


def explain(
    connection: Connection,
    site_id: str,
    outlet_id: str,
    *,
    at: str | None,
    kind: AlertKind | None,
    now_ms: int,
    sight: Sight = EVERYTHING,
) -> dict[str, Any]:
    """Why each alert of the outlet that `sight` sees stood at an instant, or did not. `kind`: of this one only.

    `at`: as `_instant` reads it; None: the end of what is known. Raises NotThere, in words, for a site, outlet or kind
    that there is not, ValueError for an `at` that is no instant.
    """
    site = load_site(connection, site_id, declared_from_ms=EVER)
    if site is None:
        raise NotThere(_no("site", site_id, site_ids(connection)))
    if outlet_id not in (known := [outlet.id for outlet in site.outlets]):
        raise NotThere(_no("outlet", outlet_id, known))
    concerned = [
        one
        for one in subjects_at(site, outlet_id)
        if kind in (None, one.kind) and sight.sees_subject(site, one.subject_type, one.id)
    ]
    if not concerned:
        raise NotThere(f'outlet "{outlet_id}" has no sensor that could raise an alert "{kind}"')
    until_ms = progress(connection, site_id)
    end_ms = now_ms if until_ms is None else until_ms
    at_ms = end_ms if at is None else _instant(at, site.timezone, now_ms)
    return {
        "site": site_id,
        "outlet": outlet_id,
        "at": rfc3339(at_ms),
        "timezone": site.timezone,
        "known_until": rfc3339_or_none(until_ms),
        "kinds": _kinds(connection, site, outlet_id, concerned, at_ms, until_ms, now_ms),
    }


def _instant(text: str, timezone: str, now_ms: int) -> int:
    """RFC 3339, epoch seconds, or a time of today on the site's clock: `09.58`, `09:58:30`."""
    clock = _CLOCK.fullmatch(text)
    if clock is None:
        return parse_instant(text)
    hour, minute, second = (int(part or 0) for part in clock.groups())
    today = datetime.fromtimestamp(now_ms // 1000, ZoneInfo(timezone))
    return round(today.replace(hour=hour, minute=minute, second=second).timestamp()) * 1000


def _kinds(
    connection: Connection,
    site: Site,
    outlet_id: str,
    concerned: Sequence[Subject],
    at_ms: int,
    until_ms: int | None,
    now_ms: int,
) -> list[dict[str, Any]]:
    lines = RecordLines(connection, site.id, first_of_site(connection, site.id) or 0)
    obligations = Obligations(site, hours_history(connection, site))
    evidence = {
        key: seen_ms
        for key in zones(site)
        if key.outlet == outlet_id and (seen_ms := newest_evidence(connection, site.id, [outlet_id], key.zone))
    }
    at_once = alerts(connection, now_ms=now_ms, site=site.id, from_ms=at_ms, to_ms=at_ms + 1, limit=_MOST_AT_ONCE)
    standing = [row for row in at_once if row.alert.resolved_ms is None or row.alert.resolved_ms > at_ms]
    engine = cursor(connection, site.id)
    told = []
    for subject in concerned:
        found = why(site, subject, lines, obligations, at_ms, until_ms, evidence)
        row = _recorded(connection, site, found, standing)
        notes = list(_notes(subject, found, row, standing, None if engine is None else engine.until_ms))
        told.append(
            as_json(found, site.timezone)
            | {"recorded": None if row is None else row.as_json(now_ms), "notes": [_note(*note) for note in notes]}
        )
    return told


def _recorded(connection: Connection, site: Site, found: Why, standing: Iterable[AlertRow]) -> AlertRow | None:
    """What the record has: the very alert that is derived, else another that stood, else one that is disproved."""
    if found.alert is not None:
        rows = by_ids(connection, [alert_id(site.id, found.kind, found.subject, found.alert.since_ms)])
        if rows:
            return rows[0]
    rows = [row for row in standing if (row.alert.kind, row.alert.subject) == (found.kind, found.subject)]
    return min(rows, key=lambda row: row.disproved_ms is not None, default=None)


def _notes(
    subject: Subject, found: Why, row: AlertRow | None, standing: Iterable[AlertRow], engine_until_ms: int | None
) -> Iterable[tuple[Note, AlertKind | None]]:
    """What is to be said of the recorded alert, and where it differs from the derived one."""
    derived = found.alert
    if row is not None and row.late:
        yield "late", None
    if row is not None and row.disproved_ms is not None:
        yield "disproved", None
    elif derived is not None and row is None:
        behind = engine_until_ms is None or engine_until_ms <= derived.fired_ms
        yield "engine_behind" if behind else "not_recorded", None
    elif row is not None and found.reason != "not_known_yet" and not _same(found, row):
        yield "recorded_otherwise", None
    if subject.rule is not None and (derived is not None or row is not None):
        spoken_for = next(speakers(subject, (one.alert for one in standing if one.disproved_ms is None)), None)
        if spoken_for is not None:
            yield "spoken_for", spoken_for.kind


def _same(found: Why, row: AlertRow) -> bool:
    """Whether the recorded alert is the derived one; an end that is not derived yet is no difference."""
    derived = found.alert
    if derived is None:
        return False
    if (derived.since_ms, derived.fired_ms) != (row.alert.since_ms, row.alert.fired_ms):
        return False
    return derived.resolved_ms is None or derived.resolved_ms == row.alert.resolved_ms


def _note(name: Note, kind: AlertKind | None) -> dict[str, Any]:
    return {"name": name, "text": {language: note_text(name, language, kind) for language in get_args(Language)}}


def _no(what: str, name: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, known, 1)
    return f'no {what} "{name}"' + (f'; did you mean "{near[0]}"?' if near else "")
