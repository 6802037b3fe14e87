"""Getting in, by a one-time link or by name and password, and out again."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from api.access import SESSION_COOKIE, address_of, asker_of, is_from_elsewhere, is_secure
from api.answers import LangChoice, ThemeChoice, address, login_page, preferences, remember, zone_of
from api.forms import form_of
from api.log_in_limits import LogInLimits
from api.parts import Parts
from api.words import Words
from storage.passwords import verified
from storage.record import accounts
from storage.record.users import SESSION_LIFE_MS, password_of

router = APIRouter(include_in_schema=False)

_LONGEST_GIVEN = 200


@router.get("/login")
async def login(
    request: Request, code: str | None = None, done: str = "", lang: LangChoice = None, theme: ThemeChoice = None
) -> Response:
    if lang is not None or theme is not None:
        return remember(request, lang, theme, address("/login", code=code))
    if code is None:
        return await login_page(request, why="out" if done == "out" else None)
    opened = await run_in_threadpool(_use, request.app.state.parts, code, address_of(request))
    if opened is None:
        if await run_in_threadpool(asker_of, request) is not None:
            return RedirectResponse("/", 303)
        return await login_page(request, 403, why="used")
    session, has_password = opened
    return let_in(request, session, "/" if has_password else "/account?first=1")


@router.post("/login")
async def login_by_password(request: Request) -> Response:
    if is_from_elsewhere(request):
        raise HTTPException(403, "a page from elsewhere sends this; log in on ours")
    given = await form_of(request)
    name, password = given.get("name", "").strip()[:_LONGEST_GIVEN], given.get("password", "")
    parts: Parts = request.app.state.parts
    limits: LogInLimits = request.app.state.log_in_limits
    where, now_ms = address_of(request), parts.now()
    words = Words(preferences(request).lang, zone_of(request))
    if wait_ms := limits.wait_ms(name, where, now_ms):
        said = words("login.wait", at=words.clock_s(now_ms + wait_ms + 999), zone=words.zone(now_ms))
        answer = await login_page(request, 429, problem=said, name=name)
        answer.headers["Retry-After"] = str(wait_ms // 1000 + 1)
        return answer
    was_last = limits.begin(name, where, now_ms)
    session = await run_in_threadpool(_check, parts, name, password, where, was_last)
    if session is None:
        return await login_page(request, 403, problem=words("login.wrong"), name=name)
    limits.succeeded(name, where)
    return let_in(request, session, "/")


@router.post("/logout")
async def logout(request: Request) -> Response:
    if session := request.cookies.get(SESSION_COOKIE):
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
    answer = RedirectResponse("/login?done=out", 303)
    answer.delete_cookie(SESSION_COOKIE, httponly=True, samesite="lax", secure=is_secure(request))
    return answer


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
        accounts.held_up(connection, name, where, parts.now())
    return None


def _end(parts: Parts, session: str) -> None:
    with parts.record.writing() as connection:
        accounts.log_out(connection, session, parts.now())
