"""Devices that nobody claimed, and how one of them becomes a sensor of an outlet."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field
from sqlalchemy import Connection
from starlette.responses import JSONResponse, Response

from api.access import sight_of
from api.feed import Feed
from api.fields import BODY
from api.parts import Parts
from api.problems import MEDIA_TYPE, problem
from presence.errors import BadInput
from presence.instants import rfc3339
from presence.registry import SENSOR, Place, things, written
from presence.site import SensorKind, ZoneName
from storage.record.aside import MOST_UNCLAIMED, Waiting, inbox
from storage.record.claims import Standing, claim, waiting_device
from storage.record.refusals import NotThere
from storage.record.registry_changes import registered

router = APIRouter(prefix="/api/v1/inbox", tags=["inbox"])

_EXAMPLE: dict[str, Any] = {
    "device": "zigbee2mqtt/0x00158d0001a2b3c4",
    "convention": "zigbee2mqtt",
    "from": None,
    "site": "mpp-contoh",
    "outlet": "disdukcapil-1",
    "zone": "staff",
    "kind": "pir",
    "presence": None,
}


class NewClaim(BaseModel):
    """Which device, and where it stands. `from`: the site that its topics name, as the inbox says."""

    model_config = BODY | {"json_schema_extra": {"examples": [_EXAMPLE]}}

    device: str = Field(description="Its name in the inbox.")
    convention: str = Field(description="The convention that it speaks, as the inbox says.")
    named: str | None = Field(None, alias="from", description="The `site` that the inbox says; null as there.")
    site: str = Field(description="The site of the outlet.")
    outlet: str = Field(description="The outlet at which it stands.")
    zone: ZoneName = Field(description="The side that it watches.")
    kind: SensorKind = Field("direct", description="What its readings say about presence.")
    presence: str | None = Field(None, description="Which of its `presences`, where it has several.")


_WAITING: dict[str, Any] = {
    "device": "zigbee2mqtt/0x00158d0001a2b3c4",
    "convention": "zigbee2mqtt",
    "site": None,
    "seems": "pir",
    "values": {"occupancy": 1.0, "battery": 87.0},
    "presences": ["occupancy"],
    "first": "2026-11-24T01:02:03.000Z",
    "last": "2026-11-24T03:41:58.000Z",
    "messages": 112,
}
_CLAIMED = {"id": "disdukcapil-1-pir", "kind": "pir", "zone": "staff"}


_MADE: dict[int | str, dict[str, Any]] = {
    201: {"description": "The sensor.", "content": {"application/json": {"example": {"sensor": _CLAIMED}}}},
    400: {"description": "A field is wrong, or missing.", "content": {MEDIA_TYPE: {}}},
    404: {"description": "There is no such site, or no such device waits.", "content": {MEDIA_TYPE: {}}},
}


@router.get(
    "",
    summary="Devices that send readings and are nobody's sensor, the one heard last first",
    description=f"In one answer: {MOST_UNCLAIMED} at most wait, beyond that those go that were silent longest.",
    responses={
        200: {"description": "What waits.", "content": {"application/json": {"example": {"inbox": [_WAITING]}}}}
    },
)
def list_inbox(
    request: Request, site: Annotated[str | None, Query(description="Only what may be of this site.")] = None
) -> Response:
    parts: Parts = request.app.state.parts
    sight = sight_of(request)
    with parts.record.reading() as connection:
        waiting = [one for one in inbox(connection) if sight.sees_device(one.site)]
    return JSONResponse({"inbox": [_line(one) for one in waiting if site is None or one.site in ("", site)]})


@router.post(
    "/claim",
    status_code=201,
    summary="Make a device of the inbox a sensor of an outlet",
    description="Its id follows from what it said; it can be changed afterwards, as any sensor.",
    responses=_MADE,
)
def claim_device(request: Request, wanted: NewClaim) -> Response:
    parts: Parts = request.app.state.parts
    feed: Feed = request.app.state.feed
    try:
        with parts.record.writing() as connection:
            before = registered(connection, wanted.site).site
            if parts.claim is None or not sight_of(request).sees_site(before):
                raise NotThere(f'no site "{wanted.site}"')
            device = device_of(request, connection, wanted.named or "", wanted.convention, wanted.device)
            there = Standing(wanted.outlet, wanted.zone, wanted.kind, wanted.presence)
            after = claim(connection, device, wanted.site, there, parts.claim, request.state.account, parts.now())
    except NotThere as error:
        return problem(404, str(error), request.url.path)
    except BadInput as error:
        says = error.problem if error.remedy is None else f"{error.problem}; {error.remedy}"
        return problem(400, says, request.url.path)
    feed.look_soon()
    sensor = things(after, Place(SENSOR, wanted.outlet))[-1]
    return JSONResponse({"sensor": written(after, SENSOR.form, sensor)}, 201)


def device_of(request: Request, connection: Connection, site: str, convention: str, device: str) -> Waiting:
    """A device of the inbox that whoever asks sees, by its key. Raises NotThere."""
    return waiting_device(connection, site if sight_of(request).sees_device(site) else None, convention, device)


def _line(one: Waiting) -> dict[str, Any]:
    return {
        "device": one.device,
        "convention": one.convention,
        "site": one.site or None,
        "seems": one.seems,
        "values": dict(one.values),
        "presences": one.presences,
        "first": rfc3339(one.first_ms),
        "last": rfc3339(one.last_ms),
        "messages": one.messages,
    }
