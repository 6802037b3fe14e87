"""Who may do what, and to whose things: every role on every route, on its own, on others' and on what there is not.

The routes are the application's: one without a rule, or without an expectation here, fails.
"""

from __future__ import annotations

import asyncio
import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import httpx
import pytest

from api.access import RULES
from api.floor_plan import Pictures
from hadir.claiming import claimed
from presence.alerts.life import Alert
from presence.instants import rfc3339
from presence.intervals import Interval
from presence.site import Absence, Agency, Contact, Duty, Floor, Gateway, Maintenance, Site, Substitute
from storage.record import Record, accounts, sidak_links
from storage.record.alerts import StoredAlert, put
from storage.record.aside import Unclaimed, note_unclaimed
from storage.record.contests import Contest, submit
from storage.record.declarations import declare
from storage.record.intervals import revise, set_progress
from storage.record.substitutes import name_substitute
from storage.record.users import Role, make_account, make_session, make_token
from tests.builders import outlet, site
from tests.fixtures.mall import MINUTE, NOW
from tests.fixtures.web import Browser, Web

HOUR = 60 * MINUTE
PASSWORD = "empat kata yang panjang"
EVERYBODY = "administrator facility_manager agency technician viewer"
MANAGERS = "administrator facility_manager"
ANSWERING, MAINTAINING = f"{MANAGERS} agency", f"{MANAGERS} technician"
# Whatever is of the other agency, and of the other site, is called so: an answer that holds the word has let it out.
OTHER, FAR = "tetangga", "jauhari"


class Actor(NamedTuple):
    """An account; `sees_all`: nothing is foreign to it."""

    role: Role
    agency: str | None = None
    site: str | None = None

    @property
    def sees_all(self) -> bool:
        return self.agency is None and self.site is None

    @property
    def unseen(self) -> list[str]:
        """Words that no answer to it may hold."""
        return [*([OTHER] if self.agency else []), *([] if self.sees_all else [FAR])]


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


class Things(NamedTuple):
    """Values for address and body: of one's own, of another site, of another agency at the own site, and of nothing
    that there is, at the own site and at none. None: there is no such thing of that.
    """

    own: Mapping[str, str] = MappingProxyType({})
    foreign: dict[str, str] | None = None
    other: dict[str, str] | None = None
    unknown: dict[str, str] | None = None
    nowhere: dict[str, str] | None = None


def _named(key: str, own: str, of: str) -> Things:
    """A thing of an outlet, or of an agency, which `of` names: `own` and those that are called like whose they are."""
    a, b, c = ("a-1", f"{OTHER}-1", f"{FAR}-1") if of == "outlet" else ("dinas", OTHER, FAR)
    more = (lambda name, _owner: {key: name}) if key else (lambda _name, _owner: {})
    return Things(
        own={"site": "balai", of: a, **more(own, a)},
        foreign={"site": FAR, of: c, **more(own.replace("a-1", c).replace("balai", FAR), c)},
        other={"site": "balai", of: b, **more(own.replace("a-1", b).replace("balai", OTHER), b)},
        unknown={"site": "balai", of: "z-9", **more("z-9", "")},
        nowhere={"site": "entah", of: "z-9", **more("z-9", "")},
    )


def _numbered(one: str, far: str, other: str) -> Things:
    return Things(
        {"site": "balai", "number": one, "agency": "dinas"},
        {"site": FAR, "number": far, "agency": FAR},
        {"site": "balai", "number": other, "agency": OTHER},
        {"site": "balai", "number": "77", "agency": "z-9"},
        {"site": "entah", "number": "77", "agency": "z-9"},
    )


SITES = Things(
    {"site": "balai", "agency": "dinas"}, {"site": FAR, "agency": FAR}, None, {"site": "entah", "agency": "z-9"}
)
OUTLETS = _named("", "", "outlet")
NUMBERS = _numbered("1", "3", "2")
ALERTS = Things(
    {"site": "balai", "agency": "dinas", "alert": "milik"},
    {"site": FAR, "agency": FAR, "alert": f"alarm-{FAR}"},
    {"site": "balai", "agency": OTHER, "alert": f"alarm-{OTHER}"},
    {"site": "balai", "agency": "z-9", "alert": "z-9"},
    {"site": "entah", "agency": "z-9", "alert": "z-9"},
)
DEVICES = Things(
    {"site": "balai", "outlet": "a-1", "device": "alat-balai"},
    {"site": FAR, "outlet": f"{FAR}-1", "device": f"alat-{FAR}"},
    None,
    {"site": "entah", "outlet": "z-9", "device": "z-9"},
)
LINKS = Things({"link": "1"}, {"link": "2"}, None, {"link": "77"})
USERS = Things({"name": "me"}, {"name": "somebody"}, unknown={"name": "nobody"})
SOMEBODY = Things({"name": "somebody"}, unknown={"name": "nobody"})
TOKENS = Things({"token": "{token}"}, {"token": "{others_token}"}, unknown={"token": "000000000000"})
# What a path speaks of, by its parameters.
THINGS: dict[tuple[str, ...], Things] = {
    (): Things(),
    ("site",): SITES,
    ("site", "outlet"): OUTLETS,
    ("site", "outlet", "sensor"): _named("sensor", "a-1-s", "outlet"),
    ("site", "agency"): _named("", "", "agency"),
    ("site", "agency", "contact"): _named("contact", "orang-balai", "agency"),
    ("site", "contact"): Things(
        {"site": "balai", "contact": "kepala"},
        {"site": FAR, "contact": f"kepala-{FAR}"},
        None,
        {"site": "balai", "contact": "z-9"},
        {"site": "entah", "contact": "z-9"},
    ),
    ("site", "duty"): Things(
        {"site": "balai", "duty": "tugas-milik"},
        {"site": FAR, "duty": f"tugas-{FAR}"},
        {"site": "balai", "duty": f"tugas-{OTHER}"},
        {"site": "balai", "duty": "z-9"},
        {"site": "entah", "duty": "z-9"},
    ),
    ("site", "number"): NUMBERS,
    ("site", "agency", "number"): NUMBERS,
    ("alert",): ALERTS,
    ("site", "table", "form"): Things(
        {"site": "balai", "table": "alerts", "form": "csv"},
        {"site": FAR, "table": "alerts", "form": "csv"},
        None,
        {"site": "entah", "table": "alerts", "form": "csv"},
    ),
    ("site", "kind"): Things(
        {"site": "balai", "kind": "disruptive"},
        {"site": FAR, "kind": "disruptive"},
        None,
        {"site": "entah", "kind": "disruptive"},
    ),
    ("token",): TOKENS,
    ("name", "token"): Things(
        {"name": "me", "token": "{token}"},
        {"name": "somebody", "token": "{others_token}"},
        unknown={"name": "nobody", "token": "000000000000"},
    ),
}


class Case(NamedTuple):
    """One route: whom it lets pass, and what it is asked. `things`: where the path does not say it.

    `done`: what it answers besides 2xx and 3xx when it has let somebody pass, to what is his own.
    """

    roles: str
    things: Things | None = None
    query: str = ""
    body: dict[str, Any] | None = None
    form: dict[str, str] | None = None
    done: tuple[int, ...] = ()


TO = rfc3339(NOW + HOUR)
ABSENCE = {"outlet": "{outlet}", "to": TO, "reason": "sick"}
PAST = {"from": rfc3339(NOW - HOUR), "to": rfc3339(NOW - MINUTE)}
PLACE = {"site": "{site}", "agency": "{agency}"}
OF_SITE = {"things": SITES, "query": "?site={site}"}
CLAIM = {"device": "{device}", "convention": "native", "outlet": "{outlet}", "zone": "staff"}
# A form that is not filled in, or says nothing of what it was filled with, is shown again.
SHOWN_AGAIN = (400, 409, 412)
NEW: dict[str, dict[str, Any]] = {
    "outlets": {"id": "baru", "name": "Baru", "agency": "{agency}"},
    "sensors": {"id": "baru", "kind": "pir", "zone": "staff"},
    "agencies": {"id": "baru", "name": "Baru"},
    "contacts": {"id": "baru", "name": "Baru"},
    "duties": {"id": "baru", "outlets": ["{outlet}"]},
}
NEW_SITE = {"id": "baru", "name": "Baru", "timezone": "Asia/Jakarta", "country": "ID", "service_hours": "24/7"}
CHANGED: dict[str, dict[str, Any]] = {"sensor": {"zone": "staff"}, "duty": {"at_least": "1"}}


def _registry() -> Iterator[tuple[str, Case]]:
    """The API's routes of the kinds of things, and the pages of administration."""
    for path, name, register in (
        ("outlets", "outlet", MANAGERS),
        ("outlets/{outlet}/sensors", "sensor", MAINTAINING),
        ("agencies", "agency", MANAGERS),
        ("agencies/{agency}/contacts", "contact", MANAGERS),
        ("contacts", "contact", MANAGERS),
        ("duties", "duty", MANAGERS),
    ):
        api, pages = f"/api/v1/sites/{{site}}/{path}", f"/admin/sites/{{site}}/{path}"
        one = f"{{{name}}}"
        yield f"GET {api}", Case(EVERYBODY)
        yield f"GET {api}/{one}", Case(EVERYBODY)
        yield f"POST {api}", Case(register, OUTLETS if name == "duty" else None, body=NEW[path.rpartition("/")[2]])
        yield f"PATCH {api}/{one}", Case(register, body=CHANGED.get(name, {"name": "Lain"}))
        # An agency that has outlets stays.
        yield f"DELETE {api}/{one}", Case(register, done=(409,))
        yield f"GET {pages}", Case(register)
        yield f"POST {pages}", Case(register, form={}, done=SHOWN_AGAIN)
        yield f"GET {pages}/{one}", Case(MAINTAINING if name == "outlet" else register)
        yield f"POST {pages}/{one}", Case(register, form={}, done=SHOWN_AGAIN)
        yield f"GET {pages}/{one}/remove", Case(register)
        yield f"POST {pages}/{one}/remove", Case(register, form={}, done=SHOWN_AGAIN)


# "open" routes are asked by nobody in particular: see test_access.py.
EXPECTED: dict[str, Case] = {
    "GET /": Case(EVERYBODY, **OF_SITE),
    "GET /docs": Case(EVERYBODY),
    "GET /openapi.json": Case(EVERYBODY),
    "GET /metrics": Case(EVERYBODY),
    "GET /sidak": Case(EVERYBODY, **OF_SITE),
    "GET /agency": Case(EVERYBODY, ALERTS, query="?site={site}&agency={agency}"),
    "GET /sites/{site}/outlets/{outlet}": Case(EVERYBODY),
    "GET /plans/{name}": Case(
        EVERYBODY, Things({"name": "balai.svg"}, {"name": f"{FAR}.svg"}, None, {"name": "z-9.svg"})
    ),
    "GET /api/v1/sidak": Case(EVERYBODY, **OF_SITE),
    "GET /sidak/links": Case(MANAGERS, **OF_SITE),
    "POST /sidak/links": Case(MANAGERS, SITES, form={"site": "{site}"}),
    "POST /sidak/links/{link}/revoke": Case(MANAGERS, LINKS, form={}),
    "GET /api/v1/sidak/links": Case(MANAGERS, **OF_SITE),
    "POST /api/v1/sidak/links": Case(MANAGERS, SITES, body={"site": "{site}"}),
    "DELETE /api/v1/sidak/links/{link}": Case(MANAGERS, LINKS),
    "GET /api/v1/live": Case(EVERYBODY, **OF_SITE),
    "GET /api/v1/live/stream": Case(EVERYBODY, **OF_SITE),
    "GET /api/v1/alerts": Case(EVERYBODY, OUTLETS, query="?site={site}&outlet={outlet}"),
    "GET /api/v1/ledger": Case(EVERYBODY, **OF_SITE),
    "POST /api/v1/alerts/{alert}/acknowledge": Case(ANSWERING, body={"reason": "sick"}),
    "GET /api/v1/sites/{site}/absences": Case(EVERYBODY),
    "POST /api/v1/sites/{site}/absences": Case(ANSWERING, OUTLETS, body=ABSENCE),
    "DELETE /api/v1/sites/{site}/absences/{number}": Case(ANSWERING),
    "GET /api/v1/sites/{site}/agencies/{agency}/substitutes": Case(EVERYBODY),
    "POST /api/v1/sites/{site}/agencies/{agency}/substitutes": Case(
        ANSWERING, body={"contact": "ani", "to": TO, "substitute": "budi"}
    ),
    "DELETE /api/v1/sites/{site}/agencies/{agency}/substitutes/{number}": Case(ANSWERING),
    "GET /api/v1/sites/{site}/maintenance": Case(EVERYBODY),
    "POST /sites/{site}/outlets/{outlet}/maintenance": Case(MAINTAINING, OUTLETS, form={"reason": "kabel"}),
    "POST /sites/{site}/outlets/{outlet}/maintenance/end": Case(
        MAINTAINING, OUTLETS, form={"number": "77"}, done=(404,)
    ),
    "POST /api/v1/sites/{site}/maintenance": Case(
        MAINTAINING, OUTLETS, body={"outlet": "{outlet}", "to": TO, "reason": "kabel"}
    ),
    "DELETE /api/v1/sites/{site}/maintenance/{number}": Case(MAINTAINING),
    "GET /api/v1/sites/{site}/contests": Case(EVERYBODY),
    "POST /api/v1/sites/{site}/contests": Case(
        ANSWERING, OUTLETS, body={"outlet": "{outlet}", "text": "Ada di meja sebelah", **PAST}
    ),
    "POST /api/v1/sites/{site}/contests/{number}/decision": Case(
        MANAGERS, body={"verdict": "upheld", "text": "Kosong"}
    ),
    "GET /api/v1/sites/{site}/outlets/{outlet}/intervals": Case(EVERYBODY),
    "GET /api/v1/sites/{site}/outlets/{outlet}/ledger": Case(EVERYBODY),
    "GET /api/v1/sites/{site}/outlets/{outlet}/why": Case(EVERYBODY),
    # There is no store of readings here.
    "GET /api/v1/sites/{site}/outlets/{outlet}/readings": Case(EVERYBODY, done=(503,)),
    "GET /api/v1/sites/{site}/export/{table}.{form}": Case(EVERYBODY),
    "POST /api/v1/sites": Case("administrator", body=NEW_SITE),
    "GET /api/v1/sites/{site}": Case(EVERYBODY),
    "PATCH /api/v1/sites/{site}": Case(MANAGERS, body={"name": "Lain"}),
    "GET /api/v1/sites/{site}/rules": Case(EVERYBODY),
    "PATCH /api/v1/sites/{site}/rules": Case(MANAGERS, body={}),
    **dict(_registry()),
    "GET /api/v1/inbox": Case(MAINTAINING),
    "POST /api/v1/inbox/claim": Case(MAINTAINING, DEVICES, body={**CLAIM, "from": "{site}", "site": "{site}"}),
    "GET /admin": Case(MAINTAINING, **OF_SITE),
    "GET /admin/sites": Case("administrator"),
    "POST /admin/sites": Case("administrator", form=NEW_SITE),
    "GET /admin/sites/{site}": Case(MANAGERS),
    "POST /admin/sites/{site}": Case(MANAGERS, form={}, done=SHOWN_AGAIN),
    "GET /admin/sites/{site}/rules": Case(MANAGERS),
    "POST /admin/sites/{site}/rules": Case(MANAGERS, form={}, done=SHOWN_AGAIN),
    "GET /admin/sites/{site}/days": Case(MANAGERS),
    "POST /admin/sites/{site}/days": Case(MANAGERS, form={}, done=SHOWN_AGAIN),
    "POST /admin/sites/{site}/days/remove": Case(MANAGERS, form={}),
    "POST /admin/sites/{site}/inbox": Case(MAINTAINING, DEVICES, form=CLAIM | {"site": "{site}"}),
    # Nor is there a broker.
    "POST /api/v1/sites/{site}/webhook/{kind}": Case(MAINTAINING, body={}, done=(503,)),
    "POST /agency/acknowledge": Case(ANSWERING, ALERTS, form=PLACE | {"alert": "{alert}", "reason": "sick"}),
    "POST /agency/absence": Case(ANSWERING, ALERTS, form=PLACE | {"outlet": "*", "until": TO, "reason": "sick"}),
    "POST /agency/undo": Case(ANSWERING, NUMBERS, form=PLACE | {"number": "{number}"}),
    "POST /agency/substitute": Case(ANSWERING, ALERTS, form=PLACE | {"contact": "ani", "to": "budi"}, done=SHOWN_AGAIN),
    "POST /agency/contest": Case(ANSWERING, ALERTS, form=PLACE | {"outlet": "a-1", "text": "Ada"}, done=SHOWN_AGAIN),
    "POST /agency/decide": Case(
        MANAGERS, NUMBERS, form=PLACE | {"number": "{number}", "verdict": "upheld", "text": "Kosong"}
    ),
    "GET /account": Case(EVERYBODY),
    "POST /account/password": Case(EVERYBODY, form={"password": PASSWORD, "again": PASSWORD}),
    "POST /account/log-out-everywhere": Case(EVERYBODY, form={}),
    "POST /account/tokens": Case(EVERYBODY, form={"label": "x"}),
    "POST /account/tokens/{token}/revoke": Case(EVERYBODY, form={}),
    "GET /api/v1/users": Case("administrator"),
    "POST /api/v1/users": Case("administrator", body={"name": "baru", "role": "viewer"}),
    "PATCH /api/v1/users/{name}": Case("administrator", SOMEBODY, body={"oidc": "baru@dinas.example"}),
    "DELETE /api/v1/users/{name}": Case("administrator", SOMEBODY),
    "POST /api/v1/users/{name}/link": Case("administrator", SOMEBODY),
    "PUT /api/v1/users/{name}/role": Case("administrator", SOMEBODY, body={"role": "viewer"}),
    "POST /api/v1/users/{name}/log-out": Case("administrator", SOMEBODY),
    "POST /api/v1/users/{name}/revoke": Case("administrator", SOMEBODY),
    "GET /admin/users": Case("administrator"),
    "GET /admin/users/new": Case("administrator"),
    "POST /admin/users/new": Case("administrator", form={"name": "baru", "role": "viewer"}),
    "GET /admin/users/of/{name}": Case("administrator", SOMEBODY),
    "POST /admin/users/of/{name}": Case("administrator", SOMEBODY, form={"role": "viewer"}),
    # Nor an issuer.
    "POST /admin/users/of/{name}/oidc": Case("administrator", SOMEBODY, form={"oidc": ""}, done=(404,)),
    "POST /admin/users/of/{name}/link": Case("administrator", SOMEBODY, form={}),
    "POST /admin/users/of/{name}/log-out": Case("administrator", SOMEBODY, form={}),
    "POST /admin/users/of/{name}/tokens/{token}/revoke": Case(
        "administrator", Things({"name": "somebody", "token": "{others_token}"}), form={}
    ),
    "GET /admin/users/of/{name}/remove": Case("administrator", SOMEBODY),
    "POST /admin/users/of/{name}/remove": Case("administrator", SOMEBODY, form={}),
    "POST /admin/users/of/{name}/revoke": Case("administrator", SOMEBODY, form={}),
    "GET /api/v1/users/{name}/tokens": Case(EVERYBODY, USERS),
    "POST /api/v1/users/{name}/tokens": Case(EVERYBODY, USERS, body={"label": "x"}),
    "DELETE /api/v1/users/{name}/tokens/{token}": Case(EVERYBODY),
}
# What is foreign to whom: an own account's things to all but the administrator, also who sees all of the outlets.
PERSONAL = {operation for operation in EXPECTED if "/users/{name}/tokens" in operation or "/account/" in operation}
# Lists that are asked in other ways, too.
ASKED_OTHERWISE = (
    "/?site=balai&view=plan",
    "/?site=balai&wall=1",
    "/admin?site=balai&part=agencies",
    "/admin?site=balai&part=contacts",
    "/admin?site=balai&part=inbox",
    "/admin?site=balai&part=duties",
    "/admin?site=balai&part=days",
    "/agency?site=balai",
    "/api/v1/alerts?outlet=a-1",
    "/api/v1/alerts?site=balai",
    "/api/v1/inbox?site=balai",
    f"/api/v1/inbox?site={FAR}",
    "/api/v1/ledger?site=balai&by=outlet",
    "/api/v1/ledger?by=agency",
    "/api/v1/ledger?by=duty&period=day",
    "/api/v1/sites/balai/export/intervals.csv",
    "/api/v1/sites/balai/export/ledger.csv",
)


class Hall:
    """Two sites, two agencies at the first; of each whatever there can be. What is changed there is set right again."""

    def __init__(self, record: Record, folder: Path) -> None:
        self.web = Web(record, claim=claimed)
        self._file, self._kept = folder / "record.db", folder / "kept.db"
        self.values: dict[str, str] = {}
        for name in ("balai", FAR):
            (folder / f"{name}.svg").write_text('<svg width="9" height="9"/>')
        self.web.app.state.pictures = Pictures(folder)
        self.web.apply(place("balai", "a-1", "dinas", f"{OTHER}-1", OTHER), place(FAR, f"{FAR}-1", FAR))
        counters = {"milik": ("balai", "a-1"), OTHER: ("balai", f"{OTHER}-1"), FAR: (FAR, f"{FAR}-1")}
        with record.writing(durable=False) as connection:
            for word, (where, counter) in counters.items():
                name = word if word == "milik" else f"alarm-{word}"
                for alert, kind, subject in ((name, "outlet", counter), (f"tugas-{name}", "duty", f"tugas-{word}")):
                    stored = StoredAlert(alert, Alert("vacancy", kind, subject, NOW - HOUR, NOW), False, None)  # type: ignore[arg-type]
                    put(connection, where, stored, NOW)
                span = {"outlet": counter, "from_ms": NOW, "to_ms": NOW + 2 * HOUR}
                declare(connection, where, Absence(reason="other", note=word, **span), word, NOW)
                declare(connection, where, Maintenance(reason=word, **span), word, NOW)
                agency = "dinas" if word == "milik" else word
                away = Substitute(agency=agency, contact="cita", to="budi", from_ms=NOW, to_ms=NOW + 2 * HOUR)
                name_substitute(connection, where, away, word, NOW)
                submit(connection, Contest(0, where, counter, NOW - 2 * HOUR, NOW - HOUR, word, word, 0), NOW)
                vacant = [Interval(NOW - HOUR, None, "vacant", 0.02)]
                revise(connection, where, counter, "staff", 0, vacant, NOW)
            for where in ("balai", FAR):
                set_progress(connection, where, NOW, spool="a", spool_id=1)
                sidak_links.make(connection, where, NOW + HOUR, by="siapa", now_ms=NOW)
            devices = (("balai", "alat-balai"), (FAR, f"alat-{FAR}"), ("", "alat-siapa"))
            note_unclaimed(connection, [Unclaimed(one, name, "t", NOW, 1, b"{}") for one, name in devices])

    def let_in(self, actor: Actor) -> Browser:
        """The actor, as `me`, with a token."""
        with self.web.record.writing(durable=False) as connection:
            make_account(connection, "me", NOW, actor.role, agency=actor.agency, site=actor.site)
            make_account(connection, "somebody", NOW)
            token = make_token(connection, "me", "", NOW)
            make_token(connection, "somebody", "", NOW)
            self.values = {"token": accounts.tokens(connection, "me")[0].id}
            self.values["others_token"] = accounts.tokens(connection, "somebody")[0].id
        # The feed sees what was declared at its next look; who may touch it does not depend on that.
        self.web.app.state.feed.stream.end()  # so that a stream says its snapshot and ends
        _copy(self._file, self._kept)
        return self.web.ask(host="hadir.example", client="10.0.0.7", authorization=f"Bearer {token}")

    def manager(self) -> str:
        """A token of somebody who decides on everything."""
        with self.web.record.writing(durable=False) as connection:
            make_account(connection, "pengelola", NOW, "facility_manager")
            return make_token(connection, "pengelola", "", NOW)

    def ask(self, browser: Browser, operation: str, named: Mapping[str, str] | None = None) -> httpx.Response:
        """The answer of the route to what `named` says, own things by default."""
        case, (method, path) = EXPECTED[operation], operation.split(" ")
        named = things_of(operation).own if named is None else named
        filled = {key: value.format(**self.values) for key, value in named.items()}

        def fill(given: dict[str, Any]) -> dict[str, Any]:
            return {key: _filled_in(value, filled) for key, value in given.items()}

        answer = browser.ask(
            method,
            (path + case.query).format(**filled),
            json=None if case.body is None else fill(case.body),
            data=None if case.form is None else fill(case.form),
            headers={"If-Match": "*"} if method in ("POST", "PATCH", "DELETE") else {},
        )
        if method != "GET" and answer.status_code < 400:
            _copy(self._kept, self._file)
        return answer

    def said(self, browser: Browser, operation: str, named: Mapping[str, str]) -> tuple[int, str]:
        """Status and body of the answer, without the names that were asked for and the numbers of the moment."""
        answer = self.ask(browser, operation, named)
        text = answer.text
        for value in sorted((one.format(**self.values) for one in named.values()), key=len, reverse=True):
            text = text.replace(value, "…")
        return answer.status_code, text


def place(name: str, *outlets_and_agencies: str) -> Site:
    """A site whose things are called like their outlets and agencies."""
    pairs = list(zip(outlets_and_agencies[::2], outlets_and_agencies[1::2], strict=True))
    words = {agency: "milik" if agency == "dinas" else agency for _, agency in pairs}
    people = {agency: "balai" if agency == "dinas" else agency for _, agency in pairs}
    kepala = Contact(id="kepala" if name == "balai" else f"kepala-{name}", name=f"Kepala {name}", phone="110")
    return site(
        id=name,
        name=f"Balai {name}",
        outlets=[outlet(one, agency=agency, name=f"Loket {one}") for one, agency in pairs],
        agencies=tuple(
            Agency(
                id=one,
                name=f"Dinas {one}",
                contacts=(
                    Contact(id=f"orang-{people[one]}", name=f"Orang {one}"),
                    *(
                        Contact(id=name, name=f"{name} {one}", phone="0200 555 0122")
                        for name in ("ani", "budi", "cita")
                    ),
                ),
            )
            for _, one in pairs
        ),
        duties=tuple(Duty(id=f"tugas-{words[agency]}", outlets=(one,)) for one, agency in pairs),
        gateways=(Gateway(id=f"gw-{name}"),),
        contacts=(kepala,),
        floors=(Floor(floor=1, plan=f"{name}.svg"),),
    )


def _copy(source: Path, target: Path) -> None:
    with sqlite3.connect(source) as there, sqlite3.connect(target) as here:
        here.execute("PRAGMA synchronous = OFF")
        there.backup(here)
    there.close()
    here.close()


@pytest.fixture
def hall(record: Record, tmp_path: Path) -> Hall:
    return Hall(record, tmp_path)


def _filled_in(value: str | list[str], filled: Mapping[str, str]) -> str | list[str]:
    return value.format(**filled) if isinstance(value, str) else [one.format(**filled) for one in value]


def things_of(operation: str) -> Things:
    """What the route speaks of: by its case, or else by the parameters of its path, of which each must be known."""
    return EXPECTED[operation].things or THINGS[tuple(re.findall(r"{(\w+)}", operation))]


def by_actor(test: Callable[..., None]) -> Any:
    return pytest.mark.parametrize("actor", ACTORS, ids=lambda actor: "-".join(filter(None, actor)))(test)


def test_every_route_has_a_rule_and_an_expectation(web: Web):
    closed = {operation for operation, rule in RULES.items() if rule != "open"}
    assert set(EXPECTED) == closed
    silent = {operation for operation in EXPECTED if things_of(operation) == Things()}
    # Of nobody's things, or of one's own account alone.
    assert silent == {
        "GET /docs", "GET /openapi.json", "GET /metrics", "GET /account", "POST /account/password",
        "POST /account/log-out-everywhere", "POST /account/tokens", "GET /api/v1/inbox", "GET /api/v1/users",
        "POST /api/v1/users", "POST /api/v1/sites", "GET /admin/sites",
        "POST /admin/sites", "GET /admin/users", "GET /admin/users/new", "POST /admin/users/new",
    }  # fmt: skip


@by_actor
def test_who_may_does_it_to_his_own_and_nobody_to_what_is_foreign(hall: Hall, actor: Actor):
    me, wrong = hall.let_in(actor), []
    for operation, case in EXPECTED.items():
        things = things_of(operation)
        if actor.role not in case.roles.split():
            asked = (things.own, things.foreign or things.own)
            statuses = [hall.ask(me, operation, named).status_code for named in asked]
            wrong += [(operation, statuses)] if statuses != [403, 403] else []
            continue
        wrong += [(operation, *one) for one in _not_as_expected(hall, me, operation, actor)]
    assert wrong == [], "\n".join(map(str, wrong))


def _not_as_expected(hall: Hall, me: Browser, operation: str, actor: Actor) -> Iterator[tuple[Any, ...]]:
    """What somebody whom the route lets pass is answered otherwise than he should be."""
    case, things = EXPECTED[operation], things_of(operation)
    sees_foreign, sees_other = actor.sees_all, actor.agency is None
    if operation in PERSONAL:
        sees_foreign = sees_other = actor.role == "administrator" and "/account/" not in operation
    for named, seen, alike in (
        (things.foreign, sees_foreign, things.nowhere or things.unknown),
        (things.other, sees_other, things.unknown),
    ):
        if named is None:
            continue
        status, text = hall.said(me, operation, named)
        if seen and not _is_done(case, status):
            yield named, status, text
        if not seen and (status, text) != (404, hall.said(me, operation, alike or {})[1]):
            yield named, status, text, hall.said(me, operation, alike or {})
    if things.unknown is not None and (status := hall.ask(me, operation, things.unknown).status_code) < 400:
        yield things.unknown, status
    answer = hall.ask(me, operation)
    if not _is_done(case, answer.status_code):
        yield things.own, answer.status_code, answer.text[:500]
    yield from _let_out(answer, actor)


def _is_done(case: Case, status: int) -> bool:
    return 200 <= status < 400 or status in case.done


def _let_out(answer: httpx.Response, actor: Actor) -> Iterator[tuple[Any, ...]]:
    for word in actor.unseen:
        if word in answer.text:
            at = answer.text.index(word)
            yield str(answer.url), word, answer.text[max(at - 100, 0) : at + 100]


@by_actor
def test_no_list_lets_out_what_is_foreign(hall: Hall, actor: Actor):
    me, wrong = hall.let_in(actor), []
    bare = [operation.split(" ")[1] for operation, case in EXPECTED.items() if case.query]
    for path in (*bare, *ASKED_OTHERWISE):
        answer = me.get(path)
        assert answer.status_code < 404, (path, answer.status_code)
        wrong += list(_let_out(answer, actor))
    assert wrong == [], "\n".join(map(str, wrong))


def test_what_is_elsewhere_is_not_claimed_for_a_site_of_one_s_own(hall: Hall):
    me = hall.let_in(Actor("technician", site="balai"))
    filled = {key: value.format(device="{device}", outlet="a-1") for key, value in CLAIM.items()}
    said = []
    for device, of in ((f"alat-{FAR}", FAR), ("z-9", "entah")):
        wanted = filled | {"device": device, "from": of, "site": "balai"}
        answers = [
            me.post("/api/v1/inbox/claim", json=wanted),
            me.post("/admin/sites/balai/inbox", data=filled | {"device": device, "site": of}),
        ]
        said.append(
            [(one.status_code, re.sub(rf"{device}|[0-9a-f]{{16}}\.[0-9a-f]+", "…", one.text)) for one in answers]
        )
    assert said[0] == said[1]
    assert [status for status, _ in said[0]] == [404, 400]


@pytest.mark.parametrize("operation", [one for one in EXPECTED if one.startswith("POST /agency/")])
def test_nobody_passes_off_as_his_agency_s_what_is_another_s(hall: Hall, operation: str):
    me, path = hall.let_in(Actor("agency", agency="dinas")), operation.split(" ")[1]
    if "agency" not in EXPECTED[operation].roles:
        me = hall.web.ask(authorization=f"Bearer {hall.manager()}")
    fields = {"reason": "sick", "until": TO, "text": "x", "verdict": "upheld"}

    def said(outlet: str, alert: str, number: str, contact: str) -> tuple[int, str]:
        given = fields | {"outlet": outlet, "alert": alert, "number": number, "site": "balai", "agency": "dinas"}
        given |= {"contact": contact, "to": "budi"}
        given["which"] = f"{outlet} {PAST['from']} {PAST['to']}"
        answer = me.post(path, data=given)
        text = answer.text.replace(alert, "…").replace(f"contest {number}", "…").replace(f"absence {number}", "…")
        return answer.status_code, answer.headers.get("location", re.sub(r"[0-9a-f]{16}\.[0-9a-f]+", "…", text))

    foreign = said(f"{OTHER}-1", f"alarm-{OTHER}", "2", f"orang-{OTHER}")
    assert foreign == said("z-9", "z-9", "77", "z-9")
    assert foreign[0] == 404 or "Pilih loketnya." in foreign[1] or "Pilih siapa yang pergi." in foreign[1]


def test_what_a_token_may_not(hall: Hall):
    """One for reading changes nothing; one that ended or was taken back opens nothing."""
    hall.let_in(Actor("administrator"))
    with hall.web.record.writing(durable=False) as connection:
        reads = make_token(connection, "me", "", NOW, scope="read")
        ended = make_token(connection, "me", "", NOW, expires_ms=NOW)
        make_account(connection, "gone", NOW)
        revoked = make_token(connection, "gone", "", NOW)
        accounts.revoke_token(connection, "gone", accounts.tokens(connection, "gone")[0].id, by="me", now_ms=NOW)
    reader, *strangers = (hall.web.ask(authorization=f"Bearer {token}") for token in (reads, ended, revoked, "x"))
    for operation in EXPECTED:
        may = EXPECTED[operation].done or range(200, 400)
        reading = hall.ask(reader, operation).status_code
        assert (reading in may or reading == 200) if operation.startswith("GET ") else reading == 403, operation
        # The figures are open to this machine.
        refused = 200 if operation == "GET /metrics" else 401
        assert [hall.ask(one, operation).status_code for one in strangers] == [refused] * 3, operation


def test_a_session_changes_nothing_without_proof_that_a_page_of_ours_asks(hall: Hall):
    hall.let_in(Actor("administrator"))
    with hall.web.record.writing(durable=False) as connection:
        session = make_session(connection, "me", NOW)
    browser = hall.web.ask(cookie=f"hadir_session={session}")
    changing = [operation for operation in EXPECTED if not operation.startswith("GET ")]
    assert {hall.ask(browser, operation).status_code for operation in changing} == {403}


@by_actor
def test_a_stream_that_goes_on_says_nothing_of_what_is_foreign(hall: Hall, actor: Actor):
    me, stream = hall.let_in(actor), hall.web.app.state.feed.stream
    before = stream.last_id

    async def happen() -> None:
        for where, word, agency in (("balai", "milik", "dinas"), ("balai", OTHER, OTHER), (FAR, FAR, FAR)):
            stream.put("occupancy", where, word, word.encode(), agency=agency)
            stream.put("alert", where, word, b"alarm-" + word.encode(), agency=agency)
        stream.put("alert", "balai", "alat", b"alat-balai-diam")
        while stream.last_id < before + 7:
            await asyncio.sleep(0)

    asyncio.run(happen())
    heard = me.get("/api/v1/live/stream", headers={"Last-Event-ID": str(before)}).text
    expected = {"milik", "alarm-milik"}
    expected |= {OTHER, f"alarm-{OTHER}", "alat-balai-diam"} if actor.agency is None else set()
    expected |= {FAR, f"alarm-{FAR}"} if actor.sees_all else set()
    assert set(re.findall(r"data: (.*)", heard)) == expected
