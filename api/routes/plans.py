"""The pictures of floors, as somebody put them into the data directory: shown, never believed."""

from __future__ import annotations

from pathlib import PurePosixPath

from fastapi import APIRouter, HTTPException, Request
from fastapi.concurrency import run_in_threadpool
from starlette.responses import Response

from api.access import sight_of
from api.feed import Feed
from api.floor_plan import PICTURES, Pictures

router = APIRouter(include_in_schema=False)

# An SVG can hold scripts and forms. As a page of its own it runs none, and it fetches nothing from anywhere.
_HEADERS = {
    "Content-Security-Policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:",
    "Cache-Control": "private, max-age=300",
}


@router.get("/plans/{name}")
async def plan_picture(request: Request, name: str) -> Response:
    feed: Feed = request.app.state.feed
    seen = [site for site in feed.live.sites.values() if sight_of(request).sees_site(site)]
    content = None
    if any(name == floor.plan for site in seen for floor in site.floors):
        pictures: Pictures = request.app.state.pictures
        content = await run_in_threadpool(pictures.read, name)
    if content is None:
        raise HTTPException(404, f'no floor plan "{name}"')
    return Response(content, media_type=PICTURES[PurePosixPath(name).suffix], headers=_HEADERS)
