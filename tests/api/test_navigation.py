"""The frame of all pages: what it offers to whom."""

from __future__ import annotations

import re

import pytest

from api.access import ROLES_OF, RULES, SESSION_COOKIE
from api.pages.navigation import PLACES
from storage.record.users import ROLES, Role, make_account, make_link
from tests.builders import outlet, site
from tests.fixtures.web import Browser, Web


def login(web: Web, role: Role) -> Browser:
    agency = "dinas" if role == "agency" else None
    with web.record.writing(durable=False) as connection:
        make_account(connection, "ani", web.now_ms, role, agency=agency)
        code = make_link(connection, "ani", web.now_ms)
    session = web.ask().post("/login", data={"code": code}).cookies[SESSION_COOKIE]
    return web.ask(host="hadir.example", client="10.0.0.7", accept="text/html", cookie=f"{SESSION_COOKIE}={session}")


def offered(html: str) -> dict[str, str]:
    """The addresses of the navigation, and whether each is of the `page` itself, or `true` for one above it."""
    navigation = re.search(r'<nav class="nav".*?</nav>', html)
    links = re.findall(r'<a href="([^"]+)"(?: aria-current="(\w+)")?>', navigation[0]) if navigation else []
    return dict(links)


@pytest.mark.parametrize("role", ROLES)
def test_a_page_that_one_may_not_open_is_not_offered(web: Web, role: Role):
    web.apply(site(outlets=[outlet()]))
    browser = login(web, role)
    html = browser.get("/").text
    rules = {place.path: place.rule for place in PLACES if place.rule is not None}
    assert list(offered(html)) == [
        path for path, rule in rules.items() if rule == "open" or role in ROLES_OF.get(rule, ROLES)
    ]
    assert offered(html)["/"] == "page"
    for path in offered(html):
        assert browser.get(path).status_code == 200, path
    assert "Masuk sebagai ani (" in html


def test_a_page_that_is_not_there_is_not_linked(web: Web):
    assert {place.path for place in PLACES if place.rule is None} == {
        place.path for place in PLACES if f"GET {place.path}" not in RULES
    }


def test_the_page_itself_is_marked_and_the_chosen_site_stays_chosen(demo: Web):
    demo.apply(site(outlets=[outlet()]), site(outlets=[outlet()], id="kedua", name="Kedua"))
    browser = demo.ask(accept="text/html")
    assert offered(browser.get("/?site=kedua").text)["/?site=kedua"] == "page"
    assert offered(browser.get("/docs?site=kedua").text)["/docs"] == "page"
    assert "/?site=kedua" in offered(browser.get("/sites/kedua/outlets/a-1").text)
    assert "/?site=nowhere" not in offered(browser.get("/docs?site=nowhere").text)


def test_a_page_below_another_marks_that_one(web: Web):
    web.apply(site(outlets=[outlet()]))
    browser = login(web, "administrator")
    marked = {path: offered(browser.get(path).text) for path in ("/admin/users", "/sidak/links", "/account")}
    assert {path: {at: how for at, how in found.items() if how} for path, found in marked.items()} == {
        "/admin/users": {"/admin": "true"},
        "/sidak/links": {"/sidak": "true"},
        "/account": {},
    }


def test_who_has_not_logged_in_is_offered_what_is_open_alone(web: Web):
    html = web.ask(accept="text/html").get("/").text
    assert set(offered(html)) <= {place.path for place in PLACES if place.rule == "open"}
    assert "Masuk sebagai" not in html


def test_a_page_that_asks_nobody_knows_who_reads_it_all_the_same(web: Web):
    web.apply(site(outlets=[outlet()]))
    browser = login(web, "viewer")
    assert "Masuk sebagai ani (pembaca)" in browser.get("/nowhere").text
    assert "/" in offered(browser.get("/login").text)


def test_an_agency_sees_its_own_outlets_and_nobody_elses(web: Web):
    web.apply(site(outlets=[outlet("a-1"), outlet("b-1", agency="samsat", service="STNK")]))
    html = login(web, "agency").get("/").text
    assert 'id="o-a-1"' in html
    assert "b-1" not in html
    assert "STNK" not in html
    assert "samsat" not in html
