"""The registry: a site in, the same site out; what a site file changes and what it must leave alone."""

import dataclasses
import json
from pathlib import Path

import pytest
from sqlalchemy import insert, select

from presence.site import Absence, Agency, Contact, Duty, Gateway, Maintenance, Rule, Site, Source
from presence.site_file import SiteFileErrors, parse_site
from storage.record import Record
from storage.record.registry import EVER, apply, load_site, plan, site_ids, versions
from storage.record.tables import absence, maintenance, occupancy_interval
from storage.record.tables import outlet as outlet_table
from storage.record.tables import site as site_table
from tests.builders import HOUR_MS, outlet, sensor, site

EXAMPLE = Path(__file__).parents[3] / "config" / "site.example.yaml"


def put(record: Record, wanted: Site, *, prune: bool = False, now_ms: int = 0) -> list[str]:
    with record.writing() as connection:
        return [str(change) for change in apply(connection, wanted, prune=prune, now_ms=now_ms)]


def stored(record: Record, site_id: str = "balai") -> Site:
    with record.reading() as connection:
        found = load_site(connection, site_id, declared_from_ms=EVER)
    assert found is not None
    return found


def declare(record: Record, *absences: Absence) -> None:
    """As the page does, when somebody declares an absence there."""
    with record.writing() as connection:
        for thing in absences:
            row = {"outlet": thing.outlet, "from_ms": thing.from_ms, "to_ms": thing.to_ms}
            body = json.dumps({**row, "reason": thing.reason})
            connection.execute(insert(absence).values(site="balai", origin="person", body=body, **row))


def two_outlets() -> Site:
    return site(outlets=[outlet("a-1"), outlet("a-2")])


def test_the_example_comes_out_as_it_went_in(record: Record) -> None:
    example = parse_site(EXAMPLE.read_text(), "site.example.yaml")
    put(record, example)
    assert stored(record, "mpp-contoh") == example


def test_applying_the_same_site_again_changes_nothing(record: Record) -> None:
    example = parse_site(EXAMPLE.read_text(), "site.example.yaml")
    put(record, example, now_ms=1)
    assert put(record, example, prune=True, now_ms=2) == []
    with record.reading() as connection:
        assert versions(connection) == {"mpp-contoh": 1}
        assert connection.scalar(select(site_table.c.changed_ms)) == 1


def test_each_apply_that_changes_something_raises_the_version_of_its_site_by_one(record: Record) -> None:
    put(record, site())
    put(record, site(id="lain"))
    put(record, two_outlets())
    put(record, site(outlets=[outlet("a-1", name="Loket satu"), outlet("a-2", service="KTP-el")]))
    with record.reading() as connection:
        assert versions(connection) == {"balai": 3, "lain": 1}
        assert site_ids(connection) == ["balai", "lain"]


def test_a_site_that_is_not_registered_is_none(record: Record) -> None:
    with record.reading() as connection:
        assert load_site(connection, "balai", declared_from_ms=EVER) is None


def test_what_is_as_by_default_is_not_in_the_rows(record: Record) -> None:
    put(record, site(outlets=[outlet("a-1", rules={"vacancy": Rule(off=True)})]))
    with record.reading() as connection:
        assert connection.scalar(select(outlet_table.c.body)) == (
            '{"id":"a-1","name":"Loket a-1","agency":"dinas","rules":{"vacancy":{"off":true}}}'
        )


def test_the_differences_read_like_the_file(record: Record) -> None:
    radar = sensor("radar", kind="mmwave", heartbeat_ms=10_000, stale_after_given_ms=None)
    agency = Agency(
        id="dinas", name="Dinas", contacts=(Contact(id="ti", name="TI", channel="hadir+https://:secret@host/a"),)
    )
    put(record, site(outlets=[outlet("a-1", sensors=[radar])], agencies=[agency], gateways=(Gateway(id="gw"),)))
    source = Source(convention="x", device="1")
    moved = dataclasses.replace(radar, heartbeat_ms=60_000, source=source)
    contact = Contact(id="ti", name="TI", channel="hadir+https://:other@host/a")
    wanted = site(
        name="Balai",
        rules={"vacancy": Rule(after_ms=300_000), "unattended": Rule(off=True)},
        agencies=(dataclasses.replace(agency, contacts=(contact,)),),
        outlets=[outlet("a-1", sensors=[]), outlet("a-2", number=2, sensors=[moved])],
        duties=(Duty(id="berdua", outlets=("a-1", "a-2")),),
        absences=(Absence(outlet="a-1", from_ms=HOUR_MS, to_ms=2 * HOUR_MS, reason="meeting"),),
        maintenance=(Maintenance(sensor="radar", from_ms=HOUR_MS, to_ms=2 * HOUR_MS),),
    )
    assert put(record, wanted) == [
        "~ site balai: name Balai Layanan → Balai, rules.vacancy.after 10m → 5m, rules.unattended none → off",
        "~ contact dinas/ti: channel hadir+https://… → hadir+https://…",
        "+ outlet a-2: number 2, name Loket a-2, agency dinas",
        "~ sensor radar: outlet a-1 → a-2, heartbeat 10s → 1m, source.convention none → x, source.device none → 1",
        '+ duty berdua: outlets ["a-1", "a-2"]',
        "+ absence a-1 1970-01-01T08:00+07:00: to 1970-01-01T09:00+07:00, reason meeting",
        "+ maintenance sensor radar 1970-01-01T08:00+07:00: to 1970-01-01T09:00+07:00",
    ]
    assert stored(record) == dataclasses.replace(wanted, gateways=(Gateway(id="gw"),))


def test_what_the_file_does_not_say_is_kept_behind_what_it_says(record: Record) -> None:
    put(record, site(outlets=[outlet("a-1"), outlet("b-1", agency="lain")], duties=(Duty(id="d", outlets=("a-1",)),)))
    assert put(record, site(outlets=[outlet("c-1", sensors=[])])) == ["+ outlet c-1: name Loket c-1, agency dinas"]
    kept = stored(record)
    assert [thing.id for thing in kept.outlets] == ["c-1", "a-1", "b-1"]
    assert [thing.id for thing in kept.agencies] == ["dinas", "lain"]
    assert [thing.id for thing in kept.duties] == ["d"]
    assert [thing.id for thing in kept.outlets[1].sensors] == ["a-1-s"]


def test_prune_removes_what_the_file_does_not_say(record: Record) -> None:
    first = site(
        outlets=[outlet("a-1"), outlet("b-1", agency="lain")],
        duties=(Duty(id="d", outlets=("a-1",)),),
        gateways=(Gateway(id="gw"),),
        contacts=(Contact(id="pengelola", name="Pengelola"),),
        absences=(Absence(outlet="b-1", from_ms=0, to_ms=1, reason="sick"),),
        maintenance=(Maintenance(gateway="gw", from_ms=0, to_ms=1),),
    )
    put(record, first)
    assert put(record, site(), prune=True) == [
        "- contact pengelola",
        "- gateway gw",
        "- agency lain",
        "- outlet b-1",
        "- sensor b-1-s",
        "- duty d",
        "- absence b-1 1970-01-01T07:00+07:00",
        "- maintenance gateway gw 1970-01-01T07:00+07:00",
    ]
    assert stored(record) == site()


def test_a_plan_says_what_apply_does(record: Record) -> None:
    put(record, two_outlets())
    wanted = site(outlets=[outlet("a-2", name="Loket dua", sensors=[sensor("baru")])])
    for prune in (False, True):
        foreseen = [str(change) for change in plan(stored(record), wanted, prune=prune)]
        assert foreseen
        assert put(record, wanted, prune=prune) == foreseen


def test_another_order_is_a_change(record: Record) -> None:
    put(record, two_outlets())
    wanted = site(outlets=[outlet("a-2"), outlet("a-1")])
    assert put(record, wanted) == ["~ order of outlets", "~ order of sensors"]
    assert stored(record) == wanted


def test_a_removed_outlet_leaves_its_intervals_behind(record: Record) -> None:
    put(record, two_outlets())
    with record.writing() as connection:
        row = {"site": "balai", "outlet": "a-2", "zone": "staff", "start_ms": 0, "end_ms": 1, "state": "vacant"}
        connection.execute(insert(occupancy_interval).values(**row, p=0.0, made_ms=0))
    put(record, site(outlets=[outlet("a-1")]), prune=True)
    with record.reading() as connection:
        assert connection.scalars(select(occupancy_interval.c.outlet)).all() == ["a-2"]


def test_what_people_declared_outlives_prune_and_the_outlet(record: Record) -> None:
    put(record, two_outlets())
    declared = [Absence(outlet=name, from_ms=0, to_ms=HOUR_MS, reason="sick") for name in ("a-1", "a-2")]
    declare(record, *declared)
    assert stored(record).absences == tuple(declared)
    put(record, site(outlets=[outlet("a-1")]), prune=True)
    assert stored(record).absences == (declared[0],)
    put(record, two_outlets())
    assert stored(record).absences == tuple(declared)
    assert {thing.origin for thing in stored(record).absences} == {"person"}


def test_an_absence_of_the_file_beside_that_of_a_person(record: Record) -> None:
    put(record, site())
    declared = Absence(outlet="a-1", from_ms=0, to_ms=HOUR_MS, reason="sick")
    declare(record, declared)
    assert put(record, site(absences=(declared,))) == []
    longer = dataclasses.replace(declared, to_ms=2 * HOUR_MS)
    put(record, site(absences=(longer,)))
    assert stored(record).absences == (declared, longer)
    put(record, site(), prune=True)
    assert stored(record).absences == (declared,)


def test_another_end_or_reason_changes_the_absence_instead_of_adding_one(record: Record) -> None:
    first = Absence(outlet="a-1", from_ms=0, to_ms=HOUR_MS, reason="sick")
    put(record, site(absences=(first,)))
    second = dataclasses.replace(first, reason="meeting", note="rapat dinas")
    assert put(record, site(absences=(second,))) == [
        "~ absence a-1 1970-01-01T07:00+07:00: reason sick → meeting, note none → rapat dinas"
    ]
    assert stored(record).absences == (second,)
    third = dataclasses.replace(second, to_ms=2 * HOUR_MS)
    put(record, site(absences=(third,)))
    with record.reading() as connection:
        assert connection.execute(select(absence.c.to_ms, absence.c.origin)).all() == [(2 * HOUR_MS, "file")]


def test_maintenance_is_kept_for_its_sensor_gateway_or_outlet(record: Record) -> None:
    work = (
        Maintenance(sensor="a-1-s", from_ms=0, to_ms=HOUR_MS),
        Maintenance(gateway="gw", from_ms=0, to_ms=HOUR_MS),
        Maintenance(outlet="a-1", from_ms=0, to_ms=HOUR_MS),
    )
    wanted = site(gateways=(Gateway(id="gw"),), maintenance=work)
    put(record, wanted)
    assert stored(record) == wanted
    with record.reading() as connection:
        assert len(connection.execute(select(maintenance.c.id)).all()) == 3


def test_what_is_kept_must_fit_what_is_wanted(record: Record) -> None:
    put(record, two_outlets())
    wanted = site(outlets=[outlet("a-1", sensors=[])], gateways=(Gateway(id="a-2-s"),))
    with pytest.raises(SiteFileErrors) as refused:
        put(record, wanted)
    assert str(refused.value) == (
        'site balai with what is kept of it: outlets[1].sensors[0].id: "a-2-s" is taken by gateways[0]; write another'
    )
    with pytest.raises(SiteFileErrors):
        plan(stored(record), wanted, prune=False)
    assert stored(record) == two_outlets()
    put(record, wanted, prune=True)
    assert stored(record) == wanted


def test_sensors_and_outlets_may_change_places_at_once(record: Record) -> None:
    put(record, two_outlets())
    swapped = site(outlets=[outlet("a-1", sensors=[sensor("a-2-s")]), outlet("a-2", sensors=[sensor("a-1-s")])])
    put(record, swapped)
    assert stored(record) == swapped


def test_an_agency_gives_way_to_another_for_the_same_outlet(record: Record) -> None:
    put(record, site(outlets=[outlet("a-1", agency="lama")]))
    wanted = site(outlets=[outlet("a-1", agency="baru")])
    put(record, wanted, prune=True)
    assert stored(record) == wanted
