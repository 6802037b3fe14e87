"""A device that somebody left in its session or stopped is silent: one that has been for long is told to go on.

That may have been a bridge that was killed, whose host lost power, or a port lost in the middle of a conversation.
"""

from __future__ import annotations

from collections.abc import Sequence

from firmware_bridge.resync import Damage, Result

WAKE_MS = 10_000


class Waking:
    """`sending`: what makes it go on; it must not harm one that is silent for another reason."""

    def __init__(self, sending: bytes) -> None:
        self._sending = sending
        self._heard = True
        self._heard_ms = 0

    def seen(self, results: Sequence[Result]) -> None:
        """Takes what the device said."""
        self._heard = self._heard or any(not isinstance(result, Damage) for result in results)

    def outgoing(self, at_ms: int) -> bytes:
        """What to tell it now, mostly nothing. `at_ms`: of a clock that never steps."""
        if self._heard:
            self._heard, self._heard_ms = False, at_ms
        if at_ms - self._heard_ms < WAKE_MS:
            return b""
        self._heard_ms = at_ms
        return self._sending
