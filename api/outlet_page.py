"""The page of one outlet: a day against its obligation, its ledger and alerts, its week or month, its sensors.

Out of the record, by the functions that the API answers with; every figure is that of the ledger.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Literal, NamedTuple

from sqlalchemy import Connection

from api import floor, floor_alerts, floor_hours, floor_tiles, ledger_bars
from api.access import Sight
from api.answer_words import answer_said
from api.answers import address
from api.ledger_days import extent, whole_days
from api.ledger_view import View, view
from api.live import Occupancy
from api.outlet_maintenance import works
from api.timeline import Day, Flag, Lane, Told, timeline
from api.why import explain
from api.words import Words
from presence.alerts.escalation import Recipient, contact_of, due, ladder
from presence.alerts.escalation import Told as Heard
from presence.alerts.subjects import Subject
from presence.alerts.substitution import is_known, rungs_at
from presence.alerts.why import subjects_at
from presence.alerts.wording import capital
from presence.hours_history import Hours
from presence.instants import rfc3339
from presence.intervals import Interval, Span, State, clip, subtract, union
from presence.ledger import outlet_stretches
from presence.ledger_sums import sums
from presence.site import Maintenance, Outlet, Sensor, Site, ZoneName
from storage.record import health
from storage.record.alert_list import AlertRow, Among, alerts
from storage.record.declarations import declarations, declared_spans
from storage.record.hours import hours_history
from storage.record.intervals import progress, zone_intervals
from storage.record.site_lines import first_of_site

Range = Literal["week", "month"]

_DAY_MS = 86_400_000
_MOST_ALERTS = 10_000
_BEHIND_MS = 60_000
_LOW_BATTERY = 15
_PEOPLE = ("unattended", "vacancy", "late_opening")
_EXPLAINED = (*_PEOPLE, "equipment_down")


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What the reader wants to see. `day`: ISO; `at_ms`: the minute to be explained; `wrong_at`: what was no minute."""

    day: str
    span: Range
    at_ms: int | None = None
    wrong_at: str = ""


@dataclass(frozen=True, kw_only=True)
class Present:
    """What is known now, and who asks: he sees what is of `agency`, and alerts `among` these; None: all of it."""

    now_ms: int
    occupancy: Occupancy
    agency: str | None = None
    among: Among | None = None


class _Known(NamedTuple):
    """The stretch of which the record knows, and the day that is asked for."""

    seen: Span
    until_ms: int | None
    day: Span


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
    known = _Known(seen, until_ms, day)
    dates = range_of(asked.day, asked.span)
    viewed = view(connection, site, every, dates, "outlet", outlet=outlet.id, agency=present.agency)
    rows = _alerts_of_day(connection, plan, outlet, day, present)
    lived = _day(connection, plan, outlet, hours, known, rows, asked, present, words)
    today = words.iso(present.now_ms)[:10]
    return {
        "outlet": outlet,
        "heading": _heading(plan, outlet, words),
        "hours": floor_hours.hours_sentence(_coming(hours, present.now_ms, words), present.now_ms, words),
        "now": _now(plan, outlet, rows, present, words) if asked.day == today else None,
        "behind": _behind(until_ms, asked.day == today, present.now_ms, words),
        "day": _days_around(site, outlet, asked, today, day, words),
        "timeline": timeline(lived, words),
        "booked": lived.booked,
        "ledger": _ledger_of_day(viewed, asked.day, words),
        "why": _why(connection, site, outlet, asked, present, words),
        "range": _range(connection, site, outlet, hours, known, viewed, dates, asked, words),
        "alerts": [_alert_line(row, plan, present.now_ms, day, words) for row in reversed(rows)],
        "kinds": {
            "people": dict.fromkeys(_EXPLAINED, True),
            "all": {kind: words(f"kind.{kind}") for kind in floor_alerts.KIND_ORDER},
        },
        "works": works(
            declarations(connection, site.id, Maintenance, from_ms=present.now_ms), outlet, present.now_ms, words
        ),
        "sensors": [_sensor(connection, site, sensor, present.now_ms, words) for sensor in outlet.sensors],
    }


def range_of(day: str, asked: Range) -> tuple[str, str]:
    """The first and the last date of the week (from Monday on) or the month in which `day` lies."""
    on = date.fromisoformat(day)
    if asked == "week":
        first = on - timedelta(days=on.weekday())
        return first.isoformat(), (first + timedelta(days=6)).isoformat()
    following = (on.replace(day=28) + timedelta(days=4)).replace(day=1)
    return on.replace(day=1).isoformat(), (following - timedelta(days=1)).isoformat()


# --- the head


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
    people = [row for row in standing if row.alert.kind in _PEOPLE]
    shown = floor_tiles.tile(plan.outlets[outlet.id], present.occupancy, standing, now_ms, words)
    facts: list[tuple[str, str]] = []
    if people:
        row = min(people, key=lambda one: (one.state(now_ms) != "firing", _PEOPLE.index(one.alert.kind)))
        facts = [
            (words("outlet.now.told"), _told(row, plan.site, words) or words("outlet.now.nobody")),
            (words("outlet.now.answer"), _answer(row, words) or words("outlet.now.no_answer")),
        ]
        if coming := _next_told(plan.site, outlet, row, now_ms, words):
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


def _told(row: AlertRow, site: Site, words: Words) -> str:
    """`10.01, 10.16 Koordinator · 10.21 Kepala dinas`."""
    times: dict[str, list[str]] = {}
    for told in row.told:
        times.setdefault(_name(site, told.agency, told.recipient), []).append(words.clock(told.at_ms))
    return " · ".join(f"{', '.join(at)} {name}" for name, at in times.items())


def _name(site: Site, agency: str, recipient: str) -> str:
    contact = contact_of(site, Recipient(agency, recipient))
    return recipient if contact is None else contact.name


def _answer(row: AlertRow, words: Words) -> str:
    said = row.acknowledged
    if said is None:
        return ""
    until = words("outlet.answer.until", at=words.clock(said.until_ms))
    return f"{words.clock(said.at_ms)} {said.author}: {answer_said(said, words)}. {until}"


def _next_told(site: Site, outlet: Outlet, row: AlertRow, now_ms: int, words: Words) -> str:
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


def _behind(until_ms: int | None, is_today: bool, now_ms: int, words: Words) -> str:
    if until_ms is None:
        return words("outlet.behind.never")
    if is_today and now_ms - until_ms > _BEHIND_MS:
        same_day = words.date(until_ms) == words.date(now_ms)
        at = words.clock_s(until_ms) if same_day else f"{words.date(until_ms)} {words.clock(until_ms)}"
        return words("outlet.behind", at=at)
    return ""


# --- the day


def _days_around(site: Site, outlet: Outlet, asked: Asked, today: str, day: Span, words: Words) -> dict[str, Any]:
    on = date.fromisoformat(asked.day)
    before, after = (on + timedelta(days=days) for days in (-1, 1))
    return {
        "date": asked.day,
        "is_today": asked.day == today,
        "name": words.date(day.start_ms),
        "before": words.date(day.start_ms - 1),
        "before_url": page_url(site, outlet, day=before.isoformat(), span=asked.span),
        "after": words.date(day.end_ms),
        "after_url": page_url(site, outlet, day=after.isoformat(), span=asked.span) if asked.day < today else "",
        "today": today,
    }


def page_url(site: Site, outlet: Outlet, *, day: str, span: str = "week") -> str:
    """The page of an outlet's day."""
    return address(f"/sites/{site.id}/outlets/{outlet.id}", day=day, range=None if span == "week" else span)


def _alerts_of_day(
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


def _day(
    connection: Connection,
    plan: floor.Plan,
    outlet: Outlet,
    hours: Hours,
    known: _Known,
    rows: Sequence[AlertRow],
    asked: Asked,
    present: Present,
    words: Words,
) -> Day:
    site = plan.site
    horizon = _horizon(known.seen, known.day)
    lines: dict[ZoneName, list[Interval]] = {
        zone: zone_intervals(connection, site.id, outlet.id, zone, *horizon)
        for zone in {"staff", *(sensor.zone for sensor in outlet.sensors)}
    }
    declared = _declared(connection, site, outlet, horizon)
    opened = hours.open_spans(*known.day)
    return Day(
        title=f"{outlet.name}, {words.date(known.day.start_ms)}",
        span=known.day,
        open=opened,
        booked=outlet_stretches(lines["staff"], hours, declared, horizon),
        lanes=list(_lanes(lines, opened, horizon, words)),
        alerts=[_on_timeline(row, site, outlet, words) for row in rows],
        now_ms=present.now_ms,
        at_ms=asked.at_ms,
    )


def _declared(connection: Connection, site: Site, outlet: Outlet, horizon: Span) -> list[Span]:
    return declared_spans(connection, site.id, [outlet.id], *horizon).get(outlet.id, [])


def _horizon(seen: Span, wanted: Span) -> Span:
    """What of `wanted` is known; empty when nothing is."""
    return next(clip([wanted], *seen), Span(wanted.start_ms, wanted.start_ms))


def _lanes(
    lines: Mapping[ZoneName, Sequence[Interval]], opened: Sequence[Span], horizon: Span, words: Words
) -> Iterable[Lane]:
    """The lanes of the zones that are watched beside the officer's."""
    watched: tuple[tuple[ZoneName, State], ...] = (("visitor", "occupied"), ("equipment", "vacant"))
    for zone, busy in watched:
        if zone in lines:
            yield Lane(
                words(f"outlet.tl.{zone}"),
                words(f"outlet.tl.{zone}.busy"),
                _in_state(lines[zone], (busy,), horizon),
                subtract(clip(opened, *horizon), _in_state(lines[zone], ("occupied", "vacant"), horizon)),
            )


def _in_state(line: Iterable[Interval], states: Sequence[State], horizon: Span) -> list[Span]:
    spans = (
        Span(one.start_ms, horizon.end_ms if one.end_ms is None else one.end_ms) for one in line if one.state in states
    )
    return list(clip(union(spans), *horizon))


def _on_timeline(row: AlertRow, site: Site, outlet: Outlet, words: Words) -> Told:
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
        row=_state_of(row),
        name=kind if row.disproved_ms is None else f"{kind} ({words('log.disproved').lower()})",
        start_ms=row.alert.since_ms,
        end_ms=row.alert.resolved_ms if row.disproved_ms is None else row.alert.resolved_ms or row.disproved_ms,
        disproved=row.disproved_ms is not None,
        flags=flags,
    )


def _state_of(row: AlertRow) -> str:
    if row.alert.kind == "unattended":
        return "unattended"
    return "vacant" if row.alert.kind in _PEOPLE else "unknown"


def _ledger_of_day(viewed: View, day: str, words: Words) -> dict[str, Any] | None:
    """The day's bar and table; None when nothing of it is obliged, or known yet."""
    found = next((one for one in viewed.days if one.entry.day.date == day), None)
    if found is None:
        return None
    its = found.entry.day
    until = "" if found.booked_ms is not None or viewed.until_ms is None else words.clock_s(viewed.until_ms)
    return {
        "bar": ledger_bars.bar(its, words),
        "until": until,
        "opened": "" if its.opened_at_ms is None else words.clock_s(its.opened_at_ms),
        # On a day that goes on nobody has left for good.
        "left": "" if its.left_at_ms is None or until else words.clock_s(its.left_at_ms),
        "equipment_down": words.span(its.equipment_down_ms) if its.equipment_down_ms else "",
        "booked": "" if found.booked_ms is None else f"{words.date(found.booked_ms)} {words.clock(found.booked_ms)}",
    }


def _alert_line(row: AlertRow, plan: floor.Plan, now_ms: int, day: Span, words: Words) -> dict[str, Any]:
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
        "state": _state_of(row),
        "icon": "i-sensor" if _state_of(row) == "unknown" else f"st-{_state_of(row)}",
        "what": words(f"kind.{alert.kind}"),
        "whose": "" if alert.subject_type == "outlet" else plan.subjects[floor_alerts.subject_key(row)].label,
        "since": at(alert.since_ms),
        "fired": at(alert.fired_ms),
        "told": _told(row, plan.site, words),
        "late": row.late,
        "ended": ended,
        "acknowledged": unanswered if said is None else f"{at(said.at_ms)} {said.author}",
        "reason": "–" if said is None else capital(answer_said(said, words)),
    }


# --- why, or why not


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
    kinds = [one for one in told["kinds"] if one["kind"] in _EXPLAINED and one["reason"] != "off"] or told["kinds"]
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


# --- week and month


def _range(
    connection: Connection,
    site: Site,
    outlet: Outlet,
    hours: Hours,
    known: _Known,
    viewed: View,
    dates: tuple[str, str],
    asked: Asked,
    words: Words,
) -> dict[str, Any]:
    longest = _longest_absent(connection, site, outlet, hours, known, dates)
    rows = []
    for one in viewed.days:
        its = one.entry.day
        noon_ms = extent(hours, its.date, its.date).start_ms
        rows.append(
            {
                "name": words.date(noon_ms),
                "url": page_url(site, outlet, day=its.date, span=asked.span),
                "chosen": its.date == asked.day,
                "bar": ledger_bars.bar(its, words),
                "opened": "–" if its.opened_at_ms is None else words.clock(its.opened_at_ms),
                "longest": words.span(longest[its.date]) if longest.get(its.date) else "–",
            }
        )
    whole = sums((one.entry for one in viewed.days), "outlet")
    first, last = (extent(hours, day, day).start_ms for day in dates)
    return {
        "name": f"{words.date(first)} – {words.date(last)}",
        "rows": rows,
        "sum": ledger_bars.bar(whole[0], words) if whole else None,
        "longest": words.span(max(longest.values(), default=0)) if any(longest.values()) else "–",
        "asked": asked.span,
        "urls": {name: page_url(site, outlet, day=asked.day, span=name) for name in ("week", "month")},
    }


def _longest_absent(
    connection: Connection, site: Site, outlet: Outlet, hours: Hours, known: _Known, dates: tuple[str, str]
) -> dict[str, int]:
    """How long the outlet was empty at a stretch, at most, on each date: obliged, not declared, nobody there."""
    horizon = _horizon(known.seen, extent(hours, *dates))
    staff = zone_intervals(connection, site.id, outlet.id, "staff", *horizon)
    stretches = outlet_stretches(staff, hours, _declared(connection, site, outlet, horizon), horizon)
    absent = [Span(one.start_ms, one.end_ms) for one in stretches if one.booking == "absent"]
    return {
        day: max((part.end_ms - part.start_ms for part in clip(absent, *span)), default=0)
        for day, span in whole_days(hours, *dates)
    }


# --- sensors


_OF_HEALTH = {
    "fresh": ("staffed", "i-check"),
    "stale": ("unknown", "st-unknown"),
    "offline": ("unknown", "i-cut"),
    "stuck": ("vacant", "i-warn"),
}


def _sensor(connection: Connection, site: Site, sensor: Sensor, now_ms: int, words: Words) -> dict[str, Any]:
    row = health.of_sensor(connection, site.id, sensor.id)
    known = row is not None and bool(row.sequence or row.seen_ms)
    word = row.state if row is not None and known else "never"
    state, icon = _OF_HEALTH.get(word, ("unknown", "st-unknown"))
    source = sensor.source
    through = "" if source is None else source.gateway or source.convention or ""
    battery = None if row is None else row.battery
    return {
        "id": sensor.id,
        "kind": " · ".join(filter(None, [sensor.kind, "" if source is None else source.driver or "", through])),
        "zone": words(f"outlet.zone.{sensor.zone}"),
        "state": state,
        "icon": icon,
        "word": words(f"outlet.health.{word}"),
        "since": words("alert.since", at=_when(row.since_ms, now_ms, words)) if row is not None and known else "",
        "seen": "–" if row is None or row.seen_ms is None else words.span(now_ms - row.seen_ms),
        "battery": "–" if battery is None else words.percent(battery / 100),
        "battery_low": battery is not None and battery <= _LOW_BATTERY,
        "received": "–" if row is None else words.number(row.received),
        "stored": "–" if row is None else words.number(row.stored),
        "missing": "–" if row is None else words.number(row.missing),
    }


def _when(at_ms: int, now_ms: int, words: Words) -> str:
    clock = words.clock(at_ms)
    return clock if words.date(at_ms) == words.date(now_ms) else f"{words.date(at_ms)} {clock}"
