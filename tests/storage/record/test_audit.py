from __future__ import annotations

import hashlib
import json

import pytest
from sqlalchemy import Connection, delete, select, update

from storage.record.audit import Broken, append, verify
from storage.record.tables import audit


@pytest.fixture
def log(connection: Connection) -> Connection:
    for number in range(3):
        append(connection, 1_793_000_000_000 + number, {"event": "firing", "n": number, "place": "Kantor é"})
    return connection


def test_each_hash_is_of_the_one_before_and_the_canonical_body(log: Connection) -> None:
    previous = "0" * 64
    for row in log.execute(select(audit).order_by(audit.c.id)):
        body = {"at": f"2026-10-26T07:33:20.00{row.id - 1}Z", "event": "firing", "n": row.id - 1, "place": "Kantor é"}
        canonical = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        assert (row.body, row.previous) == (canonical, previous)
        assert row.hash == hashlib.sha256((previous + canonical).encode()).hexdigest()
        previous = row.hash


def test_a_whole_log_tells_its_length(connection: Connection, log: Connection) -> None:
    assert verify(log) == 3


def test_an_empty_log_is_whole(connection: Connection) -> None:
    assert verify(connection) == 0


@pytest.mark.parametrize(
    ("column", "value", "problem"),
    [
        ("body", '{"at":"2026-10-26T07:33:20.001Z","event":"firing","n":7}', "its content was changed"),
        ("at_ms", 1_793_000_000_099, "its time was changed"),
        ("previous", "0" * 64, "a row before it was taken out, put in or exchanged"),
        ("hash", "f" * 64, "its content was changed"),
    ],
)
def test_a_changed_row_is_found(log: Connection, column: str, value: object, problem: str) -> None:
    log.execute(update(audit).where(audit.c.id == 2).values({column: value}))
    assert verify(log) == Broken(2, problem)


@pytest.mark.parametrize("row", [1, 2])
def test_a_row_taken_out_is_found_at_the_next(log: Connection, row: int) -> None:
    log.execute(delete(audit).where(audit.c.id == row))
    assert verify(log) == Broken(row + 1, "a row before it was taken out, put in or exchanged")
