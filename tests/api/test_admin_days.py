"""Special days on the page: added for the site, an agency, an outlet; listed, and taken out again."""

from __future__ import annotations

import re
from html import unescape

import pytest

from presence.site import DatedHours
from tests.api.test_admin import BALAI, of, office, send, stored, words_of
from tests.builders import outlet, site
from tests.fixtures.web import Web

__all__ = ["office"]

DAYS = f"{BALAI}/days"
LIST = "/admin?site=balai&part=days"


def test_days_are_added_listed_and_taken_out(office: Web):
    manager = of(office)
    assert "Belum ada hari khusus" in words_of(manager.get(LIST))
    closed = {"from": "2026-12-24", "reason": "Upacara"}
    short = {"of": "outlet:a-1", "from": "2026-12-01", "to": "2026-12-03", "service_hours": "08:00-10:00"}
    for day in (closed, short, closed | {"of": "agency:dinas"}):
        assert send(manager, DAYS, day).headers["location"] == f"{LIST}&said=added"
    first = DatedHours(first="2026-12-24", last="2026-12-24", service_hours="off", reason="Upacara")
    second = DatedHours(first="2026-12-01", last="2026-12-03", service_hours="08:00-10:00")
    kept = stored(office)
    assert (kept.exceptions, kept.outlets[0].exceptions) == ((first,), (second,))
    assert kept.agencies[0].exceptions == (first,)
    page = manager.get(LIST)
    assert "Sel 1 Des – Kam 3 Des 2026 Loket a-1 08:00-10:00 – Hapus" in words_of(page)
    assert "Kam 24 Des 2026 Seluruh gedung tutup Upacara Hapus" in words_of(page)
    forms = re.findall(r'name="(of|n|tag)" value="([^"]*)"', page.text)
    whole = next(dict(forms[n : n + 3]) for n in range(0, len(forms), 3) if forms[n] == ("of", ""))
    whole["tag"] = unescape(whole["tag"])
    answers = [manager.post(f"{DAYS}/remove", data=whole).headers["location"] for _ in range(2)]
    assert answers == [f"{LIST}&said=removed", f"{LIST}&said=moved"]
    assert "Periksa daftarnya sekali lagi." in words_of(manager.get(answers[1]))
    assert (stored(office).exceptions, len(stored(office).outlets[0].exceptions)) == ((), 1)
    far = manager.post(f"{DAYS}/remove", data=whole | {"n": "9" * 5000})
    assert far.headers["location"] == f"{LIST}&said=moved"


def test_a_name_that_would_be_refused_today_does_not_keep_a_day_in_without_a_word(office: Web):
    off = DatedHours(first="2026-12-24", last="2026-12-24", service_hours="off")
    office.apply(site(outlets=[outlet("a-1", name="Loket \u202e1", exceptions=(off,))]))
    page = of(office).get(LIST)
    form = {name: unescape(value) for name, value in re.findall(r'name="(of|n|tag)" value="([^"]*)"', page.text)}
    answer = of(office, "administrator").post(f"{DAYS}/remove", data=form)
    assert (answer.status_code, "invisible character" in unescape(answer.text)) == (400, True)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"from": ""}, "Masih kosong"),
        ({"from": "24-12-2026", "to": "2026-12-24"}, "Tulis tanggal, misalnya"),
        ({"from": "2026-12-24", "to": "2026-12-23"}, "Tanggal terakhir tidak boleh sebelum"),
        ({"from": "2026-11-01"}, "Tanggal ini sudah lewat"),
        ({"from": "2026-12-24", "service_hours": "jam 8"}, "Jam ini tidak terbaca"),
        ({"from": "2026-12-24", "of": "outlet:z-9"}, "Ini tidak ada lagi"),
    ],
)
def test_what_is_wrong_stands_at_its_field(office: Web, given: dict[str, str], says: str):
    answer = send(of(office), DAYS, given)
    assert (answer.status_code, says in words_of(answer)) == (400, True)
    assert 'aria-invalid="true"' in answer.text
    assert stored(office).exceptions == ()
