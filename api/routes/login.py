"""Getting in, by a one-time link or by name and password, and out again."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from api.access import SESSION_COOKIE, address_of, asker_of, is_from_elsewhere, is_secure
from api.answers import LangChoice, ThemeChoice, address, choices, login_page, page, preferences, remember, zone_of
from api.forms import form_of
from api.log_in_limits import LogInLimits
from api.parts import Parts
from api.password_work import Busy, PasswordWork
from api.words import Words
from storage.passwords import verified
from storage.record import accounts
from storage.record.users import SESSION_LIFE_MS, password_of, who

router = APIRouter(include_in_schema=False)

_LONGEST_GIVEN = 200
_LONGEST_PATH = 500
_BUSY_MS = 5_000
_LOGGED_OUT = "/login?done=out"


@router.get("/login")
async def login(
    request: Request, code: str | None = None, done: str = "", lang: LangChoice = None, theme: ThemeChoice = None
) -> Response:
    """The page to log in on. A link is only looked at: chat programs and mail scanners open it before its reader."""
    if lang is not None or theme is not None:
        return remember(request, lang, theme, address("/login", code=code, next=own_path(request.query_params)))
    if code is None:
        return await login_page(request, why="out" if done == "out" else None, then=own_path(request.query_params))
    name = await run_in_threadpool(_of_link, request.app.state.parts, code)
    if name is None:
        return await _spent(request)
    links = choices(request, "/login", code=code) | {"log_in": False}
    return await page(request, "login_link.html", code=code, name=name, **links)


@router.post("/login")
async def log_in(request: Request) -> Response:
    """Let in whoever sends our page's form: by the code of a link, or by name and password."""
    if is_from_elsewhere(request):
        raise HTTPException(403, "a page from elsewhere sends this; log in on ours")
    given = await form_of(request)
    if "code" in given:
        return await _by_link(request, given["code"])
    return await _by_password(request, given)


async def _by_link(request: Request, code: str) -> Response:
    opened = await run_in_threadpool(_use, request.app.state.parts, code, address_of(request))
    if opened is None:
        return await _spent(request)
    session, has_password = opened
    return let_in(request, session, "/" if has_password else "/account?first=1")


async def _spent(request: Request) -> Response:
    """A link opens nothing: whoever is in already goes on, the others are told how to get another one."""
    if await run_in_threadpool(asker_of, request) is not None:
        return RedirectResponse("/", 303)
    return await login_page(request, 403, why="used")


async def _by_password(request: Request, given: Mapping[str, str]) -> Response:
    name, password = given.get("name", "").strip()[:_LONGEST_GIVEN], given.get("password", "")
    parts: Parts = request.app.state.parts
    limits: LogInLimits = request.app.state.log_in_limits
    work: PasswordWork = request.app.state.password_work
    where, now_ms = address_of(request), parts.now()
    words, then = Words(preferences(request).lang, zone_of(request)), own_path(given)
    if wait_ms := limits.wait_ms(name, where, now_ms):
        said = words("login.wait", at=words.clock_s(now_ms + wait_ms + 999), zone=words.zone(now_ms))
        return await _later(request, said, name, then, wait_ms)
    was_last = limits.begin(name, where, now_ms)
    try:
        session = await work.run(lambda: _check(parts, name, password, where, was_last))
    except Busy:
        limits.not_tried(name, where)
        return await _later(request, words("login.busy"), name, then, _BUSY_MS)
    if session is None:
        return await login_page(request, 403, problem=words("login.wrong"), name=name, then=then)
    limits.succeeded(name, where)
    return let_in(request, session, then or "/")


async def _later(request: Request, said: str, name: str, then: str | None, wait_ms: int) -> Response:
    answer = await login_page(request, 429, problem=said, name=name, then=then)
    answer.headers["Retry-After"] = str(wait_ms // 1000 + 1)
    return answer


def own_path(given: Mapping[str, str]) -> str | None:
    """The page of ours that `next` of `given` names; None for any other address.

    A browser takes a backslash for a slash, and leaves tabs and line ends out.
    """
    path = given.get("next", "")
    if not path.startswith("/") or path.startswith("//") or "\\" in path or not path.isprintable():
        return None
    return path if len(path) <= _LONGEST_PATH and not urlsplit(path).netloc else None


@router.post("/logout")
async def logout(request: Request) -> Response:
    if is_from_elsewhere(request):
        raise HTTPException(403, "a page from elsewhere sends this; log out on ours")
    session = request.cookies.get(SESSION_COOKIE)
    if session is None:
        # A page from elsewhere, whose form comes without the cookie, is not to take it out of the browser.
        return RedirectResponse(_LOGGED_OUT, 303)
    await run_in_threadpool(_end, request.app.state.parts, session)
    return let_out(request)


def let_in(request: Request, session: str, then: str) -> Response:
    """Give the browser the session, and go on to `then`."""
    answer = RedirectResponse(then, 303)
    answer.set_cookie(
        SESSION_COOKIE,
        session,
        max_age=SESSION_LIFE_MS // 1000,
        httponly=True,
        samesite="lax",
        secure=is_secure(request),
    )
    return answer


def let_out(request: Request) -> Response:
    """Take the session out of the browser, and go on to the log-in."""
    answer = RedirectResponse(_LOGGED_OUT, 303)
    answer.delete_cookie(SESSION_COOKIE, httponly=True, samesite="lax", secure=is_secure(request))
    return answer


def _of_link(parts: Parts, code: str) -> str | None:
    """Whose account a link opens."""
    with parts.record.reading() as connection:
        return who(connection, code, "link", parts.now())


def _use(parts: Parts, code: str, where: str) -> tuple[str, bool] | None:
    """The session that a link opens, and whether its account has a password."""
    with parts.record.writing() as connection:
        opened = accounts.log_in_by_link(connection, code, where, parts.now())
        return None if opened is None else (opened[1], password_of(connection, opened[0]) is not None)


def _check(parts: Parts, name: str, password: str, where: str, was_last: bool) -> str | None:
    """The session that name and password open. An unknown name takes as long as a wrong password."""
    with parts.record.reading() as connection:
        kept = password_of(connection, name)
    right = verified(kept, password[:_LONGEST_GIVEN])
    if not right and not was_last:
        return None
    with parts.record.writing() as connection:
        if right and password_of(connection, name) == kept:
            return accounts.log_in_by_password(connection, name, where, parts.now())
        if was_last:
            accounts.held_up(connection, name, where, parts.now())
    return None


def _end(parts: Parts, session: str) -> None:
    with parts.record.writing() as connection:
        accounts.log_out(connection, session, parts.now())
