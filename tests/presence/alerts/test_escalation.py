from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from presence.alerts.escalation import Due, Recipient, Rung, Told, contact_of, due, held_until, ladder
from presence.alerts.life import Alert
from presence.alerts.subjects import Subject, subjects
from presence.intervals import Span
from presence.site import Agency, AlertKind, Contact, Gateway, Site, Source, Step
from tests.builders import outlet, sensor, site

MINUTE = 60_000
COORDINATOR = Contact(id="koordinator", name="Koordinator")
HEAD = Contact(id="kepala", name="Kepala", level=2)
IT = Contact(id="ti", name="TI", role="technical")
MANAGER = Contact(id="pengelola", name="Pengelola", role="facility_manager")
TECHNICIAN = Contact(id="teknisi", name="Teknisi", role="technician")
ANI, BUDI = Recipient("dinas", "ani"), Recipient("dinas", "budi")


def with_ladder(*steps: Step, group: str = "people", contacts: tuple[Contact, ...] = (COORDINATOR, HEAD, IT)) -> Site:
    agency = Agency(id="dinas", name="Dinas", contacts=contacts)
    other = Agency(id="lain", name="Lain", contacts=(Contact(id="ani", name="Ani"),))
    sides = [
        sensor("a-1-s", source=Source(gateway="gw", driver="ld2410", port="/dev/null")),
        sensor("a-1-v", zone="visitor"),
        sensor("a-1-e", zone="equipment"),
    ]
    return site(
        outlets=[outlet(sensors=sides)],
        gateways=(Gateway(id="gw"),),
        agencies=(agency, other),
        contacts=(MANAGER, TECHNICIAN),
        escalation={group: steps} if steps else {},
    )


def subject(of: Site, kind: AlertKind) -> Subject:
    return next(one for one in subjects(of) if one.kind == kind)


def told(wanted: Site, kind: AlertKind = "vacancy") -> list[list[tuple[str, str]]]:
    return [list(rung.recipients) for rung in ladder(wanted, subject(wanted, kind))]


# Whom the steps address


def test_without_a_ladder_each_group_has_its_own_first_step() -> None:
    assert told(with_ladder()) == [[("dinas", "koordinator")]]
    assert told(with_ladder(), "sensor_silent") == [[("", "teknisi")]]
    assert told(with_ladder(), "site_outage") == [[("", "pengelola")]]


def test_steps_address_levels_of_the_agency_and_people_of_the_site() -> None:
    steps = (Step(after_ms=0, to="agency"), Step(after_ms=1, to="agency", level=2), Step(after_ms=2, to="technician"))
    assert told(with_ladder(*steps)) == [[("dinas", "koordinator")], [("dinas", "kepala")], [("", "teknisi")]]
    assert told(with_ladder(Step(after_ms=0, to="technician", level=2))) == [[]]


def test_equipment_is_the_business_of_the_agencys_technical_contacts_where_it_has_any() -> None:
    assert told(with_ladder(), "equipment_down") == [[("dinas", "ti")]]
    assert told(with_ladder(contacts=(COORDINATOR, HEAD)), "equipment_down") == [[("dinas", "koordinator")]]
    steps = (Step(after_ms=0, to="agency"), Step(after_ms=1, to="agency", level=2))
    assert told(with_ladder(*steps), "equipment_down") == [[("dinas", "ti")], []], "each step has its own level"


def test_a_contact_is_looked_up_where_it_belongs() -> None:
    known = with_ladder()
    assert contact_of(known, Recipient("dinas", "ti")) == IT
    assert contact_of(known, Recipient("", "pengelola")) == MANAGER
    assert contact_of(known, Recipient("", "ti")) is None
    assert contact_of(known, Recipient("gone", "ti")) is None


# When they are told

LADDER = [Rung(0, 15 * MINUTE, (ANI,)), Rung(20 * MINUTE, None, (BUDI,))]


def climbed(rungs: list[Rung], until: int, paused: list[Span], step: int = MINUTE) -> list[tuple[int, str, bool]]:
    """(minute, who, first) of everything that an engine that looks every `step` says up to minute `until`."""
    said: list[Told] = []
    found = []
    for now_ms in range(0, until * MINUTE + 1, step):
        for one in due(rungs, 0, paused, said, now_ms)[0]:
            found.append((now_ms // MINUTE, one.recipient.contact, one.first))
            said.append(Told(one.recipient, now_ms))
    return found


def test_each_step_is_told_once_and_again_as_often_as_it_says() -> None:
    assert climbed(LADDER, 46, []) == [
        (0, "ani", True),
        (15, "ani", False),
        (20, "budi", True),
        (30, "ani", False),
        (45, "ani", False),
    ]


def test_an_acknowledgement_stops_it_until_its_time_out_and_what_came_due_is_due_then_once() -> None:
    assert climbed(LADDER, 62, [Span(10 * MINUTE, 50 * MINUTE)]) == [
        (0, "ani", True),
        (50, "ani", False),
        (50, "budi", True),
        (60, "ani", False),
    ]


def test_what_an_engine_missed_is_not_said_several_times() -> None:
    assert climbed(LADDER, 80, [], step=40 * MINUTE) == [(0, "ani", True), (40, "ani", False), (40, "budi", True), (80, "ani", False)]  # fmt: skip  # noqa: E501


def test_somebody_on_two_steps_is_reminded_by_the_later_one() -> None:
    rungs = [Rung(0, None, (ANI,)), Rung(20 * MINUTE, None, (ANI, BUDI))]
    assert climbed(rungs, 60, []) == [(0, "ani", True), (20, "ani", False), (20, "budi", True)]


def test_the_next_instant_is_said_beforehand() -> None:
    assert due(LADDER, 0, [], [], -1) == ([], 0)
    assert due(LADDER, 0, [], [], 0) == ([Due(ANI, True)], 15 * MINUTE)
    assert due([Rung(0, None, (ANI,))], 0, [], [Told(ANI, 0)], 99) == ([], None)


@given(
    st.lists(st.tuples(st.integers(0, 90), st.integers(0, 30)), max_size=4),
    st.sampled_from([MINUTE, 7 * MINUTE]),
)
@settings(deadline=None)
def test_nothing_is_said_while_it_is_acknowledged_and_everybody_once_it_is_not(
    answers: list[tuple[int, int]], step: int
) -> None:
    paused = [Span(at * MINUTE, (at + length) * MINUTE) for at, length in answers]
    found = climbed(LADDER, 200, paused, step)
    assert not [at for at, _, _ in found if any(span.start_ms <= at * MINUTE < span.end_ms for span in paused)]
    assert sorted(who for _, who, first in found if first) == ["ani", "budi"]


# Who speaks for whom

OUTAGE = Alert("site_outage", "site", "balai", 0, 0)
GATEWAY = Alert("gateway_offline", "gateway", "gw", 0, 120_000)


def test_while_an_outage_stands_silent_devices_are_kept_and_not_sent() -> None:
    known = with_ladder()
    for kind in ("sensor_silent", "gateway_offline"):
        assert held_until(subject(known, kind), [OUTAGE], MINUTE) == MINUTE + 1  # type: ignore[arg-type]
    for kind in ("vacancy", "low_battery", "sensor_stuck"):
        assert held_until(subject(known, kind), [OUTAGE], MINUTE) is None  # type: ignore[arg-type]


def test_a_gateway_speaks_for_its_own_sensors_alone() -> None:
    known = with_ladder()
    own, other = subject(known, "sensor_silent"), next(one for one in subjects(known) if one.id == "a-1-v")
    assert held_until(own, [GATEWAY], MINUTE) is not None
    assert held_until(other, [GATEWAY], MINUTE) is None
    assert held_until(subject(known, "gateway_offline"), [GATEWAY], MINUTE) is None


def test_what_still_stands_as_long_as_its_rule_says_after_the_outage_is_a_case_of_its_own() -> None:
    over = replace(OUTAGE, resolved_ms=10 * MINUTE)
    silent = subject(with_ladder(), "sensor_silent")
    assert held_until(silent, [over], 10 * MINUTE) == 15 * MINUTE
    assert held_until(silent, [over], 15 * MINUTE) is None
