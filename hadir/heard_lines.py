"""What was heard in one payload, as the one line of `hadir decode mqtt`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from collector.conventions.convention import Heard
from presence.instants import rfc3339_or_none
from presence.readings import AHEAD_LIMIT_MS, OLDEST_MS

_NUMBERS = {"distance_m": "distance", "battery_pct": "battery", "illuminance_lx": "illuminance"}


def summary(heard: Iterable[Heard], received_ms: int) -> dict[str, Any]:
    """All that `heard` says of the present, the later standing over the earlier; null: nothing is said of it.

    `timestamp`: of the evidence; null when the message has none, or one that cannot be (`presence.readings`).
    """
    line: dict[str, Any] = dict.fromkeys(
        ("device", "occupied", "distance_m", "battery_pct", "illuminance_lx", "timestamp", "online")
    )
    for one in heard:
        line["device"] = one.device if one.device is not None else line["device"]
        if one.at_ms is not None and OLDEST_MS <= one.at_ms <= received_ms + AHEAD_LIMIT_MS:
            line["timestamp"] = rfc3339_or_none(one.at_ms)
        if one.online is not None:
            line["online"] = one.online
        if one.scope != "sensor":
            line["scope"] = one.scope
        if one.announced:
            line["onboard"] = None if one.onboard is None else msgspec.to_builtins(one.onboard)
        if not one.historical:
            _add_values(line, one)
    return line


def _add_values(line: dict[str, Any], heard: Heard) -> None:
    if (presence := heard.values.get("presence")) is not None:
        line["occupied"] = bool(presence)
    elif "presence" in heard.unknown:
        line["occupied"] = None
    for key, quantity in _NUMBERS.items():
        if quantity in heard.values:
            line[key] = heard.values[quantity]
    if "target_count" in heard.values:
        line["people"] = int(heard.values["target_count"])
