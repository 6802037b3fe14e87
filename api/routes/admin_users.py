"""The pages on which administrators look after accounts: forms that work without JavaScript.

What they do is done by `storage.record.accounts`, as for the API.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, cast
from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from sqlalchemy import Connection
from starlette.responses import RedirectResponse, Response

from api import account_forms
from api.access import is_secure
from api.answers import LangChoice, ThemeChoice, address, choices, page, preferences, remember, zone_of
from api.forms import form_of
from api.parts import Parts
from api.words import Words
from api.writing import write
from presence.declarations import NotAccepted
from presence.site import Site
from presence.site_checks import Problem
from storage.record import accounts, identities, users
from storage.record.accounts import LONGEST_NAME, Kept, Token
from storage.record.identities import LONGEST_IDENTITY
from storage.record.refusals import NotNow, NotThere
from storage.record.registry import load_site, site_ids
from storage.record.users import LINK_LIFE_MS, Account, Role

router = APIRouter(prefix="/admin/users", include_in_schema=False)

_SAID = ("added", "changed", "removed", "revoked", "logged_out", "token", "oidc")
_HEADS = ("name", "role", "sees", "ways", "last")


class Seen(NamedTuple):
    """What the page of an account shows. `kept`: why it stays an administrator's."""

    account: Account
    tokens: list[Token]
    kept: Kept | None
    sites: list[Site]


@router.get("")
async def list_page(request: Request, said: str = "", lang: LangChoice = None, theme: ThemeChoice = None) -> Response:
    if lang is not None or theme is not None:
        return remember(request, lang, theme, "/admin/users")
    found, sites = await run_in_threadpool(_all, request)
    words = _words(request)
    return await page(
        request,
        "admin_users.html",
        said=_said(said, words),
        heads=[words(f"admin.users.head.{head}") for head in _HEADS],
        rows=[(_url(name), name, cells) for name, cells in account_forms.rows(found, sites, _issuer(request), words)],
        **choices(request, "/admin/users"),
    )


@router.get("/new")
async def new_page(request: Request, lang: LangChoice = None, theme: ThemeChoice = None) -> Response:
    if lang is not None or theme is not None:
        return remember(request, lang, theme, "/admin/users/new")
    return await _new(request, account_forms.typed({}))


@router.post("/new")
async def add(request: Request) -> Response:
    texts = account_forms.typed(await form_of(request))

    def make(connection: Connection, by: str, now_ms: int) -> None:
        agency, site = texts["agency"] or None, texts["site"] or None
        who = (texts["oidc"] or None) if _issuer(request) else None
        reach = {"agency": agency, "site_id": site, "identity": who}
        accounts.add(connection, texts["name"], _role(texts), **reach, by=by, now_ms=now_ms)

    try:
        await write(request, make)
    except NotAccepted as error:
        return await _new(request, texts, error.problems, 400)
    except NotNow as error:
        taken = Problem("name", str(error), "taken", texts["name"])
        return await _new(request, texts, [_person_taken(error) if error.key else taken], 409)
    return RedirectResponse(address(_url(texts["name"]), said="added"), 303)


@router.get("/of/{name}")
async def account_page(
    request: Request, name: str, said: str = "", lang: LangChoice = None, theme: ThemeChoice = None
) -> Response:
    if lang is not None or theme is not None:
        return remember(request, lang, theme, _url(name))
    return await _account(request, name, said=said)


@router.post("/of/{name}")
async def change(request: Request, name: str) -> Response:
    texts = account_forms.typed(await form_of(request))

    def make(connection: Connection, by: str, now_ms: int) -> None:
        agency, site = texts["agency"] or None, texts["site"] or None
        accounts.change(connection, name, _role(texts), agency=agency, site_id=site, by=by, now_ms=now_ms)

    try:
        await write(request, make)
    except NotAccepted as error:
        return await _account(request, name, texts, error.problems, status=400)
    except NotNow:  # of which the page says why
        return await _account(request, name, status=409)
    return RedirectResponse(address(_url(name), said="changed"), 303)


@router.post("/of/{name}/oidc")
async def name_person(request: Request, name: str) -> Response:
    """Who logs in to the account through the issuer. Whom it has already stays joined to it."""
    wanted = (await form_of(request)).get("oidc", "").strip()
    if not _issuer(request):
        raise NotThere("no issuer of OpenID Connect is set up; docs/oidc.md says how")

    def make(connection: Connection, by: str, now_ms: int) -> None:
        identities.change_person(connection, name, wanted or None, by=by, now_ms=now_ms)

    found, status = [], 400
    try:
        await write(request, make)
    except NotAccepted as error:
        found = list(error.problems)
    except NotNow as error:
        found, status = [_person_taken(error)], 409
    if not found:
        return RedirectResponse(address(_url(name), said="oidc"), 303)
    texts = account_forms.of_account((await run_in_threadpool(_seen, request, name)).account)
    return await _account(request, name, texts | {"oidc": wanted}, found, status=status)


def _person_taken(error: NotNow) -> Problem:
    return Problem("oidc", str(error), error.key, error.what)


@router.post("/of/{name}/link")
async def make_link(request: Request, name: str) -> Response:
    def make(connection: Connection, by: str, now_ms: int) -> tuple[str, int]:
        return accounts.link(connection, name, by=by, now_ms=now_ms), now_ms + LINK_LIFE_MS

    code, until_ms = await write(request, make)
    scheme = "https" if is_secure(request) else "http"
    link = f"{scheme}://{request.url.netloc}/login?code={code}"
    return await _account(request, name, link=link, link_until_ms=until_ms)


@router.post("/of/{name}/log-out")
async def log_out(request: Request, name: str) -> Response:
    await write(request, lambda db, by, now_ms: accounts.log_out_everywhere(db, name, by=by, now_ms=now_ms))
    return RedirectResponse(address(_url(name), said="logged_out"), 303)


@router.post("/of/{name}/tokens/{token}/revoke")
async def revoke_token(request: Request, name: str, token: str) -> Response:
    await write(request, lambda db, by, now_ms: accounts.revoke_token(db, name, token, by=by, now_ms=now_ms))
    return RedirectResponse(address(_url(name), said="token"), 303)


@router.get("/of/{name}/remove")
async def removal_page(request: Request, name: str, lang: LangChoice = None, theme: ThemeChoice = None) -> Response:
    if lang is not None or theme is not None:
        return remember(request, lang, theme, f"{_url(name)}/remove")
    return await _removal(request, name)


@router.post("/of/{name}/remove")
async def remove(request: Request, name: str) -> Response:
    try:
        await write(request, lambda db, by, now_ms: accounts.remove(db, name, by=by, now_ms=now_ms))
    except NotNow:  # of which the page says why
        return await _removal(request, name, 409)
    return RedirectResponse(address("/admin/users", said="removed"), 303)


@router.post("/of/{name}/revoke")
async def revoke(request: Request, name: str) -> Response:
    try:
        await write(request, lambda db, by, now_ms: accounts.revoke(db, name, by=by, now_ms=now_ms))
    except NotNow:
        return await _removal(request, name, 409)
    return RedirectResponse(address(_url(name), said="revoked"), 303)


async def _new(
    request: Request, texts: Mapping[str, str], found: list[Problem] | None = None, status: int = 200
) -> Response:
    _, sites = await run_in_threadpool(_all, request)
    words = _words(request)
    return await page(
        request,
        "admin_user_new.html",
        status=status,
        issuer=_issuer(request),
        **_form(sites, texts, found or [], words),
        **choices(request, "/admin/users/new"),
    )


async def _account(
    request: Request,
    name: str,
    texts: Mapping[str, str] | None = None,
    found: list[Problem] | None = None,
    *,
    status: int = 200,
    said: str = "",
    link: str = "",
    link_until_ms: int = 0,
) -> Response:
    seen = await run_in_threadpool(_seen, request, name)
    words, now_ms = _words(request), request.app.state.parts.now()
    return await page(
        request,
        "admin_user.html",
        status=status,
        one=seen.account,
        here=_url(name),
        own=name == request.state.account,
        kept=seen.kept,
        refused=status == 409 and not found,
        said=_said(said, words),
        sees=account_forms.sees(seen.account, seen.sites, words),
        ways=account_forms.ways_in(seen.account, _issuer(request), words),
        issuer=_issuer(request),
        last=account_forms.last(seen.account, words),
        tokens=account_forms.token_rows(seen.tokens, now_ms, words),
        link=link,
        link_until=f"{words.clock(link_until_ms)} {words.zone(link_until_ms)}" if link else "",
        **_form(seen.sites, texts or account_forms.of_account(seen.account), found or [], words),
        **choices(request, _url(name)),
    )


async def _removal(request: Request, name: str, status: int = 200) -> Response:
    seen = await run_in_threadpool(_seen, request, name)
    return await page(
        request,
        "admin_user_remove.html",
        status=status,
        one=seen.account,
        here=_url(name),
        own=name == request.state.account,
        kept=seen.kept,
        consequence=account_forms.removal(seen.account, _words(request)),
        **choices(request, f"{_url(name)}/remove"),
    )


def _form(sites: list[Site], texts: Mapping[str, str], found: list[Problem], words: Words) -> dict[str, Any]:
    """What the fields of role and reach need."""
    return {
        "texts": texts,
        "wrong": account_forms.wrong(found, words),
        "not_saved": bool(found),
        "roles": account_forms.roles(words),
        "agencies": account_forms.agencies(sites, texts["agency"], words),
        "site_choices": account_forms.places(sites, texts["site"], words),
        "longest": LONGEST_NAME,
        "longest_identity": LONGEST_IDENTITY,
    }


def _issuer(request: Request) -> str | None:
    """What people call the issuer by which they may log in."""
    oidc = request.app.state.parts.oidc
    return None if oidc is None else oidc.name


def _all(request: Request) -> tuple[list[Account], list[Site]]:
    parts: Parts = request.app.state.parts
    with parts.record.reading() as connection:
        return users.accounts(connection, parts.now()), _sites(connection)


def _seen(request: Request, name: str) -> Seen:
    """Raises NotThere."""
    parts: Parts = request.app.state.parts
    with parts.record.reading() as connection:
        return Seen(
            users.account_of(connection, name, parts.now()),
            accounts.tokens(connection, name),
            accounts.kept(connection, name, by=request.state.account),
            _sites(connection),
        )


def _sites(connection: Connection) -> list[Site]:
    return [
        site
        for name in site_ids(connection)
        if (site := load_site(connection, name, declared_from_ms=None)) is not None
    ]


def _role(texts: Mapping[str, str]) -> Role:
    """As it was given: the record says what is none."""
    return cast(Role, texts["role"])


def _said(said: str, words: Words) -> str:
    return words(f"admin.users.said.{said}") if said in _SAID else ""


def _words(request: Request) -> Words:
    return Words(preferences(request).lang, zone_of(request))


def _url(name: str) -> str:
    return f"/admin/users/of/{quote(name, safe='')}"
