"""The page of one outlet: a day against its obligation, its ledger and alerts, its week or month, its sensors.

Out of the record, by the functions that the API answers with; every figure is that of the ledger.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from api import floor, floor_alerts, floor_hours, floor_tiles
from api.access import Sight
from api.floor_alerts import OF_OUTLETS, PEOPLE
from api.ledger_days import extent
from api.ledger_view import view
from api.outlet_alerts import (
    alert_line,
    alerts_of_day,
    answer_in_words,
    next_told,
    told_in_words,
)
from api.outlet_asked import Asked, Present
from api.outlet_days import Known, day_of, days_around, ledger_of_day, range_of, range_view
from api.outlet_maintenance import works
from api.outlet_sensors import sensor_line
from api.timeline import timeline
from api.why import explain
from api.words import Words
from presence.hours_history import Hours
from presence.instants import rfc3339
from presence.intervals import Span
from presence.site import Maintenance, Outlet, Site
from storage.record.alert_list import AlertRow
from storage.record.declarations import declarations
from storage.record.hours import hours_history
from storage.record.intervals import progress
from storage.record.site_lines import first_of_site

_DAY_MS = 86_400_000
_BEHIND_MS = 60_000


def outlet_page(
    connection: Connection, plan: floor.Plan, outlet: Outlet, asked: Asked, present: Present, words: Words
) -> dict[str, Any]:
    """Everything that the template shows."""
    site = plan.site
    every = hours_history(connection, site)
    hours = every[outlet.id]
    until_ms = progress(connection, site.id)
    begun_ms = first_of_site(connection, site.id)
    seen = Span(0, 0) if until_ms is None or begun_ms is None else Span(begun_ms, max(begun_ms, until_ms))
    day = extent(hours, asked.day, asked.day)
    known = Known(seen, until_ms, day)
    dates = range_of(asked.day, asked.span)
    viewed = view(connection, site, every, dates, "outlet", outlet=outlet.id, agency=present.agency)
    rows = alerts_of_day(connection, plan, outlet, day, present)
    lived = day_of(connection, plan, outlet, hours, known, rows, asked, present, words)
    today = words.iso(present.now_ms)[:10]
    return {
        "outlet": outlet,
        "heading": _heading(plan, outlet, words),
        "hours": floor_hours.hours_sentence(_coming(hours, present.now_ms, words), present.now_ms, words),
        "now": _now(plan, outlet, rows, present, words) if asked.day == today else None,
        "behind": _behind(until_ms, asked.day == today, present.now_ms, words),
        "day": days_around(site, outlet, asked, today, day, words),
        "timeline": timeline(lived, words),
        "booked": lived.booked,
        "ledger": ledger_of_day(viewed, asked.day, words),
        "why": _why(connection, site, outlet, asked, present, words),
        "range": range_view(connection, site, outlet, hours, known, viewed, dates, asked, words),
        "alerts": [alert_line(row, plan, present.now_ms, day, words) for row in reversed(rows)],
        "kinds": {
            "people": dict.fromkeys(OF_OUTLETS, True),
            "all": {kind: words(f"kind.{kind}") for kind in floor_alerts.KIND_ORDER},
        },
        "works": works(
            declarations(connection, site.id, Maintenance, from_ms=present.now_ms),
            outlet,
            present.now_ms,
            words,
            devices=present.agency is None,
        ),
        "sensors": [sensor_line(connection, site, sensor, present.now_ms, words) for sensor in outlet.sensors],
    }


def _heading(plan: floor.Plan, outlet: Outlet, words: Words) -> dict[str, str]:
    agency = next((one for one in plan.site.agencies if one.id == outlet.agency), None)
    level = "" if outlet.floor is None else words("floor", n=outlet.floor)
    return {
        "title": outlet.service or outlet.name,
        "name": outlet.name if outlet.service else "",
        "agency": outlet.agency if agency is None else agency.name,
        "floor": level,
        "short": plan.outlets[outlet.id].agency,
    }


def _coming(hours: Hours, now_ms: int, words: Words) -> list[Span]:
    start_ms = words.day_start_ms(now_ms)
    return hours.open_spans(start_ms, start_ms + 8 * _DAY_MS)


def _now(plan: floor.Plan, outlet: Outlet, rows: Sequence[AlertRow], present: Present, words: Words) -> dict[str, Any]:
    """The state of this moment, and what becomes of its alert."""
    now_ms = present.now_ms
    standing = [row for row in rows if row.stands]
    people = [row for row in standing if row.alert.kind in PEOPLE]
    shown = floor_tiles.tile(plan.outlets[outlet.id], present.occupancy, standing, now_ms, words)
    facts: list[tuple[str, str]] = []
    if people:
        row = min(people, key=lambda one: (one.state(now_ms) != "firing", PEOPLE.index(one.alert.kind)))
        facts = [
            (words("outlet.now.told"), told_in_words(row, plan.site, words) or words("outlet.now.nobody")),
            (words("outlet.now.answer"), answer_in_words(row, words) or words("outlet.now.no_answer")),
        ]
        if coming := next_told(plan.site, outlet, row, now_ms, words):
            facts.append((words("outlet.now.next"), coming))
    staff = present.occupancy.zones.get("staff")
    sure = ""
    if staff is not None and staff.state != "unknown":
        p = staff.p if staff.state == "occupied" else 1 - staff.p
        sure = words("outlet.now.sure", p=words.percent(min(99, int(100 * p)) / 100))
    return {
        "tile": shown,
        "since_ms": floor_tiles.word_since_ms(present.occupancy, standing),
        "seen_ms": floor_tiles.seen(present.occupancy),
        "solid": shown.phase == "firing",
        "note": shown.note if not people else "",
        "sure": sure,
        "facts": facts,
    }


def _behind(until_ms: int | None, is_today: bool, now_ms: int, words: Words) -> str:
    if until_ms is None:
        return words("outlet.behind.never")
    if is_today and now_ms - until_ms > _BEHIND_MS:
        same_day = words.date(until_ms) == words.date(now_ms)
        at = words.clock_s(until_ms) if same_day else f"{words.date(until_ms)} {words.clock(until_ms)}"
        return words("outlet.behind", at=at)
    return ""


def _why(
    connection: Connection, site: Site, outlet: Outlet, asked: Asked, present: Present, words: Words
) -> dict[str, Any]:
    found: dict[str, Any] = {"at": "", "kinds": [], "wrong": asked.wrong_at, "heading": words("outlet.why")}
    if asked.at_ms is None:
        return found | {"at": asked.wrong_at}
    told = explain(
        connection,
        site.id,
        outlet.id,
        at=rfc3339(asked.at_ms),
        kind=None,
        now_ms=present.now_ms,
        sight=Sight(present.agency),
    )
    at = words.clock_s(asked.at_ms) if asked.at_ms % 60_000 else words.clock(asked.at_ms)
    kinds = [one for one in told["kinds"] if one["kind"] in OF_OUTLETS and one["reason"] != "off"] or told["kinds"]
    stood = any(one["alert"] is not None for one in kinds)
    # Of several one is unfolded: what stood, else what speaks of the officer.
    first = next((one for one in kinds if one["alert"] is not None), kinds[0] if kinds else None)
    return found | {
        "at": at,
        "heading": words("outlet.why.stood" if stood else "outlet.why.not", at=at),
        "kinds": [_why_kind(one, words) | {"open": one is first} for one in kinds],
    }


def _why_kind(told: Mapping[str, Any], words: Words) -> dict[str, Any]:
    """One kind as the page shows it; `outlet.js` makes the same of the same answer."""
    return {
        "name": words(f"kind.{told['kind']}"),
        "text": told["text"][words.lang],
        "notes": [note["text"][words.lang] for note in told["notes"]],
        "checks": [
            {"result": check["result"], "text": check["text"][words.lang]}
            for check in told["checks"]
            if check["result"] != "not_reached"
        ],
    }
