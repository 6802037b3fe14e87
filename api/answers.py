"""How an answer is put: pages in the reader's language and theme, errors in words, JSON for programs."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Any, Literal, NamedTuple, TypeVar
from urllib.parse import urlencode

from fastapi import Query
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from api.access import ROLES_OF, SESSION_COOKIE, admit, asker_of, is_secure, proof_of
from api.allowed import allowed
from api.pages import THEMES, Theme
from api.pages.navigation import places
from api.problems import problem
from api.words import LANGUAGES, Lang, Words
from presence.declarations import NotAccepted
from presence.errors import HadirError
from storage.record import RecordUnavailable
from storage.record.refusals import NotNow, NotThere
from storage.record.users import Asker

_FORM_PROBLEMS = {"missing": "is missing; write it", "extra_forbidden": "is not known here; leave it out"}

_FAILED = {
    500: "a fault of ours; the log has its cause under request {}",
    503: "the record does not answer; ask again in a minute, the log has the cause under request {}",
}

_NO_OBJECT = "is no JSON object; send one"
_NO_JSON = "the body is said to be no JSON; send a JSON object, with Content-Type: application/json"

# Those of which a page has its own words.
_TOLD = (400, 403, 404, 405, 409, 413, 500, 503)

log = logging.getLogger("hadir.api")

LANG_COOKIE, THEME_COOKIE = "hadir_lang", "hadir_theme"
_PREFERENCES_KEPT_S = 365 * 24 * 3600
_ZONE_WITHOUT_SITE = "Asia/Jakarta"


# How a chosen language or theme comes in: `?lang=en`, `?theme=dark`.
LangChoice = Annotated[Lang | None, Query()]
ThemeChoice = Annotated[Theme | None, Query()]


# The link that they came by is spent; they logged out; their session has ended.
LogInWhy = Literal["used", "out", "over"]
Choice = TypeVar("Choice", bound=str)


class Preferences(NamedTuple):
    lang: Lang
    theme: Theme


def preferences(request: Request) -> Preferences:
    """What the reader asks for here, or chose on this browser: Indonesian and the device's own theme until then."""
    asked, kept = request.query_params, request.cookies
    return Preferences(
        _first_of(LANGUAGES, asked.get("lang"), kept.get(LANG_COOKIE)) or "id",
        _first_of(THEMES, asked.get("theme"), kept.get(THEME_COOKIE)) or "auto",
    )


def _first_of(known: tuple[Choice, ...], *chosen: str | None) -> Choice | None:
    return next((one for wanted in chosen for one in known if one == wanted), None)


def address(path: str, /, **query: str | None) -> str:
    """`path` with those of `query` that have a value."""
    given = {name: value for name, value in query.items() if value}
    return f"{path}?{urlencode(given)}" if given else path


def remember(request: Request, lang: Lang | None, theme: Theme | None, then: str) -> Response:
    """Keep what the reader chose on this browser, and go on to `then`."""
    answer = RedirectResponse(then, 303)
    _keep(request, answer, lang, theme)
    return answer


def _keep(request: Request, answer: Response, lang: Lang | None, theme: Theme | None) -> None:
    for name, value in ((LANG_COOKIE, lang), (THEME_COOKIE, theme)):
        if value is not None:
            answer.set_cookie(
                name, value, max_age=_PREFERENCES_KEPT_S, httponly=True, samesite="lax", secure=is_secure(request)
            )


def choices(request: Request, path: str, /, **query: str | None) -> dict[str, Any]:
    """The links of the footer: the other language, the themes, with `path` and `query` that remember them."""
    other = "en" if preferences(request).lang == "id" else "id"
    return {
        "other_lang_url": address(path, **query, lang=other),
        "theme_urls": [(theme, address(path, **query, theme=theme)) for theme in THEMES],
    }


async def page(
    request: Request, template: str, *, status: int = 200, zone: str | None = None, **values: Any
) -> Response:
    """The page of `template`. `zone`: of the site that it speaks of.

    Each offers the other language. What its address asks for is remembered, also by pages that know nothing of it.
    """
    lang, theme = preferences(request)
    words = Words(lang, zone or zone_of(request))
    who = await run_in_threadpool(_who, request, status)
    values = {
        "site_name": None,
        "zone_name": None,
        **_choices_here(request),
        "places": _places(request, who),
        "account": who and who.name,
        "role": who and who.role,
        "here_account": request.url.path == "/account",
        "may_register": who is not None and who.role in ROLES_OF["register"],
        "log_in": template != "login.html",
        "proof": proof_of(request),
        "demo": request.app.state.parts.demo,
    } | values
    html = await run_in_threadpool(request.app.state.pages.render, template, words, theme, **values)
    answer = HTMLResponse(html, status)
    asked = request.query_params
    _keep(request, answer, lang if asked.get("lang") == lang else None, theme if asked.get("theme") == theme else None)
    return answer


def _choices_here(request: Request) -> dict[str, Any]:
    """The footer's links where a page gives none of its own; below an answer to a form they lead to the first page."""
    if request.method not in ("GET", "HEAD"):
        return choices(request, "/")
    query = {name: value for name, value in request.query_params.items() if name not in ("lang", "theme")}
    return choices(request, "/" + request.url.path.lstrip("/"), **query)


def _who(request: Request, status: int) -> Asker | None:
    """Who reads a page, also one that asks nobody: its frame offers what opens to him, and the way out."""
    who: Asker | None = request.state.who
    if who is None and status < 500 and SESSION_COOKIE in request.cookies:
        return asker_of(request)
    return who


def _places(request: Request, who: Asker | None) -> list[tuple[str, str, str]]:
    """The navigation: name, address, and its `aria-current`: `page` of the page that is read, `true` of one above it.

    The site that was chosen, or is in the address, stays chosen.
    """
    site = request.query_params.get("site", request.path_params.get("site"))
    kept = site if site in request.app.state.feed.live.sites else None
    return [
        (place.name, address(place.path, site=kept if place.of_site else None), _current(place.path, request.url.path))
        for place in places(request, who)
    ]


def _current(place: str, here: str) -> str:
    if here == place:
        return "page"
    return "true" if place != "/" and here.startswith(f"{place}/") else ""


async def login_page(
    request: Request,
    status: int = 200,
    *,
    why: LogInWhy | None = None,
    problem: str = "",
    name: str = "",
    then: str | None = None,
) -> Response:
    """The page on which people log in. `why`: what brought them here; `problem`: why they are not in.

    `then`: the page of ours that they asked for, and come to when they are in.
    """
    oidc = request.app.state.parts.oidc
    return await page(
        request,
        "login.html",
        status=status,
        why=why,
        problem=problem,
        name=name,
        then=then,
        data_flag=request.app.state.parts.data_flag,
        issuer=oidc and oidc.name,
        oidc_url=address("/login/oidc", next=then),
        **choices(request, "/login", next=then),
    )


def wants_page(request: Request) -> bool:
    """Whether a person in front of a browser asks."""
    return not request.url.path.startswith("/api/") and "text/html" in request.headers.get("accept", "")


async def on_http_error(request: Request, error: Exception) -> Response:
    """Errors that routes raise: 401, 404, 405 and the like; `detail` given by us is for programs."""
    assert isinstance(error, HTTPException)
    if error.status_code == 405:
        # The router knows only of the first of several routes at one address.
        error = HTTPException(405, error.detail, {"Allow": allowed(request.url.path)})
        if request.method == "OPTIONS":
            return Response(status_code=204, headers=error.headers)
    if error.status_code == 400 and not hasattr(request.state, "who"):
        # A body that no parser could take, some other way than JSON's own.
        error = await _not_admitted(request) or HTTPException(400, f"body: {_NO_OBJECT}")
    if not wants_page(request):
        return problem(error.status_code, _sentence(request, error), request.url.path, headers=error.headers)
    if error.status_code == 401:
        why: LogInWhy | None = "over" if SESSION_COOKIE in request.cookies else None
        answer = await login_page(request, 401, why=why, then=_asked_for(request))
        answer.headers.update(error.headers or {})
        return answer
    answer = await _in_words(request, error.status_code)
    answer.headers.update(error.headers or {})
    return answer


def _asked_for(request: Request) -> str | None:
    """The address of the page that was asked for, as the log-in may lead back to it."""
    if request.method not in ("GET", "HEAD") or request.url.path == "/":
        return None
    return f"{request.url.path}?{request.url.query}" if request.url.query else request.url.path


async def on_bad_request(request: Request, error: Exception) -> Response:
    """Parameters that break their form: every one with what is wrong. A body of another type than JSON: 415."""
    assert isinstance(error, RequestValidationError)
    if (refused := await _not_admitted(request)) is not None:
        return await on_http_error(request, refused)
    if wants_page(request):
        return await _in_words(request, 400)
    if any(one["loc"] == ("body",) and one["type"] != "missing" for one in error.errors()) and not _says_json(request):
        return problem(415, _NO_JSON, request.url.path)
    wrong: dict[str, str] = {}
    for field, said in map(_problem, error.errors()):
        wrong[field] = f"{wrong[field]}; {said}" if field in wrong else said
    sentence = "; ".join(f"{field}: {said}" for field, said in wrong.items())
    return problem(400, sentence, request.url.path, errors=wrong)


async def _not_admitted(request: Request) -> HTTPException | None:
    """FastAPI reads a body before it asks who sends it: to whom may not, nothing is said of what he sent."""
    if hasattr(request.state, "who"):
        return None
    try:
        await admit(request)
    except HTTPException as refused:
        return refused
    return None


def _says_json(request: Request) -> bool:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return kind.startswith("application/") and kind.endswith(("/json", "+json"))


def _sentence(request: Request, error: HTTPException) -> str:
    """What was said of the error; where that was the name of its status alone, what to do."""
    if error.detail != HTTPStatus(error.status_code).phrase:
        return error.detail
    allowed = (error.headers or {}).get("Allow", "another method")
    said = {
        404: "there is nothing at this address; /docs lists what there is",
        405: f"this address does not take {request.method}; use {allowed}",
        413: "the body is too large; send less at once",
    }
    return said.get(error.status_code, error.detail)


def _problem(error: Mapping[str, Any]) -> tuple[str, str]:
    """`from`, `is missing; write it`. `error`: as pydantic describes it."""
    path = [str(part) for part in error["loc"][1:]]
    if error["type"] == "json_invalid" or not path:
        return "body", _NO_OBJECT
    said = _FORM_PROBLEMS.get(error["type"]) or error["msg"].removeprefix("Value error, ")
    return ".".join(path), said


async def on_refusal(request: Request, error: Exception) -> Response:
    """What the record refuses, in its own words: 400 for what is wrong, 404 not there, 409 not as things stand."""
    assert isinstance(error, HadirError)
    status = {NotAccepted: 400, NotThere: 404, NotNow: 409}[type(error)]
    return await on_http_error(request, HTTPException(status, str(error)))


async def on_record_error(request: Request, error: Exception) -> Response:
    """The record does not answer: 503, and the number under which the log has the cause."""
    assert isinstance(error, SQLAlchemyError | RecordUnavailable)
    return await _failed(request, 503, error)


async def on_failure(request: Request, error: Exception) -> Response:
    """A fault of ours: 500, in words. The server logs it with its traceback."""
    return await _failed(request, 500, error)


async def _failed(request: Request, status: int, error: Exception) -> Response:
    number = f"{secrets.token_hex(2)}-{secrets.token_hex(2)}"
    log.error("request failed: %s", error, extra={"path": _path_without_ticket(request), "request": number})
    if not wants_page(request):
        return problem(status, _FAILED[status].format(number), request.url.path, request=number)
    return await _in_words(request, status, number=number, again=str(request.url.path))


def _path_without_ticket(request: Request) -> str:
    """The path for the log, which opens nothing to who reads it."""
    ticket = request.path_params.get("ticket")
    return request.url.path.replace(ticket, "…") if ticket else request.url.path


async def _in_words(request: Request, status: int, *, number: str = "", again: str = "") -> Response:
    words = Words(preferences(request).lang, zone_of(request))
    now_ms = request.app.state.parts.now()
    # Outside of routes nobody was asked who he is.
    request.state.account = getattr(request.state, "account", None)
    request.state.who = getattr(request.state, "who", None)
    known = status if status in _TOLD else 400 if status < 500 else 500
    head, body = f"error.{known}", f"error.{known}.body"
    return await page(
        request,
        "error.html",
        status=status,
        number=words("error.number", status=str(status), at=f"{words.clock_s(now_ms)} {words.zone(now_ms)}"),
        request_number=words("error.request", id=number) if number else "",
        head=words(head),
        body=words(body),
        again=again,
    )


def zone_of(request: Request) -> str:
    """The zone in which times are told where a page speaks of no site: that of the first one."""
    sites = request.app.state.feed.live.sites
    return next((site.timezone for site in sites.values()), _ZONE_WITHOUT_SITE)
