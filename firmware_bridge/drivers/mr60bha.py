"""Seeed MR60BHA1: 60 GHz radar, 115200 baud. Frames and common commands: `firmware_bridge.seeed`.

    80 04   distance, BE16 cm
    80 05   x, y, z: BE16 cm, bit 15 set = negative

Most of what it sends is breath, sleep and heart (81, 84, 85): dropped, Hadir keeps no vital signs. MR60BHA2 speaks
another protocol.

Source: MR60BHA1 user manual; limengdu/Seeed-Studio-MR60BHA1-Sensor@b23f381;
DuncanIdahoCT/espresence-mr60bha1-mmwave-sensor (log).
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import Any, Final

from firmware_bridge import seeed
from firmware_bridge.commands import Ask, Command
from firmware_bridge.seeed import PRESENCE, Radar, Report, Reports, Values, quantities, query
from presence.errors import BadInput

NAME: Final = "mr60bha"
TITLE: Final = "Seeed MR60BHA1: presence radar; its vital signs are dropped"
BAUD: Final = seeed.BAUD
SILENT_AFTER_MS: Final = seeed.SILENT_AFTER_MS
EXAMPLE: Final[Mapping[str, Any]] = {}


def _distance(data: bytes) -> Values:
    return {"distance": int.from_bytes(data, "big") / 100}


def _direction(data: bytes) -> Values:
    x, y, z = (-(raw & 0x7FFF) if raw & 0x8000 else raw for raw in struct.unpack(">3H", data))
    return {"x1": x / 100, "y1": y / 100, "z1": z / 100}


_REPORTS: Final[Reports] = {
    **seeed.REPORTS,
    (PRESENCE, 0x04): Report(2, _distance),
    (PRESENCE, 0x05): Report(6, _direction),
}
COMMANDS: Final[Mapping[str, Command]] = {
    **seeed.COMMANDS,
    "read_distance": query(PRESENCE, 0x84, quantities(_REPORTS[PRESENCE, 0x04])),
    "read_direction": query(PRESENCE, 0x85, quantities(_REPORTS[PRESENCE, 0x05])),
}
SESSION: Final = seeed.SESSION
SETTINGS: Final = seeed.IDENTITY


def driver(config: Mapping[str, Any]) -> Radar:
    """`config`: nothing can be set. Raises BadInput."""
    for key in config:
        raise BadInput(NAME, "not known", field=f"config.{key}", remedy="give nothing")
    return Radar(_REPORTS)


def setup(config: Mapping[str, Any]) -> Sequence[Ask]:
    """Asks what it sees and who it is."""
    return (*seeed.FIRST, *seeed.LAST)
