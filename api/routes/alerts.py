"""Alerts as the record has them, and people's answers to them."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import JSONResponse, Response

from api.access import Sight, sight_of
from api.alerts_of import among_of
from api.answered import Alerts, AnsweredAlert
from api.feed import Feed
from api.fields import BODY, Instant
from api.paging import Cursor, Limit, following, read_cursor
from api.parts import Parts
from presence.declarations import ACKNOWLEDGED_MS, LONGEST_ACKNOWLEDGED_MS, LONGEST_TEXT
from presence.site import AbsenceReason, Site
from storage.record.acknowledgements import Answer, add
from storage.record.alert_list import AlertRow, AlertState, Place, alerts, by_ids
from storage.record.refusals import NotThere

router = APIRouter(prefix="/api/v1/alerts", tags=["alerts"])

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


@router.get(
    "",
    summary="Alerts, ordered by when they fired; the newest `limit` of them",
    description="Older ones are where the `Link` header leads.",
    responses={200: {"model": Alerts, "content": {"application/json": {"example": {"alerts": [_ACKNOWLEDGED]}}}}},
)
def list_alerts(
    request: Request,
    state: Annotated[
        AlertState | None, Query(description="Only alerts in this state; all of them when left out.")
    ] = None,
    site: Annotated[str | None, Query(description="Only alerts of this site.")] = None,
    outlet: Annotated[
        str | None, Query(description="Only alerts of this outlet, of the duty that it is part of, and of its sensors.")
    ] = None,
    from_: Annotated[Instant | None, Query(alias="from", description=_FROM)] = None,
    to: Annotated[Instant | None, Query(description=_TO)] = None,
    limit: Limit = 1000,
    cursor: Cursor = None,
) -> Response:
    parts: Parts = request.app.state.parts
    among = among_of(request, site, outlet)
    before = None if cursor is None else Place._make(read_cursor(cursor, int, str))
    now_ms = parts.now()
    with parts.record.reading() as connection:
        found = alerts(
            connection,
            now_ms=now_ms,
            among=among,
            state=state,
            from_ms=from_,
            to_ms=to,
            before=before,
            limit=limit + 1,
        )
    shown = found[-limit:]
    older = Place(shown[0].alert.fired_ms, shown[0].id) if len(found) > limit else None
    return JSONResponse({"alerts": [row.as_json(now_ms) for row in shown]}, headers=following(request, older))


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
        200: {
            "description": "The alert.",
            "model": AnsweredAlert,
            "content": {"application/json": {"example": {"alert": _ACKNOWLEDGED}}},
        },
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
            if not _answers_for(request, row):
                raise NotThere(f'no alert "{alert}"')
            said = Answer(answer.reason, answer.note, answer.minutes * _MINUTE_MS)
            add(connection, row.site, alert, said, author=author, now_ms=now_ms)
        found = by_ids(connection, [alert])
    if not found:
        raise NotThere(f'no alert "{alert}"')
    feed.look_soon()
    return JSONResponse({"alert": found[0].as_json(now_ms)})


def _answers_for(request: Request, row: AlertRow) -> bool:
    """Whether whoever asks sees what the alert speaks of; who sees all, also of a site that is registered no more."""
    sight = sight_of(request)
    site: Site | None = request.app.state.feed.live.sites.get(row.site)
    if site is None:
        return sight == Sight()
    return sight.sees_subject(site, row.alert.subject_type, row.alert.subject)
