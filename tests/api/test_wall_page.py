"""The wall screen in a real browser, over the real server and a real broker."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from presence.alerts.life import Alert
from presence.instants import rfc3339
from presence.site import Agency, Contact
from storage.record.acknowledgements import Answer
from tests.fixtures.hadir_command import eventually
from tests.fixtures.mall import MINUTE, Mall, floor_of

CONTACTS = (Contact(id="koordinator", name="Koordinator", phone="+62 812 000000"),)
DINAS = (Agency(id="dinas", name="Dinas dinas", contacts=CONTACTS),)

# The whole of what both sides render, without what only one of them needs.
_SEEN = """() => {
  const ignored = ["data-key"];
  const walk = (node) => {
    if (node.nodeType === Node.TEXT_NODE) return node.data.trim();
    const attributes = [...node.attributes].filter((one) => !ignored.includes(one.name))
      .map((one) => `${one.name}=${one.value}`).sort();
    const children = [...node.childNodes].map(walk);
    return [node.tagName, attributes, children.filter((one) => one !== "" && one[0] !== "NOSCRIPT")];
  };
  const parts = ["warning", "sums", "screens", "rail-title", "rail", "rail-more", "recent"];
  return Object.fromEntries(parts.map((id) => [id, walk(document.getElementById(id))]));
}"""


def watched(page: Page) -> Page:
    expect(page.locator("#feed .if-live")).to_have_text(re.compile(r"^(Langsung|Live)"))
    page.evaluate("window.notReloaded = true")
    return page


def stand_still(mall: Mall) -> int:
    """Clocks stand still, and no age is near its next minute."""
    still_ms = mall.now()
    mall.ahead_ms = 0
    mall.now = lambda: still_ms  # type: ignore[method-assign]
    return still_ms


@pytest.mark.parametrize("lang", ["id", "en"])
def test_browser_and_server_say_the_same(
    mall: Mall, serving: Callable[..., str], browse: Callable[..., Page], lang: str
):
    still_ms = stand_still(mall)
    mall.register(floor_of(14, agencies=DINAS))
    url = serving(mall.broker, mall.now)
    page = watched(browse(f"{url}/?wall=1&lang={lang}"))
    minutes_ago = [still_ms - n * MINUTE - 20_000 for n in range(100)]
    known: list[tuple[Any, dict[str, Any]]] = [
        *(("serving", {}), ("vacant", {"since_ms": minutes_ago[4]}), ("vacant", {"since_ms": minutes_ago[51]})),
        *(("unattended", {"since_ms": minutes_ago[13]}), ("closed", {"until": rfc3339(still_ms + 90 * MINUTE)})),
        *(("declared", {"reason": "meeting"}), ("unknown", {}), ("staffed", {})),
        *[("vacant", {"since_ms": minutes_ago[4]})] * 5,
    ]
    for n, (status, fields) in enumerate(known, 1):
        mall.outlet(f"a-{n}", status, seen_ms=minutes_ago[n], **({"since_ms": minutes_ago[30]} | fields))
    answered = Alert("vacancy", "outlet", "a-2", minutes_ago[14], minutes_ago[4])
    mall.alert(answered)
    mall.acknowledge(answered, Answer("other", "“apel” <b>&amp;"))
    mall.alert(Alert("vacancy", "outlet", "a-3", minutes_ago[51], minutes_ago[41]), told_ms=minutes_ago[9])
    mall.alert(Alert("vacancy", "outlet", "a-8", minutes_ago[40], minutes_ago[30]))
    mall.alert(Alert("gateway_offline", "gateway", "gw", minutes_ago[21], minutes_ago[19]))
    expect(page.locator("#rail > li")).to_have_count(7)
    expect(page.locator(".tile[data-outlet=a-13]")).to_have_attribute("data-state", "vacant")
    expect(page.locator("#rail-more")).to_have_text(re.compile("3"))
    page.wait_for_function("!document.getElementById('rail-more').hidden")
    printed = browse(f"{url}/?wall=1&lang={lang}", java_script_enabled=False)
    assert page.evaluate(_SEEN) == printed.evaluate(_SEEN)


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (1920, 1080), (3840, 2160), (1080, 1920)])
@pytest.mark.parametrize("count", [4, 26, 42])
def test_all_is_seen_without_scrolling(
    mall: Mall, url: str, browse: Callable[..., Page], width: int, height: int, count: int
):
    mall.register(floor_of(count))
    page = watched(browse(f"{url}/?wall=1", width=width))
    page.set_viewport_size({"width": width, "height": height})
    expect(page.locator(".tile:visible")).to_have_count(count)
    outside = """([width, height]) => [...document.querySelectorAll(".tile, .w-foot, #rail-title, .tile .dur")]
        .map((one) => [one.getBoundingClientRect(), (one.closest(".tile") ?? document.body).getBoundingClientRect()])
        .filter(([one, around]) => one.right > around.right || one.right > width || one.bottom > height).length"""
    assert page.evaluate(outside, [width, height]) == 0
    assert page.evaluate("getComputedStyle(document.body).cursor") == "none"
    assert page.evaluate("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]") == [
        *(width, height),
    ]


def test_beyond_42_outlets_one_floor_follows_the_other(mall: Mall, url: str, browse: Callable[..., Page]):
    mall.register(floor_of(60))
    eventually(lambda: len(httpx.get(f"{url}/api/v1/live").json()["outlets"]) == 60)
    page = watched(browse(f"{url}/?wall=1", width=1920))
    name = page.locator("#screen-name")
    expect(name).to_have_text(re.compile(r"^Lantai \d+$"))
    assert page.locator(".w-grid:visible").count() == 1
    first = name.inner_text()
    expect(name).not_to_have_text(first)
    assert page.locator(".w-grid:visible").count() == 1
    assert page.evaluate("window.notReloaded")


def fell_silent(page: Page) -> bool:
    """Twenty seconds pass at once. Whether they were a silence: a heartbeat may come before the page looks."""
    page.evaluate("performance.now = ((now) => () => now() + 20_000)(performance.now.bind(performance))")
    page.wait_for_timeout(1_100)
    return bool(page.evaluate("document.documentElement.classList.contains('dead')"))


def test_a_wall_whose_feed_is_dead_says_so_and_then_knows_nothing(mall: Mall, url: str, browse: Callable[..., Page]):
    alert = Alert("vacancy", "outlet", "a-3", mall.now() - 12 * MINUTE, mall.now() - 2 * MINUTE)
    mall.outlet("a-3", "vacant", since_ms=alert.since_ms)
    mall.alert(alert)
    page = watched(browse(f"{url}/?wall=1", complains=True))
    expect(page.locator("#rail > li")).to_have_count(1)
    page.context.set_offline(True)  # the stream that stands is cut with its silence
    eventually(lambda: fell_silent(page))
    expect(page.locator("#dead")).to_be_visible()
    expect(page.locator("html")).to_have_class("dead")
    expect(page.locator(".tile .st").first).to_have_text("terakhir: Terisi")
    page.evaluate("performance.now = ((now) => () => now() + 90_000)(performance.now.bind(performance))")
    expect(page.locator(".tile[data-state=unknown]")).to_have_count(4)
    expect(page.locator(".tile .st").first).to_have_text("Tidak diketahui", use_inner_text=True)
    expect(page.locator("#dead")).to_contain_text("Tidak ada data baru sejak")
    expect(page.locator("#feed .if-dead")).to_be_visible()
    expect(page.locator("#rail > li")).to_have_count(0)
    expect(page.locator("#rail-title")).to_have_text("Keadaan sekarang tidak diketahui")
    page.context.set_offline(False)
    expect(page.locator("#dead")).to_be_hidden()
    expect(page.locator(".tile[data-state=staffed]")).to_have_count(3)
    expect(page.locator("#rail > li")).to_have_count(1)
