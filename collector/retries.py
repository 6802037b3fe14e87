"""Dead letters that somebody wants to be tried again."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from collector.conventions.convention import Message
from collector.hearing import Outcome
from collector.intake import Own
from storage.record import Record, aside

# What is live waits meanwhile; the other letters' turn comes with the next call.
_LONGEST_MS = 250


def try_again(
    record: Record,
    hear: Callable[[Message], Outcome],
    write_down: Callable[[Sequence[Own]], bool],
    pace: Callable[[], int],
) -> None:
    """Take in what is understood now of the letters that are to be tried again; those are kept no longer.

    `hear`: what comes of a message of the past; `write_down`: whether readings are on disk now; `pace`: ms of a clock
    that nobody sets. Only what is on disk is let go: after a crash it is tried once more, and its readings are
    recognised. Raises RecordUnavailable.
    """
    with record.reading() as connection:
        letters = aside.letters_to_retry(connection)
    if not letters:
        return
    until_ms = pace() + _LONGEST_MS
    outcomes: list[tuple[str, Outcome]] = []
    for letter in letters:
        if outcomes and pace() >= until_ms:
            break
        outcomes.append((letter.id, hear(_message(letter))))
    if not write_down([own for _, outcome in outcomes for own in outcome.own]):
        return
    with record.writing() as connection:
        for letter_id, outcome in outcomes:
            if outcome.letter is not None:
                aside.refuse_letter(connection, letter_id, outcome.letter.why)
            else:
                aside.settle_letter(connection, letter_id)
                aside.note_unclaimed(connection, outcome.unclaimed)


def _message(letter: aside.LetterToRetry) -> Message:
    return Message(
        letter.topic, letter.payload, letter.content_type, letter.expiry_s, letter.retain, letter.received_ms
    )
