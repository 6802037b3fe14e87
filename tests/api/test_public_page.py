"""The public page and the lobby's board in a real browser, over the real server and a real broker."""

from __future__ import annotations

import re
from collections.abc import Callable

import httpx
import pytest
from playwright.sync_api import Page, expect

from presence.site import Agency, Duty, Site
from tests.builders import outlet, site
from tests.fixtures.hadir_command import eventually
from tests.fixtures.lobby import lobby
from tests.fixtures.mall import Mall, floor_of

AGE = re.compile(r"^Data \d+\u00a0dtk lalu$")


@pytest.fixture
def url(mall: Mall, serving: Callable[..., str]) -> str:
    """Where the pages of the mall are; nobody is let in who does not log in."""
    return serving(mall.broker, mall.now, demo=False)


def watched(page: Page) -> Page:
    """The page once it follows the news."""
    expect(page.locator("#age")).to_have_text(AGE)
    return page


@pytest.mark.parametrize("width", [320, 1920])
def test_a_citizen_finds_a_service_and_sees_it_open_and_close(
    mall: Mall, url: str, browse: Callable[..., Page], width: int
):
    page = watched(browse(f"{url}/public", width=width))
    services = page.locator(".agency li:visible")
    expect(services).to_have_count(4)
    expect(page.locator("#find")).to_be_hidden()
    page.locator("#cari").fill("LÁYA-NAN 3")
    expect(services).to_have_count(1)
    page.locator("#cari").fill("layanan 3")
    expect(services).to_have_count(1)
    expect(services).to_contain_text("Buka")
    mall.outlet("a-3", "vacant")
    expect(services).to_contain_text("Petugas tidak ada")
    expect(page.locator("#cari")).to_be_focused()
    page.get_by_text("Hanya yang melayani sekarang").click()
    expect(page.locator("#nothing h2")).to_have_text("Tidak ada layanan “layanan 3”")
    assert page.url.endswith("?q=layanan+3&open=1")
    mall.outlet("a-3", "serving")
    expect(services).to_contain_text("Melayani")
    page.locator("#cari").fill("notaris")
    page.get_by_role("link", name="Tampilkan semua").click()
    expect(services).to_have_count(4)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_without_javascript_the_page_is_searched_by_its_form(mall: Mall, url: str, browse: Callable[..., Page]):
    page = browse(f"{url}/public", width=320, java_script_enabled=False)
    page.locator("#cari").fill("layanan 2")
    page.get_by_role("button", name="Cari").click()
    expect(page.locator(".agency li:visible")).to_have_count(1)
    expect(page.get_by_role("link", name="Muat ulang")).to_be_visible()
    page.get_by_text("Hanya yang melayani sekarang").click()
    mall.collector()  # who is not heard for half a minute is not believed
    eventually(lambda: "'unknown'" not in str(httpx.get(f"{url}/api/v1/public").json()))
    page.get_by_role("button", name="Cari").click()
    expect(page.locator(".agency li:visible")).to_contain_text("Layanan 2")


def test_a_collector_that_leaves_makes_everything_unknown_until_it_is_back(
    mall: Mall, url: str, browse: Callable[..., Page]
):
    page = watched(browse(f"{url}/public/board", width=1920))
    expect(page.locator(".badge .word")).to_have_text("Buka")
    mall.collector("offline")
    expect(page.locator(".badge .word")).to_have_text("Tidak diketahui")
    expect(page.locator("#cut")).to_contain_text("Kabar dari gedung ini terputus.")
    mall.collector()
    expect(page.locator(".badge .word")).to_have_text("Buka")
    expect(page.locator("#cut .banner")).to_have_count(0)


@pytest.mark.parametrize("path", ["/public", "/public/board"])
def test_a_page_without_news_greys_itself_and_in_the_end_knows_nothing(
    mall: Mall, url: str, browse: Callable[..., Page], path: str
):
    page = watched(browse(f"{url}{path}", complains=True))
    page.clock.install()
    mall.collector()  # on a busy machine the first page may have taken half a minute
    page.reload()
    watched(page)
    page.context.set_offline(True)
    page.clock.run_for(12_000)
    expect(page.locator("#dead strong")).to_have_text(re.compile(r"^Tidak ada data baru sejak \d\d\.\d\d\.\d\d$"))
    expect(page.locator("html")).to_have_class(re.compile("dead"))
    expect(page.locator(".badge .word").first).to_have_text("Buka")
    page.clock.run_for(80_000)
    expect(page.locator(".badge .word").first).to_have_text("Tidak diketahui")
    expect(page.locator("#dead small")).to_contain_text("Keadaan loket tidak diketahui")
    page.context.set_offline(False)
    page.clock.run_for(6_000)
    expect(page.locator(".badge .word").first).to_have_text("Buka")
    expect(page.locator("#dead")).to_be_hidden()


# A row that is cut, or whose badge left its name's line; and how much of the screen's height the rows take.
_ROWS = """() => {
  const rows = [...document.querySelectorAll(".b-page:not([hidden]) li")];
  const apart = (row) => {
    const [name, badge] = ["b", ".badge"].map((one) => row.querySelector(one).getBoundingClientRect());
    return badge.top >= name.bottom || badge.left < name.left + 20;
  };
  const bad = rows.filter((row) => row.scrollHeight > row.clientHeight + 1 || apart(row));
  const list = document.querySelector(".b-page:not([hidden]) ol").getBoundingClientRect();
  const size = parseFloat(getComputedStyle(rows[0]).fontSize);
  return [bad.map((row) => row.innerText), list.height / innerHeight > .7, size];
}"""


def agencies_of(count: int) -> Site:
    """So many agencies with two outlets each."""
    outlets = [outlet(f"a-{n}", agency=f"i-{n // 2}", number=n + 1, floor=1 + n % 2) for n in range(2 * count)]
    named = tuple(Agency(id=f"i-{n}", name=f"Dinas {n}", short=f"Disdukcapil {n}") for n in range(count))
    return site(outlets=outlets, agencies=named)


def test_the_board_is_as_large_as_its_screen_lets_it_be(mall: Mall, url: str, browse: Callable[..., Page]):
    sizes: dict[tuple[int, int], list[float]] = {(1280, 720): [], (1920, 1080): [], (1080, 1920): []}
    for wanted in (agencies_of(1), agencies_of(6), agencies_of(12), lobby(1)):
        mall.register(wanted, prune=True)
        page = browse(f"{url}/public/board")
        expect(page.locator(".b-page li")).to_have_count(len(wanted.agencies))
        for (width, height), found in sizes.items():
            page.set_viewport_size({"width": width, "height": height})
            scrolled = "[document.documentElement.scrollWidth, document.documentElement.scrollHeight]"
            assert page.evaluate(scrolled) == [width, height]
            bad, filled, size = page.evaluate(_ROWS)
            assert (bad, filled) == ([], True)
            found.append(size)
    for found in sizes.values():
        assert found == sorted(found, reverse=True)
        assert found[0] > 1.5 * found[-1]


def test_the_board_turns_its_pages_every_20_s(mall: Mall, url: str, browse: Callable[..., Page]):
    mall.register(lobby(2))
    page = browse(f"{url}/public/board", width=1920)
    page.clock.install()
    page.reload()
    expect(page.locator(".b-page")).to_have_count(6)
    watched(page)
    expect(page.locator(".b-page:visible")).to_have_count(1)
    place, seen = page.locator("#place"), set()
    for _ in range(6):
        seen.add(page.locator(".b-page:visible h2").inner_text())
        assert page.evaluate("document.documentElement.scrollHeight <= innerHeight")
        before = place.inner_text()
        mall.ahead_ms += 20_000
        mall.collector()
        page.clock.run_for(6_000)
        expect(place).not_to_have_text(before)
    assert seen == {f"Lantai {n}" for n in range(1, 7)}
    expect(page.locator("#place")).to_have_text(re.compile(r"^Halaman \d dari 6$"))


def test_a_change_of_the_registry_is_shown_without_a_touch(mall: Mall, url: str, browse: Callable[..., Page]):
    page = watched(browse(f"{url}/public/board", width=1280))
    expect(page.locator(".where")).to_contain_text("Loket 1–3")
    mall.register(floor_of(4, name="Balai Baru", duties=(Duty(id="d", outlets=("a-1", "a-2", "a-3", "a-4")),)))
    expect(page.locator("#hours")).to_contain_text("Balai Baru")
