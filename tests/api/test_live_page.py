"""The live page in a real browser, over the real server and a real broker."""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from api.words import Lang, Words, texts
from presence.alerts.life import Alert
from presence.instants import parse_instant, rfc3339
from presence.site import Absence, Agency, Contact, Maintenance, Substitute
from presence.status import Status
from storage.record import Record
from storage.record.acknowledgements import Answer
from storage.record.declarations import declare
from storage.record.substitutes import name_substitute
from storage.record.users import make_account, make_link
from tests.fixtures.browser import use_link
from tests.fixtures.hadir_command import Hadir, eventually
from tests.fixtures.mall import MINUTE, Mall, floor_of
from transport.session import parse_broker

LIVE = re.compile(r"^Langsung")


def watched(page: Page) -> Page:
    """The page once it follows the feed; a reload would lose the mark that is set here."""
    expect(page.locator("#feed .if-live")).to_have_text(LIVE)
    page.evaluate("window.notReloaded = true")
    return page


def test_a_change_reaches_its_tile_without_a_reload(mall: Mall, url: str, browse: Callable[..., Page]):
    page = watched(browse(url))
    tile = page.locator("#o-a-2")
    expect(tile).to_have_attribute("data-state", "staffed")
    mall.outlet("a-2", "vacant", since_ms=mall.now() - 2 * MINUTE)
    expect(tile).to_have_attribute("data-state", "vacant")
    expect(tile).to_have_attribute("data-alert", "pending")
    expect(tile.locator(".word")).to_have_text("Kosong")
    expect(tile.locator(".dur")).to_have_text("2\u00a0mnt")
    expect(page.locator("#sums [data-show=vacant] .n")).to_have_text("1")
    expect(page.locator("#sums [data-show=staffed] .n")).to_have_text("3")
    expect(page.locator("#seats .b-vacant")).to_have_count(1)
    expect(page.locator("#log li", has_text="Kosong")).to_contain_text("Loket a-2")
    expect(page.locator("#floors .staffed").first).to_have_text("2 dari 3 ada petugas")
    assert page.evaluate("window.notReloaded")


def test_a_new_alert_appears_and_is_announced(mall: Mall, url: str, browse: Callable[..., Page]):
    page = watched(browse(url))
    expect(page.locator("#calm")).to_contain_text("4 loket wajib buka, semuanya ada petugas.")
    since_ms = mall.now() - 12 * MINUTE
    mall.outlet("a-3", "vacant", since_ms=since_ms)
    alert = Alert("vacancy", "outlet", "a-3", since_ms, since_ms + 10 * MINUTE)
    mall.alert(alert)
    card = page.locator("#alerts li")
    expect(card).to_have_count(1)
    expect(card).to_contain_text("Loket a-3 · Dinas dinas")
    expect(card.locator(".dur span")).to_have_text("12\u00a0mnt")
    expect(page.locator("#announce")).to_have_text("Peringatan baru: Kosong, Loket a-3 · Dinas dinas")
    expect(page.locator("#o-a-3")).to_have_attribute("data-alert", "firing")
    expect(page.locator("#calm")).to_be_hidden()
    mall.outlet("a-3", "staffed")
    mall.alert(Alert("vacancy", "outlet", "a-3", since_ms, since_ms + 10 * MINUTE, mall.now(), "presence"))
    expect(card).to_have_count(0)
    expect(page.locator("#log")).to_contain_text("petugas kembali")
    expect(page.locator("#o-a-3")).not_to_have_attribute("data-alert", "firing")
    assert page.evaluate("window.notReloaded")


def test_an_answer_quietens_its_alert_until_its_time_is_over(mall: Mall, url: str, browse: Callable[..., Page]):
    page = watched(browse(url))
    since_ms = mall.now() - 12 * MINUTE
    vacancy = Alert("vacancy", "outlet", "a-3", since_ms, since_ms + 10 * MINUTE)
    mall.outlet("a-3", "vacant", since_ms=since_ms)
    mall.alert(vacancy)
    card, tile = page.locator("#alerts li"), page.locator("#o-a-3")
    expect(card).to_have_attribute("data-life", "firing")
    expect(page.locator("[data-sum=action]")).to_have_text("1")
    mall.acknowledge(vacancy, Answer("equipment", "printer <b>kuitansi</b>", 10 * MINUTE))
    expect(card).to_have_attribute("data-life", "acknowledged")
    expect(card).to_contain_text("oleh ani: alat rusak, “printer <b>kuitansi</b>”. Berlaku sampai")
    expect(tile).to_have_attribute("data-alert", "acknowledged")
    expect(tile.locator(".note")).to_have_text("Diakui ani: alat rusak")
    expect(page.locator("[data-sum=action]")).to_have_text("0")
    mall.ahead_ms += 10 * MINUTE
    mall.collector()
    expect(tile).to_have_attribute("data-alert", "firing")
    expect(card).to_have_attribute("data-life", "firing")
    assert page.evaluate("window.notReloaded")


def test_ages_tick_every_second(mall: Mall, url: str, browse: Callable[..., Page]):
    page = watched(browse(url))
    mall.outlet("a-1", "staffed", seen_ms=mall.now() - 20_000)
    age = page.locator("#o-a-1 .age")
    expect(age).to_have_text(re.compile(r"^bukti 2[0-9]\u00a0dtk$"))
    first = age.inner_text()
    expect(age).not_to_have_text(first)


def test_a_collector_that_leaves_makes_everything_unknown_until_it_is_back(
    mall: Mall, url: str, browse: Callable[..., Page]
):
    page = watched(browse(url))
    mall.collector("offline")
    expect(page.locator(".tile[data-state=unknown]")).to_have_count(4)
    expect(page.locator("#warning")).to_contain_text("Pengumpul data terputus sejak")
    expect(page.locator("#sums [data-show=unknown] .n")).to_have_text("4")
    mall.collector()
    expect(page.locator(".tile[data-state=staffed]")).to_have_count(4)
    expect(page.locator("#warning")).to_be_hidden()
    assert page.evaluate("window.notReloaded")


def test_filters_and_search_need_no_server(mall: Mall, url: str, browse: Callable[..., Page]):
    page = watched(browse(url))
    mall.outlet("a-4", "vacant")
    shown = page.locator(".tile:visible")
    page.locator(".chip", has_text="Kosong").click()
    expect(shown).to_have_count(1)
    assert page.url.endswith("?show=vacant")
    mall.outlet("a-1", "vacant")
    expect(shown).to_have_count(2)
    page.locator("#sums [data-show=vacant]").click()
    expect(shown).to_have_count(4)
    page.locator("#cari").fill("layanan 3")
    expect(shown).to_have_count(1)
    page.locator("#cari").fill("notaris")
    expect(page.locator("#nothing")).to_contain_text("Tidak ada loket “notaris”")
    page.locator("#nothing a").click()
    expect(shown).to_have_count(4)
    assert page.evaluate("window.notReloaded")


def test_absences_and_who_stands_in_reach_a_page_without_a_reload(mall: Mall, url: str, browse: Callable[..., Page]):
    ani, budi = (Contact(id=name, name=name, phone=phone) for name, phone in (("ani", "0811"), ("budi", "0822")))
    mall.register(floor_of(agencies=(Agency(id="dinas", name="Dinas", contacts=(ani, replace(budi, level=2))),)))
    page = browse(url)
    mall.outlet("a-2", "vacant", since_ms=mall.now() - 2 * MINUTE)
    call = page.locator("#o-a-2 .call")
    expect(call).to_have_attribute("href", "tel:0811")
    watched(page)
    expect(page.locator("#o-a-2")).to_have_attribute("data-alert", "pending")
    now_ms = mall.now()
    with mall.record.writing() as connection:
        lasts = {"from_ms": now_ms, "to_ms": now_ms + 60 * MINUTE}
        declare(connection, "balai", Absence(outlet="a-2", reason="meeting", **lasts), "ani", now_ms)
        name_substitute(
            connection, "balai", Substitute(agency="dinas", contact="ani", to="budi", **lasts), "ani", now_ms
        )
    expect(page.locator("#o-a-2")).not_to_have_attribute("data-alert", "pending")
    expect(call).to_have_attribute("href", "tel:0822")
    mall.ahead_ms += 60 * MINUTE  # the substitute's time is over, of which the record says nothing
    mall.collector()
    expect(call).to_have_attribute("href", "tel:0811")
    assert page.evaluate("window.notReloaded")


def test_at_night_a_dead_collector_makes_no_outlet_obliged(mall: Mall, url: str, browse: Callable[..., Page]):
    page = watched(browse(url))
    expect(page.locator("#sums [data-show=obliged] .n")).to_have_text("4")
    mall.ahead_ms += 12 * 60 * MINUTE
    expect(page.locator(".tile[data-state=unknown]")).to_have_count(4)
    printed = browse(url, java_script_enabled=False)
    for one in (page, printed):
        expect(one.locator("#sums [data-show=obliged] .n")).to_have_text("0")
        expect(one.locator("#sums [data-show=unknown] .n")).to_have_text("0")
        expect(one.locator("#floors .staffed").first).to_have_text("tutup")


def test_a_new_outlet_appears_by_itself(mall: Mall, url: str, browse: Callable[..., Page]):
    page = watched(browse(url))
    mall.register(floor_of(5))
    expect(page.locator(".tile")).to_have_count(5)
    expect(page.locator("#o-a-5 .note")).to_have_text("Menunggu kabar pertama")


_KEPT = """async (module) => {
    const { LiveState } = await import(module);
    const now = Date.parse("2026-11-24T03:00:00Z");
    const state = new LiveState({ site: "s", layout: "l", answering: "a", now_ms: now, changes: [], outlets: {} });
    const alert = (id, resolved) => ({ id, state: resolved ? "resolved" : "firing", resolved, disproved: null });
    state.take("snapshot", {
        at: "2026-11-24T03:00:00Z", untrusted: {}, unwatched: {}, outlets: [],
        layouts: { s: "l" }, answering: { s: "a" }, muted: {},
        alerts: [alert("stands", null), alert("just over", "2026-11-24T02:30:00Z")],
    });
    const before = [...state.alerts.keys()];
    state.take("heartbeat", { at: "2026-11-24T03:31:00Z" });
    return [before, [...state.alerts.keys()]];
}"""


def test_a_page_that_stays_open_forgets_what_its_log_no_longer_tells(mall: Mall, url: str, browse: Callable[..., Page]):
    page = browse(url)
    module = page.locator("script[type=module]").get_attribute("src") or ""
    kept = page.evaluate(_KEPT, module.replace("live.js", "live_state.js"))
    assert kept == [["stands", "just over"], ["stands"]]


def test_the_welcome_gives_way_to_the_first_site(
    record: Record, mosquitto: Any, serving: Callable[..., str], browse: Callable[..., Page]
):
    mall = Mall(record, parse_broker(mosquitto.url))
    page = browse(serving(mall.broker, mall.now))
    expect(page.locator("h1")).to_have_text("Selamat datang di Hadir")
    mall.register(floor_of())
    expect(page.locator(".tile")).to_have_count(4)
    mall.close()


@pytest.mark.parametrize("width", [320, 390, 768, 1280, 1920])
def test_nothing_scrolls_sideways(mall: Mall, url: str, browse: Callable[..., Page], width: int):
    mall.outlet("a-2", "unattended", since_ms=mall.now() - 200 * MINUTE)
    mall.alert(Alert("unattended", "outlet", "a-2", mall.now() - 200 * MINUTE, mall.now() - 197 * MINUTE))
    page = watched(browse(url, width=width))
    expect(page.locator("#alerts li")).to_have_count(1)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for path in ("login", "docs", "nowhere"):
        page = browse(f"{url}/{path}", width=width, complains=True)  # of the 404
        assert page.evaluate("document.documentElement.scrollWidth") <= width


# The whole of what both sides render, without what only one of them needs.
_SEEN = """() => {
  const ignored = ["data-key", "data-alert-id", "class"];
  const walk = (node) => {
    if (node.nodeType === Node.TEXT_NODE) return node.data.trim();
    const attributes = [...node.attributes].filter((one) => !ignored.includes(one.name))
      .map((one) => `${one.name}=${one.value}`).sort();
    const children = [...node.childNodes].map(walk);
    return [node.tagName, attributes, children.filter((one) => one !== "" && one[0] !== "NOSCRIPT")];
  };
  const parts = ["warning", "hours", "sums", "seats", "hp", "alerts", "calm", "tools", "floors"];
  parts.push("log", "log-more", "log-none");
  return Object.fromEntries(parts.map((id) => [id, walk(document.getElementById(id))]));
}"""


# What the module of the page makes of the same values.
_SPOKEN = """async ([path, texts, zone, instants, numbers, lists, spans]) => {
  const { Words } = await import(path);
  const words = new Words(texts, zone);
  const told = instants.map((at) => [words.clock(at), words.clockS(at), words.date(at), words.coming(at, instants[0])]);
  const counted = numbers.map((n) => [words.number(n), words.text("pub.count", { n })]);
  return [told, counted, lists.map((parts) => words.listed(parts)), spans.map((ms) => words.span(ms))];
}"""
_ZONES = ("Asia/Jakarta", "Asia/Jayapura", "Europe/Berlin", "America/St_Johns")


def compare_words(page: Page, lang: Lang) -> None:
    """Names of all months and days, summer time, numbers, plurals, lists: Chromium's ICU against Babel."""
    start_ms = parse_instant("2026-01-01T16:59:58Z")
    instants = [start_ms + n * 86_400_000 + n * 3_607_000 for n in (*range(9), *range(20, 366, 11))]
    numbers = [*range(22), 100, 101, 999, 1000, 1001, 9_999, 10_000, 1_234_567]
    lists = [["a"], ["a", "b"], ["a", "b", "c"], ["a", "b", "c", "d"]]
    spans = [0, 4_999, 59_000, 51 * MINUTE, 67 * MINUTE, 26 * 60 * MINUTE, 2_000 * 60 * MINUTE]
    path = page.evaluate("document.querySelector('script[src$=\"/live.js\"]').src.replace('live.js', 'words.js')")
    for zone in _ZONES:
        words = Words(lang, zone)
        told = [[words.clock(at), words.clock_s(at), words.date(at), words.coming(at, start_ms)] for at in instants]
        counted = [[words.number(n), words("pub.count", n=n)] for n in numbers]
        expected = [told, counted, [words.listed(parts) for parts in lists], [words.span(ms) for ms in spans]]
        assert page.evaluate(_SPOKEN, [path, texts(lang), zone, instants, numbers, lists, spans]) == expected


@pytest.mark.parametrize("lang", ["id", "en"])
def test_browser_and_server_say_the_same(
    mall: Mall, serving: Callable[..., str], browse: Callable[..., Page], lang: Lang
):
    # Clocks stand still, and no age is near its next minute.
    still_ms = mall.now()
    mall.ahead_ms = 0
    mall.now = lambda: still_ms  # type: ignore[method-assign]
    people = (Contact(id="koordinator", name="Koordinator", phone="+62 812 000000"),)
    hour = {"from_ms": still_ms - 60 * MINUTE, "to_ms": still_ms + 60 * MINUTE}
    muted = (Maintenance(outlet="a-1", reason="kabel", **hour),)
    agencies = (Agency(id="dinas", name="Dinas dinas", contacts=people),)
    mall.register(floor_of(9, agencies=agencies, maintenance=muted))
    url = serving(mall.broker, mall.now)
    page = watched_in(lang, browse, url)
    drawn = watched_in(lang, browse, url, view="plan")
    minutes_ago = [still_ms - n * MINUTE - 20_000 for n in range(500)]
    known: list[tuple[Status, dict[str, Any]]] = [
        ("serving", {}),
        ("vacant", {"since_ms": minutes_ago[4]}),
        ("vacant", {"since_ms": minutes_ago[51]}),
        ("unattended", {"since_ms": minutes_ago[13]}),
        ("declared", {"reason": "meeting", "until": rfc3339(still_ms + 30 * MINUTE)}),
        ("closed", {"until": rfc3339(still_ms + 2880 * MINUTE)}),
        ("unknown", {"since_ms": minutes_ago[400]}),
        ("staffed", {"since_ms": minutes_ago[499]}),
    ]
    for n, (status, fields) in enumerate(known, 1):
        mall.outlet(f"a-{n}", status, seen_ms=minutes_ago[n], **({"since_ms": minutes_ago[30]} | fields))
    told: dict[str, Any] = {"told_ms": minutes_ago[9]}
    answers = {"a-2": Answer("other", "“apel” <b>&amp; {reason}</b>"), "a-8": Answer("break", None, 5 * MINUTE)}
    for kind, subject_type, subject, minutes in (
        ("vacancy", "outlet", "a-3", 51),
        ("unattended", "outlet", "a-4", 13),
        ("sensor_silent", "sensor", "s-7", 20),
        ("gateway_offline", "gateway", "gw", 21),
        ("late_opening", "outlet", "a-8", 22),  # staffed again, which is not confirmed yet
        ("vacancy", "outlet", "a-2", 14),
        ("vacancy", "outlet", "a-5", 60),
        ("vacancy", "outlet", "a-7", 61),  # of which nothing is known any more
    ):
        alert = Alert(kind, subject_type, subject, minutes_ago[minutes], minutes_ago[minutes - 5])  # type: ignore[arg-type]
        mall.alert(alert, late=kind == "unattended", **(told if kind == "vacancy" else {}))
        if subject in answers:
            mall.acknowledge(alert, answers[subject])
    mall.alert(Alert("vacancy", "outlet", "a-8", minutes_ago[50], minutes_ago[40], minutes_ago[30], "presence"))
    mall.alert(Alert("vacancy", "outlet", "a-1", minutes_ago[49], minutes_ago[39]), disproved_ms=minutes_ago[29])
    expect(page.locator("#alerts li")).to_have_count(8)
    expect(page.locator("#o-a-1 .note")).to_be_visible()
    expect(page.locator("#alerts li[data-life=acknowledged]")).to_have_count(2)
    expect(page.locator("#o-a-8 .dur")).not_to_have_text("")
    expect(page.locator("#log li")).to_have_count(10)
    expect(page.locator("#o-a-3 .call")).to_have_attribute("href", "tel:+62812000000")
    printed = watched_in(lang, browse, url, java_script_enabled=False)
    assert page.evaluate(_SEEN) == printed.evaluate(_SEEN)
    expect(drawn.locator("#log li")).to_have_count(10)
    printed = watched_in(lang, browse, url, view="plan", java_script_enabled=False)
    assert drawn.evaluate(_SEEN) == printed.evaluate(_SEEN)
    compare_words(page, lang)


def watched_in(lang: str, browse: Callable[..., Page], url: str, view: str = "tiles", **options: Any) -> Page:
    page = browse(f"{url}/?lang={lang}&view={view}", **options)
    if options.get("java_script_enabled", True):
        expect(page.locator("#feed .if-live")).to_have_text(re.compile("^(Langsung|Live)"))
    return page


def test_a_page_whose_server_dies_or_hangs_says_so_itself_and_comes_back(
    hadir: Hadir, mosquitto: Any, browse: Callable[..., Page]
):
    with Record.open(f"sqlite:///{hadir.data / 'record.db'}") as record:
        mall = Mall(record, parse_broker(mosquitto.url))
        mall.ahead_ms = 0
        mall.register(floor_of())
        with record.writing() as connection:
            make_account(connection, "ani", mall.now())
            code = make_link(connection, "ani", mall.now())
        server = hadir.start("api", "run", "--only", "web", "--port", "0", HADIR_BROKER=mosquitto.url)
        found = eventually(lambda: re.search(r"http://127\.0\.0\.1:(\d+)", hadir.logs()))
        page = browse(f"{found[0]}/login?code={code}", complains=True)
        use_link(page)
        page.goto(found[0])
        watched(page)
        mall.collector()
        for n in range(1, 5):
            mall.outlet(f"a-{n}", "staffed")
        expect(page.locator(".tile[data-state=staffed]")).to_have_count(4)

        server.send_signal(signal.SIGSTOP)  # it says nothing any more, but the connection stands
        began = time.monotonic()
        banner = page.locator("#dead")
        expect(banner).to_be_visible()
        assert 4 < time.monotonic() - began < 30
        expect(page.locator("html")).to_have_class("dead")
        expect(banner).to_contain_text("Tidak ada data baru sejak")
        expect(page.locator("#o-a-1 .st")).to_have_text("terakhir: Terisi")
        expect(page.locator("#feed .if-dead")).to_contain_text("Terputus sejak")
        server.send_signal(signal.SIGCONT)
        expect(banner).to_be_hidden()

        hadir.kill(server)
        expect(banner).to_be_visible()
        expect(banner).to_contain_text("Mencoba menyambung lagi dalam")
        hadir.start("api", "run", "--only", "web", "--port", found[1], HADIR_BROKER=mosquitto.url)
        eventually(lambda: hadir.logs().count("pages: ") == 2)
        mall.collector()
        mall.outlet("a-1", "vacant")
        page.locator("#dead button").click()
        expect(banner).to_be_hidden()
        expect(page.locator("html")).not_to_have_class("dead")
        expect(page.locator("#o-a-1")).to_have_attribute("data-state", "vacant")
        assert page.evaluate("window.notReloaded")
        mall.close()
