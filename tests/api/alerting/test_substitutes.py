"""Substitutes as the engine takes them: who is told at a step while somebody stands in, and after."""

from __future__ import annotations

from dataclasses import replace

import pytest

from api.alerting.engine import Engine
from presence.alerts.escalation import Recipient, ladder
from presence.alerts.subjects import subjects
from presence.alerts.substitution import rungs_at, told_for
from presence.site import Agency, Contact, Site, Step, Substitute
from storage.record.alerts import mark_sent, pending
from storage.record.substitutes import Named, end_substitute, name_substitute
from tests.fixtures.alerting import Floor, at, watched_site

HOOK = "hadir+http://127.0.0.1:1/hook"
MINUTE = 60_000
# Three steps: ani at once and every quarter of an hour, budi after 20 min, the manager after 40.
STEPS = (
    Step(after_ms=0, to="agency", repeat_ms=15 * MINUTE),
    Step(after_ms=20 * MINUTE, to="agency", level=2),
    Step(after_ms=40 * MINUTE, to="facility_manager"),
)
CHIEF = Contact(id="kepala", name="Kepala", role="facility_manager", channel=HOOK)


def of_agency(*contacts: tuple[str, int]) -> Site:
    made = tuple(Contact(id=name, name=name.title(), level=level, channel=HOOK) for name, level in contacts)
    agency = Agency(id="dinas", name="Dinas", contacts=made)
    return replace(watched_site(HOOK), agencies=(agency,), contacts=(CHIEF,), escalation={"people": STEPS})


LADDER = of_agency(("ani", 1), ("budi", 2), ("cita", 3))


def stands_in(contact: str, to: str, since: str, until: str, person: Contact | None = None) -> Substitute:
    return Substitute(agency="dinas", contact=contact, from_ms=at(since), to_ms=at(until), to=to, person=person)


def name(floor: Floor, *wanted: Substitute) -> list[Named]:
    with floor.record.writing(durable=False) as connection:
        return [name_substitute(connection, floor.site.id, one, "siti", floor.now_ms) for one in wanted]


def look(floor: Floor, engine: Engine, *clocks: str) -> None:
    """At each of `clocks` all that was queued before has been delivered, and the engine looks."""
    for clock in clocks:
        with floor.record.writing(durable=False) as connection:
            for message in pending(connection):
                mark_sent(connection, message.key, floor.now_ms)
        floor.pass_until(clock)
        engine.tick()


def said(floor: Floor) -> list[str]:
    """Event and recipient of everything queued, in order."""
    return [".".join(message.key.split(".")[1:3]) for message in floor.queue()]


def vacant_at_nine(floor: Floor) -> None:
    floor.staff("a-1", {"08:00": "occupied", "09:00": "vacant"}, until="09:05")


def test_messages_go_to_the_substitute_during_his_time_and_to_the_contact_after(floor: Floor) -> None:
    floor.register(LADDER)
    name(floor, stands_in("ani", "cita", "09:00", "09:35"))
    vacant_at_nine(floor)
    look(floor, floor.engine(), "09:10:01", "09:26", "09:31", "09:35:01", "09:41", "09:51")
    assert said(floor) == [
        "firing.cita",
        "reminder.cita",
        "firing.budi",
        "firing.ani",  # back, and told of what stands
        "reminder.ani",
        "firing.kepala",
    ]
    floor.staff("a-1", {"09:52": "occupied"}, until="09:53")
    look(floor, floor.restarted(), "09:54")
    assert sorted(said(floor)[6:]) == ["resolved.ani", "resolved.budi", "resolved.cita", "resolved.kepala"]


def test_one_who_begins_to_stand_in_is_told_then_and_who_was_told_hears_the_end(floor: Floor) -> None:
    floor.register(LADDER)
    person = Contact(id="", name="Dewi", channel=HOOK)
    name(floor, stands_in("ani", "", "09:15", "12:00", person))
    vacant_at_nine(floor)
    look(floor, floor.engine(), "09:10:01", "09:14", "09:15:01", "09:26")
    floor.staff("a-1", {"09:27": "occupied"}, until="09:28")
    look(floor, floor.restarted(), "09:29")
    assert said(floor)[:3] == ["firing.ani", "firing.~1", "reminder.~1"]
    assert sorted(said(floor)[3:]) == ["resolved.ani", "resolved.~1"]


def test_who_ends_it_early_is_told_himself_again(floor: Floor) -> None:
    floor.register(LADDER)
    (made,) = name(floor, stands_in("ani", "cita", "09:00", "12:00"))
    vacant_at_nine(floor)
    engine = floor.engine()
    look(floor, engine, "09:10:01")
    with floor.record.writing(durable=False) as connection:
        end_substitute(connection, floor.site.id, "dinas", made.id, author="ani", now_ms=floor.now_ms)
    look(floor, engine, "09:12", "09:26")
    assert said(floor) == ["firing.cita", "firing.ani", "reminder.ani"]


def test_a_substitute_on_the_same_step_is_told_once(floor: Floor) -> None:
    floor.register(of_agency(("ani", 1), ("budi", 1)))
    name(floor, stands_in("ani", "budi", "09:00", "12:00"))
    vacant_at_nine(floor)
    look(floor, floor.engine(), "09:10:01", "09:12")
    assert said(floor) == ["firing.budi"]


@pytest.mark.parametrize(("reached", "told"), [("budi cita", "cita"), ("budi", "budi"), ("cita", "cita"), ("", "ani")])
def test_who_cannot_be_reached_any_more_silences_nobody(reached: str, told: str) -> None:
    both = (stands_in("ani", "budi", "09:00", "10:00"), stands_in("budi", "cita", "09:00", "09:30"))
    site = replace(LADDER, substitutes=both)
    ani = Recipient("dinas", "ani")
    assert told_for(site, ani, at("09:10"), lambda _, one: one.contact in reached.split()).contact == told
    assert told_for(site, ani, at("10:00"), lambda *_: True) == ani


def test_a_circle_that_nobody_could_name_ends() -> None:
    both = (stands_in("ani", "budi", "09:00", "10:00"), stands_in("budi", "ani", "09:00", "10:00"))
    site = replace(LADDER, substitutes=both)
    people = next(one for one in subjects(site) if one.kind == "vacancy")
    told = [rung.recipients for rung in rungs_at(site, ladder(site, people), at("09:10"), lambda *_: True)]
    assert told == [
        (Recipient("dinas", "budi"),), (Recipient("dinas", "ani"),), (Recipient("", "kepala"),),
    ]  # fmt: skip
