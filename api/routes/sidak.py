"""Sidak: which duties are obliged and empty now, as a page, for guests with a link, and for programs."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.concurrency import run_in_threadpool
from starlette.responses import Response

from api.access import ROLES_OF, Sight, may_phone, sight_of
from api.answers import LangChoice, ThemeChoice, address, choices, page, preferences, remember
from api.feed import Feed
from api.no_site import no_site
from api.parts import Parts
from api.sidak_answers import Asking, SidakAnswers
from api.words import Words
from presence.site import Site
from storage.record import sidak_links
from storage.record.sidak_links import SidakLink

pages = APIRouter(include_in_schema=False)
router = APIRouter(prefix="/api/v1/sidak", tags=["sidak"])

SiteId = Annotated[str | None, Query(description="One site; all that the caller may see when left out.")]
_EXAMPLE: dict[str, Any] = {
    "at": "2026-11-24T03:42:07.000Z",
    "sums": {"obliged": 36, "attended": 33, "empty": 1, "declared": 1, "unknown": 1},
    "empty": [
        {
            "outlet": "disnaker-22",
            "site": "tirtamaya",
            "at_least": 1,
            "since": "2026-11-24T02:51:00.000Z",
            "for_s": 3067.0,
            "sure": 0.98,
            "evidence_age_s": 4.0,
            "late_opening": False,
            "after_absence": False,
            "visitor_since": None,
            "agency": {"id": "disnaker", "name": "Disnaker"},
            "contact": {"name": "Koordinator loket", "phone": "0200 555 0122"},
            "alerts": [{"id": "4f0c2d6b9a1e8f37", "kind": "vacancy", "state": "firing"}],
            "told": [
                {
                    "at": "2026-11-24T03:01:00.000Z",
                    "to": "koordinator",
                    "agency": "disnaker",
                    "name": "Koordinator loket",
                    "step": 1,
                }
            ],
            "told_next": None,
            "acknowledged": None,
            "outlets": [
                {
                    "id": "disnaker-22",
                    "name": "Loket 22",
                    "number": 22,
                    "service": "Pengaduan tenaga kerja",
                    "status": "vacant",
                    "since": "2026-11-24T02:51:00.000Z",
                    "p": 0.02,
                    "evidence_age_s": 4.0,
                    "declared": None,
                }
            ],
        }
    ],
    "declared": [],
    "unknown": [],
    "evidence": {"outlets": 36, "younger_than_s": 90.0, "fresh": 34},
    "untrusted": {},
}


@router.get(
    "",
    summary="Which duties are obliged and empty now, longest first",
    responses={
        200: {"description": "Now.", "content": {"application/json": {"example": _EXAMPLE}}},
        404: {"description": "There is no such site."},
    },
)
async def sidak_now(request: Request, site: SiteId = None) -> Response:
    """Every duty of which an outlet is open counts once: attended, empty, declared or unknown, as the ledger books it.

    `for_s`: how long it has been so; `sure`: the chance that fewer than `at_least` are there; `step`: of the ladder.
    `phone`: for those who may answer for outlets, else null. An answer is of the instant `at`, a second ago at most.
    """
    sight = sight_of(request)
    answers: SidakAnswers = request.app.state.sidak
    packed = await answers.json(_sites(request, sight, site), Asking(sight.agency, may_phone(request)))
    if "gzip" in request.headers.get("accept-encoding", ""):
        headers = {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
        return Response(packed.zipped, media_type="application/json", headers=headers)
    return Response(packed.plain, media_type="application/json", headers={"Vary": "Accept-Encoding"})


@pages.get("/sidak")
async def sidak_page(
    request: Request, site: str | None = None, lang: LangChoice = None, theme: ThemeChoice = None
) -> Response:
    if lang is not None or theme is not None:
        return remember(request, lang, theme, address("/sidak", site=site))
    sight = sight_of(request)
    sites = _sites(request, sight, site)
    links = choices(request, "/sidak", site=site)
    if not sites:
        return await no_site(request, links)
    seen = _sites(request, sight, None)
    who = request.state.who
    registers = who is not None and who.role in ROLES_OF["register"]
    may_link = registers and who is not None and who.scope == "write"
    here = address("/sidak", site=sites[0].id)
    asking = Asking(sight.agency, may_phone(request), registers=registers)
    return await _answer(request, sites[0], asking, here=here, sites=seen, may_link=may_link, guest="", **links)


@pages.get("/sidak/{ticket}")
async def sidak_by_link(request: Request, ticket: str, lang: LangChoice = None, theme: ThemeChoice = None) -> Response:
    here = f"/sidak/{ticket}"
    if lang is not None or theme is not None:
        return remember(request, lang, theme, address(here))
    # The link opens this page and no other.
    links = choices(request, here) | {"places": [], "log_in": False}
    now_ms = request.app.state.parts.now()
    link = await run_in_threadpool(_link, request.app.state.parts, ticket)
    feed: Feed = request.app.state.feed
    site = None if link is None else feed.live.sites.get(link.site)
    if link is None or site is None:
        status, why = (403, "altered") if link is None else (404, "gone")
        return await page(request, "sidak_link.html", status=status, why=why, at="", **links)
    words = Words(preferences(request).lang, site.timezone)
    if not link.opens(now_ms):
        why = "expired" if link.revoked_ms is None else "revoked"
        at = _moment(link.until_ms if link.revoked_ms is None else link.revoked_ms, words)
        return await page(request, "sidak_link.html", status=403, zone=site.timezone, why=why, at=at, **links)
    guest = words("sidak.guest", site=site.name, until=_moment(link.until_ms, words))
    asking = Asking(None, phones=False)
    return await _answer(request, site, asking, here=here, sites=[site], may_link=False, guest=guest, **links)


def _moment(at_ms: int, words: Words) -> str:
    return f"{words.date(at_ms)} {words.clock(at_ms)} {words.zone(at_ms)}"


async def _answer(request: Request, site: Site, asking: Asking, **values: Any) -> Response:
    answers: SidakAnswers = request.app.state.sidak
    shown = await answers.page(site, asking, preferences(request).lang)
    words = Words(preferences(request).lang, site.timezone)
    return await page(
        request,
        "sidak.html",
        zone=site.timezone,
        site=site,
        site_name=site.name,
        now_ms=shown.at_ms,
        zone_name=f"{words.zone(shown.at_ms)} ({site.timezone})",
        answer=shown.html,
        **values,
    )


def _sites(request: Request, sight: Sight, site: str | None) -> list[Site]:
    """The site that is asked for, or all that are seen. Raises 404 for one that is not."""
    feed: Feed = request.app.state.feed
    found = [one for one in feed.live.sites.values() if site in (None, one.id) and sight.sees_site(one)]
    if site is not None and not found:
        raise HTTPException(404, f'no site "{site}"')
    return found


def _link(parts: Parts, secret: str) -> SidakLink | None:
    with parts.record.reading() as connection:
        return sidak_links.found(connection, secret)
