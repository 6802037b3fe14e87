"""Who may see what: one table of rules, which a test walks along all routes, and one function that keeps it.

Reading needs a session (the cookie of a browser that used a one-time link) or a token (`Authorization: Bearer`). In the
demo it is open to this machine: a loopback client, nothing in between, and a loopback name in `Host`, for a page from
elsewhere can point a name of its own at 127.0.0.1.
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import Literal

from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request

from storage.record.users import Kind, who

Rule = Literal["open", "local", "reader"]

# "open": anybody; "local": this machine, or a reader; "reader": session, token, or the demo on this machine.
RULES: dict[str, Rule] = {
    "/healthz": "open",
    "/readyz": "open",
    "/metrics": "local",
    "/login": "open",
    "/logout": "open",
    "/static/{digest}/{name}": "open",
    "/": "reader",
    "/docs": "reader",
    "/openapi.json": "reader",
    "/api/v1/live": "reader",
    "/api/v1/live/stream": "reader",
    "/api/v1/alerts": "reader",
    "/api/v1/sites/{site}/outlets/{outlet}/why": "reader",
}

SESSION_COOKIE = "hadir_session"
_FORWARDING = ("forwarded", "x-forwarded-", "x-real-ip", "via")
_BEARER = "bearer "


def admit(request: Request) -> None:
    """Let the request pass, or raise 401. A route without a rule passes nobody.

    `request.state.account` becomes the account that asks, None where nobody needs to say who he is.
    """
    request.state.account = None
    rule = RULES.get(getattr(request.scope.get("route"), "path", ""))
    if rule == "open":
        return
    request.state.account = account_of(request)
    if request.state.account is not None:
        return
    if rule == "local" and is_local(request):
        return
    if rule == "reader" and request.app.state.parts.demo and is_local(request):
        return
    raise HTTPException(401, headers={"WWW-Authenticate": 'Bearer realm="hadir"'})


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
    given = request.headers.get("authorization", "")
    if given.lower().startswith(_BEARER):
        return _who(request, given[len(_BEARER) :].strip(), "token")
    if session := request.cookies.get(SESSION_COOKIE):
        return _who(request, session, "session")
    return None


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
