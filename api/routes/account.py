"""One's own account: its password, its tokens, and the end of all its sessions; forms that need no JavaScript."""

from __future__ import annotations

from typing import cast

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from sqlalchemy import Connection
from starlette.responses import RedirectResponse, Response

from api.access import SESSION_COOKIE
from api.answers import LangChoice, ThemeChoice, address, choices, page, preferences, remember, zone_of
from api.forms import form_of
from api.log_in_limits import LogInLimits
from api.parts import Parts
from api.password_work import Busy, PasswordWork
from api.routes.login import let_out
from api.words import Words
from api.writing import write
from presence.declarations import NotAccepted
from storage.passwords import hashed, verified
from storage.record import accounts
from storage.record.accounts import LONGEST_PASSWORD, SHORTEST_PASSWORD, Token, check_password
from storage.record.users import Asker, Scope, password_of

router = APIRouter(prefix="/account", include_in_schema=False)

_DAY_MS = 86_400_000
LIVES_DAYS = (30, 90, 365)


@router.get("")
async def account(
    request: Request,
    first: str | None = None,
    done: str | None = None,
    lang: LangChoice = None,
    theme: ThemeChoice = None,
) -> Response:
    if lang is not None or theme is not None:
        return remember(request, lang, theme, address("/account", first=first))
    return await _page(request, first=first is not None, done=done if done in ("password", "token") else None)


@router.post("/password")
async def change_password(request: Request) -> Response:
    given = await form_of(request)
    first = bool(given.get("first"))
    words = Words(preferences(request).lang, zone_of(request))
    limits: LogInLimits = request.app.state.password_limits
    work: PasswordWork = request.app.state.password_work
    name, now_ms = _who(request).name, request.app.state.parts.now()
    # Guesses of whoever holds a session that is not his; it is the account's own page, from wherever it is opened.
    if wait_ms := limits.wait_ms(name, name, now_ms):
        said = words("account.password.wait", at=words.clock_s(now_ms + wait_ms + 999), zone=words.zone(now_ms))
        return await _page(request, status=429, first=first, problem=said)
    limits.begin(name, name, now_ms)
    try:
        problem = await work.run(lambda: _change(request, given))
    except Busy:
        limits.not_tried(name, name)
        return await _page(request, status=429, first=first, problem=words("account.password.busy"))
    if problem is None:
        limits.succeeded(name, name)
        return RedirectResponse("/" if first else "/account?done=password", 303)
    if problem != "wrong":
        limits.not_tried(name, name)
    said = words(f"account.password.{problem}", least=SHORTEST_PASSWORD, most=LONGEST_PASSWORD)
    return await _page(request, status=400, first=first, problem=said)


@router.post("/log-out-everywhere")
async def log_out_everywhere(request: Request) -> Response:
    await write(request, lambda db, name, now_ms: accounts.log_out_everywhere(db, name, by=name, now_ms=now_ms))
    return let_out(request)


@router.post("/tokens")
async def make_token(request: Request) -> Response:
    given = await form_of(request)
    scope: Scope = "write" if given.get("scope") == "write" else "read"
    days = next((days for days in LIVES_DAYS if str(days) == given.get("days")), LIVES_DAYS[0])
    label = "".join(one for one in given.get("label", "").strip() if one.isprintable())[: accounts.LONGEST_NAME]

    def make(connection: Connection, name: str, now_ms: int) -> tuple[str, Token]:
        expires_ms = now_ms + days * _DAY_MS
        return accounts.token(connection, name, label, scope=scope, expires_ms=expires_ms, by=name, now_ms=now_ms)

    secret, _ = await write(request, make)
    return await _page(request, secret=secret)


@router.post("/tokens/{token}/revoke")
async def revoke_token(request: Request, token: str) -> Response:
    await write(request, lambda db, name, now_ms: accounts.revoke_token(db, name, token, by=name, now_ms=now_ms))
    return RedirectResponse("/account?done=token", 303)


async def _page(
    request: Request,
    *,
    status: int = 200,
    first: bool = False,
    done: str | None = None,
    problem: str = "",
    secret: str = "",
) -> Response:
    who = _who(request)
    parts: Parts = request.app.state.parts

    def look() -> tuple[bool, list[Token]]:
        with parts.record.reading() as connection:
            return password_of(connection, who.name) is not None, accounts.tokens(connection, who.name)

    has_password, tokens = await run_in_threadpool(look)
    return await page(
        request,
        "account.html",
        status=status,
        who=who,
        first=first,
        done=done,
        problem=problem,
        secret=secret,
        has_password=has_password,
        tokens=tokens,
        lives=LIVES_DAYS,
        now_ms=parts.now(),
        least=SHORTEST_PASSWORD,
        **choices(request, "/account", first="1" if first else None),
    )


def _change(request: Request, given: dict[str, str]) -> str | None:
    """Set the password that `given` has; what is wrong with it, as the end of a key of the texts."""
    parts: Parts = request.app.state.parts
    name, new = _who(request).name, given.get("password", "")
    with parts.record.reading() as connection:
        kept = password_of(connection, name)
    if kept is not None and not verified(kept, given.get("current", "")[:LONGEST_PASSWORD]):
        return "wrong"
    if new != given.get("again"):
        return "differ"
    try:
        check_password(name, new)
    except NotAccepted:
        return "short" if len(new) < SHORTEST_PASSWORD else "long" if len(new) > LONGEST_PASSWORD else "easy"
    made = hashed(new)
    with parts.record.writing() as connection:
        session = request.cookies.get(SESSION_COOKIE)
        accounts.set_password(connection, name, made, by=name, now_ms=parts.now(), but_session=session)
    return None


def _who(request: Request) -> Asker:
    """Who asks; the rule of these routes lets nobody pass of whom that is not known."""
    return cast(Asker, request.state.who)
