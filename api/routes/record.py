"""The record of one outlet: what its zones were."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import JSONResponse, Response

from api.answered import Intervals
from api.asked import outlet_of, site_of, stretch, today_of
from api.fields import Instant
from api.ledger_days import ZONES, extent
from api.paging import Cursor, Limit, cut, following, read_cursor
from api.parts import Parts
from presence.instants import rfc3339, rfc3339_or_none
from presence.intervals import Interval
from storage.record.hours import hours_history
from storage.record.intervals import progress, zone_intervals

router = APIRouter(prefix="/api/v1/sites/{site}/outlets/{outlet}", tags=["record"])

SiteId = Annotated[str, Path(description="The site's id.", examples=["mpp-contoh"])]
OutletId = Annotated[str, Path(description="The outlet's id.", examples=["disdukcapil-1"])]

_AT_MOST_DAYS = 40
_FROM = "RFC 3339, as 2026-11-24T00:00:00+07:00: intervals that end after this time; midnight before `to` by default."
_TO = f"RFC 3339: intervals that begin before this time; now by default. At most {_AT_MOST_DAYS} days after `from`."
_EXAMPLE = {
    "site": "mpp-contoh",
    "outlet": "disdukcapil-1",
    "from": "2026-11-23T17:00:00.000Z",
    "to": "2026-11-24T03:42:00.000Z",
    "until": "2026-11-24T03:41:59.500Z",
    "intervals": [
        {
            "zone": "staff",
            "state": "occupied",
            "start": "2026-11-24T00:55:10.000Z",
            "end": "2026-11-24T03:12:07.250Z",
            "p": 0.98,
        },
        {"zone": "staff", "state": "vacant", "start": "2026-11-24T03:12:07.250Z", "end": None, "p": 0.02},
    ],
}


@router.get(
    "/intervals",
    summary="What an outlet's zones were: occupied, vacant or unknown, by start",
    description="Intervals are whole, not cut to `from` and `to`; an open end is null. They are complete up to "
    "`until`; late data may still correct what is older. Further ones are where the `Link` header leads.",
    responses={200: {"model": Intervals, "content": {"application/json": {"example": _EXAMPLE}}}},
)
def intervals(
    request: Request,
    site: SiteId,
    outlet: OutletId,
    from_: Annotated[Instant | None, Query(alias="from", description=_FROM)] = None,
    to: Annotated[Instant | None, Query(description=_TO)] = None,
    limit: Limit = 1000,
    cursor: Cursor = None,
) -> Response:
    parts: Parts = request.app.state.parts
    known = site_of(request, site)
    outlet_of(known, outlet)
    after = None if cursor is None else read_cursor(cursor, int, str)
    start_ms, end_ms = from_, to
    with parts.record.reading() as connection:
        if end_ms is None:
            end_ms = parts.now()
        if start_ms is None:
            today = today_of([known], end_ms - 1)
            start_ms = extent(hours_history(connection, known)[outlet], today, today).start_ms
        asked = stretch(start_ms, end_ms, _AT_MOST_DAYS)
        found = [(zone, one) for zone in ZONES for one in zone_intervals(connection, site, outlet, zone, *asked)]
        until_ms = progress(connection, site)
    shown, last = cut(sorted(found, key=_place), _place, after, limit)
    asked_again = {"from": rfc3339(asked.start_ms), "to": rfc3339(asked.end_ms)}
    return JSONResponse(
        {
            "site": site,
            "outlet": outlet,
            **asked_again,
            "until": rfc3339_or_none(until_ms),
            "intervals": [
                {
                    "zone": zone,
                    "state": one.state,
                    "start": rfc3339(one.start_ms),
                    "end": rfc3339_or_none(one.end_ms),
                    "p": round(one.p, 4),
                }
                for zone, one in shown
            ],
        },
        headers=following(request, last, **asked_again),
    )


def _place(found: tuple[str, Interval]) -> tuple[int, str]:
    zone, interval = found
    return interval.start_ms, zone
