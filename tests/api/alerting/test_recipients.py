from __future__ import annotations

from api.alerting.recipients import contact_of, recipients
from presence.alerts.life import duties
from presence.site import Agency, Contact, Site, Step
from storage.record.alerts import Recipient
from tests.builders import site

COORDINATOR = Contact(id="koordinator", name="Koordinator")
HEAD = Contact(id="kepala", name="Kepala", level=2)
IT = Contact(id="ti", name="TI", role="technical")
MANAGER = Contact(id="pengelola", name="Pengelola", role="facility_manager")
TECHNICIAN = Contact(id="teknisi", name="Teknisi", role="technician")


def with_ladder(*steps: Step) -> Site:
    agency = Agency(id="dinas", name="Dinas", contacts=(COORDINATOR, HEAD, IT))
    other = Agency(id="lain", name="Lain", contacts=(Contact(id="ani", name="Ani"),))
    return site(agencies=(agency, other), contacts=(MANAGER, TECHNICIAN), escalation={"people": steps} if steps else {})


def told(wanted: Site) -> list[Recipient]:
    return list(recipients(wanted, duties(wanted)[0]))


def test_without_a_ladder_the_agencys_first_level_is_told() -> None:
    assert told(with_ladder()) == [Recipient("dinas", "koordinator")]


def test_only_the_steps_at_once_act_each_contact_once() -> None:
    at_once = Step(after_ms=0, to="agency")
    both = with_ladder(
        at_once, Step(after_ms=0, to="agency", level=2), at_once, Step(after_ms=0, to="facility_manager")
    )
    assert told(both) == [Recipient("dinas", "koordinator"), Recipient("dinas", "kepala"), Recipient("", "pengelola")]
    assert told(with_ladder(Step(after_ms=1, to="agency"))) == []


def test_technicians_are_told_when_the_ladder_says_so() -> None:
    assert told(with_ladder(Step(after_ms=0, to="technician"))) == [Recipient("", "teknisi")]
    assert told(with_ladder(Step(after_ms=0, to="technician", level=2))) == []


def test_a_contact_is_looked_up_where_it_belongs() -> None:
    known = with_ladder()
    assert contact_of(known, Recipient("dinas", "ti")) == IT
    assert contact_of(known, Recipient("", "pengelola")) == MANAGER
    assert contact_of(known, Recipient("", "ti")) is None
    assert contact_of(known, Recipient("gone", "ti")) is None
