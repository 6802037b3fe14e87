"""Alerts as the record has them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import JSONResponse, Response

from api.asked import instant
from api.parts import Parts
from storage.record.alert_list import AlertState, alerts

router = APIRouter(prefix="/api/v1/alerts", tags=["alerts"])

_FROM = "RFC 3339, as 2026-11-24T00:00:00+07:00: alerts that stood at this time or later."
_TO = "RFC 3339: alerts that fired before this time."


@router.get("", summary="Alerts, ordered by when they fired; the newest `limit` of them")
def list_alerts(
    request: Request,
    state: Annotated[
        AlertState | None, Query(description="Only alerts in this state; all of them when left out.")
    ] = None,
    site: Annotated[str | None, Query(description="Only alerts of this site.")] = None,
    outlet: Annotated[str | None, Query(description="Only alerts of this outlet.")] = None,
    from_: Annotated[str | None, Query(alias="from", description=_FROM)] = None,
    to: Annotated[str | None, Query(description=_TO)] = None,
    limit: Annotated[int, Query(ge=1, le=10_000, description="At most this many, the newest ones.")] = 1000,
) -> Response:
    parts: Parts = request.app.state.parts
    with parts.record.reading() as connection:
        found = alerts(
            connection,
            site=site,
            state=state,
            outlet=outlet,
            from_ms=instant("from", from_),
            to_ms=instant("to", to),
            limit=limit,
        )
    return JSONResponse({"alerts": [row.as_json() for row in found]})
