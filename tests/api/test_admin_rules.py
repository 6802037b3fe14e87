"""Rules on the page: what holds and where it comes from, and the few that are changed there."""

from __future__ import annotations

from dataclasses import replace

from presence.site import Agency, Rule, Rules
from tests.api.test_admin import BALAI, filled, of, office, send, stored, words_of
from tests.builders import site
from tests.fixtures.web import Web

__all__ = ["office"]

RULES = f"{BALAI}/rules"


def test_rules_are_shown_with_where_they_come_from_and_changed(office: Web):
    manager = of(office)
    kept: Rules = {"vacancy": Rule(after_ms=420_000, min_presence_ms=20_000), "low_battery": Rule(off=True)}
    own: Rules = {"vacancy": Rule(after_ms=120_000), "unattended": Rule(off=True)}
    office.apply(site(rules=kept, agencies=(Agency(id="dinas", name="Dinas Sosial", rules=own),)))
    said = words_of(manager.get(RULES))
    for row in (
        "Kosong Seluruh gedung setelah 7 mnt gedung",
        "Kosong Dinas Sosial setelah 2 mnt instansi ini",
        "Warga menunggu, petugas tidak ada Seluruh gedung biasanya, setelah 3 mnt bawaan Hadir",
        "Warga menunggu, petugas tidak ada Dinas Sosial tidak ada peringatan instansi ini",
        "Belum buka Seluruh gedung tidak ada peringatan bawaan Hadir",
        "Baterai lemah Seluruh gedung tidak ada peringatan gedung",
        "Sensor macet Seluruh gedung seketika bawaan Hadir",
    ):
        assert row in said
    form = filled(manager, RULES)
    assert (form["vacancy"], form["late_opening"]) == ("7m", "")
    before = stored(office)
    wanted = {"vacancy": "5m", "late_opening": "20m", "unattended": "off"}
    assert manager.post(RULES, data=form | wanted).headers["location"] == f"{RULES}?said=changed"
    assert stored(office) == replace(
        before,
        rules={
            "vacancy": Rule(after_ms=300_000, min_presence_ms=20_000),
            "unattended": Rule(off=True),
            "late_opening": Rule(after_ms=1_200_000),
            "low_battery": Rule(off=True),
        },
    )
    late = manager.post(RULES, data=form | wanted)
    assert (late.status_code, "Sekarang: setelah 20 mnt" in words_of(manager.post(RULES, data=form))) == (412, True)
    send(manager, RULES, {"vacancy": "", "late_opening": "", "unattended": ""})
    assert stored(office).rules == {"vacancy": Rule(min_presence_ms=20_000), "low_battery": Rule(off=True)}
    wrong = send(manager, RULES, {"vacancy": "lama"})
    assert (wrong.status_code, "Pilih dari daftar." in words_of(wrong)) == (400, True)
