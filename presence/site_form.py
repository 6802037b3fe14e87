"""The form of a site file: one declaration a key, from which reading, writing and the JSON Schema follow.

What is required and what a key defaults to is not said here but by the dataclasses of `presence.site`.
"""

from __future__ import annotations

import dataclasses
import difflib
import ipaddress
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any, get_args
from urllib.parse import urlsplit

from presence.instants import parse_instant
from presence.service_hours import check_country, check_expression, check_timezone
from presence.site import (
    SLUG,
    Absence,
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

# What a file holds where the YAML is read: scalars, lists, mappings. Dates are the only scalars beyond JSON's.
Plain = str | int | float | bool | date | list["Plain"] | dict[str, "Plain"]

ABSENCE_REASONS = (
    "no_officer", "equipment", "system_down", "break", "meeting", "sick", "no_visitors", "sensor_wrong", "other",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Scalar:
    """A value written as one word or text.

    `read` raises ValueError saying what is wrong and what to write. `stand_in`: takes the place of a value that is
    missing or wrong, so that the rest of the file can be checked; it never leaves the parser.
    """

    read: Callable[[str], Any]
    schema: Mapping[str, Any]
    write: Callable[[Any, tzinfo], Plain] = lambda value, zone: value
    stand_in: Any = ""


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


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`did you mean "x"?`, or what there is to choose from."""
    names = list(known)
    if close := difflib.get_close_matches(word, names, n=1):
        return f'did you mean "{close[0]}"?'
    if not names:
        return "there is none yet"
    return f"write one of {', '.join(names)}" if len(names) <= 12 else f"there are {', '.join(names[:10])}, …"


def slug_of(text: str) -> str:
    """An id made from a name: `Kepala dinas` -> `kepala-dinas`; "" when nothing of it is left."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")


# Kinds of values


def _text(text: str) -> str:
    if not text.strip():
        raise ValueError("is empty; write something, or leave the key out")
    return text.strip()


def _slug(text: str) -> str:
    if not SLUG.fullmatch(text):
        hint = f', such as "{suggestion}"' if (suggestion := slug_of(text)) else ""
        raise ValueError(f'"{text}" is no id; write small letters, digits, - and _{hint}')
    return text


def _truth(text: str) -> bool:
    # All the words of YAML 1.1, whatever the reader makes of them.
    if text.lower() in ("true", "yes", "on"):
        return True
    if text.lower() in ("false", "no", "off"):
        return False
    raise ValueError(f'"{text}" is neither true nor false')


def _integer(lowest: int, example: str) -> Scalar:
    def read(text: str) -> int:
        if not re.fullmatch(r"[+-]?\d{1,9}", text) or int(text) < lowest:
            raise ValueError(f'"{text}" is no whole number from {lowest} on; write for example {example}')
        return int(text)

    return Scalar(read, {"type": "integer", "minimum": lowest}, stand_in=lowest)


def _number(text: str) -> float:
    if not re.fullmatch(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?", text):
        raise ValueError(f'"{text}" is no number; write for example 15 or 2.5')
    return float(text)


def _written_number(value: float, zone: tzinfo) -> Plain:
    return int(value) if value == int(value) else value


_UNITS_MS = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1000, "ms": 1}
_LONGEST_MS = 3660 * _UNITS_MS["d"]


def _duration(lowest_ms: int) -> Scalar:
    def read(text: str) -> int:
        found = re.fullmatch(r"(\d+) ?(ms|s|m|h|d)", text)
        if found is None:
            problem = "has no unit" if re.fullmatch(r"\d+(\.\d+)?", text) else "is no duration"
            raise ValueError(f'"{text}" {problem}; write {text + "s" if text == "0" else "10s"}, 2m or 1h')
        value = int(found[1]) * _UNITS_MS[found[2]]
        if value < lowest_ms:
            raise ValueError(f'"{text}" is too short; write 10s, 2m or 1h')
        if value > _LONGEST_MS:
            raise ValueError(f'"{text}" is longer than ten years; write 10s, 2m or 1h')
        return value

    return Scalar(read, {"type": "string", "pattern": r"^\d+ ?(ms|s|m|h|d)$"}, _written_duration, stand_in=lowest_ms)


def _written_duration(value: int, zone: tzinfo) -> str:
    for unit, ms in _UNITS_MS.items():
        if value and value % ms == 0:
            return f"{value // ms}{unit}"
    return "0m"


def _instant(stand_in_ms: int) -> Scalar:
    def read(text: str) -> int:
        if not re.match(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d", text):
            raise ValueError(f'"{text}" is no RFC 3339 time; write "2026-11-24T09:00+07:00"')
        return parse_instant(text)

    return Scalar(read, {"type": "string", "format": "date-time"}, _written_instant, stand_in=stand_in_ms)


def _written_instant(at_ms: int, zone: tzinfo) -> str:
    at = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at_ms)).astimezone(zone)
    return at.isoformat(timespec="milliseconds" if at_ms % 1000 else "seconds" if at_ms % 60_000 else "minutes")


def _date(stand_in: str) -> Scalar:
    def read(text: str) -> str:
        try:
            if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
                return date.fromisoformat(text).isoformat()
        except ValueError as error:
            raise ValueError(f'"{text}" is no date ({error}); write 2027-02-08') from None
        raise ValueError(f'"{text}" is no date; write 2027-02-08')

    schema = {"type": "string", "format": "date"}
    return Scalar(read, schema, lambda value, zone: date.fromisoformat(value), stand_in=stand_in)


def _choice(choices: Iterable[str]) -> Scalar:
    names = list(choices)

    def read(text: str) -> str:
        if text not in names:
            raise ValueError(f'"{text}" is not known here; {did_you_mean(text, names)}')
        return text

    return Scalar(read, {"enum": names}, stand_in=names[0])


def _checked(check: Callable[[str], str | None], **schema: Any) -> Scalar:
    def read(text: str) -> str:
        if problem := check(text):
            raise ValueError(problem)
        return text

    return Scalar(read, {"type": "string", **schema})


_SECRET = re.compile(r"\{env:[A-Za-z_][A-Za-z0-9_]*\}")
_LOOPBACK = "127.0.0.1"


def _channel_problem(text: str) -> str | None:
    plain = _SECRET.sub("secret", text)
    if "{" in plain or "}" in plain:
        return "holds braces that name no variable; write secrets as {env:NAME}"
    scheme, separator, rest = plain.partition("://")
    if not separator or not re.fullmatch(r"[a-z][a-z0-9+.-]*", scheme) or not rest or re.search(r"\s", rest):
        return "is no channel; write a URL, such as mailto://name@host or hadir+https://host/path"
    if scheme not in ("hadir+http", "hadir+https"):
        return None
    try:
        host = urlsplit(plain).hostname
        urlsplit(plain).port  # noqa: B018  (raises for a port that is none)
    except ValueError as error:
        return f"is no URL ({error}); write {scheme}://host/path"
    if not host:
        return f"names no host; write {scheme}://host/path"
    if scheme == "hadir+http" and not _is_loopback(host):
        return f'goes unencrypted to "{host}"; write hadir+https, or name a host on this machine ({_LOOPBACK})'
    return None


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


TEXT = Scalar(_text, {"type": "string", "minLength": 1})
ID = Scalar(_slug, {"type": "string", "pattern": f"^{SLUG.pattern}$"})
TRUTH = Scalar(_truth, {"type": "boolean"}, stand_in=False)
NUMBER = Scalar(_number, {"type": "number"}, _written_number, stand_in=0.0)
COUNT = _integer(1, "1")
FLOOR_NUMBER = _integer(-99, "1")
ANY_DURATION = _duration(0)
DURATION = _duration(1)
BEGIN = _instant(-(2**62))
END = _instant(2**62)
FIRST_DATE = _date("0001-01-01")
LAST_DATE = _date("9999-12-31")
HOURS = _checked(check_expression)
ZONE = _checked(check_timezone)
COUNTRY = _checked(check_country, pattern="^[A-Z]{2}$")
CHANNEL = _checked(_channel_problem, pattern="^[a-z][a-z0-9+.-]*://")

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
        Key("name", TEXT, "Who it is."),
        Key("role", _choice(get_args(Role)), "What the contact is told of."),
        Key("level", COUNT, "The step of the escalation ladder."),
        Key("channel", CHANNEL, "Where messages go: a URL; secrets as {env:NAME}."),
        Key("phone", TEXT, "For people who want to call."),
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
        Key("port", TEXT, "The serial port, or socket://host:port."),
        Key("baud", COUNT, "Bits a second, if not as the driver says."),
        Key("part", TEXT, "Which of several sensors on one port."),
        Key("config", Anything(), "The driver's own settings."),
        Key("thinning", ANY_DURATION, "Reports that say nothing new are sent once in so long.", "thinning_ms"),
        Key("convention", ID, "The payload convention of a device that speaks MQTT by itself."),
        Key("topic", TEXT, "The device's topic."),
        Key("device", TEXT, "The device's id in its convention."),
        Key("profile", ID, "The payload profile of the device's model."),
        Key("presence", TEXT, "The key or object that tells presence."),
    ),
)
SENSOR = Form(
    Sensor,
    (
        Key("id", ID, "Unique among the sensors and gateways of the site."),
        Key("kind", _choice(get_args(SensorKind)), "What its readings say about presence."),
        Key("zone", _choice(get_args(ZoneName)), "The side of the outlet that it watches."),
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
        Key("number", _integer(0, "7"), "The number over the counter."),
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
        Key("reason", _choice(ABSENCE_REASONS), "Why."),
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
    ),
)
STEP = Form(
    Step,
    (
        Key("after", ANY_DURATION, "How long after firing.", "after_ms"),
        Key("to", _choice(("agency", "facility_manager", "technician")), "Who is told."),
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
        Key("timezone", ZONE, "IANA name; service hours are local to it."),
        Key("country", COUNTRY, "Whose public holidays `PH` means (ISO 3166-1, two letters)."),
        Key("cuti_bersama", TRUTH, "Count the government's collective leave days as PH too."),
        Key("service_hours", HOURS, "When outlets must be staffed, in opening_hours syntax."),
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
