"""The page of sidak and its links: what people and programs are answered, and what a link opens."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterator

import httpx
import pytest
from sqlalchemy import select

from presence.instants import rfc3339
from presence.site import Agency, Contact
from storage.record import audit, tables
from storage.record.users import Role, make_account, make_token
from tests.builders import outlet, site
from tests.fixtures.mall import NOW
from tests.fixtures.web import Browser, Web

HOUR = 3_600_000
HIDDEN = "0200 555 0122"
HOSTILE = '<script>alert("x")</script>'


@pytest.fixture
def floor(web: Web) -> Web:
    """Two sites. At `balai` outlet a-1 of `dinas` is vacant since 09.51, b-1 of `lain` staffed, c-1 never heard of."""
    desk = Contact(id="koordinator", name="Koordinator", phone="0200 555 0122")
    balai = site(
        outlets=[outlet("a-1", service=HOSTILE), outlet("b-1", agency="lain"), outlet("c-1")],
        agencies=(Agency(id="dinas", name="Dinas", contacts=(desk,)), Agency(id="lain", name="Lain")),
    )
    web.apply(balai, site(id="gerai", name="Gerai", outlets=[outlet("g-1", agency="lain")]))
    live = web.app.state.feed.live
    live.broker_met()
    for one in ("balai", "gerai"):
        live.hear_collector(one, b'{"state":"online","at":"2026-11-24T03:42:00Z"}', retained=False, now_ms=NOW)
    for name, state, since in (("a-1", "vacant", "02:51"), ("b-1", "occupied", "01:00")):
        live.hear_occupancy("balai", name, message(name, state, f"2026-11-24T{since}:00Z"), NOW)
    return web


def message(name: str, state: str, since: str) -> bytes:
    zone = f'{{"state":"{state}","p":0.02,"since":"{since}","seen":"{rfc3339(NOW - 4000)}"}}'
    status = "vacant" if state == "vacant" else "staffed"
    return (
        f'{{"site":"balai","outlet":"{name}","status":"{status}","since":"{since}","zones":{{"staff":{zone}}},'
        f'"until":null,"reason":null,"at":"{rfc3339(NOW)}","version":1}}'
    ).encode()


def somebody(
    web: Web, role: Role = "facility_manager", agency: str | None = None, site: str | None = None, **headers: str
) -> Browser:
    name = f"{role}-{agency or site}"
    with web.record.writing(durable=False) as connection:
        make_account(connection, name, NOW, role, agency=agency, site=site)
        token = make_token(connection, name, "", NOW)
    return web.ask(host="hadir.example", authorization=f"Bearer {token}", **headers)


def guest(web: Web) -> Browser:
    return web.ask(host="hadir.example", client="10.0.0.7", accept="text/html")


def link(web: Web, **wanted: object) -> httpx.Response:
    return somebody(web).post("/api/v1/sidak/links", json={"site": "balai", **wanted})


def path_of(answer: httpx.Response) -> str:
    return str(answer.json()["url"]).removeprefix("http://hadir.example")


def in_words(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).replace("\u00a0", " ").split())


def test_the_answer_is_whole_in_one_request(floor: Web):
    words = in_words(somebody(floor, accept="text/html").get("/sidak?site=balai").text)
    assert "1 dari 3 loket tidak ada petugasnya." in words
    assert "3 wajib buka = 1 ada petugas + 1 kosong + 0 izin + 1 tidak diketahui" in words
    assert "Selasa 24 November 2026, pukul 10.42.07 WIB." in words
    assert "51 mnt sejak 09.51 Loket a-1 · Dinas" in words
    assert "Koordinator, 0200 555 0122 Kepastian Yakin 98 %, bukti 4 dtk" in words
    assert "Tidak diketahui 1" in words
    assert "Loket c-1 · Dinas : belum pernah ada bukti" in words


def test_programs_are_answered_the_same(floor: Web):
    answer = somebody(floor).get("/api/v1/sidak?site=balai").json()
    assert answer["sums"] == {"obliged": 3, "attended": 1, "empty": 1, "declared": 0, "unknown": 1}
    (one,) = answer["empty"]
    assert (one["outlet"], one["since"], one["for_s"]) == ("a-1", "2026-11-24T02:51:00.000Z", 3067.0)
    assert one["contact"] == {"name": "Koordinator", "phone": "0200 555 0122"}
    assert somebody(floor, "viewer").get("/api/v1/sidak").json()["sums"]["obliged"] == 4
    assert somebody(floor, "viewer").get("/api/v1/sidak?site=nowhere").status_code == 404


def test_who_is_responsible_is_told_to_all_and_how_to_phone_him_to_those_who_may_answer(floor: Web):
    guests = guest(floor).get(path_of(link(floor))).text
    viewers = somebody(floor, "viewer", accept="text/html").get("/sidak?site=balai").text
    managers = somebody(floor, "administrator", accept="text/html").get("/sidak?site=balai").text
    assert ["Koordinator" in in_words(html) for html in (guests, viewers, managers)] == [True] * 3
    assert [HIDDEN in html for html in (guests, viewers, managers)] == [False, False, True]
    (one,) = somebody(floor, "technician").get("/api/v1/sidak?site=balai").json()["empty"]
    assert one["contact"] == {"name": "Koordinator", "phone": None}


def test_an_answer_is_shared_for_less_than_a_second_and_until_something_is_new(floor: Web):
    browser = somebody(floor)

    def at_and_empty() -> tuple[str, int]:
        answer = browser.get("/api/v1/sidak?site=balai").json()
        return answer["at"], answer["sums"]["empty"]

    first = at_and_empty()
    floor.now_ms = NOW + 999
    assert at_and_empty() == first == (rfc3339(NOW), 1)
    floor.now_ms = NOW + 1000
    assert at_and_empty() == (rfc3339(NOW + 1000), 1)
    floor.app.state.feed.live.hear_occupancy("balai", "b-1", message("b-1", "vacant", "2026-11-24T03:42:08Z"), NOW)
    floor.app.state.feed.stream.renew()
    assert at_and_empty() == (rfc3339(NOW + 1000), 2)


def test_an_agency_sees_its_own_duties_alone(floor: Web):
    browser = somebody(floor, "agency", "lain")
    answer = browser.get("/api/v1/sidak?site=balai").json()
    assert (answer["sums"]["obliged"], answer["empty"]) == (1, [])
    assert "Loket a-1" not in browser.get("/sidak?site=balai").text
    assert somebody(floor, "agency", "dinas").get("/api/v1/sidak?site=gerai").status_code == 404


def test_what_people_named_is_shown_as_text(floor: Web):
    html = somebody(floor, accept="text/html").get("/sidak?site=balai").text
    assert HOSTILE not in html
    assert "&lt;script&gt;" in html
    assert " style=" not in html
    assert all("src=" in script for script in re.findall(r"<script\b[^>]*>", html))


def test_a_link_opens_the_sidak_of_its_site_without_an_account(floor: Web):
    made = link(floor, hours=8)
    assert made.status_code == 201
    assert made.json()["until"] == rfc3339((NOW + 8 * HOUR) // 1000 * 1000)
    assert made.json()["qr"].startswith("<svg ")
    answer = guest(floor).get(path_of(made))
    assert answer.status_code == 200
    words = in_words(answer.text)
    assert "Tautan tamu: hanya melihat sidak Balai Layanan, sampai Sel 24 Nov 18.42 WIB." in words
    assert "1 dari 3 loket tidak ada petugasnya." in words
    assert 'class="nav"' not in answer.text
    assert 'id="link"' not in answer.text


def test_a_link_opens_nothing_else(floor: Web):
    made = link(floor)
    browser = guest(floor)
    assert browser.get(path_of(made)).status_code == 200
    for other in ("/", "/sidak", "/sidak?site=balai", "/api/v1/sidak", "/api/v1/live", "/api/v1/alerts"):
        assert browser.get(other).status_code == 401
    assert browser.post(path_of(made)).status_code == 405
    assert browser.post("/api/v1/sidak/links", json={"site": "balai"}).status_code == 401


def altered(path: str) -> Iterator[str]:
    secret = path.removeprefix("/sidak/")
    yield f"/sidak/{secret[:-1]}"
    yield f"/sidak/{secret}A"
    yield f"/sidak/{'A' * len(secret)}"
    yield "/sidak/1"
    yield "/sidak/balai.1795520527.AAAA"


def test_an_altered_link_says_so_in_words(floor: Web):
    for path in altered(path_of(link(floor))):
        answer = guest(floor).get(path)
        assert answer.status_code == 403, path
        assert "Tautan ini tidak berlaku." in answer.text


def test_a_link_that_has_expired_says_so_and_until_when_it_held(floor: Web):
    path = path_of(link(floor, hours=1))
    floor.now_ms = NOW + HOUR
    answer = guest(floor).get(path)
    assert answer.status_code == 403
    assert "Tautan ini sudah habis masa berlakunya." in answer.text
    assert "Berlaku sampai Sel 24 Nov 11.42 WIB." in answer.text


def test_who_made_and_who_took_back_a_link_stands_in_the_audit_log(floor: Web):
    made = link(floor).json()
    assert somebody(floor, "administrator").delete(f"/api/v1/sidak/links/{made['id']}").status_code == 204
    with floor.record.reading() as connection:
        assert audit.verify(connection) == 2
        bodies = [
            json.loads(one) for one in connection.scalars(select(tables.audit.c.body).order_by(tables.audit.c.id))
        ]
    about = {"at": rfc3339(NOW), "link": made["id"], "site": "balai"}
    assert bodies == [
        about | {"event": "sidak_link_made", "until": made["until"], "author": "facility_manager-None"},
        about | {"event": "sidak_link_revoked", "author": "administrator-None"},
    ]


def test_a_link_that_was_taken_back_says_so_at_once(floor: Web):
    made = link(floor)
    browser, address = guest(floor), f"/api/v1/sidak/links/{made.json()['id']}"
    assert browser.get(path_of(made)).status_code == 200
    manager = somebody(floor, "administrator")
    listed = {key: made.json()[key] for key in ("id", "site", "author", "made", "until")}
    assert manager.get("/api/v1/sidak/links?site=balai").json() == {"links": [listed]}
    assert manager.get("/api/v1/sidak/links?site=gerai").json() == {"links": []}
    assert manager.delete(address).status_code == 204
    answer = browser.get(path_of(made))
    assert answer.status_code == 403
    assert "Tautan ini sudah ditarik kembali." in in_words(answer.text)
    assert "Ditarik kembali Sel 24 Nov 10.42 WIB. Mintalah tautan baru" in in_words(answer.text)
    assert manager.get("/api/v1/sidak/links").json() == {"links": []}
    assert manager.delete(address).status_code == 409


def test_a_link_to_a_site_that_one_does_not_see_is_not_there(floor: Web):
    made = link(floor).json()
    stranger = somebody(floor, "facility_manager", site="gerai", accept="text/html")
    for answer in (
        stranger.delete(f"/api/v1/sidak/links/{made['id']}"),
        stranger.post(f"/sidak/links/{made['id']}/revoke"),
        stranger.post("/sidak/links", data={"site": "balai", "hours": "4"}),
        stranger.get("/api/v1/sidak/links?site=balai"),
        stranger.get("/sidak/links?site=balai"),
        stranger.delete("/api/v1/sidak/links/99"),
    ):
        assert answer.status_code == 404
    assert stranger.get("/api/v1/sidak/links").json() == {"links": []}


def test_links_are_made_listed_and_taken_back_on_the_page(floor: Web):
    manager = somebody(floor, accept="text/html")
    page = manager.post("/sidak/links", data={"site": "balai", "hours": "4"})
    (path,) = re.findall(r'value="http://hadir\.example(/sidak/[^"]+)" readonly', page.text)
    assert "<svg " in page.text.partition('class="qr"')[2]
    assert "hanya terbuka di komputer ini" not in page.text
    assert guest(floor).get(path).status_code == 200
    listed = manager.get("/sidak/links?site=balai")
    assert "Balai Layanan Sel 24 Nov 14.42 WIB facility_manager-None Sel 24 Nov 10.42" in in_words(listed.text)
    assert path not in listed.text
    (revoke,) = re.findall(r'action="(/sidak/links/\d+/revoke)"', listed.text)
    assert manager.post(revoke).headers["location"] == "/sidak/links?site=balai&said=revoked"
    assert guest(floor).get(path).status_code == 403
    assert "Tidak ada tautan yang berlaku." in in_words(manager.get("/sidak/links?said=revoked").text)


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "localhost", "[::1]:8080"])
def test_a_code_that_leads_nowhere_else_says_so(floor: Web, host: str):
    made = somebody(floor).post("/sidak/links", data={"site": "balai", "hours": "4"}, headers={"host": host})
    page = in_words(made.text)
    assert "Kode QR ini hanya terbuka di komputer ini. " in page
    assert "--host 0.0.0.0" in page


@pytest.mark.parametrize("role", ["viewer", "technician"])
def test_only_who_manages_the_building_makes_links(floor: Web, role: Role):
    browser = somebody(floor, role)
    assert browser.post("/api/v1/sidak/links", json={"site": "balai"}).status_code == 403
    assert 'id="link"' not in browser.get("/sidak").text
    assert 'id="link"' in somebody(floor, "administrator").get("/sidak").text


@pytest.mark.parametrize("wrong", [{"hours": 0}, {"hours": 169}, {"hours": "8"}, {"until": "x"}])
def test_what_is_wrong_with_a_wanted_link_is_told(floor: Web, wrong: dict[str, object]):
    answer = link(floor, **wrong)
    assert answer.status_code == 400
    assert min(wrong) in answer.json()["error"]
    assert link(floor, site="nowhere").status_code == 404


def test_where_nobody_can_be_called_whoever_may_is_led_to_adding_it(floor: Web):
    floor.app.state.feed.live.hear_occupancy("balai", "b-1", message("b-1", "vacant", "2026-11-24T02:51:00Z"), NOW)
    contacts = "/admin/sites/balai/agencies/lain/contacts"
    manager, own = somebody(floor), somebody(floor, "agency", "lain")
    for path in ("/sidak?site=balai", "/?site=balai", "/agency?site=balai&agency=lain"):
        assert f'href="{contacts}"' in manager.get(path).text, path
        assert "/admin/" not in own.get(path).text, path
    viewer = somebody(floor, "viewer").get("/sidak?site=balai").text
    assert "Belum ada kontak" in viewer
    assert "/admin/" not in viewer
    desk = Contact(id="koordinator", name="Koordinator")
    floor.apply(site(outlets=[outlet("b-1", agency="lain")], agencies=(Agency(id="lain", name="L", contacts=(desk,)),)))
    assert f'href="{contacts}/koordinator"' in manager.get("/sidak?site=balai").text


@pytest.mark.parametrize(
    "path", ["/", "/sidak", "/agency", "/sites/balai/outlets/a-1", "/admin", "/account", "/docs", "/x"]
)
def test_every_page_of_a_demo_says_that_its_data_are_invented(floor: Web, path: str):
    floor.app.state.parts = dataclasses.replace(floor.app.state.parts, demo=True)
    assert (
        somebody(floor, "administrator", accept="text/html").get(path).text.count("<strong>Demo: data tiruan.</strong>")
        == 1
    )
