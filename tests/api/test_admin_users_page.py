"""Accounts in a real browser: one is added, and its link taken from its field lets its owner in."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect

from api.parts import Parts
from storage.record import Record
from storage.record.registry import apply
from storage.record.users import make_account, make_link
from tests.builders import outlet, site
from tests.fixtures.browser import use_link
from tests.fixtures.mall import NOW
from tests.fixtures.web import served
from transport.session import BrokerAddress


def test_an_account_is_added_on_a_phone_without_javascript(record: Record, browse: Callable[..., Page]):
    with record.writing(durable=False) as connection:
        apply(connection, site(outlets=[outlet("a-1")]), prune=False, now_ms=NOW)
        make_account(connection, "ani", NOW)
        code = make_link(connection, "ani", NOW)
    with served(Parts(record=record, broker=BrokerAddress("127.0.0.1", 1), now=lambda: NOW)) as url:
        page = browse(f"{url}/login?code={code}", width=320, java_script_enabled=False)
        use_link(page)
        page.goto(f"{url}/admin/users")
        page.get_by_role("link", name="Tambah akun").click()
        expect(page.get_by_label("Instansi", exact=True)).to_be_hidden()
        page.get_by_label("Nama akun").fill("loket-dinas")
        page.get_by_role("radio", name="instansi Melihat loket instansinya saja").check()
        page.get_by_label("Instansi", exact=True).select_option("dinas")
        page.get_by_role("button", name="Tambah akun").click()
        page.get_by_role("button", name="Buat tautan masuk").click()
        link = page.get_by_label("Tautan masuk", exact=True).input_value()
        assert page.evaluate("document.documentElement.scrollWidth") <= 320
        owner = browse(link, width=320, java_script_enabled=False)
        use_link(owner)
        expect(owner.get_by_role("heading", level=1)).to_have_text("Pilih kata sandi")
        owner.get_by_role("link", name="Lewati").click()
        expect(owner.get_by_role("link", name="Akun Anda: loket-dinas instansi")).to_be_visible()
