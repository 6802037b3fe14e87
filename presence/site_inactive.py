"""What of a site is kept in the record but does not act in this version, said so that nobody waits for it."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping

from presence.alerts.escalation import contact_of, ladder
from presence.alerts.subjects import subjects
from presence.site import Contact, Group, Outlet, Sensor, Site

ACTING_SENSOR_KINDS = ("direct", "mmwave", "pir", "contact", "thermal")
ACTING_DRIVERS = (
    *("ld2410", "ld2410s", "ld2412", "ld2420", "ld2402", "ld2450", "sen0395", "c4001", "mr24hpc1", "mr60bha"),
    *("tfmini", "a02yyuw", "modbus", "ndjson", "mysensors"),
)
ACTING_CONVENTIONS = (
    *("native", "senml", "zigbee2mqtt", "esphome", "tasmota", "ha_discovery", "shelly", "bthome", "theengs"),
    *("sparkplug_b", "homie", "chirpstack", "ttn_v3", "disruptive"),
)
ACTING_CHANNELS = ("hadir+http", "hadir+https")
SHOWN_PLAN = re.compile(r"[A-Za-z0-9][\w.-]*\.(?:svg|png)", re.ASCII)  # a file name, and no way to another folder

_CHANNELS_AS_TYPED = {typed: name for name in ACTING_CHANNELS for typed in (name, name.removeprefix("hadir+"))}
_NEAR = 0.75


def inactive(site: Site) -> list[str]:
    """One sentence for each thing, naming the outlets, sensors or contacts that it is about."""
    return [*_sensors(site), *_contacts(site), *_unheard(site), *_shown(site)]


def _sensors(site: Site) -> Iterator[str]:
    kinds: dict[str, list[str]] = {}
    sources: dict[str, list[str]] = {}
    for outlet in site.outlets:
        for sensor in outlet.sensors:
            if sensor.kind not in ACTING_SENSOR_KINDS:
                kinds.setdefault(sensor.kind, []).append(_named(sensor, outlet))
            if (source := _unread_source(sensor)) is not None:
                sources.setdefault(source, []).append(_named(sensor, outlet))
    for source, sensors in sources.items():
        what, _, name = source.partition(" ")
        near = _near(name, {name: name for name in (ACTING_DRIVERS if what == "driver" else ACTING_CONVENTIONS)})
        yield f"{source} is not understood yet: nothing is read from {_listed(sensors)}{near}"
    for kind, sensors in kinds.items():
        yield f"kind {kind} says nothing about presence yet: readings are stored, without effect, of {_listed(sensors)}"


def _near(name: str, known: Mapping[str, str]) -> str:
    """`known`: what may be meant, by how it may be written."""
    close = difflib.get_close_matches(name, known, 1, _NEAR)
    return f'; did you mean "{known[close[0]]}"?' if close else ""


def _named(sensor: Sensor, outlet: Outlet) -> str:
    return f"sensor {sensor.id} (outlet {outlet.id})"


def _unread_source(sensor: Sensor) -> str | None:
    source = sensor.source
    if source is None:
        return None
    if source.convention is not None:
        return None if source.convention in ACTING_CONVENTIONS else f"convention {source.convention}"
    return None if source.driver in ACTING_DRIVERS else f"driver {source.driver}"


def _contacts(site: Site) -> Iterator[str]:
    unsent: dict[str, list[str]] = {}
    for owner, contacts in (("the site", site.contacts), *((f"agency {a.id}", a.contacts) for a in site.agencies)):
        for contact in contacts:
            if (scheme := _scheme(contact)) is not None and scheme not in ACTING_CHANNELS:
                unsent.setdefault(scheme, []).append(f"{contact.id} of {owner}")
    for scheme, names in unsent.items():
        near = _near(scheme, _CHANNELS_AS_TYPED)
        yield f"channel {scheme}:// is not served yet: nothing is sent to {_listed(names)}{near}"


def _scheme(contact: Contact) -> str | None:
    return None if contact.channel is None else contact.channel.partition("://")[0]


def _unheard(site: Site) -> Iterator[str]:
    """The alerts of which nobody is told: their ladder leads to no contact with a channel that acts."""
    # One subject stands for all that climb the same ladder.
    ladders = {(one.group, one.agency, one.kind == "equipment_down"): one for one in subjects(site) if one.rule}
    unheard: dict[Group, dict[str, None]] = {}
    for subject in ladders.values():
        recipients = (recipient for rung in ladder(site, subject) for recipient in rung.recipients)
        contacts = (contact_of(site, recipient) for recipient in recipients)
        if not any(contact and _scheme(contact) in ACTING_CHANNELS for contact in contacts):
            unheard.setdefault(subject.group, {})[subject.agency] = None
    if agencies := unheard.get("people"):
        where = (
            "any agency" if len(agencies) == len(site.agencies) > 1 else _listed(f"agency {one}" for one in agencies)
        )
        yield f"nobody is told when outlets stay empty: no contact with a channel that acts in {where}"
    for group, when in _OF_THE_SITE:
        if group in unheard:
            yield f"nobody is told when {when}: the ladder {group} leads to no contact with a channel that acts"


_OF_THE_SITE: tuple[tuple[Group, str], ...] = (
    ("technical", "sensors and gateways fail"),
    ("site", "the whole site fails"),
)


def _shown(site: Site) -> Iterator[str]:
    for floor in site.floors:
        if floor.plan is not None and not SHOWN_PLAN.fullmatch(floor.plan):
            yield (
                f'floor {floor.floor} is drawn without its plan: "{floor.plan}" is not the name of an SVG or PNG file, '
                "such as lantai-1.svg"
            )


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)
