"""Is it alive, is it in order, how is it doing: for supervisors, load balancers and Prometheus."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, PlainTextResponse, Response

from api.access import Sight, sight_of
from api.answered import Readiness
from api.feed import Feed
from api.parts import Parts
from presence.status import Status

_READY = {"ready": True, "broker": "ok", "record": "ok", "feeds": "ok", "store": "ok"}

router = APIRouter(tags=["health"])


@router.get(
    "/healthz",
    summary="The process answers",
    description="For a supervisor: nothing else is looked at.",
    response_class=PlainTextResponse,
    responses={200: {"content": {"text/plain": {"example": "ok\n"}}}},
)
async def healthz() -> Response:
    return PlainTextResponse("ok\n")


@router.get(
    "/readyz",
    summary="Broker, record, feeds and store are in order; 503 and which one when not",
    description="For a load balancer: where it is 503, pages show what they know, and cannot tell what is new.",
    responses={
        200: {"model": Readiness, "content": {"application/json": {"example": _READY}}},
        503: {"model": Readiness, "description": "Not all is in order.", "content": {"application/json": {}}},
    },
)
async def readyz(request: Request) -> Response:
    parts: Parts = request.app.state.parts
    feed: Feed = request.app.state.feed
    problems = feed.problems()
    for name, check in parts.checks.items():
        problems[name] = await run_in_threadpool(check)
    ready = not any(problems.values())
    body = {"ready": ready} | {name: problem or "ok" for name, problem in problems.items()}
    return JSONResponse(body, 200 if ready else 503)


@router.get(
    "/metrics",
    summary="Figures for Prometheus",
    description="Of what the account sees; on this machine, without one, of everything.",
    response_class=PlainTextResponse,
    responses={200: {"content": {"text/plain": {"example": "hadir_broker_connected 1\n"}}}},
)
async def metrics(request: Request) -> Response:
    parts: Parts = request.app.state.parts
    lines = _metrics(request.app.state.feed, sight_of(request), parts.now())
    return PlainTextResponse("\n".join(lines) + "\n", media_type="text/plain; version=0.0.4")


def _metrics(feed: Feed, sight: Sight, now_ms: int) -> Iterator[str]:
    """Figures of what `sight` sees, and of this process."""
    seen = sight.of_sites(feed.live.sites)
    yield from _head("hadir_outlets", "gauge", "Outlets by status.")
    for site, known in seen.items():
        found = [feed.live.occupancy(site, outlet.id, now_ms).status for outlet in known.outlets]
        for status in get_args(Status):
            yield f'hadir_outlets{{site="{site}",status="{status}"}} {found.count(status)}'
    alerts = {site: [row.state(now_ms) for row in feed.alerts(site, now_ms, sight.agency)] for site in seen}
    yield from _head("hadir_alerts_firing", "gauge", "Alerts that stand and that nobody has answered.")
    for site, states in alerts.items():
        yield f'hadir_alerts_firing{{site="{site}"}} {states.count("firing")}'
    yield from _head("hadir_alerts_acknowledged", "gauge", "Alerts that stand and that somebody has answered.")
    for site, states in alerts.items():
        yield f'hadir_alerts_acknowledged{{site="{site}"}} {states.count("acknowledged")}'
    yield from _head("hadir_feed_age_seconds", "gauge", "Since the site's collector was last heard.")
    for site in seen:
        age_ms = feed.live.collector_age_ms(site, now_ms)
        if age_ms is not None:
            yield f'hadir_feed_age_seconds{{site="{site}"}} {age_ms / 1000:.3f}'
    yield from _head("hadir_broker_connected", "gauge", "1 while the broker is connected.")
    yield f"hadir_broker_connected {int(feed.live.broker_connected)}"
    yield from _head("hadir_sse_listeners", "gauge", "Open live pages.")
    yield f"hadir_sse_listeners {feed.stream.listeners}"
    yield from _head("hadir_sse_cut_off_total", "counter", "Live pages let go because they were too slow.")
    yield f"hadir_sse_cut_off_total {feed.stream.cut_off}"
    yield from _head("hadir_web_messages_not_understood_total", "counter", "MQTT messages that break their contract.")
    yield f"hadir_web_messages_not_understood_total {feed.not_understood}"


def _head(name: str, kind: str, what: str) -> tuple[str, str]:
    return f"# HELP {name} {what}", f"# TYPE {name} {kind}"
