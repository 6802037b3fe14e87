"""What requests ask for, out of their words: stretches, dates, a site, an outlet; or the error that says why not."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

from fastapi import HTTPException, Request

from api.access import sight_of
from presence.intervals import Span
from presence.site import Outlet, Site

_DAY_MS = 86_400_000


def stretch(start_ms: int, end_ms: int, at_most_days: int) -> Span:
    """[from, to) as asked for. Raises 400 when it is empty or too long."""
    if start_ms >= end_ms:
        raise HTTPException(400, "to: is not after from")
    if end_ms - start_ms > at_most_days * _DAY_MS:
        raise HTTPException(400, f"to: more than {at_most_days} days after from; ask for them one after the other")
    return Span(start_ms, end_ms)


def dates(first: str | None, last: str | None, today: str, at_most_days: int) -> tuple[str, str]:
    """The first and the last date (ISO, both included) as asked for; by default this month up to `today`. Or 400."""
    until = today if last is None else _date("to", last)
    since = f"{until[:7]}-01" if first is None else _date("from", first)
    days = (date.fromisoformat(until) - date.fromisoformat(since)).days + 1
    if days < 1:
        raise HTTPException(400, f"to: {until} lies before from, {since}")
    if days > at_most_days:
        raise HTTPException(400, f"to: {days} days from {since} on; at most {at_most_days}, ask for them in parts")
    return since, until


def today_of(sites: Sequence[Site], now_ms: int) -> str:
    """The date that the clock of the first of `sites` shows, of UTC when there is none."""
    zone = ZoneInfo(sites[0].timezone if sites else "UTC")
    return datetime.fromtimestamp(now_ms / 1000, zone).date().isoformat()


def site_of(request: Request, site_id: str) -> Site:
    """What whoever asks sees of the registered site. Raises 404, also when that is nothing."""
    site: Site | None = request.app.state.feed.live.sites.get(site_id)
    sight = sight_of(request)
    if site is None or not sight.sees_site(site):
        raise HTTPException(404, f'no site "{site_id}"')
    return sight.part_of(site)


def sites_of(request: Request) -> dict[str, Site]:
    """What whoever asks sees of the registered sites, by id."""
    sites: dict[str, Site] = request.app.state.feed.live.sites
    return sight_of(request).of_sites(sites)


def outlet_of(site: Site, outlet_id: str) -> Outlet:
    """The outlet of the site. Raises 404."""
    outlet = next((outlet for outlet in site.outlets if outlet.id == outlet_id), None)
    if outlet is None:
        raise HTTPException(404, f'no outlet "{outlet_id}" at site "{site.id}"')
    return outlet


def _date(name: str, text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise HTTPException(400, f'{name}: "{text}" is no date; write 2026-11-24') from None
