"""The figures of a floor: how many outlets each filter shows, the row of seats, and what they are in words. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from msgspec import structs

from api.floor import STAFFED, Plan
from api.floor_alerts import PEOPLE, unanswered
from api.floor_tiles import seen
from api.live import Occupancy
from api.words import Words
from presence.status import Status
from storage.record.alert_list import AlertRow

WORST_FIRST: tuple[Status, ...] = ("unattended", "vacant", "unknown", "declared", "staffed", "serving")
FILTERS = ("all", "action", "obliged", "staffed", "serving", "unattended", "vacant", "declared", "unknown")
OF_VISITORS = ("serving", "unattended")


def counted(occupancies: Iterable[Occupancy], plan: Plan, now_ms: int) -> list[Occupancy]:
    """The outlets as sums, seats and filters take them: where nothing is known the hours say what counts.

    Its tile says what is known, which is nothing; but that somebody must be there at night nobody may say.
    """
    return [
        structs.replace(one, status="closed")
        if one.status == "unknown" and not plan.hours_of[one.outlet].is_open(now_ms)
        else one
        for one in occupancies
    ]


def sums(occupancies: Iterable[Occupancy], alerts_of: Mapping[str, Sequence[AlertRow]], now_ms: int) -> dict[str, int]:
    """How many outlets each filter shows: obliged = staffed + unattended + vacant + declared + unknown.

    `occupancies`: as `counted`.
    """
    found = dict.fromkeys(FILTERS, 0)
    for occupancy in occupancies:
        for name in FILTERS:
            found[name] += shows(name, occupancy.status, alerts_of.get(occupancy.outlet, []), now_ms)
    return found


def shows(name: str, status: Status, alerts: Sequence[AlertRow], now_ms: int) -> bool:
    """Whether filter `name` shows an outlet; `alerts`: those that stand and concern it."""
    if name == "all":
        return True
    if name == "action":
        return any(row.alert.kind in PEOPLE for row in unanswered(alerts, now_ms))
    if name == "obliged":
        return status != "closed"
    return status in STAFFED if name == "staffed" else status == name


class Seat(NamedTuple):
    """One rectangle of the row of seats: class, x and width in %, y and height in px."""

    css: str
    x: str
    width: str
    y: float
    height: float


_SEAT_SHAPES = {"unattended": (0, 14), "vacant": (0, 14), "unknown": (2.5, 9), "declared": (2.5, 9), "staffed": (5, 4)}
_SERVING_SHAPE = (2, 10)
_SEAT_MARGIN = 0.065  # of a seat, on either side


def seats(occupancies: Iterable[Occupancy]) -> list[Seat]:
    """One seat for every obliged outlet, worst first."""
    obliged = sorted((WORST_FIRST.index(one.status) for one in occupancies if one.status != "closed"), key=int)
    if not obliged:
        return []
    slot = 100 / len(obliged)
    found = []
    for place, rank in enumerate(obliged):
        status = WORST_FIRST[rank]
        y, height = _SERVING_SHAPE if status == "serving" else _SEAT_SHAPES[status]
        found.append(
            Seat(
                f"b-{'staffed' if status == 'serving' else status}",
                f"{slot * (place + _SEAT_MARGIN):.2f}%",
                f"{slot * (1 - 2 * _SEAT_MARGIN):.2f}%",
                y,
                height,
            )
        )
    return found


def figure(name: str, found: Mapping[str, int], floor: Plan, words: Words) -> str:
    """One of `sums`; a dash where no sensor could have counted it."""
    return "–" if not floor.visitors and name in OF_VISITORS and not found[name] else words.number(found[name])


def in_words(found: Mapping[str, int], words: Words) -> str:
    """`2 warga menunggu, 4 kosong, 29 ada petugas`: the parts of the obliged outlets, worst first, without noughts."""
    parts = ("unattended", "vacant", "unknown", "declared", "staffed")
    return ", ".join(f"{words.number(found[part])} {words(f'sum.{part}')}" for part in parts if found[part])


def seats_in_words(found: Mapping[str, int], words: Words) -> str:
    """What the row of seats says to who does not see it."""
    if not found["obliged"]:
        return words("seats.none")
    return words("seats", n=found["obliged"], parts=in_words(found, words))


def staffed_in_words(statuses: Sequence[Status], words: Words) -> str:
    """`12 dari 14 ada petugas`, of the obliged outlets of a floor."""
    obliged = [status for status in statuses if status != "closed"]
    if not obliged:
        return words("floor.closed")
    return words("floor.staffed", n=sum(status in STAFFED for status in obliged), all=len(obliged))


def calm(found: Mapping[str, int], occupancies: Iterable[Occupancy], now_ms: int, words: Words) -> str:
    """What stands in the place of alerts when there are none."""
    if not found["obliged"]:
        return words("alerts.none.closed")
    if found["staffed"] == found["obliged"]:
        sentence = words("alerts.none.all", n=found["obliged"])
    else:
        sentence = words("alerts.none.parts", n=found["obliged"], parts=in_words(found, words))
    ages = [seen(one) for one in occupancies if one.status != "closed"]
    oldest = min((age for age in ages if age is not None), default=None)
    return sentence if oldest is None else f"{sentence} {words('alerts.oldest', age=words.span(now_ms - oldest))}"
