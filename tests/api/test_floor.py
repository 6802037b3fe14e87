from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from api import floor, floor_alerts, floor_figures, floor_hours, floor_log, floor_tiles
from api.access import Sight
from api.live import Change, Distrust, Occupancy, ZoneOccupancy
from api.words import Words
from presence.alerts.life import Alert
from presence.instants import parse_instant, rfc3339
from presence.intervals import Span
from presence.site import Absence, Agency, Contact, Duty, Gateway, Maintenance, Rule, Source
from presence.status import Status
from storage.record.acknowledgements import Acknowledgement
from storage.record.alert_list import AlertRow, Told
from tests.builders import HOUR_MS, outlet, sensor, site

NOW = parse_instant("2026-11-24T10:42:07+07:00")
MINUTE, HOUR = 60_000, 3_600_000
ID, EN = Words("id", "Asia/Jakarta"), Words("en", "Asia/Jakarta")


def at(clock: str) -> int:
    return parse_instant(f"2026-11-24T{clock}+07:00")


def occupancy(status: Status, since: str = "10:36:00", *, seen: str | None = "10:42:03", **fields: Any) -> Occupancy:
    zone = ZoneOccupancy(state="vacant", p=0.1, seen=None if seen is None else rfc3339(at(seen)))
    defaults: dict[str, Any] = {"outlet": "a-1", "until": rfc3339(at("12:00:00")), "at": rfc3339(NOW)}
    return Occupancy(
        site="balai", status=status, since=rfc3339(at(since)), **{"zones": {"staff": zone}, **defaults, **fields}
    )


def row(kind: str = "vacancy", subject: str = "a-1", since: str = "09:51:00", **fields: Any) -> AlertRow:
    types = {"sensor_silent": "sensor", "gateway_offline": "gateway", "site_outage": "site"}
    ended = {name: fields.pop(name) for name in ("resolved_ms", "reason") if name in fields}
    subject_type = fields.pop("subject_type", types.get(kind, "outlet"))
    alert = Alert(kind, subject_type, subject, at(since), at(since) + 10 * MINUTE, **ended)  # type: ignore[arg-type]
    defaults: dict[str, Any] = {"late": False, "disproved_ms": None, "revision": 1}
    return AlertRow(f"{kind}-{subject}-{since}", "balai", alert, **{**defaults, **fields})


def plan(**fields: Any) -> floor.Plan:
    return floor.plan(site(**fields), NOW)


def shown(occupancy: Occupancy, alerts: Sequence[AlertRow] = (), **fields: Any) -> floor_tiles.Tile:
    return floor_tiles.tile(plan(**fields).outlets["a-1"], occupancy, alerts, NOW, ID)


def test_a_tile_says_state_duration_and_age():
    tile = shown(occupancy("staffed", "08:02:00"))
    assert tile == floor_tiles.Tile(
        "staffed", "", "2 j 40 mnt".replace(" ", "\u00a0"), "Terisi", "", "", "bukti 4\u00a0dtk"
    )


def test_an_empty_outlet_says_when_its_alert_would_come():
    assert shown(occupancy("vacant"))[1:6] == (
        "pending",
        "6\u00a0mnt",
        "Kosong",
        "st-declared",
        "Peringatan pada 10.46",
    )
    assert shown(occupancy("unattended")).note == "Peringatan pada 10.46"


@pytest.mark.parametrize(
    ("why", "fields", "told"),
    [
        ("the rule is off", {"rules": {"vacancy": Rule(off=True)}}, {}),
        ("the break comes first", {}, {"until": rfc3339(at("10:46:00"))}),
        ("the time has passed", {}, {"since": "10:30:00"}),
        (
            "it would be under maintenance",
            {"maintenance": (Maintenance(from_ms=at("10:45:00"), to_ms=at("11:00:00"), outlet="a-1"),)},
            {},
        ),
        (
            "an absence begins before",
            {"absences": (Absence(outlet="a-1", from_ms=at("10:45:00"), to_ms=at("11:00:00"), reason="break"),)},
            {},
        ),
        (
            "another outlet of the duty may be staffed",
            {"outlets": [outlet("a-1"), outlet("a-2")], "duties": (Duty(id="d", outlets=("a-1", "a-2")),)},
            {},
        ),
    ],
)
def test_no_alert_is_announced_that_would_not_come(why: str, fields: dict[str, Any], told: dict[str, Any]):
    tile = shown(occupancy("vacant", **told), **fields)
    assert (tile.phase, tile.note) == ("", ""), why


def test_a_standing_alert_says_who_was_told_first():
    assert shown(occupancy("vacant"), [row()])[1:6:4] == ("firing", "Peringatan 10.01")
    told = (Told(at("10:01:02"), "dinas", "koordinator"), Told(at("10:16:02"), "dinas", "koordinator"))
    assert shown(occupancy("vacant"), [row(told=told)]).note == "Diberitahu 10.01"
    assert shown(occupancy("staffed"), [row(told=told)]).phase == ""  # it resolves in a moment


def answer(at_clock: str = "10:05:00", until: str = "11:05:00", **fields: Any) -> Acknowledgement:
    defaults: dict[str, Any] = {"reason": "equipment", "note": None, "author": "ani"}
    return Acknowledgement(1, "x", at(at_clock), at(until), **{**defaults, **fields})


def test_who_is_back_in_five_minutes_is_not_said_to_have_a_break():
    soon = row(acknowledged=answer("10:42:00", "10:47:00", reason="break"))
    assert shown(occupancy("vacant"), [soon]).note == "Diakui ani: kembali dalam 5 menit"
    for other in (answer(reason="break"), answer("10:42:00", "10:47:00", reason="break", note="makan")):
        assert shown(occupancy("vacant"), [row(acknowledged=other)]).note == "Diakui ani: istirahat"
    for lang, said in ((ID, "kembali dalam 5 menit"), (EN, "back in 5 minutes")):
        (card,) = floor_alerts.cards([soon], {}, plan(), NOW, lang)
        assert said in str(card)


def test_an_answered_alert_is_quiet_until_the_time_of_its_answer_is_over():
    answered = row(acknowledged=answer())
    assert shown(occupancy("vacant"), [answered])[1:6] == (
        "acknowledged",
        "51\u00a0mnt",
        "Kosong",
        "i-check",
        "Diakui ani: alat rusak",
    )
    over = row(acknowledged=answer(until="10:42:07"))
    assert shown(occupancy("vacant"), [over])[1:6:4] == ("firing", "Peringatan 10.01")


def test_an_alert_that_nobody_answered_is_louder_than_an_answered_one():
    waiting = row("unattended", since="10:30:00")
    for alerts in ([row(acknowledged=answer()), waiting], [waiting, row(acknowledged=answer())]):
        assert shown(occupancy("unattended"), alerts).phase == "firing"
    answered = row("unattended", since="10:30:00", acknowledged=answer())
    assert shown(occupancy("unattended"), [row(), answered]).phase == "firing"
    assert shown(occupancy("unattended"), [row(acknowledged=answer()), answered]).phase == "acknowledged"


def test_an_answered_alert_needs_no_action():
    for acknowledged, expected in ((None, True), (answer(), False), (answer(until="10:42:07"), True)):
        assert floor_figures.shows("action", "vacant", [row(acknowledged=acknowledged)], NOW) is expected


def test_the_card_of_an_answered_alert_says_who_answered_what_and_until_when():
    rows = [row("vacancy", "a-1", acknowledged=answer(note="printer <b>kuitansi</b>")), row("vacancy", "a-2")]
    cards = floor_alerts.cards(rows, {}, plan(outlets=[outlet("a-1"), outlet("a-2")]), NOW, ID)
    assert [(card.life, card.href) for card in cards] == [
        ("firing", "/sites/balai/outlets/a-2"),
        ("acknowledged", "/sites/balai/outlets/a-1"),
    ]
    assert [card.answer for card in cards] == [f"/agency?site=balai&agency=dinas#alert-{rows[1].id}", ""]
    assert cards[1].told == ("Diakui 10.05 oleh ani: alat rusak, “printer <b>kuitansi</b>”. Berlaku sampai 11.05")
    (card,) = floor_alerts.cards([row(acknowledged=answer(reason="sick"))], {}, plan(), NOW, EN)
    assert card.told == "Acknowledged 10:05 by ani: sick. Holds until 11:05"


def test_a_technical_alert_is_for_the_technician():
    silent = row("sensor_silent", "a-1-s", "10:31:00")
    assert shown(occupancy("unknown"), [silent])[1:6:4] == ("tech", "Sensor senyap sejak 10.31")
    told = row("sensor_silent", "a-1-s", "10:31:00", told=(Told(at("10:36:00"), "", "teknisi"),))
    assert shown(occupancy("unknown"), [told]).note == "Teknisi diberitahu 10.36"
    assert shown(occupancy("vacant"), [told, row()]).phase == "firing"


def test_an_absence_says_why_and_until_when():
    until = rfc3339(at("11:00:00"))
    assert shown(occupancy("declared", reason="meeting", until=until)).note == "Rapat / apel · kembali 11.00"
    assert shown(occupancy("declared", reason="upacara", until=until)).note == "upacara · kembali 11.00"
    assert shown(occupancy("declared", reason=None, until=until)).note == "Kembali 11.00"
    assert shown(occupancy("declared", reason="break", until=None)).note == "Istirahat"


def test_a_closed_outlet_says_when_it_opens_and_not_since_when_it_is_closed():
    until = rfc3339(parse_instant("2026-11-26T08:00:00+07:00"))
    assert shown(occupancy("closed", until=until))[2:6] == ("", "Tutup", "", "Buka Kamis 08.00")


def test_an_outlet_that_was_never_heard_of_waits():
    tile = shown(Occupancy(site="balai", outlet="a-1", status="unknown", since=None, zones={}))
    assert (tile.note, tile.age, tile.duration) == ("Menunggu kabar pertama", "belum ada bukti", "")


def test_sums_close():
    counts: dict[Status, int] = {
        "staffed": 12,
        "serving": 15,
        "unattended": 2,
        "vacant": 4,
        "declared": 1,
        "unknown": 2,
    }
    shown = [occupancy(status, outlet=f"{status}-{n}") for status, count in counts.items() for n in range(count)]
    shown += [occupancy("closed", outlet="c-1"), occupancy("closed", outlet="c-2")]
    found = floor_figures.sums(shown, {"vacant-0": [row()], "unknown-0": [row("sensor_silent", "x")]}, NOW)
    assert found == {
        "all": 38, "action": 1, "obliged": 36, "staffed": 27, "serving": 15,
        "unattended": 2, "vacant": 4, "declared": 1, "unknown": 2,
    }  # fmt: skip
    parts = ("staffed", "unattended", "vacant", "declared", "unknown")
    assert sum(found[part] for part in parts) == found["obliged"]
    seats = floor_figures.seats(shown)
    assert [seat.css for seat in seats] == (
        ["b-unattended"] * 2 + ["b-vacant"] * 4 + ["b-unknown"] * 2 + ["b-declared"] + ["b-staffed"] * 27
    )
    assert (seats[0].x, seats[0].width, seats[-1].x) == ("0.18%", "2.42%", "97.40%")
    assert floor_figures.seats_in_words(found, ID) == (
        "36 loket wajib buka: 2 warga menunggu, 4 kosong, 2 tidak diketahui, 1 izin, 27 ada petugas"
    )


def test_while_nothing_is_known_the_hours_say_who_must_be_there():
    house = site(outlets=[outlet("a-1"), outlet("a-2", service_hours="Mo-Su 00:00-24:00")])
    shown = [occupancy("unknown", outlet=name) for name in ("a-1", "a-2")]
    where, night = floor.plan(house, NOW), NOW + 12 * HOUR
    for now_ms, obliged in ((NOW, 2), (night, 1)):
        found = floor_figures.sums(floor_figures.counted(shown, where, now_ms), {}, now_ms)
        assert (found["obliged"], found["unknown"], found["all"]) == (obliged, obliged, 2)
    said = where.as_json(night, phones=False, answers=False)
    assert [said["outlets"][name]["hours"] for name in ("a-1", "a-2")] == [0, 1]
    assert [spans[0].start_ms <= night for spans in said["hours"]] == [False, True]


def test_a_closed_house_has_no_seats():
    found = floor_figures.sums([occupancy("closed")], {}, NOW)
    assert floor_figures.seats([occupancy("closed")]) == []
    assert floor_figures.seats_in_words(found, ID) == "Sekarang tidak ada loket yang wajib buka"
    assert floor_figures.staffed_in_words(["closed"], EN) == "closed"


def test_alerts_are_ordered_by_urgency_and_then_by_age():
    rows = [
        row("sensor_silent", "a-1-s", "08:00:00"),
        row("vacancy", "a-2", "10:20:00"),
        row("vacancy", "a-1", "09:51:00"),
        row("unattended", "a-3", "10:37:00"),
        row("vacancy", "a-4", "08:00:00", resolved_ms=at("09:00:00"), reason="presence"),
    ]
    cards = floor_alerts.cards(rows, {}, plan(outlets=[outlet(f"a-{n}") for n in range(1, 5)]), NOW, ID)
    assert [(card.state, card.icon, card.where, card.href) for card in cards] == [
        ("unattended", "st-unattended", "Loket a-3 · Dinas dinas", "/sites/balai/outlets/a-3"),
        ("vacant", "st-vacant", "Loket a-1 · Dinas dinas", "/sites/balai/outlets/a-1"),
        ("vacant", "st-vacant", "Loket a-2 · Dinas dinas", "/sites/balai/outlets/a-2"),
        ("unknown", "i-sensor", "a-1-s · Loket a-1", "/sites/balai/outlets/a-1"),
    ]
    assert (cards[1].duration, cards[1].since) == ("51\u00a0mnt", "sejak 09.51")


def test_a_card_counts_no_further_once_somebody_is_back():
    back = {"staff": ZoneOccupancy(state="occupied", p=0.9, since=rfc3339(at("10:40:30")))}
    again = {"a-1": occupancy("staffed", "10:40:30", zones=back)}
    (card,) = floor_alerts.cards([row()], again, plan(), NOW, ID)
    assert (card.duration, card.since) == ("49\u00a0mnt", "sejak 09.51")
    assert card.told == "Ada petugas sejak 10.40, dipastikan dulu. Peringatan 10.01 · belum ada yang diberitahu"
    assert (card.state, card.icon, card.what) == ("staffed", "st-staffed", "Petugas kembali")
    (card,) = floor_alerts.cards([row()], {"a-1": occupancy("vacant")}, plan(), NOW, ID)
    assert card.duration == "51\u00a0mnt"


def test_a_card_does_not_call_empty_what_is_not_known_any_more():
    (card,) = floor_alerts.cards([row()], {"a-1": occupancy("unknown")}, plan(), NOW, ID)
    assert (card.state, card.icon, card.what) == ("unknown", "st-unknown", "Kosong, kini tidak diketahui")
    assert card.life == "firing"


def test_a_tile_lasts_as_long_as_its_word_and_as_the_card_of_its_alert():
    assert shown(occupancy("vacant", "10:36:00"), [row(since="09:51:00")]).duration == "51\u00a0mnt"
    visitor = {"visitor": ZoneOccupancy(state="occupied", p=0.9, since=rfc3339(at("10:39:00")))}
    statuses: tuple[Status, ...] = ("serving", "unattended")
    for status in statuses:
        assert shown(occupancy(status, "10:02:00", zones=visitor)).duration == "3\u00a0mnt"
        assert shown(occupancy(status, "10:40:00", zones=visitor)).duration == "2\u00a0mnt"
    assert shown(occupancy("staffed", "10:02:00", zones=visitor)).duration == "40\u00a0mnt"


def test_what_no_sensor_counts_is_a_dash():
    found = floor_figures.sums([occupancy("staffed")], {}, NOW)
    watched = plan(outlets=[outlet("a-1", sensors=[sensor("s", zone="visitor")])])
    assert [floor_figures.figure("serving", found, where, ID) for where in (plan(), watched)] == ["–", "0"]
    assert floor_figures.figure("vacant", found, plan(), ID) == "0"


def test_a_card_names_whom_it_reached_and_when():
    contacts = (Contact(id="koordinator", name="Koordinator loket"), Contact(id="kepala", name="Kepala dinas"))
    where = plan(
        agencies=(Agency(id="dinas", name="Dinas", short="Din", contacts=contacts),),
        contacts=(Contact(id="pengelola", name="Pengelola", role="facility_manager"),),
    )
    told = tuple(
        Told(at(clock), agency, recipient)
        for clock, agency, recipient in [
            ("10:01:00", "dinas", "koordinator"),
            ("10:16:00", "dinas", "koordinator"),
            ("10:21:00", "dinas", "kepala"),
            ("10:36:00", "", "pengelola"),
            ("10:40:00", "", "sudah-dihapus"),
        ]
    )
    (card,) = floor_alerts.cards([row(told=told)], {}, where, NOW, ID)
    assert card.told == (
        "Diberitahu 10.01, 10.16 · Koordinator loket; 10.21 · Kepala dinas; 10.36 · Pengelola; 10.40 · sudah-dihapus"
    )
    assert card.where == "Loket a-1 · Din"
    (card,) = floor_alerts.cards([row()], {}, where, NOW, ID)
    assert card.told == "Peringatan 10.01 · belum ada yang diberitahu"
    (card,) = floor_alerts.cards([row(late=True)], {}, where, NOW, ID)
    assert card.told.endswith(". Terlambat diketahui: Hadir sedang tidak berjalan waktu itu")


def test_an_alert_concerns_the_outlets_of_its_duty_sensor_or_gateway():
    where = plan(
        outlets=[
            outlet("a-1", sensors=[sensor("r1", source=Source(gateway="gw"))]),
            outlet("a-2", sensors=[sensor("r2", source=Source(gateway="gw"))]),
            outlet("a-3"),
        ],
        duties=(Duty(id="d", outlets=("a-1", "a-3")),),
        gateways=(Gateway(id="gw"),),
    )
    rows = [row(subject="d", subject_type="duty"), row("sensor_silent", "r2"), row("gateway_offline", "gw")]
    kinds = {name: [one.alert.kind for one in its] for name, its in floor_alerts.standing(rows, where.subjects).items()}
    assert kinds == {
        "a-1": ["vacancy", "gateway_offline"],
        "a-2": ["sensor_silent", "gateway_offline"],
        "a-3": ["vacancy"],
    }


def test_the_last_hour_tells_what_matters():
    changes = [
        Change("a-1", "vacant", at("10:29:00"), "staffed", 44 * MINUTE),
        Change("a-1", "staffed", at("10:28:00"), "unknown", 400),  # for which there are no words
        Change("a-1", "serving", at("10:20:00"), "staffed", MINUTE),  # visitors come and go
        Change("a-1", "closed", at("10:19:00"), "staffed", MINUTE),  # as everywhere
        Change("a-9", "vacant", at("10:18:00"), None, None),  # not of this site any more
        Change("a-1", "unknown", at("09:42:00"), None, None),  # longer ago
    ]
    rows = [
        row(since="09:59:00", resolved_ms=at("10:11:00"), reason="presence"),
        row(since="09:00:00", disproved_ms=at("10:12:00")),
        row(since="10:00:00", resolved_ms=at("10:13:00"), reason="unknown"),
        row(since="10:30:00"),
    ]
    lines = floor_log.log_lines(changes, rows, plan(), NOW, ID)
    assert [(line.at, line.state, line.word, line.more.replace("\u00a0", " ")) for line in lines] == [
        ("10.29", "vacant", "Kosong", "sebelumnya terisi, 44 mnt"),
        ("10.28", "staffed", "Terisi", ""),
        ("10.13", "unknown", "Peringatan selesai", "kosong 13 mnt; berakhir tanpa kepastian"),
        ("10.12", "unknown", "Terbantah oleh data", "kosong 1 j 12 mnt"),
        ("10.11", "staffed", "Peringatan selesai", "kosong 12 mnt; petugas kembali"),
    ]


@pytest.mark.parametrize(
    ("now", "indonesian", "english"),
    [
        ("10:42:07", "Istirahat dalam 1 j 17 mnt.", "Break in 1 h 17."),
        ("07:00:00", "Buka 08.00.", "Opens 08:00."),
        ("12:30:00", "Buka dalam 30 mnt.", "Opens in 30 min."),
        ("14:30:00", "Tutup dalam 30 mnt.", "Closing in 30 min."),
        ("15:00:00", "Buka Rabu 08.00.", "Opens Wednesday 08:00."),
    ],
)
def test_service_hours_say_what_comes_next(now: str, indonesian: str, english: str):
    spans = plan().spans(ID.day_start_ms(NOW))
    for words, hours, expected in (
        (ID, "Jam layanan 08.00–12.00 dan 13.00–15.00.", indonesian),
        (EN, "Service hours 08:00–12:00 and 13:00–15:00.", english),
    ):
        assert floor_hours.hours_sentence(spans, at(now), words).replace("\u00a0", " ") == f"{hours} {expected}"


def test_a_day_without_service_hours_says_so():
    sunday = parse_instant("2026-11-22T10:00:00+07:00")
    spans = plan().spans(ID.day_start_ms(sunday))
    assert floor_hours.hours_sentence(spans, sunday, ID) == "Hari ini tidak ada jam layanan. Buka Senin 08.00."
    always = [Span(sunday - 3_600_000, sunday + 8 * 24 * 3_600_000)]
    assert floor_hours.hours_sentence(always, sunday, ID) == "Buka 24 jam."
    assert floor_hours.hours_sentence([], sunday, ID) == "Hari ini tidak ada jam layanan."
    one = [Span(at("08:00:00"), at("11:00:00"))]
    assert (
        floor_hours.hours_sentence(one, NOW, ID).replace("\u00a0", " ")
        == "Jam layanan 08.00–11.00. Tutup dalam 17 mnt."
    )


def test_a_house_that_never_closes_says_so():
    spans = plan(service_hours="24/7").spans(ID.day_start_ms(NOW))
    assert floor_hours.hours_sentence(spans, NOW, ID) == "Buka 24 jam."


def test_the_site_as_a_whole_is_spoken_of_first():
    outage = row("site_outage", "balai", "10:12:00")
    assert floor_alerts.warning([], None, None, [], ID) is None
    said = floor_alerts.warning([outage], Distrust("collector", at("10:31:00")), NOW, [], ID)
    assert said is not None
    assert said[0] == "Pengumpul data terputus sejak 10.31.00: semua loket tidak diketahui."
    unwatched = floor_alerts.warning([outage], None, at("10:41:07"), [], ID)
    assert unwatched is not None
    assert unwatched[0] == "Peringatan tidak berjalan sejak 10.41.07"
    never = floor_alerts.warning([], Distrust("broker", None), None, [], EN)
    assert never is not None
    assert never[0] == "Not connected to the message broker yet: the state of all outlets is not known."


@pytest.mark.parametrize(
    ("blind", "said"),
    [
        (10, "Gangguan gedung sejak 10.12: 7 dari 10 loket tidak diketahui."),
        (5, "Gangguan gedung sejak 10.12 mereda: tinggal 2 dari 10 loket tidak diketahui."),
        (3, "Gangguan gedung sejak 10.12 tampaknya selesai: sensor semua loket terbaca lagi."),
    ],
)
@pytest.mark.parametrize("status", ["unknown", "closed"])
def test_an_outage_that_stands_says_how_much_of_it_is_left(status: Status, blind: int, said: str):
    lost, read = ({"staff": ZoneOccupancy(state=state, p=0.5)} for state in ("unknown", "vacant"))
    shown = [occupancy(status, zones=lost if n < blind - 3 else read, outlet=f"a-{n}") for n in range(10)]
    told = floor_alerts.warning([row("site_outage", "balai", "10:12:00")], None, None, shown, ID)
    assert told is not None
    assert told[0] == said


def test_an_empty_outlet_knows_whom_to_call():
    people = (
        Contact(id="teknisi", name="Teknisi", role="technical", phone="+62 1"),
        Contact(id="kepala", name="Kepala dinas", level=2, phone="0812 2"),
        Contact(id="koordinator", name="Koordinator", level=1, phone="+62 812-000(000)"),
    )
    where = plan(agencies=(Agency(id="dinas", name="Dinas", contacts=people),))
    assert (where.outlets["a-1"].phone, where.outlets["a-1"].tel) == ("+62 812-000(000)", "tel:+62812000000")
    (card,) = floor_alerts.cards([row()], {}, where, NOW, ID)
    assert (card.href, card.tel) == ("/sites/balai/outlets/a-1", "tel:+62812000000")
    assert card.call == "Hubungi +62 812-000(000)"
    assert where.as_json(NOW, phones=False, answers=False)["outlets"]["a-1"]["tel"] == ""
    nobody = plan(agencies=(Agency(id="dinas", name="Dinas", contacts=(Contact(id="x", name="X", phone="?"),)),))
    assert nobody.outlets["a-1"].tel == ""


def test_the_page_is_told_of_muted_time_to_come_alone():
    past, lasting = ((NOW - 2 * HOUR_MS, NOW - HOUR_MS), (NOW - HOUR_MS // 2, NOW + HOUR_MS))
    absences = tuple(Absence(outlet="a-1", from_ms=start, to_ms=end, reason="sick") for start, end in (past, lasting))
    plan = floor.plan(site(absences=absences), NOW)
    assert plan.as_json(NOW, phones=False, answers=False)["outlets"]["a-1"]["muted"] == [lasting]


def test_a_tile_says_that_its_alerts_are_muted():
    work = Maintenance(outlet="a-1", from_ms=NOW - HOUR_MS, to_ms=at("12:00:00"), reason="kabel")
    tile = shown(occupancy("staffed", "08:02:00"), maintenance=(work,))
    assert (tile.phase, tile.note_icon, tile.note) == ("", "i-info", "Peringatan dimatikan sampai 12.00")
    assert shown(occupancy("vacant", "10:40:00"), maintenance=(work,)).note == "Peringatan dimatikan sampai 12.00"
    over = Maintenance(outlet="a-1", from_ms=NOW - HOUR_MS, to_ms=NOW, reason="kabel")
    assert shown(occupancy("staffed", "08:02:00"), maintenance=(over,)).note == ""


def test_an_agency_sees_its_part_of_a_site():
    whole = site(
        outlets=[outlet("a-1"), outlet("a-2"), outlet("b-1", agency="samsat")],
        duties=(
            Duty(id="own", outlets=("a-1", "a-2"), at_least=1),
            Duty(id="both", outlets=("a-2", "b-1"), at_least=1),
        ),
        gateways=(Gateway(id="gw"),),
        contacts=(Contact(id="boss", name="Pengelola"),),
    )
    part = floor.plan(Sight("dinas").part_of(whole), NOW)
    assert list(part.outlets) == ["a-1", "a-2"]
    assert list(part.subjects) == [
        *("outlet/a-1", "outlet/a-2", "duty/own", "sensor/a-1-s", "sensor/a-2-s", "site/balai"),
    ]
    assert "/boss" not in part.contacts


def test_calm_is_said_only_as_far_as_it_is_known():
    def calm(*shown: Occupancy) -> str:
        return floor_figures.calm(floor_figures.sums(shown, {}, NOW), shown, NOW, ID).replace("\u00a0", " ")

    staffed, serving = occupancy("staffed", seen="10:41:58"), occupancy("serving", outlet="a-2")
    assert calm(staffed, serving) == "2 loket wajib buka, semuanya ada petugas. Bukti tertua 9 dtk."
    assert calm(staffed, occupancy("unknown", outlet="a-2", seen="10:00:00")) == (
        "2 loket wajib buka: 1 tidak diketahui, 1 ada petugas. Bukti tertua 42 mnt."
    )
    assert calm(occupancy("closed")) == "Sekarang tidak ada loket yang wajib buka."


def test_floors_go_up_and_outlets_by_their_number():
    numbered = [outlet(f"a-{n}", number=n, floor=level) for n, level in ((3, 2), (10, 1), (2, 1))]
    floors = plan(outlets=[*numbered, outlet("x"), outlet("y", floor=1)]).floors
    assert [(level, [one.id for one in outlets]) for level, outlets in floors] == [
        (1, ["a-2", "a-10", "y"]),
        (2, ["a-3"]),
        (None, ["x"]),
    ]
