"""The present for programs and for the page's own module: at once, or as a stream of events."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, HTTPException, Query, Request
from starlette.responses import Response

from api.feed import Feed
from api.stream import EventStream

router = APIRouter(prefix="/api/v1/live", tags=["live"])

SiteId = Annotated[str | None, Query(description="One site; all of them when left out.")]


@router.get("", summary="The state of every outlet now")
async def live(request: Request, site: SiteId = None) -> Response:
    feed = _feed(request, site)
    return Response(feed.live_json(site), media_type="application/json")


@router.get("/stream", summary="The same as server-sent events: snapshot, then occupancy, alert and heartbeat")
async def stream(
    request: Request,
    site: SiteId = None,
    last_event_id: Annotated[str | None, Header(description="Go on behind this event.")] = None,
) -> Response:
    feed = _feed(request, site)
    after = int(last_event_id) if last_event_id is not None and last_event_id.isdecimal() else None
    return EventStream(feed.stream, feed.stream.listen(site, after, lambda: feed.snapshot(site)))


def _feed(request: Request, site: str | None) -> Feed:
    feed: Feed = request.app.state.feed
    if site is not None and site not in feed.live.sites:
        raise HTTPException(404, f'no site "{site}"')
    return feed
