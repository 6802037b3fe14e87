from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from sqlalchemy import Connection

from presence.alerts.escalation import Recipient
from presence.alerts.life import Alert
from storage.record import Record
from storage.record.acknowledgements import Answer, add
from storage.record.alert_list import Told, alerts, by_ids, newest_revision
from storage.record.alerts import StoredAlert, enqueue, mark_sent, put

NOW = 9_000
STANDS = StoredAlert("a1", Alert("vacancy", "outlet", "a-1", 1000, 2000), False, None)
RESOLVED = StoredAlert("a2", Alert("vacancy", "outlet", "a-2", 3000, 4000, 5000, "presence"), True, None)
DISPROVED = StoredAlert("a3", Alert("vacancy", "duty", "d", 6000, 7000), False, 8000)


@pytest.fixture
def connection(record: Record) -> Iterator[Connection]:
    with record.writing(durable=False) as connection:
        for stored in (RESOLVED, STANDS, DISPROVED):
            put(connection, "balai", stored, 1)
        yield connection


def ids(connection: Connection, **chosen: object) -> list[str]:
    return [row.id for row in alerts(connection, **{"now_ms": NOW, **chosen})]  # type: ignore[arg-type]


def test_alerts_come_in_the_order_in_which_they_fired(connection: Connection) -> None:
    assert ids(connection) == ["a1", "a2", "a3"]
    assert ids(connection, limit=2) == ["a2", "a3"]


@pytest.mark.parametrize(
    ("state", "expected"), [("firing", ["a1"]), ("resolved", ["a2"]), ("disproved", ["a3"]), ("acknowledged", [])]
)
def test_each_alert_is_in_one_state(connection: Connection, state: str, expected: list[str]) -> None:
    assert ids(connection, state=state) == expected
    assert [row.state(NOW) for row in alerts(connection, now_ms=NOW) if row.id in expected] == [state] * len(expected)


def test_alerts_are_chosen_by_site_and_outlet(connection: Connection) -> None:
    assert ids(connection, site="balai", outlet="a-2") == ["a2"]
    assert ids(connection, site="lain") == []
    assert ids(connection, outlet="d") == []  # a duty


def test_a_stretch_shows_what_stood_in_it(connection: Connection) -> None:
    assert ids(connection, from_ms=5000) == ["a1", "a3"]
    assert ids(connection, from_ms=4999) == ["a1", "a2", "a3"]
    assert ids(connection, from_ms=8000) == ["a1"]
    assert ids(connection, to_ms=4000) == ["a1"]
    assert ids(connection, to_ms=4001) == ["a1", "a2"]


def test_a_cursor_shows_what_changed_since(connection: Connection) -> None:
    seen = newest_revision(connection)
    assert ids(connection, after_revision=seen) == []
    put(connection, "balai", STANDS._replace(alert=replace(STANDS.alert, resolved_ms=9000, reason="presence")), 2)
    assert ids(connection, after_revision=seen) == ["a1"]
    assert newest_revision(connection) > seen


def test_an_alert_shows_who_was_told_that_it_fired(connection: Connection) -> None:
    for contact, sent_ms in (("kepala", 2500), ("koordinator", 2100)):
        mark_sent(
            connection, enqueue(connection, "balai", "a1", "firing", Recipient("dinas", contact), "{}", 1), sent_ms
        )
    enqueue(connection, "balai", "a1", "firing", Recipient("", "pengelola"), "{}", 1)  # not sent yet
    mark_sent(connection, enqueue(connection, "balai", "a1", "resolved", Recipient("dinas", "kepala"), "{}", 1), 2700)
    (row,) = by_ids(connection, ["a1"])
    assert row.told == (Told(2100, "dinas", "koordinator"), Told(2500, "dinas", "kepala"))


def test_json_is_the_line_of_replay_and_what_the_record_knows(connection: Connection) -> None:
    (row,) = alerts(connection, now_ms=NOW, outlet="a-2")
    assert row.as_json(NOW) == RESOLVED.alert.as_json() | {
        "id": "a2",
        "site": "balai",
        "state": "resolved",
        "acknowledged": None,
        "disproved": None,
        "late": True,
        "told": [],
    }


def test_an_answered_alert_fires_again_when_the_time_of_its_answer_is_over(connection: Connection) -> None:
    made = add(connection, "balai", "a1", Answer("equipment", "printer", 600_000), author="ani", now_ms=NOW)
    (row,) = by_ids(connection, ["a1"])
    for now_ms, state in ((NOW, "acknowledged"), (made.until_ms - 1, "acknowledged"), (made.until_ms, "firing")):
        assert (row.state(now_ms), row.stands) == (state, True)
        found = {one: ids(connection, now_ms=now_ms, state=one) for one in ("firing", "acknowledged")}
        assert found == {"firing": [], "acknowledged": []} | {state: ["a1"]}


def test_the_newest_answer_counts_even_when_it_ends_earlier(connection: Connection) -> None:
    add(connection, "balai", "a1", Answer("equipment"), author="ani", now_ms=NOW)
    made = add(connection, "balai", "a1", Answer("break", None, 60_000), author="budi", now_ms=NOW + 1)
    (row,) = by_ids(connection, ["a1"])
    assert (row.acknowledged, row.state(made.until_ms)) == (made, "firing")
    assert ids(connection, now_ms=made.until_ms, state="acknowledged") == []


def test_an_alert_that_is_over_shows_its_last_answer(connection: Connection) -> None:
    add(connection, "balai", "a1", Answer("equipment", "printer <b>"), author="ani", now_ms=NOW)
    put(connection, "balai", STANDS._replace(alert=replace(STANDS.alert, resolved_ms=9500, reason="presence")), 2)
    (row,) = by_ids(connection, ["a1"])
    said = row.as_json(NOW + 1000)
    assert (row.state(NOW + 1000), said["state"]) == ("resolved", "resolved")
    assert said["acknowledged"] == {
        "at": "1970-01-01T00:00:09.000Z",
        "until": "1970-01-01T01:00:09.000Z",
        "by": "ani",
        "reason": "equipment",
        "note": "printer <b>",
    }
