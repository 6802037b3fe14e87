"""What may be contested: time in which the books hold something against an outlet."""

from __future__ import annotations

from sqlalchemy import Connection

from presence.declarations import NotAccepted
from presence.intervals import Span
from presence.ledger import outlet_ledger
from presence.site import Site
from presence.site_checks import Problem
from storage.record.contests import Contest, submit
from storage.record.declarations import declared_spans
from storage.record.hours import hours_history
from storage.record.intervals import progress, zone_intervals

NOT_BOOKED = Problem(
    "from",
    "nothing is held against the outlet in that time; contest time that the ledger books as absent, or as attended "
    "with equipment down",
)


def contest(connection: Connection, site: Site, wanted: Contest, now_ms: int) -> Contest:
    """Write what somebody contests, as `submit` does; the transaction is the caller's, who lets refusals undo it.

    Raises NotAccepted as well when nothing of that time is booked against the outlet.
    """
    made = submit(connection, wanted, now_ms)
    if not _is_held_against(connection, site, made.outlet, Span(made.from_ms, made.to_ms)):
        raise NotAccepted([NOT_BOOKED])
    return made


def _is_held_against(connection: Connection, site: Site, outlet: str, asked: Span) -> bool:
    """Whether any of the time is booked as absent, or as attended with equipment that did not work."""
    until_ms = progress(connection, site.id)
    span = Span(asked.start_ms, min(asked.end_ms, asked.start_ms if until_ms is None else until_ms))
    if span.end_ms <= span.start_ms:
        return False
    staff, equipment = (zone_intervals(connection, site.id, outlet, zone, *span) for zone in ("staff", "equipment"))
    declared = declared_spans(connection, site.id, {outlet}, *span).get(outlet, [])
    hours = hours_history(connection, site)[outlet]
    days = outlet_ledger(outlet, staff, hours, declared, equipment, span, 0)
    return any(day.absent_ms or day.equipment_down_ms for day in days)
