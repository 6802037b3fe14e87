"""The page of an outlet: a day against its obligation, in figures that are those of the ledger."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from api import plots
from api.reading_plots import plotted
from api.words import Words
from presence.alerts.escalation import Recipient
from presence.alerts.life import Alert
from presence.intervals import Span
from presence.site import Absence, Agency, Contact, Site, Step
from storage.record.acknowledgements import Answer, add
from storage.record.alerts import StoredAlert, enqueue, mark_sent, put
from storage.record.health import SensorHealth, save
from storage.record.registry import versions
from storage.record.users import make_account, make_token
from storage.timeseries import Point, Series, open_store
from tests.builders import outlet, sensor, site
from tests.fixtures.books import Keeper, at
from tests.fixtures.web import Web

PAGE = "/sites/balai/outlets/a-1"
SAID = "<b>Ani</b> & “Budi”"


def place() -> Site:
    """A counter that is watched on both sides, and one of another agency without a sensor for visitors."""
    agency = Agency(
        id="dinas",
        name="Dinas Tenaga Kerja",
        short="Disnaker",
        contacts=(
            Contact(id="koordinator", name="Koordinator", level=1),
            Contact(id="kepala", name="Kepala dinas", level=2),
        ),
    )
    watching = [sensor("s-1"), sensor("v-1", zone="visitor", kind="pir")]
    return site(
        outlets=[
            outlet("a-1", number=22, floor=2, service="Pengaduan tenaga kerja", sensors=watching),
            outlet("b-1", agency="bkn"),
        ],
        agencies=(agency, Agency(id="bkn", name="BKN")),
        contacts=(Contact(id="pengelola", name="Pengelola gedung", role="facility_manager"),),
        escalation={
            "people": (
                Step(after_ms=0, to="agency", level=1),
                Step(after_ms=20 * 60_000, to="agency", level=2),
                Step(after_ms=45 * 60_000, to="facility_manager"),
            )
        },
        absences=(Absence(outlet="a-1", from_ms=at("23T13:00"), to_ms=at("23T14:00"), reason="break"),),
    )


def fill(web: Web) -> Keeper:
    """Tuesday 24 November at 10.42: a-1 is empty since 09.51, its agency was told twice; Monday is booked."""
    keeper = Keeper(web.record, place())
    keeper.zone(
        "a-1",
        {
            "19T07:00": "occupied", "19T11:00": "vacant", "19T12:00": "occupied", "20T10:00": "unknown",
            "23T07:50": "occupied", "23T09:30": "vacant", "23T09:45": "occupied", "23T12:00": "vacant",
            "23T14:10": "occupied", "23T14:40": "unknown", "24T07:00": "vacant", "24T08:06": "occupied",
            "24T09:20": "unknown", "24T09:27": "occupied", "24T09:51": "vacant",
        },
    )  # fmt: skip
    keeper.zone(
        "a-1",
        {"24T07:00": "vacant", "24T08:16": "occupied", "24T08:40": "vacant", "24T09:58": "occupied", "24T10:02": None},
        "visitor",
    )
    keeper.until("24T10:42")
    web.now_ms = at("24T10:42")
    with web.record.writing(durable=False) as connection:
        standing = Alert("vacancy", "outlet", "a-1", at("24T09:51"), at("24T10:01"))
        over = Alert("vacancy", "outlet", "a-1", at("23T09:30"), at("23T09:40"), at("23T09:45"), "presence")
        put(connection, "balai", StoredAlert("standing", standing, False, None), at("24T10:01"))
        put(connection, "balai", StoredAlert("over", over, False, None), at("23T09:45"))
        for to, text in (("koordinator", "24T10:01"), ("koordinator", "24T10:16"), ("kepala", "24T10:21")):
            event = "firing" if text != "24T10:16" else "reminder"
            key = enqueue(connection, "balai", "standing", event, Recipient("dinas", to), "{}", at(text))
            mark_sent(connection, key, at(text))
        add(connection, "balai", "standing", Answer("equipment", SAID), author="ani", now_ms=at("24T10:30"))
        rows = [
            SensorHealth("balai", "s-1", "fresh", at("24T07:00"), at("24T10:41:56"), None, 1162, 1161, 1, b"x"),
            SensorHealth("balai", "v-1", "stale", at("24T10:02"), at("24T10:00"), 13.0, 212, 212, 0, b"x"),
        ]
        save(connection, rows)
    feed = web.app.state.feed
    feed.live.sites = {"balai": keeper.site}
    with web.record.reading() as connection:
        feed.versions = versions(connection)
    return keeper


@pytest.fixture
def keeper(demo: Web) -> Keeper:
    return fill(demo)


def page(demo: Web, path: str = PAGE, **asked: str) -> str:
    answer = demo.ask(accept="text/html").get(path, params=asked)
    assert answer.status_code == 200, answer.text
    return answer.text


def table(html: str, name: str) -> list[list[str]]:
    """The cells of each row, without markup."""
    found = re.search(rf'<table[^>]* id="{name}">(.*?)</table>', html, re.DOTALL)
    assert found is not None, f"no table {name}"
    rows = re.findall(r"<tr[^>]*>(.*?)</tr>", found[1], re.DOTALL)
    return [
        [re.sub(r"<[^>]+>", "", cell).strip() for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL)]
        for row in rows
    ]


def test_the_day_is_booked_as_the_ledger_has_it_and_its_parts_add_up(demo: Web, keeper: Keeper):
    html = page(demo)
    assert table(html, "ledger")[1:] == [
        ["Hadir", "1:38:00", "60,4\u00a0%"],
        ["Tidak hadir", "0:57:00", "35,2\u00a0%"],
        ["Izin", "0:00:00", "0,0\u00a0%"],
        ["Tidak diketahui", "0:07:00", "4,4\u00a0%"],
        ["Wajib buka sampai 10.42.00", "2:42:00", "100,0\u00a0%"],
    ]
    assert "Cakupan 60,4–64,9\u00a0%" in html
    said = demo.ask().get(f"/api/v1{PAGE}/ledger", params={"from": "2026-11-24"}).json()["days"][0]
    assert (said["attended_s"], said["absent_s"], said["unknown_s"]) == (98 * 60, 57 * 60, 7 * 60)


def test_the_timeline_says_in_words_and_in_a_table_what_it_draws(demo: Web, keeper: Keeper):
    html = page(demo)
    assert (
        "Garis waktu Loket a-1, Sel 24 Nov. Wajib buka 08.00–12.00 dan 13.00–15.00. Petugas: tidak hadir 08.00–08.06, "
        "hadir 08.06–09.20, tidak diketahui 09.20–09.27, hadir 09.27–09.51, tidak hadir 09.51–10.42. "
        "Peringatan dikirim 10.01, 10.21." in html
    )
    rows = [row for row in table(html, "tl-table") if row[0] == "Petugas"]
    assert rows[2] == ["Petugas", "09.20.00–09.27.00", "Tidak diketahui", "7\u00a0mnt"]
    assert html.count('class="b-unknown" x=') >= 2  # the officer's seven minutes, and visitors since 10.02
    assert re.findall(r'class="flag-t"[^>]*>(\d)<', html) == ["1", "2"]


def test_the_alert_of_the_day_says_who_was_told_and_what_was_answered(demo: Web, keeper: Keeper):
    html = page(demo)
    ((_, *row),) = table(html, "alerts")[1:]
    assert row[:5] == [
        "09.51.00", "10.01.00", "10.01 Koordinator · 10.21 Kepala dinas", "berlangsung, 51\u00a0mnt", "10.30.00 ani"
    ]  # fmt: skip
    assert row[5] == "Alat rusak, “&lt;b&gt;Ani&lt;/b&gt; &amp; “Budi””"
    assert SAID not in html


def test_another_day_is_shown_with_its_own_alerts_and_books(demo: Web, keeper: Keeper):
    html = page(demo, day="2026-11-23")
    parts = {row[0]: row[1] for row in table(html, "ledger")[1:]}
    assert parts == {
        "Hadir": "4:15:00",
        "Tidak hadir": "0:25:00",
        "Izin": "1:00:00",
        "Tidak diketahui": "0:20:00",
        "Wajib buka": "6:00:00",
    }
    assert "Dibukukan" in html
    assert [row[1] for row in table(html, "alerts")[1:]] == ["09.30.00"]
    assert "Sekarang" not in re.sub(r"<script.*?</script>", "", html, flags=re.DOTALL)


@pytest.mark.parametrize(
    ("asked", "days"),
    [
        ("week", ["Sen 23 Nov", "Sel 24 Nov", "Semuanya"]),
        ("month", ["Kam 19 Nov", "Jum 20 Nov", "Sen 23 Nov", "Sel 24 Nov", "Semuanya"]),
    ],
)
def test_week_and_month_have_a_bar_a_day_with_coverage_as_a_bound(
    demo: Web, keeper: Keeper, asked: str, days: list[str]
):
    rows = table(page(demo, range=asked), "range")[1:]
    assert [row[0] for row in rows] == days
    assert rows[-2][2:] == ["60,4–64,9\u00a0%", "08.06", "51\u00a0mnt"]
    assert rows[-3][2:] == ["85,0–91,7\u00a0%", "08.00", "15\u00a0mnt"]


def test_what_was_declared_of_a_day_is_on_its_page_though_nobody_keeps_it_in_mind(demo: Web, keeper: Keeper):
    def shown() -> list[list[list[str]]]:
        html = page(demo, day="2026-11-23")
        return [table(html, name) for name in ("ledger", "tl-table", "range")]

    known = shown()
    assert known[0][3] == ["Izin", "1:00:00", "16,7\u00a0%"]
    demo.app.state.feed.live.sites = {"balai": replace(keeper.site, absences=())}
    assert shown() == known


def test_a_minute_is_explained_without_a_script(demo: Web, keeper: Keeper):
    html = page(demo, at="09.58")
    assert "Mengapa tidak ada peringatan pada 09.58?" in html
    assert "jam berjalan sejak 09.51" in html
    assert "Mengapa ada peringatan pada 10.05?" in page(demo, at="10:05")
    assert "Mengapa ada peringatan pada 09.42?" in page(demo, day="2026-11-23", at="09.42")


@pytest.mark.parametrize("wrong", ["25.00", "<script>", "noon"])
def test_what_is_no_minute_is_said_at_the_field(demo: Web, keeper: Keeper, wrong: str):
    html = page(demo, at=wrong)
    assert "bukan jam; tulis seperti 09.58." in html
    assert "“<script>" not in html


def test_sensors_are_shown_with_their_health(demo: Web, keeper: Keeper):
    rows = table(page(demo), "sensors")[1:]
    assert [row[1:2] + row[3:] for row in rows] == [
        ["petugas", "4\u00a0dtk lalu", "–", "1.162", "1.161", "1"],
        ["warga", "42\u00a0mnt lalu", "13\u00a0% baterai lemah", "212", "212", "0"],
    ]
    assert rows[0][2].startswith("Sehat")
    assert rows[1][2].startswith("Senyap")


def test_a_zone_without_sensors_has_no_lane(demo: Web, keeper: Keeper):
    assert ">Warga</text>" in page(demo)
    assert ">Warga</text>" not in page(demo, "/sites/balai/outlets/b-1")


def test_before_anything_is_known_the_page_says_so(demo: Web):
    demo.apply(place())
    html = page(demo)
    assert "Belum ada pengumpul data yang bekerja" in html
    assert "Dalam rentang ini belum ada waktu wajib buka yang tercatat." in html


def test_a_day_without_service_hours_is_no_fault(demo: Web, keeper: Keeper):
    html = page(demo, day="2026-11-22")
    assert "Pada hari ini tidak ada jam layanan." in html


@pytest.mark.parametrize("path", ["/sites/balai/outlets/nowhere", "/sites/nowhere/outlets/a-1"])
def test_what_is_not_there_is_told(demo: Web, keeper: Keeper, path: str):
    assert demo.ask(accept="text/html").get(path).status_code == 404


@pytest.mark.parametrize("day", ["yesterday", "0001-01-01", "2026-13-01"])
def test_a_day_that_is_none_is_refused(demo: Web, keeper: Keeper, day: str):
    assert demo.ask().get(PAGE, params={"day": day}).status_code == 400


def test_an_agency_sees_its_own_outlets_alone(web: Web):
    fill(web)
    with web.record.writing(durable=False) as connection:
        make_account(connection, "bkn-loket", web.now_ms, "agency", agency="bkn", site="balai")
        token = make_token(connection, "bkn-loket", "meja", web.now_ms)
    browser = web.ask(accept="text/html", authorization=f"Bearer {token}")
    assert browser.get("/sites/balai/outlets/b-1").status_code == 200
    assert browser.get(PAGE).status_code == 404
    assert browser.get(f"/api/v1{PAGE}/readings").status_code == 404


# --- readings


@pytest.fixture
def stored(demo: Web, tmp_path: Path, keeper: Keeper) -> Iterator[None]:
    store = open_store(f"sqlite:///{tmp_path / 'readings'}")
    staff = Series("balai", "a-1", "staff", "s-1")
    start = at("24T08:00")
    points = [Point(staff, start + n * 1000, {"distance": float(n % 100), "seq": float(n)}) for n in range(3600)]
    assert store.write(points) == []
    object.__setattr__(demo.app.state.parts, "store", store)
    yield
    store.close()


def test_readings_come_as_least_greatest_and_last_of_each_bucket(demo: Web, stored: None):
    asked = {"from": "2026-11-24T08:00:00+07:00", "to": "2026-11-24T09:00:00+07:00", "points": "4"}
    said = demo.ask().get(f"/api/v1{PAGE}/readings", params=asked).json()
    assert said["bucket_s"] == 900
    (line,) = said["lines"]
    assert (line["sensor"], line["quantity"], line["unit"]) == ("s-1", "distance", "m")
    assert line["gap_s"] == 2700
    assert (line["min"], line["max"], line["last"]) == ([0.0] * 4, [99.0] * 4, [99.0] * 4)
    assert line["at"][1] == "2026-11-24T01:15:00.000Z"


def test_readings_are_drawn_on_the_page_when_asked_for(demo: Web, stored: None):
    html = page(demo, readings="1")
    assert "s-1 · jarak: terendah 0 m, tertinggi 99 m, terakhir 99 m" in html
    assert html.count("<polyline points=") == 1
    assert table(html, "plots-table")[1:] == [["s-1 · jarak", "0 m", "99 m", "99 m"]]
    # from 08.00 to 08.06, and from 09.51 on, nobody was there; from 09.20 to 09.27 nothing was known
    drawn = re.findall(r'class="band-(\w+)" x="([\d.]+)" width="([\d.]+)"', html)
    assert drawn == [("absent", "156.2", "31.2"), ("unknown", "572.9", "36.5"), ("absent", "734.4", "265.6")]


def test_a_line_is_cut_where_nothing_was_read():
    line = plots.Line("s-1", "staff", "presence", None, [], 3000)
    spoken = [*range(0, 9000, 1000), *range(15_000, 18_000, 1000)]
    line.buckets.extend(plots.Bucket(ms, 1.0, 1.0, 1.0) for ms in spoken)
    (plot,) = plotted([line], Span(0, 20_000), {}, Words("id", "Asia/Jakarta"))
    assert [run.last.split()[0] for run in plot.runs] == ["0.0,0.0", "750.0,0.0"]
    assert (plot.least, plot.name) == ("ya", "s-1 · kehadiran")


def test_only_a_page_with_plots_loads_what_draws_them(demo: Web, stored: None):
    assert "uplot" not in page(demo)
    static = re.findall(r"/static/\w+/(uplot\.\w+|readings\.\w+)", page(demo, readings="1"))
    assert sorted(static) == ["readings.css", "readings.js", "uplot.css", "uplot.js"]
    assert "MIT" in demo.ask().get(f"/static/{demo.app.state.pages.digest}/uplot.LICENSE.txt").text


def test_without_a_store_readings_are_refused_in_words(demo: Web, keeper: Keeper):
    answer = demo.ask().get(f"/api/v1{PAGE}/readings")
    assert (answer.status_code, answer.json()["error"]) == (503, "this process has no store of readings")
    assert "Bacaan sensor tidak tersedia di sini" in page(demo, readings="1")


def test_readings_of_too_long_a_time_are_refused(demo: Web, keeper: Keeper):
    asked = {"from": "2026-11-01T00:00:00Z", "to": "2026-11-24T00:00:00Z"}
    answer = demo.ask().get(f"/api/v1{PAGE}/readings", params=asked)
    assert (answer.status_code, answer.json()["errors"]) == (
        400,
        {"to": "more than 7 days after from; ask for them one after the other"},
    )


def test_a_technician_begins_and_ends_maintenance_on_the_page(demo: Web, keeper: Keeper):
    with demo.record.writing(durable=False) as connection:
        for name, role in (("tini", "technician"), ("vera", "viewer")):
            make_account(connection, name, demo.now_ms, role)  # type: ignore[arg-type]
        tokens = [make_token(connection, name, "", demo.now_ms, scope="write") for name in ("tini", "vera")]
    technician, viewer = (demo.ask(host="hadir.example", authorization=f"Bearer {token}") for token in tokens)
    here = "/sites/balai/outlets/a-1"
    assert "Mulai perawatan" in technician.get(here).text
    assert "Mulai perawatan" not in viewer.get(here).text
    wanted = {"hours": "2", "reason": "ganti <b>kabel</b>"}
    assert viewer.post(f"{here}/maintenance", data=wanted).status_code == 403
    begun = technician.post(f"{here}/maintenance", data=wanted)
    assert begun.headers["location"] == f"{here}?maintenance=begun#maintenance"
    html = technician.get(f"{here}?maintenance=begun").text
    assert "Perawatan dimulai." in html
    assert "ganti &lt;b&gt;kabel&lt;/b&gt; · tini" in html
    (number,) = re.findall(r'name="number" value="(\d+)"', html)
    assert (
        technician.post(f"{here}/maintenance", data={"reason": " "})
        .headers["location"]
        .startswith(f"{here}?maintenance=reason")
    )
    assert technician.post(f"{here}/maintenance", data=wanted | {"sensor": "z"}).status_code == 404
    refused = technician.post(f"{here}/maintenance", data=wanted | {"hours": "3"})
    assert (refused.status_code, refused.json()["errors"]) == (400, {"hours": "is none of 1, 2, 4, 8, 24"})
    assert technician.post("/sites/balai/outlets/a-2/maintenance/end", data={"number": number}).status_code == 404
    demo.now_ms += 60_000
    ended = technician.post(f"{here}/maintenance/end", data={"number": number})
    assert ended.headers["location"] == f"{here}?maintenance=ended#maintenance"
    assert "Akhiri perawatan" not in technician.get(here).text
