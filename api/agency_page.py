"""An agency's page as an answer: as it is, or with a form that was not done."""

from __future__ import annotations

from typing import Any

from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from starlette.responses import Response

from api import floor_alerts
from api.access import ROLES_OF, RULES, may_give_channels, may_phone, sight_of
from api.agency_done import done_of
from api.agency_place import Place, words_of
from api.agency_refused import Forms, Refused
from api.agency_view import Asked, agency_view
from api.answers import choices, page
from api.asked import sites_of
from api.feed import Feed
from api.parts import Parts
from presence.site import Site


async def show(
    request: Request, place: Place, refused: Refused | None = None, *, over: bool = False, done: str | None = None
) -> Response:
    """`refused`: a form that was not done. `over`: one came too late; `done`: what was done, as the address has it."""
    parts: Parts = request.app.state.parts
    now_ms, words = parts.now(), words_of(request, place.site)
    shown = await run_in_threadpool(agency_view, parts.record, _asked(request, place, now_ms))
    distrust = request.app.state.feed.live.distrust(place.site.id, now_ms)
    told: dict[str, Any] = {
        "warning": floor_alerts.warning_of_distrust(distrust, words),
        "over": over,
        "forms": Forms(refused, words),
        "done": await run_in_threadpool(done_of, parts.record, place, done, now_ms, words),
    }
    status = 200 if refused is None else refused.why.status
    common = common_of(request, place.site, place.agency, now_ms)
    return await page(request, "agency.html", status=status, **common, **shown, **told)


def common_of(request: Request, site: Site, agency: str | None, now_ms: int) -> dict[str, Any]:
    """What the page and the choice of one show of the site."""
    words = words_of(request, site)
    return {
        "zone": site.timezone,
        "site": site,
        "site_name": site.name,
        "sites": list(sites_of(request).values()),
        "now_ms": now_ms,
        "zone_name": f"{words.zone(now_ms)} ({site.timezone})",
        **choices(request, "/agency", site=site.id, agency=agency),
    }


def may(request: Request, operation: str) -> bool:
    """Whether whoever asks may do what a route does."""
    who = request.state.who
    return who is not None and who.role in ROLES_OF[RULES[operation]]


def _asked(request: Request, place: Place, now_ms: int) -> Asked:
    feed: Feed = request.app.state.feed
    site = place.site
    return Asked(
        place=place,
        plan=request.app.state.plans.of(site, now_ms, sight_of(request).agency),
        occupancies={one.outlet: one for one in feed.live.of_site(site.id, now_ms)},
        now_ms=now_ms,
        words=words_of(request, site),
        choose=sight_of(request).agency is None and len(site.agencies) > 1,
        may_answer=may(request, "POST /agency/acknowledge"),
        may_decide=may(request, "POST /agency/decide"),
        may_phone=may_phone(request),
        may_give_channels=may_give_channels(request),
    )
