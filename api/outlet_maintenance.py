"""The maintenance of an outlet and its sensors, as its page shows it. Values in, words out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from api.words import Words
from presence.site import Maintenance, Outlet
from storage.record.declarations import Declaration

HOURS = (1, 2, 4, 8, 24)
SAID = ("begun", "ended", "over", "reason", "twice")
DONE = ("begun", "ended")


class Work(NamedTuple):
    """`what`: the sensor, or that it is the whole outlet; `ends`: a person made it, so that one may end it here."""

    id: int
    what: str
    until: str
    why: str
    ends: bool


def concerns(work: Maintenance, outlet: Outlet) -> bool:
    """Whether it is of this outlet, or of one of its sensors."""
    return work.outlet == outlet.id or any(one.id == work.sensor for one in outlet.sensors)


def works(found: Iterable[Declaration[Maintenance]], outlet: Outlet, now_ms: int, words: Words) -> list[Work]:
    """What lasts, or is to come."""
    return [
        Work(
            one.id,
            one.what.sensor or words("outlet.work.all"),
            words("outlet.work.until", at=words.coming(one.what.to_ms, now_ms)),
            " · ".join(filter(None, (one.what.reason, one.author))),
            one.what.origin == "person",
        )
        for one in found
        if concerns(one.what, outlet) and one.what.to_ms > now_ms
    ]
