"""A site made on the page, changed there, and what its hours mean in words."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from api.hours_words import meaning, not_understood
from api.words import Words
from presence.registry import rules_of
from presence.schedule import Schedule
from presence.service_hours import fault_of
from presence.site import DatedHours
from storage.record.registry import EVER, load_site
from tests.api.test_admin import BALAI, filled, of, office, send, stored, words_of
from tests.fixtures.web import Web

__all__ = ["office"]

NEW = {"name": "MPP Kota Cirebon", "service_hours": "Mo-Th 08:00-12:00,13:00-15:00; Fr 08:00-11:00; PH off"}
MADE = "/admin?site=mpp-kota-cirebon&said=made"


def test_an_administrator_makes_the_first_site_and_is_led_to_its_first_counter(web: Web):
    administrator = of(web, "administrator")
    assert 'href="/admin/sites"' in administrator.get("/admin").text
    looked = send(administrator, "/admin/sites", NEW | {"look": "1"})
    assert looked.status_code == 200
    assert "Senin–Kamis: 08.00–12.00, 13.00–15.00 Jumat: 08.00–11.00 Sabtu–Minggu: tutup" in words_of(looked)
    assert "Belum ada gedung" in words_of(administrator.get("/admin"))
    assert 'value="mpp-kota-cirebon"' in looked.text
    made = send(administrator, "/admin/sites", NEW | {"timezone": "Asia/Makassar"})
    assert (made.status_code, made.headers["location"]) == (303, MADE)
    assert "Gedung ditambahkan. Sekarang tambah instansi" in words_of(administrator.get(MADE))
    here = "/admin/sites/mpp-kota-cirebon"
    agency = send(administrator, f"{here}/agencies", {"name": "Dinas"}).headers["location"]
    assert f'href="{here}/outlets"' in administrator.get(agency).text
    with web.record.reading() as connection:
        made_site = load_site(connection, "mpp-kota-cirebon", declared_from_ms=EVER)
    assert made_site is not None
    assert (made_site.timezone, made_site.country, made_site.cuti_bersama) == ("Asia/Makassar", "ID", False)
    again = send(administrator, "/admin/sites", NEW | {"id": "mpp-kota-cirebon"})
    assert again.status_code == 400
    assert "“mpp-kota-cirebon” sudah dipakai" in words_of(again)


def test_who_may_not_make_a_site_is_told_whom_to_ask(web: Web):
    manager = of(web)
    assert "Minta administrator" in words_of(manager.get("/admin"))
    assert manager.get("/admin/sites").status_code == 403


def test_a_site_is_changed_on_the_page_and_keeps_what_stands_on_it(office: Web):
    manager = of(office)
    page = manager.get(BALAI)
    assert "Buku waktu sebelumnya tetap menurut jam lama." in words_of(page)
    before = filled(manager, BALAI)
    assert send(manager, BALAI, {"name": "Balai Baru", "service_hours": "24/7"}).status_code == 303
    kept = stored(office)
    assert (kept.name, kept.service_hours, len(kept.outlets)) == ("Balai Baru", "24/7", 1)
    assert rules_of(kept)["rules"] == {"vacancy": {"after": "10m"}}
    late = manager.post(BALAI, data=before | {"name": "x"})
    assert late.status_code == 412
    assert "Sekarang: Balai Baru" in words_of(late)
    wrong = send(manager, BALAI, {"name": "", "service_hours": "jam delapan", "timezone": "WIB"})
    assert wrong.status_code == 400
    assert wrong.text.count('aria-invalid="true"') == 3
    assert stored(office).name == "Balai Baru"


@pytest.mark.parametrize(
    ("hours", "week", "notes"),
    [
        ("24/7", ["Setiap hari: 00.00–24.00"], ["Hari libur nasional tidak dibedakan; tulis “; PH off” bila tutup."]),
        ("Mo-Fr 22:00-06:00; PH 08:00-10:00", ["Senin–Jumat: 22.00–06.00", "Sabtu–Minggu: tutup"],
         ["Hari libur nasional: 08.00–10.00"]),
        ("Mo-Fr 08:00-12:00; Dec Mo 09:00-12:00; PH off", ["Senin–Jumat: 08.00–12.00", "Sabtu–Minggu: tutup"],
         ["Jam ini berubah menurut tanggal; yang tertulis berlaku mulai minggu ini.", "Hari libur nasional: tutup"]),
    ],
)  # fmt: skip
def test_hours_are_told_in_words(hours: str, week: list[str], notes: list[str]):
    schedule = Schedule(timezone="Asia/Jakarta", country="ID", service_hours=hours)
    told = meaning(schedule, date(2026, 11, 24), Words("id", "Asia/Jakarta"))
    assert told is not None
    assert (told.week, told.notes) == (week, notes)
    assert meaning(replace(schedule, service_hours="x"), date(2026, 11, 24), Words("id", "Asia/Jakarta")) is None


@pytest.mark.parametrize(
    ("hours", "says"),
    [
        ("Mo-Fr 08:00-12:00; Sabtu off", "Jam ini tidak terbaca mulai dari “Sabtu off”. "),
        ("Senin-Kamis 08:00-12:00", "Mo Tu We Th Fr Sa Su: Senin → Mo, Kamis → Th. Contoh yang benar: "),
        ("Mo-Fr 08:00-12:00; SH off", "“SH”: libur sekolah tidak dikenal; tulis tanggalnya sebagai hari khusus. "),
        ("enam hari", "Tidak ada jam dengan nama itu. Maksudnya enam-hari? "),
        ("enam-hari; Sa off", "Nama berdiri sendiri. Untuk menambah aturan, tulis jamnya: Mo-Th,Sa 07:30-12:00"),
        ("Mo-Fr 8am-17:00", "Tulis jam 24 jam: 8am → 08:00. "),
        ("PH Mo-Fr 08:00-12:00", "“PH Mo-Fr”: tulis koma"),
        ("08:00-32:00; Mo 22:00-02:00 off", "penutupan ini lewat tengah malam"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_hours_is_told_where_it_stands(hours: str, says: str):
    fault = fault_of(hours)
    assert fault is not None
    assert says in not_understood(fault, Words("id", "Asia/Jakarta"))


def test_every_way_to_be_wrong_with_hours_has_words_and_the_example_works():
    words = Words("en", "Asia/Jakarta")
    wrongs = (
        "", "Mo-Fr 08:00-", "jam 8", "Mo sunrise-12:00", "Mo unknown", "Mo 08:00+", "Mo 08:00-12:00/00:30", '"x"',
        'Mo-Fr "x"', "Mo-Fr 08:00-12:00 off, 13:00-14:00", "Mo-Fr 25:00-26:00", "Mo-Fr 08:60-09:00", "Mo–Fr 08.00-9",
        "Mo: 8-9", "Mo to Fr and Sa 08:00", "hari libur tutup", "setiap hari", "buka 24 jam",
    )  # fmt: skip
    for text in wrongs:
        fault = fault_of(text)
        assert fault is not None, text
        told = not_understood(fault, words)
        assert fault_of(told.partition("This works: ")[2]) is None


def test_the_next_dates_that_differ_are_told_with_the_reason():
    fair = DatedHours(first="2026-12-01", last="2026-12-01", service_hours="10:00-12:00", reason="Pameran")
    schedule = Schedule(timezone="Asia/Jakarta", country="ID", service_hours="Mo-Fr 08:00-15:00; PH off")
    told = meaning(replace(schedule, exceptions=(fair,)), date(2026, 11, 24), Words("id", "Asia/Jakarta"))
    assert told is not None
    assert told.dates[0] == "Sel 1 Des: 10.00–12.00 (Pameran)"
    assert told.dates[1].startswith("Jum 25 Des: tutup (")
