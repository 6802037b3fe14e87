"""Why somebody is not in."""

from __future__ import annotations

from typing import Literal

# "away": the issuer does not answer as it should; "stale": begun too long ago, or in another browser; "declined": the
# issuer, or the person there, said no; "unproved": what the issuer says does not hold.
Reason = Literal["away", "stale", "declined", "unproved"]


class NotProved(Exception):
    """Nobody was proved. `words`: for the log; they hold nothing secret, and nothing of the person."""

    def __init__(self, reason: Reason, words: str) -> None:
        super().__init__(words)
        self.reason: Reason = reason
