"""Absences and maintenance that people make, end and withdraw, and what the registry makes of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import Connection, select

from presence.declarations import NotAccepted
from presence.intervals import Span
from presence.site import Absence, Gateway, Maintenance
from storage.record import Record, audit, tables
from storage.record.declarations import Declaration, declaration, declarations, declare, declared_spans, end
from storage.record.refusals import NotNow, NotThere
from storage.record.registry import EVER, apply, load_site, versions
from tests.builders import HOUR_MS, outlet, site
from tests.fixtures.record import declare_long_ago

NOW = 1_795_000_000_000
ABSENCE = Absence(outlet="a-1", from_ms=NOW + HOUR_MS, to_ms=NOW + 2 * HOUR_MS, reason="meeting", note="Rapat")
WORK = Maintenance(sensor="a-1-s", from_ms=NOW, to_ms=NOW + HOUR_MS, reason="ganti radar")
HALL = site(outlets=[outlet("a-1"), outlet("a-2")], gateways=(Gateway(id="gw"),))


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    with Record.open(f"sqlite:///{tmp_path / 'record.db'}") as record, record.writing(durable=False) as connection:
        apply(connection, HALL, prune=False, now_ms=NOW)
        yield connection


def declared(connection: Connection) -> tuple[Any, ...]:
    """What collector, engine and pages are given."""
    found = load_site(connection, "balai", declared_from_ms=EVER)
    assert found is not None
    return (*found.absences, *found.maintenance)


def audited(connection: Connection) -> list[dict[str, Any]]:
    assert isinstance(audit.verify(connection), int)
    return [json.loads(body) for body in connection.scalars(select(tables.audit.c.body).order_by(tables.audit.c.id))]


def test_what_is_declared_is_in_the_registry_with_its_author(connection: Connection) -> None:
    made = declare(connection, "balai", ABSENCE, "ani", NOW)
    work = declare(connection, "balai", WORK, "budi", NOW + 1)
    assert made == Declaration(made.id, ABSENCE, "ani", NOW, None)
    assert made.what.origin == "person"
    assert declared(connection) == (ABSENCE, replace(WORK, from_ms=NOW + 1))
    assert versions(connection) == {"balai": 3}
    assert declarations(connection, "balai", Absence) == [made]
    assert declarations(connection, "balai", Maintenance) == [work]
    assert audited(connection) == [
        {
            "at": "2026-11-18T11:06:40.000Z",
            "event": "absence_declared",
            "site": "balai",
            "id": made.id,
            "outlet": "a-1",
            "from": "2026-11-18T12:06:40.000Z",
            "to": "2026-11-18T13:06:40.000Z",
            "reason": "meeting",
            "note": "Rapat",
            "author": "ani",
        },
        {
            "at": "2026-11-18T11:06:40.001Z",
            "event": "maintenance_declared",
            "site": "balai",
            "id": work.id,
            "sensor": "a-1-s",
            "gateway": None,
            "outlet": None,
            "from": "2026-11-18T11:06:40.001Z",
            "to": "2026-11-18T12:06:40.000Z",
            "reason": "ganti radar",
            "author": "budi",
        },
    ]


def test_what_has_not_begun_is_withdrawn_and_counts_nowhere(connection: Connection) -> None:
    made = declare(connection, "balai", ABSENCE, "ani", NOW)
    withdrawn = end(connection, "balai", Absence, made.id, "budi", NOW + 5)
    assert withdrawn == made._replace(withdrawn_ms=NOW + 5)
    assert declared(connection) == ()
    assert declarations(connection, "balai", Absence) == []
    assert declaration(connection, "balai", Absence, made.id) == withdrawn
    assert versions(connection) == {"balai": 3}
    last = audited(connection)[-1]
    assert (last["event"], last["author"], last["id"]) == ("absence_withdrawn", "budi", made.id)


def test_what_lasts_ends_now(connection: Connection) -> None:
    made = declare(connection, "balai", WORK, "ani", NOW)
    ended = end(connection, "balai", Maintenance, made.id, "ani", NOW + 60_000)
    assert ended == made._replace(what=replace(WORK, to_ms=NOW + 60_000))
    assert declared(connection) == (ended.what,)
    assert declarations(connection, "balai", Maintenance) == [ended]
    row = connection.execute(select(tables.maintenance)).one()
    assert (row.to_ms, row.withdrawn_ms) == (NOW + 60_000, None)
    last = audited(connection)[-1]
    assert (last["event"], last["to"]) == ("maintenance_ended", "2026-11-18T11:07:40.000Z")


def test_at_its_very_beginning_it_is_withdrawn(connection: Connection) -> None:
    made = declare(connection, "balai", WORK, "ani", NOW)
    assert end(connection, "balai", Maintenance, made.id, "ani", NOW).withdrawn_ms == NOW


def test_what_is_over_or_withdrawn_or_from_a_file_cannot_be_ended(connection: Connection) -> None:
    apply(connection, replace(HALL, absences=(replace(ABSENCE, outlet="a-2"),)), prune=False, now_ms=NOW)
    made = declare(connection, "balai", ABSENCE, "ani", NOW)
    (from_file,) = [one for one in declarations(connection, "balai", Absence) if one.author is None]
    with pytest.raises(NotNow, match=f"absence {from_file.id} comes from the site file; take it out there"):
        end(connection, "balai", Absence, from_file.id, "ani", NOW)
    with pytest.raises(NotNow, match="is over since 2026-11-18T13:06:40"):
        end(connection, "balai", Absence, made.id, "ani", ABSENCE.to_ms)
    end(connection, "balai", Absence, made.id, "ani", NOW)
    with pytest.raises(NotNow, match="was withdrawn at 2026-11-18T11:06:40"):
        end(connection, "balai", Absence, made.id, "ani", NOW)
    assert len(audited(connection)) == 2


def test_the_same_again_is_refused_and_more_is_not(connection: Connection) -> None:
    made = declare(connection, "balai", ABSENCE, "ani", NOW)
    for same in (ABSENCE, replace(ABSENCE, from_ms=ABSENCE.from_ms + 60_000)):
        with pytest.raises(NotNow, match=f"the same is declared already, as absence {made.id}"):
            declare(connection, "balai", same, "budi", NOW)
    others = [
        replace(ABSENCE, from_ms=ABSENCE.from_ms - 1),
        replace(ABSENCE, to_ms=ABSENCE.to_ms + 1),
        replace(ABSENCE, reason="break"),
        replace(ABSENCE, note=None),
        replace(ABSENCE, outlet="a-2"),
    ]
    for other in others:
        declare(connection, "balai", other, "ani", NOW)
    assert len(declared(connection)) == 6


def test_what_was_withdrawn_can_be_declared_again(connection: Connection) -> None:
    end(connection, "balai", Absence, declare(connection, "balai", ABSENCE, "ani", NOW).id, "ani", NOW)
    declare(connection, "balai", ABSENCE, "ani", NOW)
    assert declared(connection) == (ABSENCE,)


def test_what_is_wrong_is_not_written(connection: Connection) -> None:
    wrong = replace(ABSENCE, outlet="a-3", to_ms=ABSENCE.from_ms, reason="lunch")
    with pytest.raises(NotAccepted) as error:
        declare(connection, "balai", wrong, "ani", NOW)
    assert [one.path for one in error.value.problems] == ["reason", "outlet", "to"]
    assert (declared(connection), versions(connection), audited(connection)) == ((), {"balai": 1}, [])


def test_what_is_not_there_is_told(connection: Connection) -> None:
    with pytest.raises(NotThere, match='no site "lain"'):
        declare(connection, "lain", ABSENCE, "ani", NOW)
    with pytest.raises(NotThere, match='no site "lain"'):
        declarations(connection, "lain", Absence)
    with pytest.raises(NotThere, match='no maintenance 7 at site "balai"'):
        end(connection, "balai", Maintenance, 7, "ani", NOW)
    made = declare(connection, "balai", ABSENCE, "ani", NOW)
    with pytest.raises(NotThere, match=f'no absence {made.id} at site "lain"'):
        end(connection, "lain", Absence, made.id, "ani", NOW)


@pytest.mark.parametrize("prune", [False, True])
def test_applying_a_site_file_leaves_what_people_made_alone(connection: Connection, prune: bool) -> None:
    made = declare(connection, "balai", ABSENCE, "ani", NOW)
    work = declare(connection, "balai", WORK, "ani", NOW)
    other = declare(connection, "balai", replace(ABSENCE, outlet="a-2"), "ani", NOW)
    gone = end(connection, "balai", Absence, other.id, "ani", NOW)
    apply(connection, replace(HALL, name="Balai"), prune=prune, now_ms=NOW + 1)
    assert declarations(connection, "balai", Absence) == [made]
    assert declarations(connection, "balai", Maintenance) == [work]
    assert declaration(connection, "balai", Absence, gone.id) == gone


def test_what_was_declared_for_an_outlet_outlives_it(connection: Connection) -> None:
    made = declare(connection, "balai", ABSENCE, "ani", NOW)
    apply(connection, site(outlets=[outlet("a-2")]), prune=True, now_ms=NOW)
    assert declared(connection) == ()
    assert declarations(connection, "balai", Absence) == [made]


def test_a_stretch_shows_what_lasts_in_it(connection: Connection) -> None:
    made = declare(connection, "balai", ABSENCE, "ani", NOW)
    for from_ms, to_ms, expected in (
        (None, None, [made]),
        (ABSENCE.to_ms - 1, None, [made]),
        (ABSENCE.to_ms, None, []),
        (None, ABSENCE.from_ms + 1, [made]),
        (None, ABSENCE.from_ms, []),
    ):
        assert declarations(connection, "balai", Absence, from_ms=from_ms, to_ms=to_ms) == expected


def test_json_has_the_keys_of_a_site_file_and_who_made_it(connection: Connection) -> None:
    made = declare(connection, "balai", ABSENCE, "ani", NOW)
    assert made.as_json() == {
        "id": made.id,
        "outlet": "a-1",
        "from": "2026-11-18T12:06:40.000Z",
        "to": "2026-11-18T13:06:40.000Z",
        "reason": "meeting",
        "note": "Rapat",
        "origin": "person",
        "author": "ani",
        "made": "2026-11-18T11:06:40.000Z",
        "withdrawn": None,
    }


def test_of_what_is_over_for_long_no_row_is_read_unless_it_is_asked_for(connection: Connection) -> None:
    declare_long_ago(connection, NOW, 2_000)
    made = declare(connection, "balai", ABSENCE, "ani", NOW)
    declare(connection, "balai", WORK, "ani", NOW)
    for from_ms, found in ((NOW, (made.what,)), (made.what.to_ms, ()), (None, ())):
        loaded = load_site(connection, "balai", declared_from_ms=from_ms)
        assert loaded is not None
        assert loaded.absences == found
    with pytest.raises(msgspec.DecodeError):
        load_site(connection, "balai", declared_from_ms=EVER)


def test_when_outlets_had_absences_is_read_of_the_time_that_is_asked_for(connection: Connection) -> None:
    declare_long_ago(connection, NOW, 2)
    for start, stop in ((1, 2), (2, 4), (6, 7)):
        times = {"from_ms": NOW + start * HOUR_MS, "to_ms": NOW + stop * HOUR_MS}
        declare(connection, "balai", replace(ABSENCE, **times), "ani", NOW)
    taken_back = declare(connection, "balai", replace(ABSENCE, outlet="a-2"), "ani", NOW)
    end(connection, "balai", Absence, taken_back.id, "ani", NOW)

    def spans(from_ms: int, to_ms: int, *outlets: str) -> dict[str, list[Span]]:
        return declared_spans(connection, "balai", outlets, from_ms, to_ms)

    joined, last = Span(NOW + HOUR_MS, NOW + 4 * HOUR_MS), Span(NOW + 6 * HOUR_MS, NOW + 7 * HOUR_MS)
    assert spans(NOW, NOW + 9 * HOUR_MS, "a-1", "a-2") == {"a-1": [joined, last]}
    assert spans(NOW + 4 * HOUR_MS, NOW + 6 * HOUR_MS, "a-1") == {}
    assert spans(0, NOW, "a-1") == {"a-1": [Span(NOW - 9_000 * HOUR_MS, NOW - 8_760 * HOUR_MS)]}
