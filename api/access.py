"""Who may see what: one table of rules, which a test walks along all routes, and one function that keeps it.

Reading needs a session (the cookie of a browser that used a one-time link) or a token (`Authorization: Bearer`). In the
demo it is open to this machine: a loopback client, nothing in between, and a loopback name in `Host`, for a page from
elsewhere can point a name of its own at 127.0.0.1.

Changing something needs a login or a token, in the demo too. A browser sends its cookie also with what a page from
elsewhere makes it send; the header `X-Hadir-Request` no such page can add, for we allow no foreign origin to (CORS).
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import Literal

from sqlalchemy import Connection
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request

from presence.alerts.subjects import SubjectType
from storage.record.users import Kind, role_of, who

Rule = Literal["open", "local", "reader", "writer"]

# "open": anybody; "local": this machine, or a reader; "reader": session, token, or the demo on this machine; "writer":
# a session with the header that proves the page to be ours, or a token.
RULES: dict[str, Rule] = {
    "GET /healthz": "open",
    "GET /readyz": "open",
    "GET /metrics": "local",
    "GET /login": "open",
    "POST /logout": "open",
    "GET /static/{digest}/{name}": "open",
    "GET /": "reader",
    "GET /docs": "reader",
    "GET /openapi.json": "reader",
    "GET /api/v1/live": "reader",
    "GET /api/v1/live/stream": "reader",
    "GET /api/v1/alerts": "reader",
    "POST /api/v1/alerts/{alert}/acknowledge": "writer",
    "GET /api/v1/sites/{site}/absences": "reader",
    "POST /api/v1/sites/{site}/absences": "writer",
    "DELETE /api/v1/sites/{site}/absences/{number}": "writer",
    "GET /api/v1/sites/{site}/maintenance": "reader",
    "POST /api/v1/sites/{site}/maintenance": "writer",
    "DELETE /api/v1/sites/{site}/maintenance/{number}": "writer",
    "GET /api/v1/ledger": "reader",
    "GET /api/v1/sites/{site}/outlets/{outlet}/intervals": "reader",
    "GET /api/v1/sites/{site}/outlets/{outlet}/ledger": "reader",
    "GET /api/v1/sites/{site}/outlets/{outlet}/why": "reader",
}

SESSION_COOKIE = "hadir_session"
PROOF_HEADER = "x-hadir-request"
_FORWARDING = ("forwarded", "x-forwarded-", "x-real-ip", "via")
_BEARER = "bearer "
_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="hadir"'}
_NO_ACCOUNT = "changing something needs a login or a token, in the demo too; make one with `hadir user token`"
_NO_PROOF = "a login changes something only with the header X-Hadir-Request: 1; programs send a token"


def admit(request: Request) -> None:
    """Let the request pass, or raise 401, or 403 to a login without proof. A route without a rule passes nobody.

    `request.state.account` becomes the account that asks, None where nobody needs to say who he is. Raises 400 for an
    address with a NUL in it, which no text of a database can hold.
    """
    request.state.account = None
    if "\0" in request.url.path or b"%00" in request.scope["query_string"]:
        raise HTTPException(400, "the address holds a NUL character; leave it out")
    rule = RULES.get(f"{request.method} {getattr(request.scope.get('route'), 'path', '')}")
    if rule == "open":
        return
    request.state.account = account_of(request)
    if rule == "writer":
        _admit_writer(request)
        return
    if request.state.account is not None:
        return
    if rule == "local" and is_local(request):
        return
    if rule == "reader" and request.app.state.parts.demo and is_local(request):
        return
    raise HTTPException(401, headers=_CHALLENGE)


def _admit_writer(request: Request) -> None:
    if request.state.account is None:
        raise HTTPException(401, _NO_ACCOUNT, _CHALLENGE)
    if _token_of(request) is None and not request.headers.get(PROOF_HEADER):
        raise HTTPException(403, _NO_PROOF)


def may_act(connection: Connection, account: str, site: str, subject_type: SubjectType, subject: str) -> bool:
    """Whether `account` may answer for a subject of `site`: acknowledge its alerts, declare its absences, maintain it.

    Administrators may, everywhere; there are no other accounts yet.
    """
    return role_of(connection, account) == "administrator"


def is_local(request: HTTPConnection) -> bool:
    """Whether the request was made on this machine, by somebody who named it so, with no proxy in between."""
    if request.client is None or not _is_loopback(request.client.host):
        return False
    if any(name.startswith(_FORWARDING) for name in request.headers):
        return False
    return _is_loopback(_host_name(request.headers.get("host", "")))


def is_secure(request: HTTPConnection) -> bool:
    """Whether the browser speaks https, to us or to a proxy in front of us."""
    return request.url.scheme == "https" or request.headers.get("x-forwarded-proto") == "https"


def account_of(request: Request) -> str | None:
    """The account whose token or session the request bears; it may wait for the record."""
    if (token := _token_of(request)) is not None:
        return _who(request, token, "token")
    if session := request.cookies.get(SESSION_COOKIE):
        return _who(request, session, "session")
    return None


def _token_of(request: Request) -> str | None:
    given = request.headers.get("authorization", "")
    return given[len(_BEARER) :].strip() if given.lower().startswith(_BEARER) else None


def _who(request: Request, secret: str, kind: Kind) -> str | None:
    parts = request.app.state.parts
    with parts.record.reading() as connection:
        return who(connection, secret, kind, parts.now())


def _host_name(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]


def _is_loopback(host: str) -> bool:
    if host.lower() == "localhost":
        return True
    try:
        address = ip_address(host)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback
