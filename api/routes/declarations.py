"""What is declared of a site: absences of its outlets, and maintenance, with who made them."""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import JSONResponse, Response

from api.access import Sight, sight_of
from api.answered import Absences, Answer, OneAbsence, OneMaintenance, Works
from api.asked import site_of
from api.feed import Feed
from api.fields import BODY, Instant
from api.paging import Cursor, Limit, page
from api.parts import Parts
from presence.alerts.subjects import SubjectType
from presence.declarations import LONGEST_TEXT
from presence.instants import rfc3339
from presence.site import Absence, AbsenceReason, Maintenance
from storage.record.declarations import declaration, declarations, declare, end
from storage.record.refusals import NotThere

Kind = TypeVar("Kind", bound=Absence | Maintenance)

router = APIRouter(prefix="/api/v1/sites/{site}")

SiteId = Annotated[str, Path(description="The site's id.")]
Number = Annotated[int, Path(ge=1, le=2**53 - 1, description="Its `id`, as the list has it.")]
From = Annotated[
    Instant | None,
    Query(alias="from", description="RFC 3339: those that last at this time or later; when left out, now."),
]
To = Annotated[Instant | None, Query(description="RFC 3339: those that begin before this time.")]

_OVER: dict[int | str, dict[str, Any]] = {409: {"description": "It is over, was withdrawn, or comes from a site file."}}
_MADE: dict[str, Any] = {"origin": "person", "author": "dinas-kependudukan", "made": "2026-11-24T03:42:07.000Z"}
_SPAN = {"from": "2026-11-25T05:00:00.000Z", "to": "2026-11-25T06:00:00.000Z"}
_ABSENCE = {
    "id": 7,
    "outlet": "disdukcapil-1",
    **_SPAN,
    "reason": "meeting",
    "note": "Rapat",
    **_MADE,
    "withdrawn": None,
}
_WORK = {
    "id": 3, "sensor": "dk1-radar", "gateway": None, "outlet": None, **_SPAN, "reason": "ganti kabel", **_MADE,
    "withdrawn": None,
}  # fmt: skip
_WITHDRAWN = _ABSENCE | {"withdrawn": "2026-11-24T03:45:00.000Z"}
_ENDED = _WORK | {"to": "2026-11-25T05:20:00.000Z"}
_BEGINS = "When it begins, RFC 3339 with offset; now when left out. Up to 5 min ago counts as now, earlier is refused."
_ENDS = "When it ends, RFC 3339 with offset; 31 days after it begins at most."
_FURTHER = "Further ones are where the `Link` header leads."
_END = "What has not begun is withdrawn and counts nowhere; what lasts ends now. Both stay in the audit log."


def _said(status: int, what: str, model: type[Answer], key: str, example: object) -> dict[int | str, dict[str, Any]]:
    """What the routes answer, for the description of the API."""
    shown = {"application/json": {"example": {key: example}}}
    answers: dict[int | str, dict[str, Any]] = {
        status: {"description": what, "model": model, "content": shown},
        404: {"description": "There is no such site, or nothing with this id."},
    }
    if status == 201:
        answers[400] = {"description": "A field is wrong, or missing."}
        answers[409] = {"description": "The same is declared already."}
    return answers


class NewAbsence(BaseModel):
    """An absence as somebody declares it."""

    model_config = BODY | {
        "json_schema_extra": {
            "examples": [
                {
                    "outlet": "disdukcapil-1",
                    "from": "2026-11-25T12:00:00+07:00",
                    "to": "2026-11-25T13:00:00+07:00",
                    "reason": "meeting",
                    "note": "Rapat",
                }
            ]
        }
    }

    outlet: str = Field(description="The outlet that will be empty.")
    from_ms: Instant | None = Field(None, alias="from", description=_BEGINS)
    to_ms: Instant = Field(alias="to", description=_ENDS)
    reason: AbsenceReason = Field(description="Why; `other` needs a note.")
    note: str | None = Field(None, max_length=LONGEST_TEXT, description="More about it, shown to people.")

    def at(self, now_ms: int) -> Absence:
        from_ms = now_ms if self.from_ms is None else self.from_ms
        return Absence(outlet=self.outlet, from_ms=from_ms, to_ms=self.to_ms, reason=self.reason, note=self.note)


class NewMaintenance(BaseModel):
    """Maintenance as somebody announces it: of exactly one of sensor, gateway and outlet."""

    model_config = BODY | {
        "json_schema_extra": {
            "examples": [{"sensor": "dk1-radar", "to": "2026-11-25T13:00:00+07:00", "reason": "ganti kabel"}]
        }
    }

    sensor: str | None = Field(None, description="The sensor whose alerts are muted.")
    gateway: str | None = Field(None, description="The gateway whose alerts, and whose sensors' alerts, are muted.")
    outlet: str | None = Field(None, description="The outlet all of whose alerts are muted.")
    from_ms: Instant | None = Field(None, alias="from", description=_BEGINS)
    to_ms: Instant = Field(alias="to", description=_ENDS)
    reason: str = Field(max_length=LONGEST_TEXT, description="Why, in words.")

    def at(self, now_ms: int) -> Maintenance:
        return Maintenance(
            sensor=self.sensor,
            gateway=self.gateway,
            outlet=self.outlet,
            from_ms=now_ms if self.from_ms is None else self.from_ms,
            to_ms=self.to_ms,
            reason=self.reason,
        )


@router.get(
    "/absences",
    tags=["absences"],
    summary="Declared absences, by when they begin",
    description=f"Those of site files too; what was withdrawn is left out. {_FURTHER}",
    responses=_said(200, "The absences.", Absences, "absences", [_ABSENCE]),
)
def list_absences(
    request: Request, site: SiteId, from_: From = None, to: To = None, limit: Limit = 1000, cursor: Cursor = None
) -> Response:
    shown, link = _list(request, site, Absence, (from_, to), limit, cursor)
    return JSONResponse({"absences": shown}, headers=link)


@router.post(
    "/absences",
    tags=["absences"],
    status_code=201,
    summary="Declare beforehand that an outlet will be empty, and why",
    description="While it lasts the outlet is `declared` when nobody is there, and agencies are not alerted.",
    responses=_said(201, "The absence as it is kept.", OneAbsence, "absence", _ABSENCE),
)
def declare_absence(request: Request, site: SiteId, absence: NewAbsence) -> Response:
    return JSONResponse({"absence": _declare(request, site, absence)}, 201)


@router.delete(
    "/absences/{number}",
    tags=["absences"],
    summary="End an absence now, or withdraw one that has not begun",
    description=_END,
    responses=_said(200, "What has become of it.", OneAbsence, "absence", _WITHDRAWN) | _OVER,
)
def end_absence(request: Request, site: SiteId, number: Number) -> Response:
    return JSONResponse({"absence": _end(request, site, Absence, number)})


@router.get(
    "/maintenance",
    tags=["maintenance"],
    summary="Maintenance, by when it begins",
    description=f"That of site files too; what was withdrawn is left out. {_FURTHER}",
    responses=_said(200, "The maintenance.", Works, "maintenance", [_WORK]),
)
def list_maintenance(
    request: Request, site: SiteId, from_: From = None, to: To = None, limit: Limit = 1000, cursor: Cursor = None
) -> Response:
    shown, link = _list(request, site, Maintenance, (from_, to), limit, cursor)
    return JSONResponse({"maintenance": shown}, headers=link)


@router.post(
    "/maintenance",
    tags=["maintenance"],
    status_code=201,
    summary="Mute the alerts of a sensor, a gateway or an outlet while somebody works on it",
    description="It names exactly one of these. It ends by itself.",
    responses=_said(201, "The maintenance as it is kept.", OneMaintenance, "maintenance", _WORK),
)
def declare_maintenance(request: Request, site: SiteId, maintenance: NewMaintenance) -> Response:
    return JSONResponse({"maintenance": _declare(request, site, maintenance)}, 201)


@router.delete(
    "/maintenance/{number}",
    tags=["maintenance"],
    summary="End maintenance now, or withdraw what has not begun",
    description=_END,
    responses=_said(200, "What has become of it.", OneMaintenance, "maintenance", _ENDED) | _OVER,
)
def end_maintenance(request: Request, site: SiteId, number: Number) -> Response:
    return JSONResponse({"maintenance": _end(request, site, Maintenance, number)})


def _list(
    request: Request,
    site: str,
    kind: type[Kind],
    span: tuple[int | None, int | None],
    limit: int,
    cursor: str | None,
) -> tuple[list[dict[str, Any]], dict[str, str]]:
    parts: Parts = request.app.state.parts
    with parts.record.reading() as connection:
        from_ms, to_ms = parts.now() if span[0] is None else span[0], span[1]
        _check_site(request, site)
        found = declarations(connection, site, kind, from_ms=from_ms, to_ms=to_ms)
    seen = [one for one in found if _may(request, site, one.what)]
    # The next page asks for what lasted at the same time.
    asked_again = {"from": rfc3339(from_ms)}
    shown, link = page(
        request, seen, lambda one: (one.what.from_ms, one.id), (int, int), limit=limit, cursor=cursor, **asked_again
    )
    return [one.as_json() for one in shown], link


def _declare(request: Request, site: str, wanted: NewAbsence | NewMaintenance) -> dict[str, Any]:
    parts: Parts = request.app.state.parts
    feed: Feed = request.app.state.feed
    author: str = request.state.account
    with parts.record.writing() as connection:
        now_ms = parts.now()
        what = wanted.at(now_ms)
        _check_site(request, site)
        if not _may(request, site, what):
            kind, subject = _subject(what)
            raise NotThere(f'no {kind} "{subject}" at site "{site}" that this account answers for')
        made = declare(connection, site, what, author, now_ms)
    feed.look_soon()
    return made.as_json()


def _end(request: Request, site: str, kind: type[Kind], number: int) -> dict[str, Any]:
    parts: Parts = request.app.state.parts
    feed: Feed = request.app.state.feed
    author: str = request.state.account
    with parts.record.writing() as connection:
        made = declaration(connection, site, kind, number)
        if not _may(request, site, made.what):
            raise NotThere(f'no {"absence" if kind is Absence else "maintenance"} {number} at site "{site}"')
        made = end(connection, site, kind, number, author, parts.now())
    feed.look_soon()
    return made.as_json()


def _may(request: Request, site: str, what: Absence | Maintenance) -> bool:
    """Whether whoever asks sees, and answers for, what is named."""
    sight = sight_of(request)
    if sight == Sight():
        return True
    feed: Feed = request.app.state.feed
    known = feed.live.sites.get(site)
    return known is not None and sight.sees_subject(known, *_subject(what))


def _check_site(request: Request, site: str) -> None:
    """Raise 404 when whoever asks sees nothing of the site; who sees all is told by the record."""
    if sight_of(request) != Sight():
        site_of(request, site)


def _subject(what: Absence | Maintenance) -> tuple[SubjectType, str]:
    """Of what it speaks; of nothing known when it names nothing, which is refused later."""
    if isinstance(what, Maintenance):
        if what.sensor is not None:
            return "sensor", what.sensor
        if what.gateway is not None:
            return "gateway", what.gateway
    return "outlet", what.outlet or ""
