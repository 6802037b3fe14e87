"""The pages on which special days are added and taken out: forms that work without JavaScript."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, Request
from fastapi.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from api import admin, registry, special_days
from api.admin_changes import Moved, Wrong, change_site, site_named
from api.answers import LangChoice, ThemeChoice, address, choices, page, preferences, remember
from api.forms import form_of
from api.words import Words
from presence.hours_preview import local_date
from presence.registry import Changed, NotAsWanted, written
from presence.site import DatedHours, Site
from presence.site_form import EXCEPTION

router = APIRouter(prefix="/admin/sites/{site}/days", include_in_schema=False)

Filled = Annotated[dict[str, str], Depends(form_of)]


@router.get("")
async def new_page(request: Request, site: str, lang: LangChoice = None, theme: ThemeChoice = None) -> Response:
    if lang is not None or theme is not None:
        return remember(request, lang, theme, _url(site))
    return await _page(request, Wrong(special_days.typed({})))


@router.post("")
async def add(request: Request, site: str, given: Filled) -> Response:
    texts = special_days.typed(given)
    try:
        await run_in_threadpool(
            change_site, request, lambda now: special_days.with_day(now, texts, today_of(request, now))
        )
    except NotAsWanted as error:
        return await _page(request, Wrong(texts, tuple(error.found)), status=400)
    return RedirectResponse(address("/admin", site=site, part="days", said="added"), 303)


@router.post("/remove")
async def remove(request: Request, site: str, given: Filled) -> Response:
    """Take out the day that the form names, if it is still what was read; the list says so when it is not."""
    of, n = given.get("of", ""), given.get("n", "")

    def make(now: Site) -> Changed:
        day = special_days.day_at(now, of, n)
        if day is None or tag_of(now, day) != given.get("tag"):
            raise Moved
        return special_days.without_day(now, of, int(n))

    try:
        await run_in_threadpool(change_site, request, make)
    except NotAsWanted as error:  # of what stands there besides, and would be refused today
        return await _page(request, Wrong(special_days.typed({}), tuple(error.found)), status=400)
    except Moved:
        return RedirectResponse(address("/admin", site=site, part="days", said="moved"), 303)
    return RedirectResponse(address("/admin", site=site, part="days", said="removed"), 303)


async def _page(request: Request, wrong: Wrong, *, status: int = 200) -> Response:
    site = await run_in_threadpool(site_named, request)
    words = Words(preferences(request).lang, site.timezone)
    fields = special_days.fields(site, wrong.texts, words, wrong.found)
    back = address("/admin", site=site.id, part="days")
    return await page(
        request,
        "admin_form.html",
        status=status,
        zone=site.timezone,
        site_name=site.name,
        kind="day",
        id="",
        tag="",
        here=_url(site.id),
        back=back,
        back_name=words("admin.part.days"),
        title=words("admin.add.days"),
        of=words("admin.day.says"),
        said="",
        fields=fields,
        wrong=bool(wrong.found),
        moved=False,
        elsewhere=admin.elsewhere(wrong.found, fields, words),
        may_change=True,
        save=words("admin.add.days"),
        part="",
        part_rows=None,
        part_heads=[],
        **choices(request, _url(site.id)),
    )


def tag_of(site: Site, day: DatedHours) -> str:
    """By which one sees that a special day is still what was read."""
    return registry.tag(written(site, EXCEPTION, day))


def today_of(request: Request, site: Site) -> str:
    """The date there, as ISO has it."""
    return local_date(request.app.state.parts.now(), site.timezone).isoformat()


def _url(site: str) -> str:
    return f"/admin/sites/{quote(site, safe='')}/days"
