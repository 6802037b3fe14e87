"""The form of a site file: one declaration a key, from which reading, writing and the JSON Schema follow.

What is required and what a key defaults to is not said here but by the dataclasses of `presence.site`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass
from typing import Any, get_args

from presence.site import (
    Absence,
    AbsenceReason,
    Agency,
    AlertKind,
    Contact,
    DatedHours,
    Duty,
    Floor,
    Gateway,
    Maintenance,
    Outlet,
    Role,
    Rule,
    Sensor,
    SensorKind,
    Site,
    Source,
    Step,
    ZoneName,
)
from presence.site_values import (
    ANY_DURATION,
    BEGIN,
    CHANNEL,
    COUNT,
    COUNTRY,
    DURATION,
    END,
    FIRST_DATE,
    FLOOR_NUMBER,
    HOURS,
    ID,
    LAST_DATE,
    NUMBER,
    PERSON,
    PHONE,
    TEXT,
    TRUTH,
    VERBATIM,
    ZONE,
    Scalar,
    choice,
    integer,
    slug_of,
)


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list of `shape`; `exactly` or `at_least` so many."""

    shape: Shape
    at_least: int = 0
    exactly: int | None = None


@dataclass(frozen=True, slots=True)
class OffOr:
    """`off`, or a mapping."""

    form: Form
    off: Any


@dataclass(frozen=True, slots=True)
class Anything:
    """Whatever JSON can hold, as a mapping: a driver's own settings."""


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a mapping. `attribute`: the field of the dataclass, when it is called differently.

    `derived`: what the value is when the key is left out, from the other values.
    """

    name: str
    shape: Shape
    says: str
    attribute: str = ""
    derived: Callable[[Mapping[str, Any]], Any] | None = None

    @property
    def field(self) -> str:
        return self.attribute or self.name


@dataclass(frozen=True, slots=True)
class Form:
    """A mapping whose keys fill the dataclass `of`, or, without one, a dict of those that are given.

    `one_line`: written as `{…}`.
    """

    of: type[Any] | None
    keys: tuple[Key, ...]
    one_line: bool = True

    def default(self, key: Key) -> Any:
        """What the value is when the key is left out; MISSING when it may not be."""
        if self.of is None:
            return None
        field = next(field for field in dataclasses.fields(self.of) if field.name == key.field)
        return field.default if field.default_factory is MISSING else field.default_factory()

    def required(self, key: Key) -> bool:
        return key.derived is None and self.default(key) is MISSING


Shape = Scalar | ListOf | OffOr | Anything | Form


# The mappings of the file

EXCEPTION = Form(
    DatedHours,
    (
        Key("from", FIRST_DATE, "First local date.", "first"),
        Key("to", LAST_DATE, "Last local date, included.", "last"),
        Key("service_hours", HOURS, "The hours that alone decide on these dates; say `PH off` again."),
        Key("reason", TEXT, "Shown to people."),
    ),
)
CONTACT = Form(
    Contact,
    (
        Key(
            "id",
            ID,
            "Names the contact in messages; made from the name unless given.",
            derived=lambda values: slug_of(values["name"]),
        ),
        Key("name", PERSON, "Who it is."),
        Key("role", choice(get_args(Role)), "What the contact is told of."),
        Key("level", COUNT, "The step of the escalation ladder."),
        Key("channel", CHANNEL, "Where messages go: a URL; secrets as {env:NAME}."),
        Key("phone", PHONE, "For people who want to call."),
    ),
)
_CLOCK = (
    Key("after", ANY_DURATION, "How long the condition lasts before the alert fires.", "after_ms"),
    Key("min_presence", ANY_DURATION, "Shorter interruptions do not count; default 30s.", "min_presence_ms"),
    Key("unknown_after", ANY_DURATION, "Unknown for so long resolves the alert; default 5m.", "unknown_after_ms"),
)
_OWN_KEYS: dict[str, tuple[Key, ...]] = {
    "sensor_stuck": (
        Key("unchanged", DURATION, "Stuck when presence has not changed for so long; default 24h.", "unchanged_ms"),
        Key("flaps_per_hour", COUNT, "Stuck when presence changes more often than this; default 60."),
    ),
    "low_battery": (Key("at_most", NUMBER, "Low at this charge, in %; default 15."),),
}
RULES = Form(
    None,
    tuple(
        Key(kind, OffOr(Form(Rule, _CLOCK + _OWN_KEYS.get(kind, ())), Rule(off=True)), f"When {kind} fires, or `off`.")
        for kind in get_args(AlertKind)
    ),
    one_line=False,
)
_EXCEPTIONS = Key("exceptions", ListOf(EXCEPTION), "Dated hours laid over the usual ones; later entries win.")
_RULES = Key("rules", RULES, "When alerts fire; what is left out is as the level above says.")
SOURCE = Form(
    Source,
    (
        Key("gateway", ID, "The gateway on whose serial port the sensor is."),
        Key("driver", ID, "The driver that speaks to it."),
        Key("port", VERBATIM, "The serial port, or socket://host:port."),
        Key("baud", COUNT, "Bits a second, if not as the driver says."),
        Key("part", VERBATIM, "Which of several sensors on one port."),
        Key("config", Anything(), "The driver's own settings."),
        Key("thinning", ANY_DURATION, "Reports that say nothing new are sent once in so long.", "thinning_ms"),
        Key("convention", ID, "The payload convention of a device that speaks MQTT by itself."),
        Key("topic", VERBATIM, "The device's topic."),
        Key("device", VERBATIM, "The device's id in its convention."),
        Key("profile", ID, "The payload profile of the device's model."),
        Key("presence", VERBATIM, "The key or object that tells presence."),
    ),
)
SENSOR = Form(
    Sensor,
    (
        Key("id", ID, "Unique among the sensors and gateways of the site."),
        Key("kind", choice(get_args(SensorKind)), "What its readings say about presence."),
        Key("zone", choice(get_args(ZoneName)), "The side of the outlet that it watches."),
        Key("heartbeat", DURATION, "How often it reports at least.", "heartbeat_ms"),
        Key(
            "stale_after",
            DURATION,
            "How long one report counts; default three heartbeats, 90s without one.",
            "stale_after_given_ms",
        ),
        Key("source", SOURCE, "Where its readings come from; without one, native topics."),
    ),
)
OUTLET = Form(
    Outlet,
    (
        Key("id", ID, "Unique among the outlets and duties of the site."),
        Key("number", integer(0, "7"), "The number over the counter."),
        Key("name", TEXT, "Shown to people."),
        Key("service", TEXT, "What is served here."),
        Key("agency", ID, "The agency responsible."),
        Key("floor", FLOOR_NUMBER, "The floor on which it stands."),
        Key("position", ListOf(NUMBER, exactly=2), "Where on the floor plan, in pixels."),
        Key("service_hours", HOURS, "In place of the agency's or the site's."),
        _EXCEPTIONS,
        _RULES,
        Key("sensors", ListOf(SENSOR), "What watches it."),
    ),
    one_line=False,
)
AGENCY = Form(
    Agency,
    (
        Key("id", ID, "The same at every site."),
        Key("name", TEXT, "Shown to people."),
        Key("short", TEXT, "A short name for narrow places."),
        Key("service_hours", HOURS, "In place of the site's."),
        _EXCEPTIONS,
        _RULES,
        Key("contacts", ListOf(CONTACT), "Who is told, at this site."),
    ),
    one_line=False,
)
GATEWAY = Form(
    Gateway,
    (
        Key("id", ID, "Unique among the sensors and gateways of the site."),
        Key("name", TEXT, "Shown to people."),
        Key("thinning", ANY_DURATION, "For those of its sensors whose source names none.", "thinning_ms"),
    ),
)
DUTY = Form(
    Duty,
    (
        Key("id", ID, "Unique among the outlets and duties of the site."),
        Key("outlets", ListOf(ID, at_least=1), "Outlets of one agency."),
        Key("at_least", COUNT, "How many of them must be staffed."),
        _RULES,
    ),
)
ABSENCE = Form(
    Absence,
    (
        Key("outlet", ID, "The outlet that will be empty."),
        Key("from", BEGIN, "When it begins, with offset.", "from_ms"),
        Key("to", END, "When it ends, with offset.", "to_ms"),
        Key("reason", choice(get_args(AbsenceReason)), "Why."),
        Key("note", TEXT, "More about it."),
    ),
)
MAINTENANCE = Form(
    Maintenance,
    (
        Key("sensor", ID, "The sensor whose alerts are muted (or `gateway`, or `outlet`)."),
        Key("gateway", ID, "The gateway whose alerts, and whose sensors' alerts, are muted."),
        Key("outlet", ID, "The outlet all of whose alerts are muted."),
        Key("from", BEGIN, "When it begins, with offset.", "from_ms"),
        Key("to", END, "When it ends, with offset.", "to_ms"),
        Key("reason", TEXT, "Why."),
    ),
)
STEP = Form(
    Step,
    (
        Key("after", ANY_DURATION, "How long after firing.", "after_ms"),
        Key("to", choice(("agency", "facility_manager", "technician")), "Who is told."),
        Key("level", COUNT, "Which level of the agency's contacts."),
        Key("repeat", DURATION, "How often again, until it is acknowledged or over.", "repeat_ms"),
    ),
)
ESCALATION = Form(
    None,
    (
        Key("people", ListOf(STEP), "For vacancy, unattended, late_opening and equipment_down."),
        Key("technical", ListOf(STEP), "For the alerts of sensors and gateways."),
        Key("site", ListOf(STEP), "For site_outage."),
    ),
    one_line=False,
)
FLOOR = Form(
    Floor,
    (Key("floor", FLOOR_NUMBER, "Its number."), Key("plan", TEXT, "Picture of the floor plan.")),
)
SITE = Form(
    Site,
    (
        Key("id", ID, "Unique among all sites; part of every topic."),
        Key("name", TEXT, "Shown to people."),
        Key("timezone", ZONE, "The IANA name; service hours are local to it."),
        Key("country", COUNTRY, "Whose public holidays `PH` means (ISO 3166-1, two letters)."),
        Key("cuti_bersama", TRUTH, "Count the government's collective leave days as PH too."),
        Key("service_hours", HOURS, "When outlets must be staffed: opening_hours, or the name of a template."),
        _EXCEPTIONS,
        Key("homeassistant", TRUTH, "Announce outlets to Home Assistant."),
        Key("floors", ListOf(FLOOR), "The floors and their plans."),
        Key("contacts", ListOf(CONTACT), "Facility managers and technicians."),
    ),
    one_line=False,
)
# Beside `site:` at the top of the file.
TOP = Form(
    Site,
    (
        Key("gateways", ListOf(GATEWAY), "Hosts that run a firmware bridge."),
        Key("agencies", ListOf(AGENCY), "The organisations responsible for outlets."),
        Key("outlets", ListOf(OUTLET), "The counters that must be staffed."),
        Key("duties", ListOf(DUTY), "Sets of outlets of which at least n must be staffed."),
        Key("absences", ListOf(ABSENCE), "Absences declared beforehand."),
        Key("maintenance", ListOf(MAINTENANCE), "Stretches in which alerts are muted."),
        Key("rules", RULES, "When alerts fire, for all that says nothing else."),
        Key("escalation", ESCALATION, "Whom an alert reaches next, by group of kinds."),
    ),
    one_line=False,
)
