"""The live floor: the page of a site as of now, which its module then keeps up to date."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.concurrency import run_in_threadpool
from starlette.responses import Response

from api import floor
from api.access import ROLES_OF, sight_of
from api.answers import LangChoice, ThemeChoice, address, choices, page, preferences, remember
from api.asked import site_of, sites_of
from api.feed import Feed
from api.live import Change, Distrust, Occupancy
from api.words import Words, texts
from storage.record.alert_list import AlertRow
from storage.record.users import Asker

router = APIRouter(include_in_schema=False)

_BLANK_CARD = floor.Card("", "", "firing", "", "", "", "", "", "", "")
_BLANK_LINE = floor.Line(0, "", "", "", "", "", "", "")


@router.get("/")
async def live_floor(
    request: Request,
    site: str | None = None,
    show: str = "all",
    q: Annotated[str, Query(max_length=100)] = "",
    lang: LangChoice = None,
    theme: ThemeChoice = None,
) -> Response:
    if lang is not None or theme is not None:
        return remember(request, lang, theme, address("/", site=site, show=show if show != "all" else None, q=q))
    feed: Feed = request.app.state.feed
    sites = sites_of(request)
    links = choices(request, "/", site=site)
    if site is None and not feed.live.sites:
        return await page(request, "welcome.html", **links)
    if site is None and not sites:
        raise HTTPException(404, "no site of which this account sees anything")
    chosen = site_of(request, site) if site is not None else next(iter(sites.values()))
    agency = sight_of(request).agency
    now_ms = request.app.state.parts.now()
    view = await run_in_threadpool(
        _view,
        request.app.state.plans.of(chosen, feed.versions[chosen.id], agency),
        feed.versions[chosen.id],
        _may_phone(request),
        [feed.live.occupancy(chosen.id, outlet.id, now_ms) for outlet in chosen.outlets],
        feed.alerts(chosen.id, now_ms, agency),
        [one for one in feed.live.changes(chosen.id, now_ms) if one.outlet in {outlet.id for outlet in chosen.outlets}],
        feed.live.distrust(chosen.id, now_ms),
        show if show in floor.FILTERS else "all",
        q.strip(),
        now_ms,
        Words(preferences(request).lang, chosen.timezone),
    )
    return await page(request, "live.html", zone=chosen.timezone, sites=list(sites.values()), **view, **links)


def _may_phone(request: Request) -> bool:
    """Whoever may answer for an outlet may call those who should be there. The demo's people are invented."""
    who: Asker | None = request.state.who
    return who is None or who.role in ROLES_OF["answer"]


def _view(
    plan: floor.Plan,
    version: int,
    phones: bool,
    occupancies: list[Occupancy],
    alerts: list[AlertRow],
    changes: list[Change],
    distrust: Distrust | None,
    show: str,
    q: str,
    now_ms: int,
    words: Words,
) -> dict[str, Any]:
    """Everything that the template shows; runs in a thread."""
    site = plan.site
    by_outlet = {occupancy.outlet: occupancy for occupancy in occupancies}
    concerned = floor.standing(alerts, plan.subjects)
    found = floor.sums(occupancies, concerned, now_ms)
    spans = plan.spans(words.day_start_ms(now_ms))
    lines = floor.log_lines(changes, alerts, plan, now_ms, words)
    floors = []
    for level, outlets in plan.floors:
        tiles = []
        for outlet in outlets:
            occupancy, its_alerts = by_outlet[outlet.id], concerned.get(outlet.id, [])
            fixed = plan.outlets[outlet.id]
            hidden = not (floor.shows(show, occupancy.status, its_alerts, now_ms) and q.casefold() in fixed.find)
            tiles.append((outlet, fixed, floor.tile(fixed, occupancy, its_alerts, now_ms, words), hidden))
        statuses = [by_outlet[outlet.id].status for outlet in outlets]
        floors.append(
            {
                "name": _floor_name(level, len(plan.floors), words),
                "staffed": floor.staffed_in_words(statuses, words),
                "tiles": tiles,
                "shown": not all(hidden for *_, hidden in tiles),
            }
        )
    return {
        "site": site,
        "site_name": site.name,
        "now_ms": now_ms,
        "zone_name": f"{words.zone(now_ms)} ({site.timezone})",
        "here": address("/", site=site.id),
        "show": show,
        "q": q,
        "warning": floor.warning(alerts, distrust, occupancies, words),
        "hours": floor.hours_sentence(spans, now_ms, words),
        "figures": {name: floor.figure(name, found, plan, words) for name in found},
        "uncounted": () if plan.visitors else floor.OF_VISITORS,
        "seats": floor.seats(occupancies),
        "seats_in_words": floor.seats_in_words(found, words),
        "phones": phones,
        "cards": [
            card if phones else card._replace(tel="", call="")
            for card in floor.cards(alerts, by_outlet, plan, now_ms, words)
        ],
        "calm": floor.calm(found, occupancies, now_ms, words),
        "floors": floors,
        "anything": any(one["shown"] for one in floors),
        "lines": lines[: floor.LOG_LENGTH],
        "more": words("log.more", n=len(lines) - floor.LOG_LENGTH) if len(lines) > floor.LOG_LENGTH else "",
        "blank_card": _BLANK_CARD,
        "blank_line": _BLANK_LINE,
        "data": plan.as_json(phones=phones)
        | {
            "site": site.id,
            "version": version,
            "lang": words.lang,
            "zone": site.timezone,
            "now_ms": now_ms,
            "spans": spans,
            "changes": [change._asdict() for change in changes if change.outlet in plan.outlets],
            "texts": texts(words.lang),
        },
    }


def _floor_name(level: int | None, levels: int, words: Words) -> str:
    if level is not None:
        return words("floor", n=level)
    return words("floor.all") if levels == 1 else words("floor.none")
