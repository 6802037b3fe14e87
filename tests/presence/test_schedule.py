from __future__ import annotations

from presence.schedule import Schedule, schedule_of_agency, schedule_of_outlet, schedule_of_site
from presence.site import Agency, DatedHours
from tests.builders import outlet, site


def dated(day: str, service_hours: str) -> DatedHours:
    return DatedHours(first=day, last=day, service_hours=service_hours)


def schedule(service_hours: str, *exceptions: DatedHours) -> Schedule:
    return Schedule(
        timezone="Asia/Jakarta", country="ID", service_hours=service_hours, cuti_bersama=True, exceptions=exceptions
    )


def test_an_outlet_inherits_what_it_does_not_say() -> None:
    one, other, third = (dated(f"2026-11-2{n}", "off") for n in (1, 2, 3))
    own = outlet("a-1", service_hours="09:00-10:00", exceptions=(third,))
    plain = outlet("a-2")
    agency = Agency(id="dinas", name="D", service_hours="11:00-12:00", exceptions=(other,))
    hall = site(outlets=[own, plain], agencies=(agency,), exceptions=(one,), cuti_bersama=True)
    assert schedule_of_site(hall) == schedule(hall.service_hours, one)
    assert schedule_of_agency(hall, agency) == schedule("11:00-12:00", one, other)
    assert schedule_of_outlet(hall, plain) == schedule("11:00-12:00", one, other)
    assert schedule_of_outlet(hall, own) == schedule("09:00-10:00", one, other, third)
