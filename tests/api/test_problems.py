"""Errors for programs, and long lists in pages."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from fastapi import HTTPException

from api.paging import cut, read_cursor, write_cursor
from api.problems import problem
from presence.alerts.life import Alert
from presence.site import Duty, Site
from storage.record.alerts import StoredAlert, put
from storage.record.users import make_account, make_token
from tests.builders import outlet, sensor, site
from tests.fixtures.mall import MINUTE, NOW
from tests.fixtures.web import Browser, Web


def body_of(*said: Any, **more: Any) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(bytes(problem(*said, **more).body))
    return body


def test_a_problem_has_the_members_of_rfc_9457_and_the_old_key():
    answer = problem(404, 'no site "x"', "/api/v1/live", headers={"X-A": "b"})
    assert (answer.status_code, answer.media_type) == (404, "application/problem+json")
    assert answer.headers["x-a"] == "b"
    assert body_of(404, 'no site "x"', "/api/v1/live") == {
        "type": "about:blank",
        "title": "Not Found",
        "status": 404,
        "detail": 'no site "x"',
        "instance": "/api/v1/live",
        "error": 'no site "x"',
    }


@pytest.mark.parametrize(
    ("said", "errors"),
    [
        ("to: is not after from", {"to": "is not after from"}),
        ("from: is past; say now", {"from": "is past; say now"}),
        ("a: b; c: d; a: e", {"a": "b; e", "c": "d"}),
        ("the address holds a NUL character; leave it out", None),
    ],
)
def test_what_is_wrong_is_told_by_field(said: str, errors: dict[str, str] | None):
    assert body_of(400, said, "/").get("errors") == errors
    assert "errors" not in body_of(409, said, "/")


def test_a_cursor_leads_through_a_list_once():
    rows = [(n, chr(97 + n % 3)) for n in range(7)]
    seen: list[tuple[int, str]] = []
    after = None
    while True:
        some, last = cut(rows, lambda row: row, after, 3)
        seen += some
        if last is None:
            break
        after = read_cursor(write_cursor(last), int, str)
    assert seen == rows


@pytest.mark.parametrize("text", ["", "x", "é", "bnVsbA", write_cursor(("a",)), write_cursor((2**70, "a")), "W" * 400])
def test_a_cursor_of_something_else_is_refused(text: str):
    with pytest.raises(HTTPException) as refused:
        read_cursor(text, int, str)
    assert (refused.value.status_code, refused.value.detail[:7]) == (400, "cursor:")


def hall() -> Site:
    """Two agencies; a duty of one, sensors at each outlet."""
    return site(
        outlets=[
            outlet("a-1", agency="dukcapil", sensors=[sensor("s-1")]),
            outlet("a-2", agency="dukcapil", sensors=[sensor("s-2")]),
            outlet("b-1", agency="imigrasi", sensors=[sensor("s-3")]),
        ],
        duties=(Duty(id="a", outlets=("a-1", "a-2")),),
    )


ALERTS = {
    "a1": ("vacancy", "outlet", "a-1"),
    "a2": ("vacancy", "duty", "a"),
    "a3": ("sensor_silent", "sensor", "s-1"),
    "a4": ("sensor_silent", "sensor", "s-2"),
    "a5": ("vacancy", "outlet", "b-1"),
    "a6": ("site_outage", "site", "balai"),
}


@pytest.fixture
def told(demo: Web) -> Web:
    """A site where six alerts stand, a minute between them."""
    demo.apply(hall())
    with demo.record.writing(durable=False) as connection:
        for n, (alert_id, (kind, subject_type, subject)) in enumerate(ALERTS.items()):
            at_ms = NOW - (10 - n) * MINUTE
            alert = Alert(kind, subject_type, subject, at_ms, at_ms)  # type: ignore[arg-type]
            put(connection, "balai", StoredAlert(alert_id, alert, False, None), NOW)
    return demo


def program(web: Web, name: str, **account: Any) -> Browser:
    with web.record.writing(durable=False) as connection:
        make_account(connection, name, NOW, **account)
        token = make_token(connection, name, "", NOW)
    return web.ask(host="hadir.example", client="10.0.0.7", authorization=f"Bearer {token}")


def ids(browser: Browser, query: str = "") -> list[str]:
    answer = browser.get(f"/api/v1/alerts?{query}")
    assert answer.status_code == 200, answer.text
    return [one["id"] for one in answer.json()["alerts"]]


def test_alerts_of_an_outlet_are_also_those_of_its_duty_and_its_sensors(told: Web):
    assert ids(told.ask(), "outlet=a-1") == ["a1", "a2", "a3"]
    assert ids(told.ask(), "outlet=b-1&site=balai") == ["a5"]
    assert ids(told.ask()) == list(ALERTS)


def test_an_agency_finds_its_own_alerts(told: Web):
    agency_alone = program(told, "ani", role="agency", agency="dukcapil")
    assert ids(agency_alone) == ["a1", "a2"]
    assert ids(agency_alone, "outlet=a-1") == ["a1", "a2"]
    assert agency_alone.get("/api/v1/alerts?outlet=b-1").status_code == 404
    elsewhere = program(told, "budi", role="viewer", site="sana")
    assert ids(elsewhere) == []
    assert elsewhere.get("/api/v1/alerts?site=balai").status_code == 404


@pytest.mark.parametrize("query", ["site=x", "outlet=x", "site=balai&outlet=x", "site=x&outlet=a-1", "site="])
def test_what_is_not_registered_has_no_alerts_but_an_error(told: Web, query: str):
    answer = told.ask().get(f"/api/v1/alerts?{query}")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


def test_the_link_leads_to_older_alerts_until_there_are_no_more(told: Web):
    browser, path, pages = told.ask(), "/api/v1/alerts?limit=2&site=balai", []
    while path:
        answer = browser.get(path)
        pages.append([one["id"] for one in answer.json()["alerts"]])
        path = answer.headers.get("link", "").partition("<")[2].removesuffix('>; rel="next"')
    assert pages == [["a5", "a6"], ["a3", "a4"], ["a1", "a2"]]


def test_a_parameter_that_breaks_its_form_is_named(told: Web):
    answer = told.ask().get("/api/v1/alerts?limit=0&state=x")
    assert answer.status_code == 400
    assert set(answer.json()["errors"]) == {"limit", "state"}


def test_what_an_address_takes_is_said(demo: Web):
    outlets = "/api/v1/sites/balai/outlets"
    asked = demo.ask().ask("OPTIONS", outlets)
    assert (asked.status_code, asked.headers["allow"], asked.content) == (204, "GET, HEAD, OPTIONS, POST", b"")
    wrong = demo.ask().ask("DELETE", outlets)
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "GET, HEAD, OPTIONS, POST")
    assert wrong.json()["detail"] == "this address does not take DELETE; use GET, HEAD, OPTIONS, POST"
    assert demo.ask().ask("OPTIONS", "/api/v1/nothing").status_code == 404


ABSENCES = "/api/v1/sites/balai/absences"


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "application/xml", ""])
def test_a_body_of_another_type_is_refused_as_such(demo: Web, kind: str):
    demo.apply(site())
    answer = program(demo, "ani").post(ABSENCES, content=b'{"outlet": "a-1"}', headers={"content-type": kind})
    assert (answer.status_code, answer.headers["content-type"]) == (415, "application/problem+json")
    assert "Content-Type: application/json" in answer.json()["detail"]


@pytest.mark.parametrize("sent", [b'{"outlet": ', b"\xff\xfe", b"[" * 50_000])
def test_what_is_no_json_is_told_to_who_may_send_it_alone(demo: Web, sent: bytes):
    demo.apply(site())
    broken = {"content": sent, "headers": {"content-type": "application/json"}}
    viewer = program(demo, "vi", role="viewer")
    strangers = demo.ask(), demo.ask(authorization="Bearer x"), viewer
    assert [one.post(ABSENCES, **broken).status_code for one in strangers] == [401, 401, 403]
    told = program(demo, "ani").post(ABSENCES, **broken)
    assert (told.status_code, told.json()["errors"]) == (400, {"body": "is no JSON object; send one"})
    assert program(demo, "budi").post(ABSENCES).json()["errors"] == {"body": "is no JSON object; send one"}


@pytest.mark.parametrize("path", ["/public", "/api/v1/live", "/api/v1/live/stream", "/healthz", "/nothing"])
def test_a_head_is_that_of_the_answer_and_nothing_follows(demo: Web, path: str):
    demo.apply(site())
    head = demo.ask().ask("HEAD", path)
    demo.app.state.feed.stream.end()  # a stream has no end of its own
    whole = demo.ask().get(path)
    assert (head.status_code, head.content) == (whole.status_code, b"")
    assert [head.headers.get(one) for one in ("content-type", "content-length", "cache-control")] == [
        whole.headers.get(one) for one in ("content-type", "content-length", "cache-control")
    ]


@pytest.mark.parametrize("path", ["/login", "/account/password", "/agency/absence", "/api/v1/alerts/x/acknowledge"])
@pytest.mark.parametrize("announced", [True, False])
def test_no_body_may_be_of_any_size(web: Web, path: str, announced: bool):
    with web.record.writing(durable=False) as connection:
        make_account(connection, "ani", NOW)
        token = make_token(connection, "ani", "", NOW)
    large = b"name=" + b"x" * 70_000

    async def pieces() -> AsyncIterator[bytes]:
        yield large

    form = {"content-type": "application/x-www-form-urlencoded", "accept-language": "en"}
    asking = web.ask(authorization=f"Bearer {token}", **form)
    answer = asking.post(path, content=large if announced else pieces())
    assert (answer.status_code, answer.headers["content-type"]) == (413, "application/problem+json")
    page = web.ask(authorization=f"Bearer {token}", **form, accept="text/html").post(path, content=large)
    assert ("Kiriman ini terlalu besar." in page.text) is not path.startswith("/api/")


def test_what_goes_wrong_on_a_page_is_told_in_the_reader_s_language(web: Web):
    with web.record.writing(durable=False) as connection:
        make_account(connection, "ani", NOW, "viewer")
        token = make_token(connection, "ani", "", NOW)
    reader = web.ask(authorization=f"Bearer {token}", accept="text/html")
    said = {
        "GET /admin": (403, "Halaman ini tidak terbuka untuk akun Anda."),
        "GET /nothing": (404, "Halaman ini tidak ada."),
    }
    said["DELETE /account"] = 405, "Alamat ini tidak dapat dibuka begitu saja."
    for asked, expected in said.items():
        answer = reader.ask(*asked.split(" "))
        assert (answer.status_code, expected[1] in answer.text) == (expected[0], True)
    assert "This page is not open to your account." in reader.get("/admin?lang=en").text
