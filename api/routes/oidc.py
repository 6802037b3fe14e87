"""Getting in by OpenID Connect: off to the issuer, and back from it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from api.access import address_of, is_secure
from api.answers import login_page, preferences, zone_of
from api.log_in_limits import LogInLimits
from api.oidc.errors import NotProved, Reason
from api.parts import Parts
from api.routes.login import let_in, own_path
from api.words import Words
from storage.record import accounts
from storage.record.identities import Person, log_in
from storage.record.signing_keys import key_for, make_key_for

if TYPE_CHECKING:
    from api.oidc.relying_party import RelyingParty

router = APIRouter(include_in_schema=False)

log = logging.getLogger("hadir.api")

BEGUN_COOKIE = "hadir_oidc"
_PATH = "/login/oidc"
_BACK = "/login/oidc/back"
_LONGEST_GIVEN = 4096
_SAID: dict[Reason, tuple[int, str]] = {
    "away": (503, "login.oidc.away"),
    "stale": (403, "login.oidc.stale"),
    "declined": (403, "login.oidc.declined"),
    "unproved": (403, "login.oidc.unproved"),
}


@router.get(_PATH)
async def begin(request: Request) -> Response:
    """Off to the issuer. A page from elsewhere may lead here: who comes back is logged in as himself."""
    oidc, parts, then = _issuer(request), request.app.state.parts, own_path(request.query_params)
    key = await run_in_threadpool(_key, parts)
    try:
        there, kept = await oidc.begin(_back(request), then, key, parts.now())
    except NotProved as error:
        return await _not_in(request, error, then)
    answer = RedirectResponse(there, 303)
    # Lax: the browser comes back from the issuer's site, and by a plain GET.
    answer.set_cookie(
        BEGUN_COOKIE,
        kept,
        max_age=oidc.begun_life_s,
        path=_PATH,
        httponly=True,
        samesite="lax",
        secure=is_secure(request),
    )
    return answer


@router.get(_BACK)
async def back(request: Request) -> Response:
    """Back from the issuer, with a code that tells it who this is."""
    oidc, parts, where = _issuer(request), request.app.state.parts, address_of(request)
    limits: LogInLimits = request.app.state.log_in_limits
    said = {name: value for name, value in request.query_params.items() if len(value) <= _LONGEST_GIVEN}
    now_ms, key = parts.now(), await run_in_threadpool(_key, parts)
    try:
        begun = oidc.begun(request.cookies.get(BEGUN_COOKIE), said, key, now_ms)
    except NotProved as error:
        return _done(request, await _not_in(request, error, None))
    try:
        # Only now: what another page makes a browser send is to keep nobody out.
        if wait_ms := limits.wait_ms(None, where, now_ms):
            return await _held_up(request, wait_ms, now_ms, begun.then)
        was_last = limits.begin(None, where, now_ms)
        person = await oidc.person(begun, said, _back(request), now_ms)
    except NotProved as error:
        if error.reason == "away":
            limits.not_tried(None, where)
        return _done(request, await _not_in(request, error, begun.then))
    session = await run_in_threadpool(_log_in, parts, person, where, was_last)
    if session is None:
        unknown = _words(request)("login.oidc.unknown", name=oidc.name)
        return _done(request, await login_page(request, 403, problem=unknown, then=begun.then))
    limits.succeeded(None, where)
    return _done(request, let_in(request, session, begun.then or "/"))


def _issuer(request: Request) -> RelyingParty:
    oidc: RelyingParty | None = request.app.state.parts.oidc
    if oidc is None:
        raise HTTPException(404, "nobody logs in by OpenID Connect here; docs/oidc.md says how to set it up")
    return oidc


def _back(request: Request) -> str:
    """Where the issuer sends people back to, as their browser names us."""
    return f"{'https' if is_secure(request) else 'http'}://{request.headers.get('host', '')}{_BACK}"


def _words(request: Request) -> Words:
    return Words(preferences(request).lang, zone_of(request))


async def _not_in(request: Request, error: NotProved, then: str | None) -> Response:
    log.warning("log-in by OpenID Connect: %s", error)
    status, text = _SAID[error.reason]
    return await login_page(request, status, problem=_words(request)(text, name=_issuer(request).name), then=then)


async def _held_up(request: Request, wait_ms: int, now_ms: int, then: str | None) -> Response:
    words = _words(request)
    said = words("login.oidc.wait", at=words.clock_s(now_ms + wait_ms + 999), zone=words.zone(now_ms))
    answer = await login_page(request, 429, problem=said, then=then)
    answer.headers["Retry-After"] = str(wait_ms // 1000 + 1)
    return answer


def _done(request: Request, answer: Response) -> Response:
    """What was begun is over, well or not."""
    answer.delete_cookie(BEGUN_COOKIE, path=_PATH, httponly=True, samesite="lax", secure=is_secure(request))
    return answer


def _key(parts: Parts) -> bytes:
    with parts.record.reading() as connection:
        kept = key_for(connection, "oidc log-in")
    if kept is not None:
        return kept
    with parts.record.writing() as connection:
        return make_key_for(connection, "oidc log-in", parts.now())


def _log_in(parts: Parts, person: Person, where: str, was_last: bool) -> str | None:
    with parts.record.writing() as connection:
        session = log_in(connection, person, where, parts.now())
        if session is None and was_last:
            accounts.held_up(connection, "", where, parts.now())
        return session
