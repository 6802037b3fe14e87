"""Name and password: in, changed, guessed at, and what the audit log says of it."""

from __future__ import annotations

import asyncio
import json
import re
import threading
from collections.abc import AsyncIterator

import pytest
from fastapi.concurrency import run_in_threadpool
from sqlalchemy import select

from api.log_in_limits import (
    FAILURES_ANYWHERE,
    FAILURES_OF_ADDRESS,
    FAILURES_OF_NAME,
    SLOW_MS,
    WITHIN_MS,
    LogInLimits,
)
from api.password_work import Busy, PasswordWork
from storage.passwords import hashed, verified
from storage.record import accounts, audit
from storage.record.tables import audit as rows
from storage.record.users import make_account
from tests.fixtures.web import Browser, Web

PASSWORD = "empat kata yang panjang"
NEW = {"current": PASSWORD, "password": "lima kata yang panjang", "again": "lima kata yang panjang"}


@pytest.fixture
def hall(web: Web) -> Web:
    with web.record.writing(durable=False) as connection:
        make_account(connection, "ani", web.now_ms)
        accounts.set_password(connection, "ani", hashed(PASSWORD), by="console", now_ms=web.now_ms)
    return web


def events(web: Web) -> list[tuple[str, str]]:
    with web.record.reading() as connection:
        assert isinstance(audit.verify(connection), int)
        bodies = [json.loads(body) for body in connection.scalars(select(rows.c.body).order_by(rows.c.id))]
    return [(body["event"], body["account"]) for body in bodies]


def log_in(browser: Browser, name: str = "ani", password: str = PASSWORD) -> int:
    return browser.post("/login", data={"name": name, "password": password}).status_code


def proof(browser: Browser) -> str:
    found: list[str] = re.findall('name="proof" value="([^"]+)"', browser.get("/account").text)
    return found[0]


def test_name_and_password_open_a_session_and_wrong_ones_do_not(hall: Web):
    browser = hall.ask(accept="text/html")
    assert log_in(browser, password="salah salah salah") == 403
    assert log_in(browser, name="budi") == 403
    assert log_in(browser) == 303
    assert browser.get("/").status_code == 200
    assert events(hall) == [("password_set", "ani"), ("logged_in", "ani")]


def test_after_five_failures_a_name_waits_and_is_told_until_when(hall: Web):
    browser = hall.ask(accept="text/html")
    for name in ("ani", "budi"):  # one that there is, and one that there is not
        assert [log_in(browser, name, "salah") for _ in range(FAILURES_OF_NAME)] == [403] * FAILURES_OF_NAME
        held = browser.post("/login", data={"name": name, "password": PASSWORD})
        assert (held.status_code, held.headers["retry-after"]) == (429, str(WITHIN_MS // 1000 + 1))
        assert "Coba lagi pukul 10.57" in held.text
    assert events(hall)[1:] == [("log_in_held_up", "ani"), ("log_in_held_up", "budi")]
    hall.now_ms += WITHIN_MS
    assert log_in(browser) == 303


def test_an_address_that_tries_many_names_waits_too():
    limits = LogInLimits()
    for n in range(FAILURES_OF_ADDRESS):
        assert limits.wait_ms(f"n{n}", "2001:db8::1", n) == 0
        limits.begin(f"n{n}", "2001:db8::1", n)
    assert limits.wait_ms("other", "2001:db8::2", FAILURES_OF_ADDRESS) == WITHIN_MS - FAILURES_OF_ADDRESS
    assert limits.wait_ms("other", "2001:db8:0:1::1", FAILURES_OF_ADDRESS) == 0
    assert limits.wait_ms("other", "2001:db8::2", WITHIN_MS) == 0


def test_who_is_guessed_at_from_anywhere_is_slow_there_and_never_locked_out_where_he_got_in_before():
    limits, office, elsewhere = LogInLimits(), "10.0.0.5", "10.0.0.6"
    limits.succeeded("ani", office)
    told = [limits.begin("ani", f"192.0.2.{n}", n) for n in range(2 * FAILURES_ANYWHERE)]
    assert told.count(True) == 1  # that it became slow is written down once
    now_ms = 2 * FAILURES_ANYWHERE
    assert limits.wait_ms("ani", office, now_ms) == 0
    assert limits.wait_ms("ani", elsewhere, now_ms) == SLOW_MS - 1
    assert limits.wait_ms("ani", elsewhere, now_ms + SLOW_MS) == 0
    assert limits.wait_ms("budi", elsewhere, now_ms) == 0
    for n in range(FAILURES_OF_NAME):  # where he got in before he guesses five times, too
        assert limits.wait_ms("ani", office, now_ms + n) == 0
        limits.begin("ani", office, now_ms + n)
    assert limits.wait_ms("ani", office, now_ms + FAILURES_OF_NAME) > 0


def test_failures_elsewhere_keep_nobody_out(hall: Web):
    guesser = hall.ask(client="10.0.0.66")
    assert [log_in(guesser, password="salah") for _ in range(FAILURES_OF_NAME + 1)] == [403] * FAILURES_OF_NAME + [429]
    assert log_in(hall.ask(client="10.0.0.5")) == 303


def test_the_own_password_is_guessed_five_times_and_other_mistakes_are_no_guesses(hall: Web):
    browser = hall.ask(accept="text/html")
    assert log_in(browser) == 303
    wrong = [NEW | {"again": "lain"}] * 6 + [NEW | {"current": "salah"}] * (FAILURES_OF_NAME + 1)
    answers = [browser.post("/account/password", data=given | {"proof": proof(browser)}) for given in wrong]
    assert [answer.status_code for answer in answers] == [400] * (6 + FAILURES_OF_NAME) + [429]
    assert "Coba lagi pukul 10.57" in answers[-1].text
    hall.now_ms += WITHIN_MS
    assert browser.post("/account/password", data=NEW | {"proof": proof(browser)}).status_code == 303


@pytest.mark.parametrize(
    ("then", "comes_to"),
    [
        ("/sidak?site=balai", "/sidak?site=balai"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("/\t/evil.example", "/"),
        ("https://evil.example", "/"),
        ("javascript:alert(1)", "/"),
    ],
)
def test_a_log_in_leads_to_the_page_that_was_asked_for_and_to_none_of_others(hall: Web, then: str, comes_to: str):
    answer = hall.ask().post("/login", data={"name": "ani", "password": PASSWORD, "next": then})
    assert (answer.status_code, answer.headers["location"]) == (303, comes_to)


def test_who_is_asked_to_log_in_comes_back_to_where_he_was(hall: Web):
    visitor = hall.ask(host="hadir.example", client="10.0.0.7", accept="text/html")
    page = visitor.get("/sidak?site=balai&q=x").text
    assert 'name="next" value="/sidak?site=balai&amp;q=x"' in page
    other_language = visitor.get("/login?next=%2Fsidak%3Fsite%3Dbalai&lang=en").headers["location"]
    assert 'name="next" value="/sidak?site=balai"' in visitor.get(other_language).text


def test_a_crowd_at_the_log_in_waits_without_holding_threads_and_its_end_is_told():
    async def crowd() -> list[str]:
        work, go_on, running = PasswordWork(), threading.Event(), []

        def check() -> str:
            running.append(1)
            go_on.wait(30)
            return f"of {len(running)}"

        waiting = [asyncio.create_task(work.run(check)) for _ in range(45)]
        while len(running) < 2:
            await asyncio.sleep(0)
        # Forty threads serve all requests; those of the crowd that wait hold none.
        assert await run_in_threadpool(lambda: len(running)) == 2
        more = [asyncio.create_task(work.run(check)) for _ in range(20)]
        await asyncio.sleep(0)
        busy = [one for one in more if one.done() and isinstance(one.exception(), Busy)]
        go_on.set()
        await asyncio.gather(*waiting)
        return [type(one.exception()).__name__ for one in busy]

    assert asyncio.run(crowd()) == ["Busy"] * 13


def test_a_form_without_the_proof_of_its_session_changes_nothing(hall: Web):
    browser, other = hall.ask(), hall.ask()
    assert log_in(browser) == log_in(other) == 303
    for given in ("", "x", proof(other), ".", "0." + "0" * 64):
        assert browser.post("/account/password", data=NEW | {"proof": given}).status_code == 403
    answer = browser.post("/account/password", data=NEW | {"proof": proof(browser)})
    assert (answer.status_code, answer.headers["location"]) == (303, "/account?done=password")
    assert browser.get("/account").status_code == 200
    assert other.get("/account").status_code == 401  # a new password ends the other sessions
    assert log_in(hall.ask()) == 403


@pytest.mark.parametrize("fields", [{"current": "salah"}, {"again": "lain"}, {"password": "x", "again": "x"}])
def test_a_password_that_does_not_do_is_refused_in_words(hall: Web, fields: dict[str, str]):
    browser = hall.ask()
    assert log_in(browser) == 303
    answer = browser.post("/account/password", data=NEW | {"proof": proof(browser)} | fields)
    assert answer.status_code == 400
    assert 'role="alert"' in answer.text


def test_logging_out_everywhere_ends_all_sessions(hall: Web):
    browser, other = hall.ask(), hall.ask()
    assert log_in(browser) == log_in(other) == 303
    answer = browser.post("/account/log-out-everywhere", data={"proof": proof(browser)})
    assert (answer.status_code, answer.headers["location"]) == (303, "/login?done=out")
    assert other.get("/account").status_code == 401


def test_a_token_of_the_page_is_shown_once_and_reads(hall: Web):
    browser = hall.ask()
    assert log_in(browser) == 303
    page = browser.post("/account/tokens", data={"proof": proof(browser), "label": "<b>", "days": "90"}).text
    (secret,) = re.findall('<code class="command">([^<]{43})</code>', page)
    assert "&lt;b&gt;" in page
    assert secret not in browser.get("/account").text
    assert hall.ask(authorization=f"Bearer {secret}").get("/api/v1/live").status_code == 200


def test_a_form_without_end_is_not_read(hall: Web):
    read = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal read
        for _ in range(100):
            read += 65_536
            yield b"x" * 65_536

    form = {"content-type": "application/x-www-form-urlencoded"}
    assert hall.ask().post("/login", content=endless(), headers=form).status_code == 413
    assert read == 2 * 65_536


def test_a_log_in_that_another_page_sends_is_refused(hall: Web):
    assert log_in(hall.ask(**{"sec-fetch-site": "cross-site"})) == 403


def test_a_hash_is_argon2id_and_nobodys_is_never_right():
    kept = hashed(PASSWORD)
    assert kept.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert verified(kept, PASSWORD)
    assert not verified(None, PASSWORD)
