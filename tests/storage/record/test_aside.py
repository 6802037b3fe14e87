"""What is kept aside: counted once, bounded in number and size, and found again."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection

from storage.record import Record, aside, tables
from storage.record.aside import (
    LARGEST_PAYLOAD,
    MOST_LETTERS,
    MOST_UNCLAIMED,
    DeadLetter,
    LetterToRetry,
    Unclaimed,
    ask_retry,
    dead_letters,
    forget_unclaimed,
    inbox,
    keep_dead_letters,
    letters,
    letters_to_retry,
    note_unclaimed,
    refuse_letter,
    settle_letter,
    unclaimed_devices,
)

LETTER = DeadLetter("a/b", b"\x00\xff", "no JSON", 1000)
LUMI = Unclaimed("", "lumi", "zigbee2mqtt/lumi", 1000, 3, b"first", "zigbee2mqtt", "Aqara FP1", {"occupancy": 1.0})


def test_letters_that_are_alike_are_one_with_their_count_and_the_newest_reason(connection: Connection) -> None:
    keep_dead_letters(connection, [LETTER, LETTER._replace(received_ms=2000)])
    keep_dead_letters(connection, [LETTER._replace(received_ms=3000, why="no text"), LETTER._replace(topic="a/c")])
    found = {letter.topic: letter for letter in letters(connection)}
    assert dead_letters(connection) == 2
    first = found["a/b"]
    assert (first.payload, first.why, first.first_ms, first.last_ms, first.times, first.whole) == (
        b"\x00\xff", "no text", 1000, 3000, 3, True,
    )  # fmt: skip
    assert [letter.topic for letter in letters(connection)] == ["a/b", "a/c"]


def test_rows_of_the_spool_that_come_again_after_a_crash_are_not_counted_twice(connection: Connection) -> None:
    before = [LETTER, LETTER._replace(received_ms=2000)]
    keep_dead_letters(connection, before)
    keep_dead_letters(connection, [*before, LETTER._replace(received_ms=3000)])
    assert [(letter.first_ms, letter.last_ms, letter.times) for letter in letters(connection)] == [(1000, 3000, 3)]
    note_unclaimed(connection, [LUMI])
    note_unclaimed(connection, [LUMI])
    assert [device.messages for device in inbox(connection)] == [3]


def test_a_letter_too_large_is_cut_and_cannot_be_tried_again(connection: Connection) -> None:
    large = LETTER._replace(payload=b"x" * LARGEST_PAYLOAD + b"y")
    keep_dead_letters(connection, [large, LETTER._replace(topic="t" * 513)])
    cut = {letter.topic[0]: letter for letter in letters(connection)}
    assert (cut["a"].payload, cut["a"].whole) == (b"x" * LARGEST_PAYLOAD, False)
    assert (len(cut["t"].topic), cut["t"].whole) == (512, False)
    assert ask_retry(connection, [letter.id for letter in cut.values()], 5000) == []
    assert letters_to_retry(connection) == []


def test_a_letter_is_tried_again_as_the_message_that_it_was(connection: Connection) -> None:
    sent = LETTER._replace(content_type="application/senml+cbor", expiry_s=60, retain=True)
    keep_dead_letters(connection, [sent])
    assert letters_to_retry(connection) == []
    assert ask_retry(connection, [sent.id, "nowhere"], 5000) == [sent.id]
    assert letters_to_retry(connection) == [
        LetterToRetry(sent.id, "a/b", b"\x00\xff", "application/senml+cbor", 60, True, 1000)
    ]
    keep_dead_letters(connection, [sent._replace(received_ms=6000)])
    assert [letter.received_ms for letter in letters_to_retry(connection)] == [6000]


def test_a_letter_that_was_tried_in_vain_stays_with_the_new_reason(connection: Connection) -> None:
    keep_dead_letters(connection, [LETTER])
    ask_retry(connection, [LETTER.id], 5000)
    refuse_letter(connection, LETTER.id, "still no JSON")
    assert [(letter.why, letter.retry_ms) for letter in letters(connection)] == [("still no JSON", None)]
    settle_letter(connection, LETTER.id)
    assert dead_letters(connection) == 0


def test_letters_are_bounded_and_the_longest_silent_goes_first(connection: Connection) -> None:
    many = [DeadLetter(f"t/{n}", b"", "no JSON", n) for n in range(MOST_LETTERS)]
    keep_dead_letters(connection, many)
    ask_retry(connection, [many[1].id], 5000)
    more = [DeadLetter(f"u/{n}", b"", "no JSON", 10_000 + n) for n in range(2)]
    keep_dead_letters(connection, [many[0]._replace(received_ms=9_000), *more])
    assert dead_letters(connection) == MOST_LETTERS
    gone = {letter.topic for letter in many} - {letter.topic for letter in letters(connection)}
    assert gone == {"t/2", "t/3"}


def test_a_letter_of_an_older_process_is_one_without_more(connection: Connection) -> None:
    old = {"id": "x", "topic": "a/b", "payload": b"", "why": "w", "received_ms": 1000}
    connection.execute(tables.dead_letter.insert().values(old))
    connection.execute(tables.inbox.insert().values(
        site="mpp", device="c-1", topic="t", first_ms=1, last_ms=2, messages=3, sample=b"s"
    ))  # fmt: skip
    assert letters(connection) == [aside.Letter("x", "a/b", b"", "w", 1000, 1000, 1, True, True, None)]
    assert inbox(connection) == [aside.Waiting("mpp", "native", "c-1", "t", 1, 2, 3, b"s", None, {})]


def test_a_device_waits_once_with_its_newest_message_and_all_that_was_heard(connection: Connection) -> None:
    note_unclaimed(connection, [LUMI])
    later = LUMI._replace(at_ms=2000, messages=2, sample=b"second", seems=None, values={"battery": 88.0})
    note_unclaimed(connection, [later])
    note_unclaimed(connection, [later._replace(at_ms=3000, values={"occupancy": None})])
    assert unclaimed_devices(connection) == 1
    [device] = inbox(connection)
    assert device == aside.Waiting(
        "", "zigbee2mqtt", "lumi", "zigbee2mqtt/lumi", 1000, 3000, 7, b"second", "Aqara FP1",
        {"occupancy": None, "battery": 88.0},
    )  # fmt: skip
    assert device.presences == ["occupancy"]


def test_devices_of_one_name_in_several_conventions_and_sites_are_several(connection: Connection) -> None:
    same = [
        LUMI._replace(convention=convention, site=site)
        for convention in ("zigbee2mqtt", "tasmota", "native")
        for site in ("", "mpp")
    ]
    note_unclaimed(connection, same)
    assert {(device.site, device.convention, device.device) for device in inbox(connection)} == {
        (device.site, device.convention, "lumi") for device in same
    }
    forget_unclaimed(connection, "mpp", "tasmota", "lumi")
    forget_unclaimed(connection, "", "native", "lumi")
    assert unclaimed_devices(connection) == 4


def test_the_inbox_is_bounded_and_devices_without_presence_go_first(connection: Connection) -> None:
    note_unclaimed(connection, [LUMI._replace(device=f"p{n}", at_ms=n) for n in range(MOST_UNCLAIMED - 1)])
    note_unclaimed(connection, [LUMI._replace(device="thermometer", at_ms=9000, values={"temperature": 21.0})])
    note_unclaimed(connection, [LUMI._replace(device=f"q{n}", at_ms=9001 + n) for n in range(2)])
    names = {device.device for device in inbox(connection)}
    assert len(names) == MOST_UNCLAIMED
    assert not names & {"thermometer", "p0"}
    note_unclaimed(connection, [LUMI._replace(device=f"r{n}", at_ms=10_000 + n) for n in range(5000)])
    assert unclaimed_devices(connection) == MOST_UNCLAIMED


def test_what_is_heard_of_one_device_is_bounded(connection: Connection) -> None:
    note_unclaimed(connection, [LUMI._replace(values={f"k{n}": 1.0 for n in range(5000)}, seems="s" * 5000)])
    [device] = inbox(connection)
    assert (len(device.values), len(device.seems or "")) == (64, 512)


@pytest.mark.parametrize("name", ["lu\0mi", "lu\ud800mi"])
def test_what_no_text_may_hold_does_not_keep_a_letter_out(connection: Connection, name: str) -> None:
    keep_dead_letters(connection, [DeadLetter(name, b"", f"no sensor {name}", 1000)])
    note_unclaimed(connection, [LUMI._replace(device=name, seems=name, values={name: 1.0})])
    assert "lu" in letters(connection)[0].why
    [device] = inbox(connection)
    assert device.device in ("lu\N{REPLACEMENT CHARACTER}mi", "lu?mi")
    forget_unclaimed(connection, "", "zigbee2mqtt", name)
    assert unclaimed_devices(connection) == 0


def test_nothing_to_keep_asks_the_database_nothing(record: Record) -> None:
    with record.reading() as connection:  # which cannot write
        keep_dead_letters(connection, [])
        note_unclaimed(connection, [])
