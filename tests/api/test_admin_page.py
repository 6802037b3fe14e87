"""Administration in a real browser: a counter added and renamed, with and without JavaScript, at 320 px too."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from api.parts import Parts
from storage.record import Record
from storage.record.registry import EVER, apply, load_site
from storage.record.users import make_account, make_token
from tests.builders import outlet, site
from tests.fixtures.mall import NOW
from tests.fixtures.web import served
from transport.session import BrokerAddress


@pytest.mark.parametrize(("width", "javascript"), [(320, False), (1280, True)])
def test_a_counter_is_added_and_renamed(
    record: Record, browse: Callable[..., Page], width: int, javascript: bool
) -> None:
    with record.writing(durable=False) as connection:
        apply(connection, site(outlets=[outlet("a-1", number=1)]), prune=False, now_ms=NOW)
        make_account(connection, "ani", NOW, "facility_manager")
        token = make_token(connection, "ani", "", NOW)
    with served(Parts(record=record, broker=BrokerAddress("127.0.0.1", 1), now=lambda: NOW)) as url:
        page = browse(
            f"{url}/admin",
            width=width,
            complains=True,  # of a form that comes back with 400
            java_script_enabled=javascript,
            extra_http_headers={"authorization": f"Bearer {token}"},
        )
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.get_by_role("link", name="Tambah loket").click()
        page.get_by_label("Nama loket").fill("Loket 2")
        page.get_by_label("Nomor").fill("dua")
        page.get_by_role("button", name="Tambah loket").click()
        expect(page.get_by_label("Nomor")).to_have_attribute("aria-invalid", "true")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.get_by_label("Nomor").fill("2")
        page.get_by_role("button", name="Tambah loket").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Loket 2")
        page.get_by_label("Nama loket").fill("Loket Dua")
        page.get_by_role("button", name="Simpan perubahan").click()
        expect(page.get_by_role("link", name="Loket Dua")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    with record.reading() as connection:
        stored = load_site(connection, "balai", declared_from_ms=EVER)
    assert stored is not None
    assert [(one.id, one.name, one.number) for one in stored.outlets][1:] == [("dinas-2", "Loket Dua", 2)]
