"""Sites for tests: each part with good defaults, so that a test says only what it is about."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from presence.site import Agency, Outlet, Rule, Rules, Sensor, Site

HOUR_MS = 3_600_000


def sensor(sensor_id: str, *, kind: str = "direct", zone: str = "staff", **fields: Any) -> Sensor:
    """A sensor whose last word counts for twelve hours."""
    fields.setdefault("stale_after_given_ms", 12 * HOUR_MS)
    return Sensor(id=sensor_id, kind=kind, zone=zone, **fields)  # type: ignore[arg-type]  # a test may try others


def outlet(
    outlet_id: str = "a-1", *, agency: str = "dinas", sensors: Sequence[Sensor] | None = None, **fields: Any
) -> Outlet:
    """An outlet with one sensor in its staff zone, `{outlet_id}-s`, unless `sensors` are given."""
    watching = [sensor(f"{outlet_id}-s")] if sensors is None else sensors
    return Outlet(
        id=outlet_id, name=fields.pop("name", f"Loket {outlet_id}"), agency=agency, sensors=tuple(watching), **fields
    )


def site(*, outlets: Sequence[Outlet] | None = None, rules: Rules | None = None, **fields: Any) -> Site:
    """A site in Jakarta, open on weekdays 08–12 and 13–15, with one outlet `a-1` unless `outlets` are given.

    Its agencies are those of its outlets, its rule a vacancy after 10 min, unless told otherwise.
    """
    counters = (outlet(),) if outlets is None else tuple(outlets)
    named = {counter.agency: Agency(id=counter.agency, name=f"Dinas {counter.agency}") for counter in counters}
    defaults: dict[str, Any] = {
        "id": "balai",
        "name": "Balai Layanan",
        "timezone": "Asia/Jakarta",
        "country": "ID",
        "service_hours": "Mo-Fr 08:00-12:00,13:00-15:00; PH off",
        "agencies": tuple(named.values()),
        "rules": {"vacancy": Rule(after_ms=600_000)} if rules is None else rules,
    }
    return Site(outlets=counters, **{**defaults, **fields})
