"""An ESPHome node and its objects: which of them is a verdict on occupancy, or a number of ours, and in what unit.

The device class says so where it was announced, else the object's name. Names are those that ESPHome's own examples for
LD2410 and LD2450 give: `has_target`, `moving_distance`, `target_1_x` …, with anything before them.

Source: esphome 2026.10.0, components/ld2410, ld2450.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from collector.conventions.discovery_config import Availability, Entity

MOST_OBJECTS: Final = 64
SETTLED_AFTER_MS: Final = 60_000

ONLINE: Final[Mapping[bytes, bool]] = {b"online": True, b"offline": False}

_STRONG, _WEAK, _DETAIL = 2, 1, 0
_NAMED_STRONG = re.compile(r"(.*_)?(presence|occupancy|occupied|has_target)(_.*)?", re.ASCII)
_NAMED_WEAK = re.compile(r"(.*_)?(motion|pir)(_.*)?", re.ASCII)
# Parts of a radar's verdict, and other things that have a quantity of their own.
_TRUTHS = (
    (re.compile(r"(.*_)?out_pin(_.*)?", re.ASCII), "out_pin"),
    (re.compile(r"(.*_)?moving(_target)?", re.ASCII), "moving"),
    (re.compile(r"(.*_)?still(_target)?", re.ASCII), "still"),
)
_PART_OF_A_RADAR = re.compile(r"(?:.*_)?(?:(moving|still)_(distance|energy)|target_([123])_(x|y|speed|resolution))")
_OTHER_TARGETS = re.compile(r"(.*_)?(target_\d+_\w+|angle|(max|min)\w*)", re.ASCII)
_COUNT = re.compile(r"(.*_)?(?<!moving_)(?<!still_)target_count", re.ASCII)
# Device class -> unit -> what its numbers are divided by.
_DIVISORS: Final = {
    "distance": {"m": 1.0, "cm": 100.0, "mm": 1000.0},
    "speed": {"m/s": 1.0, "cm/s": 100.0, "mm/s": 1000.0},
    "energy": {"%": 1.0},
    "illuminance": {"lx": 1.0},
    "battery": {"%": 1.0},
    "temperature": {"°C": 1.0},
    "humidity": {"%": 1.0},
    "carbon_dioxide": {"ppm": 1.0},
}
_QUANTITIES: Final = {
    "distance": "distance",
    "illuminance": "illuminance",
    "battery": "battery",
    "temperature": "temperature",
    "humidity": "humidity",
    "carbon_dioxide": "co2",
}


class Object:
    """What a single object of a node says.

    `quantity`: what its number is, or its verdict besides; `divisor`: of its number, for our unit; `strength`: how much
    of a verdict on occupancy it is; `topic`: as announced. `verdict`: its last word, None: not known; `heard`: whether
    it spoke since the node was born, as far as we know.
    """

    __slots__ = ("divisor", "heard", "quantity", "strength", "topic", "verdict")

    def __init__(self, key: str, announced: Entity | None = None) -> None:
        platform, name = key.split("/", 1)
        self.quantity: str | None = None
        self.divisor, self.strength = 1.0, _DETAIL
        if platform == "sensor":
            self.quantity, self.divisor = measured(name, announced)
        else:
            self.quantity, self.strength = _judged(name, announced)
        self.topic = None if announced is None else announced.state_topic
        self.verdict: float | None = None
        self.heard = False


class Node:
    """A node. `deciding`: the objects whose verdicts make its own; `born_ms`: when it came, if that was heard live."""

    __slots__ = ("availability", "born_ms", "deciding", "objects", "seems", "words")

    def __init__(self) -> None:
        self.objects: dict[str, Object] = {}
        self.deciding: tuple[Object, ...] = ()
        self.availability: str | None = None
        self.words = ONLINE
        self.seems = "ESPHome"
        self.born_ms: int | None = None

    def add(self, key: str, one: Object) -> None:
        if key in self.objects or len(self.objects) < MOST_OBJECTS:
            self.objects[key] = one
            self.decide()

    def learn(self, prefix: str, availabilities: Sequence[Availability]) -> None:
        """Take over where and in which words it says that it is there; the usual topic stands over an object's own."""
        usual = f"{prefix}/status"
        for one in availabilities[:1]:
            if one.topic == usual or self.availability != usual:
                self.availability = one.topic
                self.words = {one.online.encode(): True, one.offline.encode(): False}

    def is_announced(self) -> bool:
        """Whether it is ESPHome's for sure: Home Assistant's own states have topics of the same shape."""
        return any(one.topic is not None for one in self.objects.values())

    def decide(self) -> None:
        """Choose whose verdicts make that of the device: the strongest that there are."""
        most = max((one.strength for one in self.objects.values()), default=_DETAIL)
        self.deciding = tuple(one for one in self.objects.values() if one.strength == most > _DETAIL)

    def begin(self, born_ms: int | None) -> None:
        """Know no word of any object any more."""
        self.born_ms = born_ms
        for one in self.objects.values():
            one.verdict, one.heard = None, False

    def others(self, spoken: Object, now_ms: int) -> Iterator[float | None]:
        """The last words of the deciding objects besides `spoken`."""
        settled = self.born_ms is not None and now_ms - self.born_ms > SETTLED_AFTER_MS
        for one in self.deciding:
            if one is not spoken and (one.heard or not settled):
                yield one.verdict


def _judged(name: str, announced: Entity | None) -> tuple[str | None, int]:
    """The quantity of a binary sensor beside its verdict, and how strong a verdict on occupancy it is."""
    for pattern, quantity in _TRUTHS:
        if pattern.fullmatch(name):
            return quantity, _DETAIL
    kind = None if announced is None else announced.kind
    if kind is not None:
        return None, _STRONG if kind in ("occupancy", "presence") else _WEAK if kind == "motion" else _DETAIL
    if _NAMED_STRONG.fullmatch(name):
        return None, _STRONG
    return None, _WEAK if _NAMED_WEAK.fullmatch(name) else _DETAIL


def measured(name: str, announced: Entity | None) -> tuple[str | None, float]:
    """The quantity of a sensor and what its numbers are divided by; None: it has none, or its unit is not known."""
    if _COUNT.fullmatch(name):
        return "target_count", 1.0
    if announced is None or announced.unit is None:
        return None, 1.0
    kind = announced.kind or ""
    quantity = _QUANTITIES.get(kind)
    if part := _PART_OF_A_RADAR.fullmatch(name):
        what = part[2] or part[4]
        quantity = f"{part[1]}_{part[2]}" if part[1] else f"{part[4]}{part[3]}"
        kind = {"energy": "energy", "speed": "speed"}.get(what, "distance")
    elif kind == "distance" and _OTHER_TARGETS.fullmatch(name):
        quantity = None
    divisor = _DIVISORS.get(kind, {}).get(announced.unit)
    return (None, 1.0) if divisor is None else (quantity, divisor)
