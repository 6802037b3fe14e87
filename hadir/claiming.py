"""A device out of the inbox as a sensor of a site: what it is called, where it stands, how it is claimed."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from collector.claims import Claim, claims_of, key_of
from collector.conventions import CONVENTIONS
from presence.errors import BadInput
from presence.foreign_text import printable
from presence.site import Sensor, SensorKind, Site, Source, ZoneName
from presence.site_values import ID, did_you_mean, parse_duration, slug_of
from storage.record.aside import Waiting
from storage.record.claims import Standing

NATIVE = "native"
_WHERE = "hadir inbox claim"
_LONGEST_ID = 64
# Devices of others speak when something changes: the default of those that report all the time would not do.
_ON_CHANGE_STALE_AFTER_MS = 3_600_000


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
    source_config: dict[str, Any] | None = None


class Device(NamedTuple):
    """A device that is to become a sensor; `device`: its address in the convention.

    `waiting`: as it stands in the inbox. `source`: where a sensor has it already, another part or key of it.
    """

    site: str
    convention: str
    device: str
    waiting: Waiting | None = None
    source: Source | None = None


def device_named(waiting: Sequence[Waiting], sites: Sequence[Site], name: str, convention: str | None) -> Device:
    """The device that `name` means, as it is or as it was printed: in the inbox, or of a sensor. Raises BadInput."""
    names = {
        each for one in waiting if convention in (None, one.convention) for each in (one.device, printable(one.device))
    }
    if name not in names and (claimed := _claimed(sites, name, convention)):
        return claimed
    one = _waiting(waiting, name, convention)
    return Device(one.site, one.convention, one.device, one)


def _claimed(sites: Sequence[Site], name: str, convention: str | None) -> Device | None:
    found = {
        (claim.source.convention or "", address): claim.source
        for each in CONVENTIONS
        for claim, address in _claims(sites, each)
        if name in (address, printable(address)) and convention in (None, each)
    }
    if len(found) > 1:
        remedy = f"say which by --convention: {', '.join(sorted(each for each, _ in found))}"
        raise BadInput(_WHERE, f'"{printable(name)}" is {len(found)} devices', remedy=remedy)
    for (each, address), source in found.items():
        return Device("", each, address, source=source)
    for site in sites if convention in (None, NATIVE) else ():
        for outlet in site.outlets:
            if any(one.id == name and (one.source is None or one.source.convention is None) for one in outlet.sensors):
                remedy = "change it in the site file, and `hadir site apply` it"
                raise BadInput(_WHERE, f'"{name}" is a sensor of outlet {site.id}/{outlet.id} already', remedy=remedy)
    return None


def _claims(sites: Sequence[Site], convention: str) -> Iterator[tuple[Claim, str]]:
    """The claims of a convention with the addresses of their devices."""
    made = CONVENTIONS[convention]()
    for claim in claims_of(sites, convention):
        try:
            yield claim, made.address(claim.source)
        except ValueError:
            continue  # a source of another version: nothing is heard of it


def _waiting(waiting: Sequence[Waiting], name: str, convention: str | None) -> Waiting:
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


def with_sensor(
    sites: Sequence[Site], site: Site, outlet_id: str, device: Device, wanted: Wanted
) -> tuple[Site, Sensor]:
    """`site`, one of `sites`, with the device as a sensor more at the outlet, and that sensor. Raises BadInput."""
    if outlet_id not in (known := [outlet.id for outlet in site.outlets]):
        problem = f'no outlet "{printable(outlet_id)}" at site {site.id}'
        raise BadInput(_WHERE, problem, field="--outlet", remedy=did_you_mean(outlet_id, known), key="outlet")
    source = _source(device, wanted)
    if source is not None:
        _check_free(sites, device, source)
    heartbeat_ms = _duration("--heartbeat", wanted.heartbeat)
    stale_after_ms = _duration("--stale-after", wanted.stale_after)
    if source is not None and heartbeat_ms is None and stale_after_ms is None:
        stale_after_ms = _ON_CHANGE_STALE_AFTER_MS
    sensor = Sensor(
        id=_id(site, device, wanted),
        kind=wanted.kind,
        zone=wanted.zone,
        heartbeat_ms=heartbeat_ms,
        stale_after_given_ms=stale_after_ms,
        source=source,
    )
    outlets = tuple(
        dataclasses.replace(outlet, sensors=(*outlet.sensors, sensor)) if outlet.id == outlet_id else outlet
        for outlet in site.outlets
    )
    return dataclasses.replace(site, outlets=outlets), sensor


def claimed(sites: Sequence[Site], site: Site, waiting: Waiting, there: Standing) -> Site:
    """`site`, one of `sites`, with a device of the inbox as one sensor more, as a page asks for it. Raises BadInput.

    Which of what it speaks of is presence needs not be said where that is one thing alone.
    """
    presence = there.presence
    if presence is None and len(waiting.presences) == 1:
        presence = waiting.presences[0]
    if waiting.convention == NATIVE or presence == "presence":
        presence = None  # what it says by itself
    device = Device(waiting.site, waiting.convention, waiting.device, waiting)
    wanted = Wanted(zone=there.zone, kind=there.kind, presence=presence)
    return with_sensor(sites, site, there.outlet, device, wanted)[0]


def _id(site: Site, device: Device, wanted: Wanted) -> str:
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
        problem = f'"{name}" is {taken[name]} already'
        raise BadInput(_WHERE, problem, field="--sensor", remedy="give another id", key="taken")
    return name


def _source(device: Device, wanted: Wanted) -> Source | None:
    if device.convention == NATIVE:
        for key in ("presence", "part", "profile", "source_config"):
            if getattr(wanted, key) is not None:
                problem = "means nothing for a device on native topics"
                raise BadInput(_WHERE, problem, field=f"--{key.replace('_', '-')}", remedy="leave it out")
        return None
    if device.convention not in CONVENTIONS:
        problem = f"convention {device.convention} is not known to this version"
        raise BadInput(_WHERE, problem, remedy="use the version that the collector is of")
    convention = CONVENTIONS[device.convention]()
    source = device.source
    if source is None:
        source = Source(convention=device.convention, **convention.source(device.device))  # type: ignore[arg-type]  # those of text alone
    # Profile and config are those of the device, whichever of its sensors says them.
    config = {**(source.config or {}), **(wanted.source_config or {})} or None
    profile = source.profile if wanted.profile is None else wanted.profile
    source = dataclasses.replace(source, profile=profile, config=config, presence=wanted.presence, part=wanted.part)
    try:
        address = convention.address(source)
    except ValueError as error:
        raise BadInput(_WHERE, f"source {printable(str(error))}", field=printable(device.device)) from None
    if address != device.device:
        problem = f'makes the source that of another device, "{printable(address)}"'
        raise BadInput(_WHERE, problem, field="--source-config", remedy="leave out what names the device")
    return source


def _check_free(sites: Sequence[Site], device: Device, source: Source) -> None:
    """Raises BadInput when a sensor has the same of the device already."""
    key = key_of(source)
    for claim, address in _claims(sites, device.convention):
        if (address, claim.key) == (device.device, key):
            what = "as a whole" if key is None else f'by "{key}"'
            problem = f'"{device.device}" is sensor {claim.sensor} of site {claim.site} already, {what}'
            raise BadInput(_WHERE, printable(problem), remedy="name another part or key of it by --part or --presence")


def _duration(flag: str, text: str | None) -> int | None:
    try:
        return None if text is None else parse_duration(text)
    except ValueError as error:
        raise BadInput(_WHERE, str(error), field=flag) from None
