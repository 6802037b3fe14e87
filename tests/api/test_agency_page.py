"""The agency's page in a real browser, with and without JavaScript."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from presence.alerts.life import Alert
from presence.site import Absence, Agency, Contact
from storage.record.acknowledgements import of_alerts
from storage.record.alert_list import alerts
from storage.record.declarations import declarations
from storage.record.users import make_account, make_link
from tests.fixtures.axe import findings
from tests.fixtures.browser import use_link
from tests.fixtures.hadir_command import eventually
from tests.fixtures.mall import MINUTE, Mall, floor_of


@pytest.fixture
def enter(mall: Mall, serving: Callable[..., str], browse: Callable[..., Page]) -> Callable[..., Page]:
    """Open the page as somebody of the agency; outlet a-3 has stood empty for twelve minutes."""
    url = serving(mall.broker, mall.now)
    since_ms = mall.now() - 12 * MINUTE
    mall.outlet("a-3", "vacant", since_ms=since_ms)
    mall.alert(Alert("vacancy", "outlet", "a-3", since_ms, since_ms + 10 * MINUTE))

    def open_page(**options: object) -> Page:
        with mall.record.writing() as connection:
            make_account(connection, "koordinator", mall.now(), "agency", agency="dinas")
            code = make_link(connection, "koordinator", mall.now())
        page = browse(f"{url}/login?code={code}", **options)
        use_link(page)
        page.goto(f"{url}/agency")
        return page

    return open_page


def answered(mall: Mall) -> list[str]:
    with mall.record.reading() as connection:
        return [one.reason for given in of_alerts(connection, [_the_alert(mall)]).values() for one in given]


def _the_alert(mall: Mall) -> str:
    with mall.record.reading() as connection:
        return alerts(connection, now_ms=mall.now())[0].id


@pytest.mark.parametrize("width", [320, 1920])
@pytest.mark.parametrize("javascript", [True, False])
def test_an_alert_is_answered_in_two_taps_and_taken_back(
    mall: Mall, enter: Callable[..., Page], width: int, javascript: bool
):
    page = enter(width=width, java_script_enabled=javascript)
    expect(page.get_by_role("heading", level=2).first).to_have_text("1 peringatan menunggu jawaban Anda")
    page.locator("#asks .choice", has_text="Alat rusak").click()
    says = "Akui: alat rusak" if javascript else "Akui dengan alasan ini"
    page.get_by_role("button", name=says, exact=True).click()
    expect(page.locator("#done")).to_contain_text("Diterima: alat rusak. Kami tanya lagi")
    assert answered(mall) == ["equipment"]
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.locator("#done").get_by_role("button", name="Batalkan").click()
    expect(page.get_by_role("heading", level=2).first).to_have_text("1 peringatan menunggu jawaban Anda")


@pytest.mark.parametrize("javascript", [True, False])
def test_an_absence_is_declared_in_three_taps(mall: Mall, enter: Callable[..., Page], javascript: bool):
    page = enter(width=320, java_script_enabled=javascript)
    page.locator("#absences .chip", has_text="Loket a-2").click()
    page.locator("#absences .choice", has_text="Rapat").click()
    page.locator(".untils .btn").first.click()
    expect(page.locator("#done")).to_contain_text("Izin tersimpan: Loket a-2")
    with mall.record.reading() as connection:
        (made,) = declarations(connection, "balai", Absence)
    assert (made.what.outlet, made.what.reason, made.author) == ("a-2", "meeting", "koordinator")
    page.locator("#absences").get_by_role("button", name="Akhiri sekarang").click()
    expect(page.locator("#done")).to_contain_text("Dibatalkan")


def test_words_of_ones_own_are_asked_for_when_no_reason_fits(mall: Mall, enter: Callable[..., Page]):
    page = enter()
    field = page.locator("#asks [name=note]")
    expect(field).to_be_hidden()
    page.locator("#asks .choice", has_text="Lainnya").click()
    expect(field).to_be_focused()
    field.fill("upacara bendera")
    page.get_by_role("button", name="Akui: lainnya", exact=True).click()
    expect(page.locator("#done")).to_contain_text("lainnya, “upacara bendera”")


def test_what_happens_meanwhile_comes_without_taking_away_what_is_being_filled_in(
    mall: Mall, enter: Callable[..., Page]
):
    page = enter()
    chosen = page.locator("#asks .choice", has_text="Sakit").locator("input")
    page.locator("#asks .choice", has_text="Sakit").click()
    since_ms = mall.now() - 11 * MINUTE
    mall.outlet("a-4", "vacant", since_ms=since_ms)
    mall.alert(Alert("vacancy", "outlet", "a-4", since_ms, since_ms + 10 * MINUTE))
    expect(page.locator("#h-asks")).to_have_text("2 peringatan menunggu jawaban Anda")
    expect(chosen.first).to_be_checked()
    expect(page.locator("#announce")).to_have_text("2 peringatan menunggu jawaban Anda")
    expect(page.locator("#o-a-4")).to_have_attribute("data-state", "vacant")


def test_the_toast_goes_by_itself_and_the_answer_can_still_be_taken_back(enter: Callable[..., Page]):
    page = enter()
    page.get_by_role("button", name="Kembali dalam 5 menit").click()
    expect(page.locator("#done")).to_contain_text("kembali dalam 5 menit")
    assert "done=" not in page.url
    expect(page.locator("#done")).to_have_count(0)
    expect(page.get_by_role("button", name="Tarik jawaban")).to_be_visible()


def test_a_page_whose_line_is_dead_takes_no_answers_and_says_since_when(enter: Callable[..., Page]):
    page = enter(complains=True)
    expect(page.get_by_role("button", name="Kembali dalam 5 menit")).to_be_visible()
    page.route("**/api/v1/live/stream*", lambda route: route.abort())
    page.reload()
    expect(page.locator("#dead")).to_contain_text(re.compile(r"Tidak ada data baru sejak \d\d\.\d\d\.\d\d"))
    expect(page.get_by_role("button", name="Kembali dalam 5 menit")).to_be_hidden()


@pytest.mark.parametrize("javascript", [True, False])
def test_a_refused_absence_keeps_what_was_filled_in_and_says_at_each_field_what_to_mend(
    mall: Mall, enter: Callable[..., Page], axe: str, javascript: bool
):
    page = enter(width=320, java_script_enabled=javascript, complains=True)
    page.locator("#absences .chip", has_text="Loket a-2").click()
    page.locator("#absences .choice", has_text="Sakit").click()
    page.locator("#absences summary").click()
    for name, value in (("date", "2026-11-20"), ("from", "11:00"), ("to", "10:30")):
        page.locator(f"#absence-{name}").fill(value)
    if javascript:
        expect(page.locator("#absence-date-hint")).to_have_text("Terpilih: Jumat, 20 November 2026.")
    page.get_by_role("button", name="Nyatakan izin untuk waktu ini").click()
    expect(page.locator("#said")).to_contain_text("Izin belum tersimpan.")
    if javascript:
        expect(page.locator("#said")).to_be_focused()
        assert page.url.endswith("/agency?site=balai&agency=dinas")
    for name, value in (("date", "2026-11-20"), ("from", "11:00"), ("to", "10:30")):
        expect(page.locator(f"#absence-{name}")).to_be_visible()
        expect(page.locator(f"#absence-{name}")).to_have_value(value)
    wrong = page.locator("[aria-invalid=true]").evaluate_all("all => all.map((one) => one.id)")
    assert wrong == ["absence-date", "absence-to"]
    expect(page.locator("#absences input[value='a-2']")).to_be_checked()
    expect(page.locator("#absences input[value=sick]")).to_be_checked()
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    if javascript:
        assert findings(page, axe) == []
    page.locator("#said a", has_text="Tanggal ini sudah lewat").click()
    expect(page.locator("#absence-date-wrong")).to_be_in_viewport()
    page.locator("#absence-date").fill("2026-11-25")
    page.locator("#absence-to").fill("12:30")
    page.get_by_role("button", name="Nyatakan izin untuk waktu ini").click()
    expect(page.locator("#done")).to_contain_text("Izin tersimpan: Loket a-2, Rab 25 Nov 11.00–12.30, sakit.")


@pytest.mark.parametrize("javascript", [True, False])
def test_a_substitute_takes_three_taps_where_no_day_ends(mall: Mall, enter: Callable[..., Page], javascript: bool):
    contacts = tuple(Contact(id=name, name=name.title(), phone="0200 555 0122") for name in ("budi", "cita"))
    agency = Agency(id="dinas", name="Dinas", contacts=contacts)
    mall.register(floor_of(service_hours="24/7", agencies=(agency,)))
    page = enter(width=320, java_script_enabled=javascript)

    def is_taken_up() -> bool:
        page.reload()
        return page.locator("#substitute-until .btn").count() == 3

    eventually(is_taken_up)
    page.locator("#substitutes summary").first.click()
    page.locator("#substitute-contact .choice", has_text="Budi").click()
    page.locator("#substitute-to_contact .choice", has_text="Cita").click()
    page.locator("#substitute-until .btn").first.click()
    expect(page.locator("#done")).to_contain_text("Pengganti tersimpan: Budi → Cita, 10.")


def test_a_text_says_when_it_is_full(enter: Callable[..., Page]):
    page = enter()
    page.locator("#contests summary").click()
    hint = page.locator("#contest-text-hint")
    expect(hint).to_have_text("Paling banyak 500 huruf.")
    page.locator("#contest-text").focus()
    page.keyboard.insert_text("x" * 3_000)
    expect(hint).to_have_text("Penuh: 500 huruf. Selebihnya tidak ikut tertulis.")
    page.keyboard.press("Backspace")
    expect(hint).to_have_text("Paling banyak 500 huruf.")
