from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any, get_args

import pytest

from presence.alerts.group_message import group_body
from presence.alerts.life import Alert
from presence.alerts.message import Answer, Event, Language, News, body
from presence.alerts.rule import Reason
from presence.alerts.subjects import subjects
from presence.instants import parse_instant
from presence.site import Agency, AlertKind, Duty, Gateway, Rule, Sensor, Site
from tests.builders import outlet, site


def at(clock: str) -> int:
    return parse_instant(f"2026-11-24T{clock}:00+07:00")


def watching(outlet_id: str) -> list[Sensor]:
    return [
        Sensor(id=f"{outlet_id}-{zone}", kind="direct", zone=zone) for zone in ("staff", "visitor", "equipment")
    ]  # fmt: skip


MALL: Site = site(
    outlets=[
        *(outlet(f"dk-{n}", number=n, agency="disdukcapil", sensors=watching(f"dk-{n}")) for n in (1, 2, 3)),
        outlet("im-7", name="Loket Paspor", agency="imigrasi", service="Paspor", sensors=watching("im-7")),
    ],
    agencies=(
        Agency(id="disdukcapil", name="Dinas Kependudukan", short="Disdukcapil"),
        Agency(id="imigrasi", name="Kantor Imigrasi"),
    ),
    gateways=(Gateway(id="gw-1"), Gateway(id="gw-2")),
    rules={"late_opening": Rule()},
)
ANSWER = Answer("break", None, "budi", at("10:05"), at("11:05"))


def told(kind: AlertKind, subject: str, since: str, event: Event = "firing", **known: Any) -> dict[str, Any]:
    """The body of an alert, `ended` at (clock, reason) when it resolved, told at 10:30."""
    ended: tuple[str, Reason] | None = known.pop("ended", None)
    wanted: Site = known.pop("site", MALL)
    about = next(one for one in subjects(wanted) if (one.kind, one.id) == (kind, subject))
    alert = Alert(kind, about.subject_type, subject, at(since), at(since) + 600_000)
    if ended is not None:
        alert = replace(alert, resolved_ms=at(ended[0]), reason=ended[1])
    return body(wanted, about, News(**{"event": event, "alert": alert, "late": False, "now_ms": at("10:30"), **known}))


def read(*bodies: dict[str, Any], language: Language = "id") -> list[str]:
    numbered = [(f"key-{number}", one) for number, one in enumerate(bodies)]
    lines: str = group_body(numbered, at("10:30"))["text"][language]
    return lines.split("\n")


def three(kind: AlertKind, event: Event = "firing", **known: Any) -> list[dict[str, Any]]:
    known = {"now_ms": at("10:30"), **known}
    return [told(kind, f"dk-{n}", since, event, **known) for n, since in ((1, "09:51"), (2, "09:53"), (3, "10:02"))]


@pytest.mark.parametrize(
    ("bodies", "indonesian", "english"),
    [
        (
            three("vacancy"),
            "3 loket Disdukcapil kosong: 1 (sejak 09.51), 2 (09.53), 3 (10.02).",
            "3 outlets of Disdukcapil vacant: 1 (since 09:51), 2 (09:53), 3 (10:02).",
        ),
        (
            three("vacancy", "reminder"),
            "Belum dijawab: 3 loket Disdukcapil kosong: 1 (sejak 09.51), 2 (09.53), 3 (10.02).",
            "Unanswered: 3 outlets of Disdukcapil vacant: 1 (since 09:51), 2 (09:53), 3 (10:02).",
        ),
        (
            three("late_opening"),
            "3 loket Disdukcapil belum buka: 1 (wajib buka 09.51), 2 (09.53), 3 (10.02).",
            "3 outlets of Disdukcapil have not opened: 1 (due 09:51), 2 (09:53), 3 (10:02).",
        ),
        (
            three("unattended"),
            "Warga menunggu di 3 loket Disdukcapil, petugas tidak ada: 1 (sejak 09.51), 2 (09.53), 3 (10.02).",
            "Citizens are waiting at 3 outlets of Disdukcapil, nobody there: 1 (since 09:51), 2 (09:53), 3 (10:02).",
        ),
        (
            three("vacancy", "resolved", ended=("10:20", "presence")),
            "Selesai: petugas kembali di 3 loket Disdukcapil: 1 (10.20), 2 (10.20), 3 (10.20).",
            "Resolved: 3 outlets of Disdukcapil staffed again: 1 (10:20), 2 (10:20), 3 (10:20).",
        ),
        (
            three("vacancy", "resolved", ended=("10:20", "unknown"), unknown_since_ms=at("10:15")),
            "Berakhir tanpa kepastian: 3 loket Disdukcapil tidak diketahui: 1 (sejak 10.15), 2 (10.15), 3 (10.15).",
            "Ended without certainty: 3 outlets of Disdukcapil not known: 1 (since 10:15), 2 (10:15), 3 (10:15).",
        ),
        (
            three("vacancy", "disproved"),
            (
                "Koreksi: peringatan kami tentang 3 loket Disdukcapil ternyata salah: 1 (sejak 09.51), 2 (09.53),"
                " 3 (10.02). Catatan sudah diperbaiki. Maaf."
            ),
            (
                "Correction: our alerts about 3 outlets of Disdukcapil were wrong: 1 (since 09:51), 2 (09:53), "
                "3 (10:02). The record is corrected. Sorry."
            ),
        ),
        (
            [told("low_battery", "dk-1-staff", "10:00", battery=12), told("low_battery", "im-7-staff", "10:01")],
            "2 sensor baterainya lemah: dk-1-staff, im-7-staff.",
            "2 sensors with a low battery: dk-1-staff, im-7-staff.",
        ),
        (
            [told("gateway_offline", "gw-1", "10:00"), told("gateway_offline", "gw-2", "10:01")],
            "2 gateway terputus: gw-1 (sejak 10.00), gw-2 (10.01).",
            "2 gateways offline: gw-1 (since 10:00), gw-2 (10:01).",
        ),
    ],
    ids=["vacancy", "reminder", "late", "unattended", "presence", "unknown", "disproved", "battery", "gateway"],
)
def test_what_says_the_same_is_one_line(bodies: list[dict[str, Any]], indonesian: str, english: str) -> None:
    assert (read(*bodies), read(*bodies, language="en")) == ([indonesian], [english])


def test_other_events_have_a_line_each_the_most_urgent_first() -> None:
    assert read(
        told("vacancy", "dk-3", "09:30", "resolved", ended=("10:29", "closed")),
        told("vacancy", "dk-1", "10:19"),
        told("vacancy", "im-7", "10:20"),
        told("vacancy", "dk-2", "09:50", "acknowledged", answer=ANSWER),
        told("unattended", "im-7", "10:02", "reminder"),
    ) == [
        "Belum dijawab, 18 mnt: warga menunggu di Loket Paspor, petugas tidak ada sejak 10.02.",
        "Loket 1 kosong sejak 10.19 (11 mnt).",
        "Loket Paspor kosong sejak 10.20 (10 mnt).",
        "Berakhir: jam layanan selesai 10.29. Loket 3: 09.30–10.29 (59 mnt).",
        ("Diterima: istirahat. Kami tanya lagi 11.05 bila masih kosong. Loket 2 kosong sejak 09.50."
        " Dijawab budi pukul 10.05."),
    ]  # fmt: skip


def test_a_waiting_citizen_and_the_vacancy_of_the_same_outlet_are_one_message() -> None:
    vacancy = told("vacancy", "im-7", "10:20", link="https://hadir.example/7", seen_ms=at("10:30"))
    unattended = told("unattended", "im-7", "10:27", link="https://hadir.example/7", seen_ms=at("10:30"))
    assert read(vacancy, unattended) == [
        "Warga menunggu di Loket Paspor, petugas tidak ada sejak 10.27.",
        "Loket Paspor kosong sejak 10.20 (10 mnt).",
        "Paspor, Kantor Imigrasi. Bukti 0 dtk lalu.",
        "https://hadir.example/7",
    ]
    assert read(vacancy, told("vacancy", "dk-1", "10:19"), unattended)[0] == (
        "Warga menunggu di Loket Paspor, petugas tidak ada sejak 10.27. Loket Paspor kosong sejak 10.20 (10 mnt)."
    )


def test_their_common_end_is_said_once() -> None:
    assert read(
        told("vacancy", "dk-1", "10:01", "resolved", ended=("10:29", "presence")),
        told("unattended", "dk-1", "10:09", "resolved", ended=("10:29", "presence")),
    ) == ["Selesai: petugas kembali di Loket 1 pukul 10.29. Warga menunggu 20 mnt.", "Kosong 28 mnt."]


def test_another_absence_of_the_outlet_is_told_by_itself() -> None:
    left = told("unattended", "dk-1", "08:10", "resolved", ended=("08:20", "visitor_left"))
    assert len(read(told("vacancy", "dk-1", "10:01"), left)) == 2
    earlier = told("vacancy", "dk-1", "08:00", "disproved", ended=("08:30", "presence"))
    assert len(read(earlier, told("unattended", "dk-1", "10:09", "disproved"))) == 2


def test_what_is_told_twice_of_one_outlet_keeps_its_order() -> None:
    ended = told("vacancy", "dk-1", "09:30", "resolved", ended=("09:50", "presence"))
    again = told("vacancy", "dk-1", "10:10")
    assert read(ended, again, told("vacancy", "dk-2", "10:11")) == [
        "Loket 2 kosong sejak 10.11 (19 mnt).",
        "Selesai: petugas kembali di Loket 1 pukul 09.50. Kosong 20 mnt.",
        "Loket 1 kosong sejak 10.10 (20 mnt).",
    ]


def test_a_named_duty_and_a_building_speak_for_themselves() -> None:
    duties = replace(MALL, duties=(Duty(id="a", outlets=("dk-1", "dk-2")), Duty(id="b", outlets=("dk-3", "im-7"))))
    lines = read(told("vacancy", "a", "10:01", site=duties), told("vacancy", "b", "10:02", site=duties))
    assert [line.split(":")[0] for line in lines] == ["Loket Disdukcapil", "Loket Disdukcapil"]


def test_a_late_group_says_so() -> None:
    assert read(*three("vacancy", late=True))[1:] == ["Sebagian disampaikan terlambat."]


def test_every_message_stands_in_the_group_as_it_is() -> None:
    bodies = [told("vacancy", "dk-1", "10:01"), told("unattended", "im-7", "10:02")]
    group = group_body([("k1", bodies[0]), ("k2", bodies[1])], at("10:30"))
    assert group["messages"] == [{"key": "k1", **bodies[0]}, {"key": "k2", **bodies[1]}]
    assert (group["event"], group["urgent"]) == ("group", True)


@pytest.mark.parametrize("language", get_args(Language))
@pytest.mark.parametrize("kind", get_args(AlertKind))
def test_two_of_every_kind_event_and_reason_have_words(kind: AlertKind, language: Language) -> None:
    named = [one.id for one in subjects(MALL) if one.kind == kind][:2]
    for event, reason in product(get_args(Event), get_args(Reason)):
        known = {"answer": ANSWER} if event == "acknowledged" else {}
        bodies = [told(kind, one, "10:01", event, ended=("10:29", reason), **known) for one in named]
        lines = read(*bodies, language=language)
        assert all(line.endswith(".") and not set("{}!") & set(line) for line in lines), lines
