"""What a wanted site changes in a registered one: what is kept beside it, and the differences.

A thing that the file does not say is kept unless it is pruned; what people declared always is.
"""

from __future__ import annotations

import dataclasses
import json
import zoneinfo
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from datetime import tzinfo
from typing import Any, Literal, NamedTuple, TypeVar

from presence import site_form
from presence.errors import BadInput
from presence.site import Absence, Maintenance, Site
from presence.site_checks import problems
from presence.site_file import SiteFileErrors, plain
from presence.site_form import Form
from presence.site_values import Plain

T = TypeVar("T")
Declared = TypeVar("Declared", bound=Absence | Maintenance)


class Change(NamedTuple):
    """One thing that differs. `before` and `after`: its keys as in a site file, None where it is not there."""

    action: Literal["add", "change", "remove"]
    kind: str
    id: str
    before: dict[str, Plain] | None
    after: dict[str, Plain] | None

    def __str__(self) -> str:
        name = f"{self.kind} {self.id}"
        if self.action == "remove":
            return f"- {name}"
        if self.kind == "order of":
            return f"~ {name}"
        before, after = dict(_flat(self.before or {})), dict(_flat(self.after or {}))
        if self.action == "add":
            said = [f"{key} {_shown(key, value)}" for key, value in after.items() if key != "id"]
            return f"+ {name}: {', '.join(said)}" if said else f"+ {name}"
        keys = [key for key in {**before, **after} if before.get(key) != after.get(key)]
        return f"~ {name}: " + ", ".join(
            f"{key} {_shown(key, before.get(key))} → {_shown(key, after.get(key))}" for key in keys
        )


def _flat(keys: dict[str, Plain], within: str = "") -> Iterator[tuple[str, Plain]]:
    """`{"rules": {"vacancy": {"after": "5m"}}}` as `rules.vacancy.after`."""
    for key, value in keys.items():
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{within}{key}.")
        else:
            yield within + key, value


def merged(stored: Site | None, wanted: Site, *, prune: bool) -> Site:
    """`wanted`, with what is kept of `stored` after it. Raises SiteFileErrors when the two clash."""
    if stored is None:
        return _checked(wanted)
    if prune:
        kept = dataclasses.replace(
            stored, contacts=(), gateways=(), agencies=(), outlets=(), duties=(),
            absences=tuple(absence for absence in stored.absences if absence.origin == "person"),
            maintenance=tuple(work for work in stored.maintenance if work.origin == "person"),
        )  # fmt: skip
    else:
        kept = stored
    old_contacts = {agency.id: agency.contacts for agency in kept.agencies}
    moved = {sensor.id for outlet in wanted.outlets for sensor in outlet.sensors}
    old_outlets = {
        outlet.id: dataclasses.replace(
            outlet, sensors=tuple(sensor for sensor in outlet.sensors if sensor.id not in moved)
        )
        for outlet in kept.outlets
    }
    agencies = [
        dataclasses.replace(agency, contacts=_beside(agency.contacts, old_contacts.get(agency.id, ()), _id))
        for agency in wanted.agencies
    ]
    outlets = [
        dataclasses.replace(outlet, sensors=outlet.sensors + old_outlets[outlet.id].sensors)
        if outlet.id in old_outlets
        else outlet
        for outlet in wanted.outlets
    ]
    beside = dataclasses.replace(
        wanted,
        contacts=_beside(wanted.contacts, kept.contacts, _id),
        gateways=_beside(wanted.gateways, kept.gateways, _id),
        agencies=_beside(agencies, kept.agencies, _id),
        outlets=_beside(outlets, old_outlets.values(), _id),
        duties=_beside(wanted.duties, kept.duties, _id),
    )
    beside = with_what_stands(
        beside,
        _beside_people(wanted.absences, kept.absences),
        _beside_people(wanted.maintenance, kept.maintenance),
    )
    return _checked(beside)


def _checked(site: Site) -> Site:
    source = f"site {site.id} with what is kept of it"
    if found := [BadInput(source, says, field=path) for path, says, *_ in problems(site)]:
        raise SiteFileErrors(found)
    return site


def _id(thing: Any) -> str:
    return str(thing.id)


def _beside(wanted: Iterable[T], kept: Iterable[T], identity: Callable[[T], Hashable]) -> tuple[T, ...]:
    first = tuple(wanted)
    taken = {identity(thing) for thing in first}
    return (*first, *(thing for thing in kept if identity(thing) not in taken))


def _beside_people(wanted: Iterable[Declared], kept: Sequence[Declared]) -> tuple[Declared, ...]:
    """What people declared stays; a file that says the very same adds nothing."""
    people: list[Declared] = [thing for thing in kept if thing.origin == "person"]
    return (*_beside((thing for thing in wanted if thing not in people), _from_files(kept), begin_of), *people)


def _from_files(declared: Iterable[Declared]) -> list[Declared]:
    return [thing for thing in declared if thing.origin == "file"]


def begin_of(declared: Absence | Maintenance) -> Hashable:
    """What stays the same when its end or reason is changed."""
    if isinstance(declared, Absence):
        return declared.outlet, declared.from_ms
    return declared.sensor, declared.gateway, declared.outlet, declared.from_ms


def with_what_stands(site: Site, absences: Iterable[Absence], maintenance: Iterable[Maintenance]) -> Site:
    """`site` with those of `absences` and `maintenance` whose outlet, sensor or gateway it has."""
    outlets = {None, *(outlet.id for outlet in site.outlets)}
    sensors = {None, *(sensor.id for outlet in site.outlets for sensor in outlet.sensors)}
    gateways = {None, *(gateway.id for gateway in site.gateways)}
    return dataclasses.replace(
        site,
        absences=tuple(absence for absence in absences if absence.outlet in outlets),
        maintenance=tuple(
            work
            for work in maintenance
            if work.outlet in outlets and work.sensor in sensors and work.gateway in gateways
        ),
    )


_SITE_KEYS = Form(
    Site,
    tuple(
        key
        for form in (site_form.SITE, site_form.TOP)
        for key in form.keys
        if key.name not in ("contacts", "gateways", "agencies", "outlets", "duties", "absences", "maintenance")
    ),
)
_ORDERED = {
    "contact": "contacts", "gateway": "gateways", "agency": "agencies",
    "outlet": "outlets", "sensor": "sensors", "duty": "duties",
}  # fmt: skip


def differences(stored: Site | None, target: Site) -> list[Change]:
    """What makes `target` of `stored`, thing by thing; what people declared is the same in both."""
    zone = zoneinfo.ZoneInfo(target.timezone)
    before = {} if stored is None else dict(_things(stored, zone))
    after = dict(_things(target, zone))
    changes = [
        Change("change" if name in before else "add", *name, before.get(name), thing)
        for name, thing in after.items()
        if before.get(name) != thing
    ]
    changes += [Change("remove", *name, thing, None) for name, thing in before.items() if name not in after]
    for kind, kinds in _ORDERED.items():
        old, new = (
            [name for (of, name) in things if of == kind and (of, name) in before and (of, name) in after]
            for things in (before, after)
        )
        if old != new:
            changes.append(Change("change", "order of", kinds, {"order": [*old]}, {"order": [*new]}))
    return changes


def _things(site: Site, zone: tzinfo) -> Iterator[tuple[tuple[str, str], dict[str, Plain]]]:
    """Kind and id, and the keys as in a site file, of each thing by itself."""

    def keys(thing: object, form: Form, *without: str, **owner: Plain) -> dict[str, Plain]:
        own = plain(thing, Form(form.of, tuple(key for key in form.keys if key.name not in without)), zone)
        assert isinstance(own, dict)
        return {**owner, **own}

    yield ("site", site.id), keys(site, _SITE_KEYS)
    for contact in site.contacts:
        yield ("contact", contact.id), keys(contact, site_form.CONTACT)
    for gateway in site.gateways:
        yield ("gateway", gateway.id), keys(gateway, site_form.GATEWAY)
    for agency in site.agencies:
        yield ("agency", agency.id), keys(agency, site_form.AGENCY, "contacts")
        for contact in agency.contacts:
            yield ("contact", f"{agency.id}/{contact.id}"), keys(contact, site_form.CONTACT)
    for outlet in site.outlets:
        yield ("outlet", outlet.id), keys(outlet, site_form.OUTLET, "sensors")
        for sensor in outlet.sensors:
            yield ("sensor", sensor.id), keys(sensor, site_form.SENSOR, outlet=outlet.id)
    for duty in site.duties:
        yield ("duty", duty.id), keys(duty, site_form.DUTY)
    for absence in _from_files(site.absences):
        own = keys(absence, site_form.ABSENCE, "outlet")
        yield ("absence", f"{absence.outlet} {own.pop('from')}"), own
    for work in _from_files(site.maintenance):
        own = keys(work, site_form.MAINTENANCE)
        subject = next(f"{kind} {own.pop(kind)}" for kind in ("sensor", "gateway", "outlet") if kind in own)
        yield ("maintenance", f"{subject} {own.pop('from')}"), own


def _shown(key: str, value: Plain | None) -> str:
    if value is None:
        return "none"
    if key == "channel":  # may hold a password
        return f"{str(value).partition('://')[0]}://…"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
