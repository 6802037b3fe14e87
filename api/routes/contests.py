"""Contested absences: what agencies say against them, and what a manager decides."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, Field
from starlette.responses import JSONResponse, Response

from api.access import sight_of
from api.asked import site_of
from api.contesting import contest as contest_booked
from api.fields import BODY, Instant
from api.paging import Cursor, Limit, page
from api.parts import Parts
from presence.declarations import LONGEST_TEXT
from storage.record.contests import Contest, Verdict, contests, decide
from storage.record.refusals import NotThere

router = APIRouter(prefix="/api/v1/sites/{site}/contests", tags=["contests"])

SiteId = Annotated[str, Path(description="The site's id.")]

_NEW: dict[str, Any] = {
    "outlet": "disdukcapil-1",
    "from": "2026-11-24T09:51:00+07:00",
    "to": "2026-11-24T10:20:00+07:00",
    "text": "Petugas melayani di meja sebelah",
}
_CONTEST: dict[str, Any] = {
    "id": 4,
    "outlet": "disdukcapil-1",
    "from": "2026-11-24T02:51:00.000Z",
    "to": "2026-11-24T03:20:00.000Z",
    "text": "Petugas melayani di meja sebelah",
    "author": "dinas-kependudukan",
    "made": "2026-11-24T05:00:00.000Z",
    "verdict": None,
    "decision": None,
    "decided_by": None,
    "decided": None,
}
_DECIDED = _CONTEST | {
    "verdict": "upheld",
    "decision": "Meja itu bukan loketnya",
    "decided_by": "pengelola",
    "decided": "2026-11-25T02:00:00.000Z",
}


def _said(status: int, what: str, example: object) -> dict[int | str, dict[str, Any]]:
    answers: dict[int | str, dict[str, Any]] = {
        status: {"description": what, "content": {"application/json": {"example": example}}},
        404: {"description": "There is no such site, outlet or contest."},
    }
    if status == 201:
        answers |= {
            400: {"description": "A field is wrong, or missing; nothing is booked against the outlet in that time."},
            409: {"description": "The same waits for a decision, or it was decided before."},
        }
    return answers


class NewContest(BaseModel):
    """What somebody says against an absence."""

    model_config = BODY | {"json_schema_extra": {"examples": [_NEW]}}

    outlet: str = Field(description="The outlet that is said to have been empty.")
    from_ms: Instant = Field(alias="from", description="When the contested stretch begins, RFC 3339 with offset.")
    to_ms: Instant = Field(alias="to", description="When it ends, RFC 3339 with offset; not in the future.")
    text: str = Field(max_length=LONGEST_TEXT, description="Why the record is wrong, in words.")


class NewDecision(BaseModel):
    """What a manager decides."""

    model_config = BODY | {
        "json_schema_extra": {"examples": [{"verdict": "upheld", "text": "Meja itu bukan loketnya"}]}
    }

    verdict: Verdict = Field(description="`upheld`: the absence stands; `corrected`: the agency is right.")
    text: str = Field(max_length=LONGEST_TEXT, description="Why, in words.")


@router.get(
    "",
    summary="Contested absences, the newest stretch first",
    description="Decided ones stay in the list. The ledger follows the evidence and is not changed by a decision. "
    "Further ones are where the `Link` header leads.",
    responses=_said(200, "The contests.", {"contests": [_DECIDED]}),
)
def list_contests(request: Request, site: SiteId, limit: Limit = 1000, cursor: Cursor = None) -> Response:
    parts: Parts = request.app.state.parts
    known, sight = site_of(request, site), sight_of(request)
    with parts.record.reading() as connection:
        found = [one for one in contests(connection, site) if sight.sees_outlet(known, one.outlet)]
    shown, link = page(request, found, lambda one: (-one.from_ms, -one.id), (int, int), limit=limit, cursor=cursor)
    return JSONResponse({"contests": [one.as_json() for one in shown]}, headers=link)


@router.post(
    "",
    status_code=201,
    summary="Contest an absence of an outlet",
    description="Of a stretch that is over, 31 days at most, some of which the ledger books as absent, or as attended "
    "with equipment down; agencies contest those of their own outlets.",
    responses=_said(201, "The contest as it is kept.", {"contest": _CONTEST}),
)
def contest(request: Request, site: SiteId, said: NewContest) -> Response:
    parts: Parts = request.app.state.parts
    known = site_of(request, site)
    if not sight_of(request).sees_outlet(known, said.outlet):
        raise NotThere(f'no outlet "{said.outlet}" at site "{site}"')
    wanted = Contest(0, site, said.outlet, said.from_ms, said.to_ms, said.text, request.state.account, 0)
    with parts.record.writing() as connection:
        made = contest_booked(connection, known, wanted, parts.now())
    return JSONResponse({"contest": made.as_json()}, 201)


@router.post(
    "/{number}/decision",
    status_code=201,
    summary="Decide on a contested absence; a decision is final",
    description="It changes nothing in the ledger, and stands beside its figures with who decided, when and why.",
    responses=_said(201, "What was decided.", {"contest": _DECIDED}),
)
def decide_contest(
    request: Request,
    site: SiteId,
    number: Annotated[int, Path(ge=1, le=2**53 - 1, description="Its `id`, as the list has it.")],
    said: NewDecision,
) -> Response:
    parts: Parts = request.app.state.parts
    site_of(request, site)
    with parts.record.writing() as connection:
        made = decide(
            connection, site, number, said.verdict, said.text, author=request.state.account, now_ms=parts.now()
        )
    return JSONResponse({"contest": made.as_json()}, 201)
