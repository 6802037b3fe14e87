"""The hours in force: by which schedule an outlet is judged from when on. Functions on a connection.

A record from before these rows were kept has none: then the present schedule counts for all time.
"""

from __future__ import annotations

from collections import defaultdict

import msgspec
from sqlalchemy import Connection, delete, insert, select

from presence.hours_history import HoursHistory, Regime, hours_by, schedule_of
from presence.schedule import Schedule
from presence.site import Site
from storage.record.tables import hours_in_force

_rows = hours_in_force.c


def hours_history(connection: Connection, site: Site) -> dict[str, HoursHistory]:
    """The hours over all time of each outlet of the site; outlets whose hours were always equal share theirs."""
    stored = _schedules(connection, site.id)
    shared: dict[tuple[Regime, ...], HoursHistory] = {}
    found: dict[str, HoursHistory] = {}
    for outlet in site.outlets:
        schedules = stored.get(outlet.id) or [(0, schedule_of(site, outlet))]
        regimes = tuple(Regime(from_ms, hours_by(schedule)) for from_ms, schedule in schedules)
        found[outlet.id] = shared.setdefault(regimes, HoursHistory(regimes))
    return found


def put_in_force(connection: Connection, before: Site | None, site: Site, now_ms: int) -> None:
    """From `now_ms` on the outlets of `site` are judged by its schedules; until then by those of `before`.

    An outlet's first schedule counts from the beginning. One whose beginning still lies ahead, for the clock was wrong
    once, was never in force, and goes. The transaction is the caller's.
    """
    stored = _schedules(connection, site.id)
    known = {} if before is None else {outlet.id: schedule_of(before, outlet) for outlet in before.outlets}
    new = []
    for outlet in site.outlets:
        rows = stored.get(outlet.id, [])
        if any(from_ms > now_ms for from_ms, _ in rows):
            _drop(connection, site.id, outlet.id, now_ms + 1)
            rows = [row for row in rows if row[0] <= now_ms]
        if not rows and outlet.id in known:
            rows = [(0, known[outlet.id])]
            new.append(_row(site.id, outlet.id, *rows[0]))
        schedule = schedule_of(site, outlet)
        if not rows:
            new.append(_row(site.id, outlet.id, 0, schedule))
        elif rows[-1][1] != schedule:
            _drop(connection, site.id, outlet.id, now_ms)
            new.append(_row(site.id, outlet.id, now_ms, schedule))
    if new:
        connection.execute(insert(hours_in_force), new)


def _schedules(connection: Connection, site_id: str) -> dict[str, list[tuple[int, Schedule]]]:
    """Since when which schedule is in force, by outlet, in order."""
    found: dict[str, list[tuple[int, Schedule]]] = defaultdict(list)
    query = select(_rows.outlet, _rows.from_ms, _rows.body).where(_rows.site == site_id)
    decoded: dict[str, Schedule] = {}
    for row in connection.execute(query.order_by(_rows.outlet, _rows.from_ms)):
        schedule = decoded.get(row.body)
        if schedule is None:
            schedule = decoded[row.body] = msgspec.json.decode(row.body, type=Schedule)
        found[row.outlet].append((row.from_ms, schedule))
    return found


def _drop(connection: Connection, site_id: str, outlet_id: str, from_ms: int) -> None:
    connection.execute(
        delete(hours_in_force).where(_rows.site == site_id, _rows.outlet == outlet_id, _rows.from_ms >= from_ms)
    )


def _row(site_id: str, outlet_id: str, from_ms: int, schedule: Schedule) -> dict[str, object]:
    return {
        "site": site_id,
        "outlet": outlet_id,
        "from_ms": from_ms,
        "body": msgspec.json.encode(schedule).decode(),
    }
