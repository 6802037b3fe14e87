"""Accounts on the page and over the API: added, changed, let in, closed; and what the last administrator is spared."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html import unescape
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from api.access import SESSION_COOKIE
from api.oidc.relying_party import Registration, RelyingParty
from presence.instants import rfc3339
from presence.site import Agency
from storage.record import accounts, audit, users
from storage.record.identities import Person, log_in, names
from storage.record.tables import audit as rows
from storage.record.users import LINK_LIFE_MS, Role, make_account, make_link, make_token
from tests.builders import outlet, site
from tests.fixtures.mall import NOW
from tests.fixtures.web import Browser, Web

HERE = "/admin/users"
HOSTILE = '"><script>alert("x")<'


@pytest.fixture
def office(web: Web) -> Web:
    """A site with an agency, and `ani` alone, an administrator."""
    web.apply(site(outlets=[outlet("a-1")], agencies=(Agency(id="dinas", name="Dinas Sosial", short="Dinsos"),)))
    new(web, "ani")
    return web


def new(web: Web, name: str, role: Role = "administrator", **reach: Any) -> None:
    with web.record.writing(durable=False) as connection:
        make_account(connection, name, web.now_ms, role, **reach)


def browser_of(web: Web, name: str = "ani") -> Browser:
    """A browser in which `name` is logged in, and whose forms hold their proof."""
    with web.record.writing(durable=False) as connection:
        code = make_link(connection, name, web.now_ms)
    browser = web.ask(host="hadir.example", client="10.0.0.7", accept="text/html")
    browser.post("/login", data={"code": code})
    return browser


def send(browser: Browser, path: str, form_at: str | None = None, **fields: str) -> httpx.Response:
    found = re.findall(r'name="proof" value="([^"]+)"', browser.get(form_at or path).text)
    return browser.post(path, data={"proof": found[0] if found else "", **fields})


def words_of(answer: httpx.Response) -> str:
    html = re.sub(r"<svg\b.*?</svg>", " ", answer.text, flags=re.DOTALL)
    return unescape(" ".join(re.sub(r"<[^>]+>", " ", html).replace("\u00a0", " ").split()))


def account(web: Web, name: str) -> users.Account | None:
    with web.record.reading() as connection:
        return next((one for one in users.accounts(connection, web.now_ms) if one.name == name), None)


def log(web: Web) -> list[dict[str, Any]]:
    with web.record.reading() as connection:
        assert isinstance(audit.verify(connection), int)
        bodies = [json.loads(body) for body in connection.scalars(select(rows.c.body).order_by(rows.c.id))]
    return [body for body in bodies if body["author"] == "ani" and body["event"] != "logged_in"]


def test_an_account_is_added_and_its_owner_let_in(office: Web):
    ani = browser_of(office)
    assert "Baru ada akun Anda" in words_of(ani.get(HERE))
    answer = send(ani, f"{HERE}/new", name="loket sosial", role="agency", agency="dinas", site="balai")
    assert (answer.status_code, answer.headers["location"]) == (303, f"{HERE}/of/loket%20sosial?said=added")
    assert "tidak ada; beri tautan masuk" in words_of(ani.get(answer.headers["location"]))
    made = send(ani, f"{HERE}/of/loket%20sosial/link", f"{HERE}/of/loket%20sosial")
    assert "berlaku satu kali sampai 11.42 WIB" in words_of(made)
    (link,) = re.findall(r'id="link" type="text" value="http://hadir\.example([^"]+)" readonly', made.text)
    assert link.partition("code=")[2] not in ani.get(f"{HERE}/of/loket%20sosial").text
    assert "loket sosial instansi Dinsos · Balai Layanan 1 tautan menunggu dipakai" in words_of(ani.get(HERE))
    owner = office.ask(host="hadir.example", client="10.0.0.8", accept="text/html")
    assert "Masuk sebagai loket sosial" in owner.get(link).text
    code = link.partition("/login?code=")[2]
    assert owner.post("/login", data={"code": code}).headers["location"] == "/account?first=1"
    assert owner.get("/").status_code == 200
    assert owner.get(HERE).status_code == 403
    assert [(body["event"], body["account"]) for body in log(office)] == [
        ("account_made", "loket sosial"),
        ("link_made", "loket sosial"),
    ]


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"name": " "}, "Tulis 1 sampai 64"),
        ({"name": ".."}, "Tulis 1 sampai 64"),
        ({"name": "a/b"}, "Tulis 1 sampai 64"),
        ({"role": "king"}, "Pilih satu peran."),
        ({"role": "agency"}, "Pilih instansi yang ada"),
        ({"role": "agency", "agency": "polres"}, "Pilih instansi yang ada"),
        ({"site": "cabang"}, "Gedung ini tidak ada lagi"),
        ({"name": "ani"}, "“ani” sudah dipakai"),
    ],
)
def test_what_is_wrong_stands_at_its_field_and_nothing_is_made(office: Web, fields: dict[str, str], says: str):
    answer = send(browser_of(office), f"{HERE}/new", **{"name": "budi", "role": "viewer", **fields})
    assert answer.status_code in (400, 409)
    assert says in words_of(answer)
    assert account(office, "budi") is None


def test_another_role_holds_at_once_where_one_is_logged_in(office: Web):
    new(office, "budi", "facility_manager")
    ani, budi = browser_of(office), browser_of(office, "budi")
    assert budi.get("/admin").status_code == 200
    path = f"{HERE}/of/budi"
    assert send(ani, path, role="agency", agency="dinas").headers["location"] == f"{path}?said=changed"
    assert budi.get("/admin").status_code == 403
    assert send(ani, path, role="agency", agency="polres").status_code == 400
    (body,) = log(office)
    del body["at"]
    assert body == {
        "event": "account_changed",
        "account": "budi",
        "author": "ani",
        "role": "agency",
        "agency": "dinas",
        "site": None,
        "before": {"role": "facility_manager", "agency": None, "site": None},
    }


def test_the_last_administrator_stays_and_is_told_why(office: Web):
    ani, path = browser_of(office), f"{HERE}/of/ani"
    for answer in (ani.get(path), send(ani, path, HERE + "/new", role="viewer")):
        assert "Ini administrator terakhir" in words_of(answer)
        assert 'name="role"' not in answer.text
    assert send(ani, f"{path}/remove", f"{HERE}/new").status_code == 409
    assert send(ani, f"{path}/revoke", f"{HERE}/new").status_code == 409
    new(office, "budi")
    assert "Ini akun Anda sendiri." in words_of(ani.get(path))
    assert send(ani, path, f"{HERE}/new", role="viewer").status_code == 409
    assert account(office, "ani") is not None
    assert send(browser_of(office, "budi"), f"{path}/remove").headers["location"] == f"{HERE}?said=removed"
    assert account(office, "ani") is None
    assert ani.get("/").status_code == 401


def test_an_account_is_logged_out_its_tokens_revoked_and_closed(office: Web):
    new(office, "budi", "technician")
    ani, budi, path = browser_of(office), browser_of(office, "budi"), f"{HERE}/of/budi"
    with office.record.writing(durable=False) as connection:
        tokens = [make_token(connection, "budi", label, office.now_ms) for label in ("a", HOSTILE)]
        first = accounts.tokens(connection, "budi")[0].id
    assert "2 token · sedang masuk di 1 peramban" in words_of(ani.get(path))
    assert HOSTILE not in ani.get(path).text
    assert send(ani, f"{path}/log-out", path).headers["location"] == f"{path}?said=logged_out"
    assert budi.get("/").status_code == 401
    assert send(ani, f"{path}/tokens/{first}/revoke", path).headers["location"] == f"{path}?said=token"
    kept = [office.ask(authorization=f"Bearer {one}").get("/api/v1/live").status_code for one in tokens]
    assert sorted(kept) == [200, 401]
    assert "0 peramban, dan 1 token serta semua tautannya" in words_of(ani.get(f"{path}/remove"))
    assert send(ani, f"{path}/revoke", f"{path}/remove").headers["location"] == f"{path}?said=revoked"
    assert "tidak ada; beri tautan masuk" in words_of(ani.get(path))
    assert [office.ask(authorization=f"Bearer {one}").get("/api/v1/live").status_code for one in tokens] == [401, 401]
    assert [body["event"] for body in log(office)] == ["logged_out_everywhere", "token_revoked", "all_revoked"]


def test_programs_do_the_same(office: Web):
    with office.record.writing(durable=False) as connection:
        token = make_token(connection, "ani", "", office.now_ms)
    program, here = office.ask(authorization=f"Bearer {token}"), "/api/v1/users"
    program.post(here, json={"name": "budi", "role": "viewer"})
    link = program.post(f"{here}/budi/link").json()
    assert link["expires"] == rfc3339(office.now_ms + LINK_LIFE_MS)
    code = link["path"].removeprefix("/login?code=")
    assert SESSION_COOKIE in office.ask().post("/login", data={"code": code}).cookies
    changed = program.ask("PUT", f"{here}/budi/role", json={"role": "technician", "site": "balai"})
    assert (changed.json()["user"]["role"], changed.json()["user"]["site"]) == ("technician", "balai")
    assert program.post(f"{here}/budi/log-out").json() == {"sessions": 1}
    assert program.post(f"{here}/budi/revoke").json() == {"revoked": 0}
    assert program.ask("PUT", f"{here}/nobody/role", json={"role": "viewer"}).status_code == 404
    refused = program.ask("PUT", f"{here}/ani/role", json={"role": "viewer"})
    assert (refused.status_code, "last administrator" in refused.json()["detail"]) == (409, True)
    assert "last administrator" in program.delete(f"{here}/ani").json()["detail"]
    assert "your own account" in program.post(f"{here}/ani/revoke").json()["detail"]


def test_who_logs_in_by_the_issuer_is_named_shown_and_taken_away(office: Web):
    ani = browser_of(office)
    assert 'name="oidc"' not in ani.get(f"{HERE}/new").text
    assert send(ani, f"{HERE}/of/ani/oidc", f"{HERE}/new", oidc="x").status_code == 404
    issuer = Registration(issuer="https://sso.example", client_id="hadir", name="SSO Kota")
    office.app.state.parts = replace(office.app.state.parts, oidc=RelyingParty(issuer, lambda: NOW))
    send(ani, f"{HERE}/new", name="budi", role="viewer", oidc="Budi@Dinas.example")
    assert "SSO Kota: budi@dinas.example, belum pernah masuk" in words_of(ani.get(HERE))
    taken = send(ani, f"{HERE}/new", name="cita", role="viewer", oidc="budi@dinas.example")
    assert taken.status_code == 409
    assert "Orang ini sudah masuk ke akun “budi”." in words_of(taken)
    assert account(office, "cita") is None
    here = f"{HERE}/of/budi"
    with office.record.writing(durable=False) as connection:
        log_in(connection, Person("https://sso", "1", names("1", "budi@dinas.example", None)), "10.0.0.8", NOW)
    assert "SSO Kota: budi@dinas.example ·" in words_of(ani.get(here))
    assert send(ani, f"{here}/oidc", here, oidc="budi@dinas.example").status_code == 303
    kept = account(office, "budi")
    assert kept is not None
    assert (kept.joined, kept.sessions) == (True, 1)  # nothing was changed
    wrong = send(ani, f"{here}/oidc", here, oidc="budi dinas")
    assert (wrong.status_code, 'value="budi dinas"' in wrong.text) == (400, True)
    assert "Tulis email, nama pengguna" in words_of(wrong)
    assert send(ani, f"{here}/oidc", here, oidc="").headers["location"] == f"{here}?said=oidc"
    kept = account(office, "budi")
    assert kept is not None
    assert (kept.identity, kept.sessions) == (None, 0)
    assert [one["event"] for one in log(office)][-2:] == ["identity_named", "identity_taken"]


def test_over_the_api_another_person_is_named_and_the_same_one_again_changes_nothing(office: Web):
    with office.record.writing(durable=False) as connection:
        token = make_token(connection, "ani", "", NOW, scope="write")
        accounts.add(connection, "budi", "viewer", by="ani", now_ms=NOW)
        accounts.add(connection, "cita", "viewer", identity="cita@dinas.example", by="ani", now_ms=NOW)
    program = office.ask(authorization=f"Bearer {token}")

    def change(name: str, **body: Any) -> httpx.Response:
        return program.ask("PATCH", f"/api/v1/users/{name}", json=body)

    named = change("budi", oidc="Budi@Dinas.example")
    assert (named.status_code, named.json()["user"]["oidc"]) == (200, "budi@dinas.example")
    with office.record.writing(durable=False) as connection:
        log_in(connection, Person("https://sso", "1", names("1", "budi@dinas.example", None)), "10.0.0.8", NOW)
    before = log(office)
    again = change("budi", oidc="budi@dinas.example").json()["user"]
    assert (again["oidc_joined"], again["sessions"], log(office)) == (True, 1, before)
    taken = change("budi", oidc="cita@dinas.example")
    assert (taken.status_code, 'to the account "cita" already' in taken.json()["error"]) == (409, True)
    assert [change(name, **body).status_code for name, body in _REFUSED] == [404, 400, 400, 400]
    nobody = change("budi", oidc=None).json()["user"]
    assert (nobody["oidc"], nobody["oidc_joined"], nobody["sessions"]) == (None, False, 0)
    assert change("budi", oidc=None).status_code == 200
    assert [(one["event"], one["account"], one["author"]) for one in log(office)[len(before) :]] == [
        ("identity_taken", "budi", "ani")
    ]


_REFUSED: list[tuple[str, dict[str, Any]]] = [
    ("dewi", {"oidc": "dewi"}),
    ("budi", {"oidc": "budi dinas"}),
    ("budi", {}),
    ("budi", {"role": "administrator"}),
]


def test_english_is_whole(office: Web):
    ani = browser_of(office)
    ani.get(f"{HERE}?lang=en")
    assert "There is your account alone" in words_of(ani.get(HERE))
    assert "This is the last administrator" in words_of(ani.get(f"{HERE}/of/ani"))


def test_nobody_gets_a_role_that_was_not_chosen(office: Web):
    ani = browser_of(office)
    assert not re.search(r'name="role"[^>]* checked', ani.get(f"{HERE}/new").text)
    answer = send(ani, f"{HERE}/new", name="budi")
    assert (answer.status_code, "Pilih satu peran." in answer.text) == (400, True)
