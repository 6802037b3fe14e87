"""The live floor: the page of a site as of now, which its module then keeps up to date."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from fastapi.concurrency import run_in_threadpool
from starlette.responses import Response

from api import floor_figures, floor_view
from api.access import ROLES_OF, may_phone, sight_of
from api.answers import LangChoice, ThemeChoice, address, choices, page, preferences, remember
from api.asked import site_of, sites_of
from api.feed import Feed
from api.floor_view import Present
from api.no_site import no_site
from api.words import Words
from presence.site import Site

router = APIRouter(include_in_schema=False)


@router.get("/")
async def live_floor(
    request: Request,
    site: str | None = None,
    show: str = "all",
    view: Literal["tiles", "plan"] = "tiles",
    wall: Literal["", "0", "1"] = "",
    q: Annotated[str, Query(max_length=100)] = "",
    lang: LangChoice = None,
    theme: ThemeChoice = None,
) -> Response:
    kept = {"site": site, "view": _unless_usual(view, "tiles"), "wall": _unless_usual(wall, "0")}
    if lang is not None or theme is not None:
        return remember(request, lang, theme, address("/", **kept, show=_unless_usual(show, "all"), q=q))
    sites = sites_of(request)
    links = choices(request, "/", **kept)
    if site is None and not sites:
        return await no_site(request, links)
    chosen = site_of(request, site) if site is not None else next(iter(sites.values()))
    present = _present(request, chosen)
    if wall == "1":
        shown = await run_in_threadpool(floor_view.wall_view, request.app.state.plans, present)
        return await page(request, "wall.html", zone=chosen.timezone, **shown, **links)
    shown = await run_in_threadpool(
        floor_view.live_view,
        request.app.state.plans,
        request.app.state.pictures if view == "plan" else None,
        present,
        show if show in floor_figures.FILTERS else "all",
        q.strip(),
    )
    return await page(request, "live.html", zone=chosen.timezone, sites=list(sites.values()), **shown, **links)


def _unless_usual(value: str, usual: str) -> str | None:
    return None if value == usual else value


def _present(request: Request, site: Site) -> Present:
    """What is known now of `site`, which is what is seen of it."""
    feed: Feed = request.app.state.feed
    now_ms = request.app.state.parts.now()
    agency = sight_of(request).agency
    outlets = {outlet.id for outlet in site.outlets}
    return Present(
        site=site,
        layout=feed.layout(site.id),
        agency=agency,
        phones=may_phone(request),
        answers=request.state.who is not None and request.state.who.role in ROLES_OF["answer"],
        occupancies=[feed.live.occupancy(site.id, outlet.id, now_ms) for outlet in site.outlets],
        alerts=feed.alerts(site.id, now_ms, agency),
        changes=[one for one in feed.live.changes(site.id, now_ms) if one.outlet in outlets],
        distrust=feed.live.distrust(site.id, now_ms),
        unwatched_ms=feed.unwatched.get(site.id),
        now_ms=now_ms,
        words=Words(preferences(request).lang, site.timezone),
    )
