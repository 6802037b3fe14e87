"""A site as its floor needs it: what the registry says of each tile, what an alert can speak of, when it is open. Pure.

What is shown of it `floor_figures`, `floor_tiles`, `floor_alerts`, `floor_log` and `floor_hours` say: values in, words
out. `static/floor.js` says the same in the browser while the page is open; `tests/api/test_live_page.py` compares them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from api.open_pages import muted
from presence.alerts.subjects import rule_of
from presence.alerts.substitution import answering, names_of
from presence.duties import duties
from presence.hours_history import hours_by, schedule_of
from presence.intervals import Span
from presence.service_hours import ServiceHours
from presence.site import Contact, Outlet, Site
from presence.status import Status

STAFFED: tuple[Status, ...] = ("staffed", "serving")
HOUR_MS = 3_600_000
_DAYS_AHEAD = 8


class Subject(NamedTuple):
    """What an alert can speak of: how it is called, and the outlets that it concerns."""

    label: str
    outlets: tuple[str, ...]


class Fixed(NamedTuple):
    """What the registry says of an outlet for its tile. `vacancy_ms`: how long it may stand empty before an alert, None
    when no alert would come of it alone; `muted`: spans in which none would. `phone`: of its agency, "" for none;
    `href`: its page; `answer`: where its agency answers for it.
    """

    number: str
    agency: str
    service: str
    find: str
    vacancy_ms: int | None
    muted: tuple[Span, ...]
    phone: str
    href: str
    answer: str

    @property
    def tel(self) -> str:
        """What dials the phone, "" for none."""
        return dialled(self.phone)


@dataclass(frozen=True)
class Plan:
    """A site as its floor needs it."""

    site: Site
    outlets: Mapping[str, Fixed]
    floors: Sequence[tuple[int | None, Sequence[Outlet]]]
    subjects: Mapping[str, Subject]
    contacts: Mapping[str, str]
    hours: ServiceHours
    hours_of: Mapping[str, ServiceHours]  # of each outlet
    visitors: bool  # whether any sensor watches for visitors

    def spans(self, from_ms: int) -> list[Span]:
        """When the site is open: eight days from `from_ms` on."""
        return self.hours.open_spans(from_ms, from_ms + _DAYS_AHEAD * 24 * 3_600_000)

    def as_json(self, now_ms: int, *, phones: bool, answers: bool) -> dict[str, Any]:
        """What the page's module needs of it from `now_ms` on.

        `phones`: with what dials the agencies; `answers`: with where alerts are answered. `hours`: the different ones
        of its outlets, of as many days as `spans`.
        """
        until_ms = now_ms + _DAYS_AHEAD * 24 * HOUR_MS
        different = list({id(hours): hours for hours in self.hours_of.values()}.values())
        places = {id(hours): place for place, hours in enumerate(different)}
        return {
            "hours": [hours.open_spans(now_ms, until_ms) for hours in different],
            "hours_until_ms": until_ms,
            "outlets": {
                outlet: {
                    "vacancy_ms": fixed.vacancy_ms,
                    "muted": [span for span in fixed.muted if span.end_ms > now_ms],
                    "hours": places[id(self.hours_of[outlet])],
                    "number": fixed.number,
                    "agency": fixed.agency,
                    "href": fixed.href,
                    "phone": fixed.phone if phones else "",
                    "tel": fixed.tel if phones else "",
                    "answer": fixed.answer if answers else "",
                }
                for outlet, fixed in self.outlets.items()
            },
            "floors": [[outlet.id for outlet in outlets] for _, outlets in self.floors],
            "subjects": {key: subject._asdict() for key, subject in self.subjects.items()},
            "contacts": self.contacts,
            "visitors": self.visitors,
        }


def plan(site: Site, now_ms: int) -> Plan:
    """The floor plan of `site`, with the phones of who answers at `now_ms`."""
    agencies = {agency.id: agency.short or agency.name for agency in site.agencies}
    names = {agency.id: agency.name for agency in site.agencies}
    contacts = {f"{agency}/{contact}": name for (agency, contact), name in names_of(site).items()}
    after, quiet = _vacancy_after(site), muted(site, now_ms)
    phones = {agency.id: _phone(answering(site, agency.id, agency.contacts, now_ms)) for agency in site.agencies}
    fixed = {
        outlet.id: Fixed(
            number=outlet.name if outlet.number is None else str(outlet.number),
            agency=agencies.get(outlet.agency, outlet.agency),
            service=outlet.service or "",
            find=" ".join(
                (outlet.name, agencies.get(outlet.agency, ""), names.get(outlet.agency, ""), outlet.service or "")
            ).casefold(),
            vacancy_ms=after.get(outlet.id),
            muted=tuple(quiet.get(outlet.id, ())),
            phone=phones.get(outlet.agency, ""),
            href=f"/sites/{site.id}/outlets/{outlet.id}",
            answer=f"/agency?site={site.id}&agency={outlet.agency}",
        )
        for outlet in site.outlets
    }
    hours = ServiceHours(site.timezone, site.country, site.cuti_bersama, site.service_hours, site.exceptions)
    visitors = any(sensor.zone == "visitor" for outlet in site.outlets for sensor in outlet.sensors)
    hours_of = {outlet.id: hours_by(schedule_of(site, outlet)) for outlet in site.outlets}
    return Plan(site, fixed, _floors(site), _subjects(site, fixed), contacts, hours, hours_of, visitors)


def _phone(contacts: Iterable[Contact]) -> str:
    """Whom one calls about an empty outlet: the first on the agency's ladder who has a phone."""
    ladder = sorted((one for one in contacts if one.role == "contact"), key=lambda one: one.level)
    return next((one.phone for one in ladder if one.phone is not None and dialled(one.phone)), "")


def dialled(phone: str) -> str:
    """What dials it, "" when it has no digit."""
    digits = re.sub(r"[^0-9+]", "", phone)
    return f"tel:{digits}" if digits else ""


def _vacancy_after(site: Site) -> dict[str, int]:
    # Of a duty of several outlets nobody can say beforehand when its alert would come.
    alone = {duty.outlets[0].id: rule_of(site, duty, "vacancy") for duty in duties(site) if len(duty.outlets) == 1}
    return {outlet: rule.after_ms for outlet, rule in alone.items() if rule is not None}


def _floors(site: Site) -> list[tuple[int | None, list[Outlet]]]:
    """Outlets by floor, lowest first, those without one last; in each by number, then in the order of the registry."""
    floors: dict[int | None, list[Outlet]] = {}
    for outlet in site.outlets:
        floors.setdefault(outlet.floor, []).append(outlet)
    for outlets in floors.values():
        outlets.sort(key=lambda outlet: (outlet.number is None, outlet.number or 0))
    return sorted(floors.items(), key=lambda floor: (floor[0] is None, floor[0] or 0))


def _subjects(site: Site, fixed: Mapping[str, Fixed]) -> dict[str, Subject]:
    names = {outlet.id: outlet.name for outlet in site.outlets}
    subjects = {
        f"outlet/{outlet.id}": Subject(f"{outlet.name} · {fixed[outlet.id].agency}", (outlet.id,))
        for outlet in site.outlets
    }
    for duty in site.duties:
        known = tuple(outlet for outlet in duty.outlets if outlet in fixed)
        if known:
            label = f"{', '.join(names[outlet] for outlet in known)} · {fixed[known[0]].agency}"
            subjects[f"duty/{duty.id}"] = Subject(label, known)
    behind: dict[str, list[str]] = {gateway.id: [] for gateway in site.gateways}
    for outlet in site.outlets:
        for sensor in outlet.sensors:
            subjects[f"sensor/{sensor.id}"] = Subject(f"{sensor.id} · {outlet.name}", (outlet.id,))
            if sensor.source is not None and sensor.source.gateway in behind:
                behind[sensor.source.gateway].append(outlet.id)
    for gateway in site.gateways:
        concerned = tuple(dict.fromkeys(behind[gateway.id]))
        subjects[f"gateway/{gateway.id}"] = Subject(gateway.name or gateway.id, concerned)
    subjects[f"site/{site.id}"] = Subject(site.name, ())
    return subjects
