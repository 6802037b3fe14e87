"""Tables of a site as files, for spreadsheets and other programs."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response, StreamingResponse

from api.access import sight_of
from api.asked import dates, site_of, today_of
from api.exports import HEADS, Export, TableName
from api.parts import Parts
from api.routes.record import SiteId
from api.sheets import CSV_TYPE, XLSX_TYPE, as_csv, as_xlsx

router = APIRouter(prefix="/api/v1/sites/{site}/export", tags=["export"])

_AT_MOST_DAYS = 400
_FROM = "The first date, as 2026-11-01, by the site's clock; the first of the month of `to` by default."
_TO = f"The last date, included; today by default. At most {_AT_MOST_DAYS} days."
_CSV = (
    "site,outlet,agency,date,obliged_s,attended_s,absent_s,declared_s,unknown_s,equipment_down_s,opened_at,left_at,"
    "booked\r\nmpp-contoh,disdukcapil-1,disdukcapil,2026-11-24,21600.0,19800.0,1200.0,0.0,600.0,0.0,"
    "2026-11-24T08:04:10.000+07:00,,2026-11-25T02:10:03.120+07:00\r\n"
)
_FILES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The file, as an attachment.",
        "content": {
            "text/csv": {"schema": {"type": "string"}, "example": _CSV},
            XLSX_TYPE: {"schema": {"type": "string", "format": "binary"}},
        },
    }
}


class File(Response):
    """For the description alone: which kinds of file there are stands there."""

    media_type = "text/csv"


@router.get(
    "/{table}.{form}",
    summary="Intervals, alerts or the ledger of a site as CSV or XLSX",
    description="One line for each, times by the site's clock with their offset. Intervals and alerts are those that "
    "lasted at some time of those dates, whole. It holds what the account sees.",
    response_class=File,
    responses=_FILES,
)
def export_table(
    request: Request,
    site: SiteId,
    table: Annotated[TableName, Path(description="Which table.", examples=["ledger"])],
    form: Annotated[Literal["csv", "xlsx"], Path(description="Which kind of file.", examples=["csv"])],
    from_: Annotated[str | None, Query(alias="from", description=_FROM)] = None,
    to: Annotated[str | None, Query(description=_TO)] = None,
) -> Response:
    parts: Parts = request.app.state.parts
    known = site_of(request, site)
    now_ms = parts.now()
    asked = dates(from_, to, today_of([known], now_ms), _AT_MOST_DAYS)
    lines = Export(parts.record, known, sight_of(request), asked, now_ms).lines(table)
    file: Iterator[bytes] = as_csv(HEADS[table], lines) if form == "csv" else as_xlsx(table, HEADS[table], lines)
    name = f"{site}-{table}-{asked[0]}-{asked[1]}.{form}"
    attached = {"Content-Disposition": f'attachment; filename="{name}"'}
    # What the record refuses is told by the status of the answer, which goes out before the first piece.
    file = itertools.chain([next(file)], file)
    return StreamingResponse(file, 200, attached, CSV_TYPE if form == "csv" else XLSX_TYPE)
