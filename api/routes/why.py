"""Why there was an alert at a minute, or none."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, HTTPException, Query, Request
from starlette.responses import JSONResponse, Response

from api.access import EVERYTHING, sight_of
from api.answered import WhyNot
from api.asked import outlet_of, site_of
from api.parts import Parts
from api.routes.record import OutletId, SiteId
from api.why import explain
from presence.site import AlertKind

router = APIRouter(prefix="/api/v1/sites/{site}/outlets/{outlet}/why", tags=["alerts"])

_DESCRIPTION = """For each kind of alert that could speak of the outlet (its duty's, its own, those of its sensors and
gateways, the site's; an agency is told of its own outlets and duties alone): `reason`, the name of what decided at that
instant; `alert`, the one that stood, with the end that is known by now; `checks` in order, each `passed`, `stopped` or
`not_reached`, with its facts and a sentence in both languages; `later`, what came of a clock that ran or an alert that
stood. Beside it `recorded`, what the record has of that minute, and `notes` where the two differ. Decisions are told as
of the instant, states as they are known today.
"""
_AT = (
    "RFC 3339, as 2026-11-24T09:58:00+07:00, epoch seconds, or today's time on the site's clock, as 09:58;"
    " the end of what is known when left out."
)
_EXAMPLE = {
    "site": "mpp-contoh",
    "outlet": "disnaker-2",
    "at": "2026-11-24T02:58:00.000Z",
    "timezone": "Asia/Jakarta",
    "known_until": "2026-11-24T03:12:07.250Z",
    "kinds": [
        {
            "kind": "vacancy",
            "outlet": "disnaker-2",
            "reason": "clock_running",
            "alert": None,
            "later": {"what": "fired", "at": "2026-11-24T03:01:20.000Z", "by": None},
            "checks": [
                {
                    "name": "clock",
                    "result": "stopped",
                    "facts": {
                        "since": "2026-11-24T02:51:20.000Z",
                        "after_s": 600.0,
                        "ran_s": 400.0,
                        "full": "2026-11-24T03:01:20.000Z",
                    },
                    "text": {
                        "id": "Jam berjalan sejak 09.51.20: 6 mnt 40 dtk dari 10 mnt. Penuh 10.01.20.",
                        "en": "The clock runs since 09:51:20: 6 min 40 s of 10 min. Full 10:01:20.",
                    },
                }
            ],
            "text": {
                "id": "Belum ada peringatan kosong: jam berjalan sejak 09.51.20. Jatuh 10.01.20 bila tetap."
                " Kemudian jatuh 10.01.20.",
                "en": "No vacancy alert yet: the clock runs since 09:51:20. Due 10:01:20 if nothing changes."
                " It fired later, at 10:01:20.",
            },
            "recorded": None,
            "notes": [],
        }
    ],
}


@router.get(
    "",
    summary="Why an alert stood at an instant, or why there was none",
    description=_DESCRIPTION,
    responses={
        200: {"model": WhyNot, "content": {"application/json": {"example": _EXAMPLE}}},
        400: {"description": "`at` is no instant, or `kind` no kind of alert"},
        404: {"description": "no such site or outlet, or nothing at it that could raise an alert of that kind"},
    },
)
def why_not(
    request: Request,
    site: SiteId,
    outlet: OutletId,
    at: Annotated[str | None, Query(description=_AT)] = None,
    kind: Annotated[AlertKind | None, Query(description="Only this kind; all of them when left out.")] = None,
) -> Response:
    parts: Parts = request.app.state.parts
    # A plus sign that nobody escaped arrives as a space.
    instant = None if at is None else at.replace(" ", "+")
    sight = sight_of(request)
    if sight != EVERYTHING:
        outlet_of(site_of(request, site), outlet)
    try:
        with parts.record.reading() as connection:
            told = explain(connection, site, outlet, at=instant, kind=kind, now_ms=parts.now(), sight=sight)
    except ValueError as error:
        raise HTTPException(400, f"at: {error}") from None
    return JSONResponse(told)
