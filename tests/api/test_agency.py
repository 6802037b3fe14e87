"""The agency's page: what it shows of whom, and what its forms do without JavaScript."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from markupsafe import escape
from sqlalchemy import select

from api import agency_substitutes
from api.agency import untils
from api.words import Words
from presence.alerts.life import Alert
from presence.instants import parse_instant, rfc3339
from presence.intervals import Interval, Span, clip
from presence.service_hours import ServiceHours
from presence.site import Absence, Agency, Contact
from storage.record import audit, tables
from storage.record.acknowledgements import of_alerts
from storage.record.alerts import StoredAlert, put
from storage.record.contests import contests
from storage.record.declarations import declarations
from storage.record.intervals import revise, set_progress
from storage.record.registry import EVER, load_site
from storage.record.users import make_account, make_token
from tests.builders import outlet, site
from tests.fixtures.mall import MINUTE, NOW
from tests.fixtures.web import Browser, Web

HOUR = 60 * MINUTE
TOO_LONG = "Terlalu panjang, 501 huruf. Singkatkan menjadi paling banyak 500."
LATE = "Waktu pada tombol itu tidak berlaku lagi; pilih satu yang baru."
FROM_PAST = "Jam mulai ini sudah lewat; pilih sekarang atau sesudahnya."
DATE_PAST = "Tanggal ini sudah lewat; pilih hari ini atau sesudahnya."
ORDER = "Jam berakhir harus sesudah jam mulai."
PLAIN = "Memuat karakter yang tidak dapat ditampilkan; tulis dengan huruf biasa."
XSS = "<script>alert('é')</script>"
COORDINATOR = Contact(id="koordinator", name="Koordinator", phone="0200 555 0122")
CHIEF = Contact(id="kepala", name="Kepala dinas", level=2, phone="0200 555 0100")
HALL = site(
    outlets=[
        outlet("n-1", agency="naker", name="Loket 21", number=21, service="Kartu AK-1"),
        outlet("n-2", agency="naker", name="Loket 22", number=22, service="Pengaduan"),
        outlet("d-1", agency="dukcapil", name="Loket 1", number=1, service="KTP-el"),
    ],
    agencies=(
        Agency(id="naker", name="Dinas Tenaga Kerja", short="Disnaker", contacts=(COORDINATOR, CHIEF)),
        Agency(id="dukcapil", name="Dinas Kependudukan", short="Disdukcapil"),
    ),
)


@pytest.fixture
def hall(web: Web) -> Web:
    """Two agencies, of each an outlet that is vacant, with an alert."""
    web.apply(HALL)
    live = web.app.state.feed.live
    live.broker_met()
    live.hear_collector("balai", b'{"state":"online","at":"2026-11-24T03:42:00Z"}', retained=False, now_ms=NOW)
    for name, status in (("n-1", "staffed"), ("n-2", "vacant"), ("d-1", "vacant")):
        live.hear_occupancy("balai", name, occupancy(name, status), NOW)
    with web.record.writing(durable=False) as connection:
        for alert, subject in (("a1", "n-2"), ("a2", "d-1")):
            stood = Alert("vacancy", "outlet", subject, NOW - 51 * MINUTE, NOW - 41 * MINUTE)
            put(connection, "balai", StoredAlert(alert, stood, False, None), NOW)
    return web


def occupancy(name: str, status: str) -> bytes:
    since, state = rfc3339(NOW - 51 * MINUTE), "occupied" if status == "staffed" else "vacant"
    zones = {"staff": {"state": state, "p": 0.02, "since": since, "seen": rfc3339(NOW - 4000)}}
    body = {"site": "balai", "outlet": name, "status": status, "since": since, "zones": zones, "until": None}
    return json.dumps(body | {"reason": None, "at": rfc3339(NOW), "version": 1}).encode()


def as_(web: Web, role: Any, agency: str | None = None) -> Browser:
    name = f"{role}-{agency or 'all'}"
    with web.record.writing(durable=False) as connection:
        make_account(connection, name, NOW, role, agency=agency)
        token = make_token(connection, name, "", NOW)
    return web.ask(host="hadir.example", client="10.0.0.7", accept="text/html", authorization=f"Bearer {token}")


@pytest.fixture
def naker(hall: Web) -> Browser:
    """Who answers for the agency `naker`."""
    return as_(hall, "agency", "naker")


def in_words(html: str) -> str:
    html = re.sub(r"<(script|noscript|svg)\b.*?</\1>", " ", html, flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", html).replace("\u00a0", " ").split())


def sent(browser: Browser, what: str, **fields: str) -> str:
    """Send a form, follow it, and give the page."""
    fields = {"site": "balai", "agency": "naker", "proof": ""} | fields
    answer = browser.post(f"/agency/{what}", data={name.rstrip("_"): value for name, value in fields.items()})
    assert answer.status_code == 303, answer.text
    page = browser.get(answer.headers["location"])
    assert page.status_code == 200
    return in_words(page.text)


def refused(browser: Browser, what: str, status: int = 400, **fields: str) -> str:
    """Send a form that cannot be done, and give the page that it is shown on again."""
    fields = {"site": "balai", "agency": "naker", "proof": ""} | fields
    answer = browser.post(f"/agency/{what}", data={name.rstrip("_"): value for name, value in fields.items()})
    assert answer.status_code == status, answer.text
    return answer.text


def told(html: str) -> dict[str, str]:
    """What is said to be wrong, by the id of where it stands: at the top of the page and there alike."""
    top = re.search(r'<ul class="mends">(.*?)</ul>', html, re.DOTALL)
    assert top is not None
    found = dict(re.findall(r'<a href="#([^"]+)">([^<]+)</a>', top[1]))
    for where, says in found.items():
        assert re.search(rf' id="{where}"', html), where
        assert html.count(f">{says}</p>") == 1, says
    invalid = {
        where.partition("-wrong")[0] for where in re.findall(r'aria-invalid="true" aria-describedby="([^"]+)"', html)
    }
    assert {where.rsplit(" ", 1)[-1] for where in invalid} <= set(found)
    return {where: says.replace("&#39;", "'") for where, says in found.items()}


def absences(web: Web) -> list[Absence]:
    with web.record.reading() as connection:
        return [one.what for one in declarations(connection, "balai", Absence)]


def audited(web: Web) -> list[dict[str, Any]]:
    with web.record.reading() as connection:
        assert isinstance(audit.verify(connection), int)
        return [json.loads(body) for body in connection.scalars(select(tables.audit.c.body))]


# What is shown, and of whom


def test_an_agency_sees_its_own_outlets_and_alerts_alone(naker: Browser):
    html = naker.get("/agency").text
    words = in_words(html)
    assert "Dinas Tenaga Kerja 2 loket di Balai Layanan. Anda masuk sebagai agency-naker." in words
    assert "1 peringatan menunggu jawaban Anda Kosong Loket 22 · Pengaduan 51 mnt sejak 09.51" in words
    assert "Bukti 4 dtk lalu, yakin 98 %." in words
    assert "Loket 21 Buka Loket 22 Petugas tidak ada" in words
    assert "Loket 1 ·" not in words
    assert "KTP-el" not in words
    assert naker.get("/agency?agency=dukcapil").status_code == 404
    assert naker.get("/agency?site=elsewhere").status_code == 404


def test_a_manager_chooses_an_agency_and_those_who_only_look_get_no_forms(hall: Web):
    manager = as_(hall, "facility_manager")
    chosen = manager.get("/agency").text
    assert "Pilih instansi" in chosen
    assert 'href="/agency?site=balai&amp;agency=naker"' in chosen
    assert "1 menunggu jawaban" not in in_words(chosen)  # the feed has not looked yet
    page = manager.get("/agency?site=balai&agency=naker").text
    assert 'action="/agency/acknowledge"' in page
    assert "Instansi lain" in page
    for role in ("viewer", "technician"):
        looked = as_(hall, role).get("/agency?site=balai&agency=naker").text
        assert "Anda dapat melihat halaman ini" in looked
        assert 'action="/agency/' not in looked
        assert as_(hall, role).post("/agency/acknowledge", data={"site": "balai"}).status_code in (401, 403)


def test_without_an_alert_the_page_says_that_nothing_waits(hall: Web):
    with hall.record.writing(durable=False) as connection:
        ended = Alert("vacancy", "outlet", "n-2", NOW - 51 * MINUTE, NOW - 41 * MINUTE, NOW - MINUTE, "presence")
        put(connection, "balai", StoredAlert("a1", ended, False, None), NOW)
    words = in_words(as_(hall, "agency", "naker").get("/agency").text)
    assert "Tidak ada yang menunggu jawaban 2 loket wajib buka: 1 kosong, 1 ada petugas." in words
    assert "Peringatan bulan ini 1, dijawab 0" in words


# Answers


def test_an_answer_takes_a_reason_and_a_button_and_can_be_taken_back(hall: Web, naker: Browser):
    words = sent(naker, "acknowledge", alert="a1", reason="equipment", note="")
    assert "Diterima: alat rusak. Kami tanya lagi 11.42 bila masih kosong. Batalkan" in words
    assert "Tidak ada yang menunggu jawaban" in words
    with hall.record.reading() as connection:
        (given,) = of_alerts(connection, ["a1"])["a1"]
    assert (given.reason, given.author, given.until_ms) == ("equipment", "agency-naker", NOW + HOUR)
    hall.now_ms += MINUTE
    words = sent(naker, "undo", kind="answer", alert="a1", number=str(given.id))
    assert "Dibatalkan." in words
    assert "1 peringatan menunggu jawaban Anda" in words
    assert [row["event"] for row in audited(hall)] == ["acknowledged", "acknowledgement_withdrawn"]
    assert "Sudah berakhir" in sent(naker, "undo", kind="answer", alert="a1", number=str(given.id))


def test_back_in_five_minutes_is_one_button_and_holds_that_long(hall: Web, naker: Browser):
    words = sent(naker, "acknowledge", alert="a1", back="5")
    assert "Diterima: kembali dalam 5 menit. Kami tanya lagi 10.47 bila masih kosong." in words
    with hall.record.reading() as connection:
        (given,) = of_alerts(connection, ["a1"])["a1"]
    assert given.reason == "break"
    hall.now_ms += 5 * MINUTE
    assert "1 peringatan menunggu jawaban Anda" in in_words(naker.get("/agency").text)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, {"reason": "Pilih satu alasan."}),
        ({"reason": "lunch"}, {"reason": "Pilih satu alasan."}),
        ({"reason": "other", "note": " "}, {"note": "Tulis alasan lainnya dengan beberapa kata."}),
        ({"reason": "other", "note": "x" * 501}, {"note": TOO_LONG}),
        ({"reason": "other", "note": "x\u200b\u202e"}, {"note": PLAIN}),
    ],
)
def test_an_answer_that_says_nothing_is_asked_for_again(
    hall: Web, naker: Browser, fields: dict[str, str], said: dict[str, str]
):
    html = refused(naker, "acknowledge", alert="a1", **fields)
    assert told(html) == {f"alert-a1-{field}": text for field, text in said.items()}
    assert f'value="{fields.get("note", "")}" maxlength="500"' in html
    assert audited(hall) == []


def test_nobody_answers_for_others(hall: Web, naker: Browser):
    for form in ("acknowledge", "undo"):
        body = {"site": "balai", "alert": "a2", "reason": "sick", "kind": "answer", "number": "1"}
        assert naker.post(f"/agency/{form}", data=body).status_code == 404
        assert naker.post(f"/agency/{form}", data=body | {"agency": "dukcapil"}).status_code == 404
    html = refused(naker, "absence", outlet="d-1", reason="sick", until=rfc3339(NOW + HOUR))
    assert told(html) == {"absence-outlet": "Pilih loketnya."}
    assert audited(hall) == []


def test_what_people_write_is_shown_as_text(naker: Browser):
    answer = naker.post("/agency/acknowledge", data={"site": "balai", "alert": "a1", "reason": "other", "note": XSS})
    page = naker.get(answer.headers["location"]).text
    assert XSS not in page
    assert "&lt;script&gt;" in page


# Absences


def test_an_absence_takes_three_taps_and_can_be_undone(hall: Web, naker: Browser):
    page = naker.get("/agency").text
    ends = re.findall(r'name="until" value="([^"]+)"><span>Kembali', page)
    assert [rfc3339(parse_instant(end)) for end in ends] == [
        f"2026-11-24T{at}:00.000Z" for at in ("04:00", "04:15", "04:45", "05:00", "08:00")
    ]
    words = sent(naker, "absence", outlet="n-2", reason="meeting", until=ends[0])
    assert "Izin tersimpan: Loket 22, 10.42–11.00, rapat / apel. Batalkan" in words
    (made,) = absences(hall)
    assert (made.outlet, made.from_ms, made.to_ms) == ("n-2", NOW, parse_instant(ends[0]))
    again = refused(naker, "absence", 409, outlet="n-2", reason="meeting", until=ends[0])
    assert told(again) == {"absence": "Izin yang sama sudah dinyatakan; lihat daftarnya di bawah."}
    number = re.search(r'name="number" value="(\d+)"', naker.get("/agency?done=absence-1").text)
    assert number is not None
    hall.now_ms += 4000
    assert "Dibatalkan." in sent(naker, "undo", kind="absence", number=number[1])
    assert absences(hall)[0].to_ms == NOW + 4000
    assert [row["event"] for row in audited(hall)] == ["absence_declared", "absence_ended"]


def test_an_absence_of_all_outlets_at_another_time_is_one_form(hall: Web, naker: Browser):
    fields = {"outlet": "*", "reason": "other", "note": "upacara", "date": "2026-11-25", "to": "08:30"}
    words = sent(naker, "absence", **fields, from_="08:00")
    assert "Izin tersimpan: Loket 21, Loket 22, Rab 25 Nov 08.00–08.30, lainnya, “upacara”." in words
    assert [made.from_ms for made in absences(hall)] == [parse_instant("2026-11-25T08:00:00+07:00")] * 2


TODAY = {"outlet": "n-1", "reason": "sick", "date": "2026-11-24"}


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"until": rfc3339(NOW + HOUR), "reason": "sick"}, {"outlet": "Pilih loketnya."}),
        ({"until": rfc3339(NOW + HOUR), "outlet": "n-1"}, {"reason": "Pilih satu alasan."}),
        ({"until": rfc3339(NOW + HOUR)}, {"outlet": "Pilih loketnya.", "reason": "Pilih satu alasan."}),
        (
            {"until": rfc3339(NOW + HOUR), "outlet": "n-1", "reason": "other"},
            {"note": "Tulis alasan lainnya dengan beberapa kata."},
        ),
        (TODAY | {"until": rfc3339(NOW - HOUR)}, {"until": LATE}),
        (TODAY | {"until": rfc3339(NOW + 40 * 24 * HOUR)}, {"until": LATE}),
        (TODAY | {"until": "soon"}, {"until": LATE}),
        (
            {"outlet": "n-1", "reason": "sick"},
            {
                "date": "Tulis tanggalnya, misalnya tanggal hari ini.",
                "from": "Isi jam mulainya.",
                "to": "Isi jam berakhirnya.",
            },
        ),
        (TODAY | {"from_": "08:00", "to": "09:00"}, {"from": FROM_PAST, "to": "Jam berakhir ini sudah lewat; .*"}),
        (TODAY | {"from_": "10:00", "to": "12:00"}, {"from": FROM_PAST}),
        (TODAY | {"from_": "11:00", "to": "11:00"}, {"to": ORDER}),
        (TODAY | {"from_": "25:00", "to": "12:00"}, {"from": "Isi jam mulainya."}),
        (TODAY | {"date": "2026-11-23", "from_": "11:00", "to": "10:00"}, {"date": DATE_PAST, "to": ORDER}),
        (TODAY | {"date": "2026-11-23", "from_": "11:00", "to": "12:00"}, {"date": DATE_PAST}),
        (
            TODAY | {"date": "9999-12-31", "from_": "11:00", "to": "12:00"},
            {"date": "Tulis tanggalnya, misalnya tanggal hari ini."},
        ),
        (
            TODAY | {"date": "0001-01-01", "from_": "11:00", "to": "12:00"},
            {"date": "Tulis tanggalnya, misalnya tanggal hari ini."},
        ),
    ],
)
def test_an_absence_that_cannot_be_says_what_to_mend_where(
    hall: Web, naker: Browser, fields: dict[str, str], said: dict[str, str]
):
    found = told(refused(naker, "absence", **fields))
    assert set(found) == {f"absence-{field}" for field in said}
    for field, text in said.items():
        assert re.fullmatch(text, found[f"absence-{field}"])
    assert absences(hall) == []
    assert audited(hall) == []


def test_a_refused_absence_keeps_all_that_was_filled_in(naker: Browser):
    fields = {"outlet": "n-2", "reason": "other", "note": XSS, "date": "2026-11-20", "from_": "11:00", "to": "10:00"}
    html = refused(naker, "absence", **fields)
    form = html[html.index('<form class="stack absence-form') :].partition("</form>")[0]
    assert re.findall(r'value="([^"]*)" required checked', form) == ["n-2", "other"]
    kept = {name: re.search(rf'name="{name}" value="([^"]*)"', form) for name in ("date", "from", "to", "note")}
    values = {name: found and found[1] for name, found in kept.items()}
    assert values == {"date": "2026-11-20", "from": "11:00", "to": "10:00", "note": str(escape(XSS))}
    assert "<details open>" in form
    assert html.count("<details open>") == 1
    assert "Hari ini Selasa, 24 November 2026." in html


def test_when_closed_an_absence_begins_with_the_next_opening(hall: Web, naker: Browser):
    hall.now_ms = parse_instant("2026-11-24T16:00:00+07:00")
    page = naker.get("/agency").text
    assert "izin dimulai Rabu 08.00" in in_words(page)
    until = re.findall(r'name="until" value="([^"]+)"', page)[0]
    assert "Rab 25 Nov 08.00–08.15" in sent(naker, "absence", outlet="n-1", reason="sick", until=until)


# Figures


def test_where_a_day_has_no_end_nobody_is_back_at_the_end_of_the_week():
    words = Words("id", "Asia/Jakarta")
    offered = untils([Span(NOW, NOW + 8 * 24 * HOUR)], NOW, words)
    assert offered
    assert all(parse_instant(one.value) < NOW + 2 * HOUR for one in offered)
    closing = NOW + 3 * HOUR
    assert untils([Span(NOW, closing)], NOW, words)[-1].value == rfc3339(closing)


@pytest.mark.parametrize(
    ("hours", "offered"),
    [
        ("24/7", ["18:45", "2026-11-25T10:45", "2026-12-01T10:45"]),
        ("24/7; Nov 26 off", ["18:45", "2026-11-25T10:45", "2026-11-26T00:00", "2026-12-01T10:45"]),
        ("off", ["18:45", "2026-11-25T10:45", "2026-12-01T10:45"]),
        ("Mo-Su 08:00-10:50", ["2026-11-25T10:50", "2026-11-26T10:50", "2026-11-30T10:50"]),  # closes in 8 min
        ("Tu 08:00-15:00", ["15:00", "18:45", "2026-11-25T10:45", "2026-12-01T10:45"]),
        ("Mo-Fr 16:00-20:00", ["20:00", "2026-11-25T20:00", "2026-11-30T20:00"]),  # closed now
    ],
)
def test_who_is_away_is_always_offered_until_when(hours: str, offered: list[str]):
    found = agency_substitutes.untils(ahead(hours), NOW, Words("id", "Asia/Jakarta"))
    assert [one.value for one in found] == [at_clock(one) for one in offered]


@pytest.mark.parametrize(
    ("hours", "offered"),
    [
        ("24/7", ["11:00", "11:15", "11:45"]),
        ("off", ["11:00", "11:15", "11:45"]),
        ("Mo-Fr 08:00-10:50", ["10:50", "2026-11-25T10:50", "2026-11-26T10:50"]),  # closes in 8 min
        ("Mo-Fr 08:00-10:43,13:00-15:00", ["10:43", "11:00", "11:15", "11:45", "15:00"]),
        ("Mo-Fr 16:00-16:05", ["16:05", "2026-11-25T16:05", "2026-11-26T16:05"]),  # closed now
        ("Mo-Su 06:00-02:00", ["11:00", "11:15", "11:45"]),  # past midnight
    ],
)
def test_whoever_declares_an_absence_is_always_offered_until_when(hours: str, offered: list[str]):
    found = untils(ahead(hours), NOW, Words("id", "Asia/Jakarta"))
    assert [one.value for one in found] == [at_clock(one) for one in offered]


def ahead(hours: str) -> list[Span]:
    """When a counter with these hours is open in the eight days to come."""
    found = ServiceHours("Asia/Jakarta", "ID", False, hours).open_spans(NOW, NOW + 8 * 24 * HOUR)
    return list(clip(found, NOW, NOW + 8 * 24 * HOUR))


def at_clock(text: str) -> str:
    """`15:00` of the day of the test, or a date with it, as the form sends it."""
    return rfc3339(parse_instant(f"{text if 'T' in text else f'2026-11-24T{text}'}:00+07:00"))


def test_a_page_whose_site_is_not_believed_says_so_and_has_no_tick(hall: Web, naker: Browser):
    html = naker.get("/agency").text
    assert '<div class="banner warn" role="alert">' not in html
    hall.app.state.feed.live.hear_collector(
        "balai", json.dumps({"state": "offline", "at": rfc3339(NOW)}).encode(), retained=False, now_ms=NOW
    )
    html = naker.get("/agency").text
    assert '<div class="banner warn" role="alert">' in html
    assert 'class="none calm' not in html


def test_the_week_of_the_record_may_begin_in_the_month_before(hall: Web, naker: Browser):
    monday, tuesday = (parse_instant(f"2026-{day}T00:00:00+07:00") for day in ("11-30", "12-01"))
    hall.now_ms = parse_instant("2026-12-02T16:00:00+07:00")
    with hall.record.writing(durable=False) as connection:
        for name in ("n-1", "n-2"):
            states = [Interval(monday, tuesday, "vacant", 0.02), Interval(tuesday, None, "occupied", 0.98)]
            revise(connection, "balai", name, "staff", monday, states, hall.now_ms)
        set_progress(connection, "balai", hall.now_ms, spool="s", spool_id=1)
    assert "Cakupan bulan ini 100,0 % Cakupan minggu ini 66,6 % Cakupan hari ini 100,0 %" in shown(naker)


def test_both_languages_tell_the_whole_page(hall: Web, naker: Browser):
    sent(naker, "acknowledge", alert="a1", reason="equipment")
    for lang in ("id", "en"):
        assert naker.get(f"/agency?lang={lang}").status_code == 303
        assert "{" not in in_words(naker.get("/agency").text)


# Contests


CONTESTS = "/api/v1/sites/balai/contests"
STRETCH = {"outlet": "n-2", "from": rfc3339(NOW - 40 * MINUTE), "to": rfc3339(NOW - 10 * MINUTE)}
MORNING = parse_instant("2026-11-24T08:00:00+07:00")
ELEVEN = parse_instant("2026-11-24T11:00:00+07:00")


@pytest.fixture
def booked(hall: Web) -> Web:
    """Loket 22 is empty since 09.51, Loket 21 opened at 08.10, and its equipment did not work from 10.00 to 10.05."""
    ten = parse_instant("2026-11-24T10:00:00+07:00")
    lines: dict[tuple[str, str], list[Interval]] = {
        ("n-1", "staff"): [
            Interval(MORNING - HOUR, MORNING + 10 * MINUTE, "vacant", 0.02),
            Interval(MORNING + 10 * MINUTE, None, "occupied", 0.98),
        ],
        ("n-1", "equipment"): [Interval(ten, ten + 5 * MINUTE, "vacant", 0.02)],
        ("n-2", "staff"): [
            Interval(MORNING, NOW - 51 * MINUTE, "occupied", 0.98),
            Interval(NOW - 51 * MINUTE, None, "vacant", 0.02),
        ],
    }
    with hall.record.writing(durable=False) as connection:
        for (name, zone), states in lines.items():
            revise(connection, "balai", name, zone, 0, states, NOW)
        set_progress(connection, "balai", NOW - MINUTE, spool="s", spool_id=1)
    return hall


def test_an_absence_is_contested_and_a_manager_decides(hall: Web, booked: Web, naker: Browser):
    made = naker.post(CONTESTS, json=STRETCH | {"text": XSS})
    assert made.status_code == 201, made.text
    number = made.json()["contest"]["id"]
    again = naker.post(CONTESTS, json=STRETCH | {"text": "lagi"})
    assert (again.status_code, again.json()["error"]) == (409, f"the same is contested already, as contest {number}")
    assert naker.post(f"{CONTESTS}/{number}/decision", json={"verdict": "corrected", "text": "x"}).status_code == 403
    manager = as_(hall, "facility_manager")
    decided = manager.post(f"{CONTESTS}/{number}/decision", json={"verdict": "upheld", "text": "bukan loketnya"})
    assert decided.json()["contest"]["decided_by"] == "facility_manager-all"
    final = manager.post(f"{CONTESTS}/{number}/decision", json={"verdict": "corrected", "text": "x"})
    assert final.status_code == 409
    assert naker.get(CONTESTS).json() == {"contests": [decided.json()["contest"]]}
    assert as_(hall, "agency", "dukcapil").get(CONTESTS).json() == {"contests": []}
    page = naker.get("/agency").text
    assert XSS not in page
    assert "Diputus tetap" in in_words(page)
    assert [row["event"] for row in audited(hall)] == ["contested", "contest_decided"]


@pytest.mark.parametrize(
    ("fields", "status", "error"),
    [
        ({"text": " "}, 400, "text: is empty; say why in a few words"),
        ({"text": "x\0"}, 400, "text: holds characters that cannot be shown; write plain text"),
        ({"text": "x", "to": rfc3339(NOW - HOUR)}, 400, "to: is not after `from`"),
        ({"text": "x", "to": rfc3339(NOW + HOUR)}, 400, "to: lies ahead; contest what is over, .*"),
        ({"text": "x", "from": "2020-01-01T00:00:00Z"}, 400, "to: is more than 31 days after `from`; .*"),
        ({"text": "x", "outlet": "d-1"}, 404, 'no outlet "d-1" at site "balai"'),
        ({}, 400, "text: is missing; write it"),
    ],
)
def test_what_is_wrong_with_a_contest_is_told(
    hall: Web, booked: Web, naker: Browser, fields: dict[str, str], status: int, error: str
):
    answer = naker.post(CONTESTS, json=STRETCH | fields)
    assert answer.status_code == status
    assert re.fullmatch(error, answer.json()["error"])
    assert audited(hall) == []


@pytest.mark.parametrize(
    ("outlet", "begin", "end"),
    [
        ("n-1", "08:05", "08:15"),  # absent for a part of it
        ("n-1", "10:04", "10:10"),  # attended, with equipment down
        ("n-2", "09:00", "09:52"),
    ],
)
def test_what_the_books_hold_against_an_outlet_may_be_contested(
    booked: Web, naker: Browser, outlet: str, begin: str, end: str
):
    assert contest_of(naker, outlet, f"2026-11-24T{begin}:00+07:00", f"2026-11-24T{end}:00+07:00")[0] == 201


@pytest.mark.parametrize(
    ("outlet", "begin", "end"),
    [
        ("n-1", "2026-11-24T09:00:00+07:00", "2026-11-24T10:00:00+07:00"),  # attended
        ("n-2", "2026-11-23T09:00:00+07:00", "2026-11-23T10:00:00+07:00"),  # nobody knows
        ("n-1", "2026-11-24T07:00:00+07:00", "2026-11-24T08:00:00+07:00"),  # empty before its hours
        ("n-2", "2026-11-24T10:41:10+07:00", "2026-11-24T10:42:00+07:00"),  # not booked yet
        ("n-2", "1999-01-01T08:00:00+07:00", "1999-01-02T08:00:00+07:00"),  # before anything was
    ],
)
def test_what_nobody_holds_against_an_outlet_is_not_contested(
    booked: Web, naker: Browser, outlet: str, begin: str, end: str
):
    said = "from: nothing is held against the outlet in that time; contest time that .*"
    status, error = contest_of(naker, outlet, begin, end)
    assert status == 400
    assert re.fullmatch(said, error)
    assert audited(booked) == []
    with booked.record.reading() as connection:
        assert contests(connection, "balai") == []


def test_what_was_declared_beforehand_is_not_contested(booked: Web, naker: Browser):
    until = rfc3339(ELEVEN)
    sent(naker, "absence", outlet="n-2", reason="meeting", until=until)
    booked.now_ms = ELEVEN + 10 * MINUTE
    with booked.record.writing(durable=False) as connection:
        set_progress(connection, "balai", booked.now_ms, spool="s", spool_id=1)
    assert contest_of(naker, "n-2", rfc3339(NOW), until)[0] == 400
    assert contest_of(naker, "n-2", rfc3339(NOW - MINUTE), until)[0] == 201


def contest_of(browser: Browser, outlet: str, begin: str, end: str) -> tuple[int, str]:
    """The status, and the error of a refusal."""
    answer = browser.post(CONTESTS, json={"outlet": outlet, "from": begin, "to": end, "text": "Ada"})
    return answer.status_code, answer.json().get("error", "")


def test_the_page_contests_and_decides_by_forms(hall: Web, booked: Web, naker: Browser):
    which = f"n-2 {STRETCH['from']} {STRETCH['to']}"
    words = sent(naker, "contest", which=which, text="Petugas di\r\nmeja sebelah")
    assert "Sanggahan terkirim ke pengelola gedung: Loket 22, 10.02–10.32." in words
    again = told(refused(naker, "contest", 409, which=which, text="lagi"))
    assert again == {"contest": "Waktu itu sudah disanggah dan menunggu putusan; lihat daftarnya."}
    day = {"outlet": "n-1", "date": "2026-11-24", "from_": "08:00", "to": "08:30"}
    words = sent(naker, "contest", which="", **day, text="Upacara")
    assert "Loket 21 08.00–08.30 Menunggu putusan “Upacara” agency-naker, 10.42" in words
    manager = as_(hall, "facility_manager")
    assert "2 sanggahan menunggu putusan" in in_words(manager.get("/agency").text)
    found = told(refused(manager, "decide", number="1", text=""))
    assert found == {"decide-1-verdict": "Pilih tetap atau dikoreksi.", "decide-1-text": "Tulis alasan putusannya."}
    found = told(refused(manager, "decide", number="1", verdict="upheld", text="x" * 501))
    assert found == {"decide-1-text": TOO_LONG}
    words = sent(manager, "decide", number="1", verdict="corrected", text="Benar, kami lihat")
    assert "Putusan tersimpan: Loket 22, 10.02–10.32." in words
    assert "Dikoreksi “Petugas di meja sebelah”" in words
    assert "Diputus oleh facility_manager-all, 10.42: “Benar, kami lihat”" in words
    assert "Sudah berakhir" in sent(manager, "decide", number="1", verdict="upheld", text="x")
    assert naker.post("/agency/decide", data={"site": "balai", "number": "2", "verdict": "upheld"}).status_code == 403


OF_DAY = {"outlet": "n-1", "date": "2026-11-24", "from_": "08:00", "to": "08:30", "text": "Ada"}
NOT_HELD = "Pada waktu itu tidak ada yang dibukukan tidak hadir atau alat mati. Pilih waktu yang .*"
AHEAD = "Tanggal ini belum tiba; pilih hari ini atau sebelumnya."


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"text": ""}, {"text": "Tulis mengapa keliru."}),
        ({"text": "x" * 501}, {"text": TOO_LONG}),
        ({"text": ("x" * 9 + "\r\n") * 50 + "x" * 1}, {"text": TOO_LONG}),
        ({"outlet": "d-1"}, {"outlet": "Pilih loketnya."}),
        ({"date": ""}, {"date": "Tulis tanggalnya, misalnya tanggal hari ini."}),
        ({"date": "2026-11-25"}, {"date": AHEAD}),
        ({"date": "2026-11-25", "to": "07:00", "text": ""}, {"date": AHEAD, "to": ORDER, "text": "Tulis .*"}),
        ({"to": "11:00"}, {"to": "Jam ini belum tiba; pilih yang sudah lewat."}),
        ({"from_": "09:00", "to": "09:10"}, {"from": NOT_HELD}),
        ({"which": "n-2 x y"}, {"which": "Pilih ketidakhadiran dari daftar, .*"}),
        ({"which": f"d-1 {STRETCH['from']} {STRETCH['to']}"}, {"which": "Pilih loketnya."}),
        ({"which": f"n-1 {rfc3339(NOW - HOUR)} {rfc3339(NOW - 50 * MINUTE)}"}, {"which": NOT_HELD}),
        ({"which": f"n-2 {STRETCH['from']} {rfc3339(NOW + HOUR)}"}, {"which": "Pilih ketidakhadiran dari daftar, .*"}),
    ],
)
def test_a_contest_that_cannot_be_says_what_to_mend_where_and_keeps_its_words(
    booked: Web, naker: Browser, fields: dict[str, str], said: dict[str, str]
):
    html = refused(naker, "contest", **OF_DAY | fields)
    found = told(html)
    assert set(found) == {f"contest-{field}" for field in said}
    for field, text in said.items():
        assert re.fullmatch(text, found[f"contest-{field}"])
    kept = re.search(r"<textarea[^>]*>(.*?)</textarea>", html, re.DOTALL)
    assert kept is not None
    assert kept[1] == (OF_DAY | fields)["text"]
    assert audited(booked) == []


# Substitutes


def test_a_substitute_takes_three_taps_is_shown_and_can_be_undone(hall: Web, naker: Browser):
    ends = re.findall(r'name="until" value="([^"]+)"><span>Sampai', naker.get("/agency").text)
    assert [rfc3339(parse_instant(end)) for end in ends][:2] == ["2026-11-24T08:00:00.000Z", "2026-11-25T08:00:00.000Z"]
    words = sent(naker, "substitute", contact="koordinator", to_contact="kepala", until=ends[1])
    assert "Pengganti tersimpan: Koordinator → Kepala dinas, 10.42–Rab 25 Nov 15.00." in words
    bring_in(hall)
    assert "Koordinator langkah 1 Digantikan Kepala dinas, 0200 555 0100, sampai Rabu 15.00" in shown(naker)
    hall.now_ms += MINUTE
    assert "Dibatalkan." in sent(naker, "undo", kind="substitute", number="1")
    bring_in(hall)
    assert "Pengganti sebelumnya Koordinator → Kepala dinas, 10.42–10.43 oleh agency-naker, 10.42" in shown(naker)
    assert "Digantikan" not in shown(naker)


SOMEBODY = {"contact": "koordinator", "to_contact": "~", "name": "Dewi"}
CONTACT = {"contact": "koordinator", "to_contact": "kepala"}
TIMES = CONTACT | {"until": "", "date": "2026-11-25", "from_": "08:00", "last": "2026-11-26", "to": "07:00"}


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"to_contact": "kepala"}, {"contact": "Pilih siapa yang pergi."}),
        ({"contact": "z-9"}, {"contact": "Pilih siapa yang pergi.", "to_contact": "Pilih siapa yang menggantikan."}),
        (CONTACT | {"to_contact": "koordinator"}, {"to_contact": "Ia sendiri yang pergi; pilih orang lain."}),
        (SOMEBODY, {"to_contact": "Pesan tidak akan sampai kepadanya, .*"}),
        (SOMEBODY | {"phone": "?"}, {"phone": "Tulis nomor telepon dengan 3 sampai 15 angka, .*"}),
        (
            SOMEBODY | {"name": "x" * 101, "phone": "1"},
            {"name": "Tulis namanya, paling banyak 100 huruf.", "phone": "Tulis nomor telepon .*"},
        ),
        (SOMEBODY | {"channel": "mailto://a@b"}, {"to_contact": "Saluran pesan diisi oleh pengelola gedung. .*"}),
        (CONTACT | {"until": "soon"}, {"until": LATE}),
        (TIMES | {"last": "2026-11-24"}, {"last": "Tanggal berakhir tidak boleh sebelum tanggal mulai."}),
        (TIMES | {"last": "2027-11-24"}, {"last": "Paling lama 184 hari; pilih tanggal yang lebih dekat."}),
        (TIMES | {"last": ""}, {"to": ORDER}),
        (TIMES | {"date": "2026-11-23"}, {"date": DATE_PAST}),
        (TIMES | {"last": "x", "to": ""}, {"last": "Isi tanggal berakhirnya.", "to": "Isi jam berakhirnya."}),
    ],
)
def test_a_substitute_that_cannot_be_says_what_to_mend_where(
    hall: Web, naker: Browser, fields: dict[str, str], said: dict[str, str]
):
    html = refused(naker, "substitute", **{"until": rfc3339(NOW + HOUR)} | fields)
    found = told(html)
    assert set(found) == {f"substitute-{field}" for field in said}
    for field, text in said.items():
        assert re.fullmatch(text, found[f"substitute-{field}"])
    assert f'name="name" value="{fields.get("name", "")}"' in html
    assert '<details class="no-print sends" open>' in html
    assert audited(hall) == []


def test_a_contact_that_has_a_substitute_gets_no_second_one(hall: Web, naker: Browser):
    sent(naker, "substitute", **CONTACT, until=rfc3339(NOW + HOUR))
    html = refused(naker, "substitute", 409, **CONTACT, until=rfc3339(NOW + 2 * HOUR))
    assert told(html) == {"substitute": "Kontak itu sudah punya pengganti pada waktu itu. Akhiri dulu yang lama."}
    bring_in(hall)
    other = {"contact": "kepala", "to_contact": "koordinator", "until": rfc3339(NOW + HOUR)}
    assert told(refused(naker, "substitute", **other)) == {
        "substitute-to_contact": "Pengganti itu sendiri sedang digantikan pada waktu itu; pilih orang lain."
    }


def test_who_answers_second_is_told_at_the_alert_that_somebody_was_first(hall: Web, naker: Browser):
    sent(naker, "acknowledge", alert="a1", reason="equipment")
    manager = as_(hall, "facility_manager")
    html = refused(manager, "acknowledge", 409, alert="a1", reason="sick")
    assert set(told(html)) == {"alert-a1"}
    assert "oleh agency-naker: alat rusak. Berlaku sampai 11.42. Sudah dijawab lebih dulu" in in_words(html)
    assert [row["event"] for row in audited(hall)] == ["acknowledged"]


def bring_in(hall: Web) -> None:
    """As the feed would: what the record says of the registry now."""
    with hall.record.reading() as connection:
        known = load_site(connection, "balai", declared_from_ms=EVER)
    assert known is not None
    hall.app.state.feed.live.sites["balai"] = known


def shown(browser: Browser) -> str:
    return in_words(browser.get("/agency").text)
