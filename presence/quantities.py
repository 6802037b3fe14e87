"""The quantities that a reading may hold: the only place where a unit is decided.

Units are those of the IANA SenML registry (RFC 8428, RFC 8798); truth values have none.
"""

from __future__ import annotations

import re
from typing import NamedTuple


class Quantity(NamedTuple):
    """`unit` is the SenML unit or None; `truth` marks true/false quantities, kept as 1.0 and 0.0."""

    name: str
    unit: str | None
    truth: bool = False


def _numbered(name: str, unit: str | None, count: int) -> list[Quantity]:
    return [Quantity(f"{name}{n}", unit) for n in range(1, count + 1)]


_TABLE: tuple[Quantity, ...] = (
    *(Quantity(name, None, truth=True) for name in ("presence", "moving", "still", "online", "out_pin")),
    *(Quantity(name, "m") for name in ("distance", "moving_distance", "still_distance")),
    *(quantity for axis in ("x", "y", "z", "resolution") for quantity in _numbered(axis, "m", 3)),
    Quantity("speed", "m/s"),
    *_numbered("speed", "m/s", 3),
    Quantity("moving_energy", "%"),
    Quantity("still_energy", "%"),
    Quantity("strength", None),
    Quantity("moving_strength", None),
    Quantity("still_strength", None),
    Quantity("target_count", "count"),
    Quantity("light_raw", None),
    Quantity("illuminance", "lx"),
    Quantity("temperature", "Cel"),
    Quantity("humidity", "%RH"),
    Quantity("co2", "ppm"),
    Quantity("sound", None),
    Quantity("battery", "%EL"),
    Quantity("rssi", "dBm"),
    Quantity("seq", "count"),
    Quantity("boot", "count"),
)
_BY_NAME = {quantity.name: quantity for quantity in _TABLE}
# One value a distance gate of a radar: moving_energy_g0, still_strength_g15 …
_PER_GATE = re.compile(r"(moving_energy|still_energy|strength|moving_strength|still_strength)_g\d{1,2}")

TRUTHS: frozenset[str] = frozenset(quantity.name for quantity in _TABLE if quantity.truth)


def quantity(name: str) -> Quantity | None:
    """The quantity called `name`, or None when Hadir knows none of that name."""
    known = _BY_NAME.get(name)
    if known is None and (gate := _PER_GATE.fullmatch(name)):
        known = Quantity(name, _BY_NAME[gate[1]].unit)
        _BY_NAME[name] = known
    return known
