from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from fastapi.routing import APIRoute
from sqlalchemy import update

from api.access import RULES, SESSION_COOKIE
from storage.record.tables import credential
from storage.record.users import end_session, make_account, make_link, make_token, revoke
from tests.fixtures.web import Browser, Web

WRITING = [operation for operation, rule in RULES.items() if rule != "open" and not operation.startswith("GET ")]
READING = ["/", "/docs", "/openapi.json", "/api/v1/live", "/api/v1/alerts", "/api/v1/ledger"]


def routes(web: Web) -> Iterator[APIRoute]:
    def walk(found: Any) -> Iterator[APIRoute]:
        for route in found:
            if isinstance(route, APIRoute):
                yield route
            else:  # routes that were included are kept together
                yield from walk(route.original_router.routes)

    return walk(web.app.routes)


BODIES: dict[str, dict[str, str]] = {
    "acknowledge": {"reason": "sick"},
    "absences": {"outlet": "a-1", "to": "2026-11-24T12:00:00+07:00", "reason": "sick"},
    "maintenance": {"outlet": "a-1", "to": "2026-11-24T12:00:00+07:00", "reason": "kabel"},
}


def ask_for(browser: Browser, operation: str) -> httpx.Response:
    """Ask for what is right in form, and is not there."""
    method, path = operation.split(" ")
    body = BODIES.get(path.rpartition("/")[2]) if operation in WRITING and method == "POST" else None
    return browser.ask(method, re.sub(r"\{(\w+)\}", "1", path), json=body)


def secrets(web: Web) -> tuple[str, str]:
    """A token and the code of a link."""
    with web.record.writing(durable=False) as connection:
        make_account(connection, "ani", web.now_ms)
        return make_token(connection, "ani", "", web.now_ms), make_link(connection, "ani", web.now_ms)


def test_every_route_has_a_rule_and_every_rule_a_route(web: Web):
    assert {f"{method} {route.path}" for route in routes(web) for method in route.methods} == set(RULES)


def test_without_a_login_nothing_is_read(web: Web):
    for operation, rule in RULES.items():
        answer = ask_for(web.ask(host="hadir.example", client="10.0.0.7"), operation)
        assert rule == "open" or answer.status_code == 401, (operation, answer.status_code)


def test_what_is_no_reading_needs_more_than_the_right_to_read():
    assert [operation for operation in WRITING if RULES[operation] in ("see", "local")] == []


@pytest.mark.parametrize("operation", WRITING)
def test_the_demo_is_not_open_to_change(demo: Web, operation: str):
    answer = ask_for(demo.ask(**{"x-hadir-request": "1"}), operation)
    assert answer.status_code == 401
    assert answer.json()["error"].startswith("changing something needs a login or a token, in the demo too")
    assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("operation", WRITING)
def test_a_login_changes_something_only_with_proof_that_the_page_is_ours(web: Web, operation: str):
    _, code = secrets(web)
    browser = web.ask()
    session = browser.post("/login", data={"code": code}).cookies[SESSION_COOKIE]
    cookie = f"{SESSION_COOKIE}={session}"
    # What a page from elsewhere can make a browser send: a form, or a request without further headers.
    elsewhere = ({}, {"origin": "http://localhost:3000"}, {"sec-fetch-site": "same-site"}, {"x-hadir-request": ""})
    for forged in elsewhere:
        answer = ask_for(web.ask(cookie=cookie, **forged), operation)
        assert answer.status_code == 403
        assert answer.json()["error"] == (
            "a login changes something only with the header X-Hadir-Request: 1, or the field proof of a form "
            "of ours; programs send a token"
        )
    assert ask_for(web.ask(cookie=cookie, **{"x-hadir-request": "1"}), operation).status_code not in (401, 403)


@pytest.mark.parametrize("operation", WRITING)
def test_a_token_needs_no_further_proof(web: Web, operation: str):
    token, _ = secrets(web)
    ask = web.ask(host="hadir.example", client="10.0.0.7", authorization=f"Bearer {token}")
    assert ask_for(ask, operation).status_code not in (401, 403)


@pytest.mark.parametrize("operation", WRITING)
def test_a_token_that_has_expired_or_was_revoked_changes_nothing(web: Web, operation: str):
    token, _ = secrets(web)
    ask = web.ask(authorization=f"Bearer {token}")
    with web.record.writing(durable=False) as connection:
        connection.execute(update(credential).values(expires_ms=web.now_ms))
    assert ask_for(ask, operation).status_code == 401
    with web.record.writing(durable=False) as connection:
        revoke(connection, "ani")
    assert ask_for(ask, operation).status_code == 401


def test_a_foreign_page_is_not_allowed_to_send_our_header(web: Web):
    asked = {"origin": "https://elsewhere.example", "access-control-request-headers": "x-hadir-request"}
    answer = web.ask(**asked, **{"access-control-request-method": "POST"}).ask("OPTIONS", "/api/v1/sites/x/absences")
    assert not [name for name in answer.headers if name.startswith("access-control")]


@pytest.mark.parametrize("path", READING)
def test_a_token_opens_reading_from_anywhere(web: Web, path: str):
    token, _ = secrets(web)
    ask = web.ask(host="hadir.example", client="10.0.0.7", authorization=f"Bearer {token}")
    assert ask.get(path).status_code == 200
    assert ask.get("/metrics").status_code == 200


@pytest.mark.parametrize("given", ["Bearer x", "Bearer ", "Basic {token}", "{token}"])
def test_anything_else_in_its_place_does_not(web: Web, given: str):
    token, _ = secrets(web)
    answer = web.ask(authorization=given.format(token=token)).get("/api/v1/live")
    assert answer.status_code == 401
    assert answer.json()["error"].startswith("reading needs a login or a token")
    assert answer.headers["www-authenticate"].startswith("Bearer")


def test_a_one_time_link_logs_a_browser_in_once(web: Web):
    _, code = secrets(web)
    browser = web.ask(host="hadir.example", client="10.0.0.7", accept="text/html")
    assert browser.get("/").status_code == 401
    for method in ("HEAD", "GET", "GET"):  # a chat program's preview, a mail scanner, then its reader
        looked_at = browser.ask(method, "/login", params={"code": code})
        assert (looked_at.status_code, "set-cookie" in looked_at.headers) == (200, False)
    assert ('name="code"' in looked_at.text, "Masuk sebagai ani" in looked_at.text) == (True, True)
    answer = browser.post("/login", data={"code": code})
    assert (answer.status_code, answer.headers["location"]) == (303, "/account?first=1")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Max-Age=2592000" in cookie
    assert "Secure" not in cookie
    assert browser.get("/").status_code == 200
    spent = browser.post("/login", data={"code": code})
    assert (spent.status_code, spent.headers["location"]) == (303, "/")
    again = web.ask(accept="text/html").post("/login", data={"code": code})
    assert again.status_code == 403
    assert "sudah dipakai" in again.text


def test_a_page_from_elsewhere_neither_uses_a_link_nor_logs_anybody_out(web: Web):
    _, code = secrets(web)
    browser, evil = web.ask(), {"sec-fetch-site": "cross-site"}
    assert browser.post("/login", data={"code": code}, headers=evil).status_code == 403
    browser.post("/login", data={"code": code})
    assert browser.post("/logout", headers=evil).status_code == 403
    assert browser.get("/api/v1/live").status_code == 200
    assert "set-cookie" not in web.ask().post("/logout").headers  # over http no browser says where a form is from


def test_the_cookie_is_for_https_alone_when_the_browser_speaks_it(web: Web):
    _, code = secrets(web)
    answer = web.ask(**{"x-forwarded-proto": "https"}).post("/login", data={"code": code})
    assert "Secure" in answer.headers["set-cookie"]


def test_logging_out_ends_the_session_and_not_only_the_cookie(web: Web):
    _, code = secrets(web)
    browser = web.ask()
    session = browser.post("/login", data={"code": code}).cookies[SESSION_COOKIE]
    answer = browser.post("/logout")
    assert (answer.status_code, answer.headers["location"]) == (303, "/login?done=out")
    assert web.ask(cookie=f"{SESSION_COOKIE}={session}").get("/api/v1/live").status_code == 401


def test_a_session_that_was_ended_elsewhere_is_over(web: Web):
    _, code = secrets(web)
    browser = web.ask()
    session = browser.post("/login", data={"code": code}).cookies[SESSION_COOKIE]
    assert browser.get("/api/v1/live").status_code == 200
    with web.record.writing(durable=False) as connection:
        end_session(connection, session)
    assert browser.get("/api/v1/live").status_code == 401


def test_the_metrics_are_open_on_this_machine(web: Web):
    assert web.ask().get("/metrics").status_code == 200
    assert web.ask(client="10.0.0.7").get("/metrics").status_code == 401


@pytest.mark.parametrize("host", ["localhost:8080", "localhost", "127.0.0.1:8080", "[::1]:8080", "127.1.2.3"])
@pytest.mark.parametrize("client", ["127.0.0.1", "::1", "::ffff:127.0.0.1"])
def test_the_demo_is_open_to_read_on_this_machine(demo: Web, host: str, client: str):
    assert demo.ask(host=host, client=client).get("/api/v1/live").status_code == 200


@pytest.mark.parametrize(
    "asked",
    [
        {"client": "10.0.0.7"},
        {"client": "::ffff:10.0.0.7"},
        {"host": "rebound.example"},  # a name of somebody else that points here
        {"host": "127.0.0.1.rebound.example"},
        {"host": "localhost.rebound.example:8080"},
        {"forwarded": "for=10.0.0.7"},
        {"x-forwarded-for": "127.0.0.1"},
        {"x-forwarded-host": "localhost"},
        {"x-real-ip": "127.0.0.1"},
        {"via": "1.1 proxy"},
    ],
)
def test_the_demo_is_closed_to_everybody_else(demo: Web, asked: dict[str, str]):
    assert demo.ask(**asked).get("/api/v1/live").status_code == 401


def test_a_wrong_token_is_told_in_the_demo_too(demo: Web):
    assert demo.ask(authorization="Bearer wrong").get("/api/v1/live").status_code == 401


def test_without_demo_this_machine_is_not_let_in_either(web: Web):
    assert web.ask().get("/api/v1/live").status_code == 401


def test_every_answer_forbids_what_is_not_ours(demo: Web):
    for path in ("/", "/api/v1/live", "/healthz", "/nowhere"):
        headers = demo.ask(accept="text/html").get(path).headers
        assert headers["content-security-policy"].startswith("default-src 'self';")
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", ["/api/v1/alerts?site=%00", "/api/v1/sites/a%00b/outlets/c/ledger"])
def test_a_nul_in_an_address_is_refused_in_words(demo: Web, path: str):
    answer = demo.ask().get(path)
    assert (answer.status_code, answer.json()["error"]) == (400, "the address holds a NUL character; leave it out")
