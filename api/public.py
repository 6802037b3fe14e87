"""What anybody may know of a site now: which services are served, when the others are back. Values in, values out.

Of an outlet nothing is said but its name, number, floor, service and one of seven states: no alert, no reason, no
evidence, no past. Outlets of one duty stand together and have one state, the best among them: where one of them
serves, a citizen is served, and the others are nobody's business.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from api.live import Occupancy
from api.words import LANGUAGES, Lang, Words
from presence.duties import duties
from presence.instants import parse_instant, rfc3339, rfc3339_or_none
from presence.service_hours import ServiceHours, hours_of
from presence.site import Agency, Outlet, Site
from presence.status import Status

State = Literal["serving", "open", "unknown", "back", "absent", "break", "closed"]

# What a citizen would rather find; where somebody may be there (unknown), nobody is said to be absent.
BEST_FIRST: tuple[State, ...] = ("serving", "open", "unknown", "back", "absent", "break", "closed")
STAFFED: tuple[State, ...] = ("serving", "open")
_STATES: dict[Status, State] = {
    "serving": "serving",
    "staffed": "open",
    "unattended": "absent",
    "vacant": "absent",
    "declared": "back",
    "unknown": "unknown",
    "closed": "closed",
}
_DAY_MS = 24 * 3_600_000
_DAYS_AHEAD = 8
_VALUE = ConfigDict(frozen=True)


class Says(BaseModel):
    """The state in words, as it stands on the board."""

    model_config = _VALUE
    id: str = Field(description="In Indonesian.", examples=["Kembali 11.00"])
    en: str = Field(description="In English.", examples=["Back 11:00"])


class PublicOutlet(BaseModel):
    """An outlet, so that it can be found in the building."""

    model_config = _VALUE
    id: str
    name: str
    number: int | None
    floor: int | None


class PublicService(BaseModel):
    """What is served together: the outlets of one duty, and the state of the best of them."""

    model_config = _VALUE
    services: list[str] = Field(description="What can be done here.", examples=[["KTP-el"]])
    outlets: list[PublicOutlet]
    state: State
    until: str | None = Field(description="When somebody is back, or it opens; null where that is not known.")
    says: Says


class PublicAgency(BaseModel):
    """An agency with what it serves in this building; its state is the best of its services."""

    model_config = _VALUE
    id: str
    name: str
    short: str | None
    state: State
    until: str | None
    says: Says
    services: list[PublicService]


class PublicSpan(BaseModel):
    """A stretch of service hours."""

    model_config = _VALUE
    start: str = Field(alias="from")
    end: str = Field(alias="to")


class PublicSite(BaseModel):
    """A building now."""

    model_config = _VALUE
    id: str
    name: str
    timezone: str
    date: str = Field(description="The local date.", examples=["2026-11-24"])
    hours: list[PublicSpan] = Field(description="The building's service hours on this date.")
    opens: str | None = Field(description="When it opens next.")
    connected: bool = Field(description="Whether news comes from the building; without, every state is unknown.")
    agencies: list[PublicAgency]


class PublicAnswer(BaseModel):
    """Open data: what `/public` shows."""

    model_config = _VALUE
    at: str = Field(description="The instant of which it is true.")
    version: Literal[1] = 1
    sites: list[PublicSite]


@dataclass(frozen=True)
class Plan:
    """A site as its public board needs it.

    `agencies`: in the order of their first outlets, each with its outlets, those of one duty together.
    """

    site: Site
    hours: ServiceHours
    outlet_hours: Mapping[str, ServiceHours]
    agencies: Sequence[tuple[Agency, Sequence[Sequence[Outlet]]]]
    words: Mapping[Lang, Words]


class Standing(NamedTuple):
    """A state, and when somebody is back or it opens, as far as that is known."""

    state: State
    until_ms: int | None


def plan(site: Site) -> Plan:
    """The plan of the public board of `site`."""
    named = {agency.id: agency for agency in site.agencies}
    together: dict[str, list[list[Outlet]]] = {}
    for outlets in sorted((sorted(duty.outlets, key=_place) for duty in duties(site)), key=lambda of: _place(of[0])):
        together.setdefault(outlets[0].agency, []).append(outlets)
    return Plan(
        site,
        ServiceHours(site.timezone, site.country, site.cuti_bersama, site.service_hours, site.exceptions),
        {outlet.id: hours_of(site, outlet) for outlet in site.outlets},
        [(named.get(agency, Agency(id=agency, name=agency)), units) for agency, units in together.items()],
        {lang: Words(lang, site.timezone) for lang in LANGUAGES},
    )


def _place(outlet: Outlet) -> tuple[bool, int, bool, int, str]:
    return outlet.floor is None, outlet.floor or 0, outlet.number is None, outlet.number or 0, outlet.name


def standing(occupancy: Occupancy, hours: ServiceHours, words: Words, now_ms: int) -> Standing:
    """What anybody may know of one outlet. `hours`: its own; `words`: in its site's zone."""
    state = _STATES[occupancy.status]
    until_ms = None if occupancy.until is None else parse_instant(occupancy.until)
    if state == "back":
        # An absence may be declared beyond the closing; nobody is back before the outlet opens again.
        late = until_ms is not None and not hours.is_open(until_ms)
        return Standing(state, hours.next_change(until_ms) if late and until_ms is not None else until_ms)
    if state == "closed":
        closed_ms = None if occupancy.since is None else parse_instant(occupancy.since)
        days = {words.day_start_ms(at) for at in (closed_ms, until_ms, now_ms) if at is not None}
        between = closed_ms is not None and until_ms is not None and len(days) == 1
        return Standing("break" if between else "closed", until_ms)
    return Standing(state, None)


def best(standings: Iterable[Standing]) -> Standing:
    """The one that serves a citizen best; among equals the one that is back first."""
    return min(standings, key=lambda one: (BEST_FIRST.index(one.state), one.until_ms or float("inf")))


def in_words(state: State, until_ms: int | None, now_ms: int, words: Words) -> tuple[str, str]:
    """The word of a state, and what stands beside it: `Tutup`, `buka Kamis 08.00`."""
    at = "" if until_ms is None else words.coming(until_ms, now_ms)
    if state == "back":
        return (words("pub.back", at=at) if at else words("pub.absent")), ""
    if state in ("break", "closed"):
        return words("pub.closed"), words(f"pub.closed.{state}", at=at) if at else ""
    return words(f"pub.{state}"), ""


def public_site(plan: Plan, occupancies: Iterable[Occupancy], connected: bool, now_ms: int) -> PublicSite:
    """A site as of `now_ms`. `connected`: whether its collector is heard; `occupancies`: one of each outlet."""
    by_outlet = {one.outlet: one for one in occupancies}
    words = plan.words["id"]
    day_ms = words.day_start_ms(now_ms)
    spans = plan.hours.open_spans(day_ms, day_ms + _DAYS_AHEAD * _DAY_MS)
    agencies = []
    for agency, units in plan.agencies:
        found = [
            best(standing(by_outlet[one.id], plan.outlet_hours[one.id], words, now_ms) for one in outlets)
            for outlets in units
        ]
        agencies.append(_agency(agency, units, found, plan.words, now_ms))
    return PublicSite(
        id=plan.site.id,
        name=plan.site.name,
        timezone=plan.site.timezone,
        date=words.iso(now_ms)[:10],
        hours=[
            PublicSpan.model_validate({"from": rfc3339(span.start_ms), "to": rfc3339(span.end_ms)})
            for span in spans
            if words.day_start_ms(span.start_ms) == day_ms
        ],
        opens=rfc3339_or_none(next((span.start_ms for span in spans if span.start_ms > now_ms), None)),
        connected=connected,
        agencies=agencies,
    )


def _agency(
    agency: Agency,
    units: Sequence[Sequence[Outlet]],
    found: Sequence[Standing],
    words: Mapping[Lang, Words],
    now_ms: int,
) -> PublicAgency:
    whole = best(found)
    return PublicAgency(
        id=agency.id,
        name=agency.name,
        short=agency.short,
        state=whole.state,
        until=rfc3339_or_none(whole.until_ms),
        says=_says(whole, now_ms, words),
        services=[
            PublicService(
                services=list(dict.fromkeys(outlet.service for outlet in outlets if outlet.service)),
                outlets=[PublicOutlet(id=o.id, name=o.name, number=o.number, floor=o.floor) for o in outlets],
                state=one.state,
                until=rfc3339_or_none(one.until_ms),
                says=_says(one, now_ms, words),
            )
            for outlets, one in zip(units, found, strict=True)
        ],
    )


def _says(one: Standing, now_ms: int, words: Mapping[Lang, Words]) -> Says:
    said = {lang: " · ".join(filter(None, in_words(*one, now_ms, spoken))) for lang, spoken in words.items()}
    return Says(id=said["id"], en=said["en"])
