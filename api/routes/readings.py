"""What the sensors of an outlet said, made coarse enough to be drawn."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, HTTPException, Query, Request
from starlette.responses import JSONResponse, Response

from api import plots
from api.asked import outlet_of, site_of, stretch
from api.fields import Instant
from api.parts import Parts
from api.routes.record import OutletId, SiteId
from presence.instants import rfc3339
from storage.timeseries import StoreUnavailable

router = APIRouter(prefix="/api/v1/sites/{site}/outlets/{outlet}/readings", tags=["record"])

_AT_MOST_DAYS = 7
_HOUR_MS = 3_600_000
_FROM = "RFC 3339, as 2026-11-24T08:00:00+07:00: readings from this time on; an hour before `to` by default."
_TO = f"RFC 3339: readings before this time; now by default. At most {_AT_MOST_DAYS} days after `from`."
_EXAMPLE = {
    "site": "mpp-contoh",
    "outlet": "disdukcapil-1",
    "from": "2026-11-24T01:00:00.000Z",
    "to": "2026-11-24T02:00:00.000Z",
    "bucket_s": 1800.0,
    "lines": [
        {
            "sensor": "dc1-radar",
            "zone": "staff",
            "quantity": "still_energy",
            "unit": "%",
            "gap_s": 1800.0,
            "at": ["2026-11-24T01:00:00.000Z", "2026-11-24T01:30:00.000Z"],
            "min": [0.0, 41.0],
            "max": [62.0, 77.0],
            "last": [55.0, 60.0],
        }
    ],
}


@router.get(
    "",
    summary="What an outlet's sensors said, down-sampled for plots",
    description="For every quantity of every sensor the least, the greatest and the last value of each bucket of "
    "`bucket_s`; buckets in which nothing was said are left out. Nothing is averaged, and nothing made up. "
    "Steps longer than `gap_s` are gaps: who draws a line cuts it there.",
    responses={
        200: {"content": {"application/json": {"example": _EXAMPLE}}},
        503: {"description": "The store of readings does not answer, or this process has none."},
    },
)
def readings(
    request: Request,
    site: SiteId,
    outlet: OutletId,
    from_: Annotated[Instant | None, Query(alias="from", description=_FROM)] = None,
    to: Annotated[Instant | None, Query(description=_TO)] = None,
    points: Annotated[int, Query(ge=1, le=2000, description="At most this many buckets.")] = 400,
) -> Response:
    parts: Parts = request.app.state.parts
    known = site_of(request, site)
    counter = outlet_of(known, outlet)
    end_ms = parts.now() if to is None else to
    asked = stretch(end_ms - _HOUR_MS if from_ is None else from_, end_ms, _AT_MOST_DAYS)
    if parts.store is None:
        raise HTTPException(503, "this process has no store of readings")
    try:
        found = plots.lines(parts.store, site, counter, asked, points)
    except StoreUnavailable as error:
        raise HTTPException(503, f"store: {error}") from None
    return JSONResponse(
        {
            "site": site,
            "outlet": outlet,
            "from": rfc3339(asked.start_ms),
            "to": rfc3339(asked.end_ms),
            "bucket_s": plots.bucket_ms(asked, points) / 1000,
            "lines": plots.as_json(found),
        }
    )
