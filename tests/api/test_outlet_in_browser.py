"""The page of an outlet in a real browser: a minute is pointed at, and the page says why there was no alert."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from api.parts import Parts
from storage.record import Record
from tests.api.test_outlet_page import PAGE, fill
from tests.fixtures.web import Web, served
from transport.session import BrokerAddress


@pytest.fixture
def url(record: Record) -> Iterator[str]:
    """The page of the outlet, as of 10.42."""
    web = Web(record)
    fill(web)
    broker = BrokerAddress("127.0.0.1", 1)
    with served(Parts(record=record, broker=broker, now=lambda: web.now_ms, demo=True)) as address:
        yield f"{address}{PAGE}"


def test_a_click_on_the_timeline_explains_that_minute(url: str, browse: Callable[..., Page]):
    page = browse(url)
    point = page.get_by_role("slider")
    box = point.bounding_box()
    assert box is not None
    # 09.55 on an axis from 07.30 to 15.30
    point.click(position={"x": box["width"] * 145.5 / 480, "y": 60})
    expect(page.locator("#h-why")).to_have_text("Mengapa tidak ada peringatan pada 09.55?")
    expect(page.locator(".why-kind[open]")).to_contain_text("jam berjalan sejak 09.51")
    expect(page.locator(".why-kind[open] .stop")).to_contain_text("4 mnt dari 10 mnt")
    expect(page.locator("#pin text")).to_have_text("09.55")
    expect(page).to_have_url(re.compile(r"at=09\.55"))


def test_the_keyboard_points_as_well(url: str, browse: Callable[..., Page]):
    page = browse(f"{url}?at=09.58")
    point = page.get_by_role("slider")
    point.focus()
    for _ in range(7):
        page.keyboard.press("ArrowRight")
    expect(point).to_have_attribute("aria-valuetext", "10.05")
    expect(page.locator("#h-why")).to_have_text("Mengapa ada peringatan pada 10.05?")
    page.keyboard.press("Home")
    page.keyboard.press("Enter")
    expect(page.locator("#h-why")).to_have_text("Mengapa tidak ada peringatan pada 07.30?")


def test_the_module_tells_what_the_server_tells(url: str, browse: Callable[..., Page]):
    told = browse(f"{url}?at=09.58").locator("#why-told")
    by_server = told.inner_text()
    page = browse(f"{url}?at=08.30")
    page.get_by_role("slider").focus()
    page.keyboard.press("PageUp")
    for _ in range(73):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(page.locator("#h-why")).to_have_text("Mengapa tidak ada peringatan pada 09.58?")
    assert page.locator("#why-told").inner_text() == by_server


def test_without_a_script_the_form_explains(url: str, browse: Callable[..., Page]):
    page = browse(url, java_script_enabled=False)
    expect(page.get_by_role("slider")).to_have_count(0)
    page.get_by_label("Pukul").fill("09.58")
    page.get_by_role("button", name="Jelaskan").click()
    expect(page.locator("#h-why")).to_have_text("Mengapa tidak ada peringatan pada 09.58?")
    page.get_by_role("link", name="Bulan").click()
    expect(page.locator("#range tbody tr")).to_have_count(4)
    page.get_by_role("link", name="Kam 19 Nov").click()
    expect(page.locator("#h-day")).to_have_text("Kam 19 Nov terhadap kewajiban")


@pytest.mark.parametrize("width", [320, 1920])
def test_nothing_hangs_over_the_edge(url: str, browse: Callable[..., Page], width: int):
    page = browse(f"{url}?at=09.58&range=month", width=width)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
