"""The agency's page, and the choice of one. What its forms do is in `agency_forms`."""

from __future__ import annotations

from typing import NamedTuple

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from starlette.responses import Response

from api import floor_alerts
from api.agency_page import common_of, may, show
from api.agency_place import Place, place_of
from api.answers import LangChoice, ThemeChoice, address, choices, page, remember
from api.asked import site_of, sites_of
from api.no_site import no_site
from presence.site import Site
from storage.record.alert_list import AlertRow
from storage.record.contests import contests

router = APIRouter(include_in_schema=False)


@router.get("/agency")
async def agency_page(
    request: Request,
    site: str | None = None,
    agency: str | None = None,
    said: str | None = None,
    done: str | None = None,
    lang: LangChoice = None,
    theme: ThemeChoice = None,
) -> Response:
    if lang is not None or theme is not None:
        return remember(request, lang, theme, address("/agency", site=site, agency=agency))
    chosen = site_of(request, site) if site is not None else next(iter(sites_of(request).values()), None)
    if chosen is None:
        return await no_site(request, choices(request, "/agency", site=site, agency=agency))
    place = place_of(request, chosen, agency)
    if place is not None:
        return await show(request, place, over=said == "over", done=done)
    now_ms = request.app.state.parts.now()
    listed = await run_in_threadpool(_agencies, request, chosen, now_ms)
    return await page(request, "agencies.html", **common_of(request, chosen, None, now_ms), agencies=listed)


class _Line(NamedTuple):
    """An agency of the site. `waiting`: alerts that nobody answered; `contested`: what a manager has to decide."""

    url: str
    name: str
    outlets: int
    waiting: int
    contested: int


def _agencies(request: Request, site: Site, now_ms: int) -> list[_Line]:
    """The agencies that have outlets, those in front of which most is waiting."""
    rows = [row for row in request.app.state.feed.alerts(site.id, now_ms) if _is_asked(row, now_ms)]
    decides = may(request, "POST /agency/decide")
    with request.app.state.parts.record.reading() as connection:
        open_ones = [one for one in contests(connection, site.id, from_ms=now_ms) if one.verdict is None]
    found = []
    for one in site.agencies:
        place = Place(site, one.id)
        if place.outlets:
            waiting = sum(place.speaks_of(row) for row in rows)
            contested = sum(place.sight.sees_outlet(site, it.outlet) for it in open_ones) if decides else 0
            found.append(_Line(place.address(), one.name, len(place.outlets), waiting, contested))
    return sorted(found, key=lambda line: (-line.waiting, -line.contested, line.name))


def _is_asked(row: AlertRow, now_ms: int) -> bool:
    return row.stands and row.alert.kind in floor_alerts.OF_OUTLETS and row.state(now_ms) == "firing"
