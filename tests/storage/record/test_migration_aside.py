"""The step to revision 0003, on records that have an inbox and dead letters of before."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from storage.record import Record
from storage.record.aside import DeadLetter as Sent
from storage.record.aside import inbox, keep_dead_letters, letters
from tests.fixtures.record import record_of_before, scripts_until

BEFORE = [("a", "t/1", b"x", 3000), ("b", "t/1", b"x", 1000), ("c", "t/2", b"y" * 70_000, 2000)]


@pytest.fixture
def scripts_of_before(tmp_path: Path) -> Path:
    return scripts_until("0002", tmp_path)


def put_letters(connection: Connection, rows: list[tuple[str, str, bytes, int]]) -> None:
    insert = text("INSERT INTO dead_letter VALUES (:id, :topic, :payload, 'why', :received)")
    connection.execute(insert, [dict(zip(("id", "topic", "payload", "received"), row, strict=True)) for row in rows])


def test_letters_that_are_alike_become_one_and_devices_native_ones(
    new_record_url: str, scripts_of_before: Path
) -> None:
    with record_of_before(new_record_url, scripts_of_before) as connection:
        put_letters(connection, BEFORE)
        connection.execute(text("INSERT INTO inbox VALUES ('mpp', 'c-1', 't', 1, 2, 3, :sample)"), {"sample": b"s"})
    with Record.open(new_record_url) as record, record.writing() as connection:
        keep_dead_letters(connection, [Sent("t/1", b"x", "why", 4000)])
        first, second = letters(connection)
        assert (first.topic, first.first_ms, first.last_ms, first.times, first.whole) == ("t/1", 1000, 4000, 3, True)
        assert (second.topic, len(second.payload), second.whole) == ("t/2", 64 * 1024, False)
        assert [(device.convention, device.device) for device in inbox(connection)] == [("native", "c-1")]


def test_of_too_many_letters_the_newest_stay(new_record_url: str, scripts_of_before: Path) -> None:
    with record_of_before(new_record_url, scripts_of_before) as connection:
        put_letters(connection, [(str(n), f"t/{n}", b"", n) for n in range(1010)])
    with Record.open(new_record_url) as record, record.reading() as connection:
        kept = letters(connection)
    assert (len(kept), kept[0].topic, kept[-1].topic) == (1000, "t/1009", "t/10")
