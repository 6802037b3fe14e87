"""The agency's page, and the choice of one. What its forms do is in `agency_forms`."""

from __future__ import annotations

from typing import Any, NamedTuple

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from starlette.responses import Response

from api import floor_alerts
from api.access import ROLES_OF, RULES, may_phone, sight_of
from api.agency_done import done_of
from api.agency_place import Place, place_of, words_of
from api.agency_view import Asked, agency_view
from api.answers import LangChoice, ThemeChoice, address, choices, page, remember
from api.asked import site_of, sites_of
from api.feed import Feed
from api.no_site import no_site
from api.parts import Parts
from api.routes.agency_forms import SAID
from api.routes.substitutes import may_give_channels
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
    about: str | None = None,
    done: str | None = None,
    lang: LangChoice = None,
    theme: ThemeChoice = None,
) -> Response:
    if lang is not None or theme is not None:
        return remember(request, lang, theme, address("/agency", site=site, agency=agency))
    parts: Parts = request.app.state.parts
    links = choices(request, "/agency", site=site, agency=agency)
    sites = list(sites_of(request).values())
    chosen = site_of(request, site) if site is not None else next(iter(sites), None)
    if chosen is None:
        return await no_site(request, links)
    place, now_ms, words = place_of(request, chosen, agency), parts.now(), words_of(request, chosen)
    common = {
        "zone": chosen.timezone,
        "site": chosen,
        "site_name": chosen.name,
        "sites": sites,
        "now_ms": now_ms,
        "zone_name": f"{words.zone(now_ms)} ({chosen.timezone})",
        **links,
    }
    if place is None:
        listed = await run_in_threadpool(_agencies, request, chosen, now_ms)
        return await page(request, "agencies.html", **common, agencies=listed)
    shown = await run_in_threadpool(agency_view, parts.record, _asked(request, place, now_ms))
    distrust = request.app.state.feed.live.distrust(chosen.id, now_ms)
    told: dict[str, Any] = {
        "warning": floor_alerts.warning_of_distrust(distrust, words),
        "said": said if said in SAID else "",
        "about": about or "",
        "done": await run_in_threadpool(done_of, parts.record, place, done, now_ms, words),
    }
    return await page(request, "agency.html", **common, **shown, **told)


def _asked(request: Request, place: Place, now_ms: int) -> Asked:
    feed: Feed = request.app.state.feed
    site = place.site
    may_answer = _may(request, "POST /agency/acknowledge")
    return Asked(
        place=place,
        plan=request.app.state.plans.of(site, now_ms, sight_of(request).agency),
        occupancies={one.outlet: one for one in feed.live.of_site(site.id, now_ms)},
        now_ms=now_ms,
        words=words_of(request, site),
        choose=sight_of(request).agency is None and len(site.agencies) > 1,
        may_answer=may_answer,
        may_decide=_may(request, "POST /agency/decide"),
        may_phone=may_phone(request),
        may_give_channels=may_give_channels(request),
    )


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
    decides = _may(request, "POST /agency/decide")
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


def _may(request: Request, operation: str) -> bool:
    who = request.state.who
    return who is not None and who.role in ROLES_OF[RULES[operation]]
