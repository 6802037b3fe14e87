"""The present for programs and for the page's own module: at once, or as a stream of events."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Query, Request
from starlette.responses import Response

from api.access import Sight, sight_of
from api.asked import site_of
from api.feed import Feed
from api.stream import EventStream

router = APIRouter(prefix="/api/v1/live", tags=["live"])

SiteId = Annotated[str | None, Query(description="One site; all of them when left out.")]


@router.get("", summary="The state of every outlet now")
async def live(request: Request, site: SiteId = None) -> Response:
    feed: Feed = request.app.state.feed
    return Response(feed.live_json(_sight(request, site)), media_type="application/json")


@router.get("/stream", summary="The same as server-sent events: snapshot, then occupancy, alert and heartbeat")
async def stream(
    request: Request,
    site: SiteId = None,
    last_event_id: Annotated[str | None, Header(description="Go on behind this event.")] = None,
) -> Response:
    feed: Feed = request.app.state.feed
    sight = _sight(request, site)
    after = int(last_event_id) if last_event_id is not None and last_event_id.isdecimal() else None
    return EventStream(feed.stream, feed.stream.listen(sight.site, after, lambda: feed.snapshot(sight), sight.agency))


def _sight(request: Request, site: str | None) -> Sight:
    """What whoever asks sees of `site`, or of all. Raises 404."""
    sight = sight_of(request)
    return sight if site is None else sight._replace(site=site_of(request, site).id)
