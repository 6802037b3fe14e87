from __future__ import annotations

import gzip
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from api import public, public_board
from api.access import RULES
from api.live import Occupancy
from api.parts import Parts
from api.public import PublicSite, Standing
from api.words import LANGUAGES, Words
from presence.alerts.life import Alert
from presence.instants import parse_instant, rfc3339
from presence.site import Absence, Agency, Contact, Duty, Site
from presence.status import Status
from storage.record import Record
from storage.record.alerts import StoredAlert, put
from tests.builders import outlet, site
from tests.fixtures.lobby import lobby, occupancy, speak, statuses
from tests.fixtures.mall import NOW
from tests.fixtures.web import Browser, Web, served
from transport.session import BrokerAddress

ID, EN = Words("id", "Asia/Jakarta"), Words("en", "Asia/Jakarta")
HOSTILE = '<script>alert("x")</script>'


def at(clock: str, day: str = "2026-11-24") -> int:
    return parse_instant(f"{day}T{clock}:00+07:00")


def heard(name: str, status: Status, since: int | None = None, until: int | None = None) -> Occupancy:
    return Occupancy(
        site="balai",
        outlet=name,
        status=status,
        since=rfc3339(NOW - 60_000 if since is None else since),
        zones={},
        until=None if until is None else rfc3339(until),
    )


def shown(registered: Site, *occupancies: Occupancy, connected: bool = True) -> PublicSite:
    return public.public_site(public.plan(registered), occupancies, connected, NOW)


def mall(times: int = 1) -> PublicSite:
    return shown(lobby(times), *(heard(name, status) for name, status in statuses(times)))


def one(status: Status, **fields: Any) -> str:
    """What the board says of an outlet on its own, in Indonesian."""
    return shown(site(), heard("a-1", status, **fields)).agencies[0].says.id


@pytest.mark.parametrize(
    ("status", "fields", "said"),
    [
        ("serving", {}, "Melayani"),
        ("staffed", {}, "Buka"),
        ("vacant", {}, "Petugas tidak ada"),
        ("unattended", {}, "Petugas tidak ada"),
        ("unknown", {}, "Tidak diketahui"),
        ("declared", {"until": at("11:00")}, "Kembali 11.00"),
        ("declared", {}, "Petugas tidak ada"),
        ("closed", {"since": at("10:00"), "until": at("13:00")}, "Tutup · istirahat, buka 13.00"),
        ("closed", {"since": at("15:00", "2026-11-23"), "until": at("13:00")}, "Tutup · buka 13.00"),
        ("closed", {"since": at("10:00"), "until": at("08:00", "2026-11-26")}, "Tutup · buka Kamis 08.00"),
        ("closed", {}, "Tutup"),
    ],
)
def test_a_state_is_said_in_the_words_of_the_board(status: Status, fields: dict[str, Any], said: str):
    assert one(status, **fields) == said


def test_nobody_is_said_to_be_back_while_the_outlet_is_closed():
    assert one("declared", until=at("12:30")) == "Kembali 13.00"
    assert one("declared", until=at("16:00")) == "Kembali Rabu 08.00"


def test_what_a_citizen_would_rather_find_is_the_state_of_a_duty():
    later, sooner = Standing("back", at("13:00")), Standing("back", at("11:00"))
    assert public.best([Standing("absent", None), Standing("serving", None)]).state == "serving"
    assert public.best([Standing("absent", None), Standing("unknown", None)]).state == "unknown"
    assert public.best([later, sooner, Standing("absent", None)]) == sooner


def test_where_one_of_a_duty_serves_nothing_is_said_of_the_others():
    pair = site(outlets=[outlet("a-1"), outlet("a-2")], duties=(Duty(id="d", outlets=("a-1", "a-2")),))
    said = [shown(pair, heard("a-1", first), heard("a-2", "vacant")) for first in ("serving", "vacant")]
    assert [[service.state for service in one.agencies[0].services] for one in said] == [["serving"], ["absent"]]
    assert public_board.rows(said[0], NOW, ID)[0].note == ""


def test_a_row_says_where_it_is_and_which_outlet_differs():
    rows = {row.name: row for row in public_board.rows(mall(), NOW, ID)}
    assert (rows["Disdukcapil"].where, rows["Disdukcapil"].note) == ("Lantai 1 · Loket 1–3", "")
    assert rows["DPMPTSP"].note == "Loket 5 tidak diketahui"
    assert rows["Samsat Tirtamaya"].note == "Loket 7 petugas tidak ada"
    assert (rows["BPJS Kesehatan"].note, rows["BPJS Kesehatan"].but) == ("2 loket", False)
    assert rows["BPJS Ketenagakerjaan"].badge == public_board.Badge("staffed", "Buka", "")


def test_outlets_are_named_by_their_numbers_floor_by_floor():
    outlets = [
        public.PublicOutlet(id=f"o-{n}", name=f"Loket {n}", number=n, floor=floor)
        for n, floor in ((4, 1), (5, 1), (7, 1), (37, 3))
    ]
    desk = public.PublicOutlet(id="i", name="Meja informasi", number=None, floor=None)
    assert public_board.where([*outlets, desk], ID) == "Lantai 1 · Loket 4–5, 7; Lantai 3 · Loket 37; Meja informasi"


def test_the_summary_adds_up():
    assert public_board.summary(mall(), ID) == (
        "22 instansi: 17 melayani, 1 kembali nanti, 2 petugas tidak ada, 1 tidak diketahui, 1 tutup."
    )
    assert public_board.summary(shown(site(), heard("a-1", "staffed")), EN) == "1 agency: 1 serving."
    assert public_board.summary(shown(site(outlets=[])), ID) == "Belum ada loket."


def test_the_board_shows_as_much_at_a_time_as_fits():
    assert [(page.name, len(page.rows)) for page in public_board.pages(mall(), NOW, ID)] == [("", 22)]
    assert [(page.name, len(page.rows)) for page in public_board.pages(mall(2), NOW, ID)] == [
        *(("Lantai 1", 7), ("Lantai 2", 9), ("Lantai 3", 6)),
        *(("Lantai 4", 7), ("Lantai 5", 9), ("Lantai 6", 6)),
    ]
    many = site(outlets=[outlet(f"a-{n}", agency=f"i-{n}") for n in range(45)])
    full = shown(many, *(heard(f"a-{n}", "staffed") for n in range(45)))
    assert [len(page.rows) for page in public_board.pages(full, NOW, ID)] == [15, 15, 15]


def test_a_page_of_a_floor_speaks_of_what_is_there():
    two_floors = [outlet(f"a-{n}", number=n, floor=1 if n < 40 else 2) for n in range(1, 46)]
    crowd = shown(site(outlets=two_floors), *(heard(f"a-{n}", "vacant" if n < 40 else "staffed") for n in range(1, 46)))
    first, second = public_board.pages(crowd, NOW, ID)
    assert (first.rows[0].where, first.rows[0].badge.word) == ("Loket 1–39", "Petugas tidak ada")
    assert (second.rows[0].where, second.rows[0].badge.word) == ("Loket 40–45", "Buka")


# Over HTTP, from elsewhere and without an account


@pytest.fixture
def hall(web: Web) -> Web:
    """The mall of 22 agencies, with contacts, an absence and an alert of which the public hears nothing."""
    secret = Contact(id="rahasia", name="Siti Rahasia", phone="+62 811 999", channel="mailto://rahasia@x.example")
    mall = lobby(
        contacts=(secret,),
        absences=(Absence(outlet="o-37", from_ms=NOW - 60_000, to_ms=at("11:00"), reason="sick", note="Siti Rahasia"),),
    )
    web.apply(mall)
    speak(web.app.state.feed.live)
    fired = StoredAlert("a1", Alert("vacancy", "outlet", "o-26", NOW - 900_000, NOW - 300_000), False, None)
    with web.record.writing(durable=False) as connection:
        put(connection, "balai", fired, NOW)
    return web


def citizen(web: Web, **headers: str) -> Browser:
    return web.ask(host="hadir.example", client="10.0.0.7", **headers)


def text_of(web: Web, path: str, status: int = 200) -> str:
    answer = citizen(web, accept="text/html").get(path)
    assert answer.status_code == status, answer.text
    return answer.text


def in_words(html: str) -> str:
    html = re.sub(r"<(script|noscript)\b.*?</\1>", " ", html, flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", html).replace("\u00a0", " ").split())


def keys(value: Any) -> set[str]:
    if isinstance(value, dict):
        return set(value) | {key for one in value.values() for key in keys(one)}
    return {key for one in value for key in keys(one)} if isinstance(value, list) else set()


def test_the_open_data_hold_what_is_public_and_nothing_else(hall: Web):
    data = citizen(hall).get("/api/v1/public").json()
    assert keys(data) == {
        *("at", "version", "sites", "id", "name", "timezone", "date", "hours", "from", "to", "opens", "connected"),
        *("agencies", "short", "state", "until", "says", "en", "services", "outlets", "number", "floor"),
    }
    states = {one["state"] for agency in data["sites"][0]["agencies"] for one in [agency, *agency["services"]]}
    assert states == {"serving", "open", "absent", "back", "unknown", "closed"}
    until = {one["until"] for agency in data["sites"][0]["agencies"] for one in agency["services"]}
    assert until == {None, rfc3339(at("11:00")), rfc3339(at("08:00", "2026-11-26"))}


@pytest.mark.parametrize("path", ["/public", "/public?q=pajak&open=1", "/public/board", "/api/v1/public"])
def test_no_name_reason_evidence_alert_or_past_leaves_the_house(hall: Web, path: str):
    # The pictures of all states stand in every page, whatever it says.
    text = re.sub(r"<svg.*?</svg>", "", text_of(hall, path), flags=re.DOTALL)
    past = (rfc3339(NOW - 360_000), rfc3339(NOW - 4000), "10.36", "10.27")
    for secret in ("rahasia", "811 999", "sick", "sakit", "0.0271", "o-1-s", "vacancy", "unattended", *past):
        assert secret.casefold() not in text.casefold(), secret
    assert "peringatan" not in in_words(text).casefold()


def test_the_board_says_only_its_words(hall: Web):
    words = set(re.findall(r'<span class="word">([^<]+)</span>', text_of(hall, "/public/board")))
    assert words == {"Melayani", "Buka", "Petugas tidak ada", "Kembali 11.00", "Tidak diketahui", "Tutup"}


def test_any_page_may_ask_for_the_open_data_and_for_nothing_else(hall: Web):
    asking = {"origin": "https://elsewhere.example"}
    assert citizen(hall, **asking).get("/api/v1/public").headers["access-control-allow-origin"] == "*"
    for path in ("/public", "/public/board", "/api/v1/live", "/healthz", "/"):
        assert "access-control-allow-origin" not in citizen(hall, **asking).get(path).headers, path
    for wrong, status in (("?site=x", 404), ("?site=" + "x" * 500, 400), ("?site=%00", 400)):
        told = citizen(hall, **asking).get(f"/api/v1/public{wrong}")
        assert (told.status_code, told.headers["access-control-allow-origin"]) == (status, "*")


def test_a_page_from_elsewhere_may_ask_whether_the_open_data_are_news(hall: Web):
    """If-None-Match is what a browser asks leave for; nothing else is granted, and no credentials."""
    asking = {"origin": "https://elsewhere.example", "access-control-request-method": "GET"}
    before = citizen(hall, **asking, **{"access-control-request-headers": "if-none-match"}).ask(
        "OPTIONS", "/api/v1/public"
    )
    granted = {name: value for name, value in before.headers.items() if name.startswith("access-control-")}
    assert (before.status_code, before.headers["allow"]) == (204, "GET, HEAD, OPTIONS")
    assert granted == {
        "access-control-allow-origin": "*",
        "access-control-allow-methods": "GET",
        "access-control-allow-headers": "If-None-Match",
        "access-control-max-age": "86400",
    }


def test_no_other_address_tells_a_page_from_elsewhere_that_it_may_ask(hall: Web):
    asking = {"origin": "https://elsewhere.example", "access-control-request-headers": "content-type"}
    paths = {re.sub(r"[{}]", "", operation.partition(" ")[2]) for operation in RULES} - {"/api/v1/public"}
    assert "/api/v1/sites/site/contests" in paths
    for path in sorted(paths):
        answer = citizen(hall, **asking, **{"access-control-request-method": "POST"}).ask("OPTIONS", path)
        granted = [name for name in answer.headers if name.startswith("access-control-")]
        assert (answer.status_code, granted) == (204, []), path


def test_an_answer_is_shared_for_a_second_and_known_by_its_tag(hall: Web):
    first = citizen(hall).get("/api/v1/public?site=balai")
    known = {"if-none-match": first.headers["etag"]}
    hall.now_ms += 900
    assert citizen(hall).get("/api/v1/public?site=balai").content == first.content
    hall.now_ms += 5_000
    assert citizen(hall, **known).get("/api/v1/public?site=balai").status_code == 304
    assert citizen(hall).get("/api/v1/public?site=balai").json()["at"] == rfc3339(NOW + 5_900)
    hall.app.state.feed.live.hear_occupancy("balai", "o-10", occupancy("o-10", "vacant"), hall.now_ms)
    hall.now_ms += 1_000
    answer = citizen(hall, **known).get("/api/v1/public?site=balai")
    assert (answer.status_code, answer.json()["sites"][0]["agencies"][4]["state"]) == (200, "absent")


def test_the_open_data_travel_packed(hall: Web):
    answer = citizen(hall, **{"accept-encoding": "gzip"}).get("/api/v1/public")
    assert answer.headers["content-encoding"] == "gzip"
    assert int(answer.headers["content-length"]) < 4_000
    packed = hall.app.state.public.json(None)
    assert gzip.decompress(packed.zipped) == packed.plain


@pytest.mark.parametrize("path", ["/public", "/public/board"])
def test_a_page_without_news_costs_nothing(hall: Web, path: str):
    first = citizen(hall, accept="text/html").get(path)
    hall.now_ms += 5_000
    again = citizen(hall, accept="text/html", **{"if-none-match": first.headers["etag"]}).get(path)
    assert (again.status_code, again.content, again.headers["x-hadir-at"]) == (304, b"", str(NOW + 5_000))
    other = citizen(hall, accept="text/html", cookie="hadir_lang=en", **{"if-none-match": first.headers["etag"]})
    assert other.get(path).status_code == 200


def visible(html: str) -> list[str]:
    return re.findall(r'<li class="agency" data-staffed="\w+">\s*<h3>([^<]+)', html)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("q=paspor", ["Kantor Imigrasi"]),
        ("q=KTP", ["Disdukcapil"]),
        ("q=e-ktp", ["Disdukcapil"]),
        ("q=EKTP", ["Disdukcapil"]),
        ("q=kartu+tanda+penduduk", ["Disdukcapil"]),
        ("q=k%C3%A1rtu+keluarga", ["Disdukcapil"]),
        ("q=passport", ["Kantor Imigrasi"]),
        ("q=stnk", ["Samsat Tirtamaya"]),
        ("q=sim", []),
        ("q=kependudukan", ["Disdukcapil"]),
        ("q=sambungan+pln", ["PLN ULP Tirtamaya"]),
        ("q=sambungan&open=1", ["Perumda Air"]),
        ("q=notaris", []),
    ],
)
def test_a_service_is_found_without_javascript(hall: Web, query: str, found: list[str]):
    html = text_of(hall, f"/public?{query}")
    assert visible(html) == found
    assert ('id="nothing" hidden' in html) == bool(found)


def test_the_page_says_which_serve_now_and_of_when_it_is(hall: Web):
    words = in_words(text_of(hall, "/public"))
    assert (
        "Mal Pelayanan Publik Tirtamaya · hari ini 08.00–12.00 dan 13.00–15.00 10.42 Selasa, 24 November 2026" in words
    )
    assert "Kantor Imigrasi Kantor Imigrasi Kelas I Melayani Paspor Lantai 1 · Loket 11 Melayani" in words
    assert "Tutup buka Kamis 08.00" in words
    assert "Data pukul 10.42.07" in words
    assert "Buka lagi 13.00." in words


def test_a_building_that_says_nothing_is_unknown_all_over(hall: Web):
    hall.now_ms += 60_000
    for path in ("/public", "/public/board"):
        html = text_of(hall, path)
        assert set(re.findall(r'<span class="word">([^<]+)</span>', html)) == {"Tidak diketahui"}
        assert "Kabar dari gedung ini terputus." in in_words(html)
    site = citizen(hall).get("/api/v1/public").json()["sites"][0]
    assert (site["connected"], {one["state"] for one in site["agencies"]}) == (False, {"unknown"})


def test_several_sites_are_a_choice(web: Web):
    assert "Belum ada gedung." in in_words(text_of(web, "/public"))
    web.apply(site(), site(id="cabang", name="Cabang Timur", timezone="Asia/Jayapura"))
    for path in ("/public", "/public/board"):
        assert f'href="{path}?site=cabang">Cabang Timur</a>' in text_of(web, path)
        assert "12.42" in text_of(web, f"{path}?site=cabang")
        text_of(web, f"{path}?site=lain", 404)
    assert [one["id"] for one in citizen(web).get("/api/v1/public").json()["sites"]] == ["balai", "cabang"]
    assert [one["id"] for one in citizen(web).get("/api/v1/public?site=cabang").json()["sites"]] == ["cabang"]
    assert citizen(web).get("/api/v1/public?site=lain").json()["error"] == 'no site "lain"'


def test_what_people_named_is_shown_as_text(web: Web):
    named = outlet("a-1", name=HOSTILE, service=HOSTILE)
    agency = Agency(id="dinas", name=HOSTILE, short=HOSTILE + "!")
    web.apply(site(name=HOSTILE, outlets=[named], agencies=(agency,)))
    for path in ("/public", f"/public?q={HOSTILE}", "/public/board"):
        html = text_of(web, path)
        assert HOSTILE not in html
        assert "&lt;script&gt;" in html
        assert " style=" not in html
        assert not re.search(r'(?:src|href)="(?:https?:)?//|\son\w+=', html)


def test_language_and_theme_are_remembered_with_what_was_looked_for(hall: Web):
    reader = citizen(hall, accept="text/html")
    assert reader.get("/public?q=ktp&lang=en").headers["location"] == "/public?q=ktp"
    assert reader.get("/public/board?theme=dark").headers["location"] == "/public/board"
    html = reader.get("/public").text
    assert '<html lang="en" data-theme="dark">' in html
    assert "Outlets serving now" in in_words(html)
    assert "Tuesday, 24 November 2026" in in_words(html)


def test_the_words_of_every_state_are_there_in_every_language():
    for lang in LANGUAGES:
        for state in public.BEST_FIRST:
            for until_ms in (None, at("13:00")):
                assert public.in_words(state, until_ms, NOW, Words(lang, "Asia/Jakarta"))[0]


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_example_of_the_documents_is_answered_without_a_token(record: Record):
    text = (Path(__file__).parents[2] / "docs" / "public.md").read_text(encoding="utf-8")
    (line,) = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    with served(Parts(record=record, broker=BrokerAddress("127.0.0.1", 1), now=lambda: NOW)) as url:
        told = subprocess.run(
            ["sh", "-euc", line.replace("curl -s ", "curl -sS --fail-with-body --noproxy '*' ")],
            env={"PATH": "/usr/bin:/bin", "HADIR": url},
            capture_output=True,
            check=True,
            timeout=60,
        )
    assert json.loads(told.stdout) == {"at": rfc3339(NOW), "version": 1, "sites": []}


def test_the_open_data_describe_themselves(hall: Web):
    schema = hall.app.openapi()
    answer = schema["paths"]["/api/v1/public"]["get"]["responses"]["200"]["content"]["application/json"]
    assert answer["schema"] == {"$ref": "#/components/schemas/PublicAnswer"}
    assert public.PublicAnswer.model_validate(answer["example"]).sites[0].agencies[0].state == "back"
    data = citizen(hall).get("/api/v1/public").content
    assert public.PublicAnswer.model_validate_json(data).sites[0].name == "Mal Pelayanan Publik Tirtamaya"
