from __future__ import annotations

from dataclasses import replace

import pytest

from presence.alerts.life import Alert, duties
from presence.alerts.message import Language, News, body, text
from presence.alerts.rule import Reason
from presence.instants import parse_instant
from presence.intervals import Span
from presence.site import Agency, Duty, Outlet, Site

AGENCY = Agency(id="disnaker", name="Dinas Tenaga Kerja", short="Disnaker")
SITE = Site(
    id="mpp",
    name="MPP Contoh",
    timezone="Asia/Jakarta",
    country="ID",
    service_hours="Mo-Fr 08:00-12:00",
    agencies=(AGENCY,),
    outlets=(
        Outlet(id="dn-22", name="Loket dua puluh dua", number=22, service="Pengaduan tenaga kerja", agency="disnaker"),
        Outlet(id="dn-23", name="Loket Depan", agency="disnaker"),
    ),
)
IN_DUTY = replace(SITE, duties=(Duty(id="dn", outlets=("dn-22", "dn-23")),))
TWO_OF_TWO = replace(SITE, duties=(Duty(id="dn", outlets=("dn-22", "dn-23"), at_least=2),))


def at(clock: str) -> int:
    return parse_instant(f"2026-11-24T{clock}+07:00")


VACANT = Alert("vacancy", "outlet", "dn-22", at("09:51:00"), at("10:01:00"))
FIRING = News(event="firing", alert=VACANT, late=False, now_ms=at("10:01:00.500"), seen_ms=at("10:00:56"))


def ended(reason: Reason, clock: str, alert: Alert = VACANT) -> News:
    over = replace(alert, resolved_ms=at(clock), reason=reason)
    return News(event="resolved", alert=over, late=False, now_ms=at(clock) + 30_000)


def read(site: Site, news: News, language: Language) -> list[str]:
    return text(site, duties(site)[0], news, language).splitlines()


def test_a_vacancy_says_where_since_when_whose_and_how_sure() -> None:
    assert read(SITE, FIRING, "id") == [
        "Loket 22 kosong sejak 09.51 (10 mnt).",
        "Pengaduan tenaga kerja, Disnaker. Bukti 4 dtk lalu.",
    ]
    assert read(SITE, FIRING, "en") == [
        "Outlet 22 vacant since 09:51 (10 min).",
        "Pengaduan tenaga kerja, Disnaker. Evidence 4 s old.",
    ]


def test_a_link_is_the_last_line() -> None:
    news = replace(FIRING, link="https://hadir.example/sites/mpp/outlets/dn-22")
    assert read(SITE, news, "en")[2:] == ["https://hadir.example/sites/mpp/outlets/dn-22"]


def test_what_is_not_known_is_left_out() -> None:
    site = replace(SITE, outlets=SITE.outlets[1:], agencies=(replace(AGENCY, short=None),))
    news = replace(FIRING, seen_ms=None, alert=replace(VACANT, subject="dn-23"))
    assert read(site, news, "id") == ["Loket Depan kosong sejak 09.51 (10 mnt).", "Dinas Tenaga Kerja."]


def test_a_late_message_says_so_and_how_long_it_has_lasted_by_now() -> None:
    news = replace(FIRING, late=True, now_ms=at("11:02:00"), seen_ms=None)
    assert read(SITE, news, "id") == [
        "Loket 22 kosong sejak 09.51 (1 j 11 mnt).",
        "Pengaduan tenaga kerja, Disnaker.",
        "Disampaikan terlambat: seharusnya 10.01.",
    ]
    assert read(SITE, news, "en")[2] == "Told late: it was due at 10:01."


def test_another_day_is_named() -> None:
    news = replace(FIRING, now_ms=at("10:02:00") + 86_400_000, seen_ms=None)
    assert read(SITE, news, "id")[0] == "Loket 22 kosong sejak 24 Nov 09.51 (1 hari 0 j)."


@pytest.mark.parametrize(
    ("news", "indonesian", "english"),
    [
        (
            ended("presence", "10:58:00"),
            ["Selesai: petugas kembali di Loket 22 pukul 10.58. Kosong 1 j 07 mnt."],
            ["Resolved: outlet 22 staffed again at 10:58. Vacant 1 h 07."],
        ),
        (
            replace(ended("unknown", "10:36:00"), unknown_since_ms=at("10:31:00")),
            ["Berakhir tanpa kepastian: sensor Loket 22 senyap sejak 10.31."],
            ["Ended without certainty: the sensor of outlet 22 silent since 10:31."],
        ),
        (
            ended("closed", "12:00:00"),
            ["Berakhir: jam layanan selesai 12.00.", "Loket 22: 09.51–12.00 (2 j 09 mnt)."],
            ["Ended: closing 12:00.", "Outlet 22: 09:51–12:00 (2 h 09)."],
        ),
        (
            ended("declared", "10:30:00"),
            ["Berakhir: izin berlaku mulai 10.30.", "Loket 22: 09.51–10.30 (39 mnt)."],
            ["Ended: absence declared from 10:30.", "Outlet 22: 09:51–10:30 (39 min)."],
        ),
        (
            ended("maintenance", "10:30:00"),
            ["Berakhir: perawatan mulai 10.30.", "Loket 22: 09.51–10.30 (39 mnt)."],
            ["Ended: maintenance from 10:30.", "Outlet 22: 09:51–10:30 (39 min)."],
        ),
        (
            ended("ended", "10:30:00"),
            ["Berakhir: aturan peringatan diubah 10.30.", "Loket 22: 09.51–10.30 (39 mnt)."],
            ["Ended: the alert's rules changed at 10:30.", "Outlet 22: 09:51–10:30 (39 min)."],
        ),
        (
            replace(FIRING, event="disproved", staffed=Span(at("09:51:00"), at("10:20:00"))),
            [
                ("Koreksi: Loket 22 ternyata ada petugas 09.51–10.20."
                " Peringatan kami salah; catatan sudah diperbaiki. Maaf.")
            ],
            ["Correction: outlet 22 was staffed 09:51–10:20. Our alert was wrong; the record is corrected. Sorry."],
        ),
        (
            replace(FIRING, event="disproved"),
            ["Koreksi: peringatan kami tentang Loket 22 sejak 09.51 ternyata salah; catatan sudah diperbaiki. Maaf."],
            ["Correction: our alert about outlet 22 since 09:51 was wrong; the record is corrected. Sorry."],
        ),
    ],
    ids=["presence", "unknown", "closed", "declared", "maintenance", "ended", "staffed", "disproved"],
)  # fmt: skip
def test_each_end_of_a_vacancy_has_its_words(news: News, indonesian: list[str], english: list[str]) -> None:
    assert (read(SITE, news, "id"), read(SITE, news, "en")) == (indonesian, english)


def test_a_duty_is_told_by_its_agency_and_outlets() -> None:
    duty = replace(VACANT, subject_type="duty", subject="dn")
    assert read(IN_DUTY, replace(FIRING, alert=duty), "id") == [
        "Loket Disnaker: tidak satu pun dari 2 terisi sejak 09.51 (10 mnt).",
        "Loket 22, Loket Depan. Bukti 4 dtk lalu.",
    ]
    assert read(TWO_OF_TWO, replace(FIRING, alert=duty), "en") == [
        "Outlets of Disnaker: fewer than 2 of 2 staffed since 09:51 (10 min).",
        "Outlet 22, Loket Depan. Evidence 4 s old.",
    ]
    assert read(IN_DUTY, ended("presence", "10:58:00", duty), "id") == [
        "Selesai: loket Disnaker cukup terisi lagi pukul 10.58. Kurang petugas 1 j 07 mnt."
    ]


def test_the_webhook_gets_the_alert_as_replay_prints_it_with_its_place_and_both_texts() -> None:
    news = replace(FIRING, late=True)
    assert body(SITE, duties(SITE)[0], news) == {
        "event": "firing",
        "alert": {
            "type": "alert",
            "kind": "vacancy",
            "outlet": "dn-22",
            "since": "2026-11-24T02:51:00.000Z",
            "fired": "2026-11-24T03:01:00.000Z",
            "resolved": None,
            "reason": None,
            "id": "bee2031ff4551dd7",
            "state": "firing",
            "late": True,
        },
        "outlet": {
            "id": "dn-22",
            "name": "Loket dua puluh dua",
            "number": 22,
            "service": "Pengaduan tenaga kerja",
            "agency": {"id": "disnaker", "name": "Dinas Tenaga Kerja", "short": "Disnaker"},
            "site": {"id": "mpp", "name": "MPP Contoh", "timezone": "Asia/Jakarta"},
        },
        "text": {"id": "\n".join(read(SITE, news, "id")), "en": "\n".join(read(SITE, news, "en"))},
    }


def test_the_webhook_gets_a_named_duty_with_its_outlets() -> None:
    told = body(IN_DUTY, duties(IN_DUTY)[0], replace(FIRING, alert=replace(VACANT, subject_type="duty", subject="dn")))
    assert "outlet" not in told
    assert (told["duty"]["id"], told["duty"]["at_least"]) == ("dn", 1)
    assert [outlet["id"] for outlet in told["duty"]["outlets"]] == ["dn-22", "dn-23"]
