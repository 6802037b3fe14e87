"""Ramadan in Indonesian offices: dates are proposed, a person confirms them by writing them into the site file."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta

from presence.hours_templates import TEMPLATES, template_named
from presence.schedule import Schedule
from presence.service_hours import ramadans
from presence.site import DatedHours

COUNTRY = "ID"
_SOON_DAYS = 60
# The month may begin a day later or end a day earlier than computed: that leaves no gap to warn of.
_UNDECIDED_DAYS = 2


def proposals(year: int, service_hours: str) -> list[DatedHours]:
    """An exception for each Ramadan that begins in `year`; two do in 2030.

    `service_hours`: the template of the other months. Raises ValueError, in words, when it has no form for Ramadan.
    """
    template = template_named(service_hours)
    if template is None:
        names = ", ".join(name for name, one in TEMPLATES.items() if one.ramadan != name)
        raise ValueError(f'"{service_hours}" has no form for Ramadan; only templates have one ({names})')
    return [
        DatedHours(first=first.isoformat(), last=last.isoformat(), service_hours=template.ramadan, reason="Ramadan")
        for first, last in ramadans(year)
    ]


def undecided_ramadan(schedule: Schedule, today: date) -> DatedHours | None:
    """The exception that a schedule lacks: by a template, with a Ramadan now or within 60 days that none covers."""
    if schedule.country != COUNTRY or template_named(schedule.service_hours) is None:
        return None
    for year in (today.year - 1, today.year, today.year + 1):
        for proposal in proposals(year, schedule.service_hours):
            first, last = (date.fromisoformat(day) for day in (proposal.first, proposal.last))
            soon = first <= today + timedelta(days=_SOON_DAYS) and today <= last
            if soon and _days_left(first, last, schedule.exceptions) > _UNDECIDED_DAYS:
                return proposal
    return None


def _days_left(first: date, last: date, exceptions: Iterable[DatedHours]) -> int:
    days = {(first + timedelta(days=n)).isoformat() for n in range((last - first).days + 1)}
    return len({day for day in days if not any(one.first <= day <= one.last for one in exceptions)})
