from __future__ import annotations

from sqlalchemy import Connection, select

from storage.record.aside import (
    DeadLetter,
    Unclaimed,
    dead_letters,
    keep_dead_letters,
    note_unclaimed,
    unclaimed_devices,
)
from storage.record.tables import dead_letter, inbox


def test_the_same_letter_again_is_one(connection: Connection) -> None:
    letter = DeadLetter("a/b", b"\x00\xff", "no JSON", 1000)
    keep_dead_letters(connection, [letter, letter._replace(received_ms=2000)])
    keep_dead_letters(connection, [letter])
    assert dead_letters(connection) == 2
    assert connection.scalars(select(dead_letter.c.payload)).all() == [b"\x00\xff"] * 2


def test_a_device_waits_once_with_its_newest_message(connection: Connection) -> None:
    first = Unclaimed("mpp", "lumi", "zigbee2mqtt/lumi", 1000, 3, b"first")
    note_unclaimed(connection, [first])
    note_unclaimed(connection, [first._replace(at_ms=2000, messages=2, sample=b"second")])
    assert unclaimed_devices(connection) == 1
    row = connection.execute(select(inbox)).one()
    assert (row.first_ms, row.last_ms, row.messages, row.sample) == (1000, 2000, 5, b"second")


def test_what_no_text_may_hold_does_not_keep_a_letter_out(connection: Connection) -> None:
    keep_dead_letters(connection, [DeadLetter("a/b", b"", "no sensor \0", 1000)])
    note_unclaimed(connection, [Unclaimed("mpp", "lu\0mi", "a/b", 1000, 1, b"")])
    assert connection.scalar(select(dead_letter.c.why)) == "no sensor \N{REPLACEMENT CHARACTER}"
    assert connection.scalar(select(inbox.c.device)) == "lu\N{REPLACEMENT CHARACTER}mi"
