"""Who is asked for its state, and when: a little later, one after the other, and again when no answer came."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable

from collector.conventions.convention import Convention

# What is retained comes first, and may be enough; Zigbee2MQTT repeats its cache within a minute of its start.
_AFTER_MS = (2_000, 70_000, 300_000)
_APART_MS, _AT_ONCE = 100, 10

_Place = tuple[str, str]  # convention, address


class Asking:
    """Devices that are to be asked, each up to three times."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._due_ms: dict[_Place, list[int]] = {}
        self._queue: list[tuple[int, _Place]] = []  # a heap; what is no device's next time any more is passed over
        self._conventions: dict[str, Convention] = {}
        self._asked_ms = 0

    def want(self, convention: Convention, address: str, now_ms: int) -> None:
        """Ask `address` soon, and twice more later; what was planned before for it is dropped."""
        self._conventions[convention.NAME] = convention
        place = (convention.NAME, address)
        self._due_ms[place] = [now_ms + after_ms + self._chance.randrange(1, 2_000) for after_ms in _AFTER_MS]
        heapq.heappush(self._queue, (self._due_ms[place][0], place))
        if len(self._queue) > 2 * len(self._due_ms) + _AT_ONCE:
            self._queue = [(due_ms[0], place) for place, due_ms in self._due_ms.items()]
            heapq.heapify(self._queue)

    def due(self, now_ms: int, needed: Callable[[Convention, str], bool]) -> list[tuple[Convention, str]]:
        """Who is to be asked now: ten a second, so that a building need not answer all at once.

        `needed`: whether a question still is. Who needs none takes nobody's turn.
        """
        if now_ms < self._asked_ms:
            self._asked_ms = 0  # the clock was set back
        room = min((now_ms - self._asked_ms) // _APART_MS, _AT_ONCE)
        asked: list[tuple[Convention, str]] = []
        while len(asked) < room and self._queue and self._queue[0][0] <= now_ms:
            due_ms, place = heapq.heappop(self._queue)
            planned = self._due_ms.get(place)
            if planned is None or planned[0] != due_ms:
                continue
            del planned[0]
            if planned:
                heapq.heappush(self._queue, (planned[0], place))
            else:
                del self._due_ms[place]
            if needed(convention := self._conventions[place[0]], place[1]):
                asked.append((convention, place[1]))
        if asked:
            self._asked_ms = now_ms
        return asked
