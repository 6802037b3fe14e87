"""A gateway's part of the registry: what its bridge must know, as one JSON object.

    {"version":1,"site":"mpp-contoh","gateway":"gw-1","thinning_ms":null,
     "sensors":[{"id":"a-1","driver":"ld2410","port":"/dev/ttyUSB0","baud":null,"part":null,"config":null,"thinning_ms":null,
                 "outlet":"loket-1","zone":"staff","name":"Loket 1"}]}

It is the retained body of `hadir/1/{site}/gateway/{gateway}/settings`, written by `api`.
"""

from __future__ import annotations

from typing import Any

import msgspec

from presence.errors import BadInput
from presence.site import SLUG, Site

VERSION = 1


class SensorPort(msgspec.Struct, frozen=True, kw_only=True):
    """A sensor on a port of the gateway. `baud`: None = as its driver says; `part`: which sensor of a shared line.

    `outlet`, `zone` and the outlet's `name` tell people where it is; None from an older `api`.
    """

    id: str
    driver: str
    port: str
    baud: int | None = None
    part: str | None = None
    config: dict[str, Any] | None = None
    thinning_ms: int | None = None
    outlet: str | None = None
    zone: str | None = None
    name: str | None = None


class GatewaySettings(msgspec.Struct, frozen=True, kw_only=True):
    """`thinning_ms`: for those of `sensors` that have none of their own; None = every report is sent."""

    version: int
    site: str
    gateway: str
    thinning_ms: int | None = None
    sensors: tuple[SensorPort, ...] = ()


def gateway_settings(site: Site, gateway: str) -> dict[str, Any]:
    """The settings of `gateway` in the form above. Raises LookupError when the site has no such gateway."""
    known = next((each for each in site.gateways if each.id == gateway), None)
    if known is None:
        raise LookupError(gateway)
    sensors = [
        SensorPort(
            id=sensor.id,
            driver=source.driver,
            port=source.port,
            baud=source.baud,
            part=source.part,
            config=source.config,
            thinning_ms=source.thinning_ms,
            outlet=outlet.id,
            zone=sensor.zone,
            name=outlet.name,
        )
        for outlet in site.outlets
        for sensor in outlet.sensors
        if (source := sensor.source) and source.gateway == gateway and source.driver and source.port
    ]
    settings = GatewaySettings(
        version=VERSION, site=site.id, gateway=gateway, thinning_ms=known.thinning_ms, sensors=tuple(sensors)
    )
    built: dict[str, Any] = msgspec.to_builtins(settings)
    return built


def parse_gateway_settings(payload: bytes, source: str) -> GatewaySettings:
    """The settings in `payload`, which came from `source` (a topic). Raises BadInput."""
    try:
        settings = msgspec.json.decode(payload, type=GatewaySettings)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise BadInput(source, f"no gateway settings: {error}") from None
    if settings.version != VERSION:
        raise BadInput(source, f"form {settings.version} is not known here", remedy="install the same Hadir everywhere")
    for slug in (settings.site, settings.gateway, *(sensor.id for sensor in settings.sensors)):
        if not SLUG.fullmatch(slug):
            raise BadInput(source, f'"{slug}" is no id', remedy="ids are a-z 0-9 _ -")
    return settings
