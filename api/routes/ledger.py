"""The ledger: the days of one outlet with what they were before, and sums by outlet, duty, agency and site."""

from __future__ import annotations

from collections import defaultdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from starlette.responses import JSONResponse, Response

from api.access import sight_of
from api.answered import LedgerSums, OutletLedger
from api.asked import dates, outlet_of, site_of, sites_of, today_of
from api.ledger_view import View, ViewedDay, view
from api.paging import Cursor, Limit, cut, following, read_cursor
from api.parts import Parts
from api.routes.record import OutletId, SiteId
from presence.instants import rfc3339, rfc3339_or_none
from presence.ledger_sums import By, Entry, LedgerSum, Period, sums
from presence.site import Site
from storage.record.hours import hours_history
from storage.record.ledger import BookedDay, corrected

router = APIRouter(prefix="/api/v1", tags=["ledger"])

_AT_MOST_DAYS = 400
_FROM = "The first date, as 2026-11-01, by the site's clock; the first of the month of `to` by default."
_TO = f"The last date, included; today by default. At most {_AT_MOST_DAYS} days."
_UNTIL = (
    "Every obliged second is attended, absent, declared or unknown: `coverage` is the share of the time to be attended "
    "that was, at least and at most, for what is unknown may have been attended. All is complete up to `until`."
)
_SECONDS = {
    "obliged_s": 21600.0,
    "attended_s": 19800.0,
    "absent_s": 1200.0,
    "declared_s": 0.0,
    "unknown_s": 600.0,
    "equipment_down_s": 0.0,
}
_COVERAGE = {"coverage": {"at_least": 0.9167, "at_most": 0.9444}}
_OUTLET_EXAMPLE = {
    "site": "mpp-contoh",
    "outlet": "disdukcapil-1",
    "from": "2026-11-24",
    "to": "2026-11-24",
    "until": "2026-11-25T03:41:59.500Z",
    "days": [
        {
            "type": "ledger",
            "outlet": "disdukcapil-1",
            "date": "2026-11-24",
            **_SECONDS,
            "opened_at": "2026-11-24T01:04:10.000Z",
            "left_at": None,
            "booked": "2026-11-24T19:10:03.120Z",
            "corrected": [
                {
                    **(_SECONDS | {"attended_s": 17400.0, "unknown_s": 3000.0}),
                    "opened_at": "2026-11-24T01:44:00.000Z",
                    "left_at": None,
                    "at": "2026-11-24T19:10:03.120Z",
                }
            ],
        }
    ],
    "sum": {**_SECONDS, **_COVERAGE},
}
_SUMS_EXAMPLE = {
    "from": "2026-11-01",
    "to": "2026-11-30",
    "until": {"mpp-contoh": "2026-11-30T17:00:00.000Z"},
    "sums": [{"site": "mpp-contoh", "agency": "disdukcapil", "month": "2026-11", **_SECONDS, **_COVERAGE}],
}
# How a line of the list names what it is of.
_NAMED = {"day": "date", "month": "month"}
_NOTHING = LedgerSum(by="outlet", site="", id="", period="")


@router.get(
    "/sites/{site}/outlets/{outlet}/ledger",
    summary="An outlet's days in the ledger, each with what it was before late data corrected it",
    description=f"{_UNTIL} A day that is over is written down (`booked`: when); today stands as it is now.",
    responses={200: {"model": OutletLedger, "content": {"application/json": {"example": _OUTLET_EXAMPLE}}}},
)
def outlet_ledger(
    request: Request,
    site: SiteId,
    outlet: OutletId,
    from_: Annotated[str | None, Query(alias="from", description=_FROM)] = None,
    to: Annotated[str | None, Query(description=_TO)] = None,
    by: Annotated[Period, Query(description="`month`: `months` with their sums in place of `days`.")] = "day",
    limit: Limit = _AT_MOST_DAYS,
    cursor: Cursor = None,
) -> Response:
    parts: Parts = request.app.state.parts
    after = None if cursor is None else read_cursor(cursor, str)
    known = site_of(request, site)
    outlet_of(known, outlet)
    with parts.record.reading() as connection:
        hours = hours_history(connection, known)
        asked = dates(from_, to, today_of([known], parts.now()), _AT_MOST_DAYS)
        viewed = view(connection, known, hours, asked, "outlet", outlet=outlet)
        before = corrected(connection, site, *asked, "outlet", outlet) if by == "day" else []
    found = [day.entry for day in viewed.days]
    (whole,) = sums(found, "outlet") or [_NOTHING]
    lines = _days(viewed, before) if by == "day" else _months(found)
    shown, last = cut(lines, lambda line: (line[_NAMED[by]],), after, limit)
    return JSONResponse(
        {
            "site": site,
            "outlet": outlet,
            "from": asked[0],
            "to": asked[1],
            "until": rfc3339_or_none(viewed.until_ms),
            f"{by}s": shown,
            "sum": whole.seconds(),
        },
        headers=following(request, last, **{"from": asked[0], "to": asked[1]}),
    )


@router.get(
    "/ledger",
    summary="Sums of the ledger by outlet, duty, agency or site",
    description=f"{_UNTIL} Agencies and sites are summed by duty: where one of two outlets is enough and there, nobody "
    "is absent.",
    responses={200: {"model": LedgerSums, "content": {"application/json": {"example": _SUMS_EXAMPLE}}}},
)
def ledger_sums(
    request: Request,
    site: Annotated[str | None, Query(description="One site; all of them when left out.")] = None,
    by: Annotated[By, Query(description="What is summed.")] = "site",
    period: Annotated[Literal["day", "month", "all"], Query(description="Over what; `all`: one sum each.")] = "month",
    from_: Annotated[str | None, Query(alias="from", description=_FROM)] = None,
    to: Annotated[str | None, Query(description=_TO)] = None,
    limit: Limit = 1000,
    cursor: Cursor = None,
) -> Response:
    parts: Parts = request.app.state.parts
    after = None if cursor is None else read_cursor(cursor, str, str, str)
    known: list[Site] = [site_of(request, site)] if site is not None else [*sites_of(request).values()]
    asked = dates(from_, to, today_of(known, parts.now()), _AT_MOST_DAYS)
    agency = sight_of(request).agency
    views: dict[str, View] = {}
    for one in known:
        with parts.record.reading() as connection:
            hours = hours_history(connection, one)
            views[one.id] = view(connection, one, hours, asked, "outlet" if by == "outlet" else "duty", agency=agency)
    entries = [day.entry for viewed in views.values() for day in viewed.days]
    found = sums(entries, by, None if period == "all" else period)
    shown, last = cut(found, lambda one: (one.site, one.id, one.period), after, limit)
    return JSONResponse(
        {
            "from": asked[0],
            "to": asked[1],
            "until": {site_id: rfc3339_or_none(viewed.until_ms) for site_id, viewed in views.items()},
            "sums": [one.as_json() for one in shown],
        },
        headers=following(request, last, **{"from": asked[0], "to": asked[1]}),
    )


def _months(found: list[Entry]) -> list[dict[str, Any]]:
    return [{"month": one.period, **one.seconds()} for one in sums(found, "outlet", "month")]


def _days(viewed: View, before: list[BookedDay]) -> list[dict[str, Any]]:
    was: dict[str, list[BookedDay]] = defaultdict(list)
    for row in before:
        was[row.entry.day.date].append(row)
    return [_day(day, was[day.entry.day.date]) for day in viewed.days]


def _day(viewed: ViewedDay, was: list[BookedDay]) -> dict[str, Any]:
    line = viewed.entry.day.as_json() | {"booked": rfc3339_or_none(viewed.booked_ms)}
    if was:
        line["corrected"] = [_correction(row) for row in was]
    return line


def _correction(was: BookedDay) -> dict[str, Any]:
    """The figures that a day had once, and when others took their place."""
    assert was.superseded_ms is not None, "of those that count no more"
    figures = was.entry.day.as_json()
    for name in ("type", "outlet", "date"):
        del figures[name]
    return figures | {"at": rfc3339(was.superseded_ms)}
