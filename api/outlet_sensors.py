"""The sensors of one outlet and their health, as its page shows them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from api.words import Words
from presence.site import Sensor, Site
from storage.record import health

_LOW_BATTERY = 15
_OF_HEALTH = {
    "fresh": ("staffed", "i-check"),
    "stale": ("unknown", "st-unknown"),
    "offline": ("unknown", "i-cut"),
    "stuck": ("vacant", "i-warn"),
}


def sensor_line(connection: Connection, site: Site, sensor: Sensor, now_ms: int, words: Words) -> dict[str, Any]:
    """One sensor as the page shows it: what it is, whether it speaks, and what came of it."""
    row = health.of_sensor(connection, site.id, sensor.id)
    known = row is not None and bool(row.sequence or row.seen_ms)
    word = row.state if row is not None and known else "never"
    state, icon = _OF_HEALTH.get(word, ("unknown", "st-unknown"))
    source = sensor.source
    through = "" if source is None else source.gateway or source.convention or ""
    battery = None if row is None else row.battery
    return {
        "id": sensor.id,
        "kind": " · ".join(filter(None, [sensor.kind, "" if source is None else source.driver or "", through])),
        "zone": words(f"outlet.zone.{sensor.zone}"),
        "state": state,
        "icon": icon,
        "word": words(f"outlet.health.{word}"),
        "since": words("alert.since", at=_when(row.since_ms, now_ms, words)) if row is not None and known else "",
        "seen": "–" if row is None or row.seen_ms is None else words.span(now_ms - row.seen_ms),
        "battery": "–" if battery is None else words.percent(battery / 100),
        "battery_low": battery is not None and battery <= _LOW_BATTERY,
        "received": "–" if row is None else words.number(row.received),
        "stored": "–" if row is None else words.number(row.stored),
        "missing": "–" if row is None else words.number(row.missing),
    }


def _when(at_ms: int, now_ms: int, words: Words) -> str:
    clock = words.clock(at_ms)
    return clock if words.date(at_ms) == words.date(now_ms) else f"{words.date(at_ms)} {clock}"
