"""Who may see and do what: one table of rules, which a test walks along all routes, and one function that keeps it.

Reading needs a session (the cookie of a browser that logged in) or a token (`Authorization: Bearer`). In the demo it is
open to this machine: a loopback client, nothing in between, and a loopback name in `Host`, for a page from elsewhere
can point a name of its own at 127.0.0.1.

Changing something needs a login or a token, in the demo too. A browser sends its cookie also with what a page from
elsewhere makes it send; the header `X-Hadir-Request` no such page can add, for we allow no foreign origin to (CORS). A
form without JavaScript sends the field `proof` in its place, which only pages of the same session hold.

A route says by its rule which roles pass; whose things they may see and touch there it asks of `Sight`.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import replace
from ipaddress import ip_address
from typing import Literal, NamedTuple

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request

from api.forms import form_of
from api.webhooks import SIGNATURE_HEADER
from presence.alerts.subjects import SubjectType
from presence.site import Site
from storage.record.users import ROLES, Asker, Kind, Role, asker

# "open": anybody; "local": this machine, or whoever may see; the others: a session or token of a role that may, and
# "see" also the demo on this machine. What changes something needs a token, or the header that proves a page ours.
Rule = Literal["open", "local", "self", "see", "answer", "maintain", "register", "administer", "device"]

# "self": what concerns the own account alone; "see": the live state, the record; "answer": acknowledge alerts, declare
# absences; "maintain": sensors and gateways; "register": outlets, agencies, contacts; "administer": accounts, audit.
# "device": what machines send; a signature in place of a login or token passes to the route, which checks it.
ROLES_OF: dict[Rule, frozenset[Role]] = {
    "self": frozenset(ROLES),
    "see": frozenset(ROLES),
    "answer": frozenset(("administrator", "facility_manager", "agency")),
    "maintain": frozenset(("administrator", "facility_manager", "technician")),
    "register": frozenset(("administrator", "facility_manager")),
    "administer": frozenset(("administrator",)),
    "device": frozenset(("administrator", "facility_manager", "technician")),
}

RULES: dict[str, Rule] = {
    "GET /healthz": "open",
    "GET /readyz": "open",
    "GET /metrics": "local",
    "GET /login": "open",
    "POST /login": "open",
    "GET /login/oidc": "open",
    "GET /login/oidc/back": "open",
    "POST /logout": "open",
    "GET /account": "self",
    "POST /account/password": "self",
    "POST /account/log-out-everywhere": "self",
    "POST /account/tokens": "self",
    "POST /account/tokens/{token}/revoke": "self",
    "GET /api/v1/users": "administer",
    "POST /api/v1/users": "administer",
    "PATCH /api/v1/users/{name}": "administer",
    "DELETE /api/v1/users/{name}": "administer",
    "PUT /api/v1/users/{name}/role": "administer",
    "POST /api/v1/users/{name}/link": "administer",
    "POST /api/v1/users/{name}/log-out": "administer",
    "POST /api/v1/users/{name}/revoke": "administer",
    "GET /api/v1/users/{name}/tokens": "self",
    "POST /api/v1/users/{name}/tokens": "self",
    "DELETE /api/v1/users/{name}/tokens/{token}": "self",
    "GET /static/{digest}/{name}": "open",
    "GET /public": "open",
    "GET /public/board": "open",
    "GET /api/v1/public": "open",
    "OPTIONS /api/v1/public": "open",
    "GET /": "see",
    "GET /sidak": "see",
    "GET /sidak/{ticket}": "open",  # the ticket is a secret, and opens one site
    "GET /api/v1/sidak": "see",
    "GET /sidak/links": "register",
    "POST /sidak/links": "register",
    "POST /sidak/links/{link}/revoke": "register",
    "GET /api/v1/sidak/links": "register",
    "POST /api/v1/sidak/links": "register",
    "DELETE /api/v1/sidak/links/{link}": "register",
    "GET /sites/{site}/outlets/{outlet}": "see",
    "POST /sites/{site}/outlets/{outlet}/maintenance": "maintain",
    "POST /sites/{site}/outlets/{outlet}/maintenance/end": "maintain",
    "GET /api/v1/sites/{site}/outlets/{outlet}/readings": "see",
    "GET /agency": "see",
    "POST /agency/acknowledge": "answer",
    "POST /agency/absence": "answer",
    "POST /agency/undo": "answer",
    "POST /agency/substitute": "answer",
    "POST /agency/contest": "answer",
    "POST /agency/decide": "register",
    "GET /plans/{name}": "see",
    "GET /docs": "see",
    "GET /openapi.json": "see",
    "GET /api/v1/live": "see",
    "GET /api/v1/live/stream": "see",
    "GET /api/v1/alerts": "see",
    "POST /api/v1/alerts/{alert}/acknowledge": "answer",
    "GET /api/v1/sites/{site}/absences": "see",
    "POST /api/v1/sites/{site}/absences": "answer",
    "DELETE /api/v1/sites/{site}/absences/{number}": "answer",
    "GET /api/v1/sites/{site}/maintenance": "see",
    "POST /api/v1/sites/{site}/maintenance": "maintain",
    "DELETE /api/v1/sites/{site}/maintenance/{number}": "maintain",
    "GET /api/v1/sites/{site}/contests": "see",
    "POST /api/v1/sites/{site}/contests": "answer",
    "POST /api/v1/sites/{site}/contests/{number}/decision": "register",
    "GET /api/v1/ledger": "see",
    "GET /api/v1/sites/{site}/outlets/{outlet}/intervals": "see",
    "GET /api/v1/sites/{site}/outlets/{outlet}/ledger": "see",
    "GET /api/v1/sites/{site}/outlets/{outlet}/why": "see",
    "POST /api/v1/sites": "administer",
    "GET /api/v1/sites/{site}": "see",
    "PATCH /api/v1/sites/{site}": "register",
    "GET /api/v1/sites/{site}/outlets": "see",
    "POST /api/v1/sites/{site}/outlets": "register",
    "GET /api/v1/sites/{site}/outlets/{outlet}": "see",
    "PATCH /api/v1/sites/{site}/outlets/{outlet}": "register",
    "DELETE /api/v1/sites/{site}/outlets/{outlet}": "register",
    "GET /api/v1/sites/{site}/outlets/{outlet}/sensors": "see",
    "POST /api/v1/sites/{site}/outlets/{outlet}/sensors": "maintain",
    "GET /api/v1/sites/{site}/outlets/{outlet}/sensors/{sensor}": "see",
    "PATCH /api/v1/sites/{site}/outlets/{outlet}/sensors/{sensor}": "maintain",
    "DELETE /api/v1/sites/{site}/outlets/{outlet}/sensors/{sensor}": "maintain",
    "GET /api/v1/sites/{site}/agencies": "see",
    "POST /api/v1/sites/{site}/agencies": "register",
    "GET /api/v1/sites/{site}/agencies/{agency}": "see",
    "PATCH /api/v1/sites/{site}/agencies/{agency}": "register",
    "DELETE /api/v1/sites/{site}/agencies/{agency}": "register",
    "GET /api/v1/sites/{site}/agencies/{agency}/contacts": "see",
    "POST /api/v1/sites/{site}/agencies/{agency}/contacts": "register",
    "GET /api/v1/sites/{site}/agencies/{agency}/contacts/{contact}": "see",
    "PATCH /api/v1/sites/{site}/agencies/{agency}/contacts/{contact}": "register",
    "DELETE /api/v1/sites/{site}/agencies/{agency}/contacts/{contact}": "register",
    "GET /api/v1/sites/{site}/agencies/{agency}/substitutes": "see",
    "POST /api/v1/sites/{site}/agencies/{agency}/substitutes": "answer",
    "DELETE /api/v1/sites/{site}/agencies/{agency}/substitutes/{number}": "answer",
    "GET /api/v1/sites/{site}/contacts": "see",
    "POST /api/v1/sites/{site}/contacts": "register",
    "GET /api/v1/sites/{site}/contacts/{contact}": "see",
    "PATCH /api/v1/sites/{site}/contacts/{contact}": "register",
    "DELETE /api/v1/sites/{site}/contacts/{contact}": "register",
    "GET /api/v1/sites/{site}/duties": "see",
    "POST /api/v1/sites/{site}/duties": "register",
    "GET /api/v1/sites/{site}/duties/{duty}": "see",
    "PATCH /api/v1/sites/{site}/duties/{duty}": "register",
    "DELETE /api/v1/sites/{site}/duties/{duty}": "register",
    "GET /api/v1/sites/{site}/rules": "see",
    "PATCH /api/v1/sites/{site}/rules": "register",
    "GET /api/v1/inbox": "maintain",
    "POST /api/v1/inbox/claim": "maintain",
    "GET /admin": "maintain",
    "GET /admin/users": "administer",
    "GET /admin/users/new": "administer",
    "POST /admin/users/new": "administer",
    "GET /admin/users/of/{name}": "administer",
    "POST /admin/users/of/{name}": "administer",
    "POST /admin/users/of/{name}/oidc": "administer",
    "POST /admin/users/of/{name}/link": "administer",
    "POST /admin/users/of/{name}/log-out": "administer",
    "POST /admin/users/of/{name}/tokens/{token}/revoke": "administer",
    "GET /admin/users/of/{name}/remove": "administer",
    "POST /admin/users/of/{name}/remove": "administer",
    "POST /admin/users/of/{name}/revoke": "administer",
    "GET /admin/sites": "administer",
    "POST /admin/sites": "administer",
    "GET /admin/sites/{site}": "register",
    "POST /admin/sites/{site}": "register",
    "POST /admin/sites/{site}/inbox": "maintain",
    "GET /admin/sites/{site}/outlets": "register",
    "POST /admin/sites/{site}/outlets": "register",
    "GET /admin/sites/{site}/outlets/{outlet}": "maintain",
    "POST /admin/sites/{site}/outlets/{outlet}": "register",
    "GET /admin/sites/{site}/outlets/{outlet}/remove": "register",
    "POST /admin/sites/{site}/outlets/{outlet}/remove": "register",
    "GET /admin/sites/{site}/outlets/{outlet}/sensors": "maintain",
    "POST /admin/sites/{site}/outlets/{outlet}/sensors": "maintain",
    "GET /admin/sites/{site}/outlets/{outlet}/sensors/{sensor}": "maintain",
    "POST /admin/sites/{site}/outlets/{outlet}/sensors/{sensor}": "maintain",
    "GET /admin/sites/{site}/outlets/{outlet}/sensors/{sensor}/remove": "maintain",
    "POST /admin/sites/{site}/outlets/{outlet}/sensors/{sensor}/remove": "maintain",
    "GET /admin/sites/{site}/agencies": "register",
    "POST /admin/sites/{site}/agencies": "register",
    "GET /admin/sites/{site}/agencies/{agency}": "register",
    "POST /admin/sites/{site}/agencies/{agency}": "register",
    "GET /admin/sites/{site}/agencies/{agency}/remove": "register",
    "POST /admin/sites/{site}/agencies/{agency}/remove": "register",
    "GET /admin/sites/{site}/agencies/{agency}/contacts": "register",
    "POST /admin/sites/{site}/agencies/{agency}/contacts": "register",
    "GET /admin/sites/{site}/agencies/{agency}/contacts/{contact}": "register",
    "POST /admin/sites/{site}/agencies/{agency}/contacts/{contact}": "register",
    "GET /admin/sites/{site}/agencies/{agency}/contacts/{contact}/remove": "register",
    "POST /admin/sites/{site}/agencies/{agency}/contacts/{contact}/remove": "register",
    "GET /admin/sites/{site}/contacts": "register",
    "POST /admin/sites/{site}/contacts": "register",
    "GET /admin/sites/{site}/contacts/{contact}": "register",
    "POST /admin/sites/{site}/contacts/{contact}": "register",
    "GET /admin/sites/{site}/contacts/{contact}/remove": "register",
    "POST /admin/sites/{site}/contacts/{contact}/remove": "register",
    "GET /admin/sites/{site}/days": "register",
    "POST /admin/sites/{site}/days": "register",
    "POST /admin/sites/{site}/days/remove": "register",
    "GET /admin/sites/{site}/rules": "register",
    "POST /admin/sites/{site}/rules": "register",
    "GET /admin/sites/{site}/duties": "register",
    "POST /admin/sites/{site}/duties": "register",
    "GET /admin/sites/{site}/duties/{duty}": "register",
    "POST /admin/sites/{site}/duties/{duty}": "register",
    "GET /admin/sites/{site}/duties/{duty}/remove": "register",
    "POST /admin/sites/{site}/duties/{duty}/remove": "register",
    "GET /api/v1/sites/{site}/export/{table}.{form}": "see",
    "POST /api/v1/sites/{site}/webhook/{kind}": "device",
}

SESSION_COOKIE = "hadir_session"
PROOF_HEADER = "x-hadir-request"
PROOF_FIELD = "proof"
_FORWARDING = ("forwarded", "x-forwarded-", "x-real-ip", "via")
_BEARER = "bearer "
_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="hadir"'}
_NO_ACCOUNT = "changing something needs a login or a token, in the demo too; make one with `hadir user token`"
_NO_READING = "reading needs a login or a token: Authorization: Bearer …; make one with `hadir user token`"
_NO_PROOF = (
    "a login changes something only with the header X-Hadir-Request: 1, or the field proof of a form of ours; "
    "programs send a token"
)


class Sight(NamedTuple):
    """What somebody sees: the sites and outlets of `agency` at `site`; None: of all. So it is what may be touched."""

    agency: str | None = None
    site: str | None = None

    def sees_site(self, site: Site) -> bool:
        """Whether something of `site` is seen."""
        if self.site is not None and self.site != site.id:
            return False
        return self.agency is None or any(outlet.agency == self.agency for outlet in site.outlets)

    def sees_outlet(self, site: Site, outlet: str) -> bool:
        """Whether the outlet is one of those; to whoever sees all of a site also one that there is not."""
        if self.agency is None:
            return self.sees_site(site)
        return self.sees_site(site) and any(one.id == outlet and one.agency == self.agency for one in site.outlets)

    def part_of(self, site: Site) -> Site:
        """What is seen of `site`, as a site: an agency's outlets and duties, and what is declared of them."""
        if self.agency is None:
            return site
        outlets = tuple(one for one in site.outlets if one.agency == self.agency)
        ids = {one.id for one in outlets}
        return replace(
            site,
            gateways=(),
            contacts=(),
            agencies=tuple(one for one in site.agencies if one.id == self.agency),
            outlets=outlets,
            duties=tuple(one for one in site.duties if ids.issuperset(one.outlets)),
            absences=tuple(one for one in site.absences if one.outlet in ids),
            maintenance=tuple(one for one in site.maintenance if one.outlet in ids),
            substitutes=tuple(one for one in site.substitutes if one.agency == self.agency),
        )

    def of_sites(self, sites: Mapping[str, Site]) -> dict[str, Site]:
        """What is seen of each of `sites` of which anything is."""
        return {site_id: self.part_of(site) for site_id, site in sites.items() if self.sees_site(site)}

    def sees_device(self, site: str) -> bool:
        """Whether a device that nobody claimed may be of what is seen. `site`: which its topics name, "" if none."""
        return self.site is None or site in ("", self.site)

    def sees_subject(self, site: Site, subject_type: SubjectType, subject: str) -> bool:
        """Whether what an alert speaks of is seen: sensors, gateways and the site itself are nothing of an agency's."""
        if self.agency is None:
            return self.sees_site(site)
        if subject_type == "outlet":
            return self.sees_outlet(site, subject)
        duty = next((one for one in site.duties if subject_type == "duty" and one.id == subject), None)
        return duty is not None and all(self.sees_outlet(site, outlet) for outlet in duty.outlets)


EVERYTHING = Sight()


def sight_of(request: Request) -> Sight:
    """What whoever asks sees; everything where nobody needs to say who he is."""
    who: Asker | None = request.state.who
    return Sight() if who is None else Sight(who.agency, who.site)


def may_phone(request: Request) -> bool:
    """Whether telephones are shown: whoever may answer for an outlet may call those who should be there.

    The demo's people are invented. Whom a link alone lets in is asked of nobody: his page shows none.
    """
    who: Asker | None = request.state.who
    return who is None or who.role in ROLES_OF["answer"]


def may_give_channels(request: Request) -> bool:
    """Whether whoever asks decides where this machine sends to: a channel may name any host, and any secret of it."""
    return request.state.who is not None and request.state.who.role in ROLES_OF["register"]


async def admit(request: Request) -> None:
    """Let the request pass, or raise 401, or 403 to who may not. A route without a rule passes nobody.

    `request.state.who` becomes who asks, and `request.state.account` his name; None where nobody needs to say that.
    Raises 400 for an address with a NUL in it, which no text of a database can hold.
    """
    request.state.who = request.state.account = None
    if "\0" in request.url.path or b"%00" in request.scope["query_string"]:
        raise HTTPException(400, "the address holds a NUL character; leave it out")
    rule = RULES.get(f"{request.method} {getattr(request.scope.get('route'), 'path', '')}")
    if rule == "open" or (rule == "device" and is_signed(request)):
        return
    who = request.state.who = await run_in_threadpool(asker_of, request)
    if who is None:
        # Who shows a token means to be somebody: a wrong one is told, not taken for a guest's.
        guest = request.method == "GET" and _token_of(request) is None
        demo = rule == "see" and request.app.state.parts.demo and guest
        if (demo or rule == "local") and is_local(request):
            return
        raise HTTPException(401, _NO_ACCOUNT if request.method != "GET" else _NO_READING, _CHALLENGE)
    request.state.account = who.name
    if rule is None or (rule != "local" and who.role not in ROLES_OF[rule]):
        raise HTTPException(403, f"an account of the role {who.role} may not do this")
    if request.method != "GET":
        await _admit_change(request, who)


async def _admit_change(request: Request, who: Asker) -> None:
    if who.scope != "write":
        raise HTTPException(403, "this token may read alone; make one with the scope write")
    if _token_of(request) is not None or request.headers.get(PROOF_HEADER):
        return
    if not _is_proof((await form_of(request)).get(PROOF_FIELD, ""), request.cookies[SESSION_COOKIE]):
        raise HTTPException(403, _NO_PROOF)


def proof_of(request: Request) -> str:
    """What the forms of a page hold to show that they are of the reader's session; "" without one.

    Another one for each page: compressed beside what a stranger chose, one that stays could be found out by its length.
    """
    session = request.cookies.get(SESSION_COOKIE)
    return "" if not session else _proof(secrets.token_hex(8), session)


def _proof(salt: str, session: str) -> str:
    return f"{salt}.{hmac.new(session.encode(), f'form {salt}'.encode(), hashlib.sha256).hexdigest()}"


def _is_proof(given: str, session: str) -> bool:
    return hmac.compare_digest(_proof(given.partition(".")[0], session).encode(), given.encode())


def address_of(request: HTTPConnection) -> str:
    """Where the request comes from: what a proxy on this machine says, if one is in front of us."""
    client = "" if request.client is None else request.client.host
    forwarded = request.headers.get("x-forwarded-for", "").rpartition(",")[2].strip()
    return forwarded if forwarded and client and _is_loopback(client) else client


def is_from_elsewhere(request: HTTPConnection) -> bool:
    """Whether the browser says that a page of somebody else sends this."""
    return request.headers.get("sec-fetch-site", "none") not in ("none", "same-origin")


def is_signed(request: Request) -> bool:
    """Whether the request bears a signature, and no token that would speak for it."""
    return SIGNATURE_HEADER in request.headers and _token_of(request) is None


def is_local(request: HTTPConnection) -> bool:
    """Whether the request was made on this machine, by somebody who named it so, with no proxy in between."""
    if request.client is None or not _is_loopback(request.client.host):
        return False
    if any(name.startswith(_FORWARDING) for name in request.headers):
        return False
    return names_this_machine(request)


def names_this_machine(request: HTTPConnection) -> bool:
    """Whether the address by which we are asked leads, from anywhere, to whoever uses it."""
    return _is_loopback(_host_name(request.headers.get("host", "")))


def is_secure(request: HTTPConnection) -> bool:
    """Whether the browser speaks https, to us or to a proxy in front of us."""
    return request.url.scheme == "https" or request.headers.get("x-forwarded-proto") == "https"


def asker_of(request: Request) -> Asker | None:
    """Whose token or session the request bears; it may wait for the record."""
    if (token := _token_of(request)) is not None:
        return _asker(request, token, "token")
    if session := request.cookies.get(SESSION_COOKIE):
        return _asker(request, session, "session")
    return None


def _token_of(request: Request) -> str | None:
    given = request.headers.get("authorization", "")
    return given[len(_BEARER) :].strip() if given.lower().startswith(_BEARER) else None


def _asker(request: Request, secret: str, kind: Kind) -> Asker | None:
    parts = request.app.state.parts
    with parts.record.reading() as connection:
        return asker(connection, secret, kind, parts.now())


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
