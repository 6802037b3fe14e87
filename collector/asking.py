"""Who is asked for its state, and when: a little later, one after the other, and again when no answer came."""

from __future__ import annotations

import random

from collector.conventions.convention import Convention

# What is retained comes first, and may be enough; Zigbee2MQTT repeats its cache within a minute of its start.
_AFTER_MS = (2_000, 70_000, 300_000)
_APART_MS, _AT_ONCE = 100, 10


class Asking:
    """Devices that are to be asked; whether a question is still needed when it is due is for the caller to say."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._due_ms: dict[tuple[str, str], list[int]] = {}
        self._conventions: dict[str, Convention] = {}
        self._asked_ms = 0

    def want(self, convention: Convention, address: str, now_ms: int) -> None:
        """Ask `address` soon, and twice more later; what was planned before for it is dropped."""
        self._conventions[convention.NAME] = convention
        self._due_ms[convention.NAME, address] = [
            now_ms + after_ms + self._chance.randrange(1, 2_000) for after_ms in _AFTER_MS
        ]

    def due(self, now_ms: int) -> list[tuple[Convention, str]]:
        """Who is to be asked now: ten a second, so that a building need not answer all at once."""
        room = min((now_ms - self._asked_ms) // _APART_MS, _AT_ONCE)
        if room <= 0:
            return []
        waiting = sorted((due_ms[0], place) for place, due_ms in self._due_ms.items() if due_ms[0] <= now_ms)[:room]
        for _, place in waiting:
            self._asked_ms = now_ms
            del self._due_ms[place][0]
            if not self._due_ms[place]:
                del self._due_ms[place]
        return [(self._conventions[place[0]], place[1]) for _, place in waiting]
