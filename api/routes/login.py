"""Getting in by a one-time link, and out again."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from api.access import SESSION_COOKIE, asker_of, is_secure
from api.answers import LangChoice, ThemeChoice, address, choices, page, remember
from api.parts import Parts
from storage.record.users import SESSION_LIFE_MS, end_session, use_link

router = APIRouter(include_in_schema=False)


@router.get("/login")
async def login(
    request: Request, code: str | None = None, lang: LangChoice = None, theme: ThemeChoice = None
) -> Response:
    if lang is not None or theme is not None:
        return remember(request, lang, theme, address("/login", code=code))
    if code is None:
        return await page(request, "login.html", used=False, **choices(request, "/login"))
    session = await run_in_threadpool(_use, request.app.state.parts, code)
    if session is None:
        if await run_in_threadpool(asker_of, request) is not None:
            return RedirectResponse("/", 303)
        return await page(request, "login.html", status=403, used=True, **choices(request, "/login"))
    answer = RedirectResponse("/", 303)
    answer.set_cookie(
        SESSION_COOKIE,
        session,
        max_age=SESSION_LIFE_MS // 1000,
        httponly=True,
        samesite="lax",
        secure=is_secure(request),
    )
    return answer


@router.post("/logout")
async def logout(request: Request) -> Response:
    if session := request.cookies.get(SESSION_COOKIE):
        await run_in_threadpool(_end, request.app.state.parts, session)
    answer = RedirectResponse("/login", 303)
    answer.delete_cookie(SESSION_COOKIE, httponly=True, samesite="lax", secure=is_secure(request))
    return answer


def _use(parts: Parts, code: str) -> str | None:
    with parts.record.writing() as connection:
        return use_link(connection, code, parts.now())


def _end(parts: Parts, session: str) -> None:
    with parts.record.writing() as connection:
        end_session(connection, session)
