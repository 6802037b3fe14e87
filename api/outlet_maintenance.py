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
    """`what`: the sensor or gateway, or that it is the whole outlet; `began`: it is under way, and not to come.

    `ends`: a person made it, and of this outlet alone, so that one may end it here.
    """

    id: int
    what: str
    began: bool
    when: str
    why: str
    ends: bool


def concerns(work: Maintenance, outlet: Outlet) -> bool:
    """Whether it is of this outlet, or of one of its sensors."""
    return work.outlet == outlet.id or any(one.id == work.sensor for one in outlet.sensors)


def works(
    found: Iterable[Declaration[Maintenance]], outlet: Outlet, now_ms: int, words: Words, *, devices: bool
) -> list[Work]:
    """What lasts or is to come, and mutes alerts of the outlet; `devices`: also that of sensors and their gateways."""
    return [
        Work(
            one.id,
            one.what.sensor or one.what.gateway or words("outlet.work.all"),
            one.what.from_ms <= now_ms,
            _when(one.what, now_ms, words),
            " · ".join(filter(None, (one.what.reason, one.author))),
            one.what.origin == "person" and one.what.gateway is None,
        )
        for one in found
        if one.what.to_ms > now_ms and (_mutes(one.what, outlet) if devices else one.what.outlet == outlet.id)
    ]


def _mutes(work: Maintenance, outlet: Outlet) -> bool:
    """Whether it silences something of the outlet: that of a gateway does so for all that is read by it."""
    gateways = {one.source.gateway for one in outlet.sensors if one.source is not None}
    return concerns(work, outlet) or (work.gateway is not None and work.gateway in gateways)


def _when(work: Maintenance, now_ms: int, words: Words) -> str:
    until = words("outlet.work.until", at=words.coming(work.to_ms, now_ms))
    if work.from_ms <= now_ms:
        return until
    return f"{words('outlet.work.from', at=words.coming(work.from_ms, now_ms))} {until}"
