"""Who may do what, and to whose things: every role on every route, on its own, on others' and on what there is not.

The routes are the application's: one without a rule, or without an expectation here, fails.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import pytest

from api.access import RULES
from presence.alerts.life import Alert
from presence.instants import rfc3339
from presence.site import Absence, Agency, Contact, Gateway, Maintenance, Substitute
from storage.record import accounts
from storage.record.alerts import StoredAlert, put
from storage.record.declarations import declare
from storage.record.substitutes import name_substitute
from storage.record.users import Role, make_account, make_token
from tests.builders import outlet, site
from tests.fixtures.mall import MINUTE, NOW
from tests.fixtures.web import Browser, Web

HOUR = 60 * MINUTE
PASSWORD = "empat kata yang panjang"
EVERYBODY = "administrator facility_manager agency technician viewer"
MANAGERS = "administrator facility_manager"
ANSWERING, MAINTAINING = f"{MANAGERS} agency", f"{MANAGERS} technician"


class Actor(NamedTuple):
    """An account; `sees_all`: nothing is foreign to it."""

    role: Role
    agency: str | None = None
    site: str | None = None

    @property
    def sees_all(self) -> bool:
        return self.agency is None and self.site is None


ACTORS = (
    Actor("administrator"),
    Actor("facility_manager"),
    Actor("facility_manager", site="balai"),
    Actor("technician", site="balai"),
    Actor("viewer"),
    Actor("viewer", site="balai"),
    Actor("agency", agency="dinas"),
    Actor("agency", agency="dinas", site="balai"),
)


class Case(NamedTuple):
    """One route: whom it lets pass, and what it is asked. `own`, `foreign`, `unknown`: values for the address and body;
    `foreign`: at another site, as `nowhere`; `other`: of another agency, as `unknown`. Without them it speaks of
    nobody's things.
    """

    roles: str
    own: dict[str, str] | None = None
    foreign: dict[str, str] | None = None
    other: dict[str, str] | None = None
    unknown: dict[str, str] | None = None
    nowhere: dict[str, str] | None = None
    body: dict[str, Any] | None = None
    form: dict[str, str] | None = None


OUTLETS: dict[str, Any] = {
    "own": {"site": "balai", "outlet": "a-1"},
    "foreign": {"site": "jauh", "outlet": "c-1"},
    "other": {"site": "balai", "outlet": "b-1"},
    "unknown": {"site": "balai", "outlet": "z-9"},
    "nowhere": {"site": "entah", "outlet": "z-9"},
}
SITES: dict[str, Any] = {"own": {"site": "balai"}, "foreign": {"site": "jauh"}, "unknown": {"site": "entah"}}
ALERTS: dict[str, Any] = {
    "own": {"alert": "own"}, "foreign": {"alert": "far"}, "other": {"alert": "other"}, "unknown": {"alert": "none"},
}  # fmt: skip
NUMBERS: dict[str, Any] = {
    "own": {"site": "balai", "number": "1"}, "foreign": {"site": "jauh", "number": "3"},
    "other": {"site": "balai", "number": "2"}, "unknown": {"site": "balai", "number": "77"},
    "nowhere": {"site": "entah", "number": "77"},
}  # fmt: skip
AGENCIES: dict[str, Any] = {
    "own": {"site": "balai", "agency": "dinas", "number": "1"},
    "foreign": {"site": "jauh", "agency": "lain", "number": "3"},
    "other": {"site": "balai", "agency": "lain", "number": "2"},
    "unknown": {"site": "balai", "agency": "z-9", "number": "77"},
    "nowhere": {"site": "entah", "agency": "z-9", "number": "77"},
}
USERS: dict[str, Any] = {"own": {"name": "me"}, "foreign": {"name": "somebody"}, "unknown": {"name": "nobody"}}
TO = rfc3339(NOW + HOUR)
ABSENCE = {"outlet": "{outlet}", "to": TO, "reason": "sick"}

# Of these the tests of their pages say what is own and what is foreign; here only whom they let pass.
ROLES_ALONE: dict[str, str] = {
    **dict.fromkeys(
        (
            "GET /sidak",
            "GET /api/v1/sidak",
            "GET /sites/{site}/outlets/{outlet}",
            "GET /api/v1/sites/{site}/outlets/{outlet}/readings",
            "GET /agency",
            "GET /plans/{name}",
            "GET /api/v1/sites/{site}/contests",
            "GET /api/v1/sites/{site}",
            "GET /api/v1/sites/{site}/outlets",
            "GET /api/v1/sites/{site}/outlets/{outlet}",
            "GET /api/v1/sites/{site}/outlets/{outlet}/sensors",
            "GET /api/v1/sites/{site}/outlets/{outlet}/sensors/{sensor}",
            "GET /api/v1/sites/{site}/agencies",
            "GET /api/v1/sites/{site}/agencies/{agency}",
            "GET /api/v1/sites/{site}/agencies/{agency}/contacts",
            "GET /api/v1/sites/{site}/agencies/{agency}/contacts/{contact}",
            "GET /api/v1/sites/{site}/contacts",
            "GET /api/v1/sites/{site}/contacts/{contact}",
            "GET /api/v1/sites/{site}/duties",
            "GET /api/v1/sites/{site}/rules",
            "GET /api/v1/sites/{site}/export/{table}.{form}",
        ),
        EVERYBODY,
    ),
    **dict.fromkeys(
        (
            "POST /api/v1/sidak/links",
            "POST /agency/decide",
            "POST /api/v1/sites/{site}/contests/{number}/decision",
            "POST /api/v1/sites/{site}/outlets",
            "PATCH /api/v1/sites/{site}/outlets/{outlet}",
            "DELETE /api/v1/sites/{site}/outlets/{outlet}",
            "POST /api/v1/sites/{site}/agencies",
            "PATCH /api/v1/sites/{site}/agencies/{agency}",
            "DELETE /api/v1/sites/{site}/agencies/{agency}",
            "POST /api/v1/sites/{site}/agencies/{agency}/contacts",
            "PATCH /api/v1/sites/{site}/agencies/{agency}/contacts/{contact}",
            "DELETE /api/v1/sites/{site}/agencies/{agency}/contacts/{contact}",
            "POST /api/v1/sites/{site}/contacts",
            "PATCH /api/v1/sites/{site}/contacts/{contact}",
            "DELETE /api/v1/sites/{site}/contacts/{contact}",
            "GET /admin/sites/{site}/outlets",
            "POST /admin/sites/{site}/outlets",
            "POST /admin/sites/{site}/outlets/{outlet}",
            "GET /admin/sites/{site}/outlets/{outlet}/remove",
            "POST /admin/sites/{site}/outlets/{outlet}/remove",
            "GET /admin/sites/{site}/agencies",
            "POST /admin/sites/{site}/agencies",
            "GET /admin/sites/{site}/agencies/{agency}",
            "POST /admin/sites/{site}/agencies/{agency}",
            "GET /admin/sites/{site}/agencies/{agency}/remove",
            "POST /admin/sites/{site}/agencies/{agency}/remove",
            "GET /admin/sites/{site}/agencies/{agency}/contacts",
            "POST /admin/sites/{site}/agencies/{agency}/contacts",
            "GET /admin/sites/{site}/agencies/{agency}/contacts/{contact}",
            "POST /admin/sites/{site}/agencies/{agency}/contacts/{contact}",
            "GET /admin/sites/{site}/agencies/{agency}/contacts/{contact}/remove",
            "POST /admin/sites/{site}/agencies/{agency}/contacts/{contact}/remove",
            "GET /admin/sites/{site}/contacts",
            "POST /admin/sites/{site}/contacts",
            "GET /admin/sites/{site}/contacts/{contact}",
            "POST /admin/sites/{site}/contacts/{contact}",
            "GET /admin/sites/{site}/contacts/{contact}/remove",
            "POST /admin/sites/{site}/contacts/{contact}/remove",
        ),
        MANAGERS,
    ),
    **dict.fromkeys(
        (
            "POST /agency/acknowledge",
            "POST /agency/absence",
            "POST /agency/undo",
            "POST /agency/contest",
            "POST /api/v1/sites/{site}/contests",
        ),
        ANSWERING,
    ),
    **dict.fromkeys(
        (
            "POST /api/v1/sites/{site}/outlets/{outlet}/sensors",
            "PATCH /api/v1/sites/{site}/outlets/{outlet}/sensors/{sensor}",
            "DELETE /api/v1/sites/{site}/outlets/{outlet}/sensors/{sensor}",
            "GET /api/v1/inbox",
            "POST /api/v1/inbox/claim",
            "GET /admin",
            "POST /admin/sites/{site}/inbox",
            "GET /admin/sites/{site}/outlets/{outlet}",
            "GET /admin/sites/{site}/outlets/{outlet}/sensors",
            "POST /admin/sites/{site}/outlets/{outlet}/sensors",
            "GET /admin/sites/{site}/outlets/{outlet}/sensors/{sensor}",
            "POST /admin/sites/{site}/outlets/{outlet}/sensors/{sensor}",
            "GET /admin/sites/{site}/outlets/{outlet}/sensors/{sensor}/remove",
            "POST /admin/sites/{site}/outlets/{outlet}/sensors/{sensor}/remove",
            "POST /api/v1/sites/{site}/webhook/{kind}",
        ),
        MAINTAINING,
    ),
}


# "open" routes are asked by nobody in particular: see test_access.py.
EXPECTED: dict[str, Case] = {
    "GET /": Case(EVERYBODY),
    "GET /docs": Case(EVERYBODY),
    "GET /openapi.json": Case(EVERYBODY),
    "GET /metrics": Case(EVERYBODY),
    "GET /api/v1/live": Case(EVERYBODY),
    "GET /api/v1/live/stream": Case(EVERYBODY),
    "GET /api/v1/alerts": Case(EVERYBODY),
    "GET /api/v1/ledger": Case(EVERYBODY),
    "POST /api/v1/alerts/{alert}/acknowledge": Case(f"{MANAGERS} agency", **ALERTS, body={"reason": "sick"}),
    "GET /api/v1/sites/{site}/absences": Case(EVERYBODY, **SITES),
    "POST /api/v1/sites/{site}/absences": Case(f"{MANAGERS} agency", **OUTLETS, body=ABSENCE),
    "DELETE /api/v1/sites/{site}/absences/{number}": Case(f"{MANAGERS} agency", **NUMBERS),
    "GET /api/v1/sites/{site}/agencies/{agency}/substitutes": Case(EVERYBODY, **AGENCIES),
    "POST /api/v1/sites/{site}/agencies/{agency}/substitutes": Case(
        ANSWERING, **AGENCIES, body={"contact": "ani", "to": TO, "substitute": "budi"}
    ),
    "DELETE /api/v1/sites/{site}/agencies/{agency}/substitutes/{number}": Case(ANSWERING, **AGENCIES),
    "GET /api/v1/sites/{site}/maintenance": Case(EVERYBODY, **SITES),
    "POST /api/v1/sites/{site}/maintenance": Case(
        f"{MANAGERS} technician", **OUTLETS, body={"outlet": "{outlet}", "to": TO, "reason": "kabel"}
    ),
    "DELETE /api/v1/sites/{site}/maintenance/{number}": Case(f"{MANAGERS} technician", **NUMBERS),
    "GET /api/v1/sites/{site}/outlets/{outlet}/intervals": Case(EVERYBODY, **OUTLETS),
    "GET /api/v1/sites/{site}/outlets/{outlet}/ledger": Case(EVERYBODY, **OUTLETS),
    "GET /api/v1/sites/{site}/outlets/{outlet}/why": Case(EVERYBODY, **OUTLETS),
    "GET /account": Case(EVERYBODY),
    "POST /account/password": Case(EVERYBODY, form={"password": PASSWORD, "again": PASSWORD}),
    "POST /account/log-out-everywhere": Case(EVERYBODY, form={}),
    "POST /account/tokens": Case(EVERYBODY, form={"label": "x"}),
    "POST /account/tokens/{token}/revoke": Case(
        EVERYBODY, {"token": "{token}"}, {"token": "{others_token}"}, unknown={"token": "000000000000"}, form={}
    ),
    "GET /api/v1/users": Case("administrator"),
    "POST /api/v1/users": Case("administrator", body={"name": "baru", "role": "viewer"}),
    "DELETE /api/v1/users/{name}": Case("administrator", {"name": "somebody"}),
    "PUT /api/v1/users/{name}/role": Case("administrator", {"name": "somebody"}, body={"role": "viewer"}),
    "POST /api/v1/users/{name}/link": Case("administrator", {"name": "somebody"}),
    "POST /api/v1/users/{name}/log-out": Case("administrator", {"name": "somebody"}),
    "POST /api/v1/users/{name}/revoke": Case("administrator", {"name": "somebody"}),
    "GET /admin/users": Case("administrator"),
    "GET /admin/users/new": Case("administrator"),
    "POST /admin/users/new": Case("administrator", form={"name": "baru", "role": "viewer"}),
    "GET /admin/users/of/{name}": Case("administrator", {"name": "somebody"}),
    "POST /admin/users/of/{name}": Case("administrator", {"name": "somebody"}, form={"role": "viewer"}),
    "POST /admin/users/of/{name}/link": Case("administrator", {"name": "somebody"}, form={}),
    "POST /admin/users/of/{name}/log-out": Case("administrator", {"name": "somebody"}, form={}),
    "POST /admin/users/of/{name}/tokens/{token}/revoke": Case(
        "administrator", {"name": "somebody", "token": "{others_token}"}, form={}
    ),
    "GET /admin/users/of/{name}/remove": Case("administrator", {"name": "somebody"}),
    "POST /admin/users/of/{name}/remove": Case("administrator", {"name": "somebody"}, form={}),
    "POST /admin/users/of/{name}/revoke": Case("administrator", {"name": "somebody"}, form={}),
    "GET /api/v1/users/{name}/tokens": Case(EVERYBODY, **USERS),
    "POST /api/v1/users/{name}/tokens": Case(EVERYBODY, **USERS, body={"label": "x"}),
    "DELETE /api/v1/users/{name}/tokens/{token}": Case(
        EVERYBODY,
        {"name": "me", "token": "{token}"},
        {"name": "somebody", "token": "{others_token}"},
        unknown={"name": "nobody", "token": "000000000000"},
    ),
}  # fmt: skip
# What is foreign to whom: an own account's things to all but the administrator, also who sees all of the outlets.
PERSONAL = {operation for operation in EXPECTED if "/users/{name}/tokens" in operation or "/account/" in operation}


class Hall(NamedTuple):
    web: Web
    browser: Browser
    values: dict[str, str]


def hall_of(web: Web, actor: Actor) -> Hall:
    """Two sites, two agencies at the first; of each an alert, an absence, maintenance, and a substitute."""
    counters = {"own": ("balai", "a-1"), "other": ("balai", "b-1"), "far": ("jauh", "c-1")}
    people = tuple(Contact(id=name, name=name.title(), phone="0200 555 0122") for name in ("ani", "budi", "cita"))
    dinas, lain = (Agency(id=name, name=name.title(), contacts=people) for name in ("dinas", "lain"))
    web.apply(
        site(
            outlets=[outlet("a-1"), outlet("b-1", agency="lain")],
            agencies=(dinas, lain),
            gateways=(Gateway(id="gw"),),
        ),
        site(id="jauh", outlets=[outlet("c-1", agency="lain")], agencies=(lain,)),
    )
    with web.record.writing(durable=False) as connection:
        for name, (place, counter) in counters.items():
            put(
                connection,
                place,
                StoredAlert(name, Alert("vacancy", "outlet", counter, NOW - HOUR, NOW), False, None),
                NOW,
            )
            span = {"outlet": counter, "from_ms": NOW, "to_ms": NOW + 2 * HOUR}
            declare(connection, place, Absence(reason="sick", **span), "x", NOW)
            declare(connection, place, Maintenance(reason="kabel", **span), "x", NOW)
            agency = "dinas" if name == "own" else "lain"
            away = Substitute(agency=agency, contact="cita", to="budi", from_ms=NOW, to_ms=NOW + 2 * HOUR)
            name_substitute(connection, place, away, "x", NOW)
        make_account(connection, "me", NOW, actor.role, agency=actor.agency, site=actor.site)
        make_account(connection, "somebody", NOW)
        token = make_token(connection, "me", "", NOW)
        make_token(connection, "somebody", "", NOW)
        values = {"token": accounts.tokens(connection, "me")[0].id}
        values["others_token"] = accounts.tokens(connection, "somebody")[0].id
        web.app.state.feed.versions = dict.fromkeys(("balai", "jauh"), 1)
    # The feed sees what was declared at its next look; who may touch it does not depend on that.
    web.app.state.feed.stream.end()  # so that a stream says its snapshot and ends
    return Hall(web, web.ask(host="hadir.example", client="10.0.0.7", authorization=f"Bearer {token}"), values)


def ask(hall: Hall, operation: str, case: Case, asked: dict[str, str] | None) -> tuple[int, str]:
    """Status and body of the answer, without the names that were asked for."""
    method, path = operation.split(" ")
    named = {key: value.format(**hall.values) for key, value in (asked or {}).items()}
    body = None if case.body is None else {key: str(value).format(**named) for key, value in case.body.items()}
    answer = hall.browser.ask(method, path.format(**named), json=body, data=case.form)
    text = answer.text
    for value in sorted(named.values(), key=len, reverse=True):
        text = text.replace(value, "…")
    return answer.status_code, text


def test_every_route_has_a_rule_and_an_expectation():
    closed = {operation for operation, rule in RULES.items() if rule != "open"}
    assert set(EXPECTED) | set(ROLES_ALONE) == closed
    assert not set(EXPECTED) & set(ROLES_ALONE)


@pytest.mark.parametrize("actor", ACTORS, ids=lambda actor: "-".join(filter(None, actor)))
def test_a_route_lets_pass_the_roles_that_it_is_for_and_no_other(web: Web, actor: Actor):
    hall, wrong = hall_of(web, actor), []
    for operation, roles in ROLES_ALONE.items():
        method, path = operation.split(" ")
        address = re.sub(r"{\w+}", "z-9", path.replace("{form}", "csv"))
        answer = hall.browser.ask(method, address, json={} if "/api/" in path and method != "GET" else None)
        if (answer.status_code in (401, 403)) is (actor.role in roles.split()):
            wrong.append((operation, answer.status_code))
    assert wrong == []


@pytest.mark.parametrize("actor", ACTORS, ids=lambda actor: "-".join(filter(None, actor)))
@pytest.mark.parametrize("operation", EXPECTED)
def test_who_may_does_it_to_his_own_and_nobody_to_what_is_foreign(web: Web, operation: str, actor: Actor):
    case, hall = EXPECTED[operation], hall_of(web, actor)
    if actor.role not in case.roles.split():
        for named in (case.own, *filter(None, (case.foreign, case.other, case.unknown, case.nowhere))):
            assert ask(hall, operation, case, named)[0] == 403
        return
    sees_foreign, sees_other = actor.sees_all, actor.agency is None
    if operation in PERSONAL:
        sees_foreign = sees_other = actor.role == "administrator" and "/account/" not in operation
    for named, seen, alike in (
        (case.foreign, sees_foreign, case.nowhere or case.unknown),
        (case.other, sees_other, case.unknown),
    ):
        if named is not None:
            status, text = ask(hall, operation, case, named)
            assert (200 <= status < 400) is seen, (named, status, text)
            assert seen or (status, text) == (404, ask(hall, operation, case, alike)[1])
    status, text = ask(hall, operation, case, case.own)
    assert 200 <= status < 400, (status, text)


def test_a_reading_token_changes_nothing(web: Web):
    hall = hall_of(web, Actor("administrator"))
    with web.record.writing(durable=False) as connection:
        token = make_token(connection, "me", "", NOW, scope="read")
    reader = hall._replace(browser=web.ask(authorization=f"Bearer {token}"))
    for operation, case in EXPECTED.items():
        assert (ask(reader, operation, case, case.own)[0] == 403) is not operation.startswith("GET "), operation
