"""The registry: sites, their outlets, sensors, agencies, contacts, duties and rules.

What is read has a tag, and a change names it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Annotated, Any, NamedTuple

from fastapi import APIRouter, Body, Depends, Path, Request
from starlette.responses import JSONResponse, Response

from api import registry
from api.access import ROLES_OF, may_phone, sight_of
from api.feed import Feed
from api.parts import Parts
from api.problems import MEDIA_TYPE, problem
from presence.registry import (
    AGENCY,
    AGENCY_CONTACT,
    CONTACT,
    DUTY,
    OUTLET,
    RULES,
    SENSOR,
    SITE,
    Changed,
    Kind,
    NoSuchThing,
    NotAsWanted,
    Place,
    added,
    changed,
    new_site,
    no_owner,
    removed,
    rules_of,
    thing,
    with_rules,
)
from presence.site_file import thing_schema
from storage.record.refusals import NotThere
from storage.record.registry_changes import Registered, change, make_site, registered

router = APIRouter(prefix="/api/v1/sites/{site}")
sites = APIRouter(prefix="/api/v1/sites")

SiteId = Annotated[str, Path(description="The site's id.")]
Given = Annotated[dict[str, Any], Body(description="Keys as in a site file.")]

_STALE = "It is no longer what you read; look at what is there now, and change that."
_UNCONDITIONAL = "Send If-Match with the ETag of what you read, so that nobody's change is lost."


class Asked(NamedTuple):
    """Where a request points: in which site, at what."""

    site: str
    place: Place


class _Unconditional(Exception):
    """A change does not say what it is based on."""


class _Moved(Exception):
    """What is changed is no longer what was read."""

    def __init__(self, now: Registered) -> None:
        super().__init__()
        self.now = now


def _site(site: SiteId) -> Asked:
    return Asked(site, Place(SITE, id=site))


def _outlets(site: SiteId) -> Asked:
    return Asked(site, Place(OUTLET))


def _outlet(site: SiteId, outlet: str) -> Asked:
    return Asked(site, Place(OUTLET, id=outlet))


def _sensors(site: SiteId, outlet: str) -> Asked:
    return Asked(site, Place(SENSOR, outlet))


def _sensor(site: SiteId, outlet: str, sensor: str) -> Asked:
    return Asked(site, Place(SENSOR, outlet, sensor))


def _agencies(site: SiteId) -> Asked:
    return Asked(site, Place(AGENCY))


def _agency(site: SiteId, agency: str) -> Asked:
    return Asked(site, Place(AGENCY, id=agency))


def _agency_contacts(site: SiteId, agency: str) -> Asked:
    return Asked(site, Place(AGENCY_CONTACT, agency))


def _agency_contact(site: SiteId, agency: str, contact: str) -> Asked:
    return Asked(site, Place(AGENCY_CONTACT, agency, contact))


def _duties(site: SiteId) -> Asked:
    return Asked(site, Place(DUTY))


def _duty(site: SiteId, duty: str) -> Asked:
    return Asked(site, Place(DUTY, id=duty))


def _contacts(site: SiteId) -> Asked:
    return Asked(site, Place(CONTACT))


def _contact(site: SiteId, contact: str) -> Asked:
    return Asked(site, Place(CONTACT, id=contact))


_OUTLET = {
    "id": "disdukcapil-1",
    "number": 1,
    "name": "Loket 1",
    "service": "KTP-el",
    "agency": "disdukcapil",
    "floor": 1,
}
_AGENCY = {"id": "disdukcapil", "name": "Dinas Kependudukan dan Pencatatan Sipil", "short": "Disdukcapil"}
_DUTY = {"id": "ktp", "outlets": ["disdukcapil-1", "disdukcapil-2"], "at_least": 1}
_RULES = {
    "rules": {"vacancy": {"after": "10m"}},
    "escalation": {"people": [{"after": "20m", "to": "agency", "level": 2}]},
}
_OWN = {
    "id": "mpp-contoh",
    "name": "MPP Contoh",
    "timezone": "Asia/Jakarta",
    "country": "ID",
    "service_hours": "Mo-Th 08:00-15:00; Fr 08:00-11:30,13:00-15:00; PH off",
}
_SITE = {
    "version": 12,
    "site": {**_OWN, "contacts": []},
    "gateways": [{"id": "gw-1"}],
    "agencies": [_AGENCY],
    "outlets": [_OUTLET],
    "duties": [_DUTY],
    **_RULES,
}


def _read(example: object) -> dict[int | str, dict[str, Any]]:
    return {200: {"description": "As it is kept.", "content": {"application/json": {"example": example}}}}


@router.get(
    "",
    tags=["registry"],
    summary="The whole site: gateways, agencies, contacts, outlets with their sensors, duties, rules",
    description="Its ETag is its version, which every change raises; agencies see what is theirs.",
    responses=_read(_SITE),
)
def read_site(request: Request, site: SiteId) -> Response:
    return _answer(request, site, lambda now: _whole(request, now))


@router.get(
    "/rules",
    tags=["registry"],
    summary="When alerts fire, and whom they reach next",
    description="The site's defaults, and the steps by groups of kinds, with the keys of a site file.",
    responses=_read(_RULES),
)
def read_rules(request: Request, site: SiteId) -> Response:
    return _answer(request, site, lambda now: _tagged(rules_of(now.site)))


def _add_routes(
    kind: Kind, list_path: str, path: str, list_at: Callable[..., Asked], at: Callable[..., Asked], example: Any
) -> None:
    """The five routes of a kind of thing."""
    of_list, of_one = Depends(list_at), Depends(at)

    def list_all(request: Request, asked: Asked = of_list) -> Response:
        return _answer(request, asked.site, lambda now: _listed(request, now, asked.place))

    def add(request: Request, given: Given, asked: Asked = of_list) -> Response:
        return _change(request, asked, lambda now: added(now.site, asked.place, given), 201)

    def read(request: Request, asked: Asked = of_one) -> Response:
        return _answer(request, asked.site, lambda now: _shown(request, now, asked.place))

    def patch(request: Request, given: Given, asked: Asked = of_one) -> Response:
        return _change(
            request, asked, lambda now: changed(now.site, asked.place, registry.unmasked(now.site, asked.place, given))
        )

    def remove(request: Request, asked: Asked = of_one) -> Response:
        return _change(request, asked, lambda now: removed(now.site, asked.place), 204)

    name = f"{list_at.__name__.strip('_')}"
    of = " of an agency" if kind is AGENCY_CONTACT else " of an outlet" if kind is SENSOR else ""
    body = thing_schema(kind.form) | {"examples": [example]}
    one, some = {kind.name: example}, {kind.plural: [example]}
    router.add_api_route(
        list_path,
        list_all,
        name=f"list_{name}",
        tags=["registry"],
        summary=f"The {kind.plural}{of}",
        description="In one answer: its ETag, which adding one needs, is that of the whole list.",
        responses=_said(200, some),
    )
    router.add_api_route(
        list_path,
        add,
        methods=["POST"],
        status_code=201,
        name=f"add_{name}",
        tags=["registry"],
        summary=f"Add one of the {kind.plural}{of}",
        description="If-Match: the ETag of the list or of the site, or *.",
        responses=_said(201, one) | _refusals(400, 412, 428),
        openapi_extra=_body(body),
    )
    router.add_api_route(
        path,
        read,
        name=f"read_{name}",
        tags=["registry"],
        summary=f"One of the {kind.plural}{of}",
        description="With the keys of a site file. Its ETag is what changing or removing it needs.",
        responses=_said(200, one),
    )
    router.add_api_route(
        path,
        patch,
        methods=["PATCH"],
        name=f"change_{name}",
        tags=["registry"],
        summary=f"Change one of the {kind.plural}{of}",
        description="What is left out stays; null takes a key away. If-Match: its ETag, that of the site, or *.",
        responses=_said(200, one) | _refusals(400, 412, 428),
        openapi_extra=_body(_optional(body)),
    )
    router.add_api_route(
        path,
        remove,
        methods=["DELETE"],
        status_code=204,
        name=f"remove_{name}",
        tags=["registry"],
        summary=f"Take out one of the {kind.plural}{of}; its history stays",
        description="If-Match: its ETag, that of the site, or *.",
        responses=_refusals(404, 409, 412, 428),
        openapi_extra={"parameters": [_IF_MATCH]},
    )


_REFUSALS = {
    404: "There is no such site, or nothing with this id.",
    409: "Something else stands in the way.",
    412: "It moved since it was read; `now` is what is there.",
    400: "A field is wrong, or missing; `errors` names each.",
    428: "If-Match is missing.",
}


def _said(status: int, example: object) -> dict[int | str, dict[str, Any]]:
    said = {"description": "As it is kept.", "content": {"application/json": {"example": example}}}
    return {status: said, **_refusals(404)}


def _refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    return {status: {"description": _REFUSALS[status], "content": {MEDIA_TYPE: {}}} for status in statuses}


_IF_MATCH = {"name": "If-Match", "in": "header", "required": True, "schema": {"type": "string"}, "example": '"3f9c"'}


def _body(schema: dict[str, Any]) -> dict[str, Any]:
    return {"requestBody": {"content": {"application/json": {"schema": schema}}}, "parameters": [_IF_MATCH]}


def _optional(schema: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in schema.items() if name != "required"}


@sites.post(
    "",
    status_code=201,
    name="add_site",
    tags=["registry"],
    summary="Make a site, on which nothing stands yet",
    description="Administrators alone. Its id stays for ever: it is part of every topic.",
    responses={
        201: {"description": "As it is kept.", "content": {"application/json": {"example": _SITE}}},
        **_refusals(400),
    },
    openapi_extra={
        "requestBody": {"content": {"application/json": {"schema": thing_schema(SITE.form) | {"examples": [_OWN]}}}}
    },
)
def add_site(request: Request, given: Given) -> Response:
    parts: Parts = request.app.state.parts
    try:
        wanted = new_site(given)
        with parts.record.writing() as connection:
            now = make_site(connection, wanted, request.state.account, parts.now())
    except NotAsWanted as error:
        return _refused(request, error)
    request.app.state.feed.look_soon()
    return _made(request, now, Place(SITE, id=wanted.id), 201)


@router.patch(
    "",
    name="change_site",
    tags=["registry"],
    summary="Change what the site says of itself: name, time zone, hours, special days",
    description="What is left out stays; null takes a key away. If-Match: its ETag, or *. Other hours count from "
    "now on: the ledger of before stays, alerts that stand are judged by the new ones.",
    responses=_said(200, _SITE) | _refusals(400, 412, 428),
    openapi_extra=_body(_optional(thing_schema(SITE.form)) | {"examples": [_OWN]}),
)
def change_site(request: Request, given: Given, asked: Annotated[Asked, Depends(_site)]) -> Response:
    return _change(request, asked, lambda now: changed(now.site, asked.place, given))


@router.patch(
    "/rules",
    name="change_rules",
    tags=["registry"],
    summary="Change when alerts fire, and whom they reach next",
    description="The kinds and groups that are named take the place of those that are there; null takes one away. "
    "If-Match: the ETag of the rules, that of the site, or *.",
    responses=_said(200, _RULES) | _refusals(400, 412, 428),
    openapi_extra=_body(thing_schema(RULES) | {"examples": [{"rules": {"vacancy": {"after": "10m"}}}]}),
)
def change_rules(request: Request, given: Given, asked: Annotated[Asked, Depends(_site)]) -> Response:
    def said(now: Registered) -> Response:
        return _tagged(rules_of(now.site))

    return _change_of(request, asked, said, lambda now: with_rules(now.site, given), lambda now, _place: said(now))


_SENSOR = {"id": "dk1-radar", "kind": "mmwave", "zone": "staff", "heartbeat": "10s"}
_CONTACT = {"id": "kepala", "name": "Kepala", "level": 1, "phone": "+62 231 555 0101"}
_MANAGER = {"id": "pengelola", "name": "Pengelola", "role": "facility_manager", "phone": "+62 231 555 0100"}
_add_routes(
    OUTLET, "/outlets", "/outlets/{outlet}", _outlets, _outlet, _OUTLET
)  # fmt: skip
_add_routes(
    SENSOR, "/outlets/{outlet}/sensors", "/outlets/{outlet}/sensors/{sensor}", _sensors, _sensor, _SENSOR
)  # fmt: skip
_add_routes(
    AGENCY, "/agencies", "/agencies/{agency}", _agencies, _agency, _AGENCY
)  # fmt: skip
_add_routes(
    AGENCY_CONTACT, "/agencies/{agency}/contacts", "/agencies/{agency}/contacts/{contact}",
    _agency_contacts, _agency_contact, _CONTACT,
)  # fmt: skip
_add_routes(
    CONTACT, "/contacts", "/contacts/{contact}", _contacts, _contact, _MANAGER
)  # fmt: skip
_add_routes(
    DUTY, "/duties", "/duties/{duty}", _duties, _duty, _DUTY
)  # fmt: skip


# Answers


def _answer(request: Request, site: str, said: Callable[[Registered], Response]) -> Response:
    parts: Parts = request.app.state.parts
    try:
        with parts.record.reading() as connection:
            now = registered(connection, site)
        if not sight_of(request).sees_site(now.site):
            raise NotThere(f'no site "{site}"')
        return said(now)
    except (NotThere, NoSuchThing) as error:
        return problem(404, str(error), request.url.path)


def _listed(request: Request, now: Registered, place: Place) -> Response:
    _check_owner(request, now, place)
    said = registry.listed(now.site, place, sight_of(request), **_told(request))
    return _tagged(registry.names_of(place.kind, said))


def _check_owner(request: Request, now: Registered, place: Place) -> None:
    """Raise, in the words for an owner that there is not, when the owner of `place` is not seen."""
    if place.owner and not registry.sees(sight_of(request), now.site, place):
        raise no_owner(now.site, place)


def _whole(request: Request, now: Registered, status: int = 200) -> Response:
    body = registry.of_site(now.site, now.version, sight_of(request), **_told(request))
    return JSONResponse(body, status, headers={"ETag": registry.tag_of_version(now.version)})


def _shown(request: Request, now: Registered, place: Place, status: int = 200) -> Response:
    if place.kind is SITE:
        return _whole(request, now, status)
    _check_owner(request, now, place)
    one = thing(now.site, place)
    if not registry.sees(sight_of(request), now.site, place):
        raise NoSuchThing(f'no {place.kind.name} "{place.id}" at site "{now.site.id}"')
    said = registry.shown(now.site, place.kind, one, **_told(request))
    return _tagged(registry.names_of(place.kind, said), status)


def _tagged(body: Mapping[str, Any], status: int = 200) -> Response:
    return JSONResponse(body, status, headers={"ETag": registry.tag(body)})


def _told(request: Request) -> dict[str, bool]:
    """What whoever asks is told of contacts: channels if he may change them, too; telephones if he may answer."""
    who = request.state.who
    return {"channels": who is not None and who.role in ROLES_OF["register"], "phones": may_phone(request)}


def _change(request: Request, asked: Asked, make: Callable[[Registered], Changed], status: int = 200) -> Response:
    def made(now: Registered, place: Place) -> Response:
        return Response(status_code=204) if status == 204 else _made(request, now, place, status)

    return _change_of(request, asked, lambda now: _now(request, now, asked.place), make, made)


def _change_of(
    request: Request,
    asked: Asked,
    said: Callable[[Registered], Response],
    make: Callable[[Registered], Changed],
    made: Callable[[Registered, Place], Response],
) -> Response:
    """Change what `said` tells of, when it, or the whole site, is still as If-Match says; what `made` answers."""
    parts: Parts = request.app.state.parts
    feed: Feed = request.app.state.feed
    author: str = request.state.account
    if_match = request.headers.get("if-match")

    def make_of(now: Registered) -> Changed:
        if not registry.sees(sight_of(request), now.site, asked.place):
            raise NotThere(f'no site "{asked.site}"')
        tags = (said(now).headers["etag"], registry.tag_of_version(now.version))
        if if_match is None:
            raise _Unconditional
        if not registry.matches(if_match, tags):
            raise _Moved(now)
        return make(now)

    try:
        with parts.record.writing() as connection:
            now, place = change(connection, asked.site, make_of, parts.source_problems, author, parts.now())
        feed.look_soon()
        return made(now, place)
    except (NotThere, NoSuchThing) as error:
        return problem(404, str(error), request.url.path)
    except NotAsWanted as error:
        return _refused(request, error)
    except _Unconditional:
        return problem(428, _UNCONDITIONAL, request.url.path)
    except _Moved as moved:
        there = said(moved.now)
        headers = {"ETag": there.headers["etag"]}
        return problem(412, _STALE, request.url.path, headers=headers, now=json.loads(bytes(there.body)))


def _now(request: Request, now: Registered, place: Place) -> Response:
    return _shown(request, now, place) if place.id else _listed(request, now, place)


def _made(request: Request, now: Registered, place: Place, status: int) -> Response:
    answer = _shown(request, now, place, status)
    if status == 201:
        answer.headers["Location"] = f"{request.url.path}/{place.id}"
    return answer


def _refused(request: Request, error: NotAsWanted) -> Response:
    errors = {one.path: one.says for one in error.found if one.path}
    return problem(409 if request.method == "DELETE" else 400, str(error), request.url.path, errors=errors)
