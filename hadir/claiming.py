"""A device out of the inbox as a sensor of a site: what it is called, where it stands, how it is claimed."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

from collector.conventions import CONVENTIONS
from presence.errors import BadInput
from presence.foreign_text import printable
from presence.site import Sensor, SensorKind, Site, Source, ZoneName
from presence.site_values import ID, did_you_mean, parse_duration, slug_of
from storage.record.aside import Waiting

NATIVE = "native"
_WHERE = "hadir inbox claim"
_LONGEST_ID = 64


class Wanted(NamedTuple):
    """What the technician says of the device, as it is written on the command line."""

    zone: ZoneName
    kind: SensorKind
    sensor: str | None = None
    presence: str | None = None
    part: str | None = None
    profile: str | None = None
    heartbeat: str | None = None
    stale_after: str | None = None


def device_named(waiting: Sequence[Waiting], name: str, convention: str | None) -> Waiting:
    """The device that `name` means, as it is or as it was printed. Raises BadInput."""
    if not waiting:
        raise BadInput(_WHERE, "no device waits in the inbox", remedy="see that the collector runs, and hears it")
    found = [
        one for one in waiting if name in (one.device, printable(one.device)) and convention in (None, one.convention)
    ]
    if len(found) == 1:
        return found[0]
    if len(found) > 1:
        spoken = ", ".join(sorted({one.convention for one in found}))
        remedy = f"say which by --convention: {spoken}" if convention is None else "say which by --outlet SITE/OUTLET"
        raise BadInput(_WHERE, f'"{printable(name)}" is {len(found)} devices', remedy=remedy)
    others = [one for one in waiting if name in (one.device, printable(one.device))]
    if others:
        remedy = did_you_mean(convention or "", [one.convention for one in others])
        raise BadInput(_WHERE, f'"{printable(name)}" does not speak {convention}', field="--convention", remedy=remedy)
    names = [printable(one.device) for one in waiting if convention in (None, one.convention)]
    problem = f'no device "{printable(name)}" waits in the inbox'
    raise BadInput(_WHERE, problem, remedy=did_you_mean(name, names))


def with_sensor(site: Site, outlet_id: str, device: Waiting, wanted: Wanted) -> tuple[Site, Sensor]:
    """`site` with the device as a sensor more at the outlet, and that sensor. Raises BadInput."""
    if outlet_id not in (known := [outlet.id for outlet in site.outlets]):
        problem = f'no outlet "{printable(outlet_id)}" at site {site.id}'
        raise BadInput(_WHERE, problem, field="--outlet", remedy=did_you_mean(outlet_id, known))
    sensor = Sensor(
        id=_id(site, device, wanted),
        kind=wanted.kind,
        zone=wanted.zone,
        heartbeat_ms=_duration("--heartbeat", wanted.heartbeat),
        stale_after_given_ms=_duration("--stale-after", wanted.stale_after),
        source=_source(device, wanted),
    )
    outlets = tuple(
        dataclasses.replace(outlet, sensors=(*outlet.sensors, sensor)) if outlet.id == outlet_id else outlet
        for outlet in site.outlets
    )
    return dataclasses.replace(site, outlets=outlets), sensor


def _id(site: Site, device: Waiting, wanted: Wanted) -> str:
    if device.convention == NATIVE:
        if wanted.sensor not in (None, device.device):
            problem = f'a device on native topics is known by its own id, "{device.device}"'
            raise BadInput(
                _WHERE, problem, field="--sensor", remedy="leave --sensor out, or give the device another id"
            )
        name = device.device
    elif wanted.sensor is not None:
        name = wanted.sensor
    else:
        name = slug_of(" ".join(filter(None, (device.device, wanted.part or wanted.presence))))[:_LONGEST_ID].strip("-")
        if not name:
            problem = f'no id can be made from "{printable(device.device)}"'
            raise BadInput(_WHERE, problem, field="--sensor", remedy="give one by --sensor ID")
    try:
        ID.read(name)
    except ValueError as error:
        raise BadInput(_WHERE, str(error), field="--sensor") from None
    taken = {gateway.id: "a gateway" for gateway in site.gateways}
    taken |= {sensor.id: f"a sensor of outlet {outlet.id}" for outlet in site.outlets for sensor in outlet.sensors}
    if name in taken:
        raise BadInput(_WHERE, f'"{name}" is {taken[name]} already', field="--sensor", remedy="give another id")
    return name


def _source(device: Waiting, wanted: Wanted) -> Source | None:
    if device.convention == NATIVE:
        for flag in ("presence", "part", "profile"):
            if getattr(wanted, flag) is not None:
                problem = "means nothing for a device on native topics"
                raise BadInput(_WHERE, problem, field=f"--{flag}", remedy="leave it out")
        return None
    if device.convention not in CONVENTIONS:
        problem = f"convention {device.convention} is not known to this version"
        raise BadInput(_WHERE, problem, remedy="use the version that the collector is of")
    convention = CONVENTIONS[device.convention]()
    keys = convention.source(device.device)
    source = Source(convention=device.convention, **keys)  # type: ignore[arg-type]  # those of text alone
    source = dataclasses.replace(source, profile=wanted.profile, presence=wanted.presence, part=wanted.part)
    try:
        convention.address(source)
    except ValueError as error:
        raise BadInput(_WHERE, f"source {printable(str(error))}", field=printable(device.device)) from None
    return source


def _duration(flag: str, text: str | None) -> int | None:
    try:
        return None if text is None else parse_duration(text)
    except ValueError as error:
        raise BadInput(_WHERE, str(error), field=flag) from None
