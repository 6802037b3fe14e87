"""What the application bytes of one LoRaWAN uplink say: what the profiles fill in."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

PRESENCE = "presence"


class Past(NamedTuple):
    """A record that the device kept and sends later. `at_ms`: epoch ms by the clock of the device."""

    at_ms: int
    values: dict[str, float]


class Uplink:
    """What was read of one frame; `values`, `presences` and `unknown` as in `Heard`."""

    __slots__ = ("past", "presences", "unknown", "values")

    def __init__(self) -> None:
        self.values: dict[str, float] = {}
        self.presences: dict[str, float] = {}
        self.unknown: set[str] = set()
        self.past: list[Past] = []

    def verdict(self, name: str, found: float | None) -> None:
        """The device says of `name` (PRESENCE: of the whole) 1.0, 0.0 or, None, that it does not know."""
        said = self.values if name == PRESENCE else self.presences
        if found is None:
            self.unknown.add(name)
            said.pop(name, None)
        else:
            self.unknown.discard(name)
            said[name] = found

    def spoke_of(self, name: str) -> bool:
        """Whether the frame said of `name` anything, if only that it is not known."""
        return name in self.values or name in self.presences or name in self.unknown


# FPort and application bytes to what they say. Raises DamagedFrame; nothing of the frame counts then.
Decode = Callable[[int, bytes], Uplink]


class Profile(NamedTuple):
    """How the frames of a device are read. `parts`: the names of which it may speak besides the whole."""

    decode: Decode
    parts: frozenset[str] = frozenset()
