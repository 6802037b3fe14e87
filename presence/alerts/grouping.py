"""Which messages to one person go together, and when: one power cut is not to ring a telephone 36 times.

Those that are due within a second go as one; after that one goes a minute, and what comes in between joins the next.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

GATHER_MS = 1000
PAUSE_MS = 60_000


class Waiting(NamedTuple):
    """A message that may be sent from `ready_ms` on: when it was made, or is to be tried again."""

    key: str
    alert: str
    ready_ms: int


class Together(NamedTuple):
    """The keys of what goes as one now, in the order of the queue; else `look_again_ms`, None for an empty queue."""

    keys: tuple[str, ...]
    look_again_ms: int | None


def together(waiting: Sequence[Waiting], last_sent_ms: int | None, now_ms: int) -> Together:
    """What goes now of `waiting`, the queue of one recipient in its order.

    A message waits for the earlier ones of its alert. `last_sent_ms`: when the recipient was sent something last.
    """
    first_of_alerts: dict[str, int] = {}
    ready: list[Waiting] = []
    held: set[str] = set()
    for message in waiting:
        first_of_alerts.setdefault(message.alert, message.ready_ms)
        if message.alert in held or message.ready_ms > now_ms:
            held.add(message.alert)
        else:
            ready.append(message)
    if not waiting:
        return Together((), None)
    at_ms = min(first_of_alerts.values()) + GATHER_MS
    # A clock that was set back is no reason to be silent.
    if last_sent_ms is not None and last_sent_ms <= now_ms:
        at_ms = max(at_ms, last_sent_ms + PAUSE_MS)
    if at_ms > now_ms:
        return Together((), at_ms)
    return Together(tuple(message.key for message in ready), None)


def group_key(recipient: str, keys: Sequence[str]) -> str:
    """The key of a group, in the form of a message's. Another one when a message joins: it is not the same any more."""
    if len(keys) == 1:
        return keys[0]
    digest = hashlib.sha256("\n".join(keys).encode()).hexdigest()[:16]
    return f"{digest}.group.{recipient}.0"
