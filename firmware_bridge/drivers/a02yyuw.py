"""A02YYUW, A01NYUB, JSN-SR04T mode 1 and 2: distance by ultrasound, 9600 baud, three to ten reports a second.

    FF | distance mm BE16 | sum        sum: low byte of FF and the distance's two bytes

Below 30 mm or 0, in the blind zone or without an echo, the report says only that the sensor lives: it is given as an
answer, not as a reading. FF may stand in the distance: only the sum decides. A JSN-SR04T in mode 2 answers each 55 with
one report; the others report by themselves, and on A02YYUW and A01NYUB bytes towards them would switch the smoothing.

Sources: DFRobot SEN0311 wiki; esphome/esphome@33fdbbe a02yyuw, a01nyub, jsn_sr04t.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from firmware_bridge.commands import Ask, Command, Session
from firmware_bridge.resync import Answer, Damage, Decoded, Result
from presence.errors import BadInput

NAME: Final = "a02yyuw"
TITLE: Final = "A02YYUW, A01NYUB, JSN-SR04T (mode 1, 2): distance by ultrasound"
BAUD: Final = 9_600
SILENT_AFTER_MS: Final = 5_000
EXAMPLE: Final[Mapping[str, Any]] = {}

HEADER: Final = b"\xff"
LENGTH: Final = 4
TRIGGER: Final = b"\x55"
NEAREST_MM: Final = 30
_SHORTEST_TRIGGER_MS, _LONGEST_TRIGGER_MS = 100, 2_000


class A02yyuw:
    """Reports of one sensor to readings. `trigger_ms`: how often it is asked for one; None: it speaks by itself."""

    def __init__(self, trigger_ms: int | None = None) -> None:
        self._trigger_ms = trigger_ms
        self._asked_ms: int | None = None
        self._unread = b""
        self._offset = 0  # of `_unread` in all that was fed

    @property
    def strayed(self) -> bool:
        """Never: it has no settings."""
        return False

    def outgoing(self, at_ms: int) -> bytes:
        """The request for a report, so often as configured."""
        if self._trigger_ms is None:
            return b""
        if self._asked_ms is not None and at_ms - self._asked_ms < self._trigger_ms:
            return b""
        self._asked_ms = at_ms
        return TRIGGER

    def feed(self, data: bytes) -> list[Result]:
        """Readings, damages and reports without an echo in their order; `data` in chunks of any size."""
        buffer = self._unread + data
        at, end = 0, len(buffer)
        results: list[Result] = []
        while 0 <= (found := buffer.find(HEADER, at)) <= end - LENGTH:
            whole = buffer[found : found + LENGTH]
            if sum(whole[:3]) & 0xFF != whole[3]:
                results.append(Damage(self._offset + found, "wrong sum"))
                at = found + 1
                continue
            distance_mm = int.from_bytes(whole[1:3], "big")
            heard = distance_mm >= NEAREST_MM
            results.append(Decoded({"distance": distance_mm / 1000}) if heard else Answer(whole))
            at = found + LENGTH
        at = end if found < 0 else found
        self._unread = buffer[at:]
        self._offset += at
        return results


def driver(config: Mapping[str, Any]) -> A02yyuw:
    """`config`: `{"trigger_ms": 200}` for a JSN-SR04T in mode 2, else nothing. Raises BadInput."""
    for key in config:
        if key != "trigger_ms":
            raise BadInput(NAME, "not known", field=f"config.{key}", remedy="known: trigger_ms")
    every_ms = config.get("trigger_ms")
    low, high = _SHORTEST_TRIGGER_MS, _LONGEST_TRIGGER_MS
    if every_ms is not None and (type(every_ms) is not int or not low <= every_ms <= high):
        remedy = f"give a whole number from {low} to {high}"
        raise BadInput(NAME, f"{every_ms!r} cannot be used", field="config.trigger_ms", remedy=remedy)
    return A02yyuw(every_ms)


def setup(config: Mapping[str, Any]) -> Sequence[Ask]:
    """Nothing: it has no settings."""
    return ()


COMMANDS: Final[Mapping[str, Command]] = {}
SESSION: Final = Session()
SETTINGS: Final[Sequence[Ask]] = ()
