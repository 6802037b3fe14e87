"""Alerts as the record has them, and people's answers to them."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import JSONResponse, Response

from api.access import sight_of
from api.feed import Feed
from api.fields import BODY, LARGEST_BODY_BYTES, Instant
from api.parts import Parts
from presence.declarations import ACKNOWLEDGED_MS, LONGEST_ACKNOWLEDGED_MS, LONGEST_TEXT
from presence.site import AbsenceReason
from storage.record.acknowledgements import Answer, add
from storage.record.alert_list import AlertState, alerts, by_ids
from storage.record.refusals import NotThere

router = APIRouter(prefix="/api/v1/alerts", tags=["alerts"], max_body_size=LARGEST_BODY_BYTES)

_MINUTE_MS = 60_000
_FROM = "RFC 3339, as 2026-11-24T00:00:00+07:00: alerts that stood at this time or later."
_TO = "RFC 3339: alerts that fired before this time."
_ACKNOWLEDGED: dict[str, Any] = {
    "type": "alert",
    "kind": "vacancy",
    "outlet": "disdukcapil-1",
    "since": "2026-11-24T02:51:00.000Z",
    "fired": "2026-11-24T03:01:00.000Z",
    "resolved": None,
    "reason": None,
    "id": "4f0c2d6b9a1e8f37",
    "site": "mpp-contoh",
    "state": "acknowledged",
    "acknowledged": {
        "at": "2026-11-24T03:05:00.000Z",
        "until": "2026-11-24T04:05:00.000Z",
        "by": "dinas-kependudukan",
        "reason": "equipment",
        "note": "printer",
    },
    "late": False,
    "disproved": None,
    "told": [{"at": "2026-11-24T03:01:01.000Z", "to": "koordinator-loket", "agency": "disdukcapil"}],
}


@router.get("", summary="Alerts, ordered by when they fired; the newest `limit` of them")
def list_alerts(
    request: Request,
    state: Annotated[
        AlertState | None, Query(description="Only alerts in this state; all of them when left out.")
    ] = None,
    site: Annotated[str | None, Query(description="Only alerts of this site.")] = None,
    outlet: Annotated[str | None, Query(description="Only alerts of this outlet.")] = None,
    from_: Annotated[Instant | None, Query(alias="from", description=_FROM)] = None,
    to: Annotated[Instant | None, Query(description=_TO)] = None,
    limit: Annotated[int, Query(ge=1, le=10_000, description="At most this many, the newest ones.")] = 1000,
) -> Response:
    parts: Parts = request.app.state.parts
    feed: Feed = request.app.state.feed
    now_ms = parts.now()
    sight = sight_of(request)
    if sight.site is not None and site not in (None, sight.site):
        return JSONResponse({"alerts": []})
    with parts.record.reading() as connection:
        found = alerts(
            connection,
            now_ms=now_ms,
            subjects=sight.subjects(feed.live.sites.values()),
            site=sight.site or site,
            state=state,
            outlet=outlet,
            from_ms=from_,
            to_ms=to,
            limit=limit,
        )
    return JSONResponse({"alerts": [row.as_json(now_ms) for row in found]})


class NewAnswer(BaseModel):
    """What somebody answers to an alert."""

    model_config = BODY | {"json_schema_extra": {"examples": [{"reason": "equipment", "note": "printer"}]}}

    reason: AbsenceReason = Field(description="Why the outlet is empty; `other` needs a note.")
    note: str | None = Field(None, max_length=LONGEST_TEXT, description="More about it, shown on the pages.")
    minutes: int = Field(
        ACKNOWLEDGED_MS // _MINUTE_MS,
        ge=1,
        le=LONGEST_ACKNOWLEDGED_MS // _MINUTE_MS,
        description="For how long the answer holds; then the alert fires again, if it still stands.",
    )


@router.post(
    "/{alert}/acknowledge",
    summary="Answer an alert that stands: why, and for how long",
    description="Who was told learns of it, and nobody further is told until the time of the answer is over. A later "
    "answer counts from then on; the earlier ones are kept.",
    responses={
        200: {"description": "The alert.", "content": {"application/json": {"example": {"alert": _ACKNOWLEDGED}}}},
        400: {"description": "A field is wrong, or missing."},
        404: {"description": "There is no such alert."},
        409: {"description": "The alert is over, or late data disproved it."},
    },
)
def acknowledge(
    request: Request, alert: Annotated[str, Path(description="The alert's id.")], answer: NewAnswer
) -> Response:
    parts: Parts = request.app.state.parts
    feed: Feed = request.app.state.feed
    author: str = request.state.account
    with parts.record.writing() as connection:
        now_ms = parts.now()
        for row in by_ids(connection, [alert]):
            site = feed.live.sites.get(row.site)
            if site is None or not sight_of(request).sees_subject(site, row.alert.subject_type, row.alert.subject):
                raise NotThere(f'no alert "{alert}"')
            said = Answer(answer.reason, answer.note, answer.minutes * _MINUTE_MS)
            add(connection, row.site, alert, said, author=author, now_ms=now_ms)
        found = by_ids(connection, [alert])
    if not found:
        raise NotThere(f'no alert "{alert}"')
    feed.look_soon()
    return JSONResponse({"alert": found[0].as_json(now_ms)})
