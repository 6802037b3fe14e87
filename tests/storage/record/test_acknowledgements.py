"""Answers to alerts: what is written, what is refused, and how long they hold."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Connection, select

from presence.alerts.life import Alert
from presence.declarations import NotAccepted
from storage.record import Record, audit, tables
from storage.record.acknowledgements import Acknowledgement, Answer, add, last_id, of_alerts
from storage.record.alert_list import newest_revision
from storage.record.alerts import StoredAlert, put
from storage.record.refusals import NotNow, NotThere

MINUTE = 60_000
STANDS = StoredAlert("a1", Alert("vacancy", "outlet", "a-1", 1000, 2000), False, None)
RESOLVED = StoredAlert("a2", Alert("vacancy", "outlet", "a-2", 3000, 4000, 5000, "presence"), True, None)
DISPROVED = StoredAlert("a3", Alert("vacancy", "duty", "d", 6000, 7000), False, 8000)


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    with Record.open(f"sqlite:///{tmp_path / 'record.db'}") as record, record.writing(durable=False) as connection:
        for stored in (STANDS, RESOLVED, DISPROVED):
            put(connection, "balai", stored, 1)
        yield connection


def test_an_answer_is_written_with_its_audit_row_and_a_new_revision(connection: Connection) -> None:
    seen = newest_revision(connection)
    assert (last_id(connection), of_alerts(connection, ["a1"])) == (0, {})
    made = add(connection, "balai", "a1", Answer("other", "<b>upacara</b>"), author="ani", now_ms=10_000)
    assert made == Acknowledgement(made.id, "a1", 10_000, 10_000 + 60 * MINUTE, "other", "<b>upacara</b>", "ani")
    assert of_alerts(connection, ["a1", "a2"]) == {"a1": [made]}
    assert last_id(connection) == made.id
    revision = connection.scalar(select(tables.alert.c.revision).where(tables.alert.c.id == "a1"))
    assert revision == newest_revision(connection) == seen + 1
    assert audit.verify(connection) == 1
    assert json.loads(connection.execute(select(tables.audit.c.body)).scalar_one()) == {
        "at": "1970-01-01T00:00:10.000Z",
        "event": "acknowledged",
        "site": "balai",
        "alert": "a1",
        "kind": "vacancy",
        "subject_type": "outlet",
        "subject": "a-1",
        "until": "1970-01-01T01:00:10.000Z",
        "reason": "other",
        "note": "<b>upacara</b>",
        "author": "ani",
    }


def test_a_later_answer_stands_beside_the_first(connection: Connection) -> None:
    first = add(connection, "balai", "a1", Answer("break"), author="ani", now_ms=10_000)
    second = add(connection, "balai", "a1", Answer("sick", None, 5 * MINUTE), author="budi", now_ms=20_000)
    assert of_alerts(connection, ["a1"]) == {"a1": [first, second]}
    assert (second.until_ms, last_id(connection)) == (20_000 + 5 * MINUTE, second.id)


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (Answer("metting"), 'reason: "metting" is not known here; did you mean "meeting"?'),
        (Answer("other"), "note: is missing; say in a few words what the other reason is"),
        (Answer("sick", "x" * 501), "note: has 501 characters; write 500 at most"),
        (Answer("sick", None, MINUTE - 1), "minutes: are not 1 to 480; for a longer absence declare one"),
        (Answer("sick", None, 481 * MINUTE), "minutes: are not 1 to 480; for a longer absence declare one"),
    ],
)
def test_what_is_wrong_with_an_answer_is_told(connection: Connection, answer: Answer, problem: str) -> None:
    with pytest.raises(NotAccepted) as error:
        add(connection, "balai", "a1", answer, author="ani", now_ms=10_000)
    assert str(error.value) == problem
    assert (last_id(connection), audit.verify(connection)) == (0, 0)


def test_only_what_stands_can_be_acknowledged(connection: Connection) -> None:
    for alert_id, why in (
        ("a2", "over since 1970-01-01T00:00:05"),
        ("a3", "disproved the alert at 1970-01-01T00:00:08"),
    ):
        with pytest.raises(NotNow, match=why):
            add(connection, "balai", alert_id, Answer("sick"), author="ani", now_ms=10_000)
    for site, alert_id in (("lain", "a1"), ("balai", "a9")):
        with pytest.raises(NotThere, match=f'no alert "{alert_id}" at site "{site}"'):
            add(connection, site, alert_id, Answer("sick"), author="ani", now_ms=10_000)


def test_an_alert_that_ends_keeps_its_answers(connection: Connection) -> None:
    made = add(connection, "balai", "a1", Answer("sick"), author="ani", now_ms=10_000)
    put(connection, "balai", STANDS._replace(alert=replace(STANDS.alert, resolved_ms=20_000, reason="presence")), 2)
    assert of_alerts(connection, ["a1"]) == {"a1": [made]}
