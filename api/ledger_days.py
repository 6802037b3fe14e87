"""The ledger of a site's dates out of the record's intervals, as they are now; booked or not is no matter here."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime

from sqlalchemy import Connection

from presence.alerts.subjects import min_presence_ms
from presence.duties import duties
from presence.hours_history import Hours
from presence.intervals import Span, union
from presence.ledger import LedgerDay, WatchedOutlet, duty_ledger, outlet_ledger
from presence.ledger_sums import Entry
from presence.site import Site
from storage.record.intervals import zone_intervals

ZONES = ("staff", "visitor", "equipment")
_DAY_MS = 86_400_000
# No local midnight is further than this from the same date's in UTC.
_MARGIN_MS = 2 * _DAY_MS

Declared = Mapping[str, Sequence[Span]]


def declared_of(site: Site) -> dict[str, list[Span]]:
    """The declared absences of each outlet that has any, as far as `site` was loaded with them."""
    spans: dict[str, list[Span]] = defaultdict(list)
    for absence in site.absences:
        spans[absence.outlet].append(Span(absence.from_ms, absence.to_ms))
    return {outlet_id: union(found) for outlet_id, found in spans.items()}


def whole_days(hours: Hours, first: str, last: str) -> list[tuple[str, Span]]:
    """The extents of the local dates from `first` to `last`, both included."""
    begin_ms, end_ms = (
        round(datetime.fromisoformat(date).replace(tzinfo=UTC).timestamp() * 1000) for date in (first, last)
    )
    days = hours.local_days(begin_ms - _MARGIN_MS, end_ms + _DAY_MS + _MARGIN_MS)
    return [(date, span) for date, span in days if first <= date <= last]


def extent(hours: Hours, first: str, last: str) -> Span:
    """The time from the beginning of `first` to the end of `last`; none where a clock left those dates out."""
    days = whole_days(hours, first, last)
    return Span(days[0][1].start_ms, days[-1][1].end_ms) if days else Span(0, 0)


def entries(
    connection: Connection,
    site: Site,
    hours: Mapping[str, Hours],
    outlets: Collection[str],
    dates: tuple[str, str],
    seen: Span,
    declared: Declared,
) -> Iterator[Entry]:
    """The days of `outlets` and of their duties: each outlet as such and as a duty of its own, and the named duties.

    `dates`: the first and the last, both included. `seen`: nothing is obliged outside of it.
    `declared`: of each outlet that has any, in those days at least.
    """
    watched: dict[str, WatchedOutlet] = {}

    horizons: dict[int, Span] = {}

    def horizon(outlet_id: str) -> Span:
        its = hours[outlet_id]
        if id(its) not in horizons:
            whole = extent(its, *dates)
            horizons[id(its)] = Span(max(seen.start_ms, whole.start_ms), min(seen.end_ms, whole.end_ms))
        return horizons[id(its)]

    def watch(outlet_id: str) -> WatchedOutlet:
        if outlet_id not in watched:
            staff, equipment = (
                zone_intervals(connection, site.id, outlet_id, zone, *horizon(outlet_id))
                for zone in ("staff", "equipment")
            )
            watched[outlet_id] = WatchedOutlet(staff, hours[outlet_id], declared.get(outlet_id, ()), equipment)
        return watched[outlet_id]

    for outlet in site.outlets:
        if outlet.id not in outlets:
            continue
        min_presence = min_presence_ms(site, outlet.agency, outlet.rules)
        for day in outlet_ledger(outlet.id, *watch(outlet.id), horizon(outlet.id), min_presence):
            yield Entry(site.id, outlet.agency, day)
            yield Entry(site.id, outlet.agency, dataclasses.replace(day, subject="duty"))
    for duty in duties(site):
        if duty.subject_type == "duty" and any(outlet.id in outlets for outlet in duty.outlets):
            min_presence = min_presence_ms(site, duty.agency, duty.rules)
            watching = [watch(outlet.id) for outlet in duty.outlets]
            for day in duty_ledger(duty.id, duty.at_least, watching, horizon(duty.outlets[0].id), min_presence):
                yield Entry(site.id, duty.agency, day)


def has_evidence(day: LedgerDay) -> bool:
    """Whether anything was seen on that day."""
    return day.attended_ms > 0 or day.absent_ms > 0
