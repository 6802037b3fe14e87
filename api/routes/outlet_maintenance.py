"""Maintenance begun and ended on the page of an outlet, by whoever repairs there: forms without JavaScript."""

from __future__ import annotations

from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from api.answers import address
from api.asked import outlet_of, site_of
from api.forms import form_of
from api.outlet_maintenance import HOURS, concerns
from api.parts import Parts
from api.routes.record import OutletId, SiteId
from presence.declarations import NotAccepted
from presence.site import Maintenance
from presence.site_checks import Problem
from storage.record.declarations import declaration, declare, end
from storage.record.refusals import NotNow, NotThere

router = APIRouter(prefix="/sites/{site}/outlets/{outlet}/maintenance", include_in_schema=False)

_HOUR_MS = 3_600_000
_MOST_DIGITS = 15


@router.post("")
async def begin(request: Request, site: SiteId, outlet: OutletId) -> Response:
    given = await form_of(request)
    counter = outlet_of(site_of(request, site), outlet)
    parts: Parts = request.app.state.parts
    now_ms, sensor = parts.now(), given.get("sensor", "")
    hours = next((hours for hours in HOURS if str(hours) == given.get("hours", str(HOURS[0]))), None)
    if hours is None:
        raise NotAccepted([Problem("hours", f"is none of {', '.join(map(str, HOURS))}")])
    if sensor and all(one.id != sensor for one in counter.sensors):
        raise NotThere(f'no sensor "{sensor}" at this outlet')
    wanted = Maintenance(
        sensor=sensor or None,
        outlet=None if sensor else counter.id,
        from_ms=now_ms,
        to_ms=now_ms + hours * _HOUR_MS,
        reason=given.get("reason", "").strip(),
    )

    def write() -> str:
        try:
            with parts.record.writing() as connection:
                declare(connection, site, wanted, request.state.account, now_ms)
        except NotAccepted:
            return "reason"
        except NotNow:
            return "twice"
        return "begun"

    return await _back(request, site, outlet, await run_in_threadpool(write))


@router.post("/end")
async def finish(request: Request, site: SiteId, outlet: OutletId) -> Response:
    given = await form_of(request)
    counter = outlet_of(site_of(request, site), outlet)
    parts: Parts = request.app.state.parts
    number = given.get("number", "")
    if not (number.isascii() and number.isdigit() and len(number) <= _MOST_DIGITS):
        raise NotThere(f'no maintenance "{number}" at this outlet')

    def write() -> str:
        with parts.record.writing() as connection:
            found = declaration(connection, site, Maintenance, int(number))
            if not concerns(found.what, counter):
                raise NotThere(f"no maintenance {number} at this outlet")
            try:
                end(connection, site, Maintenance, found.id, request.state.account, parts.now())
            except NotNow:
                return "over"
        return "ended"

    return await _back(request, site, outlet, await run_in_threadpool(write))


async def _back(request: Request, site: str, outlet: str, said: str) -> Response:
    request.app.state.feed.look_soon()
    path = f"/sites/{quote(site, safe='')}/outlets/{quote(outlet, safe='')}"
    return RedirectResponse(f"{address(path, maintenance=said)}#maintenance", 303)
