from __future__ import annotations

import re
from collections.abc import Mapping
from html import unescape
from typing import Any

import httpx
import pytest

from api.parts import Parts
from hadir.claiming import claimed
from presence.site import Contact, Duty, Site
from storage.record import Record
from storage.record.aside import Unclaimed, inbox, note_unclaimed
from storage.record.registry import EVER, load_site
from storage.record.users import Role, make_account, make_token
from tests.builders import outlet, site
from tests.fixtures.web import Browser, Web

BALAI = "/admin/sites/balai"
HOSTILE = '"><script>alert("x")</script>'


@pytest.fixture
def office(web: Web) -> Web:
    web.app.state.parts = Parts(**{**vars(web.app.state.parts), "claim": claimed})
    web.apply(site(outlets=[outlet("a-1", number=1)]))
    return web


def of(web: Web, role: Role = "facility_manager", **account: Any) -> Browser:
    with web.record.writing(durable=False) as connection:
        make_account(connection, f"{role}-1", web.now_ms, role, **account)
        token = make_token(connection, f"{role}-1", "", web.now_ms)
    return web.ask(authorization=f"Bearer {token}", accept="text/html")


def stored(web: Web) -> Site:
    with web.record.reading() as connection:
        found = load_site(connection, "balai", declared_from_ms=EVER)
    assert found is not None
    return found


def filled(browser: Browser, path: str) -> dict[str, str]:
    """The form of a page as it stands."""
    html = browser.get(path).text
    fields = {
        name: unescape(value) for name, value in re.findall(r'<input[^>]* name="(\w+)"[^>]* value="([^"]*)"', html)
    }
    chosen = re.findall(r'<select[^>]* name="(\w+)".*?(?:<option value="([^"]*)" selected>|</select>)', html, re.DOTALL)
    return fields | {name: unescape(value) for name, value in chosen if name != "site"}


def send(browser: Browser, path: str, changes: Mapping[str, str], form_at: str | None = None) -> httpx.Response:
    return browser.post(path, data=filled(browser, form_at or path) | dict(changes))


def words_of(answer: httpx.Response) -> str:
    html = re.sub(r"<svg\b.*?</svg>", " ", answer.text, flags=re.DOTALL)
    return unescape(" ".join(re.sub(r"<[^>]+>", " ", html).replace("\u00a0", " ").split()))


def test_a_counter_is_added_and_renamed_on_the_page(office: Web):
    manager = of(office)
    answer = send(manager, f"{BALAI}/outlets", {"name": "Loket 2", "number": "2", "agency": "dinas"})
    assert (answer.status_code, answer.headers["location"]) == (303, f"{BALAI}/outlets/dinas-2?said=added")
    page = manager.get(answer.headers["location"])
    assert "Ditambahkan." in words_of(page)
    assert "Loket ini belum punya sensor" in words_of(page)
    answer = send(manager, f"{BALAI}/outlets/dinas-2", {"name": "Loket Dua"})
    assert answer.headers["location"] == "/admin?site=balai&part=outlets&said=changed"
    assert [(one.id, one.name) for one in stored(office).outlets] == [("a-1", "Loket a-1"), ("dinas-2", "Loket Dua")]
    assert "Loket Dua" in words_of(manager.get(answer.headers["location"]))


def test_what_is_wrong_stands_at_its_field_with_what_was_typed(office: Web):
    manager = of(office)
    answer = send(manager, f"{BALAI}/outlets", {"name": "", "agency": "dinas", "number": "dua", "service_hours": "x"})
    assert answer.status_code == 400
    said = words_of(answer)
    for sentence in (
        "Belum tersimpan.",
        "Masih kosong; isi dulu.",
        "Tulis angka bulat",
        "Jam ini tidak terbaca mulai dari “x”. Contoh yang",
    ):
        assert sentence in said
    assert 'value="dua"' in answer.text
    assert answer.text.count('aria-invalid="true"') == 3
    assert '<span lang="en">' not in answer.text
    assert "PH off hari libur nasional tutup; tulis paling akhir" in said
    assert len(stored(office).outlets) == 1


def test_who_comes_second_sees_what_is_there_and_decides(office: Web):
    first, second = of(office), of(office, "administrator")
    path = f"{BALAI}/outlets/a-1"
    form = filled(second, path)
    send(first, path, {"name": "Loket Satu"})
    answer = second.post(path, data=form | {"name": "Loket Nomor Satu"})
    assert answer.status_code == 412
    assert "Sudah diubah orang lain" in words_of(answer)
    assert "Sekarang: Loket Satu" in words_of(answer)
    assert stored(office).outlets[0].name == "Loket Satu"
    again = dict(re.findall(r'name="(tag|name)"[^>]* value="([^"]*)"', answer.text))
    assert second.post(path, data=form | {"name": again["name"], "tag": unescape(again["tag"])}).status_code == 303
    assert stored(office).outlets[0].name == "Loket Nomor Satu"


def test_an_agency_with_its_contact_and_its_removal(office: Web):
    manager = of(office)
    answer = send(manager, f"{BALAI}/agencies", {"name": "Kepolisian Resor", "short": "Polres"})
    assert answer.headers["location"] == f"{BALAI}/agencies/polres?said=added"
    here = f"{BALAI}/agencies/polres"
    contact = {"name": "Kepala unit", "phone": "0231 5550101", "role": "contact", "level": "1"}
    assert send(manager, f"{here}/contacts", contact).headers["location"] == f"{here}?said=added"
    assert "Kepala unit" in words_of(manager.get(here))
    asked = manager.get(f"{here}/remove")
    assert "Instansi ini dan 1 kontaknya dihapus." in words_of(asked)
    answer = send(manager, f"{here}/remove", {})
    assert answer.headers["location"] == "/admin?site=balai&part=agencies&said=removed"
    assert [one.id for one in stored(office).agencies] == ["dinas"]


def test_what_is_needed_is_not_removed(office: Web):
    answer = send(of(office), f"{BALAI}/agencies/dinas/remove", {})
    assert answer.status_code == 409
    assert "Belum dapat dihapus. Masih memiliki loket a-1. Pindahkan dulu ke instansi lain." in words_of(answer)
    assert 'lang="en">It still' not in answer.text


def test_secrets_of_channels_never_reach_the_page(office: Web):
    manager = of(office)
    secret = "hadir+https://:s3kr1t@pesan.example/hadir"
    office.apply(site(contacts=(Contact(id="kepala", name="Kepala", role="facility_manager", channel=secret),)))
    path = f"{BALAI}/contacts/kepala"
    assert "s3kr1t" not in manager.get(path).text + manager.get("/admin?part=contacts").text
    assert send(manager, path, {"name": "Kepala gedung"}).status_code == 303
    (kept,) = stored(office).contacts
    assert (kept.name, kept.channel) == ("Kepala gedung", secret)
    reference = "hadir+https://:{env:KUNCI}@pesan.example/hadir"
    send(manager, path, {"channel": reference})
    assert reference in unescape(manager.get(path).text)


def test_telephones_are_for_those_who_may_answer(office: Web):
    office.apply(site(contacts=(Contact(id="kepala", name="Kepala", role="facility_manager", phone="0231 5550101"),)))
    assert "0231 5550101" in words_of(of(office).get("/admin?part=contacts"))
    seen = words_of(of(office, "technician").get("/admin?part=contacts"))
    assert "lewat telepon" in seen
    assert "5550101" not in seen


def test_technicians_look_after_sensors_alone(office: Web):
    technician = of(office, "technician")
    assert technician.get("/admin").status_code == 200
    assert "Tambah loket" not in words_of(technician.get("/admin"))
    assert technician.get(f"{BALAI}/outlets").status_code == 403
    page = technician.get(f"{BALAI}/outlets/a-1")
    assert 'name="name"' not in page.text
    here = f"{BALAI}/outlets/a-1/sensors"
    assert send(technician, here, {"id": "a1-radar", "kind": "mmwave", "zone": "visitor"}).status_code == 303
    assert [one.id for one in stored(office).outlets[0].sensors] == ["a-1-s", "a1-radar"]
    assert send(technician, f"{here}/a1-radar/remove", {}).headers["location"] == f"{BALAI}/outlets/a-1?said=removed"


@pytest.mark.parametrize("role", ["viewer", "agency"])
def test_others_do_not_get_in(office: Web, role: Role):
    browser = of(office, role, agency="dinas" if role == "agency" else None)
    assert browser.get("/admin").status_code == 403
    assert browser.post(f"{BALAI}/outlets", data={"name": "x"}).status_code == 403


def test_a_manager_of_another_site_finds_nothing(office: Web):
    stranger = of(office, site="cabang")
    assert "Belum ada gedung" in words_of(stranger.get("/admin"))
    assert stranger.get(f"{BALAI}/outlets/a-1").status_code == 404
    assert stranger.post(f"{BALAI}/inbox", data={"zone": "staff"}).status_code == 404
    assert stranger.post(f"{BALAI}/outlets", data={"name": "x", "agency": "dinas", "tag": ""}).status_code == 404


def wait_in_inbox(record: Record, now_ms: int) -> None:
    heard = Unclaimed(
        "", "zigbee2mqtt/meja", "zigbee2mqtt/meja", now_ms - 4000, 1, b"{}", "zigbee2mqtt", "FP1E", {"presence": 1.0}
    )
    with record.writing(durable=False) as connection:
        note_unclaimed(connection, [heard])


def test_a_device_is_claimed_from_the_inbox(office: Web):
    technician = of(office, "technician")
    assert "Kotak masuk kosong" in words_of(technician.get("/admin?part=inbox"))
    wait_in_inbox(office.record, office.now_ms)
    page = technician.get("/admin?part=inbox")
    assert "presence: ada orang" in words_of(page)
    assert "4 dtk lalu" in words_of(page)
    answer = send(technician, f"{BALAI}/inbox", {"outlet": "a-1", "zone": "visitor"}, "/admin?part=inbox")
    assert answer.headers["location"] == "/admin?site=balai&part=inbox&said=claimed"
    sensor = stored(office).outlets[0].sensors[1]
    assert (sensor.zone, sensor.source and sensor.source.convention) == ("visitor", "zigbee2mqtt")
    assert sensor.kind == "mmwave"  # as the form proposed of an FP1E
    with office.record.reading() as connection:
        assert inbox(connection) == []
    twice = technician.post(
        f"{BALAI}/inbox", data={"device": "zigbee2mqtt/meja", "convention": "zigbee2mqtt", "zone": "staff"}
    )
    assert (twice.status_code, "Perangkat belum diklaim." in words_of(twice)) == (400, True)


def test_a_device_is_claimed_over_the_api(office: Web):
    wait_in_inbox(office.record, office.now_ms)
    technician = of(office, "technician")
    (line,) = technician.get("/api/v1/inbox").json()["inbox"]
    assert (line["device"], line["convention"], line["presences"]) == ("zigbee2mqtt/meja", "zigbee2mqtt", ["presence"])
    body = {
        "device": "zigbee2mqtt/meja",
        "convention": "zigbee2mqtt",
        "site": "balai",
        "outlet": "a-9",
        "zone": "staff",
        "kind": "pir",
    }
    assert 'no outlet "a-9"' in technician.post("/api/v1/inbox/claim", json=body).json()["detail"]
    answer = technician.post("/api/v1/inbox/claim", json=body | {"outlet": "a-1"})
    assert (answer.status_code, answer.json()["sensor"]["zone"]) == (201, "staff")
    assert answer.json()["sensor"]["kind"] == "pir"
    assert technician.post("/api/v1/inbox/claim", json=body | {"outlet": "a-1"}).status_code == 404


def test_empty_parts_say_what_to_do_next(web: Web):
    manager = of(web)
    assert "Minta administrator menambah gedungnya" in words_of(manager.get("/admin"))
    web.apply(site(outlets=[], agencies=()))
    assert "Tambah instansinya dulu." in words_of(manager.get("/admin"))
    assert "Tanpa kontak tidak seorang pun diberi tahu." in words_of(manager.get("/admin?part=contacts"))


def test_what_people_name_is_shown_as_text(office: Web):
    manager = of(office)
    send(manager, f"{BALAI}/outlets/a-1", {"name": HOSTILE, "service": HOSTILE})
    for path in ("/admin", f"{BALAI}/outlets/a-1", f"{BALAI}/outlets/a-1/remove"):
        assert HOSTILE not in manager.get(path).text
    assert stored(office).outlets[0].name == HOSTILE


def test_english_is_whole(office: Web):
    manager = of(office)
    manager.get("/admin?lang=en")
    assert "Add an outlet" in words_of(manager.get("/admin"))
    assert "Known as a-1" in words_of(manager.get(f"{BALAI}/outlets/a-1"))


def test_outlets_share_a_duty_by_a_form_and_are_let_go_again(office: Web):
    manager = of(office)
    assert "Belum ada tugas bersama" in words_of(manager.get("/admin?part=duties"))
    office.apply(site(outlets=[outlet("a-1", number=1), outlet("a-2", number=2), outlet("b-1", agency="pajak")]))
    here = f"{BALAI}/duties"
    none = send(manager, here, {"id": "KTP lantai 1"})
    assert "Pilih sedikitnya satu loket" in words_of(none)
    both = {"outlet.a-1": "on", "outlet.b-1": "on"}
    several = send(manager, here, both | {"id": "KTP"})
    assert "Tugas bersama “ktp” hanya untuk loket satu instansi." in words_of(several)
    assert len(re.findall(r'name="outlet\.[ab]-1" checked', several.text)) == 2
    many = send(manager, here, {"outlet.a-1": "on", "outlet.a-2": "on", "id": "KTP", "at_least": "3"})
    assert "Tulis 1 sampai sebanyak loket yang dipilih." in words_of(many)
    answer = send(manager, here, {"outlet.a-1": "on", "outlet.a-2": "on", "id": "KTP lantai 1"})
    assert answer.headers["location"] == "/admin?site=balai&part=duties&said=added"
    listed = words_of(manager.get(answer.headers["location"]))
    assert "ktp-lantai-1 Dinas dinas Loket a-1 dan Loket a-2 1 dari 2" in listed
    assert "Keluarkan dulu dari sana." in words_of(send(manager, f"{BALAI}/outlets/a-1/remove", {}))
    one = f"{here}/ktp-lantai-1"
    assert send(manager, one, {"outlet.a-1": "on"}).status_code == 303
    assert stored(office).duties == (Duty(id="ktp-lantai-1", outlets=("a-1",)),)
    assert send(manager, f"{one}/remove", {}).status_code == 303
    assert stored(office).duties == ()


def test_among_many_one_is_found(office: Web):
    manager = of(office)
    assert 'name="q"' not in manager.get("/admin").text  # few are seen at once
    office.apply(
        site(outlets=[outlet(f"a-{n}", number=n, service="KTP-el" if n == 7 else "Akta") for n in range(1, 21)])
    )
    assert 'name="q"' in manager.get("/admin").text
    found = manager.get("/admin", params={"q": "ktp dinas"})
    assert "1 dari 20 cocok dengan “ktp dinas”." in words_of(found)
    assert (f"{BALAI}/outlets/a-7" in found.text, f"{BALAI}/outlets/a-8" in found.text) == (True, False)
    nothing = words_of(manager.get("/admin", params={"q": HOSTILE, "part": "agencies"}))
    assert "0 dari 1 cocok" in nothing
    assert "Belum ada instansi" not in nothing
    for part in ("contacts", "duties", "days", "inbox"):
        assert manager.get("/admin", params={"q": "x", "part": part}).status_code == 200


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"name": "Ani", "phone": "besok"}, "Ini bukan nomor telepon. Tulis 3 sampai 15 angka"),
        ({"name": "x" * 101, "phone": "0812 345"}, "Nama ini lebih dari 100 huruf"),
    ],
)
def test_a_contact_has_a_name_that_fits_and_a_number_that_can_be_dialled(office: Web, given: dict[str, str], says: str):
    manager = of(office)
    answer = send(manager, f"{BALAI}/agencies/dinas/contacts", given)
    assert (answer.status_code, says in words_of(answer)) == (400, True)
    assert '<span lang="en">' not in answer.text
    assert send(manager, f"{BALAI}/agencies/dinas/contacts", {"name": "Ani", "phone": " 0812 345 "}).status_code == 303
    assert [one.phone for one in stored(office).agencies[0].contacts][-1] == "0812 345"
