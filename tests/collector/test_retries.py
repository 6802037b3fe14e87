"""Dead letters that are tried again: none is let go that is not understood and on disk, none keeps the others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from collector.conventions.convention import Message
from collector.hearing import Outcome, letter_of
from collector.intake import Own
from collector.retries import try_again
from presence.readings import Reading
from storage.record import Record
from storage.record.aside import DeadLetter, ask_retry, keep_dead_letters, letters

LETTERS = [DeadLetter(f"t/{number}", b"ON", "no JSON", 1000 + number) for number in range(3)]
READING = Own("mpp", [Reading("desk", 1000, {"presence": 1.0})])


@pytest.fixture
def record(tmp_path: Path) -> Iterator[Record]:
    with Record.open(f"sqlite:///{tmp_path / 'record.db'}") as record:
        with record.writing() as connection:
            keep_dead_letters(connection, LETTERS)
            ask_retry(connection, [letter.id for letter in LETTERS], 5000)
        yield record


def kept(record: Record) -> dict[str, tuple[str, bool]]:
    """By topic, why, and whether another try is still to be made."""
    with record.reading() as connection:
        return {letter.topic: (letter.why, letter.retry_ms is not None) for letter in letters(connection)}


def understood(message: Message) -> Outcome:
    return Outcome([READING], [], None)


def on_disk(own: Sequence[Own]) -> bool:
    return True


def test_what_is_understood_is_let_go_and_the_rest_stays_with_its_reason(record: Record):
    def hear(message: Message) -> Outcome:
        return understood(message) if message.topic == "t/1" else Outcome([], [], letter_of(message, "still not"))

    try_again(record, hear, on_disk, lambda: 0)
    assert kept(record) == {"t/0": ("still not", False), "t/2": ("still not", False)}


def test_nothing_is_let_go_that_is_not_on_disk(record: Record):
    try_again(record, understood, lambda own: False, lambda: 0)
    assert kept(record) == {letter.topic: ("no JSON", True) for letter in LETTERS}


def test_letters_that_take_long_do_not_keep_what_is_live_waiting(record: Record):
    now_ms = iter(range(0, 10_000, 300))
    try_again(record, understood, on_disk, lambda: next(now_ms))
    assert kept(record) == {"t/1": ("no JSON", True), "t/2": ("no JSON", True)}
    for _ in range(2):
        try_again(record, understood, on_disk, lambda: next(now_ms))
    assert kept(record) == {}
