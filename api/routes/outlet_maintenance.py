"""Maintenance begun and ended on the page of an outlet, by whoever repairs there: forms without JavaScript."""

from __future__ import annotations

from urllib.parse import quote

from fastapi import APIRouter, Request
from sqlalchemy import Connection
from starlette.responses import RedirectResponse, Response

from api.answers import address
from api.asked import outlet_of, site_of
from api.forms import form_of
from api.outlet_maintenance import HOURS, concerns
from api.routes.record import OutletId, SiteId
from api.writing import write
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
    sensor = given.get("sensor", "")
    hours = next((hours for hours in HOURS if str(hours) == given.get("hours", str(HOURS[0]))), None)
    if hours is None:
        raise NotAccepted([Problem("hours", f"is none of {', '.join(map(str, HOURS))}")])
    if sensor and all(one.id != sensor for one in counter.sensors):
        raise NotThere(f'no sensor "{sensor}" at this outlet')

    def act(connection: Connection, author: str, now_ms: int) -> None:
        wanted = Maintenance(
            sensor=sensor or None,
            outlet=None if sensor else counter.id,
            from_ms=now_ms,
            to_ms=now_ms + hours * _HOUR_MS,
            reason=given.get("reason", "").strip(),
        )
        declare(connection, site, wanted, author, now_ms)

    try:
        await write(request, act)
    except NotAccepted:
        return _back(request, site, outlet, "reason")
    except NotNow:
        return _back(request, site, outlet, "twice")
    return _back(request, site, outlet, "begun")


@router.post("/end")
async def finish(request: Request, site: SiteId, outlet: OutletId) -> Response:
    given = await form_of(request)
    counter = outlet_of(site_of(request, site), outlet)
    number = given.get("number", "")
    if not (number.isascii() and number.isdigit() and len(number) <= _MOST_DIGITS):
        raise NotThere(f'no maintenance "{number}" at this outlet')

    def act(connection: Connection, author: str, now_ms: int) -> None:
        found = declaration(connection, site, Maintenance, int(number))
        if not concerns(found.what, counter):
            raise NotThere(f"no maintenance {number} at this outlet")
        end(connection, site, Maintenance, found.id, author, now_ms)

    try:
        await write(request, act)
    except NotNow:
        return _back(request, site, outlet, "over")
    return _back(request, site, outlet, "ended")


def _back(request: Request, site: str, outlet: str, said: str) -> Response:
    request.app.state.feed.look_soon()
    path = f"/sites/{quote(site, safe='')}/outlets/{quote(outlet, safe='')}"
    return RedirectResponse(f"{address(path, maintenance=said)}#maintenance", 303)
