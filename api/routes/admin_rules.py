"""The page on which a site's rules are seen and changed: a form that works without JavaScript."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, Request
from fastapi.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from api import admin, registry, rule_forms
from api.admin_changes import Moved, Wrong, change_site, saying, site_named
from api.answers import LangChoice, ThemeChoice, address, choices, page, preferences, remember
from api.forms import form_of
from api.words import Words
from presence.registry import Changed, NotAsWanted, rules_of, with_rules
from presence.site import Site

router = APIRouter(prefix="/admin/sites/{site}/rules", include_in_schema=False)

Filled = Annotated[dict[str, str], Depends(form_of)]

_HEADS = ("kind", "whose", "after", "said")


@router.get("")
async def rules_page(
    request: Request, site: str, said: str = "", lang: LangChoice = None, theme: ThemeChoice = None
) -> Response:
    if lang is not None or theme is not None:
        return remember(request, lang, theme, _url(site))
    return await _page(request, said=said)


@router.post("")
async def change(request: Request, site: str, given: Filled) -> Response:
    texts = rule_forms.typed(given)

    def make(now: Site) -> Changed:
        if given.get("tag") != _tag(now):
            raise Moved
        return with_rules(now, rule_forms.wanted(now, texts))

    try:
        await run_in_threadpool(change_site, request, make)
    except NotAsWanted as error:
        return await _page(request, Wrong(texts, tuple(error.found)), status=400)
    except Moved:
        return await _page(request, Wrong(texts, moved=True), status=412)
    return RedirectResponse(saying(_url(site), "changed"), 303)


async def _page(request: Request, wrong: Wrong | None = None, *, said: str = "", status: int = 200) -> Response:
    site = await run_in_threadpool(site_named, request)
    words = Words(preferences(request).lang, site.timezone)
    stored = rule_forms.of_site(site)
    texts = stored if wrong is None else wrong.texts
    found = () if wrong is None else wrong.found
    moved = wrong is not None and wrong.moved
    fields = rule_forms.fields(texts, words, found, stored if moved else None)
    return await page(
        request,
        "admin_rules.html",
        status=status,
        zone=site.timezone,
        site_name=site.name,
        here=_url(site.id),
        back=address("/admin", site=site.id),
        tag=_tag(site),
        fields=fields,
        said=words("admin.said.changed") if said == "changed" else "",
        wrong=bool(found),
        moved=moved,
        elsewhere=admin.elsewhere([one for one in found if not one.path.startswith("rules.")], fields, words),
        heads=[words(f"admin.rule.head.{head}") for head in _HEADS],
        rows=[("", row.kind, (row.whose, row.after, row.said)) for row in rule_forms.rows(site, words)],
        **choices(request, _url(site.id)),
    )


def _tag(site: Site) -> str:
    return registry.tag(rules_of(site))


def _url(site: str) -> str:
    return f"/admin/sites/{quote(site, safe='')}/rules"
