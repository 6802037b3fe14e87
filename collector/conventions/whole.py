"""What the parts of a device say of it as a whole: zones of a radar, a radar beside a PIR, several detectors.

Occupied when one of them says so, vacant when all that are known to be there do. A message is evidence only for what it
spoke of: one part's OFF says nothing of the device while another's ON stands, and makes it unknown when another's word
is not known.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

# Names under which devices say that somebody is there, the widest first: motion ends while people sit still.
VERDICTS = ("presence", "occupancy", "occupied", "motion")
MOST_PARTS = 16


class Whole(NamedTuple):
    """`values` and `unknown` of a `Heard`, as far as they are about the device as a whole."""

    values: Mapping[str, float]
    unknown: frozenset[str]


NOTHING = Whole({}, frozenset())
OCCUPIED = Whole({"presence": 1.0}, frozenset())
VACANT = Whole({"presence": 0.0}, frozenset())
UNKNOWN = Whole({}, frozenset(("presence",)))


def whole(spoken: Iterable[float | None], others: Iterable[float | None]) -> Whole:
    """What verdicts that were just `spoken` say, beside the last ones of the `others`; None: not known."""
    said = tuple(spoken)
    if not said:
        return NOTHING
    if 1.0 in said:
        return OCCUPIED
    kept = tuple(others)
    if 1.0 in kept:
        return NOTHING
    return UNKNOWN if None in said or None in kept else VACANT


class Parts:
    """What each part of a device said last: 1.0, 0.0, or None when that is not known.

    Bounded: MOST_PARTS of them; the word of any more is not remembered, so that such a device is never vacant.
    """

    def __init__(self, known: Collection[str] = ()) -> None:
        self._last: dict[str, float | None] = dict.fromkeys(list(known)[:MOST_PARTS])
        self._crowded = len(known) > MOST_PARTS

    def hear(self, said: Mapping[str, float | None]) -> Whole:
        """What `said` says of the whole, by the parts' names; it is known afterwards."""
        others: list[float | None] = [verdict for name, verdict in self._last.items() if name not in said]
        for name, verdict in said.items():
            if name in self._last or len(self._last) < MOST_PARTS:
                self._last[name] = verdict
            else:
                self._crowded = True
        return whole(said.values(), [*others, None] if self._crowded else others)

    def lose(self) -> None:
        """What they said is known no more; that they are there is."""
        self._last = dict.fromkeys(self._last)
