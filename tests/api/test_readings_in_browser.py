"""Readings drawn by uPlot in a real browser: looked at closely, read by keyboard, and kept up to date."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from api.parts import Parts
from storage.record import Record
from storage.timeseries import Point, Series, open_store
from tests.api.test_outlet_page import PAGE, fill
from tests.fixtures.books import at
from tests.fixtures.mall import MINUTE, Mall
from tests.fixtures.web import Web, served
from transport.session import BrokerAddress

SILENT = range(at("24T08:30"), at("24T08:40"))
# Of the darkest pixels in a column of the canvas: lines are drawn in ink, the grid is not.
INK = """([canvas, share]) => {
  const x = Math.round(canvas.width * share);
  const { data } = canvas.getContext("2d").getImageData(x, 0, 2, Math.round(canvas.height * 0.8));
  let found = 0;
  for (let n = 0; n < data.length; n += 4) found += data[n] < 60 && data[n + 3] > 200;
  return found;
}"""


@pytest.fixture
def parts(record: Record, tmp_path: Path) -> Iterator[Parts]:
    """The outlet at 10.42, whose radar spoke every second from 8 to 9, and was silent for ten minutes of it."""
    web = Web(record)
    fill(web)
    store = open_store(f"sqlite:///{tmp_path / 'readings'}")
    staff, begin = Series("balai", "a-1", "staff", "s-1"), at("24T08:00")
    spoken = (ms for ms in range(begin, begin + 3_600_000, 1000) if ms not in SILENT)
    points = [Point(staff, ms, {"distance": 0.5 + (ms // 1000 % 7) / 10, "presence": 1.0}) for ms in spoken]
    assert store.write(points) == []
    broker = BrokerAddress("127.0.0.1", 1)
    yield Parts(record=record, broker=broker, now=lambda: web.now_ms, demo=True, store=store)
    store.close()


@pytest.fixture
def url(parts: Parts) -> Iterator[str]:
    with served(parts) as address:
        yield f"{address}{PAGE}"


def test_every_point_is_drawn_and_no_line_over_a_gap(url: str, browse: Callable[..., Page]):
    page = browse(f"{url}?readings=1")
    plot = page.get_by_role("slider", name="s-1 · jarak")
    expect(plot).to_have_count(1)
    expect(page.locator("#plot-shown")).to_have_text(re.compile(r"^07\.30–10\.42, satu titik tiap \d+\xa0dtk$"))
    bucket_s = int(re.findall(r"\d+", page.locator("#plot-shown").inner_text())[-1])
    points = int(plot.get_attribute("aria-valuemax") or 0)  # counted from 0, and one stands for the gap
    assert abs(points - 3000 / bucket_s) <= 2 + 3000 / bucket_s / bucket_s
    plot.focus()
    page.keyboard.press("Home")
    expect(plot).to_have_attribute("aria-valuetext", re.compile(r"^(07\.59|08\.00)\.\d\d: .*0,5\xa0m–1,1\xa0m\)$"))
    page.keyboard.press("+")
    page.keyboard.press("+")
    expect(page.locator("#plot-shown")).to_have_text(re.compile(r"^07\.3.–08\.1., "))
    page.keyboard.press("Escape")
    expect(page.locator("#plot-shown")).to_have_text(re.compile(r"^07\.30–10\.42, "))

    canvas = page.locator("#plots canvas").first.element_handle()
    box, over = page.locator("#plots canvas").first.bounding_box(), plot.bounding_box()
    assert box is not None
    assert over is not None

    def ink(text: str) -> int:
        share = (at(text) - at("24T07:30")) / (at("24T10:42") - at("24T07:30"))
        return page.evaluate(INK, [canvas, (over["x"] - box["x"] + over["width"] * share) / box["width"]])

    assert ink("24T08:20") > 0
    assert ink("24T08:50") > 0
    assert [ink(text) for text in ("24T07:50", "24T08:32", "24T08:35", "24T08:38", "24T09:30")] == [0] * 5


def test_who_looks_closer_gets_finer_readings(url: str, browse: Callable[..., Page]):
    page = browse(f"{url}?readings=1")
    plot = page.get_by_role("slider", name="s-1 · jarak")
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    assert box is not None
    with page.expect_response(re.compile(r"/readings\?")) as read:
        page.mouse.move(box["x"] + box["width"] * 40 / 192, box["y"] + 30)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] * 60 / 192, box["y"] + 40, steps=4)
        page.mouse.up()
    assert read.value.json()["bucket_s"] < 5
    shown = page.locator("#plot-shown")
    expect(shown).to_have_text(re.compile(r"^08\.(09|10)–08\.(29|30), satu titik tiap \d\xa0dtk$"))
    later = page.get_by_role("button", name="Lebih lambat")
    later.click()
    expect(shown).to_have_text(re.compile(r"^08\.(19|20)–08\.(39|40), "))
    page.get_by_role("button", name="Seluruh hari").click()
    expect(shown).to_have_text(re.compile(r"^07\.30–10\.42, "))
    expect(later).to_have_attribute("aria-disabled", "true")


def test_a_click_into_a_plot_asks_why(url: str, browse: Callable[..., Page]):
    page = browse(f"{url}?readings=1")
    plot = page.get_by_role("slider", name="s-1 · jarak")
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    assert box is not None
    # 09.55 on an axis from 07.30 to 10.42
    page.mouse.click(box["x"] + box["width"] * 145.5 / 192, box["y"] + 30)
    expect(page.locator("#h-why")).to_have_text("Mengapa tidak ada peringatan pada 09.55?")
    expect(page.locator("#pin text")).to_have_text("09.55")
    expect(page.locator(".plot-pin").first).to_be_visible()


def test_on_a_phone_nothing_hangs_over_the_edge(url: str, browse: Callable[..., Page]):
    page = browse(f"{url}?readings=1", width=320)
    expect(page.get_by_role("slider", name="s-1 · jarak")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_page_without_its_server_turns_grey_and_says_since_when(parts: Parts, browse: Callable[..., Page]):
    with served(parts) as address:
        page = browse(f"{address}{PAGE}", complains=True)
        expect(page.locator("#feed .if-live")).to_have_text(re.compile(r"^Langsung"))
    banner = page.locator("#dead")
    expect(banner).to_be_visible()
    expect(banner).to_contain_text("Tidak ada data baru sejak 10.42.")
    expect(page.locator("html")).to_have_class("dead")
    expect(page.locator("#now .badge")).to_contain_text("terakhir:")


def test_the_page_follows_its_outlet(mall: Mall, serving: Callable[..., str], browse: Callable[..., Page]):
    page = browse(f"{serving(mall.broker, mall.now)}/sites/balai/outlets/a-1")
    expect(page.locator("#feed .if-live")).to_have_text(re.compile(r"^Langsung"))
    expect(page.locator("#now")).to_have_attribute("data-state", "staffed")
    page.evaluate("window.notReloaded = true")
    mall.outlet("a-1", "vacant", since_ms=mall.now() - 2 * MINUTE, seen_ms=mall.now() - 20_000)
    expect(page.locator("#now")).to_have_attribute("data-state", "vacant")
    expect(page.locator("#now .word")).to_have_text("Kosong")
    expect(page.locator("#now [data-since]")).to_have_text("2\xa0mnt")
    expect(page.locator("#announce")).to_have_text("Kosong")
    age = page.locator("#now [data-seen]")
    expect(age).to_have_text(re.compile(r"^bukti 2\d\xa0dtk$"))
    first = age.inner_text()
    expect(age).not_to_have_text(first)
    assert page.evaluate("window.notReloaded")
