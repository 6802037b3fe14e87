"""What decides when somebody must be there: a zone, a calendar, an expression, and the exceptions laid over it."""

from __future__ import annotations

from dataclasses import dataclass

from presence.site import Agency, DatedHours, Outlet, Site


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """`exceptions` in rising order of precedence. `cuti_bersama`: collective leave days count as PH too."""

    timezone: str
    country: str
    service_hours: str
    cuti_bersama: bool = False
    exceptions: tuple[DatedHours, ...] = ()


def schedule_of_site(site: Site) -> Schedule:
    """The hours that an outlet has when neither it nor its agency says anything."""
    return _schedule(site, site.service_hours, site.exceptions)


def schedule_of_agency(site: Site, agency: Agency) -> Schedule:
    """The hours of the agency's outlets that say nothing themselves."""
    return _schedule(site, agency.service_hours or site.service_hours, (*site.exceptions, *agency.exceptions))


def schedule_of_outlet(site: Site, outlet: Outlet) -> Schedule:
    """The outlet's own hours, else its agency's, else the site's, with the exceptions of all three over them."""
    agency = next(agency for agency in site.agencies if agency.id == outlet.agency)
    above = schedule_of_agency(site, agency)
    return _schedule(site, outlet.service_hours or above.service_hours, (*above.exceptions, *outlet.exceptions))


def _schedule(site: Site, service_hours: str, exceptions: tuple[DatedHours, ...]) -> Schedule:
    return Schedule(
        timezone=site.timezone,
        country=site.country,
        service_hours=service_hours,
        cuti_bersama=site.cuti_bersama,
        exceptions=exceptions,
    )
