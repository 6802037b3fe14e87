"""The books of one site: closed days go into them once, and are corrected when late data corrects their intervals.

A day is booked when the collector's progress has passed its local end. What is known later takes its place, and what it
was before stays, with an audit row. Books that have far to go, at the first start on a record with history or after a
correction that reaches far back, come there in steps: how far they are is in the record.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from sqlalchemy import Connection

from api.ledger_days import ZONES, declared_of, entries, extent, has_evidence, whole_days
from presence.duties import duties
from presence.hours_history import Hours
from presence.instants import rfc3339_or_none
from presence.intervals import Span, clip, subtract, union
from presence.ledger import LedgerDay
from presence.site import Site
from storage.record import audit, ledger
from storage.record.ledger import BookedDay, Posting
from storage.record.site_lines import first_of_site

_DAY_MS = 86_400_000
# Days of outlets in one look: what the engine can do between two alerts.
_AT_ONCE = 300
# Whose absences changed while no engine ran is not known: those of so many days are looked at again.
_ABSENCES_AGAIN_MS = 40 * _DAY_MS

Changed = Mapping[tuple[str, str], int]
_Key = tuple[str, str, str]  # subject type, subject, date


class BooksLook(NamedTuple):
    """What a look found: days to write, and up to when the books are complete with them (None: there are none)."""

    postings: list[Posting]
    booked_ms: int | None


class SiteBooks:
    """The books of a site as its engine keeps them. `hours`: of each outlet, over all time.

    `look` reads and `write` writes; between two looks nothing is kept that the record does not hold, but what
    absences were known.
    """

    def __init__(self, connection: Connection, site: Site, hours: Mapping[str, Hours], version: int) -> None:
        """`version`: the registry's, to see whether absences may have changed while nobody looked."""
        self._site, self._hours = site, hours
        self._declared = declared_of(site)
        self._first_ms = first_of_site(connection, site.id)
        # Rows of up to this date are made without evidence too: the books have come to begin before it.
        self._begin_again = ""
        booked = ledger.booked(connection, site.id)
        self._booked_ms = booked.until_ms if booked is not None else None
        self._again: dict[str, list[Span]] = defaultdict(list)
        if booked is not None and booked.until_ms is not None and booked.registry_version != version:
            self._doubt_absences(connection, booked.until_ms)
        self._next_end_ms = self._end_of_next_day()

    def reload(self, site: Site, hours: Mapping[str, Hours]) -> None:
        """Take another registry. Days that a changed absence touches are due again: nothing else is about the past."""
        declared = declared_of(site)
        if self._booked_ms is not None:
            for outlet in site.outlets:
                had, has = self._declared.get(outlet.id, ()), declared.get(outlet.id, ())
                self._again[outlet.id] += clip([*subtract(had, has), *subtract(has, had)], 0, self._booked_ms)
        self._site, self._hours, self._declared = site, hours, declared
        self._next_end_ms = self._end_of_next_day()

    def due(self, frontier_ms: int, changed: Changed) -> bool:
        """Whether `look` has anything to do. `changed`: from when on the intervals of a zone changed since the last."""
        first_ms = self._first_ms
        # As long as nothing is booked, only a change with which the books are to begin is any of their business.
        if self._booked_ms is None and any(first_ms is None or from_ms < first_ms for from_ms in changed.values()):
            return True
        if self._next_end_ms is not None and frontier_ms >= self._next_end_ms:
            return True
        if any(self._again.values()):
            return True
        return self._booked_ms is not None and any(from_ms < self._booked_ms for from_ms in changed.values())

    def look(self, connection: Connection, frontier_ms: int, changed: Changed) -> BooksLook | None:
        """What is to be written by what the record says now, as far as intervals are complete; None: nothing.

        What it returns must be written, for it is not looked for again.
        """
        self._take_changes(connection, changed)
        again = {outlet_id: union(spans) for outlet_id, spans in self._again.items() if outlet_id in self._hours}
        self._again.clear()
        booked_ms = self._booked_ms
        postings: dict[_Key, Posting] = {}
        dates = {outlet_id: self._dates(outlet_id, spans) for outlet_id, spans in again.items()}
        if sum(len(found) for found in dates.values()) > _AT_ONCE:
            first_ms = min(spans[0].start_ms for spans in again.values() if spans)
            booked_ms = self._days(first_ms, first_ms + 1)[0][1].start_ms
        else:
            postings = self._corrections(connection, dates, frontier_ms)
        days = self._next_days(booked_ms, frontier_ms)
        if days:
            dates = {outlet_id: [date for date, _ in days] for outlet_id in self._hours}
            postings |= self._corrections(connection, dates, frontier_ms)
            booked_ms = days[-1][1].end_ms
        self._next_end_ms = self._end_of_next_day()
        if not postings and booked_ms == self._booked_ms:
            return None
        return BooksLook(list(postings.values()), booked_ms)

    def write(self, connection: Connection, found: BooksLook, now_ms: int) -> None:
        """Write what `look` found; the engine's cursor must be there. The transaction is the caller's."""
        ledger.post(connection, self._site.id, found.postings, now_ms)
        for posting in found.postings:
            is_own_duty = posting.day.subject == "duty" and posting.day.id in self._hours
            if posting.was is not None and not is_own_duty:
                audit.append(connection, now_ms, _audit_body(posting, posting.was))
        if found.booked_ms is not None and found.booked_ms != self._booked_ms:
            ledger.set_booked(connection, self._site.id, found.booked_ms)
        self._booked_ms = found.booked_ms
        self._next_end_ms = self._end_of_next_day()

    # What is to be looked at

    def _take_changes(self, connection: Connection, changed: Changed) -> None:
        for (outlet_id, zone), from_ms in changed.items():
            if zone not in ZONES or outlet_id not in self._hours:
                continue
            if self._first_ms is None or from_ms <= self._first_ms:
                self._begin_at(connection, from_ms)
            if self._booked_ms is not None and from_ms < self._booked_ms and zone != "visitor":
                self._again[outlet_id].append(Span(from_ms, self._booked_ms))

    def _begin_at(self, connection: Connection, from_ms: int) -> None:
        """The books begin at `from_ms`: all outlets are obliged from then on."""
        self._first_ms = from_ms
        if self._booked_ms is None:
            return
        first = ledger.first_date(connection, self._site.id) or self._days(self._booked_ms - 1, self._booked_ms)[0][0]
        self._begin_again = max(self._begin_again, first)
        for outlet_id, hours in self._hours.items():
            until_ms = extent(hours, first, first).end_ms
            self._again[outlet_id] += clip([Span(from_ms, until_ms)], 0, self._booked_ms)

    def _doubt_absences(self, connection: Connection, booked_ms: int) -> None:
        """Look again at the days on which there is a declared absence, or was one when they were booked."""
        if not self._hours:
            return
        since_ms = booked_ms - _ABSENCES_AGAIN_MS
        for outlet_id in self._hours:
            self._again[outlet_id] += clip(self._declared.get(outlet_id, ()), since_ms, booked_ms)
        extents = dict(self._days(since_ms, booked_ms))
        for row in ledger.days(connection, self._site.id, min(extents), max(extents), subject_type="outlet"):
            if row.entry.day.declared_ms and row.entry.day.date in extents:
                self._again[row.entry.day.id].append(extents[row.entry.day.date])

    def _dates(self, outlet_id: str, spans: Iterable[Span]) -> list[str]:
        """The dates of an outlet that `spans` touch, as far as they are booked."""
        return sorted({date for span in spans for date, _ in self._hours[outlet_id].local_days(*span)})

    def _days(self, start_ms: int, end_ms: int) -> list[tuple[str, Span]]:
        """The whole local days of the site that [start_ms, end_ms) touches. One outlet's clock is all outlets'."""
        hours = next(iter(self._hours.values()))
        touched = hours.local_days(start_ms, end_ms)
        return whole_days(hours, touched[0][0], touched[-1][0]) if touched else []

    def _end_of_next_day(self) -> int | None:
        start_ms = self._first_ms if self._booked_ms is None else self._booked_ms
        return None if start_ms is None or not self._hours else self._days(start_ms, start_ms + 1)[0][1].end_ms

    def _next_days(self, booked_ms: int | None, frontier_ms: int) -> list[tuple[str, Span]]:
        """The days that are to be booked next: over by `frontier_ms`, and not too many."""
        start_ms = self._first_ms if booked_ms is None else booked_ms
        if start_ms is None or not self._hours:
            return []
        at_once = max(1, _AT_ONCE // len(self._hours))
        days = self._days(start_ms, min(frontier_ms, start_ms + at_once * _DAY_MS))
        return [(date, span) for date, span in days if span.end_ms <= frontier_ms]

    # What the record says of it

    def _corrections(
        self, connection: Connection, dates: Mapping[str, list[str]], frontier_ms: int
    ) -> dict[_Key, Posting]:
        """How the books of some outlets' dates, and of those outlets' duties, differ from what the intervals say."""
        by_dates: dict[tuple[str, ...], set[str]] = defaultdict(set)
        for outlet_id, wanted in dates.items():
            if wanted:
                by_dates[tuple(wanted)].add(outlet_id)
        return {
            (posting.day.subject, posting.day.id, posting.day.date): posting
            for dates_of_some, outlets in by_dates.items()
            for posting in self._differences(connection, outlets, dates_of_some, frontier_ms)
        }

    def _differences(
        self, connection: Connection, outlets: set[str], dates: tuple[str, ...], frontier_ms: int
    ) -> Iterator[Posting]:
        stored: dict[str, dict[tuple[str, str], BookedDay]] = {date: {} for date in dates}
        for row in ledger.days(connection, self._site.id, dates[0], dates[-1]):
            if row.entry.day.date in stored:
                stored[row.entry.day.date][row.entry.day.subject, row.entry.day.id] = row
        outlets_of = {duty.id: {outlet.id for outlet in duty.outlets} for duty in duties(self._site)}
        seen = Span(frontier_ms if self._first_ms is None else self._first_ms, frontier_ms)
        computed = set()
        among = (dates[0], dates[-1])
        for entry in entries(connection, self._site, self._hours, outlets, among, seen, self._declared):
            day = entry.day
            if day.date not in stored:
                continue
            computed.add((day.subject, day.id, day.date))
            on_date = stored[day.date]
            if was := on_date.get((day.subject, day.id)):
                # Whoever is responsible for the outlet today, it was theirs then.
                if day != was.entry.day:
                    yield Posting(was.entry._replace(day=day), was)
            elif day.subject == "outlet" or day.id in outlets_of:
                if on_date and day.date > self._begin_again and not has_evidence(day):
                    continue  # not registered yet when that day was booked
                if day.subject == "duty" and any(("outlet", outlet) in on_date for outlet in outlets_of[day.id]):
                    continue  # that day its outlets were counted by other duties
                yield Posting(entry, None)
        judged = outlets | {duty_id for duty_id, of_duty in outlets_of.items() if outlets & of_duty}
        for date, on_date in stored.items():
            for (subject_type, subject), was in on_date.items():
                if subject in judged and (subject_type, subject, date) not in computed:
                    yield Posting(None, was)


def _audit_body(posting: Posting, was: BookedDay) -> dict[str, Any]:
    day = was.entry.day
    return {
        "event": "ledger_corrected",
        "site": was.entry.site,
        "subject_type": day.subject,
        "subject": day.id,
        "date": day.date,
        "before": _figures(day),
        "after": None if posting.entry is None else _figures(posting.entry.day),
    }


def _figures(day: LedgerDay) -> dict[str, Any]:
    return {
        "attended_ms": day.attended_ms,
        "absent_ms": day.absent_ms,
        "declared_ms": day.declared_ms,
        "unknown_ms": day.unknown_ms,
        "equipment_down_ms": day.equipment_down_ms,
        "opened_at": rfc3339_or_none(day.opened_at_ms),
        "left_at": rfc3339_or_none(day.left_at_ms),
    }
