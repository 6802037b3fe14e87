"""The ledger as people read it: what is booked, and what is not booked yet as it stands now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from sqlalchemy import Connection

from api.ledger_days import entries
from presence.duties import duties
from presence.hours_history import Hours
from presence.intervals import Span
from presence.ledger_sums import Entry
from presence.site import Site
from storage.record import ledger
from storage.record.declarations import declared_spans
from storage.record.intervals import progress
from storage.record.ledger import SubjectType
from storage.record.site_lines import first_of_site


class ViewedDay(NamedTuple):
    """A day of the ledger. `booked_ms`: when it was written down; None: it goes on, or waits to be booked."""

    entry: Entry
    booked_ms: int | None


class View(NamedTuple):
    """Days by date, and up to when (exclusive) they are complete; None when no collector ever worked for the site."""

    days: list[ViewedDay]
    until_ms: int | None


def view(
    connection: Connection,
    site: Site,
    hours: Mapping[str, Hours],
    dates: tuple[str, str],
    subject_type: SubjectType,
    *,
    outlet: str | None = None,
    agency: str | None = None,
) -> View:
    """The days of `dates` (both included) of all outlets or all duties of the site, or of one outlet.

    `agency`: what is booked under it alone; `site` is then the part that it sees.
    Books are as of now: what they said before is `storage.record.ledger.corrected`'s.
    """
    booked = ledger.days(connection, site.id, *dates, subject_type=subject_type, subject=outlet, agency=agency)
    days = [ViewedDay(row.entry, row.made_ms) for row in booked]
    until_ms = progress(connection, site.id)
    if until_ms is not None and site.outlets:
        known = {row.entry.day.date for row in booked}
        days += [
            ViewedDay(entry, None)
            for entry in _not_booked(connection, site, hours, dates, until_ms, outlet)
            if entry.day.subject == subject_type and entry.day.date not in known
        ]
    return View(sorted(days, key=lambda day: day.entry.day.date), until_ms)


def _not_booked(
    connection: Connection,
    site: Site,
    hours: Mapping[str, Hours],
    dates: tuple[str, str],
    until_ms: int,
    outlet: str | None,
) -> list[Entry]:
    """The days of `dates` after those that are booked, up to `until_ms`, as the intervals have them."""
    booked = ledger.booked(connection, site.id)
    since_ms = booked.until_ms if booked is not None else None
    if since_ms is None:
        since_ms = first_of_site(connection, site.id)
    if since_ms is None or since_ms >= until_ms:
        return []
    extents = dict(hours[outlet or site.outlets[0].id].local_days(since_ms, until_ms))
    wanted = [date for date in extents if dates[0] <= date <= dates[1]]
    if not wanted:
        return []
    outlets = {one.id for one in site.outlets} if outlet is None else {outlet}
    now = {("outlet", one) for one in outlets} | {("duty", duty.id) for duty in duties(site)}
    seen = Span(since_ms, until_ms)
    first, last = extents[wanted[0]], extents[wanted[-1]]
    declared = declared_spans(connection, site.id, {one.id for one in site.outlets}, first.start_ms, last.end_ms)
    found = entries(connection, site, hours, outlets, (wanted[0], wanted[-1]), seen, declared)
    return [entry for entry in found if (entry.day.subject, entry.day.id) in now]
