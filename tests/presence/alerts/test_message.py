from __future__ import annotations

from dataclasses import replace
from itertools import product
from string import Formatter
from typing import Any, get_args

import pytest

from presence.alerts.life import Alert
from presence.alerts.message import Answer, Event, Heard, Language, News, body, text
from presence.alerts.rule import Reason
from presence.alerts.subjects import Subject, subjects
from presence.alerts.texts import TEXTS
from presence.instants import parse_instant
from presence.intervals import Span
from presence.site import Agency, AlertKind, Duty, Gateway, Outlet, Rule, Sensor, Site, Source

AGENCY = Agency(id="disnaker", name="Dinas Tenaga Kerja", short="Disnaker")
SITE = Site(
    id="mpp",
    name="MPP Contoh",
    timezone="Asia/Jakarta",
    country="ID",
    service_hours="Mo-Fr 08:00-12:00",
    agencies=(AGENCY,),
    outlets=(
        Outlet(
            id="dn-22",
            name="Loket dua puluh dua",
            number=22,
            service="Pengaduan tenaga kerja",
            agency="disnaker",
            sensors=(
                Sensor(id="dn22-radar", kind="mmwave", zone="staff", source=Source(gateway="gw-lantai-2")),
                Sensor(id="dn22-mat", kind="direct", zone="visitor"),
                Sensor(id="dn22-pc", kind="direct", zone="equipment"),
            ),
        ),
        Outlet(id="dn-23", name="Loket Depan", agency="disnaker"),
    ),
    gateways=(Gateway(id="gw-lantai-2", name="Lemari lantai 2"),),
    rules={"late_opening": Rule()},
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


def subject_of(site: Site, alert: Alert) -> Subject:
    return next(one for one in subjects(site) if (one.kind, one.id) == (alert.kind, alert.subject))


def read(site: Site, news: News, language: Language) -> list[str]:
    return text(site, subject_of(site, news.alert), news, language).splitlines()


def told(kind: AlertKind, subject: str, **known: Any) -> News:
    """The firing at 10:31:00 of an alert of `dn-22` or its devices whose clock ran for as long as it takes."""
    (sort,) = {one.subject_type for one in subjects(SITE) if (one.kind, one.id) == (kind, subject)}
    alert = Alert(kind, sort, subject, at("10:31:00"), at("10:36:00"))
    return News(**{"event": "firing", "alert": alert, "late": False, "now_ms": at("10:36:00.500"), **known})


def over(news: News, reason: Reason, clock: str = "10:58:00", **known: Any) -> News:
    alert = replace(news.alert, resolved_ms=at(clock), reason=reason)
    return replace(news, event="resolved", alert=alert, now_ms=at(clock) + 30_000, **known)


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
    assert body(SITE, subject_of(SITE, VACANT), news) == {
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
            "urgent": False,
            "acknowledged": None,
        },
        "outlet": {
            "id": "dn-22",
            "name": "Loket dua puluh dua",
            "number": 22,
            "service": "Pengaduan tenaga kerja",
            "agency": {"id": "disnaker", "name": "Dinas Tenaga Kerja", "short": "Disnaker"},
            "site": {"id": "mpp", "name": "MPP Contoh", "timezone": "Asia/Jakarta"},
        },
        "facts": {"seen": "2026-11-24T03:00:56.000Z"},
        "text": {"id": "\n".join(read(SITE, news, "id")), "en": "\n".join(read(SITE, news, "en"))},
    }


def test_the_webhook_gets_a_named_duty_with_its_outlets() -> None:
    alert = replace(VACANT, subject_type="duty", subject="dn")
    posted = body(IN_DUTY, subject_of(IN_DUTY, alert), replace(FIRING, alert=alert))
    assert "outlet" not in posted
    assert (posted["duty"]["id"], posted["duty"]["at_least"]) == ("dn", 1)
    assert [outlet["id"] for outlet in posted["duty"]["outlets"]] == ["dn-22", "dn-23"]


LATE_OPENING = replace(FIRING, alert=Alert("late_opening", "outlet", "dn-22", at("08:00:00"), at("08:15:00")))
COORDINATOR = (Heard("Koordinator", at("10:01:00")), Heard("Koordinator", at("10:16:00")))
ANSWER = Answer("equipment", None, "budi", at("10:05:00"), at("11:05:00"))
OUTAGE = Alert("site_outage", "site", "mpp", at("10:12:00"), at("10:12:00"))


@pytest.mark.parametrize(
    ("news", "indonesian", "english"),
    [
        (
            told("unattended", "dn-22"),
            "Warga menunggu di Loket 22, petugas tidak ada sejak 10.31.",
            "A citizen is waiting at outlet 22, nobody there since 10:31.",
        ),
        (
            over(told("unattended", "dn-22"), "presence"),
            "Selesai: petugas kembali di Loket 22 pukul 10.58. Warga menunggu 27 mnt.",
            "Resolved: outlet 22 staffed again at 10:58. A citizen waited 27 min.",
        ),
        (
            over(told("unattended", "dn-22"), "visitor_left", "10:44:00"),
            "Warga pergi 10.44; petugas belum ada.",
            "The citizen left at 10:44; still nobody.",
        ),
        (
            LATE_OPENING,
            "Loket 22 belum buka. Wajib buka 08.00.",
            "Outlet 22 has not opened. Due 08:00.",
        ),
        (
            over(LATE_OPENING, "presence", "08:41:00"),
            "Selesai: Loket 22 buka pukul 08.41, terlambat 41 mnt.",
            "Resolved: outlet 22 open at 08:41, 41 min late.",
        ),
        (
            told("equipment_down", "dn-22"),
            "Alat Loket 22 tidak berfungsi sejak 10.31.",
            "The equipment of outlet 22 not working since 10:31.",
        ),
        (
            over(told("equipment_down", "dn-22"), "presence"),
            "Selesai: alat Loket 22 berfungsi lagi pukul 10.58. Tidak berfungsi 27 mnt.",
            "Resolved: the equipment of outlet 22 working again at 10:58. Down 27 min.",
        ),
        (
            over(told("equipment_down", "dn-22"), "unknown", unknown_since_ms=at("10:53:00")),
            "Berakhir tanpa kepastian: sensor alat Loket 22 senyap sejak 10.53.",
            "Ended without certainty: the sensor of the equipment of outlet 22 silent since 10:53.",
        ),
        (
            replace(FIRING, event="reminder", now_ms=at("10:21:00"), told=COORDINATOR),
            "Belum dijawab, 20 mnt: Loket 22 kosong sejak 09.51. Koordinator diberitahu 10.01 dan 10.16.",
            "Unanswered for 20 min: outlet 22 vacant since 09:51. Koordinator told at 10:01 and 10:16.",
        ),
        (
            replace(FIRING, event="reminder", now_ms=at("11:05:00"), answer=ANSWER),
            "Ditanya lagi setelah jawaban 10.05 (alat rusak): Loket 22 kosong sejak 09.51.",
            "Asked again after the answer of 10:05 (equipment): outlet 22 vacant since 09:51.",
        ),
        (
            replace(FIRING, event="acknowledged", answer=ANSWER),
            "Diterima: alat rusak. Kami tanya lagi 11.05 bila masih kosong.",
            "Noted: equipment. We ask again at 11:05 if still vacant.",
        ),
        (
            replace(FIRING, declared_until_ms=at("09:51:00")),
            "Izin Loket 22 habis 09.51; petugas belum ada.",
            "Declared absence of outlet 22 over at 09:51; still nobody.",
        ),
        (
            told("sensor_silent", "dn22-radar"),
            "Sensor dn22-radar senyap sejak 10.31 (Loket 22, gw-lantai-2).",
            "Sensor dn22-radar silent since 10:31 (outlet 22, gw-lantai-2).",
        ),
        (
            over(told("sensor_silent", "dn22-radar"), "ended"),
            "Selesai: sensor dn22-radar (Loket 22) terdengar lagi 10.58. Senyap 27 mnt.",
            "Resolved: sensor dn22-radar (outlet 22) heard again at 10:58. Silent 27 min.",
        ),
        (
            over(told("sensor_silent", "dn22-radar"), "ended", withdrawn=True),
            "Berakhir: aturan peringatan diubah 10.58.",
            "Ended: the alert's rules changed at 10:58.",
        ),
        (
            told("sensor_stuck", "dn22-radar", stuck="occupied", stuck_since_ms=at("08:30:00") - 86_400_000),
            "Sensor dn22-radar macet: terisi terus 26 jam.",
            "Sensor dn22-radar stuck: occupied for 26 h.",
        ),
        (
            told("sensor_stuck", "dn22-radar", stuck="flapping"),
            "Sensor dn22-radar macet: terlalu sering berubah dalam satu jam.",
            "Sensor dn22-radar stuck: changing too often within an hour.",
        ),
        (
            over(told("sensor_stuck", "dn22-radar"), "ended"),
            "Selesai: sensor dn22-radar (Loket 22) tidak macet lagi sejak 10.58.",
            "Resolved: sensor dn22-radar (outlet 22) no longer stuck since 10:58.",
        ),
        (
            told("low_battery", "dn22-mat", battery=13.0),
            "Sensor dn22-mat baterai 13\u00a0%.",
            "Sensor dn22-mat battery 13%.",
        ),
        (
            told("low_battery", "dn22-mat", battery=12.46),
            "Sensor dn22-mat baterai 12,5\u00a0%.",
            "Sensor dn22-mat battery 12.5%.",
        ),
        (
            over(told("low_battery", "dn22-mat"), "ended"),
            "Selesai: baterai sensor dn22-mat (Loket 22) cukup lagi sejak 10.58.",
            "Resolved: the battery of sensor dn22-mat (outlet 22) sufficient again since 10:58.",
        ),
        (
            told("gateway_offline", "gw-lantai-2", sensors=14),
            "Gateway gw-lantai-2 terputus sejak 10.31: 14 sensor.",
            "Gateway gw-lantai-2 offline since 10:31: 14 sensors.",
        ),
        (
            over(told("gateway_offline", "gw-lantai-2"), "ended"),
            "Selesai: gateway gw-lantai-2 tersambung lagi 10.58. Terputus 27 mnt.",
            "Resolved: gateway gw-lantai-2 back at 10:58. Offline 27 min.",
        ),
        (
            replace(FIRING, alert=OUTAGE, unknown_outlets=(24, 38)),
            "Gangguan gedung 10.12: 24 dari 38 loket tidak diketahui. Instansi tidak diberi peringatan.",
            "Site outage 10:12: 24 of 38 outlets not known. Agencies are not alerted.",
        ),
        (
            over(replace(FIRING, alert=OUTAGE), "ended", "10:40:00"),
            "Pulih 10.40 setelah 28 mnt.",
            "Back at 10:40 after 28 min.",
        ),
        (
            replace(told("sensor_silent", "dn22-radar"), event="disproved"),
            ("Koreksi: peringatan kami tentang sensor dn22-radar (Loket 22) sejak 10.31 ternyata salah;"
            " catatan sudah diperbaiki. Maaf."),
            ("Correction: our alert about sensor dn22-radar (outlet 22) since 10:31 was wrong;"
            " the record is corrected. Sorry."),
        ),
    ],
)  # fmt: skip
def test_the_first_line_of_each_kind_and_event(news: News, indonesian: str, english: str) -> None:
    assert (read(SITE, news, "id")[0], read(SITE, news, "en")[0]) == (indonesian, english)


def test_a_first_line_that_names_no_subject_is_followed_by_one_that_does() -> None:
    assert read(SITE, over(told("unattended", "dn-22"), "visitor_left", "10:44:00"), "id")[1:] == [
        "Loket 22: 10.31–10.44 (13 mnt)."
    ]
    assert read(SITE, over(replace(FIRING, alert=OUTAGE), "ended", "10:40:00"), "en")[1:] == [
        "MPP Contoh: 10:12–10:40 (28 min)."
    ]


def test_an_answer_says_what_was_answered_by_whom() -> None:
    news = replace(FIRING, event="acknowledged", answer=ANSWER._replace(reason="other", note="Printer {menunggu} suku"))
    assert read(SITE, news, "id") == [
        "Diterima: lainnya. Kami tanya lagi 11.05 bila masih kosong.",
        "Loket 22 kosong sejak 09.51. Dijawab budi pukul 10.05.",
        "Catatan: Printer {menunggu} suku",
    ]


def test_of_many_messages_to_one_person_only_the_last_is_dated() -> None:
    heard = [Heard("Koordinator", at(f"10:{minute}:00")) for minute in (10, 20, 30, 40)]
    news = replace(FIRING, event="reminder", now_ms=at("10:51:00"), told=[*heard, Heard("Kepala", at("10:41:00"))])
    assert read(SITE, news, "id")[0] == (
        "Belum dijawab, 50 mnt: Loket 22 kosong sejak 09.51."
        " Koordinator diberitahu 4 kali, terakhir 10.40. Kepala diberitahu 10.41."
    )


def test_technicians_read_where_a_sensor_hangs() -> None:
    news = told("low_battery", "dn22-radar", battery=13.0, seen_ms=at("10:35:00"))
    assert read(SITE, news, "id")[1:] == ["Loket 22, gw-lantai-2."]
    assert read(SITE, told("gateway_offline", "gw-lantai-2"), "id")[1:] == ["Lemari lantai 2."]


def test_a_duty_that_has_not_opened() -> None:
    late = Alert("late_opening", "duty", "dn", at("08:00:00"), at("08:15:00"))
    none = "Loket Disnaker: tidak satu pun dari 2 buka. Wajib buka 08.00."
    short = "Outlets of Disnaker: fewer than 2 of 2 have opened. Due 08:00."
    assert read(IN_DUTY, replace(FIRING, alert=late), "id")[0] == none
    assert read(TWO_OF_TWO, replace(FIRING, alert=late), "en")[0] == short


KINDS: dict[AlertKind, str] = {
    "vacancy": "dn-22",
    "unattended": "dn-22",
    "late_opening": "dn-22",
    "equipment_down": "dn-22",
    "sensor_silent": "dn22-radar",
    "sensor_stuck": "dn22-radar",
    "gateway_offline": "gw-lantai-2",
    "low_battery": "dn22-mat",
    "site_outage": "mpp",
}
EVERYTHING: dict[str, Any] = {
    "late": True,
    "seen_ms": at("10:30:00"),
    "unknown_since_ms": at("10:53:00"),
    "staffed": Span(at("10:31:00"), at("10:40:00")),
    "answer": ANSWER._replace(note="Teknisi datang 13.00"),
    "told": COORDINATOR,
    "declared_until_ms": at("10:31:00"),
    "unknown_outlets": (24, 38),
    "sensors": 1,
    "battery": 7.0,
    "stuck": "vacant",
    "stuck_since_ms": at("10:00:00"),
}


@pytest.mark.parametrize(
    "known", [{}, EVERYTHING, EVERYTHING | {"stuck": "flapping"}], ids=["little", "all", "flapping"]
)
@pytest.mark.parametrize("language", get_args(Language))
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("site", [SITE, IN_DUTY, replace(TWO_OF_TWO, agencies=())], ids=["outlet", "duty", "short"])
def test_every_kind_event_and_reason_has_words(
    site: Site, kind: AlertKind, language: Language, known: dict[str, Any]
) -> None:
    named = "dn" if site.duties and kind in ("vacancy", "late_opening") else KINDS[kind]
    (subject,) = (one for one in subjects(site) if (one.kind, one.id) == (kind, named))
    alert = Alert(kind, subject.subject_type, named, at("10:31:00"), at("10:36:00"))
    for event, reason in product(get_args(Event), (None, *get_args(Reason))):
        ends = replace(alert, resolved_ms=at("10:58:00"), reason=reason)
        news = News(**{"event": event, "alert": ends, "late": False, "now_ms": at("11:00:00"), **known})
        news = replace(news, answer=news.answer or ANSWER) if event == "acknowledged" else news
        lines = body(site, subject, news)["text"][language].splitlines()
        assert lines[0].endswith(".")
        assert all(line and line == line.strip() for line in lines)
        assert not set("{}!") & set("".join(lines))
        assert max("".join(lines)) < "\u2100", "no emoji"


@pytest.mark.parametrize(
    "reason",
    ["no_officer", "equipment", "system_down", "break", "meeting", "sick", "no_visitors", "sensor_wrong", "other"],
)
def test_every_reason_of_an_answer_has_words(reason: str) -> None:
    for language in get_args(Language):
        assert f"reason.{reason}" in TEXTS[language]


def test_both_languages_know_the_same_of_everything() -> None:
    def values(known: str) -> set[str | None]:
        return {name.casefold() for _, name, _, _ in Formatter().parse(known) if name}

    id_, en = TEXTS["id"], TEXTS["en"]
    assert {key: values(known) for key, known in id_.items()} == {key: values(known) for key, known in en.items()}


@pytest.mark.parametrize(
    ("event", "now", "state"),
    [
        ("firing", "10:01:00", "firing"),
        ("acknowledged", "10:05:00", "acknowledged"),
        ("reminder", "11:05:00", "firing"),
        ("resolved", "10:30:00", "resolved"),
    ],
)
def test_the_webhook_is_told_the_state_and_the_newest_answer(event: Event, now: str, state: str) -> None:
    news = replace(FIRING, event=event, now_ms=at(now), answer=None if event == "firing" else ANSWER)
    posted = body(SITE, subject_of(SITE, VACANT), news)["alert"]
    answer = {
        "at": "2026-11-24T03:05:00.000Z",
        "until": "2026-11-24T04:05:00.000Z",
        "by": "budi",
        "reason": "equipment",
        "note": None,
    }
    assert (posted["state"], posted["acknowledged"]) == (state, None if event == "firing" else answer)


WHERE = {"site": {"id": "mpp", "name": "MPP Contoh", "timezone": "Asia/Jakarta"}}
PLACE = {"id": "dn-22", "name": "Loket dua puluh dua", "number": 22, "service": "Pengaduan tenaga kerja"}
SENSOR = {"id": "dn22-radar", "kind": "mmwave", "zone": "staff", "gateway": "gw-lantai-2", "outlet": PLACE, **WHERE}
WHOSE = {"agency": {"id": "disnaker", "name": "Dinas Tenaga Kerja", "short": "Disnaker"}, **WHERE}


@pytest.mark.parametrize(
    ("news", "named"),
    [
        (told("sensor_silent", "dn22-radar"), {"sensor": SENSOR, "outlet": {**PLACE, **WHOSE}}),
        (
            told("gateway_offline", "gw-lantai-2"),
            {"gateway": {"id": "gw-lantai-2", "name": "Lemari lantai 2", **WHERE}},
        ),
        (replace(FIRING, alert=OUTAGE), WHERE),
    ],
    ids=["sensor", "gateway", "site"],
)
def test_the_webhook_gets_what_the_alert_speaks_of(news: News, named: dict[str, Any]) -> None:
    posted = body(SITE, subject_of(SITE, news.alert), news)
    assert {key: posted[key] for key in posted if key not in ("event", "alert", "facts", "text")} == named


def test_the_webhook_gets_facts_as_values() -> None:
    news = told("unattended", "dn-22", **{**EVERYTHING, "stuck": None, "stuck_since_ms": None, "link": "https://h/x"})
    posted = body(SITE, subject_of(SITE, news.alert), news)
    assert posted["alert"]["urgent"]
    assert posted["link"] == "https://h/x"
    assert posted["facts"] == {
        "seen": "2026-11-24T03:30:00.000Z",
        "unknown_since": "2026-11-24T03:53:00.000Z",
        "staffed": {"from": "2026-11-24T03:31:00.000Z", "to": "2026-11-24T03:40:00.000Z"},
        "declared_until": "2026-11-24T03:31:00.000Z",
        "unknown_outlets": 24,
        "outlets": 38,
        "sensors": 1,
        "battery": 7.0,
    }


def test_a_sensor_that_is_not_registered_any_more_still_has_words() -> None:
    news = over(told("sensor_silent", "dn22-radar"), "ended")
    gone = Subject(kind="sensor_silent", subject_type="sensor", id="dn22-radar")
    assert text(SITE, gone, news, "id") == "Selesai: sensor dn22-radar terdengar lagi 10.58. Senyap 27 mnt."
    sensor = {"id": "dn22-radar", "kind": None, "zone": None, "gateway": None, "outlet": None, **WHERE}
    posted = body(SITE, gone, news)
    assert (posted["sensor"], "outlet" in posted) == (sensor, False)
