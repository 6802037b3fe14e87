"""The tables of a site that people take home: intervals, alerts, ledger; line by line, times by the site's clock."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

from api.access import Sight
from api.alerts_of import seen_of
from api.ledger_days import ZONES, extent
from api.ledger_view import ViewedDay, view
from api.sheets import Line
from presence.intervals import Span
from presence.site import Outlet, Site
from storage.record import Record
from storage.record.alert_list import AlertRow, Place, alerts
from storage.record.hours import hours_history
from storage.record.intervals import zone_intervals

TableName = Literal["intervals", "alerts", "ledger"]
_ALERTS_AT_ONCE = 1000

HEADS: dict[TableName, tuple[str, ...]] = {
    "intervals": ("site", "outlet", "name", "agency", "zone", "state", "start", "end", "seconds", "p"),
    "alerts": (
        "site",
        "id",
        "kind",
        "about",
        "subject",
        "state",
        "since",
        "fired",
        "resolved",
        "reason",
        "late",
        "disproved",
        "told_first",
        "told_to",
        "acknowledged",
        "acknowledged_by",
        "acknowledged_reason",
        "acknowledged_note",
    ),
    "ledger": (
        "site",
        "outlet",
        "agency",
        "date",
        "obliged_s",
        "attended_s",
        "absent_s",
        "declared_s",
        "unknown_s",
        "equipment_down_s",
        "opened_at",
        "left_at",
        "booked",
    ),
}


class Export(NamedTuple):
    """What is exported: of `site` what `sight` sees, of `dates`, both included, by the site's clock."""

    record: Record
    site: Site
    sight: Sight
    dates: tuple[str, str]
    now_ms: int

    def lines(self, table: TableName) -> Iterator[Line]:
        """The lines under the head of `table`. The record is asked while they are taken."""
        return {"intervals": self._intervals, "alerts": self._alerts, "ledger": self._ledger}[table]()

    def _intervals(self) -> Iterator[Line]:
        with self.record.reading() as connection:
            hours = hours_history(connection, self.site)
        for outlet in self.site.outlets:
            if not self.sight.sees_outlet(self.site, outlet.id):
                continue
            asked = extent(hours[outlet.id], *self.dates)
            for zone in ZONES:
                yield from self._of_zone(outlet, zone, asked)

    def _of_zone(self, outlet: Outlet, zone: str, asked: Span) -> Iterator[Line]:
        with self.record.reading() as connection:
            found = zone_intervals(connection, self.site.id, outlet.id, zone, *asked)
        for one in found:
            lasted_s = None if one.end_ms is None else (one.end_ms - one.start_ms) / 1000
            times = self._clock(one.start_ms), self._clock(one.end_ms)
            whose = self.site.id, outlet.id, outlet.name, outlet.agency
            yield (*whose, zone, one.state, *times, lasted_s, round(one.p, 4))

    def _alerts(self) -> Iterator[Line]:
        """By when they fired, the newest first: of a long list the newest are there first."""
        with self.record.reading() as connection:
            hours = hours_history(connection, self.site)
        whole = [extent(its, *self.dates) for its in hours.values()]
        if not whole:
            return
        among = {self.site.id: seen_of(self.sight, self.site)}
        before: Place | None = None
        while True:
            with self.record.reading() as connection:
                found = alerts(
                    connection,
                    now_ms=self.now_ms,
                    among=among,
                    from_ms=min(span.start_ms for span in whole),
                    to_ms=max(span.end_ms for span in whole),
                    before=before,
                    limit=_ALERTS_AT_ONCE,
                )
            yield from map(self._alert, reversed(found))
            if len(found) < _ALERTS_AT_ONCE:
                return
            before = Place(found[0].alert.fired_ms, found[0].id)

    def _alert(self, row: AlertRow) -> Line:
        alert, said, told = row.alert, row.acknowledged, next(iter(row.told), None)
        return (
            row.site,
            row.id,
            alert.kind,
            alert.subject_type,
            alert.subject,
            row.state(self.now_ms),
            *map(self._clock, (alert.since_ms, alert.fired_ms, alert.resolved_ms)),
            alert.reason,
            "late" if row.late else None,
            self._clock(row.disproved_ms),
            *((self._clock(told.at_ms), told.recipient) if told else (None, None)),
            *((self._clock(said.at_ms), said.author, said.reason, said.note) if said else (None,) * 4),
        )

    def _ledger(self) -> Iterator[Line]:
        with self.record.reading() as connection:
            hours = hours_history(connection, self.site)
            found = view(connection, self.site, hours, self.dates, "outlet").days
        for day in found:
            if self.sight.sees_outlet(self.site, day.entry.day.id):
                yield self._day(day)

    def _day(self, viewed: ViewedDay) -> Line:
        day = viewed.entry.day
        booked = (day.attended_ms, day.absent_ms, day.declared_ms, day.unknown_ms, day.equipment_down_ms)
        return (
            viewed.entry.site,
            day.id,
            viewed.entry.agency,
            day.date,
            *(ms / 1000 for ms in (day.obliged_ms, *booked)),
            *map(self._clock, (day.opened_at_ms, day.left_at_ms, viewed.booked_ms)),
        )

    def _clock(self, at_ms: int | None) -> str | None:
        """`2026-11-24T10:42:07.250+07:00`, at a site in Jakarta."""
        if at_ms is None:
            return None
        zone = ZoneInfo(self.site.timezone)
        return datetime.fromtimestamp(at_ms / 1000, zone).isoformat(timespec="milliseconds")
