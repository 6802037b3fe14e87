"""The days of one outlet against its obligation: one as timeline and ledger, and the week or the month around it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection

from api import floor, ledger_bars
from api.answers import address
from api.ledger_days import extent, whole_days
from api.ledger_view import View
from api.outlet_alerts import on_timeline
from api.outlet_asked import Asked, Present, Range
from api.timeline import Day, Lane
from api.words import Words
from presence.hours_history import Hours
from presence.intervals import Interval, Span, State, clip, subtract, union
from presence.ledger import outlet_stretches
from presence.ledger_sums import sums
from presence.site import Outlet, Site, ZoneName
from storage.record.alert_list import AlertRow
from storage.record.declarations import declared_spans
from storage.record.intervals import zone_intervals


class Known(NamedTuple):
    """The stretch of which the record knows, and the day that is asked for."""

    seen: Span
    until_ms: int | None
    day: Span


def range_of(day: str, asked: Range) -> tuple[str, str]:
    """The first and the last date of the week (from Monday on) or the month in which `day` lies."""
    on = date.fromisoformat(day)
    if asked == "week":
        first = on - timedelta(days=on.weekday())
        return first.isoformat(), (first + timedelta(days=6)).isoformat()
    following = (on.replace(day=28) + timedelta(days=4)).replace(day=1)
    return on.replace(day=1).isoformat(), (following - timedelta(days=1)).isoformat()


def page_url(site: Site, outlet: Outlet, *, day: str, span: str = "week") -> str:
    """The page of an outlet's day."""
    return address(f"/sites/{site.id}/outlets/{outlet.id}", day=day, range=None if span == "week" else span)


def days_around(site: Site, outlet: Outlet, asked: Asked, today: str, day: Span, words: Words) -> dict[str, Any]:
    """The day that is shown, and the ways to the one before and the one after, which is none after today."""
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


def day_of(
    connection: Connection,
    plan: floor.Plan,
    outlet: Outlet,
    hours: Hours,
    known: Known,
    rows: Sequence[AlertRow],
    asked: Asked,
    present: Present,
    words: Words,
) -> Day:
    """What is drawn of the day: when it was obliged, what is booked, who was there, and its alerts."""
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
        recorded=horizon,
        open=opened,
        booked=outlet_stretches(lines["staff"], hours, declared, horizon),
        lanes=list(_lanes(lines, opened, horizon, words)),
        alerts=[on_timeline(row, site, outlet, words) for row in rows],
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


def ledger_of_day(viewed: View, day: str, words: Words) -> dict[str, Any] | None:
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


def range_view(
    connection: Connection,
    site: Site,
    outlet: Outlet,
    hours: Hours,
    known: Known,
    viewed: View,
    dates: tuple[str, str],
    asked: Asked,
    words: Words,
) -> dict[str, Any]:
    """The week or month, a row a day of those that have a ledger, and its sum."""
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
    connection: Connection, site: Site, outlet: Outlet, hours: Hours, known: Known, dates: tuple[str, str]
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
