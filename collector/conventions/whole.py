"""What the single verdicts of a device say of it as a whole.

A device with several occupancy objects (zones of a radar, a radar beside a PIR) is occupied when one of them says so,
and vacant when all of them do. A message is evidence only for what it spoke of: one object's OFF says nothing of the
device while another's ON stands, and makes it unknown when another's word is not known.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple


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
