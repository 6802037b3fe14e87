"""The verdict of a device as a whole, out of those of its parts, of which a message holds one or some.

One part that sees somebody is enough for "present"; "absent" takes the word of all. Bounded: 16 parts; of a device
with more nobody says "absent".
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

# Names under which devices say that somebody is there, the widest first: motion ends while people sit still.
VERDICTS = ("presence", "occupancy", "occupied", "motion")
MOST_PARTS = 16


class Parts:
    """What each part said last: 1.0, 0.0, or None when that is not known."""

    def __init__(self, known: Collection[str] = ()) -> None:
        self._last: dict[str, float | None] = dict.fromkeys(list(known)[:MOST_PARTS])
        self._crowded = len(known) > MOST_PARTS

    def whole(self, said: Mapping[str, float]) -> float | None:
        """The verdict of the whole now that `said` was heard; None when `said` decides nothing."""
        for name, verdict in said.items():
            if name in self._last or len(self._last) < MOST_PARTS:
                self._last[name] = verdict
            else:
                self._crowded = True
        if any(said.values()):
            return 1.0
        return 0.0 if not self._crowded and all(verdict == 0.0 for verdict in self._last.values()) else None

    def lose_all(self) -> None:
        """What any part said is known no more."""
        self._last = dict.fromkeys(self._last)

    def lose(self, names: Collection[str]) -> None:
        """What `names` said is known no more."""
        self._last.update(dict.fromkeys(self._last.keys() & set(names)))
