"""Acknowledgements as the engine takes them: they pause the ladder, and those who heard of the alert hear of them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from api.alerting.engine import Engine
from presence.alerts.life import alert_id
from presence.site import Absence, Agency, Contact, Site, Step
from storage.record.acknowledgements import Answer, add
from storage.record.alerts import mark_sent, pending
from tests.fixtures.alerting import Floor, at, watched_site

HOOK = "hadir+http://127.0.0.1:1/hook"
MINUTE = 60_000


def with_two_levels(*steps: Step) -> Site:
    contacts = tuple(
        Contact(id=name, name=name.title(), level=level, channel=HOOK) for level, name in ((1, "ani"), (2, "budi"))
    )
    agency = Agency(id="dinas", name="Dinas", contacts=contacts)
    return replace(watched_site(HOOK), agencies=(agency,), escalation={"people": steps} if steps else {})


def answer(floor: Floor, since: str, *, minutes: int = 60) -> None:
    with floor.record.writing(durable=False) as connection:
        alert = alert_id(floor.site.id, "vacancy", "a-1", at(since))
        add(
            connection,
            floor.site.id,
            alert,
            Answer("break", lasting_ms=minutes * MINUTE),
            author="siti",
            now_ms=floor.now_ms,
        )


def said(floor: Floor) -> list[str]:
    """Event, recipient and number of everything queued, in order."""
    return [message.key.partition(".")[2] for message in floor.queue()]


def look(floor: Floor, engine: Engine, clock: str) -> None:
    """All that was queued before has been delivered; the engine looks."""
    with floor.record.writing(durable=False) as connection:
        for message in pending(connection):
            mark_sent(connection, message.key, floor.now_ms)
    floor.pass_until(clock)
    engine.tick()


def test_an_answer_is_told_and_pauses_the_ladder_until_its_time_out(floor: Floor) -> None:
    steps = (Step(after_ms=0, to="agency", repeat_ms=15 * MINUTE), Step(after_ms=20 * MINUTE, to="agency", level=2))
    floor.register(with_two_levels(*steps))
    engine = floor.engine()
    floor.staff("a-1", {"08:00": "occupied", "09:00": "vacant"}, until="09:10:01")
    engine.tick()
    answer(floor, "09:00", minutes=40)
    look(floor, engine, "09:20")
    look(floor, engine, "09:49")
    assert said(floor) == ["firing.ani.0", "acknowledged.ani.0"]
    engine = floor.restarted()
    look(floor, engine, "09:51")
    assert sorted(said(floor)[2:]) == ["firing.budi.0", "reminder.ani.0"]


def test_who_is_told_after_an_answer_is_over_is_not_told_of_it(floor: Floor) -> None:
    steps = (Step(after_ms=0, to="agency"), Step(after_ms=20 * MINUTE, to="agency", level=2))
    floor.register(with_two_levels(*steps))
    engine = floor.engine()
    floor.staff("a-1", {"08:00": "occupied", "09:00": "vacant"}, until="09:10:01")
    engine.tick()
    answer(floor, "09:00", minutes=10)
    for clock in ("09:12", "09:31", "09:40"):
        look(floor, engine, clock)
    floor.restarted().tick()
    assert said(floor) == ["firing.ani.0", "acknowledged.ani.0", "firing.budi.0"]


def test_two_answers_within_one_look_are_one_message_and_a_later_one_the_next(floor: Floor) -> None:
    floor.register(with_two_levels())
    engine = floor.engine()
    floor.staff("a-1", {"08:00": "occupied", "09:00": "vacant"}, until="09:10:01")
    engine.tick()
    answer(floor, "09:00")
    floor.now_ms += 10
    answer(floor, "09:00")
    look(floor, engine, "09:12")
    floor.now_ms += 10
    answer(floor, "09:00")
    look(floor, engine, "09:13")
    assert said(floor) == ["firing.ani.0", "acknowledged.ani.0", "acknowledged.ani.1"]


def test_an_alert_that_stands_again_does_not_tell_of_the_answers_before(floor: Floor) -> None:
    floor.register(with_two_levels())
    engine = floor.engine()
    floor.staff("a-1", {"08:00": "occupied", "09:00": "vacant"}, until="09:11")
    engine.tick()
    answer(floor, "09:00", minutes=120)
    look(floor, engine, "09:12")
    floor.staff("a-1", {"09:20": "occupied"}, until="09:30")
    engine.tick()
    floor.staff("a-1", {"09:20": "vacant"}, until="09:31")
    engine.tick()
    for clock in ("09:35", "09:36"):
        floor.staff("a-1", {clock: "vacant"}, until=clock)
        floor.restarted().tick()
    assert said(floor) == ["firing.ani.0", "acknowledged.ani.0", "resolved.ani.0"]
    floor.pass_until("11:12")
    floor.restarted().tick()
    assert said(floor)[3:] == ["firing.ani.1"], "the answer held until then"


@pytest.mark.parametrize("after_the_end", [False, True])
def test_what_is_declared_of_another_time_does_not_keep_late_data_from_correcting(
    floor: Floor, after_the_end: bool
) -> None:
    floor.register(with_two_levels())
    engine = floor.engine()
    floor.staff("a-1", {"08:00": "occupied", "09:00": "vacant"}, until="09:20")
    engine.tick()
    next_week = Absence(
        outlet="a-1", from_ms=at("09:00") + 7 * 86_400_000, to_ms=at("10:00") + 7 * 86_400_000, reason="sick"
    )
    if not after_the_end:
        floor.register(replace(floor.site, absences=(next_week,)))
        engine.tick()
    floor.staff("a-1", {"09:30": "occupied"}, until="09:40")
    engine.tick()
    if after_the_end:
        floor.register(replace(floor.site, absences=(next_week,)))
        engine.tick()
    floor.staff("a-1", {"09:05": "occupied"}, until="09:41")
    engine.tick()
    assert [(one.since_ms, one.reason) for one in floor.alerts(disproved=True)] == [(at("09:00"), "presence")]
    assert said(floor) == ["firing.ani.0", "resolved.ani.0", "disproved.ani.0"]
