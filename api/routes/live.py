"""The present for programs and for the page's own module: at once, or as a stream of events."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Query, Request
from starlette.responses import Response

from api.access import Sight, sight_of
from api.answered import LiveNow
from api.asked import site_of
from api.feed import Feed
from api.stream import EventStream

_OUTLET = {
    "site": "mpp-contoh",
    "outlet": "disdukcapil-1",
    "status": "vacant",
    "since": "2026-11-24T03:12:07.250Z",
    "zones": {
        "staff": {
            "state": "vacant",
            "p": 0.02,
            "since": "2026-11-24T03:12:07.250Z",
            "seen": "2026-11-24T03:41:58.000Z",
        }
    },
    "until": None,
    "reason": None,
    "at": "2026-11-24T03:41:59.500Z",
    "version": 1,
}
_EXAMPLE = {"at": "2026-11-24T03:42:07.000Z", "outlets": [_OUTLET]}
_EVENTS = 'id: 1795491000000001\nevent: occupancy\ndata: {"outlet":"disdukcapil-1","status":"vacant",…}\n\n'
_LONGEST_ID = 20


class StreamOfEvents(Response):
    """For the description alone."""

    media_type = "text/event-stream"


router = APIRouter(prefix="/api/v1/live", tags=["live"])

SiteId = Annotated[str | None, Query(description="One site; all of them when left out.")]


@router.get(
    "",
    summary="The state of every outlet now",
    description="Of all outlets that the account sees. `seen` says how old the evidence of a zone is; `until` is the "
    "end of a declared absence.",
    responses={200: {"model": LiveNow, "content": {"application/json": {"example": _EXAMPLE}}}},
)
async def live(request: Request, site: SiteId = None) -> Response:
    feed: Feed = request.app.state.feed
    return Response(feed.live_json(_sight(request, site)), media_type="application/json")


@router.get(
    "/stream",
    summary="The same as server-sent events: snapshot, then occupancy, alert and heartbeat",
    description="Without end. With the last `id` that was heard as `Last-Event-ID` it goes on behind that, or begins "
    "with a snapshot when that is too long ago. A heartbeat comes every few seconds.",
    response_class=StreamOfEvents,
    responses={200: {"description": "Events without end.", "content": {"text/event-stream": {"example": _EVENTS}}}},
)
async def stream(
    request: Request,
    site: SiteId = None,
    last_event_id: Annotated[str | None, Header(description="Go on behind this event.")] = None,
) -> Response:
    feed: Feed = request.app.state.feed
    sight = _sight(request, site)
    after = _place(last_event_id or "")
    return EventStream(feed.stream, feed.stream.listen(sight.site, after, lambda: feed.snapshot(sight), sight.agency))


def _place(event_id: str) -> int | None:
    """The event that was heard last; None for what is no id of ours."""
    return int(event_id) if event_id.isdecimal() and len(event_id) <= _LONGEST_ID else None


def _sight(request: Request, site: str | None) -> Sight:
    """What whoever asks sees of `site`, or of all. Raises 404."""
    sight = sight_of(request)
    return sight if site is None else sight._replace(site=site_of(request, site).id)
