"""Alerts as the record has them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, HTTPException, Query, Request
from starlette.responses import JSONResponse, Response

from api.parts import Parts
from presence.instants import parse_instant
from storage.record.alert_list import AlertState, alerts

router = APIRouter(prefix="/api/v1/alerts", tags=["alerts"])

_Instant = Annotated[str | None, Query(description="RFC 3339; alerts that stood at some time in [from, to).")]


@router.get("", summary="Alerts, ordered by when they fired; the newest `limit` of them")
def list_alerts(
    request: Request,
    state: Annotated[AlertState | None, Query()] = None,
    site: Annotated[str | None, Query()] = None,
    outlet: Annotated[str | None, Query()] = None,
    from_: Annotated[_Instant, Query(alias="from")] = None,
    to: _Instant = None,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 1000,
) -> Response:
    parts: Parts = request.app.state.parts
    with parts.record.reading() as connection:
        found = alerts(
            connection,
            site=site,
            state=state,
            outlet=outlet,
            from_ms=_instant("from", from_),
            to_ms=_instant("to", to),
            limit=limit,
        )
    return JSONResponse({"alerts": [row.as_json() for row in found]})


def _instant(name: str, text: str | None) -> int | None:
    if text is None:
        return None
    try:
        # A plus sign that nobody escaped arrives as a space.
        return parse_instant(text.replace(" ", "+"))
    except ValueError as error:
        raise HTTPException(400, f"{name}: {error}") from None
