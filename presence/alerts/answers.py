"""What an answer to an alert says beyond its reason."""

from __future__ import annotations

from typing import Protocol

# "Back in 5 minutes" is an answer, no absence: the alert waits that long and asks again, and the time stays absent.
BACK_MS = 5 * 60_000


class GivenAnswer(Protocol):
    """An answer, wherever it is kept; it holds in [at_ms, until_ms)."""

    @property
    def reason(self) -> str: ...
    @property
    def note(self) -> str | None: ...
    @property
    def at_ms(self) -> int: ...
    @property
    def until_ms(self) -> int: ...


def is_back_soon(said: GivenAnswer) -> bool:
    """Whether somebody said to be back in five minutes, which the record keeps as a break of that length."""
    return said.reason == "break" and said.note is None and said.until_ms - said.at_ms == BACK_MS
