"""Who stands in for a contact of an agency, and who did: messages go to him, and he is shown as whom to call."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Path, Request
from pydantic import BaseModel, Field
from starlette.responses import JSONResponse, Response

from api.access import may_give_channels, may_phone, sight_of
from api.answered import Answer, OneSubstitute, Substitutes
from api.asked import site_of
from api.feed import Feed
from api.fields import BODY, Instant
from api.paging import Cursor, Limit, page
from api.parts import Parts
from presence.people import LONGEST_NAME, LONGEST_PHONE
from presence.site import Contact, Substitute
from presence.substitutes import LONGEST_CHANNEL
from storage.record.refusals import NotThere
from storage.record.substitutes import end_substitute, name_substitute, substitutes

router = APIRouter(
    prefix="/api/v1/sites/{site}/agencies/{agency}/substitutes",
    tags=["substitutes"],
)

SiteId = Annotated[str, Path(description="The site's id.")]
AgencyId = Annotated[str, Path(description="The agency's id.")]

_NEW: dict[str, Any] = {"contact": "koordinator", "to": "2026-11-27T16:00:00+07:00", "substitute": "kepala"}
_SUBSTITUTE: dict[str, Any] = {
    "id": 3,
    "contact": "koordinator",
    "from": "2026-11-24T03:42:07.000Z",
    "to": "2026-11-27T09:00:00.000Z",
    "substitute": "kepala",
    "name": None,
    "phone": None,
    "author": "dinas-kependudukan",
    "made": "2026-11-24T03:42:07.000Z",
    "withdrawn": None,
}
_ENDED = _SUBSTITUTE | {"to": "2026-11-25T01:00:00.000Z"}


def _said(status: int, what: str, model: type[Answer], key: str, example: object) -> dict[int | str, dict[str, Any]]:
    shown = {"application/json": {"example": {key: example}}}
    answers: dict[int | str, dict[str, Any]] = {
        status: {"description": what, "model": model, "content": shown},
        404: {"description": "There is no such site, agency or substitute."},
    }
    if status == 201:
        answers[400] = {"description": "A field is wrong, or missing; who would silence messages is refused."}
        answers[409] = {"description": "The contact has a substitute in that time already."}
    return answers


class NewSubstitute(BaseModel):
    """Who stands in for a contact: another contact of the agency, or somebody by name."""

    model_config = BODY | {"json_schema_extra": {"examples": [_NEW]}}

    contact: str = Field(description="The contact whose messages go elsewhere.")
    from_ms: Instant | None = Field(
        None, alias="from", description="From when on, RFC 3339 with offset; now when left out, never earlier."
    )
    to_ms: Instant = Field(alias="to", description="Until when, RFC 3339 with offset; 184 days at most.")
    substitute: str | None = Field(None, description="Another contact of the agency; left out for somebody by name.")
    name: str | None = Field(None, max_length=LONGEST_NAME, description="Who it is, when it is no contact.")
    phone: str | None = Field(None, max_length=LONGEST_PHONE, description="Where he is called.")
    channel: str | None = Field(
        None,
        max_length=LONGEST_CHANNEL,
        description="Where his messages go; from administrators and facility managers alone, and never shown again.",
    )

    def of(self, agency: str, now_ms: int) -> Substitute:
        """Raises 400 when it names a contact and somebody else, or nobody."""
        by_name = (self.name, self.phone, self.channel)
        if (self.substitute is None) == (self.name is None) or (self.substitute is not None and any(by_name)):
            raise HTTPException(400, "substitute: name a contact of the agency, or else `name` with phone or channel")
        person = None if self.name is None else Contact(id="", name=self.name, phone=self.phone, channel=self.channel)
        from_ms = now_ms if self.from_ms is None else self.from_ms
        return Substitute(
            agency=agency,
            contact=self.contact,
            from_ms=from_ms,
            to_ms=self.to_ms,
            to=self.substitute or "",
            person=person,
        )


@router.get(
    "",
    summary="The substitutes of an agency's contacts, the newest first",
    description="What is over and what was withdrawn stays in the list. Channels are not shown; telephones are to "
    "those who may answer. Further ones are where the `Link` header leads.",
    responses=_said(200, "The substitutes.", Substitutes, "substitutes", [_SUBSTITUTE]),
)
def list_substitutes(
    request: Request, site: SiteId, agency: AgencyId, limit: Limit = 1000, cursor: Cursor = None
) -> Response:
    parts: Parts = request.app.state.parts
    _check_agency(request, site, agency)
    with parts.record.reading() as connection:
        found = substitutes(connection, site, agency)
    shown, link = page(request, found, lambda one: (-one.what.from_ms, -one.id), (int, int), limit=limit, cursor=cursor)
    hidden = {} if may_phone(request) else {"phone": None}
    return JSONResponse({"substitutes": [one.as_json() | hidden for one in shown]}, headers=link)


@router.post(
    "",
    status_code=201,
    summary="Let messages for a contact go to somebody else for a while",
    description="It ends by itself. Whoever cannot be reached as the contact can is refused.",
    responses=_said(201, "The substitute as it is kept.", OneSubstitute, "substitute", _SUBSTITUTE),
)
def name_a_substitute(request: Request, site: SiteId, agency: AgencyId, said: NewSubstitute) -> Response:
    parts: Parts = request.app.state.parts
    feed: Feed = request.app.state.feed
    _check_agency(request, site, agency)
    if said.channel is not None and not may_give_channels(request):
        raise HTTPException(403, "a channel is entered by a facility manager; name a contact of the agency")
    now_ms = parts.now()
    with parts.record.writing() as connection:
        made = name_substitute(connection, site, said.of(agency, now_ms), request.state.account, now_ms)
    feed.look_soon()
    return JSONResponse({"substitute": made.as_json()}, 201)


@router.delete(
    "/{number}",
    summary="End a substitute now, or withdraw one that has not begun",
    description="Messages go to the contact again. The substitute stays in the list.",
    responses=_said(200, "What has become of it.", OneSubstitute, "substitute", _ENDED)
    | {409: {"description": "It is over, or was withdrawn."}},
)
def end_a_substitute(
    request: Request,
    site: SiteId,
    agency: AgencyId,
    number: Annotated[int, Path(ge=1, le=2**53 - 1, description="Its `id`, as the list has it.")],
) -> Response:
    parts: Parts = request.app.state.parts
    feed: Feed = request.app.state.feed
    _check_agency(request, site, agency)
    with parts.record.writing() as connection:
        made = end_substitute(connection, site, agency, number, author=request.state.account, now_ms=parts.now())
    feed.look_soon()
    return JSONResponse({"substitute": made.as_json()})


def _check_agency(request: Request, site: str, agency: str) -> None:
    """Raise NotThere, also for an agency that whoever asks does not see."""
    sight, known = sight_of(request), site_of(request, site)
    if all(one.id != agency for one in known.agencies) or sight.agency not in (None, agency):
        raise NotThere(f'no agency "{agency}" at site "{site}"')
