"""Dead letters that are tried again: the record says what the collector made of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from storage.record import Record

# The collector looks every 2 s, and takes some hundred at a time.
PATIENCE_MS = 10_000
_PAUSE_S = 0.25


@dataclass(slots=True)
class Outcome:
    """What became of letters: ids that were understood, id -> why not, and ids that nobody took."""

    understood: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    waiting: list[str] = field(default_factory=list)


def outcome(record: Record, ids: Sequence[str], pace_ms: Callable[[], int], pause: Callable[[float], None]) -> Outcome:
    """What becomes of the letters `ids`, another try of which was asked for.

    Comes back when all were tried, or none for PATIENCE_MS. `pace_ms`: a clock that nobody sets; `pause`: waits so many
    seconds.
    """
    latest = Outcome(waiting=list(ids))
    deadline_ms = pace_ms() + PATIENCE_MS
    for now in _looks(record, ids, pause):
        if len(now.waiting) < len(latest.waiting):
            deadline_ms = pace_ms() + PATIENCE_MS
        latest = now
        if not latest.waiting or pace_ms() >= deadline_ms:
            break
    return latest


def _looks(record: Record, ids: Sequence[str], pause: Callable[[float], None]) -> Iterator[Outcome]:
    from storage.record.aside import retries

    while True:
        with record.reading() as connection:
            kept = retries(connection, ids)
        refused = {letter: why for letter, (retry_ms, why) in kept.items() if retry_ms is None}
        waiting = [letter for letter in ids if letter in kept and letter not in refused]
        yield Outcome([letter for letter in ids if letter not in kept], refused, waiting)
        pause(_PAUSE_S)
