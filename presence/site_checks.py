"""What must hold between the parts of a site: ids that occur once, names that name something, ends after beginnings.

It works on values, so that a site file and a change made on a page are held to the same rules.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from presence.port_names import port_problem
from presence.site import Contact, DatedHours, Duty, Site, Source
from presence.site_values import did_you_mean


class Problem(NamedTuple):
    """`path` as in the file (`outlets[0].sensors[1].id`), and what is wrong there and what to do.

    `key` and `what` say the same to who tells it in another language: `taken`, and by what. What has no key comes of no
    form that people fill in.
    """

    path: str
    says: str
    key: str = ""
    what: str = ""


def problems(site: Site) -> Iterator[Problem]:
    """All that is wrong with `site` as a whole; empty ids and names are passed over."""
    yield from _ids(site)
    yield from _contacts(site)
    yield from exception_problems("site.exceptions", site.exceptions)
    for a, agency in enumerate(site.agencies):
        yield from exception_problems(f"agencies[{a}].exceptions", agency.exceptions)
    yield from _outlets(site)
    yield from _duties(site)
    yield from problems_of_declared(site)


def problems_of_declared(site: Site) -> Iterator[Problem]:
    """What is wrong with the absences and maintenance of `site`."""
    yield from _absences(site)
    yield from _maintenance(site)


def _ids(site: Site) -> Iterator[Problem]:
    yield from _twice((f"site.floors[{f}].floor", str(floor.floor)) for f, floor in enumerate(site.floors))
    yield from _twice((f"agencies[{a}].id", agency.id) for a, agency in enumerate(site.agencies))
    yield from _twice(
        [
            *((f"outlets[{o}].id", outlet.id) for o, outlet in enumerate(site.outlets)),
            *((f"duties[{d}].id", duty.id) for d, duty in enumerate(site.duties)),
        ]
    )
    yield from _twice(
        [
            *((f"gateways[{g}].id", gateway.id) for g, gateway in enumerate(site.gateways)),
            *(
                (f"outlets[{o}].sensors[{s}].id", sensor.id)
                for o, outlet in enumerate(site.outlets)
                for s, sensor in enumerate(outlet.sensors)
            ),
        ]
    )


def _twice(ids: Iterable[tuple[str, str]]) -> Iterator[Problem]:
    first: dict[str, str] = {}
    for path, name in ids:
        if name and first.setdefault(name, path) != path:
            owner = first[name].rpartition(".")[0]
            yield Problem(path, f'"{name}" is taken by {owner}; write another', "taken", name)


def _contacts(site: Site) -> Iterator[Problem]:
    # A contact's id is the recipient in the key of a message, and one alert reaches an agency and the site's contacts.
    of_site = {contact.id: f"site.contacts[{c}]" for c, contact in reversed(list(enumerate(site.contacts)))}
    yield from _contact_ids("site.contacts", site.contacts, of_site)
    for a, agency in enumerate(site.agencies):
        yield from _contact_ids(f"agencies[{a}].contacts", agency.contacts, dict(of_site))


def _contact_ids(path: str, contacts: Iterable[Contact], taken: dict[str, str]) -> Iterator[Problem]:
    for c, contact in enumerate(contacts):
        here = f"{path}[{c}]"
        if contact.name and not contact.id:
            yield Problem(f"{here}.id", f'cannot be made from "{contact.name}"; write an id')
        elif contact.id and taken.setdefault(contact.id, here) != here:
            yield Problem(
                f"{here}.id", f'"{contact.id}" is taken by {taken[contact.id]}; give this contact an id of its own'
            )


def exception_problems(path: str, exceptions: Iterable[DatedHours]) -> Iterator[Problem]:
    """What is wrong with the dates of a list of exceptions that stands at `path`."""
    for e, exception in enumerate(exceptions):
        if exception.first > exception.last:
            yield Problem(f"{path}[{e}].to", f"{exception.last} is before {exception.first}; `to` is the last date")


def _outlets(site: Site) -> Iterator[Problem]:
    agencies = {agency.id for agency in site.agencies}
    gateways = {gateway.id for gateway in site.gateways}
    sources: dict[str, str] = {}
    lines = _Lines()
    for o, outlet in enumerate(site.outlets):
        yield from exception_problems(f"outlets[{o}].exceptions", outlet.exceptions)
        yield from _unknown(f"outlets[{o}].agency", "agency", outlet.agency, agencies)
        for s, sensor in enumerate(outlet.sensors):
            path = f"outlets[{o}].sensors[{s}].source"
            if sensor.source is None:
                continue
            yield from _source(path, sensor.source)
            yield from _unknown(f"{path}.gateway", "gateway", sensor.source.gateway, gateways)
            yield from lines.problems(path, sensor.id, sensor.source)
            other = sources.setdefault(repr(sensor.source), sensor.id)
            if other != sensor.id and sensor.source.gateway is None:
                yield Problem(
                    path,
                    f'is that of sensor "{other}" too; tell them apart by part, config, presence or topic',
                )


class _Lines:
    """The ports of all gateways, as they are met: each has one driver and rate, and each of its parts one sensor."""

    def __init__(self) -> None:
        self._sensors: dict[tuple[str, str, str | None], str] = {}
        self._firsts: dict[tuple[str, str, str], tuple[str, object]] = {}

    def problems(self, path: str, sensor: str, source: Source) -> Iterator[Problem]:
        if source.gateway is None or source.port is None:
            return
        if says := port_problem(source.port):
            yield Problem(f"{path}.port", says)
        taken = self._sensors.setdefault((source.gateway, source.port, source.part), sensor)
        if taken != sensor:
            what = "port" if source.part is None else f'part "{source.part}" of the port'
            yield Problem(f"{path}.port", f'is the {what} of sensor "{taken}" too; tell them apart by port or part')
            return
        for key, value in (("driver", source.driver), ("baud", source.baud)):
            if value is not None:
                first, of_first = self._firsts.setdefault((source.gateway, source.port, key), (sensor, value))
                if of_first != value:
                    says = f'"{value}", but sensor "{first}" on the same port has "{of_first}"; one port has one {key}'
                    yield Problem(f"{path}.{key}", says)


_PORT_KEYS = ("driver", "port", "baud")
_CONVENTION_KEYS = ("topic", "device", "profile", "presence")


def _source(path: str, source: Source) -> Iterator[Problem]:
    if source.gateway is not None and source.convention is not None:
        yield Problem(path, "has a gateway and a convention; a device is on a gateway's port, or speaks MQTT itself")
    elif source.gateway is not None:
        for key in ("driver", "port"):
            if getattr(source, key) is None:
                yield Problem(f"{path}.{key}", f"is missing; a sensor on a gateway's port needs its {key}")
        for key in _CONVENTION_KEYS:
            if getattr(source, key) is not None:
                yield Problem(f"{path}.{key}", "belongs to a convention, not to a gateway's port; leave it out")
    elif source.convention is not None:
        if source.topic is None and source.device is None:
            yield Problem(path, "names no device; write its `topic`, or its `device` id")
        for key in _PORT_KEYS:
            if getattr(source, key) is not None:
                yield Problem(f"{path}.{key}", "belongs to a gateway's port, not to a convention; leave it out")
    else:
        yield Problem(path, "names neither a gateway nor a convention; write one of them, or leave the source out")


def _unknown(path: str, kind: str, name: str | None, known: Iterable[str]) -> Iterator[Problem]:
    if name and name not in known:
        yield Problem(path, f'no {kind} "{name}"; {did_you_mean(name, sorted(filter(None, known)))}')


def _duties(site: Site) -> Iterator[Problem]:
    agency_of = {outlet.id: outlet.agency for outlet in site.outlets}
    for d, duty in enumerate(site.duties):
        for o, outlet in enumerate(duty.outlets):
            yield from _unknown(f"duties[{d}].outlets[{o}]", "outlet", outlet, agency_of)
            if outlet and outlet in duty.outlets[:o]:
                yield Problem(f"duties[{d}].outlets[{o}]", f'"{outlet}" is in this duty already; leave it out')
        yield from _one_agency(f"duties[{d}].outlets", duty, agency_of)
        if duty.outlets and not 1 <= duty.at_least <= len(set(duty.outlets)):
            count = len(set(duty.outlets))
            yield Problem(f"duties[{d}].at_least", f"{duty.at_least} of {count} outlets cannot be; write 1 to {count}")


def _one_agency(path: str, duty: Duty, agency_of: dict[str, str]) -> Iterator[Problem]:
    agencies = {agency_of[outlet] for outlet in duty.outlets if agency_of.get(outlet)}
    if len(agencies) > 1:
        names = ", ".join(sorted(agencies))
        says = f"belong to several agencies ({names}); make a duty for each agency"
        yield Problem(path, says, "duty_of_several", duty.id)


def _absences(site: Site) -> Iterator[Problem]:
    outlets = {outlet.id for outlet in site.outlets}
    begun: set[tuple[str, int, str]] = set()
    for a, absence in enumerate(site.absences):
        yield from _unknown(f"absences[{a}].outlet", "outlet", absence.outlet, outlets)
        if absence.from_ms >= absence.to_ms:
            yield Problem(f"absences[{a}].to", "is not after `from`; an absence ends after it begins")
        begin = (absence.outlet, absence.from_ms, absence.origin)
        if absence.origin == "file" and begin in begun:
            yield Problem(f"absences[{a}].from", "begins an absence of this outlet for the second time; leave one out")
        begun.add(begin)


def _maintenance(site: Site) -> Iterator[Problem]:
    sensors = {sensor.id for outlet in site.outlets for sensor in outlet.sensors}
    gateways = {gateway.id for gateway in site.gateways}
    outlets = {outlet.id for outlet in site.outlets}
    begun: set[tuple[str | None, str | None, str | None, int, str]] = set()
    for m, work in enumerate(site.maintenance):
        path = f"maintenance[{m}]"
        yield from _unknown(f"{path}.sensor", "sensor", work.sensor, sensors)
        yield from _unknown(f"{path}.gateway", "gateway", work.gateway, gateways)
        yield from _unknown(f"{path}.outlet", "outlet", work.outlet, outlets)
        if [work.sensor, work.gateway, work.outlet].count(None) != 2:
            yield Problem(path, "names not exactly one of sensor, gateway, outlet; write one entry for each")
        if work.from_ms >= work.to_ms:
            yield Problem(f"{path}.to", "is not after `from`; maintenance ends after it begins")
        begin = (work.sensor, work.gateway, work.outlet, work.from_ms, work.origin)
        if work.origin == "file" and begin in begun:
            yield Problem(f"{path}.from", "begins the same maintenance for the second time; leave one out")
        begun.add(begin)
