"""A site and all that belongs to it: frozen values with their defaults. The words are those of docs/ARCHITECTURE.md.

Durations are milliseconds and say so. The YAML form, with lines and remedies, is `presence.site_file`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Literal

SLUG = re.compile(r"[a-z0-9][a-z0-9_-]*")

ZoneName = Literal["staff", "visitor", "equipment"]
SensorKind = Literal["direct", "mmwave", "pir", "distance", "contact", "thermal", "ambient"]
AlertKind = Literal[
    "vacancy", "unattended", "late_opening", "equipment_down",
    "sensor_silent", "sensor_stuck", "gateway_offline", "low_battery", "site_outage",
]  # fmt: skip
Group = Literal["people", "technical", "site"]
Role = Literal["contact", "facility_manager", "technician", "technical"]
Origin = Literal["file", "person"]
AbsenceReason = Literal[
    "no_officer", "equipment", "system_down", "break", "meeting", "sick", "no_visitors", "sensor_wrong", "other",
]  # fmt: skip

DEFAULT_STALE_AFTER_MS = 90_000
HEARTBEATS_UNTIL_STALE = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class DatedHours:
    """Whole local dates, `first` and `last` (ISO, both included), on which `service_hours` alone decides."""

    first: str
    last: str
    service_hours: str
    reason: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Contact:
    """Somebody who is told. `channel`: a URL; secrets in it stand as `{env:NAME}`. `level`: step of the ladder."""

    id: str
    name: str
    role: Role = "contact"
    level: int = 1
    channel: str | None = None
    phone: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """What one level (site, agency, duty, outlet) says of one alert kind; None = as the level above."""

    off: bool = False
    after_ms: int | None = None
    min_presence_ms: int | None = None
    unknown_after_ms: int | None = None
    unchanged_ms: int | None = None
    flaps_per_hour: int | None = None
    at_most: float | None = None


Rules = dict[AlertKind, Rule]


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """Where a sensor's readings come from; without one: native topics.

    A bridge's port (`gateway`, `driver`, `port`, `baud`) or a convention (`convention`, `topic`, `device`, `profile`,
    `presence`: the key or object that speaks of presence), each with `part`, where one device is several sensors, and
    `config`. `thinning_ms`: of reports that say nothing new about presence the bridge sends one
    in so long; None = all of them.
    """

    gateway: str | None = None
    driver: str | None = None
    port: str | None = None
    baud: int | None = None
    part: str | None = None
    config: dict[str, Any] | None = None
    thinning_ms: int | None = None
    convention: str | None = None
    topic: str | None = None
    device: str | None = None
    profile: str | None = None
    presence: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Sensor:
    """One presence-sensing device at one zone of one outlet."""

    id: str
    kind: SensorKind
    zone: ZoneName
    heartbeat_ms: int | None = None
    stale_after_given_ms: int | None = None
    source: Source | None = None

    @property
    def stale_after_ms(self) -> int:
        """How long one report keeps the sensor fresh: as given, else three heartbeats, else 90 s."""
        if self.stale_after_given_ms is not None:
            return self.stale_after_given_ms
        if self.heartbeat_ms is not None:
            return HEARTBEATS_UNTIL_STALE * self.heartbeat_ms
        return DEFAULT_STALE_AFTER_MS


@dataclass(frozen=True, kw_only=True, slots=True)
class Outlet:
    """A counter that must be staffed. `position`: on the floor plan, pixels."""

    id: str
    name: str
    agency: str
    number: int | None = None
    service: str | None = None
    floor: int | None = None
    position: tuple[float, float] | None = None
    service_hours: str | None = None
    exceptions: tuple[DatedHours, ...] = ()
    rules: Rules = field(default_factory=dict)
    sensors: tuple[Sensor, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Agency:
    """An organisation responsible for outlets; `contacts` are those at this site."""

    id: str
    name: str
    short: str | None = None
    service_hours: str | None = None
    exceptions: tuple[DatedHours, ...] = ()
    rules: Rules = field(default_factory=dict)
    contacts: tuple[Contact, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Duty:
    """A set of outlets of one agency of which at least `at_least` must be staffed."""

    id: str
    outlets: tuple[str, ...]
    at_least: int = 1
    rules: Rules = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Gateway:
    """A host that runs a firmware bridge. `thinning_ms`: for those of its sensors whose source names none."""

    id: str
    name: str | None = None
    thinning_ms: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Floor:
    floor: int
    plan: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Absence:
    """A declared absence of an outlet, [from_ms, to_ms). `origin`: who declared it, no part of what it is."""

    outlet: str
    from_ms: int
    to_ms: int
    reason: str
    note: str | None = None
    origin: Origin = field(default="file", compare=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Maintenance:
    """[from_ms, to_ms) in which the alerts of a sensor, a gateway or an outlet (exactly one of them) are muted.

    `reason`: in words.
    """

    from_ms: int
    to_ms: int
    sensor: str | None = None
    gateway: str | None = None
    outlet: str | None = None
    reason: str | None = None
    origin: Origin = field(default="file", compare=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Substitute:
    """[from_ms, to_ms) in which the messages for a `contact` of an agency go to `to`: another contact of it.

    Or to `person`, who is none of its contacts and has `to` as his id, which is no slug: he is nobody's contact later.
    """

    agency: str
    contact: str
    from_ms: int
    to_ms: int
    to: str
    person: Contact | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One step of the ladder: `after_ms` after firing, to whom, and how often again."""

    after_ms: int
    to: Literal["agency", "facility_manager", "technician"]
    level: int | None = None
    repeat_ms: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Site:
    """One building and everything in it. `timezone`: IANA; `country`: ISO 3166-1 alpha-2, whose holidays `PH` means."""

    id: str
    name: str
    timezone: str
    country: str
    service_hours: str
    cuti_bersama: bool = False
    homeassistant: bool = False
    exceptions: tuple[DatedHours, ...] = ()
    floors: tuple[Floor, ...] = ()
    contacts: tuple[Contact, ...] = ()
    gateways: tuple[Gateway, ...] = ()
    agencies: tuple[Agency, ...] = ()
    outlets: tuple[Outlet, ...] = ()
    duties: tuple[Duty, ...] = ()
    absences: tuple[Absence, ...] = ()
    maintenance: tuple[Maintenance, ...] = ()
    # What people say on a page alone: no part of what is registered, as a site file has it.
    substitutes: tuple[Substitute, ...] = field(default=(), compare=False)
    rules: Rules = field(default_factory=dict)
    escalation: dict[Group, tuple[Step, ...]] = field(default_factory=dict)
