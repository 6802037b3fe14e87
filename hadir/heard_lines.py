"""What was heard in one payload, as lines of `hadir decode mqtt`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from collector.conventions.convention import Heard
from presence.instants import rfc3339, rfc3339_or_none
from presence.quantities import TRUTHS
from presence.readings import AHEAD_LIMIT_MS, OLDEST_MS

_NUMBERS = {"distance_m": "distance", "battery_pct": "battery", "illuminance_lx": "illuminance"}


def whole_line(heard: Heard, received_ms: int) -> dict[str, Any]:
    """All of one Heard; what it does not say is left out. `time`: as the message dates the evidence, however wrong."""
    values = {name: bool(value) if name in TRUTHS else value for name, value in heard.values.items()}
    line: dict[str, Any] = {"values": values, "device": heard.device if heard.device is not None else heard.address}
    if (time := _time(heard, received_ms)) is not None:
        line["time"] = time
    if heard.presences:
        line["presences"] = {name: bool(value) for name, value in heard.presences.items()}
    if heard.unknown:
        line["unknown"] = sorted(heard.unknown)
    if heard.online is not None:
        line["online"] = heard.online
    if heard.historical:
        line["historical"] = True
    if heard.scope != "sensor":
        line["scope"] = heard.scope
    if heard.seems is not None:
        line["seems"] = heard.seems
    if heard.announced:
        line["onboard"] = _onboard(heard)
    return line


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
            line["onboard"] = _onboard(one)
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


def _onboard(heard: Heard) -> dict[str, Any] | None:
    found: dict[str, Any] | None = msgspec.to_builtins(heard.onboard)
    return found


def _time(heard: Heard, received_ms: int) -> str | None:
    at_ms = heard.at_ms
    if at_ms is None and heard.age_ms is not None:
        at_ms = received_ms - heard.age_ms
    try:
        return None if at_ms is None else rfc3339(at_ms)
    except (ValueError, OverflowError, OSError):
        return None  # no calendar has it
