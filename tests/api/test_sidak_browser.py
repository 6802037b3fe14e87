"""The page of sidak in a real browser, over the real server and a real broker."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from api.parts import Parts
from presence.alerts.life import Alert
from storage.record import Record
from storage.record.acknowledgements import Answer
from storage.record.users import make_account, make_link
from tests.fixtures.browser import use_link
from tests.fixtures.mall import MINUTE, Mall
from tests.fixtures.web import served


def vacant(mall: Mall, name: str, minutes: int) -> int:
    """Outlet `name` is vacant since so many minutes ago; when that was."""
    since_ms = mall.now() - minutes * MINUTE
    mall.outlet(name, "vacant", since_ms=since_ms)
    return since_ms


@pytest.fixture
def manager(mall: Mall, serving: Callable[..., str], browse: Callable[..., Page]) -> Callable[..., Page]:
    """Open the sidak as a facility manager who has just logged in."""
    url = serving(mall.broker, mall.now, demo=False)

    def log_in(**options: Any) -> Page:
        with mall.record.writing() as connection:
            make_account(connection, "ibu sari", mall.now(), "facility_manager")
            code = make_link(connection, "ibu sari", mall.now())
        page = browse(f"{url}/login?code={code}", **options)
        use_link(page)
        page.goto(f"{url}/sidak?site=balai")
        return page

    return log_in


def test_it_keeps_itself_up_to_date_longest_first(mall: Mall, url: str, browse: Callable[..., Page]):
    page = browse(f"{url}/sidak")
    expect(page.locator("h1")).to_have_text("Semua loket yang wajib buka ada petugasnya: 4 dari 4.")
    page.evaluate("window.notReloaded = true")
    vacant(mall, "a-2", 6)
    since_ms = vacant(mall, "a-3", 51)
    alert = Alert("vacancy", "outlet", "a-3", since_ms, since_ms + 10 * MINUTE)
    mall.alert(alert, told_ms=since_ms + 10 * MINUTE)
    mall.acknowledge(alert, Answer("equipment", "printer kuitansi"))
    expect(page.locator("h1")).to_have_text("2 dari 4 loket tidak ada petugasnya.")
    expect(page.locator(".empties h2")).to_have_text([re.compile("Loket a-3"), re.compile("Loket a-2")])
    first = page.locator(".empties li").first
    expect(first).to_contain_text(re.compile(r"Diakui .* oleh ani: alat rusak, “printer kuitansi”"))
    assert page.evaluate("window.notReloaded")


def test_it_answers_without_javascript(mall: Mall, url: str, browse: Callable[..., Page]):
    vacant(mall, "a-2", 6)
    page = browse(f"{url}/sidak", java_script_enabled=False)
    page.locator("a", has_text="Muat ulang").last.click()
    expect(page.locator("h1")).to_have_text("1 dari 4 loket tidak ada petugasnya.")


@pytest.mark.parametrize("width", [320, 1280, 1920])
def test_nothing_scrolls_sideways(mall: Mall, manager: Callable[..., Page], width: int):
    vacant(mall, "a-2", 6)
    page = manager(width=width)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.locator("#link").click()
    page.get_by_role("button", name="Buat tautan dan kode QR").click()
    expect(page.locator(".qr svg")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_page_whose_server_is_gone_greys_itself_and_says_since_when(
    mall: Mall, record: Record, browse: Callable[..., Page]
):
    with served(Parts(record=record, broker=mall.broker, now=mall.now, demo=True)) as url:
        page = browse(f"{url}/sidak", complains=True)
        expect(page.locator("h1")).to_contain_text("Semua loket")
    expect(page.locator("#dead")).to_be_visible()
    expect(page.locator("#dead")).to_contain_text(re.compile(r"Tidak ada data baru sejak \d\d\.\d\d\.\d\d"))
    expect(page.locator("html.dead")).to_have_count(1)


def test_a_guest_opens_a_link_until_it_is_taken_back(
    mall: Mall, manager: Callable[..., Page], browse: Callable[..., Page]
):
    vacant(mall, "a-2", 6)
    page = manager(java_script_enabled=False)
    page.locator("#link").click()
    page.get_by_label("Berlaku selama").select_option("4")
    page.get_by_role("button", name="Buat tautan dan kode QR").click()
    guest = browse(page.get_by_role("textbox", name="Alamat").input_value(), complains=True)  # of the 403 at the end
    expect(guest.locator("h1")).to_have_text("1 dari 4 loket tidak ada petugasnya.")
    expect(guest.locator(".nav")).to_have_count(0)
    vacant(mall, "a-1", 20)
    expect(guest.locator("h1")).to_have_text("2 dari 4 loket tidak ada petugasnya.")
    page.get_by_role("button", name="Tarik kembali").click()
    expect(guest.locator("h1")).to_have_text("Tautan ini sudah ditarik kembali.")
