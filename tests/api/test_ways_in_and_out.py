"""What people are told at the door, and where the frame of a page leads them: in, to their account, out."""

from __future__ import annotations

import re
from html import unescape

import httpx
import pytest

from api.access import SESSION_COOKIE
from storage.record.users import Role, make_account, make_link
from tests.builders import outlet, site
from tests.fixtures.web import Browser, Web


def words_of(answer: httpx.Response) -> str:
    html = re.sub(r"<svg\b.*?</svg>", " ", answer.text, flags=re.DOTALL)
    return unescape(" ".join(re.sub(r"<[^>]+>", " ", html).replace("\u00a0", " ").split()))


def visitor(web: Web, **headers: str) -> Browser:
    return web.ask(host="hadir.example", client="10.0.0.7", accept="text/html", **headers)


def logged_in(web: Web, role: Role = "administrator") -> tuple[Browser, str]:
    """A browser of `ani`, and the code of the link that let it in."""
    with web.record.writing(durable=False) as connection:
        make_account(connection, "ani", web.now_ms, role)
        code = make_link(connection, "ani", web.now_ms)
    browser = visitor(web)
    browser.post("/login", data={"code": code})
    return browser, code


def test_who_logged_out_is_told_so(web: Web):
    browser, _ = logged_in(web)
    answer = browser.post("/logout")
    assert "Anda sudah keluar. Masuk lagi di bawah ini bila perlu." in words_of(browser.get(answer.headers["location"]))


def test_whose_session_ended_and_whose_link_was_used_is_told_what_to_do(web: Web):
    browser, code = logged_in(web)
    assert "Sesi Anda sudah berakhir." not in words_of(visitor(web).get("/account"))
    stale = visitor(web, cookie=f"{SESSION_COOKIE}=ended").get("/account")
    assert (stale.status_code, "Sesi Anda sudah berakhir. Masuk lagi" in words_of(stale)) == (401, True)
    used = visitor(web).post("/login", data={"code": code})
    assert (used.status_code, "minta tautan baru kepada administrator" in words_of(used)) == (403, True)
    browser.get("/login?lang=en")
    browser.post("/logout")
    assert "This link has been used" in words_of(browser.post("/login", data={"code": code}))


def test_what_one_may_not_open_is_told_so(web: Web):
    browser, _ = logged_in(web, "viewer")
    answer = browser.get("/admin/users")
    assert (answer.status_code, "Halaman ini tidak terbuka untuk akun Anda." in words_of(answer)) == (403, True)


def test_the_frame_leads_to_ones_account_and_out_or_in(web: Web):
    web.apply(site(outlets=[outlet("a-1")]))
    browser, _ = logged_in(web, "viewer")
    html = browser.get("/").text
    me = html.partition('<div class="me">')[2].partition("</div>")[0]
    assert ('href="/account"' in me, 'action="/logout"' in me) == (True, True)
    assert "Akun Anda: ani pembaca" in unescape(" ".join(re.sub(r"<[^>]+>", "", me).split()))
    assert 'href="/account" aria-current="page"' in browser.get("/account").text
    assert '<a class="btn slim" href="/login">' in visitor(web).get("/nowhere").text
    assert 'class="me"' not in visitor(web).get("/login").text


@pytest.mark.parametrize(("role", "offered"), [("administrator", 2), ("facility_manager", 0), ("viewer", 0)])
def test_a_first_start_leads_to_a_site_and_to_accounts(web: Web, role: Role, offered: int):
    page = logged_in(web, role)[0].get("/")
    main = page.text.partition("<main")[2]
    assert sum(f'href="{path}"' in main for path in ("/admin/sites", "/admin/users/new")) == offered
    assert ("Seorang administrator menambahkannya." in words_of(page)) == (role != "administrator")
