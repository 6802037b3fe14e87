"""The pages on which a site is made, and changed in what it says of itself: forms that work without JavaScript."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, Request
from fastapi.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from api import admin, registry, site_forms
from api.admin_changes import Moved, Wrong, change_site, saying, site_named
from api.answers import LangChoice, ThemeChoice, address, choices, page, preferences, remember, zone_of
from api.forms import form_of
from api.parts import Parts
from api.words import Words
from presence.hours_preview import local_date
from presence.registry import SITE, Changed, NotAsWanted, Place, changed, new_site, written
from presence.site import Site
from presence.site_checks import Problem
from storage.record.registry_changes import make_site

router = APIRouter(prefix="/admin/sites", include_in_schema=False)

Filled = Annotated[dict[str, str], Depends(form_of)]


@router.get("")
async def new_page(request: Request, lang: LangChoice = None, theme: ThemeChoice = None) -> Response:
    if lang is not None or theme is not None:
        return remember(request, lang, theme, "/admin/sites")
    return await _page(request, None, Wrong(site_forms.blank()))


@router.post("")
async def make(request: Request, given: Filled) -> Response:
    texts = site_forms.typed(given)
    try:
        wanted = new_site(site_forms.wanted(texts))
        if "look" not in given:
            await run_in_threadpool(_make, request, wanted)
    except NotAsWanted as error:
        return await _told(request, None, texts, error, given)
    if "look" in given:
        return await _page(request, None, Wrong(texts))
    return RedirectResponse(address("/admin", site=wanted.id, said="made"), 303)


def _make(request: Request, wanted: Site) -> None:
    parts: Parts = request.app.state.parts
    with parts.record.writing() as connection:
        make_site(connection, wanted, request.state.account, parts.now())
    request.app.state.feed.look_soon()


@router.get("/{site}")
async def site_page(
    request: Request, site: str, said: str = "", lang: LangChoice = None, theme: ThemeChoice = None
) -> Response:
    if lang is not None or theme is not None:
        return remember(request, lang, theme, _url(site))
    return await _page(request, await run_in_threadpool(site_named, request), said=said)


@router.post("/{site}")
async def change(request: Request, site: str, given: Filled) -> Response:
    texts = site_forms.typed(given) | {"id": site}
    try:
        if "look" in given:
            now = await run_in_threadpool(site_named, request)
            _changed(now, texts)
            return await _page(request, now, Wrong(texts), tag=given.get("tag", ""))
        await run_in_threadpool(_save, request, texts, given.get("tag", ""))
    except NotAsWanted as error:
        return await _told(request, await run_in_threadpool(site_named, request), texts, error, given)
    except Moved:
        now = await run_in_threadpool(site_named, request)
        return await _page(request, now, Wrong(texts, moved=True), status=412)
    return RedirectResponse(saying(_url(site), "changed"), 303)


def _save(request: Request, texts: Mapping[str, str], tag: str) -> None:
    def make(site: Site) -> Changed:
        if tag != _tag(site):
            raise Moved
        return _changed(site, texts)

    change_site(request, make)


def _changed(site: Site, texts: Mapping[str, str]) -> Changed:
    # A field that is emptied is missing, not left as it was.
    wanted = {name: text if name in ("name", "service_hours") else text or None for name, text in texts.items()}
    return changed(site, Place(SITE, id=site.id), wanted)


async def _told(
    request: Request, site: Site | None, texts: Mapping[str, str], error: NotAsWanted, given: Mapping[str, str]
) -> Response:
    """The form again. Who only looks at the hours is told of them alone."""
    if "look" not in given:
        return await _page(request, site, Wrong(texts, tuple(error.found)), status=400)
    found = tuple(one for one in error.found if one.path in site_forms.OF_HOURS)
    return await _page(request, site, Wrong(texts, found), tag=given.get("tag", ""), status=400 if found else 200)


async def _page(
    request: Request,
    site: Site | None,
    wrong: Wrong | None = None,
    *,
    tag: str | None = None,
    said: str = "",
    status: int = 200,
) -> Response:
    """`tag`: what the form was filled with, where that is not the site as it is now."""
    words = Words(preferences(request).lang, zone_of(request) if site is None else site.timezone)
    stored = site_forms.blank() if site is None else site_forms.of_site(site)
    texts = stored if wrong is None else wrong.texts
    found: tuple[Problem, ...] = () if wrong is None else wrong.found
    moved = wrong is not None and wrong.moved
    fields = site_forms.fields(texts, words, found, stored if moved else None, new=site is None)
    here = "/admin/sites" if site is None else _url(site.id)
    today = local_date(request.app.state.parts.now(), words.timezone)
    return await page(
        request,
        "admin_site.html",
        status=status,
        zone=words.timezone,
        site_name=None if site is None else site.name,
        site=site,
        title=words("admin.site.add" if site is None else "admin.site"),
        here=here,
        back="/admin" if site is None else address("/admin", site=site.id),
        tag=tag if tag is not None else "" if site is None else _tag(site),
        fields=fields,
        meaning=site_forms.meaning_of(texts, site, today, words),
        said=words("admin.said.changed") if said == "changed" else "",
        wrong=bool(found) and status == 400,
        moved=moved,
        elsewhere=admin.elsewhere(found, fields, words),
        **choices(request, here),
    )


def _tag(site: Site) -> str:
    return registry.tag(written(site, SITE.form, site))


def _url(site: str) -> str:
    return f"/admin/sites/{quote(site, safe='')}"
