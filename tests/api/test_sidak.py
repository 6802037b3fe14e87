from __future__ import annotations

from typing import Any

import pytest

from api import sidak, sidak_words
from api.live import Distrust, Occupancy, ZoneOccupancy
from api.words import Words
from presence.alerts.life import Alert
from presence.instants import parse_instant, rfc3339
from presence.intervals import State
from presence.site import Absence, Agency, Contact, Duty, Maintenance, Rule, Step, Substitute
from storage.record.acknowledgements import Acknowledgement
from storage.record.alert_list import AlertRow, Told
from tests.builders import outlet, sensor, site

NOW = parse_instant("2026-11-24T10:42:07+07:00")
MINUTE = 60_000
HOUR = 60 * MINUTE
ID, EN = Words("id", "Asia/Jakarta"), Words("en", "Asia/Jakarta")
CHIEF = Contact(id="kepala", name="Kepala dinas", level=2, phone="0200 555 0100")
DESK = Contact(id="koordinator", name="Koordinator", level=1, phone="0200 555 0122")


def at(clock: str, day: int = 24) -> int:
    return parse_instant(f"2026-11-{day}T{clock}+07:00")


def heard(name: str, state: State, since: int, *, p: float | None = None, visitor: int | None = None) -> Occupancy:
    chance = {"vacant": 0.02, "occupied": 0.97, "unknown": 0.5}[state] if p is None else p
    zones = {"staff": ZoneOccupancy(state=state, p=chance, since=rfc3339(since), seen=rfc3339(NOW - 4000))}
    if visitor is not None:
        zones["visitor"] = ZoneOccupancy(state="occupied", p=0.9, since=rfc3339(visitor), seen=rfc3339(NOW - 2000))
    return Occupancy(site="balai", outlet=name, status="vacant", since=rfc3339(since), zones=zones, at=rfc3339(NOW))


def row(kind: str = "vacancy", subject: str = "a-1", since: int = NOW - 51 * MINUTE, **fields: Any) -> AlertRow:
    alert = Alert(kind, fields.pop("subject_type", "outlet"), subject, since, since + 10 * MINUTE)  # type: ignore[arg-type]
    defaults: dict[str, Any] = {"late": False, "disproved_ms": None, "revision": 1}
    return AlertRow(f"{kind}-{subject}", "balai", alert, **{**defaults, **fields})


def ask(*occupancies: Occupancy, alerts: tuple[AlertRow, ...] = (), now: int = NOW, **fields: Any) -> sidak.Answer:
    fields.setdefault("agencies", (Agency(id="dinas", name="Dinas", contacts=(CHIEF, DESK)),))
    return sidak.answer([sidak.Asked(sidak.plan(site(**fields), now), occupancies, alerts, None)], now)


def empty(answer: sidak.Answer) -> list[tuple[str, int | None]]:
    return [(one.duty.id, one.since_ms) for one in answer.empty]


def test_who_is_obliged_and_empty_is_told_longest_first_and_the_sum_closes():
    outlets = [outlet(f"a-{n}") for n in range(1, 6)]
    absence = Absence(outlet="a-4", from_ms=at("10:00:00"), to_ms=at("11:00:00"), reason="meeting")
    answer = ask(
        heard("a-1", "vacant", at("10:36:00")),
        heard("a-2", "vacant", at("09:51:00")),
        heard("a-3", "occupied", at("08:01:00")),
        heard("a-4", "vacant", at("10:01:00")),
        outlets=outlets,
        absences=(absence,),
    )
    assert empty(answer) == [("a-2", at("09:51:00")), ("a-1", at("10:36:00"))]
    assert answer.sums == {"obliged": 5, "attended": 1, "empty": 2, "declared": 1, "unknown": 1}
    assert [one.duty.id for one in answer.unknown] == ["a-5"]
    assert (answer.fresh, answer.watched) == (4, 5)


def test_what_was_seen_but_tells_nothing_is_no_fresh_evidence():
    outlets = [outlet("a-1"), outlet("a-2")]
    answer = ask(heard("a-1", "occupied", at("08:01:00")), heard("a-2", "unknown", at("10:00:00")), outlets=outlets)
    assert (answer.fresh, answer.watched) == (1, 2)


def test_of_a_duty_of_two_one_is_enough():
    duty = Duty(id="d", outlets=("a-1", "a-2"))
    both = {"outlets": [outlet("a-1"), outlet("a-2")], "duties": (duty,)}
    empty_one = heard("a-1", "vacant", at("09:00:00"))
    assert ask(empty_one, heard("a-2", "occupied", at("08:00:00")), **both).sums["attended"] == 1
    assert ask(empty_one, heard("a-2", "unknown", at("08:00:00")), **both).sums["unknown"] == 1
    answer = ask(empty_one, heard("a-2", "vacant", at("09:30:00")), **both)
    assert empty(answer) == [("d", at("09:30:00"))]
    assert answer.empty[0].sure == pytest.approx(0.98 * 0.98)


def test_of_a_duty_of_three_that_needs_two_it_is_empty_since_the_second_left():
    fields = {
        "outlets": [outlet(f"a-{n}") for n in (1, 2, 3)],
        "duties": (Duty(id="d", outlets=("a-1", "a-2", "a-3"), at_least=2),),
    }
    answer = ask(
        heard("a-1", "vacant", at("09:00:00")),
        heard("a-2", "vacant", at("09:30:00")),
        heard("a-3", "occupied", at("08:00:00")),
        **fields,
    )
    assert empty(answer) == [("d", at("09:30:00"))]


@pytest.mark.parametrize(
    ("clock", "since", "expected"),
    [
        ("13:20:00", at("11:30:00"), at("13:00:00")),  # a break parts it
        ("08:20:00", at("15:00:00", 23), at("08:00:00")),  # and so does the night
        ("11:59:59", at("09:51:00"), at("09:51:00")),
        ("12:00:00", at("09:51:00"), None),  # at closing nobody is obliged
    ],
)
def test_an_absence_is_counted_within_service_hours(clock: str, since: int, expected: int | None):
    answer = ask(heard("a-1", "vacant", since), now=at(clock))
    assert empty(answer) == ([] if expected is None else [("a-1", expected)])


def test_who_was_not_there_yet_today_has_not_opened():
    (one,) = ask(heard("a-1", "vacant", at("15:00:00", 23))).empty
    assert one.late
    assert sidak_words.entry(one, NOW, ID, phones=True).what == "Belum buka hari ini"
    (one,) = ask(heard("a-1", "vacant", at("11:30:00")), now=at("13:20:00")).empty
    assert not one.late


def test_after_an_absence_the_empty_time_begins_with_its_end():
    absence = Absence(outlet="a-1", from_ms=at("09:00:00"), to_ms=at("10:00:00"), reason="meeting")
    (one,) = ask(heard("a-1", "vacant", at("09:05:00")), absences=(absence,)).empty
    assert (one.since_ms, one.lapsed) == (at("10:00:00"), True)
    assert sidak_words.entry(one, NOW, ID, phones=True).what == "Izin habis 10.00, petugas belum ada"


def test_who_is_called_without_a_number_is_given_one_where_he_stands_a_stranger_beside_the_others():
    silent = Contact(id="koordinator", name="Koordinator", level=1)
    stranger = Contact(id="~1", name="Bu Sri", channel="hadir+https://:{env:KUNCI}@pesan.example/hadir")
    away = Substitute(
        agency="dinas", contact="koordinator", from_ms=at("08:00:00"), to_ms=at("15:00:00"), to="~1", person=stranger
    )
    addresses = []
    for substitutes in ((), (away,)):
        (one,) = ask(
            heard("a-1", "vacant", at("09:51:00")),
            agencies=(Agency(id="dinas", name="Dinas", contacts=(silent,)),),
            substitutes=substitutes,
        ).empty
        addresses.append(sidak_words.entry(one, NOW, ID, phones=True, registers=True).register)
    contacts = "/admin/sites/balai/agencies/dinas/contacts"
    assert addresses == [f"{contacts}/koordinator", contacts]


def test_an_alert_says_since_when_who_was_told_by_which_step_and_what_was_answered():
    told = (Told(at("10:01:00"), "dinas", "koordinator"), Told(at("10:21:00"), "dinas", "kepala"))
    said = Acknowledgement(1, "x", at("10:25:00"), at("11:25:00"), "equipment", "printer kuitansi", "ani")
    steps = (Step(after_ms=0, to="agency", level=1), Step(after_ms=20 * MINUTE, to="agency", level=2))
    (one,) = ask(
        heard("a-1", "vacant", at("10:10:00")),
        alerts=(row(since=at("09:51:00"), told=told, acknowledged=said),),
        escalation={"people": steps},
    ).empty
    shown = sidak_words.entry(one, NOW, ID, phones=True)
    assert one.since_ms == at("09:51:00")
    assert shown.told == "10.01 Koordinator (langkah\u00a01); 10.21 Kepala dinas (langkah\u00a02)"
    assert shown.answer == "Diakui 10.25 oleh ani: alat rusak, “printer kuitansi”. Berlaku sampai 11.25"
    assert (shown.contact, shown.phone) == ("Koordinator, 0200 555 0122", "02005550122")
    assert shown.duration == [("51", False), ("\u00a0mnt", True)]
    assert shown.sure == "Yakin 98\u00a0%, bukti 4\u00a0dtk"
    assert sidak_words.entry(one, at("11:30:00"), ID, phones=True).answer.endswith("Berlaku sampai 11.25, sudah lewat")


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, "Belum; peringatan jatuh 10.46"),
        ({"rules": {"vacancy": Rule(off=True)}}, "Tidak; aturan peringatan tidak berlaku di sini"),
        (
            {"rules": {"vacancy": Rule(after_ms=90 * MINUTE)}},
            "Belum; jam layanan selesai 12.00, sebelum peringatan jatuh",
        ),
        ({"rules": {"vacancy": Rule(after_ms=MINUTE)}}, "Belum; peringatan jatuh 10.37 dan belum tercatat"),
        (
            {"maintenance": (Maintenance(from_ms=at("10:00:00"), to_ms=at("11:00:00"), outlet="a-1"),)},
            "Belum; peringatan dimatikan selama perawatan sampai 11.00",
        ),
    ],
)
def test_where_nobody_was_told_it_says_when_or_why(fields: dict[str, Any], expected: str):
    (one,) = ask(heard("a-1", "vacant", at("10:36:00")), **fields).empty
    assert sidak_words.entry(one, NOW, ID, phones=True).told == expected


def test_a_waiting_citizen_is_told_with_since_when():
    watched = outlet("a-1", sensors=[sensor("s"), sensor("v", zone="visitor")])
    (one,) = ask(heard("a-1", "vacant", at("10:36:00"), visitor=at("10:41:00")), outlets=[watched]).empty
    shown = sidak_words.entry(one, NOW, ID, phones=True)
    assert (shown.state, shown.what) == ("unattended", "Warga menunggu sejak 10.41, petugas tidak ada")
    assert shown.told == "Belum; peringatan jatuh 10.44"  # three minutes, before the vacancy's ten


def test_where_nothing_is_believed_nothing_is_empty():
    lost = Distrust("collector", at("10:30:00"))
    unbelieved = heard("a-1", "unknown", at("10:30:00"))
    answer = sidak.answer([sidak.Asked(sidak.plan(site(), NOW), [unbelieved], (), lost)], NOW)
    assert (answer.empty, answer.sums["unknown"]) == ([], 1)
    assert sidak_words.headline(answer, ID)[1].startswith("Tidak diketahui")
    assert sidak.as_json(answer, phones=True)["untrusted"]["balai"]["cause"] == "collector"


def test_an_agency_is_told_of_its_own_duties_alone():
    plan = sidak.plan(site(outlets=[outlet("a-1"), outlet("b-1", agency="lain")]), NOW)
    both = [heard("a-1", "vacant", at("10:00:00")), heard("b-1", "vacant", at("10:01:00"))]
    answer = sidak.answer([sidak.Asked(plan, both, (), None, "lain")], NOW)
    assert (empty(answer), answer.sums["obliged"]) == ([("b-1", at("10:01:00"))], 1)


@pytest.mark.parametrize(
    ("occupancies", "now", "expected"),
    [
        ([heard("a-1", "vacant", NOW)], NOW, ("1 dari 1 loket", "tidak ada petugasnya.")),
        ([heard("a-1", "occupied", NOW)], NOW, ("", "Semua loket yang wajib buka ada petugasnya: 1 dari 1.")),
        ([], at("12:30:00"), ("", "Sekarang tidak ada loket yang wajib buka.")),
    ],
)
def test_the_answer_is_one_sentence(occupancies: list[Occupancy], now: int, expected: tuple[str, str]):
    assert sidak_words.headline(ask(*occupancies, now=now), ID) == expected


def test_what_is_unknown_says_since_when_and_the_last_evidence():
    (one,) = ask(heard("a-1", "unknown", at("10:31:00"))).unknown
    said = sidak_words.unknown(one, NOW, ID)
    assert said == ("Loket a-1 · Dinas", "tidak diketahui sejak 10.31, bukti terakhir 10.42")
    (one,) = ask().unknown
    assert sidak_words.unknown(one, NOW, EN).why == "no evidence yet"


def test_who_stands_in_is_whom_to_call_and_was_told_on_the_step_of_the_contact():
    away = Substitute(agency="dinas", contact="koordinator", from_ms=NOW - HOUR, to_ms=NOW + MINUTE, to="kepala")
    steps = (Step(after_ms=0, to="agency"), Step(after_ms=5 * MINUTE, to="agency", level=2))
    told = row(told=(Told(NOW - 41 * MINUTE, "dinas", "kepala"),))
    fields = {"substitutes": (away,), "escalation": {"people": steps}}
    (found,) = ask(heard("a-1", "vacant", NOW - 51 * MINUTE), alerts=(told,), **fields).empty
    assert [(one.name, one.step) for one in found.told] == [("Kepala dinas", 1)]
    assert found.contact is not None
    assert (found.contact.name, found.contact.phone) == ("Kepala dinas", "0200 555 0100")
    (after,) = ask(heard("a-1", "vacant", NOW - 51 * MINUTE), now=NOW + MINUTE, **fields).empty
    assert after.contact == DESK
