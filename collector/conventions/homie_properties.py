"""What the properties of a Homie device mean, by what the device says of them: datatype, unit, format, name.

A verdict is a boolean (`true`, `false`, nothing else), or an enum all of whose words are truth values (`on,off`,
`vacant,occupied`). A quantity needs the unit that the device names, except counts; without it there is none.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from collector.conventions.payload import damaged, number, text, truth
from collector.conventions.whole import VERDICTS

LONGEST_VALUE = 256
_LONGEST = 64
_DIGITS = 9  # behind the point: 82 cm are 0.82 m
_BOOLEANS = {b"true": 1.0, b"false": 0.0}
_NUMBERS = frozenset(("integer", "float"))


class _Scale(NamedTuple):
    quantity: str
    times: float = 1.0
    plus: float = 0.0


_METRES = {"m": 1.0, "cm": 0.01, "mm": 0.001, "ft": 0.3048}
_DISTANCES = {
    "distance": "distance",
    "target-distance": "distance",
    "detection-distance": "distance",
    "moving-distance": "moving_distance",
    "still-distance": "still_distance",
}
_COUNTS = frozenset(("people", "people-count", "person-count", "target-count", "targets"))
# By name and unit.
_SCALES: Mapping[tuple[str, str], _Scale] = {
    **{(name, unit): _Scale(as_, times) for name, as_ in _DISTANCES.items() for unit, times in _METRES.items()},
    **{(name, "lx"): _Scale("illuminance") for name in ("lux", "illuminance", "light", "light-level", "brightness")},
    **{(name, "%"): _Scale("battery") for name in ("battery", "battery-level")},
    **{(name, "%"): _Scale("humidity") for name in ("humidity", "relative-humidity")},
    ("temperature", "°C"): _Scale("temperature"),
    ("temperature", "°F"): _Scale("temperature", 5 / 9, -160 / 9),
    ("co2", "ppm"): _Scale("co2"),
    **{(name, unit): _Scale("target_count") for name in _COUNTS for unit in ("", "#")},
}
_PERCENT = frozenset(("battery", "humidity"))


class Property(NamedTuple):
    """As the device describes it; what it does not say, or says at a length that no meaning has, is empty."""

    datatype: str = ""
    unit: str = ""
    format: str = ""

    def with_(self, **said: str | None) -> Property:
        """Now that it says `said`."""
        return self._replace(
            **{name: "" if word is None or len(word) > _LONGEST else word for name, word in said.items()}
        )


class Meaning(NamedTuple):
    """What the values of one property say: a verdict, or a quantity."""

    key: str
    verdict: bool = False
    words: bool = False
    scale: _Scale | None = None

    def truth_of(self, payload: bytes) -> float:
        """1.0 or 0.0. Raises DamagedFrame for any other than the two values."""
        found = truth(text(payload, LONGEST_VALUE)) if self.words else _BOOLEANS.get(payload)
        if found is None:
            raise damaged("neither true nor false")
        return found

    def quantity_of(self, payload: bytes) -> dict[str, float]:
        """The quantity in our unit; empty when it lies outside its range. Raises DamagedFrame for what is no number."""
        if self.scale is None:
            return {}
        found = number(text(payload, LONGEST_VALUE))
        if found is None:
            raise damaged("no number")
        value = round(found * self.scale.times + self.scale.plus, _DIGITS)
        if self.scale.quantity != "temperature" and value < 0:
            return {}
        if self.scale.quantity in _PERCENT and value > 100:
            return {}
        return {self.scale.quantity: value}


class Meanings(NamedTuple):
    """Those of one device. `whole`: the keys whose verdicts are those of the device, all of the same name."""

    of: Mapping[str, Meaning]
    whole: frozenset[str]

    @property
    def verdicts(self) -> frozenset[str]:
        """The keys of all verdicts."""
        return frozenset(key for key, meaning in self.of.items() if meaning.verdict)


def meanings(properties: Mapping[str, Property]) -> Meanings:
    """What `properties`, by {node}/{property}, mean. A quantity that several measure is left out: whose is it?"""
    found: dict[str, Meaning] = {}
    measured: dict[str, list[str]] = {}
    for key, described in properties.items():
        meaning = _meaning(key, described)
        if meaning is None:
            continue
        found[key] = meaning
        if meaning.scale is not None:
            measured.setdefault(meaning.scale.quantity, []).append(key)
    for keys in measured.values():
        if len(keys) > 1:
            for key in keys:
                del found[key]
    return Meanings(found, _whole(found))


def _meaning(key: str, described: Property) -> Meaning | None:
    name = key.rpartition("/")[2]
    if described.datatype == "boolean":
        return Meaning(key, verdict=True)
    if described.datatype == "enum":
        words = described.format.split(",")
        if {truth(word) for word in words} == {0.0, 1.0}:
            return Meaning(key, verdict=True, words=True)
        return None
    if described.datatype in _NUMBERS and (scale := _SCALES.get((name, described.unit))) is not None:
        return Meaning(key, scale=scale)
    return None


def _whole(found: Mapping[str, Meaning]) -> frozenset[str]:
    for name in VERDICTS:
        keys = frozenset(key for key, one in found.items() if one.verdict and key.rpartition("/")[2] == name)
        if keys:
            return keys
    return frozenset()
