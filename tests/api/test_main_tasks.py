"""What each page is for, done in a real browser: by each role, on sites that are full, empty or broken, on a phone and
on a wall, with scripts and without. Pairs of these are tried, not all of their product.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from typing import NamedTuple

import pytest
from playwright.sync_api import Page, expect

from storage.record.users import Role
from tests.fixtures.hall import Hall
from tests.fixtures.mall import MINUTE, NOW

_SINCE_MS = itertools.count(NOW - 15 * MINUTE, -MINUTE)  # every alert is one of its own


class Try(NamedTuple):
    """One task by somebody. `place`: which of the hall's servers."""

    task: Callable[[Page, Hall], None]
    path: str
    role: Role | None
    width: int
    javascript: bool
    place: str = "url"

    def __str__(self) -> str:
        script = "" if self.javascript else "-plain"
        return f"{self.task.__name__}-{self.role}-{self.width}{script}-{self.place}"


# The live floor


def find_the_longest_vacant_and_whom_to_phone(page: Page, hall: Hall) -> None:
    card = page.locator("#alerts li").first
    expect(card).to_contain_text("Loket 22")
    expect(card).to_contain_text("sejak 10.")
    expect(page.locator("#o-o-22 .call")).to_have_attribute("href", re.compile("^tel:.62812"))


def read_the_floor_without_phones(page: Page, hall: Hall) -> None:
    expect(page.locator("#o-o-26")).to_have_attribute("data-state", "vacant")
    expect(page.locator(".call:visible")).to_have_count(0)


def see_that_all_is_unknown(page: Page, hall: Hall) -> None:
    expect(page.locator("#warning")).to_contain_text("semua loket tidak diketahui")
    assert {one.get_attribute("data-state") for one in page.locator(".tile").all()} == {"unknown"}


def see_that_there_is_no_outlet(page: Page, hall: Hall) -> None:
    expect(page.locator(".tile")).to_have_count(0)
    expect(page.locator("h1")).to_be_visible()


def learn_what_to_do_first(page: Page, hall: Hall) -> None:
    expect(page.locator("main")).to_contain_text("hadir site apply site.yaml")


def learn_that_the_record_is_away(page: Page, hall: Hall) -> None:
    expect(page.locator("h1")).to_have_text("Halaman ini tidak dapat dibuat sekarang.")
    expect(page.get_by_role("link", name="Coba lagi")).to_be_visible()


def be_told_to_log_in(page: Page, hall: Hall) -> None:
    expect(page.get_by_label("Nama akun")).to_be_visible()


def be_told_that_one_may_not(page: Page, hall: Hall) -> None:
    expect(page.locator("h1")).to_be_visible()
    expect(page.locator("main form")).to_have_count(0)
    expect(page.locator("main a").first).to_be_visible()


# Sidak


def read_who_is_empty_longest_first(page: Page, hall: Hall) -> None:
    expect(page.locator("h1")).to_contain_text(re.compile(r"\d+ dari \d+"))
    first = page.locator(".empties li").first
    expect(first).to_contain_text("Koordinator")
    expect(first.locator(".dur")).to_be_visible()


def print_it(page: Page, hall: Hall) -> None:
    page.emulate_media(media="print")
    expect(page.locator("h1")).to_be_visible()
    expect(page.locator(".empties li").first).to_be_visible()
    expect(page.locator(".top, .foot").first).to_be_hidden()


def learn_that_nothing_is_known(page: Page, hall: Hall) -> None:
    expect(page.locator(".banner.warn").first).to_be_visible()
    expect(page.locator(".empties li")).to_have_count(0)


# One outlet


def ask_why_at_a_minute(page: Page, hall: Hall) -> None:
    page.get_by_label("Pukul").fill("09.58")
    page.get_by_role("button", name="Jelaskan").click()
    expect(page.locator("#h-why")).to_contain_text("09.58")


# The agency


def _asked(page: Page, hall: Hall) -> None:
    hall.alert("o-22", since_ms=next(_SINCE_MS))
    page.reload()
    expect(page.locator("#asks .answer-form").first).to_be_visible()


def acknowledge_in_two_taps_and_take_it_back(page: Page, hall: Hall) -> None:
    _asked(page, hall)
    card = page.locator("#asks .alert[data-life=firing]").first
    card.locator(".choice", has_text="Alat rusak").click()
    card.locator(".btn.primary").click()
    expect(page.locator("#done")).to_contain_text("Diterima: alat rusak")
    page.locator("#done").get_by_role("button", name="Batalkan").click()
    expect(page.locator("#done")).to_contain_text("Dibatalkan")


def be_back_in_five_minutes(page: Page, hall: Hall) -> None:
    _asked(page, hall)
    page.get_by_role("button", name="Kembali dalam 5 menit").first.click()
    expect(page.locator("#done")).to_contain_text("Diterima")


def declare_in_three_taps_and_end_it(page: Page, hall: Hall) -> None:
    page.locator("#absences .chip", has_text="Loket 22").click()
    page.locator("#absences .choice", has_text="Rapat").click()
    page.locator(".untils .btn").first.click()
    expect(page.locator("#done")).to_contain_text("Izin tersimpan: Loket 22")
    page.locator("#done").get_by_role("button", name="Batalkan").click()
    expect(page.locator("#done")).to_contain_text("Dibatalkan")


def answer_nothing(page: Page, hall: Hall) -> None:
    expect(page.locator("main")).to_contain_text("Anda dapat melihat halaman ini, tidak menjawab atas namanya.")
    expect(page.locator("main form")).to_have_count(0)


def decide_what_is_contested(page: Page, hall: Hall) -> None:
    form = page.locator("#contests form.decide").first
    form.get_by_role("textbox").fill("Sesuai catatan PLN")
    form.get_by_role("button").last.click()
    expect(page.locator("#contests")).to_contain_text("Sesuai catatan PLN")


# The public


def find_whether_ktp_is_served(page: Page, hall: Hall) -> None:
    page.locator("#cari").fill("KTP")
    if page.get_by_role("button", name="Cari").is_visible():
        page.get_by_role("button", name="Cari").click()
    expect(page.locator(".agency li:visible")).to_have_count(1)
    expect(page.locator(".agency:visible")).to_contain_text("Melayani")


def see_that_nobody_knows(page: Page, hall: Hall) -> None:
    words = page.locator(".badge .word")
    expect(words.first).to_be_visible()
    assert set(words.all_inner_texts()) == {"Tidak diketahui"}


def read_the_board_without_scrolling(page: Page, hall: Hall) -> None:
    page.set_viewport_size({"width": 1920, "height": 1080})
    expect(page.locator(".board .badge").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollHeight") <= 1080


# Accounts and administration


def be_refused_and_told(page: Page, hall: Hall) -> None:
    page.get_by_label("Nama akun").fill("ani")
    page.get_by_label("Kata sandi").fill("salah sama sekali")
    page.get_by_role("button", name="Masuk").click()
    expect(page.get_by_role("alert").filter(visible=True)).to_be_visible()
    expect(page.get_by_label("Nama akun")).to_have_value("ani")


def make_a_token(page: Page, hall: Hall) -> None:
    page.get_by_label("Untuk apa").fill("layar lantai 2")
    page.get_by_role("button", name="Buat token").click()
    expect(page.locator(".banner code")).to_be_visible()


def add_and_rename_a_counter(page: Page, hall: Hall) -> None:
    page.get_by_role("link", name="Tambah loket").click()
    page.get_by_label("Nama loket").fill("Loket Baru")
    page.get_by_role("button", name="Tambah loket").click()
    expect(page.locator("h1")).to_have_text("Loket Baru")
    page.get_by_label("Nama loket").fill("Loket Lama")
    page.get_by_role("button", name="Simpan perubahan").click()
    expect(page.get_by_role("link", name="Loket Lama").first).to_be_visible()


TRIES = (
    Try(find_the_longest_vacant_and_whom_to_phone, "/", "facility_manager", 320, True),
    Try(find_the_longest_vacant_and_whom_to_phone, "/", "administrator", 1920, False),
    Try(read_the_floor_without_phones, "/", "viewer", 1920, True),
    Try(read_the_floor_without_phones, "/", "technician", 320, False),
    Try(see_that_all_is_unknown, "/?site=putus", "viewer", 320, True),
    Try(see_that_all_is_unknown, "/", "facility_manager", 1920, False, "without_broker"),
    Try(see_that_there_is_no_outlet, "/?site=sepi", "administrator", 320, True),
    Try(see_that_there_is_no_outlet, "/?site=sepi&wall=1", "viewer", 1920, False),
    Try(learn_what_to_do_first, "/", "administrator", 320, True, "without_site"),
    Try(learn_what_to_do_first, "/agency", "facility_manager", 1920, False, "without_site"),
    Try(learn_what_to_do_first, "/admin", "administrator", 320, False, "without_site"),
    Try(learn_that_the_record_is_away, "/", "viewer", 320, True, "without_record"),
    Try(learn_that_the_record_is_away, "/sidak", "facility_manager", 1920, False, "without_record"),
    Try(be_told_to_log_in, "/sidak", None, 320, True),
    Try(be_told_to_log_in, "/agency", None, 1920, False),
    Try(be_told_that_one_may_not, "/admin", "viewer", 320, True),
    Try(be_told_that_one_may_not, "/admin", "agency", 1920, False),
    Try(read_who_is_empty_longest_first, "/sidak?site=balai", "facility_manager", 320, True),
    Try(read_who_is_empty_longest_first, "/sidak?site=balai", "viewer", 1920, False),
    Try(print_it, "/sidak?site=balai", "administrator", 1920, True),
    Try(learn_that_nothing_is_known, "/sidak?site=putus", "viewer", 320, True),
    Try(ask_why_at_a_minute, "/sites/balai/outlets/o-22", "agency", 320, True),
    Try(ask_why_at_a_minute, "/sites/putus/outlets/a-1", "technician", 1920, False),
    Try(acknowledge_in_two_taps_and_take_it_back, "/agency", "agency", 320, True),
    Try(acknowledge_in_two_taps_and_take_it_back, "/agency?agency=i0-10", "facility_manager", 1920, False),
    Try(be_back_in_five_minutes, "/agency", "agency", 320, False),
    Try(declare_in_three_taps_and_end_it, "/agency", "agency", 1920, True),
    Try(answer_nothing, "/agency?agency=i0-10", "viewer", 320, True),
    Try(answer_nothing, "/agency?agency=i0-10", "technician", 1920, False),
    Try(decide_what_is_contested, "/agency?agency=i0-10", "facility_manager", 320, True),
    Try(find_whether_ktp_is_served, "/public?site=balai", None, 320, True),
    Try(find_whether_ktp_is_served, "/public?site=balai", "viewer", 1920, False),
    Try(see_that_nobody_knows, "/public?site=putus", None, 320, False),
    Try(see_that_nobody_knows, "/public/board?site=balai", None, 1920, True, "without_broker"),
    Try(read_the_board_without_scrolling, "/public/board?site=balai", None, 1920, True),
    Try(read_the_board_without_scrolling, "/public/board?site=besar", None, 1920, True),
    Try(be_refused_and_told, "/login", None, 320, True),
    Try(be_refused_and_told, "/login", None, 1920, False, "without_site"),
    Try(make_a_token, "/account", "viewer", 320, True),
    Try(make_a_token, "/account", "agency", 1920, False),
    Try(add_and_rename_a_counter, "/admin?site=putus", "facility_manager", 320, False),
)


@pytest.mark.parametrize("one", TRIES, ids=str)
def test_somebody_does_what_the_page_is_for(hall: Hall, browse: Callable[..., Page], one: Try):
    url = getattr(hall, one.place)
    page = browse(
        f"{url}{one.path}",
        width=one.width,
        complains=True,  # of answers that say no
        java_script_enabled=one.javascript,
        **hall.logged_in(one.role, url),
    )
    one.task(page, hall)
    assert page.evaluate("document.documentElement.scrollWidth") <= one.width
