"""What is worked out once for all who ask for the same within a moment, those too who ask while it is worked out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from typing import Any, Generic, NamedTuple, TypeVar

Made = TypeVar("Made")

HELD_MS = 1000
_MOST_HELD = 64


class _Held(NamedTuple, Generic[Made]):
    at_ms: int
    making: asyncio.Future[Made]


class SharedAnswers(Generic[Made]):
    """Answers of less than a second ago, the newest `_MOST_HELD`. Belongs to one event loop. `now`: epoch ms."""

    def __init__(self, now: Callable[[], int]) -> None:
        self._now = now
        self._held: dict[Hashable, _Held[Made]] = {}

    @property
    def held(self) -> int:
        """How many answers are in memory."""
        return len(self._held)

    async def of(self, key: Hashable, make: Callable[[int], Coroutine[Any, Any, Made]]) -> Made:
        """What `make` makes of the present, or made of an instant less than a second ago.

        `key`: what is asked for, who sees it, and of what: answers of one key differ by their instant alone.
        What failed is not kept: who asked for it meanwhile is told so, the next one tries again.
        """
        now_ms = self._now()
        held = self._held.get(key)
        if held is None or not 0 <= now_ms - held.at_ms < HELD_MS or _has_failed(held.making):
            # A task of its own: that whoever asked first goes away is no matter of the others.
            held = _Held(now_ms, asyncio.ensure_future(make(now_ms)))
            self._keep(key, held)
        return await asyncio.shield(held.making)

    def _keep(self, key: Hashable, held: _Held[Made]) -> None:
        self._held.pop(key, None)  # so that the oldest stand in front
        while self._held and (
            len(self._held) >= _MOST_HELD or held.at_ms - next(iter(self._held.values())).at_ms >= HELD_MS
        ):
            del self._held[next(iter(self._held))]
        self._held[key] = held


def _has_failed(making: asyncio.Future[Made]) -> bool:
    return making.done() and (making.cancelled() or making.exception() is not None)
