"""Accounts and their tokens: for the administrator, and for everybody his own tokens."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, Field
from sqlalchemy import Connection
from starlette.responses import JSONResponse, Response

from api.fields import BODY, Instant
from api.paging import Cursor, Limit, page
from api.parts import Parts
from api.writing import write_here
from presence.instants import rfc3339, rfc3339_or_none
from storage.record import accounts, identities, users
from storage.record.accounts import LONGEST_NAME, Token
from storage.record.identities import LONGEST_IDENTITY
from storage.record.refusals import NotThere
from storage.record.users import Account, Role, Scope, account_of

router = APIRouter(prefix="/api/v1/users", tags=["accounts"])

Name = Annotated[str, Path(description="The account's name.")]
TokenId = Annotated[str, Path(description="The token's `id`, as the list has it.")]

_ACCOUNT: dict[str, Any] = {
    "name": "loket-dukcapil",
    "role": "agency",
    "agency": "disdukcapil",
    "site": "mpp-contoh",
    "made": "2026-11-24T03:42:07.000Z",
    "password": True,
    "oidc": "ani@dinas.example",
    "oidc_joined": True,
    "sessions": 1,
    "tokens": 0,
    "logged_in": "2026-11-24T03:42:07.000Z",
}
_TOKEN: dict[str, Any] = {
    "id": "4f0c2d6b9a1e",
    "label": "layar lobi",
    "scope": "read",
    "made": "2026-11-24T03:42:07.000Z",
    "expires": "2027-11-24T03:42:07.000Z",
}


_OIDC = "Who logs in to it by OpenID Connect: a verified e-mail, a user name, or `sub:` and the subject."


def _said(status: int, what: str, example: dict[str, Any] | None, **others: str) -> dict[int | str, dict[str, Any]]:
    """What a route answers, for the description of the API. `others`: by `_404` and the like."""
    done: dict[str, Any] = {"description": what}
    if example is not None:
        done["content"] = {"application/json": {"example": example}}
    answers: dict[int | str, dict[str, Any]] = {status: done}
    return answers | {int(name[1:]): {"description": says} for name, says in others.items()}


class NewAccount(BaseModel):
    """An account as an administrator makes it."""

    model_config = BODY | {
        "json_schema_extra": {
            "examples": [
                {"name": "loket-dukcapil", "role": "agency", "agency": "disdukcapil", "site": "mpp-contoh"},
            ]
        }
    }

    name: str = Field(description="Under which everything that is done with it is kept.", max_length=LONGEST_NAME)
    role: Role = Field(description="What it may do.")
    agency: str | None = Field(None, description="Of the role `agency`: whose outlets it sees, and no others.")
    site: str | None = Field(None, description="The one site that it sees; all of them when left out.")
    oidc: str | None = Field(None, description=_OIDC, max_length=LONGEST_IDENTITY)


class Reach(BaseModel):
    """What an account may do, and where."""

    model_config = BODY | {"json_schema_extra": {"examples": [{"role": "technician", "site": "mpp-contoh"}]}}

    role: Role = Field(description="What it may do.")
    agency: str | None = Field(None, description="Of the role `agency`: whose outlets it sees, and no others.")
    site: str | None = Field(None, description="The one site that it sees; all of them when left out.")


class Changed(BaseModel):
    """What of an account is changed besides its reach."""

    model_config = BODY | {"json_schema_extra": {"examples": [{"oidc": "ani@dinas.example"}, {"oidc": None}]}}

    oidc: str | None = Field(
        description=f"{_OIDC} Null: nobody any more.",
        max_length=LONGEST_IDENTITY,
    )


class NewToken(BaseModel):
    """A token as its owner wants it."""

    model_config = BODY | {"json_schema_extra": {"examples": [{"label": "layar lobi", "scope": "read"}]}}

    label: str = Field("", description="What it is for, shown in the lists.", max_length=LONGEST_NAME)
    scope: Scope = Field("read", description="`read`, or `write` to change what its account may change.")
    expires: Instant | None = Field(
        None, description="RFC 3339: until when it holds; until it is revoked when left out."
    )


@router.get(
    "",
    summary="The accounts by name",
    description="Further ones are where the `Link` header leads.",
    responses=_said(200, "The accounts.", {"users": [_ACCOUNT]}),
)
def list_accounts(request: Request, limit: Limit = 1000, cursor: Cursor = None) -> Response:
    parts: Parts = request.app.state.parts
    with parts.record.reading() as connection:
        found = users.accounts(connection, parts.now())
    # A database orders letters by its own language.
    found.sort(key=lambda one: one.name)
    shown, link = page(request, found, lambda one: (one.name,), (str,), limit=limit, cursor=cursor)
    return JSONResponse({"users": [_account_json(one) for one in shown]}, headers=link)


@router.post(
    "",
    status_code=201,
    summary="Make an account",
    description="It has no password and no token yet: give its owner a one-time link, or make a token.",
    responses=_said(
        201,
        "The account.",
        {"user": _ACCOUNT},
        _400="A field is wrong, or missing.",
        _409="The name is taken, or another account has that person.",
    ),
)
def make_account(request: Request, account: NewAccount) -> Response:
    def make(db: Connection, by: str, now_ms: int) -> Account:
        reach = {"agency": account.agency, "site_id": account.site, "identity": account.oidc}
        accounts.add(db, account.name, account.role, **reach, by=by, now_ms=now_ms)
        return account_of(db, account.name, now_ms)

    return JSONResponse({"user": _account_json(write_here(request, make))}, 201)


@router.put(
    "/{name}/role",
    summary="Give an account another role, agency or site",
    description="It holds at once, also for who is logged in. What is left out is none.",
    responses=_said(
        200,
        "The account.",
        {"user": _ACCOUNT},
        _400="A field is wrong, or missing.",
        _404="There is no such account.",
        _409="It is the last administrator, or one's own.",
    ),
)
def change_role(request: Request, name: Name, reach: Reach) -> Response:
    def change(db: Connection, by: str, now_ms: int) -> Account:
        accounts.change(db, name, reach.role, agency=reach.agency, site_id=reach.site, by=by, now_ms=now_ms)
        return account_of(db, name, now_ms)

    return JSONResponse({"user": _account_json(write_here(request, change))})


@router.patch(
    "/{name}",
    summary="Name another person who logs in to an account by OpenID Connect, or none",
    description="That ends the sessions of the account; who is named already stays joined to it, and logged in.",
    responses=_said(
        200,
        "The account.",
        {"user": _ACCOUNT | {"oidc_joined": False, "sessions": 0}},
        _400="A field is wrong, or missing.",
        _404="There is no such account.",
        _409="Another account has that person.",
    ),
)
def change_account(request: Request, name: Name, wanted: Changed) -> Response:
    def change(db: Connection, by: str, now_ms: int) -> Account:
        identities.change_person(db, name, wanted.oidc, by=by, now_ms=now_ms)
        return account_of(db, name, now_ms)

    return JSONResponse({"user": _account_json(write_here(request, change))})


@router.delete(
    "/{name}",
    status_code=204,
    summary="Remove an account, with its sessions, links and tokens",
    description="What was done with it stays under its name.",
    responses=_said(
        204, "It is gone.", None, _404="There is no such account.", _409="It is the last administrator, or one's own."
    ),
)
def remove_account(request: Request, name: Name) -> Response:
    write_here(request, lambda db, by, now_ms: accounts.remove(db, name, by=by, now_ms=now_ms))
    return Response(status_code=204)


@router.post(
    "/{name}/link",
    status_code=201,
    summary="A one-time link that logs its owner in; it holds for an hour",
    description="To be given to the owner of the account, who then chooses a password. It opens once.",
    responses=_said(
        201,
        "Where it leads, and until when.",
        {"path": "/login?code=…", "expires": "2026-11-24T04:42:07.000Z"},
        _404="There is no such account.",
    ),
)
def make_link(request: Request, name: Name) -> Response:
    def make(db: Connection, by: str, now_ms: int) -> tuple[str, int]:
        return accounts.link(db, name, by=by, now_ms=now_ms), now_ms + users.LINK_LIFE_MS

    code, until_ms = write_here(request, make)
    return JSONResponse({"path": f"/login?code={code}", "expires": rfc3339(until_ms)}, 201)


@router.post(
    "/{name}/log-out",
    summary="Log an account out of all browsers; its tokens stay",
    description="Who knows its password logs in again.",
    responses=_said(200, "How many sessions there were.", {"sessions": 2}, _404="There is no such account."),
)
def log_out_everywhere(request: Request, name: Name) -> Response:
    count = write_here(request, lambda db, by, now_ms: accounts.log_out_everywhere(db, name, by=by, now_ms=now_ms))
    return JSONResponse({"sessions": count})


@router.post(
    "/{name}/revoke",
    summary="Take back all that opens an account: sessions, links, tokens, its password, its log-in by OpenID Connect",
    description="The account stays; a one-time link lets its owner in again.",
    responses=_said(
        200,
        "How many sessions, links and tokens there were.",
        {"revoked": 3},
        _404="There is no such account.",
        _409="It is one's own.",
    ),
)
def revoke_account(request: Request, name: Name) -> Response:
    count = write_here(request, lambda db, by, now_ms: accounts.revoke(db, name, by=by, now_ms=now_ms))
    return JSONResponse({"revoked": count})


@router.get(
    "/{name}/tokens",
    summary="The tokens of an account, oldest first",
    description="Everybody sees his own, administrators those of all. Further ones are where the `Link` header leads.",
    responses=_said(200, "The tokens, without their secrets.", {"tokens": [_TOKEN]}, _404="There is no such account."),
)
def list_tokens(request: Request, name: Name, limit: Limit = 1000, cursor: Cursor = None) -> Response:
    parts: Parts = request.app.state.parts
    _check_own(request, name)
    with parts.record.reading() as connection:
        found = accounts.tokens(connection, name)
    shown, link = page(request, found, lambda one: (one.made_ms, one.id), (int, str), limit=limit, cursor=cursor)
    return JSONResponse({"tokens": [_token_json(one) for one in shown]}, headers=link)


@router.post(
    "/{name}/tokens",
    status_code=201,
    summary="Make a token; its secret is told this once",
    description="Everybody makes his own, administrators those of all. It may what its account may, or read alone.",
    responses=_said(
        201,
        "The token, and its secret.",
        {"secret": "…", "token": _TOKEN},
        _400="A field is wrong.",
        _404="There is no such account.",
    ),
)
def make_token(request: Request, name: Name, token: NewToken) -> Response:
    _check_own(request, name)

    def make(db: Connection, by: str, now_ms: int) -> tuple[str, Token]:
        label, scope, expires_ms = token.label, token.scope, token.expires
        return accounts.token(db, name, label, scope=scope, expires_ms=expires_ms, by=by, now_ms=now_ms)

    secret, made = write_here(request, make)
    return JSONResponse({"secret": secret, "token": _token_json(made)}, 201)


@router.delete(
    "/{name}/tokens/{token}",
    status_code=204,
    summary="Take a token back",
    description="At once. Everybody takes back his own, administrators those of all.",
    responses=_said(204, "It opens nothing any more.", None, _404="There is no such account, or token."),
)
def revoke_token(request: Request, name: Name, token: TokenId) -> Response:
    _check_own(request, name)
    write_here(request, lambda db, by, now_ms: accounts.revoke_token(db, name, token, by=by, now_ms=now_ms))
    return Response(status_code=204)


def _check_own(request: Request, name: str) -> None:
    """Raise 404 for another's account, unless an administrator asks: there might as well be none."""
    who: users.Asker = request.state.who
    if who.role != "administrator" and who.name != name:
        raise NotThere(f'no account "{name}"')


def _account_json(account: Account) -> dict[str, Any]:
    return {
        "name": account.name,
        "role": account.role,
        "agency": account.agency,
        "site": account.site,
        "made": rfc3339(account.made_ms),
        "password": account.has_password,
        "oidc": account.identity,
        "oidc_joined": account.joined,
        "sessions": account.sessions,
        "tokens": len(account.tokens),
        "logged_in": rfc3339_or_none(account.logged_in_ms),
    }


def _token_json(token: Token) -> dict[str, Any]:
    return {
        "id": token.id,
        "label": token.label,
        "scope": token.scope,
        "made": rfc3339(token.made_ms),
        "expires": rfc3339_or_none(token.expires_ms),
    }
