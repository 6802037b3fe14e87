from __future__ import annotations

from dataclasses import replace

from sqlalchemy import Connection, select

from presence.alerts.life import Alert
from storage.record.alerts import (
    Cursor,
    Pending,
    Recipient,
    StoredAlert,
    body_of,
    cursor,
    enqueue,
    mark_failed,
    mark_sent,
    of_subject,
    pending,
    put,
    said,
    set_cursor,
    standing,
    to_be_told,
)
from storage.record.tables import alert, notification

KOORDINATOR = Recipient("dinas", "koordinator")
PENGELOLA = Recipient("", "pengelola")


def vacancy(subject: str, since_ms: int) -> Alert:
    return Alert("vacancy", "outlet", subject, since_ms, since_ms + 600)


def stored(alert_id: str, said: Alert, *, late: bool = False, disproved_ms: int | None = None) -> StoredAlert:
    return StoredAlert(alert_id, said, late, disproved_ms)


def test_what_is_put_is_found_by_subject_and_time(connection: Connection) -> None:
    first, second = stored("a1", vacancy("a-1", 1000)), stored("a2", vacancy("a-1", 5000), late=True)
    put(connection, "mpp", first, 1)
    put(connection, "mpp", second, 1)
    put(connection, "mpp", stored("b1", vacancy("a-2", 1000)), 1)
    put(connection, "other", stored("c1", vacancy("a-1", 1000)), 1)
    assert of_subject(connection, "mpp", "vacancy", "a-1", 0) == [first, second]
    assert of_subject(connection, "mpp", "vacancy", "a-1", 1001) == [second]


def test_only_what_neither_resolved_nor_was_disproved_stands(connection: Connection) -> None:
    put(connection, "mpp", stored("a1", replace(vacancy("a-1", 1000), resolved_ms=2000, reason="presence")), 1)
    put(connection, "mpp", stored("a2", vacancy("a-2", 1000), disproved_ms=3000), 1)
    put(connection, "mpp", stored("a3", vacancy("a-3", 1000)), 1)
    assert [one.id for one in standing(connection, "mpp")] == ["a3"]


def test_each_transition_raises_the_revision_and_lateness_stays(connection: Connection) -> None:
    said = vacancy("a-1", 1000)
    assert put(connection, "mpp", stored("a1", said, late=True), 1) == 1
    assert put(connection, "mpp", stored("a2", vacancy("a-2", 1000)), 1) == 2
    assert put(connection, "mpp", stored("a1", replace(said, resolved_ms=2000, reason="closed")), 9) == 3
    row = connection.execute(select(alert).where(alert.c.id == "a1")).one()
    assert (row.late, row.made_ms, row.revision, row.resolved_ms, row.reason) == (1, 1, 3, 2000, "closed")


def test_what_waits_for_a_recipient_keeps_its_order_though_the_clock_goes_back(connection: Connection) -> None:
    enqueue(connection, "mpp", "a1", "firing", KOORDINATOR, "{}", 5000)
    enqueue(connection, "mpp", "a1", "resolved", KOORDINATOR, "{}", 4000)
    enqueue(connection, "mpp", "a0", "firing", KOORDINATOR, "{}", 4000)
    enqueue(connection, "mpp", "a1", "firing", PENGELOLA, "{}", 4000)
    assert [(one.key, one.due_ms, one.next_try_ms) for one in pending(connection)] == [
        ("a1.firing.pengelola.0", 4000, 4000),
        ("a1.firing.koordinator.0", 5000, 5000),
        ("a1.resolved.koordinator.0", 5001, 4000),
        ("a0.firing.koordinator.0", 5002, 4000),
    ]


def test_what_is_said_again_has_a_key_of_its_own(connection: Connection) -> None:
    keys = [enqueue(connection, "mpp", "a1", "firing", KOORDINATOR, f"{n}", 1000) for n in range(3)]
    assert keys == ["a1.firing.koordinator.0", "a1.firing.koordinator.1", "a1.firing.koordinator.2"]
    assert body_of(connection, keys[1]) == "1"


def test_what_was_said_of_an_alert_counts_from_its_last_end_on(connection: Connection) -> None:
    heard = []
    for event in ("firing", "reminder", "resolved", "firing", "disproved", "firing"):
        enqueue(connection, "mpp", "a1", event, KOORDINATOR, "{}", 1000)
        enqueue(connection, "mpp", "a2", "disproved", KOORDINATOR, "{}", 1000)
        heard.append([row.event for row in said(connection, "a1")])
    assert heard == [["firing"], ["firing", "reminder"], [], ["firing"], [], ["firing"]]


def test_a_correction_goes_to_all_who_heard_of_it_an_end_to_those_who_do_not_know(connection: Connection) -> None:
    for recipient in (KOORDINATOR, PENGELOLA):
        enqueue(connection, "mpp", "a1", "firing", recipient, "{}", 1000)
    enqueue(connection, "mpp", "a1", "resolved", KOORDINATOR, "{}", 2000)
    assert to_be_told(connection, "a1", "resolved") == [PENGELOLA]
    assert to_be_told(connection, "a1", "disproved") == [KOORDINATOR, PENGELOLA]
    enqueue(connection, "mpp", "a1", "disproved", KOORDINATOR, "{}", 3000)
    assert to_be_told(connection, "a1", "disproved") == [PENGELOLA]
    enqueue(connection, "mpp", "a1", "firing", KOORDINATOR, "{}", 4000)
    assert to_be_told(connection, "a1", "resolved") == [PENGELOLA, KOORDINATOR]


def test_what_is_not_to_be_sent_is_kept_with_the_reason(connection: Connection) -> None:
    key = enqueue(connection, "mpp", "a1", "firing", KOORDINATOR, "{}", 1000)
    mark_sent(connection, key, 1000)
    enqueue(connection, "mpp", "a1", "resolved", KOORDINATOR, "{}", 1000, untold="a-1 is not registered any more")
    assert (pending(connection), said(connection, "a1")) == ([], [])
    rows = notification.c
    kept = connection.execute(select(rows.error, rows.attempts).where(rows.event == "resolved")).all()
    assert kept == [("a-1 is not registered any more", 0)]


def test_equal_ids_at_agency_and_site_are_two_recipients(connection: Connection) -> None:
    both = [Recipient("", "budi"), Recipient("dinas", "budi")]
    assert len({enqueue(connection, "mpp", "a1", "firing", one, "{}", 1000) for one in both}) == 2
    assert [row.recipient for row in said(connection, "a1")] == both


def test_a_message_is_pending_until_it_is_sent_or_given_up(connection: Connection) -> None:
    key = enqueue(connection, "mpp", "a1", "firing", KOORDINATOR, "{}", 1000)
    mark_failed(connection, key, "503", 3000)
    assert pending(connection) == [Pending(key, "a1", "mpp", KOORDINATOR, 1000, 3000, 1)]
    mark_sent(connection, key, 3100)
    given_up = enqueue(connection, "mpp", "a1", "resolved", KOORDINATOR, "{}", 4000)
    mark_failed(connection, given_up, "410", None)
    assert pending(connection) == []
    rows = notification.c
    assert connection.execute(select(rows.sent_ms, rows.error, rows.attempts).order_by(rows.due_ms)).all() == [
        (3100, None, 2),
        (None, "410", 1),
    ]


def test_what_another_engine_has_delivered_meanwhile_is_not_tried_again(connection: Connection) -> None:
    key = enqueue(connection, "mpp", "a1", "firing", KOORDINATOR, "{}", 1000)
    mark_sent(connection, key, 1100)
    mark_failed(connection, key, "timed out", 3000)
    assert pending(connection) == []


def test_the_cursor_of_a_site_is_one_row(connection: Connection) -> None:
    assert cursor(connection, "mpp") is None
    set_cursor(connection, "mpp", Cursor(3, 1, 5000))
    set_cursor(connection, "mpp", Cursor(9, 2, 7000))
    assert cursor(connection, "mpp") == Cursor(9, 2, 7000)
