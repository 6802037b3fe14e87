from __future__ import annotations

import gzip
import json
import re
from pathlib import Path
from typing import Any

import pytest

from presence.alerts.life import Alert
from presence.instants import rfc3339
from storage.record.alerts import StoredAlert, put
from storage.record.users import make_account, make_token
from tests.builders import outlet, site
from tests.fixtures.mall import NOW
from tests.fixtures.web import Browser, Web

HOSTILE = '<script>alert("x")</script>'


@pytest.fixture
def floor(demo: Web) -> Web:
    """A site of three outlets on two floors, one of them vacant since 10.36, of which the collector speaks."""
    demo.apply(
        site(
            outlets=[
                outlet("a-1", number=1, floor=1, service="KTP-el"),
                outlet("a-2", number=2, floor=1, service="Akta kelahiran"),
                outlet("a-3", number=3, floor=2, service="Paspor"),
            ]
        )
    )
    live = demo.app.state.feed.live
    live.broker_met()
    live.hear_collector("balai", b'{"state":"online","at":"2026-11-24T03:42:00Z"}', retained=False, now_ms=NOW)
    for name, status in (("a-1", "vacant"), ("a-2", "staffed"), ("a-3", "serving")):
        live.hear_occupancy("balai", name, occupancy(name, status), NOW)
    return demo


def occupancy(name: str, status: str, since: str = "2026-11-24T03:36:00.000Z") -> bytes:
    zones = {"staff": {"state": "vacant", "p": 0.02, "since": since, "seen": rfc3339(NOW - 4000)}}
    body = {"site": "balai", "outlet": name, "status": status, "since": since, "zones": zones, "until": None}
    return json.dumps(body | {"reason": None, "at": rfc3339(NOW), "version": 1}).encode()


def page(web: Web, path: str = "/", **headers: str) -> str:
    answer = web.ask(accept="text/html", **headers).get(path)
    assert answer.status_code == 200, answer.text
    return answer.text


def in_words(html: str) -> str:
    """The text of a page, tags and data taken out."""
    html = re.sub(r"<(script|template|noscript)\b.*?</\1>", " ", html, flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", html).replace("\u00a0", " ").split())


def shown(html: str) -> list[str]:
    """The outlets whose tiles are not hidden."""
    return [
        name
        for name, rest in re.findall(r'<article class="tile" id="o-([^"]+)"([^>]*)>', html)
        if not re.search(r"\bhidden\b", rest)
    ]


def test_the_floor_is_whole_without_javascript(floor: Web):
    html = page(floor)
    words = in_words(html)
    assert '<html lang="id">' in html
    assert "Balai Layanan" in words
    assert "Jam layanan 08.00–12.00 dan 13.00–15.00. Istirahat dalam 1 j 17 mnt." in words
    assert "3 wajib buka sekarang 2 ada petugas 1 di antaranya melayani – warga menunggu 1 kosong" in words
    assert "Loket 1 6 mnt Dinas dinas KTP-el terakhir: Kosong Peringatan pada 10.46 bukti 4 dtk" in words
    assert "Lantai 1 1 dari 2 ada petugas" in words
    assert "Lantai 2 1 dari 1 ada petugas" in words
    assert "Keadaan pukul 10.42.07" in words
    assert '<noscript><a href="/?site=balai">Muat ulang</a></noscript>' in html
    assert "Demo: data tiruan. Terbuka tanpa masuk, hanya di komputer ini." in words
    assert "Semua waktu dalam WIB (Asia/Jakarta)" in words


def test_what_the_last_hour_does_not_show_is_counted(floor: Web):
    live = floor.app.state.feed.live
    for n in range(14):
        status, minute = ("vacant", "staffed")[n % 2], rfc3339(NOW - (14 - n) * 60_000)
        live.hear_occupancy("balai", "a-2", occupancy("a-2", status, minute), NOW)
    lines = re.search(r'<ol class="log" id="log">(.*?)</ol>', page(floor), re.DOTALL)
    assert lines is not None
    assert lines[1].count("<li") == 12
    assert re.search(r"… dan \d lagi", in_words(page(floor)))


def test_pages_hold_no_inline_script_or_style_and_nothing_from_elsewhere(floor: Web):
    for path in ("/", "/docs", "/login", "/?lang=en"):
        answer = floor.ask(accept="text/html").get(path)
        scripts = re.findall(r"<script\b[^>]*>", answer.text)
        assert all("src=" in script or "application/json" in script for script in scripts)
        assert " style=" not in answer.text
        assert "<style" not in answer.text
        assert not re.search(r'(?:src|href)="(?:https?:)?//', answer.text)
        assert not re.search(r"\son\w+=", answer.text)


def test_what_people_named_is_shown_as_text(demo: Web):
    named = outlet("a-1", name=HOSTILE, service=HOSTILE)
    demo.apply(site(name=HOSTILE, outlets=[named]))
    html = page(demo, f"/?q={HOSTILE}")
    assert HOSTILE not in html
    assert "&lt;script&gt;" in html
    data = re.search(r'<script type="application/json" id="data">(.*?)</script>', html, re.DOTALL)
    assert data is not None
    assert json.loads(data[1])["subjects"]["outlet/a-1"]["label"].startswith(HOSTILE)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["a-1", "a-2", "a-3"]),
        ("show=vacant", ["a-1"]),
        ("show=staffed", ["a-2", "a-3"]),
        ("show=serving", ["a-3"]),
        ("show=nonsense", ["a-1", "a-2", "a-3"]),
        ("q=paspor", ["a-3"]),
        ("q=AKTA", ["a-2"]),
        ("q=dinas&show=vacant", ["a-1"]),
        ("q=notaris", []),
    ],
)
def test_filters_work_without_javascript(floor: Web, query: str, expected: list[str]):
    html = page(floor, f"/?{query}")
    assert shown(html) == expected
    assert ('id="nothing" hidden' in html) == bool(expected)


def test_a_search_that_finds_nothing_says_what_to_try(floor: Web):
    assert "Tidak ada loket “notaris” Coba nama instansi, layanan, atau nomor loket." in in_words(
        page(floor, "/?q=notaris")
    )


def test_language_and_theme_are_chosen_by_links_and_remembered(floor: Web):
    reader = floor.ask(accept="text/html")
    answer = reader.get("/?site=balai&lang=en&show=vacant")
    assert (answer.status_code, answer.headers["location"]) == (303, "/?site=balai&show=vacant")
    assert reader.get("/?theme=dark").headers["location"] == "/"
    html = reader.get("/").text
    assert '<html lang="en" data-theme="dark">' in html
    assert "3 obliged to be open 2 staffed" in in_words(html)
    assert reader.get("/?theme=auto").status_code == 303
    assert '<html lang="en">' in reader.get("/").text
    assert floor.ask(accept="text/html").get("/?lang=fr").status_code == 400


def test_the_language_can_be_chosen_before_logging_in(web: Web):
    reader = web.ask(accept="text/html")
    assert 'href="/login?lang=en"' in reader.get("/").text
    assert reader.get("/login?lang=en").headers["location"] == "/login"
    assert "Log in to Hadir" in reader.get("/").text


def test_the_language_that_is_asked_for_holds_before_it_is_remembered(web: Web, demo: Web):
    assert "Log in to Hadir" in web.ask(accept="text/html").get("/?lang=en").text
    reader = demo.ask(accept="text/html")
    assert reader.get("/docs?lang=en").headers["location"] == "/docs"
    assert "All addresses that Hadir offers" in reader.get("/docs").text
    assert reader.get("/login?code=spent&lang=id").headers["location"] == "/login?code=spent"


def test_errors_speak_the_language_that_was_chosen_and_offer_the_other(floor: Web):
    reader = floor.ask(accept="text/html")
    answer = reader.get("/nowhere?q=x&lang=en")
    assert (answer.status_code, "There is no such page." in answer.text) == (404, True)
    assert 'href="/nowhere?q=x&amp;lang=id" lang="id" hreflang="id"' in answer.text
    assert '<html lang="en">' in reader.get("/elsewhere").text  # it is remembered
    assert 'href="/evil.example/?lang=id"' in reader.get("http://localhost:8080//evil.example/").text
    forbidden = reader.post("/login", headers={"sec-fetch-site": "cross-site"})
    assert (forbidden.status_code, "This page is not open to your account." in forbidden.text) == (403, True)


def test_several_sites_are_a_choice(demo: Web):
    demo.apply(site(), site(id="cabang", name="Cabang Timur", timezone="Asia/Jayapura"))
    first, second = page(demo), page(demo, "/?site=cabang")
    assert '<option value="balai" selected>' in first
    assert '<option value="cabang" selected>' in second
    assert "Keadaan pukul 12.42.07" in in_words(second)
    assert demo.ask(accept="text/html").get("/?site=lain").status_code == 404


def test_a_collector_that_was_not_heard_of_is_told_on_top(demo: Web):
    demo.apply(site())
    demo.app.state.feed.live.broker_met()
    words = in_words(page(demo))
    assert "Pengumpul data belum berkabar: semua loket tidak diketahui." in words
    assert "1 tidak diketahui" in words


def test_without_a_site_the_page_says_what_to_do(web: Web, demo: Web):
    words = in_words(page(demo))
    assert "Selamat datang di Hadir" in words
    assert "hadir site apply site.yaml" in words


@pytest.mark.parametrize("account", [{"role": "agency", "agency": "lain"}, {"role": "viewer", "site": "lain"}])
def test_an_account_that_sees_no_site_is_told_what_to_do_on_every_page_of_sites(web: Web, account: dict[str, Any]):
    web.apply(site())
    with web.record.writing(durable=False) as connection:
        make_account(connection, "ani", NOW, **account)
        token = make_token(connection, "ani", "", NOW)
    reader = web.ask(accept="text/html", authorization=f"Bearer {token}")
    opened = ["/", "/sidak"] + ["/agency"] * (account["role"] == "agency")
    for answer in map(reader.get, opened):
        assert answer.status_code == 200
        assert "Minta administrator memberi akun Anda gedung yang benar" in answer.text
        assert "Belum ada gedung" not in answer.text


def test_who_is_not_logged_in_is_told_how_to(web: Web):
    answer = web.ask(accept="text/html").get("/")
    assert answer.status_code == 401
    assert "hadir user link" in answer.text


def test_errors_are_pages_for_people_and_json_for_programs(floor: Web):
    person = floor.ask(accept="text/html").get("/nowhere")
    assert (person.status_code, "Halaman ini tidak ada." in person.text) == (404, True)
    assert "Galat 404 · 10.42.07 WIB" in person.text
    program = floor.ask().get("/api/v1/nowhere")
    assert (program.status_code, program.headers["content-type"]) == (404, "application/problem+json")
    assert program.json()["error"].startswith("there is nothing at this address")
    assert floor.ask().get("/api/v1/live?site=lain").json()["error"] == 'no site "lain"'


def test_a_record_out_of_reach_is_said_with_a_number(web: Web, tmp_path: Path):
    with web.record.writing() as connection:
        connection.exec_driver_sql("ALTER TABLE credential RENAME TO gone")
    person = web.ask(accept="text/html", authorization="Bearer x").get("/")
    assert person.status_code == 503
    assert re.search(r"permintaan [0-9a-f]{4}-[0-9a-f]{4}", person.text)
    assert "Catatan sedang tidak terjangkau." in person.text
    program = web.ask(authorization="Bearer x").get("/api/v1/live")
    assert program.status_code == 503
    assert set(program.json()) == {"type", "title", "status", "detail", "instance", "error", "request"}
    assert program.json()["request"] in program.json()["detail"]


def test_the_log_of_a_failure_does_not_hold_the_link_that_it_was_asked_by(web: Web, caplog: pytest.LogCaptureFixture):
    with web.record.writing() as connection:
        connection.exec_driver_sql("ALTER TABLE sidak_link RENAME TO gone")
    assert web.ask().get("/sidak/balai.1.proof").status_code == 503
    assert [vars(record)["path"] for record in caplog.records if "path" in vars(record)] == ["/sidak/…"]


def test_static_files_are_kept_for_ever_under_an_address_that_changes_with_them(floor: Web):
    addresses = set(re.findall(r'"(/static/[^"]+)"', page(floor)))
    assert {address.rsplit("/", 1)[1] for address in addresses} >= {"tokens.css", "hadir.css", "live.css", "live.js"}
    for address in addresses:
        answer = floor.ask().get(address)
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert floor.ask().get("/static/000000000000/hadir.css").status_code == 404
    assert floor.ask().get(re.sub("hadir.css", "..%2Ficons.svg", min(addresses))).status_code == 404


@pytest.mark.parametrize("path", ["/", "/?wall=1", "/sidak", "/public", "/public/board", "/sites/balai/outlets/a-1"])
def test_a_first_visit_weighs_less_than_100_kb(floor: Web, path: str):
    """All that a page leads a browser to, uPlot too where readings are drawn; the target is of the live page alone."""
    answer = floor.ask(**{"accept": "text/html", "accept-encoding": "gzip"}).get(path)
    assert (answer.status_code, answer.headers["content-encoding"]) == (200, "gzip")
    assets = floor.app.state.pages.assets
    fetched: set[str] = set()
    named = set(re.findall(r"/static/\w+/([\w.]+)", answer.text))
    while new := named - fetched:
        fetched |= new
        for name in new:
            named |= set(re.findall(r'from "\./([\w.]+)"', assets[name].plain.decode()))
    assert {"hadir.css", "tokens.css"} < fetched
    assert int(answer.headers["content-length"]) + sum(len(assets[name].zipped) for name in fetched) < 100_000


def test_what_is_sent_compressed_is_what_is_sent_plain(floor: Web):
    assets = floor.app.state.pages.assets
    assert all(gzip.decompress(asset.zipped) == asset.plain for asset in assets.values())


def test_the_api_tells_the_present(floor: Web):
    answer = floor.ask().get("/api/v1/live").json()
    assert answer["at"] == rfc3339(NOW)
    assert answer["outlets"][0] == json.loads(occupancy("a-1", "vacant"))
    assert [one["status"] for one in answer["outlets"]] == ["vacant", "staffed", "serving"]
    assert floor.ask().get("/api/v1/live?site=balai").json() == answer


def alerts(browser: Browser, query: str) -> list[str]:
    return [alert["id"] for alert in browser.get(f"/api/v1/alerts?{query}").json()["alerts"]]


def test_the_api_lists_alerts(floor: Web):
    stands = StoredAlert("a1", Alert("vacancy", "outlet", "a-1", NOW - 1_800_000, NOW - 1_200_000), False, None)
    resolved = Alert("vacancy", "outlet", "a-2", NOW - 7_200_000, NOW - 6_600_000, NOW - 6_000_000, "presence")
    ended = StoredAlert("a2", resolved, False, None)
    with floor.record.writing(durable=False) as connection:
        for stored in (stands, ended):
            put(connection, "balai", stored, NOW)
    browser = floor.ask()
    (first, second) = browser.get("/api/v1/alerts").json()["alerts"]
    assert [first["id"], second["id"]] == ["a2", "a1"]
    told = {"acknowledged": None, "disproved": None, "late": False, "told": []}
    assert second == stands.alert.as_json() | {"id": "a1", "site": "balai", "state": "firing"} | told
    assert alerts(browser, "state=firing") == ["a1"]
    assert alerts(browser, "outlet=a-2&site=balai") == ["a2"]
    assert alerts(browser, "from=2026-11-24T10:00:00+07:00") == ["a1"]
    assert alerts(browser, "to=2026-11-24T02:30:00Z") == ["a2"]
    assert alerts(browser, "state=acknowledged") == []
    for wrong in ("state=loud", "from=today", "limit=0"):
        answer = browser.get(f"/api/v1/alerts?{wrong}")
        assert answer.status_code == 400
        assert wrong.split("=")[0] in answer.json()["error"]


def test_a_date_without_a_time_is_answered_with_how_to_write_it(floor: Web):
    said = floor.ask().get("/api/v1/alerts?from=2026-11-25").json()["error"]
    assert said == 'from: "2026-11-25" is a date without a time; write 2026-11-25T00:00:00+07:00'


def test_readiness_names_what_is_not_in_order(floor: Web):
    answer = floor.ask().get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {"ready": False, "broker": "ok", "record": "not looked into yet", "feeds": "ok"}
    assert floor.ask().get("/healthz").text == "ok\n"


def test_metrics_count_what_is_shown(floor: Web):
    lines = floor.ask().get("/metrics").text.splitlines()
    assert 'hadir_outlets{site="balai",status="vacant"} 1' in lines
    assert 'hadir_outlets{site="balai",status="closed"} 0' in lines
    assert "hadir_sse_listeners 0" in lines
    names = {line.split()[2] for line in lines if line.startswith("# TYPE")}
    assert all(re.match(r"[a-z_]+(\{[^}]*\})? -?[0-9.]+$", line) for line in lines if not line.startswith("#"))
    assert {re.split(r"[{ ]", line)[0] for line in lines if not line.startswith("#")} <= names


def test_the_api_describes_itself_without_help_from_elsewhere(floor: Web):
    schema = floor.ask().get("/openapi.json").json()
    assert {"/api/v1/live", "/api/v1/live/stream", "/api/v1/alerts"} <= set(schema["paths"])
    assert "/api/v1/alerts" in page(floor, "/docs")
