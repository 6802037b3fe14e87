"""The page of one outlet."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.concurrency import run_in_threadpool
from starlette.responses import Response

from api import plots
from api.access import ROLES_OF, sight_of
from api.alerts_of import seen_of
from api.answers import LangChoice, ThemeChoice, address, choices, page, preferences, remember
from api.asked import outlet_of, site_of
from api.feed import Feed
from api.outlet_asked import Asked, Present, Range
from api.outlet_maintenance import DONE, HOURS, SAID
from api.outlet_page import outlet_page
from api.parts import Parts
from api.reading_plots import as_data, bands, plotted
from api.routes.record import OutletId, SiteId
from api.words import Lang, Text, Words, texts
from presence.declarations import LONGEST_TEXT
from presence.devices import thresholds
from presence.intervals import Span
from presence.site import Outlet, Site
from storage.timeseries import StoreUnavailable

router = APIRouter(include_in_schema=False)

_CLOCK = re.compile(r"([01]?\d|2[0-3])[.:]([0-5]\d)(?:[.:]([0-5]\d))?")
_YEARS = range(2000, 2200)
_PLOT_POINTS = 360
# The texts that the page's modules need.
_OF_MODULES = (
    "span.",
    "time.",
    "feed.",
    "dead.",
    "tile.age",
    "number.",
    "day.",
    "month.",
    "outlet.plot.",
    "outlet.decimal",
)


@router.get("/sites/{site}/outlets/{outlet}")
async def outlet(
    request: Request,
    site: SiteId,
    outlet: OutletId,
    day: Annotated[str | None, Query(max_length=10)] = None,
    span: Annotated[Range, Query(alias="range")] = "week",
    at: Annotated[str, Query(max_length=20)] = "",
    readings: bool = False,
    maintenance: str = "",
    lang: LangChoice = None,
    theme: ThemeChoice = None,
) -> Response:
    path = f"/sites/{site}/outlets/{outlet}"
    asked = {"day": day, "range": None if span == "week" else span, "at": at, "readings": "1" if readings else None}
    if lang is not None or theme is not None:
        return remember(request, lang, theme, address(path, **asked))
    known = site_of(request, site)
    sight = sight_of(request)
    counter = outlet_of(known, outlet)
    parts: Parts = request.app.state.parts
    feed: Feed = request.app.state.feed
    now_ms = parts.now()
    words = Words(preferences(request).lang, known.timezone)
    wanted = _asked(day, span, at.strip(), now_ms, words)

    present = Present(
        now_ms=now_ms,
        occupancy=feed.live.occupancy(site, outlet, now_ms),
        agency=sight.agency,
        among={known.id: seen_of(sight, known)},
    )

    def shown() -> dict[str, Any]:
        plan = request.app.state.plans.of(known, now_ms, sight.agency)
        with parts.record.reading() as connection:
            found = outlet_page(connection, plan, counter, wanted, present, words)
        return found | _readings(parts, known, counter, found, now_ms, words, wanted=readings)

    who = request.state.who
    return await page(
        request,
        "outlet.html",
        zone=known.timezone,
        site=known,
        site_name=known.name,
        now_ms=now_ms,
        zone_name=f"{words.zone(now_ms)} ({known.timezone})",
        home=address("/", site=site),
        agency=address("/agency", site=site, agency=counter.agency),
        here=address(path, **asked),
        path=path,
        asked=wanted,
        readings=readings,
        version=feed.versions[site],
        layout=feed.layout(site),
        plot_data=as_data,
        texts=_texts(words.lang),
        said=maintenance if maintenance in SAID else "",
        said_done=maintenance in DONE,
        maintenance_hours=HOURS,
        longest_text=LONGEST_TEXT,
        may_maintain=who is not None and who.role in ROLES_OF["maintain"],
        may_answer=who is not None and who.role in ROLES_OF["answer"],
        **await run_in_threadpool(shown),
        **choices(request, path, **asked),
    )


def _readings(
    parts: Parts, site: Site, counter: Outlet, shown: dict[str, Any], now_ms: int, words: Words, *, wanted: bool
) -> dict[str, Any]:
    """The plots of the hours that the timeline shows, or why there are none."""
    drawn = shown["timeline"]
    span = Span(drawn.start_ms, min(drawn.end_ms, now_ms))
    found: dict[str, Any] = {"plots": [], "plots_failed": "", "bands": [], "plots_span": span}
    if not wanted or span.start_ms >= span.end_ms:
        return found
    if parts.store is None:
        return found | {"plots_failed": words("outlet.plot.no_store")}
    try:
        lines = plots.lines(parts.store, site.id, counter, span, _PLOT_POINTS)
    except StoreUnavailable:
        return found | {"plots_failed": words("outlet.plot.unavailable")}
    cuts = {"battery": thresholds(site, counter).at_most}
    return found | {"plots": plotted(lines, span, cuts, words), "bands": bands(shown["booked"], span)}


def _asked(day: str | None, span: Range, at: str, now_ms: int, words: Words) -> Asked:
    """Raises 400 for a day that is none; of a minute that is none the page itself tells."""
    chosen = day or words.iso(now_ms)[:10]
    try:
        on = date.fromisoformat(chosen)
    except ValueError:
        raise HTTPException(400, f'day: "{chosen}" is no date; write 2026-11-24') from None
    if on.year not in _YEARS:
        raise HTTPException(400, f"day: {chosen} lies too far away")
    if not at:
        return Asked(day=on.isoformat(), span=span)
    clock = _CLOCK.fullmatch(at)
    if clock is None:
        return Asked(day=on.isoformat(), span=span, wrong_at=at)
    hour, minute, second = (int(part or 0) for part in clock.groups())
    return Asked(day=on.isoformat(), span=span, at_ms=words.at(on.isoformat(), hour, minute, second))


def _texts(lang: Lang) -> dict[str, Text]:
    return {key: text for key, text in texts(lang).items() if key.startswith(_OF_MODULES)}
