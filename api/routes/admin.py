"""The pages of administration: forms that work without JavaScript. What is posted ends in 303, or in the form again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, get_args
from urllib.parse import quote

from fastapi import APIRouter, Depends, HTTPException, Query, Request
from fastapi.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from api import admin, registry, special_days
from api.access import Sight, may_phone, sight_of
from api.admin_changes import Moved, Wrong, change_site, may, saying, site_named
from api.answers import LangChoice, ThemeChoice, address, choices, page, preferences, remember
from api.forms import form_of
from api.parts import Parts
from api.routes.admin_days import tag_of, today_of
from api.routes.inbox import device_of
from api.words import Words
from presence.errors import BadInput
from presence.registry import (
    AGENCY,
    AGENCY_CONTACT,
    CONTACT,
    DUTY,
    OUTLET,
    SENSOR,
    Changed,
    Kind,
    NoSuchThing,
    NotAsWanted,
    Place,
    added,
    changed,
    removed,
    thing,
    things,
)
from presence.site import SensorKind, Site, ZoneName
from storage.record.aside import Waiting, inbox
from storage.record.claims import Standing, claim
from storage.record.refusals import NotThere
from storage.record.registry import load_site, site_ids

router = APIRouter(prefix="/admin", include_in_schema=False)

_SAID = ("made", "added", "changed", "removed", "claimed", "moved")
_WITHOUT_SEARCH = 10
_HEADS = {
    "outlets": ("name", "number", "service", "agency", "floor", "hours", "sensors"),
    "agencies": ("name", "short", "hours", "outlets", "contacts"),
    "contacts": ("name", "of", "role", "level", "reached"),
    "days": ("dates", "whose", "hours", "reason", "remove"),
    "duties": ("duty", "agency", "outlets", "staffed"),
    "sensors": ("id", "zone", "kind", "source"),
}


Filled = Annotated[dict[str, str], Depends(form_of)]


# The overview


@router.get("")
async def overview(
    request: Request,
    site: str | None = None,
    part: str = "outlets",
    q: Annotated[str, Query(max_length=100)] = "",
    said: str = "",
    lang: LangChoice = None,
    theme: ThemeChoice = None,
) -> Response:
    if lang is not None or theme is not None:
        return remember(request, lang, theme, address("/admin", site=site, part=part, q=q))
    return await _overview(request, site, part, said, q=q.strip())


async def _overview(
    request: Request,
    site: str | None,
    part: str,
    said: str = "",
    *,
    q: str = "",
    refused: NotThere | BadInput | None = None,
    status: int = 200,
) -> Response:
    sites, waiting = await run_in_threadpool(_read_all, request.app.state.parts, sight_of(request))
    links = choices(request, "/admin", site=site, part=part, q=q)
    if not sites:
        return await page(request, "admin_empty.html", **links)
    chosen = next((one for one in sites if one.id == site), sites[0] if site is None else None)
    if chosen is None:
        raise HTTPException(404, f'no site "{site}"')
    part = part if part in admin.PARTS else "outlets"
    words = Words(preferences(request).lang, chosen.timezone)
    view = _view(request, chosen, waiting, part, words)
    rows = [row for row in view["rows"] if admin.is_found(q, _text_of(part, row))]
    return await page(
        request,
        "admin.html",
        status=status,
        zone=chosen.timezone,
        site=chosen,
        site_name=chosen.name,
        sites=sites,
        refused=None if refused is None else admin.claim_refused(refused, words),
        said=words(f"admin.said.{said}") if said in _SAID else "",
        said_no=said == "moved",
        said_more=words(f"admin.said.{said}.more") if said in ("made", "claimed") else "",
        **view | {"rows": rows},
        q=q,
        total=len(view["rows"]),
        may_search=bool(q) or len(view["rows"]) > _WITHOUT_SEARCH,
        **links,
    )


def _text_of(part: str, row: Any) -> str:
    """What a row of a part is found by."""
    if part == "days":
        return " ".join((row[0].dates, row[0].whose, row[0].hours, row[0].reason))
    if part == "inbox":
        return " ".join((row.device, row.convention, row.seems, row.heard))
    _, name, cells = row
    return " ".join((name, *cells))


def _read_all(parts: Parts, sight: Sight) -> tuple[list[Site], list[Waiting]]:
    with parts.record.reading() as connection:
        sites = [
            site
            for name in site_ids(connection)
            if (site := load_site(connection, name, declared_from_ms=None)) is not None
        ]
        return admin.sites_seen(sites, sight), inbox(connection)


def _view(request: Request, site: Site, waiting: list[Waiting], part: str, words: Words) -> dict[str, Any]:
    parts: Parts = request.app.state.parts
    base = f"/admin/sites/{site.id}"
    may_register = may(request, "register")
    outlets = admin.outlet_rows(site, words)
    rows: list[Any]
    if part == "outlets":
        rows = [(f"{base}/outlets/{row.id}", row.name, _outlet(row, words)) for row in outlets]
    elif part == "agencies":
        rows = [
            (f"{base}/agencies/{row.id}" if may_register else "", row.name, _agency(row, words))
            for row in admin.agency_rows(site, words)
        ]
    elif part == "contacts":
        rows = [
            (_contact_url(base, row) if may_register else "", row.name, (row.of, row.role, row.level, row.reached))
            for row in admin.person_rows(site, words, phones=may_phone(request))
        ]
    elif part == "duties":
        rows = [
            (f"{base}/duties/{row.id}" if may_register else "", row.id, (row.agency, row.outlets, row.staffed))
            for row in admin.duty_rows(site, words)
        ]
    elif part == "days":
        today = today_of(request, site)
        rows = [(row, tag_of(site, row.day)) for row in special_days.rows(site, today, words)]
    else:
        rows = list(admin.inbox_rows(waiting, site, parts.now(), words))
    return {
        "base": base,
        "part": part,
        "parts": admin.PARTS,
        "counts": admin.counts(site, waiting),
        "heads": _heads(part, words),
        "rows": rows,
        "outlets": outlets,
        "zones": get_args(ZoneName),
        "kinds": get_args(SensorKind),
        "may_register": may_register,
        "can_claim": parts.claim is not None,
    }


def _heads(part: str, words: Words) -> list[str]:
    return [words(f"admin.head.{head}") for head in _HEADS.get(part, ())]


def _outlet(row: admin.OutletRow, words: Words) -> tuple[str, ...]:
    sensors = words.number(row.sensors) if row.sensors else words("admin.no_sensor")
    return row.number, row.service, row.agency, row.floor, row.hours, sensors


def _agency(row: admin.AgencyRow, words: Words) -> tuple[str, ...]:
    return row.short, row.hours, words.number(row.outlets), words.number(row.contacts)


def _contact_url(base: str, row: admin.PersonRow) -> str:
    return f"{base}/agencies/{row.agency}/contacts/{row.id}" if row.agency else f"{base}/contacts/{row.id}"


# The inbox


@router.post("/sites/{site}/inbox")
async def claim_device(request: Request, site: str, given: Filled) -> Response:
    await run_in_threadpool(site_named, request)
    try:
        await run_in_threadpool(_claim, request, site, given)
    except (NotThere, BadInput) as error:
        return await _overview(request, site, "inbox", refused=error, status=400)
    return RedirectResponse(address("/admin", site=site, part="inbox", said="claimed"), 303)


def _claim(request: Request, site: str, given: Mapping[str, str]) -> None:
    parts: Parts = request.app.state.parts
    zone = next((one for one in get_args(ZoneName) if one == given.get("zone")), None)
    kind = next((one for one in get_args(SensorKind) if one == given.get("kind", "direct")), None)
    if parts.claim is None or zone is None or kind is None:
        raise BadInput("inbox", "the form is not whole; choose outlet and zone, and claim again", key="outlet")
    with parts.record.writing() as connection:
        key = given.get("site", ""), given.get("convention", ""), given.get("device", "")
        waiting = device_of(request, connection, *key)
        there = Standing(given.get("outlet", ""), zone, kind, given.get("presence") or None)
        claim(connection, waiting, site, there, parts.claim, request.state.account, parts.now())
    request.app.state.feed.look_soon()


# Forms


def _add_routes(kind: Kind, path: str, owner: str) -> None:
    """The form of a new thing at `path`, of one that is there below it, and its removal."""
    one = f"{path}/{{{kind.name}}}"

    async def show(request: Request, said: str = "", lang: LangChoice = None, theme: ThemeChoice = None) -> Response:
        if lang is not None or theme is not None:
            return remember(request, lang, theme, request.url.path)
        return await _form(request, _place(request, kind, owner), said=said)

    async def save(request: Request, given: Filled) -> Response:
        place, texts = _place(request, kind, owner), admin.typed(kind, given)
        try:
            site, made = await run_in_threadpool(_save, request, place, texts, given.get("tag", ""))
        except NotAsWanted as error:
            return await _form(request, place, Wrong(texts, tuple(error.found)), status=400)
        except Moved:
            return await _form(request, place, Wrong(texts, moved=True), status=412)
        return RedirectResponse(_next(site, place, made), 303)

    async def ask(request: Request) -> Response:
        return await _removal(request, _place(request, kind, owner))

    async def remove(request: Request, given: Filled) -> Response:
        place = _place(request, kind, owner)
        try:
            await run_in_threadpool(_remove, request, place, given.get("tag", ""))
        except NotAsWanted as error:
            return await _removal(request, place, Wrong({}, tuple(error.found)), status=409)
        except Moved:
            return await _removal(request, place, Wrong({}, moved=True), status=412)
        return RedirectResponse(saying(_back(request.path_params["site"], place), "removed"), 303)

    for at in (path, one):
        router.add_api_route(at, show, methods=["GET"])
        router.add_api_route(at, save, methods=["POST"])
    router.add_api_route(f"{one}/remove", ask, methods=["GET"])
    router.add_api_route(f"{one}/remove", remove, methods=["POST"])


_add_routes(OUTLET, "/sites/{site}/outlets", "")
_add_routes(SENSOR, "/sites/{site}/outlets/{outlet}/sensors", "outlet")
_add_routes(AGENCY, "/sites/{site}/agencies", "")
_add_routes(AGENCY_CONTACT, "/sites/{site}/agencies/{agency}/contacts", "agency")
_add_routes(CONTACT, "/sites/{site}/contacts", "")
_add_routes(DUTY, "/sites/{site}/duties", "")


def _place(request: Request, kind: Kind, owner: str) -> Place:
    given = request.path_params
    return Place(kind, given[owner] if owner else "", given.get(kind.name, ""))


def _url(site: str, place: Place) -> str:
    owner = {SENSOR: "outlets", AGENCY_CONTACT: "agencies"}.get(place.kind)
    parts = [owner, place.owner] if owner else []
    return "/".join(["/admin/sites", *map(quote, filter(None, (site, *parts, place.kind.plural, place.id)))])


def _back(site: str, place: Place) -> str:
    """Where somebody comes from, and goes back to."""
    if place.owner:
        return _url(site, _owner(place))
    return address("/admin", site=site, part=place.kind.plural)


def _owner(place: Place) -> Place:
    return Place(OUTLET if place.kind is SENSOR else AGENCY, id=place.owner)


def _next(site: Site, asked: Place, made: Place) -> str:
    """Where one goes on: what can have parts is looked at once it is added."""
    if not asked.id and made.kind in (OUTLET, AGENCY):
        return saying(_url(site.id, made), "added")
    return saying(_back(site.id, made), "changed" if asked.id else "added")


def _tag(site: Site, place: Place) -> str:
    """What a form was filled with; of a new thing nothing."""
    if not place.id:
        return ""
    return registry.tag(registry.shown(site, place.kind, thing(site, place), channels=True, phones=True))


def _read(request: Request, place: Place) -> Site:
    """The site, in which `place` is. Raises NotThere."""
    site = site_named(request)
    try:
        things(site, place)
        _tag(site, place)
    except NoSuchThing as error:
        raise NotThere(str(error)) from None
    return site


def _save(request: Request, place: Place, texts: Mapping[str, str], tag: str) -> tuple[Site, Place]:
    def make(site: Site) -> Changed:
        if tag != _tag(site, place):
            raise Moved
        keys = admin.wanted(site, place, texts)
        return changed(site, place, registry.unmasked(site, place, keys)) if place.id else added(site, place, keys)

    return change_site(request, make)


def _remove(request: Request, place: Place, tag: str) -> None:
    def make(site: Site) -> Changed:
        if tag != _tag(site, place):
            raise Moved
        return removed(site, place)

    change_site(request, make)


async def _form(
    request: Request, place: Place, wrong: Wrong | None = None, *, said: str = "", status: int = 200
) -> Response:
    site = await run_in_threadpool(_read, request, place)
    words = Words(preferences(request).lang, site.timezone)
    stored = admin.of_thing(site, place.kind, thing(site, place)) if place.id else admin.blank(site, place.kind)
    texts = stored if wrong is None else {**stored, **wrong.texts}
    found = () if wrong is None else wrong.found
    moved = wrong is not None and wrong.moved
    fields = admin.fields(site, place, texts, words, found, stored if moved else None)
    return await page(
        request,
        "admin_form.html",
        status=status,
        zone=site.timezone,
        site_name=site.name,
        **_frame(site, place, words),
        said=words(f"admin.said.{said}") if said in _SAID else "",
        first_outlet=f"/admin/sites/{site.id}/outlets" if place.kind is AGENCY and said and not site.outlets else "",
        fields=fields,
        wrong=bool(found),
        moved=moved,
        elsewhere=admin.elsewhere(found, fields, words),
        may_change=may(request, "maintain" if place.kind is SENSOR else "register"),
        save=words("admin.save" if place.id else f"admin.add.{place.kind.plural}"),
        **_parts(site, place, words, phones=may_phone(request)),
        **choices(request, request.url.path),
    )


def _frame(site: Site, place: Place, words: Words) -> dict[str, Any]:
    """Headings and links that the form of a thing and its removal share."""
    kind, one = place.kind, thing(site, place) if place.id else None
    owner = thing(site, _owner(place)) if place.owner else None
    name = getattr(one, "name", place.id)
    return {
        "kind": kind.name,
        "id": place.id,
        "tag": _tag(site, place),
        "here": _url(site.id, place),
        "back": _back(site.id, place),
        "back_name": words(f"admin.part.{kind.plural}") if owner is None else owner.name,
        "title": name if place.id else words(f"admin.add.{kind.plural}"),
        "of": "" if owner is None else words(f"admin.of.{kind.name}", name=owner.name),
    }


def _parts(site: Site, place: Place, words: Words, *, phones: bool) -> dict[str, Any]:
    """The sensors of an outlet, the contacts of an agency."""
    here = _url(site.id, place)
    if place.id and place.kind is OUTLET:
        rows = [
            (f"{here}/sensors/{row.id}", row.id, (row.zone, row.kind, row.source))
            for row in admin.sensor_rows(thing(site, place), words)
        ]
        return {"part": "sensors", "part_rows": rows, "part_heads": _heads("sensors", words)}
    if place.id and place.kind is AGENCY:
        people = [
            (f"{here}/contacts/{row.id}", row.name, (row.of, row.role, row.level, row.reached))
            for row in admin.people_of(site, place.id, words, phones=phones)
        ]
        return {"part": "contacts", "part_rows": people, "part_heads": _heads("contacts", words)}
    return {"part": "", "part_rows": None, "part_heads": []}


async def _removal(request: Request, place: Place, wrong: Wrong | None = None, *, status: int = 200) -> Response:
    site = await run_in_threadpool(_read, request, place)
    words = Words(preferences(request).lang, site.timezone)
    frame = _frame(site, place, words)
    return await page(
        request,
        "admin_remove.html",
        status=status,
        zone=site.timezone,
        site_name=site.name,
        **frame | {"title": words("admin.remove.title", name=frame["title"])},
        consequence=admin.removal(site, place, words),
        moved=wrong is not None and wrong.moved,
        elsewhere=[] if wrong is None else admin.elsewhere(wrong.found, (), words),
        **choices(request, request.url.path),
    )
