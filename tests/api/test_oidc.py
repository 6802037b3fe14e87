"""Log-in by OpenID Connect: who gets in, who does not, and what is written down of it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from joserfc.jwk import ECKey, RSAKey
from playwright.sync_api import Page, expect
from sqlalchemy import select

from api.log_in_limits import FAILURES_OF_ADDRESS
from api.oidc.begun import LIFE_S
from api.oidc.issuer import FRESH_MS, LEFT_ALONE_MS
from api.oidc.relying_party import LEEWAY_S, Registration, RelyingParty
from api.parts import Parts
from presence.declarations import NotAccepted
from storage.record import Record, accounts, audit
from storage.record.identities import name_person
from storage.record.refusals import NotNow
from storage.record.tables import audit as rows
from tests.fixtures.oidc_provider import CLIENT_ID, CLIENT_SECRET, Provider
from tests.fixtures.web import Browser, Web, served
from transport.session import BrokerAddress


def registration(provider: Provider, **other: Any) -> Registration:
    usual = {"issuer": provider.issuer, "client_id": CLIENT_ID, "secret": CLIENT_SECRET, "name": "SSO Kota"}
    return Registration(**(usual | other))


@pytest.fixture
def hall(record: Record, provider: Provider) -> Web:
    """Where ani@dinas.example may log in to the account `ani`."""
    web = Web(record, oidc=RelyingParty(registration(provider), lambda: web.now_ms))
    with record.writing(durable=False) as connection:
        accounts.add(
            connection, "ani", "administrator", identity="ani@dinas.example", by=accounts.CONSOLE, now_ms=web.now_ms
        )
    return web


def begin(browser: Browser) -> str:
    """Off to the issuer, and where that sends the browser back to: path and query."""
    return there_and_back(browser.get("/login/oidc"))


def there_and_back(begun: httpx.Response) -> str:
    assert begun.status_code == 303, begun.text
    back = urlsplit(httpx.get(begun.headers["location"]).headers["location"])
    assert f"{back.scheme}://{back.netloc}{back.path}" == "http://localhost:8080/login/oidc/back"
    return f"{back.path}?{back.query}"


def log_in(web: Web, path: str = "/login/oidc") -> httpx.Response:
    browser = web.ask(accept="text/html")
    return browser.get(there_and_back(browser.get(path)))


def refused(answer: httpx.Response, sentence: str, status: int = 403) -> bool:
    return answer.status_code == status and sentence in answer.text and "hadir_session" not in answer.cookies


def written(web: Web) -> list[dict[str, Any]]:
    with web.record.reading() as connection:
        assert isinstance(audit.verify(connection), int)
        return [json.loads(body) for body in connection.scalars(select(rows.c.body).order_by(rows.c.id))]


def events(web: Web) -> list[str]:
    return [f"{row['event']} {row['account']}".strip() for row in written(web)[2:]]  # without how the account was made


UNPROVED, UNKNOWN = "tidak dapat dipastikan", "belum ada akun Hadir untuk Anda"
STALE, AWAY = "sudah kedaluwarsa, atau dimulai di peramban lain", "tidak menjawab sebagaimana mestinya"


def test_whoever_is_named_gets_in_as_by_password_and_the_account_is_joined_to_him(hall: Web, provider: Provider):
    browser = hall.ask(accept="text/html")
    answer = browser.get(begin(browser))
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert "HttpOnly; Max-Age=2592000; Path=/; SameSite=lax" in answer.headers["set-cookie"]
    assert browser.get("/account").status_code == 200
    provider.claims |= {"email": "ani@lain.example", "email_verified": False}  # he stays who he is
    assert log_in(hall).status_code == 303
    assert events(hall) == ["identity_joined ani", "logged_in ani", "logged_in ani"]
    assert written(hall)[-1] | {"how": "oidc", "address": "127.0.0.1"} == written(hall)[-1]
    assert browser.post("/logout").headers["location"] == "/login?done=out"
    assert browser.get("/account").status_code == 401


def test_who_asked_for_a_page_comes_to_it_and_keeps_it_when_the_issuer_does_not_let_him_pass(
    hall: Web, provider: Provider
):
    browser = hall.ask(accept="text/html")
    asked = browser.get("/agency?site=balai&agency=naker")
    assert asked.status_code == 401
    button = "/login/oidc?next=%2Fagency%3Fsite%3Dbalai%26agency%3Dnaker"
    assert f'href="{button}"' in asked.text
    back = there_and_back(browser.get(button))
    assert f'href="{button}"' in browser.get(back.replace("code=", "error=access_denied&x=")).text
    assert log_in(hall, button).headers["location"] == "/agency?site=balai&agency=naker"
    provider.claims |= {"sub": "4712"}
    assert f'href="{button}"' in log_in(hall, button).text


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.example", "//evil.example", "/%5Cevil.example", "/%09/evil.example", "/" + "a" * 500]
)
def test_a_log_in_leads_to_no_address_but_ours(hall: Web, elsewhere: str):
    assert log_in(hall, f"/login/oidc?next={elsewhere}").headers["location"] == "/"


def test_what_comes_back_does_not_say_where_to_go_on(hall: Web):
    browser = hall.ask(accept="text/html")
    assert browser.get(f"{begin(browser)}&next=/account").headers["location"] == "/"


def test_the_log_in_page_has_the_button_only_where_an_issuer_is_set(hall: Web, record: Record):
    assert "Masuk dengan SSO Kota" in hall.ask().get("/login").text
    without = Web(record)
    assert "/login/oidc" not in without.ask().get("/login").text
    assert [without.ask().get(path).status_code for path in ("/login/oidc", "/login/oidc/back?code=x")] == [404, 404]


@pytest.mark.parametrize("ways", [["client_secret_basic"], ["client_secret_post"]])
def test_rsa_keys_and_either_way_to_prove_the_client_do(hall: Web, provider: Provider, ways: list[str]):
    provider.key, provider.ways = RSAKey.generate_key(2048, {"use": "sig"}, auto_kid=True), ways
    assert log_in(hall).status_code == 303


def unsigned(provider: Provider, claims: dict[str, Any]) -> str:
    return f"{encoded({'alg': 'none'})}.{encoded(claims)}."


def signed_with_what_is_public(provider: Provider, claims: dict[str, Any]) -> str:
    text = f"{encoded({'alg': 'HS256', 'kid': provider.key.kid})}.{encoded(claims)}"
    proof = hmac.new(provider.key.as_pem(private=False), text.encode(), hashlib.sha256).digest()
    return f"{text}.{base64.urlsafe_b64encode(proof).rstrip(b'=').decode()}"


def signed_by_another(provider: Provider, claims: dict[str, Any]) -> str:
    return provider.signed(claims, ECKey.generate_key("P-256"))


def encoded(part: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


@pytest.mark.parametrize("forge", [unsigned, signed_with_what_is_public, signed_by_another, lambda *_: "x.y"])
def test_a_signature_that_is_not_the_issuers_proves_nothing(
    hall: Web, provider: Provider, forge: Callable[[Provider, dict[str, Any]], str]
):
    provider.sign = lambda claims: forge(provider, claims)
    assert refused(log_in(hall), UNPROVED)
    assert events(hall) == []


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "of another log-in"},
        {"aud": "another-client"},
        {"aud": ["another-client", CLIENT_ID]},  # for whom of them, azp would say
        {"aud": [CLIENT_ID, "x"], "azp": "x"},
        {"iss": "https://elsewhere.example"},
        {"sub": ""},
        {"sub": 4711},
        {"at_hash": "of another token"},
    ],
)
def test_a_token_that_is_not_for_this_log_in_proves_nothing(hall: Web, provider: Provider, claims: dict[str, Any]):
    provider.claims |= claims
    assert refused(log_in(hall), UNPROVED)


def test_a_token_holds_until_it_is_over_with_a_minute_for_clocks_that_differ(hall: Web, provider: Provider):
    provider.now_ms = hall.now_ms - (LEEWAY_S + 59) * 1000
    assert log_in(hall).status_code == 303
    provider.now_ms -= 1000
    assert refused(log_in(hall), UNPROVED)


def test_keys_are_kept_and_asked_for_again_when_the_issuer_signs_with_another(hall: Web, provider: Provider):
    assert [log_in(hall).status_code for _ in range(2)] == [303, 303]
    provider.key = ECKey.generate_key("P-256", {"use": "sig"}, auto_kid=True)
    assert log_in(hall).status_code == 303
    asked = [path.rpartition("/")[2] for path in provider.asked]
    assert (asked.count("openid-configuration"), asked.count("keys")) == (1, 2)


def test_what_came_back_once_does_not_come_back_again(hall: Web):
    browser = hall.ask(accept="text/html")
    begun = browser.get("/login/oidc")
    back = there_and_back(begun)
    assert browser.get(back).status_code == 303
    assert refused(browser.get(back), STALE)
    kept = hall.ask(accept="text/html", cookie=f"hadir_oidc={begun.cookies['hadir_oidc']}")
    assert refused(kept.get(back), UNPROVED)  # the code is spent


def test_only_the_browser_that_began_a_log_in_ends_it(hall: Web):
    strangers = begin(hall.ask())
    browser = hall.ask(accept="text/html")
    assert refused(browser.get(strangers), STALE)
    begin(browser)
    assert refused(browser.get(strangers), STALE)
    for forged in ("x", f"{encoded({'alg': 'none'})}.{encoded({'state': 's', 'exp': 9**12})}."):
        forger = hall.ask(accept="text/html", cookie=f"hadir_oidc={forged}")
        assert refused(forger.get("/login/oidc/back?code=x&state=s"), STALE)
    back = begin(browser)
    hall.now_ms += LIFE_S * 1000
    assert refused(browser.get(back), STALE)


def test_what_other_pages_make_a_browser_send_keeps_nobody_out(hall: Web):
    browser = hall.ask(accept="text/html")
    for _ in range(FAILURES_OF_ADDRESS + 1):
        assert refused(browser.get("/login/oidc/back?code=x&state=x"), STALE)
    assert browser.get(begin(browser)).status_code == 303


def test_an_unknown_person_is_told_whom_to_ask_and_gets_no_account(hall: Web, provider: Provider):
    provider.claims |= {"sub": "4712", "email": "budi@dinas.example"}
    for _ in range(FAILURES_OF_ADDRESS):
        assert refused(log_in(hall), UNKNOWN)
    held = log_in(hall)
    assert refused(held, "Terlalu banyak percobaan", 429)
    assert events(hall) == ["log_in_refused"] * FAILURES_OF_ADDRESS + ["log_in_held_up"]
    told = written(hall)[2]
    assert (told["why"], told["subject"], told["author"]) == ("not_named", "4712", None)
    assert "budi" not in str(written(hall))


@pytest.mark.parametrize(
    ("identity", "claims", "does"),
    [
        ("ani@dinas.example", {"email_verified": False}, False),
        ("ani@dinas.example", {"email_verified": "true"}, False),
        ("ani@dinas.example", {"email": "x@x", "preferred_username": "ani@dinas.example"}, False),
        ("ani", {"email": "ani", "preferred_username": "budi"}, False),
        ("sub:4711", {"sub": "1", "preferred_username": "sub:4711"}, False),
        ("kim", {"preferred_username": "\u212aim"}, False),  # the sign of kelvin, whose small form is a k
        ("Ani", {"preferred_username": "aNI"}, True),
        ("sub:4711", {}, True),
    ],
)
def test_an_account_is_found_by_a_verified_e_mail_a_user_name_or_a_subject(
    hall: Web, provider: Provider, identity: str, claims: dict[str, Any], does: bool
):
    with hall.record.writing(durable=False) as connection:
        name_person(connection, "ani", identity, by=accounts.CONSOLE, now_ms=hall.now_ms)
    provider.claims |= claims
    answer = log_in(hall)
    assert answer.status_code == 303 if does else refused(answer, UNKNOWN)


def test_an_e_mail_that_the_token_lacks_is_asked_for(hall: Web, provider: Provider):
    provider.userinfo, provider.claims = {**provider.claims}, {"sub": "4711"}
    assert log_in(hall).status_code == 303
    provider.userinfo["sub"] = "4712"
    assert refused(log_in(hall), UNPROVED)


def test_who_comes_by_the_same_name_later_is_another(hall: Web, provider: Provider):
    assert log_in(hall).status_code == 303
    provider.claims["sub"] = "4712"
    assert refused(log_in(hall), UNKNOWN)
    assert events(hall)[-1] == "log_in_refused ani"
    with hall.record.writing(durable=False) as connection:
        name_person(connection, "ani", "ani@dinas.example", by="console", now_ms=hall.now_ms)
    assert log_in(hall).status_code == 303


def test_one_person_is_named_for_one_account(hall: Web, provider: Provider):
    with hall.record.writing(durable=False) as connection:
        with pytest.raises(NotNow, match='logs in to the account "ani" already'):
            accounts.add(connection, "budi", "viewer", identity="ANI@dinas.example", by="console", now_ms=0)
        with pytest.raises(NotAccepted, match="oidc: is no e-mail"):
            name_person(connection, "ani", "ani dinas", by="console", now_ms=0)
    with hall.record.writing(durable=False) as connection:
        accounts.add(connection, "cici", "viewer", identity="ani", by="console", now_ms=0)
    provider.claims["preferred_username"] = "ani"
    assert refused(log_in(hall), UNKNOWN)
    assert written(hall)[-1]["why"] == "named_twice"


def test_a_revoked_account_opens_to_nobody(hall: Web):
    browser = hall.ask(accept="text/html")
    back = begin(browser)
    assert log_in(hall).status_code == 303
    with hall.record.writing(durable=False) as connection:
        accounts.revoke(connection, "ani", by=accounts.CONSOLE, now_ms=hall.now_ms)
    assert refused(browser.get(back), UNKNOWN)
    assert refused(log_in(hall), UNKNOWN)


def test_an_issuer_that_is_away_is_told_in_a_sentence_and_left_alone_for_a_moment(hall: Web, provider: Provider):
    browser = hall.ask(accept="text/html")
    provider.description = {"issuer": "https://elsewhere.example"}
    assert refused(browser.get("/login/oidc"), AWAY, 503)
    provider.description = {}
    assert refused(browser.get("/login/oidc"), AWAY, 503)
    hall.now_ms += LEFT_ALONE_MS
    back = begin(browser)
    provider.close()
    assert refused(browser.get(back), AWAY, 503)
    hall.now_ms += FRESH_MS
    assert refused(browser.get("/login/oidc"), AWAY, 503)
    assert browser.get("/login").status_code == 200


@pytest.mark.parametrize("token_endpoint", ["http://10.0.0.7/token", "https://u@h/token", None, 7])
def test_an_issuer_that_could_be_listened_to_is_not_asked(hall: Web, provider: Provider, token_endpoint: object):
    provider.description = {"token_endpoint": token_endpoint}
    assert refused(hall.ask(accept="text/html").get("/login/oidc"), AWAY, 503)


def test_who_is_not_let_pass_by_the_issuer_is_told_so(hall: Web):
    browser = hall.ask(accept="text/html")
    state = dict(parse_qsl(urlsplit(begin(browser)).query))["state"]
    answer = browser.get(f"/login/oidc/back?error=access_denied&error_description=<b>&state={state}")
    assert refused(answer, "SSO Kota tidak meluluskan Anda")
    assert "<b>" not in answer.text


def test_a_wrong_secret_is_in_the_log_and_not_on_the_page(
    record: Record, provider: Provider, caplog: pytest.LogCaptureFixture
):
    web = Web(record, oidc=RelyingParty(registration(provider, secret="salah"), lambda: web.now_ms))
    assert refused(log_in(web), UNPROVED)
    assert "the issuer does not take the code: 401 invalid_client" in caplog.text
    assert "salah" not in caplog.text


def test_behind_a_proxy_people_come_back_by_https(hall: Web):
    begun = hall.ask(host="hadir.example", **{"x-forwarded-proto": "https"}).get("/login/oidc")
    assert dict(parse_qsl(urlsplit(begun.headers["location"]).query))["redirect_uri"] == (
        "https://hadir.example/login/oidc/back"
    )
    assert begun.headers["set-cookie"].endswith("HttpOnly; Max-Age=600; Path=/login/oidc; SameSite=lax; Secure")


def test_in_a_browser_the_button_leads_in(record: Record, provider: Provider, browse: Callable[..., Page]):
    def now() -> int:
        return time.time_ns() // 1_000_000

    provider.now_ms = now()
    with record.writing(durable=False) as connection:
        accounts.add(connection, "ani", "viewer", identity="ani@dinas.example", by=accounts.CONSOLE, now_ms=now())
    parts = Parts(
        record=record,
        broker=BrokerAddress("127.0.0.1", 1),
        now=now,
        oidc=RelyingParty(registration(provider), now),
    )
    with served(parts) as url:
        page = browse(f"{url}/login", java_script_enabled=False)
        page.get_by_role("link", name="Masuk dengan SSO Kota").click()
        expect(page).to_have_url(f"{url}/")
        page.goto(f"{url}/account")
        expect(page.get_by_role("main")).to_contain_text("ani")
        page.close()
