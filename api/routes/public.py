"""What anybody may see: the public page, the lobby's board, and the same as open data."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query, Request
from starlette.responses import Response

from api import public_board as board
from api.allowed import allowed
from api.answers import LangChoice, ThemeChoice, address, choices, page, preferences, remember
from api.problems import OPEN_DATA, TO_ANY_PAGE
from api.public import PublicAnswer
from api.public_answers import Present, PublicAnswers, tag_of
from api.words import Words, texts

router = APIRouter()

_SAYS = {"state": "back", "until": "2026-11-24T04:00:00.000Z", "says": {"id": "Kembali 11.00", "en": "Back 11:00"}}
_AGENCY = {
    "id": "disdukcapil",
    "name": "Dinas Kependudukan dan Pencatatan Sipil",
    "short": "Disdukcapil",
    **_SAYS,
    "services": [
        {
            "services": ["KTP-el"],
            "outlets": [{"id": "disdukcapil-1", "name": "Loket 1", "number": 1, "floor": 1}],
            **_SAYS,
        }
    ],
}
_EXAMPLE = {
    "at": "2026-11-24T03:42:07.000Z",
    "version": 1,
    "sites": [
        {
            "id": "mpp-contoh",
            "name": "Mal Pelayanan Publik Contoh",
            "timezone": "Asia/Jakarta",
            "date": "2026-11-24",
            "hours": [{"from": "2026-11-24T01:00:00.000Z", "to": "2026-11-24T05:00:00.000Z"}],
            "opens": "2026-11-24T06:00:00.000Z",
            "connected": True,
            "agencies": [_AGENCY],
        }
    ],
}
# A second is how long an answer is shared here; whoever stands between may share it as long.
_HEADERS = TO_ANY_PAGE | {
    "Access-Control-Expose-Headers": "ETag",
    "Cache-Control": "public, max-age=1",
    "Vary": "Accept-Encoding",
}
# What a browser asks for another site's page before it sends If-None-Match: it may, to this address alone.
_FOR_ANY_PAGE = TO_ANY_PAGE | {
    "Access-Control-Allow-Methods": "GET",
    "Access-Control-Allow-Headers": "If-None-Match",
    "Access-Control-Max-Age": "86400",
}
# Kept by the browser, but asked about each time: then an answer without news costs nothing.
_PAGE = {"Cache-Control": "private, no-cache", "Vary": "Accept-Encoding, Cookie"}
_TEXTS = ("span.", "time.", "number.", "day.", "month.", "dead.", "pub.")

SiteId = Annotated[str | None, Query(description="One site; all of them when left out.", max_length=100)]
Find = Annotated[str, Query(max_length=100)]


@router.get(
    OPEN_DATA,
    summary="Open data: which services are served now, and when the others are back",
    description="Needs no token; any page may ask (CORS). Answers are a second old at most: ask every 5 s, with "
    "`If-None-Match`, to which 304 says that nothing has changed.",
    responses={
        200: {"model": PublicAnswer, "content": {"application/json": {"example": _EXAMPLE}}},
        304: {"description": "As the ETag that was sent."},
    },
    response_class=Response,
    tags=["public"],
)
async def open_data(request: Request, site: SiteId = None) -> Response:
    packed = _answers(request, site).json(site)
    headers = _HEADERS | {"ETag": packed.tag}
    if _knows(request, packed.tag):
        return Response(status_code=304, headers=headers)
    if "gzip" in request.headers.get("accept-encoding", ""):
        headers |= {"Content-Encoding": "gzip"}
        return Response(packed.zipped, media_type="application/json", headers=headers)
    return Response(packed.plain, media_type="application/json", headers=headers)


@router.options(OPEN_DATA, include_in_schema=False)
async def may_any_page() -> Response:
    return Response(status_code=204, headers=_FOR_ANY_PAGE | {"Allow": allowed(OPEN_DATA)})


@router.get("/public", include_in_schema=False)
async def public(
    request: Request,
    site: SiteId = None,
    q: Find = "",
    only: Annotated[bool, Query(alias="open")] = False,
    lang: LangChoice = None,
    theme: ThemeChoice = None,
) -> Response:
    asked = {"q": q.strip(), "open": "1" if only else None}
    if lang is not None or theme is not None:
        return remember(request, lang, theme, address("/public", site=site, **asked))
    chosen = _chosen(request, site)
    if chosen is None:
        return await _sites(request, "/public")
    present = _answers(request, chosen).present(chosen)
    words = Words(preferences(request).lang, present.site.timezone)

    def view() -> dict[str, Any]:
        rows = board.rows(present.site, present.at_ms, words, q.strip(), only)
        return {
            "rows": rows,
            "found": any(not row.hidden for row in rows),
            "summary": board.summary(present.site, words),
            "q": q.strip(),
            "only": only,
            "several": len(request.app.state.feed.live.sites) > 1,
            **choices(request, "/public", site=site, **asked),
        }

    return await _shared(request, present, "public.html", words, view)


@router.get("/public/board", include_in_schema=False)
async def lobby(request: Request, site: SiteId = None, lang: LangChoice = None, theme: ThemeChoice = None) -> Response:
    if lang is not None or theme is not None:
        return remember(request, lang, theme, address("/public/board", site=site))
    chosen = _chosen(request, site)
    if chosen is None:
        return await _sites(request, "/public/board")
    present = _answers(request, chosen).present(chosen)
    words = Words(preferences(request).lang, present.site.timezone)
    return await _shared(
        request,
        present,
        "board.html",
        words,
        lambda: {"pages": board.pages(present.site, present.at_ms, words)},
    )


def _answers(request: Request, site: str | None) -> PublicAnswers:
    answers: PublicAnswers = request.app.state.public
    if site is not None and site not in request.app.state.feed.live.sites:
        raise HTTPException(404, f'no site "{site}"')
    return answers


def _chosen(request: Request, site: str | None) -> str | None:
    """The site that is asked for, or the only one; None where there is a choice."""
    sites = request.app.state.feed.live.sites
    return next(iter(sites)) if site is None and len(sites) == 1 else site


async def _sites(request: Request, path: str) -> Response:
    sites = request.app.state.feed.live.sites.values()
    links = [(one.name, address(path, site=one.id)) for one in sites]
    return await page(request, "public_sites.html", links=links, **choices(request, path))


async def _shared(
    request: Request, present: Present, template: str, words: Words, view: Callable[[], dict[str, Any]]
) -> Response:
    """The page of a site, made once for all who ask for the same within its second; 304 to who has it already."""
    lang, theme = preferences(request)
    parts = (present.tag, template, lang, theme, request.url.query, request.app.state.pages.digest)
    tag = tag_of(*(part.encode() for part in parts))
    headers = _PAGE | {"ETag": tag, "X-Hadir-At": str(request.app.state.parts.now())}
    if _knows(request, tag):
        return Response(status_code=304, headers=headers)
    answers: PublicAnswers = request.app.state.public
    body = answers.page(present, tag)
    if body is None:
        made = await page(request, template, zone=words.timezone, **_common(present, words), **view())
        body = answers.keep_page(present, tag, bytes(made.body))
    return Response(body, media_type="text/html", headers=headers)


def _common(present: Present, words: Words) -> dict[str, Any]:
    """What both pages show of a site."""
    site, now_ms = present.site, present.at_ms
    return {
        "site": site,
        "now_ms": now_ms,
        "here": address("/public", site=site.id),
        "hours": board.hours_today(site, words),
        "opens": board.opens(site, now_ms, words),
        "day": board.day(site, words),
        "data": {
            "now_ms": now_ms,
            "zone": site.timezone,
            "texts": {key: text for key, text in texts(words.lang).items() if key.startswith(_TEXTS)},
        },
    }


def _knows(request: Request, tag: str) -> bool:
    return tag in (one.strip() for one in request.headers.get("if-none-match", "").split(","))
