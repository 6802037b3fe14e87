from __future__ import annotations

import json
import logging
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from api.alerting.site_engine import OtherEngine
from presence.alerts.life import Alert, alert_id
from presence.intervals import Interval, Span, State
from presence.pipeline import Lines, alerts_of
from presence.site import Absence, Agency, Contact, Duty, Maintenance, Rule, Step
from presence.zones import ZoneKey
from storage.record.alerts import Cursor, cursor, left_behind, of_subject
from storage.record.intervals import last_change, revise, set_progress, zone_intervals
from storage.record.tables import alert as alert_table
from storage.record.tables import audit as audit_table
from storage.record.tables import notification
from tests.builders import outlet
from tests.fixtures.alerting import Floor, at, floor_in, watched_site

HOOK = "hadir+http://127.0.0.1:1/hook"


def vacancy(since: str, fired: str, resolved: str | None = None, reason: str | None = None) -> Alert:
    return Alert("vacancy", "outlet", "a-1", at(since), at(fired), at(resolved) if resolved else None, reason)  # type: ignore[arg-type]


def keys(floor: Floor) -> list[str]:
    """The queue, alerts written as the clock of their `since`."""
    named = {
        alert_id(floor.site.id, "vacancy", "a-1", at(f"{h:02}:{m:02}")): f"{h:02}:{m:02}"
        for h in range(24)
        for m in range(60)
    }
    return [".".join((named[message.key.split(".")[0]], *message.key.split(".")[1:])) for message in floor.queue()]


def test_a_vacancy_fires_when_its_clock_is_full_and_never_before(floor: Floor) -> None:
    floor.register(watched_site(HOOK))
    engine = floor.engine()
    floor.staff("a-1", {"08:00": "occupied", "09:00": "vacant"}, until="09:10:00")
    engine.tick()
    assert floor.alerts() == []
    floor.pass_until("09:10:00.001")
    engine.tick()
    assert floor.alerts() == [vacancy("09:00", "09:10")]
    assert (keys(floor), floor.late(), floor.audit_rows()) == (["09:00.firing.budi.0"], [False], 1)


def test_it_fires_once_when_something_changes_at_the_very_instant_up_to_which_all_is_known(floor: Floor) -> None:
    floor.register(watched_site(HOOK))
    engine = floor.engine()
    floor.staff("a-1", {"08:00": "occupied", "09:00": "vacant"}, until="09:05")
    engine.tick()
    floor.staff("a-1", {"09:30": "occupied"}, until="09:30")
    engine.tick()
    assert (floor.alerts(), floor.audit_rows()) == ([vacancy("09:00", "09:10")], 1)


def test_it_resolves_with_its_reason_and_those_who_heard_of_it_are_told(floor: Floor) -> None:
    floor.register(watched_site(HOOK))
    engine = floor.engine()
    floor.staff("a-1", {"08:00": "occupied", "09:00": "vacant"}, until="09:20")
    engine.tick()
    floor.staff("a-1", {"09:25": "occupied"}, until="09:25:29.999")
    engine.tick()
    assert floor.alerts() == [vacancy("09:00", "09:10")]
    floor.pass_until("09:25:30")
    engine.tick()
    assert floor.alerts() == [vacancy("09:00", "09:10", "09:25", "presence")]
    assert (keys(floor), floor.audit_rows()) == (["09:00.firing.budi.0", "09:00.resolved.budi.0"], 2)


def test_closing_ends_it_though_nothing_comes_in(floor: Floor) -> None:
    floor.register(watched_site(HOOK))
    engine = floor.engine()
    floor.staff("a-1", {"08:00": "occupied", "11:00": "vacant"}, until="11:30")
    engine.tick()
    floor.pass_until("12:00:00.001")
    engine.tick()
    assert floor.alerts() == [vacancy("11:00", "11:10", "12:00", "closed")]
    floor.pass_until("13:10:00.001")
    engine.tick()
    assert floor.alerts()[1:] == [vacancy("13:00", "13:10")]


def test_the_webhooks_body_is_rendered_once_into_the_queue(floor: Floor) -> None:
    floor.register(watched_site(HOOK))
    floor.staff("a-1", {"08:00": "occupied", "09:00": "vacant"}, until="09:10:01")
    floor.engine().tick()
    with floor.record.reading() as connection:
        body = json.loads(connection.execute(select(notification.c.body)).scalar_one())
    assert body["alert"]["id"] == alert_id("balai", "vacancy", "a-1", at("09:00"))
    assert (body["event"], body["alert"]["state"], body["alert"]["late"]) == ("firing", "firing", False)
    assert body["outlet"]["agency"] == {"id": "dinas", "name": "Dinas Tenaga Kerja", "short": "Disnaker"}
    assert body["text"]["id"] == "Loket 1 kosong sejak 09.00 (10 mnt).\nKTP-el, Disnaker."


def test_an_end_without_certainty_says_since_when_nothing_is_known(floor: Floor) -> None:
    floor.register(watched_site(HOOK))
    engine = floor.engine()
    floor.staff("a-1", {"08:00": "occupied", "09:00": "vacant"}, until="09:30")
    engine.tick()
    floor.staff("a-1", {"09:31": "unknown"}, until="09:36")
    engine.tick()
    assert floor.alerts() == [vacancy("09:00", "09:10", "09:36", "unknown")]
    with floor.record.reading() as connection:
        body = json.loads(
            connection.scalars(select(notification.c.body).order_by(notification.c.due_ms.desc())).first() or ""
        )
    assert body["text"]["id"] == "Berakhir tanpa kepastian: sensor Loket 1 senyap sejak 09.31."


def test_what_became_due_while_nobody_watched_is_sent_now_and_marked_late(floor: Floor) -> None:
    floor.register(watched_site(HOOK))
    floor.staff("a-1", {"08:00": "occupied", "09:00": "vacant"}, until="09:05")
    floor.engine().tick()
    floor.pass_until("10:30")
    floor.restarted().tick()
    assert (floor.alerts(), floor.late()) == ([vacancy("09:00", "09:10")], [True])
    assert keys(floor) == ["09:00.firing.budi.0"]


def test_what_was_over_before_anybody_watched_is_recorded_and_not_sent(floor: Floor) -> None:
    floor.register(watched_site(HOOK))
    floor.staff("a-1", {"08:00": "occupied", "09:00": "vacant", "09:40": "occupied"}, until="10:30")
    floor.engine().tick()
    assert floor.alerts() == [vacancy("09:00", "09:10", "09:40", "presence")]
    assert (floor.late(), floor.queue(), floor.audit_rows()) == ([True], [], 2)


def test_late_data_that_shows_presence_disproves_the_alert_and_says_so(floor: Floor) -> None:
    floor.register(watched_site(HOOK))
    engine = floor.engine()
    floor.staff("a-1", {"08:00": "occupied", "09:00": "vacant"}, until="09:30")
    engine.tick()
    floor.staff("a-1", {"09:04": "occupied", "09:28": "vacant"}, until="09:31")
    engine.tick()
    assert (floor.alerts(), floor.alerts(disproved=True)) == ([], [vacancy("09:00", "09:10")])
    assert keys(floor) == ["09:00.firing.budi.0", "09:00.disproved.budi.0"]
    with floor.record.reading() as connection:
        bodies = [
            json.loads(body) for body in connection.scalars(select(notification.c.body).order_by(notification.c.due_ms))
        ]
    assert bodies[1]["alert"]["state"] == "disproved"
    assert bodies[1]["text"]["en"].startswith("Correction: outlet 1 was staffed 09:04–09:28.")


def test_late_data_that_moves_the_beginning_takes_one_alert_back_before_it_raises_the_other(floor: Floor) -> None:
    floor.register(watched_site(HOOK))
    engine = floor.engine()
    floor.staff("a-1", {"08:00": "occupied", "09:00": "vacant"}, until="09:30")
    engine.tick()
    floor.staff("a-1", {"09:04": "occupied", "09:06": "vacant"}, until="09:31")
    engine.tick()
    assert floor.alerts() == [vacancy("09:06", "09:16")]
    assert keys(floor) == ["09:00.firing.budi.0", "09:00.disproved.budi.0", "09:06.firing.budi.0"]


def test_an_end_that_late_data_takes_back_is_told_again_under_the_next_number(floor: Floor) -> None:
    floor.register(watched_site(HOOK))
    engine = floor.engine()
    floor.staff("a-1", {"08:00": "occupied", "09:00": "vacant"}, until="09:30")
    engine.tick()
    floor.staff("a-1", {"09:31": "occupied"}, until="09:40")
    engine.tick()
    floor.staff("a-1", {"09:31": "vacant"}, until="09:41")
    engine.tick()
    assert floor.alerts() == [vacancy("09:00", "09:10")]
    floor.pass_until("12:00:01")
    engine.tick()
    assert keys(floor) == [
        "09:00.firing.budi.0",
        "09:00.resolved.budi.0",
        "09:00.firing.budi.1",
        "09:00.resolved.budi.1",
    ]


def test_an_end_that_late_data_dates_anew_is_corrected_and_audited_with_what_it_was(floor: Floor) -> None:
    floor.register(watched_site(HOOK))
    engine = floor.engine()
    floor.staff("a-1", {"08:00": "occupied", "09:00": "vacant", "09:31": "occupied"}, until="09:20")
    engine.tick()
    floor.pass_until("09:40")
    engine.tick()
    floor.staff("a-1", {"09:29": "occupied"}, until="09:41")
    engine.tick()
    assert floor.alerts() == [vacancy("09:00", "09:10", "09:29", "presence")]
    assert keys(floor) == ["09:00.firing.budi.0", "09:00.resolved.budi.0"]
    with floor.record.reading() as connection:
        last = json.loads(
            connection.scalars(select(audit_table.c.body).order_by(audit_table.c.id.desc())).first() or ""
        )
    assert (last["event"], last["was"]["resolved"]) == ("corrected", "2026-11-24T02:31:00.000Z")


def test_a_declared_absence_ends_it_from_when_it_is_declared(floor: Floor) -> None:
    wanted = watched_site(HOOK)
    floor.register(wanted)
    engine = floor.engine()
    floor.staff("a-1", {"08:00": "occupied", "09:00": "vacant"}, until="09:30")
    engine.tick()
    absence = Absence(outlet="a-1", from_ms=at("09:40"), to_ms=at("10:00"), reason="meeting")
    floor.register(replace(wanted, absences=(absence,)))
    engine.tick()
    assert floor.alerts() == [vacancy("09:00", "09:10")]
    floor.pass_until("10:10:01")
    engine.tick()
    assert floor.alerts() == [vacancy("09:00", "09:10", "09:40", "declared"), vacancy("10:00", "10:10")]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"rules": {"vacancy": Rule(after_ms=3_600_000)}}, "ended"),
        ({"rules": {"vacancy": Rule(off=True)}}, "ended"),
        ({"absences": (Absence(outlet="a-1", from_ms=at("08:30"), to_ms=at("11:00"), reason="sick"),)}, "declared"),
        ({"maintenance": (Maintenance(outlet="a-1", from_ms=at("08:30"), to_ms=at("11:00")),)}, "maintenance"),
        ({"service_hours": "Mo-Fr 13:00-15:00"}, "closed"),
        ({"outlets": (outlet("a-2"),)}, "ended"),
        ({"duties": (Duty(id="both", outlets=("a-1",)),)}, "ended"),
    ],
    ids=["later", "off", "declared", "maintenance", "closed", "removed", "in-a-duty"],
)
def test_another_registry_ends_what_stands_and_disproves_nothing(
    floor: Floor, change: dict[str, object], reason: str
) -> None:
    wanted = watched_site(HOOK)
    floor.register(wanted)
    engine = floor.engine()
    floor.staff("a-1", {"08:00": "occupied", "09:00": "vacant"}, until="09:30")
    engine.tick()
    floor.register(replace(wanted, **change))  # type: ignore[arg-type]
    engine.tick()
    # Other hours are in force from the instant on at which they were registered.
    ended = vacancy("09:00", "09:10", "09:30:00.500" if reason == "closed" else "09:30", reason)
    assert floor.alerts() == ([vacancy("09:00", "09:10")] if reason == "closed" else [ended])
    floor.staff("a-1", {"09:31": "occupied", "09:32": "vacant"}, until="09:35")
    engine.tick()
    floor.restarted().tick()
    assert floor.alerts() == [ended]


def test_a_shorter_rule_fires_at_once_for_what_is_true_now(floor: Floor) -> None:
    wanted = watched_site(HOOK)
    floor.register(wanted)
    engine = floor.engine()
    floor.staff("a-1", {"08:00": "occupied", "09:00": "vacant"}, until="09:07")
    engine.tick()
    floor.register(replace(wanted, rules={"vacancy": Rule(after_ms=300_000)}))
    engine.tick()
    assert (floor.alerts(), floor.late(), keys(floor)) == ([vacancy("09:00", "09:05")], [True], ["09:00.firing.budi.0"])


def test_another_registry_is_heard_before_anything_is_judged(floor: Floor) -> None:
    wanted = watched_site(HOOK)
    floor.register(wanted)
    engine = floor.engine()
    floor.staff("a-1", {"08:00": "occupied", "09:00": "vacant"}, until="09:05")
    engine.tick()
    floor.register(replace(wanted, rules={"vacancy": Rule(after_ms=1_800_000)}))
    floor.pass_until("09:15")
    engine.tick()
    assert (floor.alerts(), floor.audit_rows()) == ([], 0)
    floor.pass_until("09:30:01")
    engine.tick()
    assert floor.alerts() == [vacancy("09:00", "09:30")]


@pytest.mark.parametrize("anew", [False, True], ids=["the-same-engine", "another-engine"])
@pytest.mark.parametrize(
    ("registries", "fired"),
    [
        ([{"rules": {"vacancy": Rule(after_ms=1_800_000)}}], "09:30"),
        ([{"rules": {"vacancy": Rule(off=True)}}, {}], "09:10"),
        ([{"maintenance": (Maintenance(outlet="a-1", from_ms=at("08:30"), to_ms=at("11:00")),)}, {}], "09:10"),
        ([{"outlets": (outlet("a-2"),)}, {}], "09:10"),
    ],
    ids=["later", "off-and-on", "maintenance-withdrawn", "removed-and-back"],
)
def test_what_a_registry_ended_and_stands_again_is_told_again(
    floor: Floor, registries: list[dict[str, object]], fired: str, anew: bool
) -> None:
    wanted = watched_site(HOOK)
    floor.register(wanted)
    engine = floor.engine()
    floor.staff("a-1", {"08:00": "occupied", "09:00": "vacant"}, until="09:20")
    engine.tick()
    for change in registries:
        floor.register(replace(wanted, **change))  # type: ignore[arg-type]
        engine = floor.restarted() if anew else engine
        engine.tick()
    floor.pass_until("09:31")
    engine = floor.restarted() if anew else engine
    engine.tick()
    assert floor.alerts() == [vacancy("09:00", fired)]
    floor.staff("a-1", {"09:40": "occupied"}, until="09:50")
    engine.tick()
    assert floor.alerts() == [vacancy("09:00", fired, "09:40", "presence")]
    *before, again, end = [key.removeprefix("09:00.") for key in keys(floor)]
    assert before == ["firing.budi.0", "resolved.budi.0"]
    # Whose outlet is removed is not told of the end, and that is kept.
    removed = "a-1 is not registered any more" if registries[0].get("outlets") else None
    assert floor.queue()[1].error == removed
    assert (again, end.rpartition(".")[0]) == ("firing.budi.1", "resolved.budi")


@pytest.mark.parametrize("anew", [False, True], ids=["the-same-engine", "another-engine"])
@pytest.mark.parametrize(
    "change",
    [
        {"rules": {"vacancy": Rule(after_ms=3_600_000)}},
        {"absences": (Absence(outlet="a-1", from_ms=at("08:30"), to_ms=at("11:00"), reason="sick"),)},
        {"service_hours": "Mo-Fr 08:00-09:05,13:00-15:00"},
    ],
    ids=["later", "declared", "closed"],
)
def test_what_fired_and_resolved_under_another_registry_no_correction_elsewhere_disproves(
    floor: Floor, change: dict[str, object], anew: bool
) -> None:
    wanted = watched_site(HOOK)
    floor.register(wanted)
    engine = floor.engine()
    floor.staff("a-1", {"08:00": "occupied", "09:00": "vacant", "09:30": "occupied"}, until="08:05")
    engine.tick()
    for clock in ("09:20", "10:00"):
        floor.pass_until(clock)
        engine.tick()
    floor.register(replace(wanted, **change))  # type: ignore[arg-type]
    engine.tick()
    engine = floor.restarted() if anew else engine
    floor.staff("a-1", {"08:20": "vacant", "08:21": "occupied", "09:00": "vacant", "09:30": "occupied"}, until="10:01")
    engine.tick()
    assert floor.alerts() == [vacancy("09:00", "09:10", "09:30", "presence")]
    assert keys(floor) == ["09:00.firing.budi.0", "09:00.resolved.budi.0"]


def test_another_contact_or_another_outlets_absence_hides_no_correction(floor: Floor) -> None:
    wanted = watched_site(HOOK, outlets=(outlet("a-1"), outlet("a-2")))
    floor.register(wanted)
    engine = floor.engine()
    floor.staff("a-1", {"08:00": "occupied", "09:00": "vacant", "09:30": "occupied"}, until="08:05")
    engine.tick()
    for clock in ("09:20", "10:00"):
        floor.pass_until(clock)
        engine.tick()
    manager = Contact(id="pengelola", name="P", role="facility_manager", channel=HOOK)
    absence = Absence(outlet="a-2", from_ms=at("08:30"), to_ms=at("11:00"), reason="sick")
    floor.register(replace(wanted, contacts=(manager,), absences=(absence,)))
    engine.tick()
    floor.staff("a-1", {"09:04": "occupied"}, until="10:01")
    engine.tick()
    assert (floor.alerts(), floor.alerts(disproved=True)) == ([], [vacancy("09:00", "09:10", "09:30", "presence")])


# A gateway was away and delivers its past in batches: what lies between two of them is the past, not the present.


@pytest.mark.parametrize("anew", [False, True], ids=["the-same-engine", "another-engine"])
@pytest.mark.parametrize(
    ("rest", "told"),
    [
        ({"09:20": "vacant", "09:22": "occupied"}, []),
        ({"09:20": "vacant"}, ["09:00.firing.budi.0"]),
        ({"09:20": "unknown"}, []),
    ],
    ids=["over-by-the-other-half", "true-after-all", "nothing-more"],
)
def test_what_half_a_backlog_says_of_the_past_is_told_when_it_is_seen_to_be_true_now(
    floor: Floor, rest: dict[str, State], told: list[str], anew: bool
) -> None:
    floor.register(watched_site(HOOK))
    engine = floor.engine()
    floor.staff("a-1", {"08:00": "occupied", "08:40": "unknown"}, until="09:20")
    engine.tick()
    floor.staff("a-1", {"08:40": "occupied", "09:00": "vacant", "09:20": "unknown"}, until="09:24")
    engine.tick()
    engine.tick()
    assert (floor.alerts(), floor.late(), keys(floor)) == ([vacancy("09:00", "09:10")], [True], [])
    engine = floor.restarted() if anew else engine
    floor.staff("a-1", rest, until="09:26")
    rows = floor.audit_rows()
    for _ in range(2):
        engine.tick()
    assert keys(floor) == told
    assert floor.audit_rows() == (rows if told else rows + 1)
    floor.restarted().tick()
    assert keys(floor) == told


def test_an_end_that_half_a_backlog_takes_back_is_told_once(floor: Floor) -> None:
    floor.register(watched_site(HOOK))
    engine = floor.engine()
    floor.staff("a-1", {"08:00": "occupied", "09:00": "vacant"}, until="09:12")
    engine.tick()
    floor.staff("a-1", {"09:12": "unknown"}, until="09:20")
    engine.tick()
    floor.staff("a-1", {"09:12": "vacant", "09:17": "unknown"}, until="09:21")
    engine.tick()
    assert floor.alerts() == [vacancy("09:00", "09:10")]
    floor.staff("a-1", {"09:17": "vacant", "09:18": "occupied"}, until="09:22")
    engine.tick()
    assert floor.alerts() == [vacancy("09:00", "09:10", "09:18", "presence")]
    assert keys(floor) == ["09:00.firing.budi.0", "09:00.resolved.budi.0"]


def test_who_is_registered_while_an_alert_stands_that_nobody_heard_of_is_told(floor: Floor) -> None:
    floor.register(watched_site())
    engine = floor.engine()
    floor.staff("a-1", {"08:00": "occupied", "09:00": "vacant"}, until="09:20")
    engine.tick()
    floor.register(watched_site(HOOK))
    for _ in range(2):
        engine.tick()
    assert (keys(floor), floor.audit_rows()) == (["09:00.firing.budi.0"], 1)


def test_only_those_whom_the_ladder_addresses_at_once_over_a_channel_we_have_are_told(
    floor: Floor, caplog: pytest.LogCaptureFixture
) -> None:
    contacts = (
        Contact(id="first", name="1", channel=HOOK),
        Contact(id="boss", name="2", level=2, channel=HOOK),
        Contact(id="it", name="3", role="technical", channel=HOOK),
        Contact(id="chat", name="4", channel="tgram://token/1"),
        Contact(id="phone", name="5", phone="+62 1"),
    )
    manager = Contact(id="pengelola", name="P", role="facility_manager", channel=HOOK)
    steps = (
        Step(after_ms=0, to="agency", level=1),
        Step(after_ms=0, to="facility_manager"),
        Step(after_ms=1_200_000, to="agency", level=2),
    )
    wanted = watched_site(
        agencies=(Agency(id="dinas", name="Dinas", contacts=contacts),),
        contacts=(manager,),
        escalation={"people": steps},
    )
    floor.register(wanted)
    engine = floor.engine()
    with caplog.at_level(logging.WARNING, "hadir.engine"):
        floor.staff("a-1", {"08:00": "occupied", "09:00": "vacant"}, until="09:30")
        engine.tick()
        floor.staff("a-1", {"09:31": "occupied", "09:40": "vacant"}, until="09:51")
        engine.tick()
    assert sorted(keys(floor)[:2]) == ["09:00.firing.first.0", "09:00.firing.pengelola.0"]
    assert [record.message for record in caplog.records] == [
        "balai: contact chat of dinas is told by tgram, which does not act yet; left out",
        "balai: contact phone of dinas has no channel; left out",
    ]


def test_a_second_engine_waits_and_says_so_once(floor: Floor, caplog: pytest.LogCaptureFixture) -> None:
    floor.register(watched_site(HOOK))
    first, second = floor.engine(), floor.engine()
    floor.staff("a-1", {"08:00": "occupied", "09:00": "vacant"}, until="09:30")
    first.tick()
    with caplog.at_level(logging.WARNING, "hadir.engine"):
        second.tick()
        second.tick()
    assert [record.message for record in caplog.records] == ["balai: another engine watches it; waiting for its end"]
    assert floor.audit_rows() == 1


def test_an_engine_with_its_lease_elsewhere_stops_rather_than_tell_twice(floor: Floor) -> None:
    floor.register(watched_site(HOOK))
    first = floor.engine()
    first.tick()
    elsewhere = floor.folder / "elsewhere"
    elsewhere.mkdir()
    second = floor.engine(lock_dir=elsewhere)
    second.tick()
    floor.staff("a-1", {"08:00": "occupied", "09:00": "vacant"}, until="09:30")
    first.tick()
    with pytest.raises(OtherEngine):
        second.tick()
    assert floor.audit_rows() == 1


def test_what_changed_before_a_sites_collector_spoke_is_not_passed_by_for_another_site(floor: Floor) -> None:
    """Changes are read once for all sites; those of one whose progress is not known yet wait for it."""
    floor.register(replace(watched_site(HOOK), id="depan"))
    floor.pass_until("08:00")
    floor.register(watched_site(HOOK))
    engine = floor.engine()
    floor.staff("a-1", {"08:00": "occupied", "09:00": "vacant"})
    engine.tick()
    with floor.record.writing(durable=False) as connection:
        revise(connection, "depan", "a-1", "staff", at("08:00"), [Interval(at("08:00"), None, "vacant", 0.5)], 1)
        set_progress(connection, "depan", at("09:20"), spool="s", spool_id=1)
    floor.now_ms = at("09:20") + 500
    engine.tick()
    assert floor.alerts() == []
    with floor.record.reading() as connection:
        [other] = of_subject(connection, "depan", "vacancy", "a-1", 0)
    assert other.alert == vacancy("08:00", "08:10")
    floor.pass_until("09:20")
    engine.tick()
    assert floor.alerts() == [vacancy("09:00", "09:10")]


def test_an_engine_that_finds_nothing_to_do_notes_how_far_it_is_all_the_same(floor: Floor) -> None:
    floor.register(watched_site(HOOK))
    engine = floor.engine()
    floor.staff("a-1", {"08:00": "occupied"}, until="08:10")
    engine.tick()
    floor.pass_until("08:40")
    engine.tick()
    with floor.record.reading() as connection:
        assert left_behind(connection, 60_000) == {}
    floor.pass_until("08:42")
    with floor.record.reading() as connection:
        assert left_behind(connection, 60_000) == {"balai": at("08:40")}
    # The next one begins there, and misses nothing.
    floor.staff("a-1", {"08:41": "vacant"}, until="08:51:00.001")
    floor.restarted().tick()
    assert floor.alerts() == [vacancy("08:41", "08:51")]


def test_a_quiet_sites_cursor_passes_what_changes_elsewhere(floor: Floor) -> None:
    """Or a restart would have to read all that ever changed at the others."""
    floor.register(replace(watched_site(HOOK), id="depan"))
    floor.register(watched_site(HOOK))
    with floor.record.writing(durable=False) as connection:
        set_progress(connection, "depan", at("08:00"), spool="s", spool_id=1)
    engine = floor.engine()
    engine.tick()
    floor.staff("a-1", {"08:00": "occupied", "09:00": "vacant"}, until="09:05")
    engine.tick()
    with floor.record.reading() as connection:
        reached = [cursor(connection, site_id) for site_id in ("balai", "depan")]
        newest = last_change(connection)
    assert reached == [Cursor(newest, 1, at("09:05")), Cursor(newest, 1, at("08:00"))]


def test_each_transition_has_a_revision_of_its_own(floor: Floor) -> None:
    floor.register(watched_site(HOOK))
    floor.staff("a-1", {"08:00": "occupied", "09:00": "vacant", "09:40": "occupied", "10:00": "vacant"}, until="10:30")
    floor.engine().tick()
    with floor.record.reading() as connection:
        revisions = list(connection.scalars(select(alert_table.c.revision).order_by(alert_table.c.since_ms)))
    assert revisions == [2, 3]


def test_a_frontier_that_goes_back_takes_nothing_back(floor: Floor) -> None:
    floor.register(watched_site(HOOK))
    engine = floor.engine()
    floor.staff("a-1", {"08:00": "occupied", "09:00": "vacant"}, until="09:30")
    engine.tick()
    floor.pass_until("09:05")
    engine.tick()
    floor.restarted().tick()
    assert floor.alerts() == [vacancy("09:00", "09:10")]


# Whatever the order in which the record learns it, the alerts are those of what it says in the end.

STATES: st.SearchStrategy[State] = st.sampled_from(["occupied", "vacant", "unknown"])
MINUTE_MS = 60_000


@st.composite
def histories(draw: st.DrawFn, start_ms: int) -> list[Interval]:
    """Intervals from `start_ms` on that touch, the last one open; some shorter than a bridge."""
    history: list[Interval] = []
    for _ in range(draw(st.integers(1, 6))):
        state = draw(STATES)
        end_ms = start_ms + draw(
            st.sampled_from([10_000, 29_999, 30_000, 31_000, *(m * MINUTE_MS for m in (3, 9, 11, 40))])
        )
        if history and history[-1].state == state:
            history[-1] = history[-1]._replace(end_ms=end_ms)
        else:
            history.append(Interval(start_ms, end_ms, state, 0.5))
        start_ms = end_ms
    return [*history[:-1], history[-1]._replace(end_ms=None)]


@st.composite
def deliveries(draw: st.DrawFn) -> list[tuple[str, int, list[Interval], int, bool]]:
    """(outlet, from, intervals, minutes until the collector is further, whether an engine starts anew) in any order."""
    return [
        (
            draw(st.sampled_from(["a-1", "a-2"])),
            from_ms := at("07:50") + draw(st.integers(0, 240)) * MINUTE_MS,
            draw(histories(from_ms)),
            draw(st.integers(0, 45)),
            draw(st.booleans()),
        )
        for _ in range(draw(st.integers(1, 6)))
    ]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=30)
@given(steps=deliveries(), in_duty=st.booleans())
def test_any_order_and_batches_of_intervals_leave_the_same_alerts(
    tmp_path_factory: pytest.TempPathFactory,
    empty_record: Path,
    steps: list[tuple[str, int, list[Interval], int, bool]],
    in_duty: bool,
) -> None:
    with floor_in(tmp_path_factory.mktemp("floor"), empty_record) as floor:
        wanted = watched_site(HOOK, outlets=(outlet("a-1"), outlet("a-2", service_hours="Mo-Fr 09:00-11:00")))
        wanted = replace(
            wanted,
            absences=(Absence(outlet="a-2", from_ms=at("10:00"), to_ms=at("10:20"), reason="meeting"),),
            maintenance=(Maintenance(outlet="a-1", from_ms=at("08:20"), to_ms=at("08:40")),),
        )
        if in_duty:
            wanted = replace(wanted, duties=(Duty(id="both", outlets=("a-1", "a-2"), at_least=1),))
        floor.register(wanted)
        until_ms = at("08:00")
        engine = floor.engine()
        for outlet_id, from_ms, intervals, minutes, anew in steps:
            until_ms += minutes * MINUTE_MS
            floor.now_ms = until_ms + 500
            with floor.record.writing(durable=False) as connection:
                revise(connection, "balai", outlet_id, "staff", from_ms, intervals, floor.now_ms)
                set_progress(connection, "balai", until_ms, spool="s", spool_id=1)
            if anew:
                engine = floor.restarted()
            engine.tick()
        floor.close()

        with floor.record.reading() as connection:
            known = {
                ZoneKey(outlet_id, "staff"): zone_intervals(connection, "balai", outlet_id, "staff", 0, at("23:59"))
                for outlet_id in ("a-1", "a-2")
            }
            assert last_change(connection) > 0
        first_ms = min(interval.start_ms for intervals in known.values() for interval in intervals)
        lines = Lines(known, {}, first_ms)
        expected = alerts_of(wanted, lines, Span(first_ms, until_ms)) if first_ms < until_ms else []
        found = [alert for subject in ("a-1", "a-2", "both") for alert in floor.alerts(subject)]
        assert sorted(found, key=_order) == sorted(expected, key=_order)
        floor.audit_rows()


def _order(alert: Alert) -> tuple[str, int]:
    return alert.subject, alert.since_ms
