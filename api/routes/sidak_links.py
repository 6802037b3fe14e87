"""Links by which guests read the sidak of one site: made, listed and taken back, on the page and by programs."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, Field
from sqlalchemy import Connection
from starlette.responses import JSONResponse, RedirectResponse, Response

from api import paging, sidak_links
from api.access import is_secure, names_this_machine, sight_of
from api.answers import LangChoice, ThemeChoice, address, choices, page, preferences, remember
from api.feed import Feed
from api.fields import BODY
from api.forms import form_of
from api.paging import Cursor, Limit
from api.parts import Parts
from api.words import Words
from api.writing import write
from presence.instants import rfc3339
from presence.site import Site
from storage.record import sidak_links as links
from storage.record.refusals import NotNow, NotThere
from storage.record.sidak_links import SidakLink

pages = APIRouter(prefix="/sidak/links", include_in_schema=False)
router = APIRouter(prefix="/api/v1/sidak/links", tags=["sidak"])

SiteId = Annotated[str | None, Query(description="Those of one site; of all that the caller sees when left out.")]
LinkId = Annotated[int, Path(ge=1, le=2**63 - 1, description="The link's `id`, as the list has it.")]

_HOURS = (1, 4, 8, 24, 72)
_LONGEST_HOURS = sidak_links.LONGEST_MS // sidak_links.HOUR_MS
_LISTED = {
    "id": 7,
    "site": "mpp-contoh",
    "author": "ibu sari",
    "made": "2026-11-24T03:42:07.000Z",
    "until": "2026-11-24T11:42:07.000Z",
}
_MADE = _LISTED | {"url": "https://hadir.example/sidak/1kUeVY0wU0b6tJr0a2cPhg", "qr": "<svg viewBox=…"}


class NewLink(BaseModel):
    """A link to the sidak of one site."""

    model_config = BODY | {"json_schema_extra": {"examples": [{"site": "mpp-contoh", "hours": 8}]}}

    site: str = Field(max_length=200, description="The site that it opens.")
    hours: int = Field(8, ge=1, le=_LONGEST_HOURS, description="For how long it holds.")


# For programs


@router.get(
    "",
    summary="The links that open a sidak now, the one that ends first in front",
    responses={
        200: {"description": "The links.", "content": {"application/json": {"example": {"links": [_LISTED]}}}},
        404: {"description": "There is no such site."},
    },
)
async def list_sidak_links(
    request: Request, site: SiteId = None, limit: Limit = 1000, cursor: Cursor = None
) -> Response:
    """Without their addresses: of these the record keeps a digest alone. Further ones are where `Link` leads."""
    seen = _sites(request) if site is None else {site: _site(request, site)}
    found = [one for one in await _standing(request) if one.site in seen]
    shown, link = paging.page(
        request, found, lambda one: (one.until_ms, one.id), (int, int), limit=limit, cursor=cursor
    )
    return JSONResponse({"links": [_json(one) for one in shown]}, headers=link)


@router.post(
    "",
    status_code=201,
    summary="Make a link that opens the sidak of one site, to read, without an account, until it ends",
    responses={
        201: {
            "description": "Made; its address is told this once.",
            "content": {"application/json": {"example": _MADE}},
        },
        400: {"description": "A field is wrong, or missing."},
        404: {"description": "There is no such site."},
    },
)
async def make_sidak_link(request: Request, wanted: NewLink) -> Response:
    """`qr` is the address as inline SVG. Who made it for which site and until when stands in the audit log."""
    url, made = await _make(request, _site(request, wanted.site), wanted.hours)
    return JSONResponse({**_json(made), "url": url, "qr": await _qr_code(url)}, 201)


@router.delete(
    "/{link}",
    status_code=204,
    summary="Take a link back: it opens nothing any more",
    responses={
        204: {"description": "It is over."},
        404: {"description": "There is no such link."},
        409: {"description": "It was over before."},
    },
)
async def revoke_sidak_link(request: Request, link: LinkId) -> Response:
    """At once: a guest's page that is open asks again every few seconds, and then says so."""
    await _revoke(request, link)
    return Response(status_code=204)


# The page


@pages.get("")
async def links_page(
    request: Request, site: str | None = None, said: str = "", lang: LangChoice = None, theme: ThemeChoice = None
) -> Response:
    if lang is not None or theme is not None:
        return remember(request, lang, theme, address("/sidak/links", site=site))
    if site is not None:
        _site(request, site)
    return await _page(request, site, said="sidak.link.revoked.said" if said == "revoked" else "")


@pages.post("")
async def make(request: Request) -> Response:
    given = await form_of(request)
    hours = next((hours for hours in _HOURS if str(hours) == given.get("hours")), _HOURS[2])
    site = _site(request, given.get("site", ""))
    url, _ = await _make(request, site, hours)
    return await _page(request, site.id, url=url)


@pages.post("/{link}/revoke")
async def revoke(request: Request, link: LinkId) -> Response:
    try:
        site = (await _revoke(request, link)).site
    except NotNow:  # it ended while the page was open: that it does is what was wanted
        return RedirectResponse("/sidak/links", 303)
    return RedirectResponse(address("/sidak/links", site=site, said="revoked"), 303)


async def _page(request: Request, chosen: str | None, *, said: str = "", url: str = "") -> Response:
    sites = _sites(request)
    standing = [one for one in await _standing(request) if one.site in sites]
    first = sites.get(chosen or "") or next(iter(sites.values()), None)
    lang = preferences(request).lang
    words = Words(lang, first.timezone if first else "Asia/Jakarta")
    return await page(
        request,
        "sidak_links.html",
        zone=words.timezone,
        sites=list(sites.values()),
        chosen=first.id if first else "",
        hours=[(hours, words("sidak.link.hours", n=hours)) for hours in _HOURS],
        said=words(said) if said else "",
        url=url,
        only_here=bool(url) and names_this_machine(request),
        qr=await _qr_code(url) if url else "",
        rows=[_row(one, sites[one.site], Words(lang, sites[one.site].timezone)) for one in standing],
        **choices(request, "/sidak/links", site=chosen),
    )


def _row(link: SidakLink, site: Site, words: Words) -> dict[str, str]:
    return {
        "id": str(link.id),
        "site": site.name,
        "author": link.author,
        "made": f"{words.date(link.made_ms)} {words.clock(link.made_ms)}",
        "until": f"{words.date(link.until_ms)} {words.clock(link.until_ms)} {words.zone(link.until_ms)}",
    }


# What both do


def _sites(request: Request) -> dict[str, Site]:
    feed: Feed = request.app.state.feed
    return sight_of(request).of_sites(feed.live.sites)


def _site(request: Request, site: str) -> Site:
    """Raises NotThere."""
    found = _sites(request).get(site)
    if found is None:
        raise NotThere(f'no site "{site}"')
    return found


async def _make(request: Request, site: Site, hours: int) -> tuple[str, SidakLink]:
    """The address of a new link, and the link."""

    def act(connection: Connection, by: str, now_ms: int) -> tuple[str, SidakLink]:
        return links.make(connection, site.id, now_ms + hours * sidak_links.HOUR_MS, by=by, now_ms=now_ms)

    secret, made = await write(request, act)
    scheme = "https" if is_secure(request) else "http"
    return f"{scheme}://{request.url.netloc}{sidak_links.path_of(secret)}", made


async def _qr_code(url: str) -> str:
    # Milliseconds of computing, for which no other request is to wait.
    return await run_in_threadpool(sidak_links.qr_code, url)


async def _revoke(request: Request, link: int) -> SidakLink:
    sites = _sites(request)
    return await write(request, lambda db, by, now_ms: links.revoke(db, link, sites=sites, by=by, now_ms=now_ms))


async def _standing(request: Request) -> list[SidakLink]:
    parts: Parts = request.app.state.parts

    def look() -> list[SidakLink]:
        with parts.record.reading() as connection:
            return links.standing(connection, parts.now())

    return await run_in_threadpool(look)


def _json(link: SidakLink) -> dict[str, Any]:
    return {
        "id": link.id,
        "site": link.site,
        "author": link.author,
        "made": rfc3339(link.made_ms),
        "until": rfc3339(link.until_ms),
    }
