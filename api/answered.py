"""What the API answers, for its description: a test holds every answer to it, with no key more or less."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from presence.site import AbsenceReason, AlertKind
from presence.status import Status
from storage.record.alert_list import AlertState

# RFC 3339, UTC, as `2026-11-24T03:42:07.250Z`.
Time = Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"})]
Date = Annotated[str, WithJsonSchema({"type": "string", "format": "date"})]
Share = Annotated[float, Field(ge=0, le=1)]
Seconds = Annotated[float, Field(ge=0)]


class Answer(BaseModel):
    """A JSON object with these keys and no others; what may be null, or left out, says so."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class Problem(Answer):
    """RFC 9457: what went wrong, and what to do next. `error`: the same as `detail`, for programs from before."""

    type: str
    title: str
    status: Annotated[int, Field(ge=400, le=599)]
    detail: str
    instance: str
    error: str
    errors: Annotated[dict[str, str], Field(description="Of a 400: what is wrong, by field.")] = {}
    now: Annotated[object, Field(description="Of a 412: what there is now.")] = None
    request: Annotated[str, Field(description="Of a 500 or 503: under which number the log has the cause.")] = ""


class ZoneNow(Answer):
    state: Literal["occupied", "vacant", "unknown"]
    p: Share
    since: Time
    seen: Time | None


class OutletNow(Answer):
    """The occupancy message of an outlet."""

    site: str
    outlet: str
    status: Status
    since: Time | None
    zones: dict[str, ZoneNow]
    until: Time | None
    reason: str | None
    at: Time | None
    version: int


class LiveNow(Answer):
    at: Time
    outlets: list[OutletNow]


class Readiness(Answer):
    """`ok`, or what is wrong in words, of each part."""

    model_config = ConfigDict(extra="allow")
    ready: bool
    broker: str
    record: str
    feeds: str


class Acknowledged(Answer):
    at: Time
    until: Time
    by: str
    reason: AbsenceReason
    note: str | None


class ToldTo(Answer):
    at: Time
    to: str
    agency: str


class AlertOf(Answer):
    """Of an outlet, a duty, a sensor, a gateway, or else of the site as a whole."""

    type: Literal["alert"]
    kind: AlertKind
    outlet: str = ""
    duty: str = ""
    sensor: str = ""
    gateway: str = ""
    site: str
    id: str
    since: Time
    fired: Time
    resolved: Time | None
    reason: str | None
    state: AlertState
    acknowledged: Acknowledged | None
    late: bool
    disproved: Time | None
    told: list[ToldTo]


class Alerts(Answer):
    alerts: list[AlertOf]


class AnsweredAlert(Answer):
    alert: AlertOf


class _Declared(Answer):
    id: int
    outlet: str | None
    from_: Time = Field(alias="from")
    to: Time
    origin: Literal["person", "file"]
    author: str | None
    made: Time | None
    withdrawn: Time | None


class DeclaredAbsence(_Declared):
    reason: AbsenceReason
    note: str | None


class DeclaredMaintenance(_Declared):
    sensor: str | None
    gateway: str | None
    reason: str | None


class Absences(Answer):
    absences: list[DeclaredAbsence]


class OneAbsence(Answer):
    absence: DeclaredAbsence


class SubstituteOf(Answer):
    """`substitute`: a contact of the agency; null: somebody by name."""

    id: int
    contact: str
    from_: Time = Field(alias="from")
    to: Time
    substitute: str | None
    name: str | None
    phone: str | None
    author: str
    made: Time
    withdrawn: Time | None


class Substitutes(Answer):
    substitutes: list[SubstituteOf]


class OneSubstitute(Answer):
    substitute: SubstituteOf


class Works(Answer):
    maintenance: list[DeclaredMaintenance]


class OneMaintenance(Answer):
    maintenance: DeclaredMaintenance


class IntervalOf(Answer):
    zone: str
    state: Literal["occupied", "vacant", "unknown"]
    start: Time
    end: Time | None
    p: Share


class Intervals(Answer):
    site: str
    outlet: str
    from_: Time = Field(alias="from")
    to: Time
    until: Time | None
    intervals: list[IntervalOf]


class Coverage(Answer):
    at_least: Share
    at_most: Share


class _Booked(Answer):
    obliged_s: Seconds
    attended_s: Seconds
    absent_s: Seconds
    declared_s: Seconds
    unknown_s: Seconds
    equipment_down_s: Seconds


class Correction(_Booked):
    opened_at: Time | None
    left_at: Time | None
    at: Time


class DayOf(_Booked):
    type: Literal["ledger"]
    outlet: str
    date: Date
    opened_at: Time | None
    left_at: Time | None
    booked: Time | None
    corrected: list[Correction] = []


class _Sum(_Booked):
    coverage: Coverage | None


class MonthOf(_Sum):
    month: str


class OutletLedger(Answer):
    """`days`, or `months` when they were asked for."""

    site: str
    outlet: str
    from_: Date = Field(alias="from")
    to: Date
    until: Time | None
    days: list[DayOf] = []
    months: list[MonthOf] = []
    sum: _Sum


class SumOf(_Sum):
    """Of an outlet, a duty, an agency, or else of the site; of a date, a month, or else of all that was asked for."""

    site: str
    outlet: str = ""
    duty: str = ""
    agency: str = ""
    date: Date = ""
    month: str = ""


class LedgerSums(Answer):
    from_: Date = Field(alias="from")
    to: Date
    until: dict[str, Time | None]
    sums: list[SumOf]


class Taken(Answer):
    taken: Literal[True]


class Text(Answer):
    id: str
    en: str


class Check(Answer):
    name: str
    result: Literal["passed", "stopped", "not_reached"]
    facts: dict[str, Any]
    text: Text


class WhyKind(Answer):
    model_config = ConfigDict(extra="allow")
    kind: AlertKind
    reason: str
    checks: list[Check]
    text: Text


class WhyNot(Answer):
    site: str
    outlet: str
    at: Time
    timezone: str
    known_until: Time
    kinds: list[WhyKind]
