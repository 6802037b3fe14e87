"""The pages on which a site is looked after: lists and forms of its things. Values in, words out.

A form holds texts as they were typed; what they mean, and whether it may be, is said by `presence.registry`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, get_args

from api.access import Sight
from api.hours_words import Syntax, not_understood, syntax_of
from api.registry import sees, without_password
from api.words import Words
from presence.errors import BadInput
from presence.registry import (
    AGENCY,
    AGENCY_CONTACT,
    CONTACT,
    DUTY,
    OUTLET,
    SENSOR,
    Kind,
    Place,
    free_id,
    things,
    written,
)
from presence.seeming import seeming_kind, seeming_zone
from presence.service_hours import fault_of
from presence.site import Agency, Contact, Duty, Outlet, Role, Sensor, SensorKind, Site, ZoneName
from presence.site_checks import Problem
from presence.site_values import slug_of
from storage.record.aside import Waiting
from storage.record.refusals import NotThere

_LONGEST_ID = 48
_HEARD = 4

PARTS = ("outlets", "agencies", "contacts", "duties", "days", "inbox")


class Choice(NamedTuple):
    value: str
    label: str


class Boxes(NamedTuple):
    """Things of which several may be chosen, under what they are of. `chosen`: the values that are."""

    label: str
    choices: list[Choice]
    chosen: list[str]

    @property
    def is_open(self) -> bool:
        """Whether any of them is chosen."""
        return any(one.value in self.chosen for one in self.choices)


class Field(NamedTuple):
    """One field of a form. `choices`: of a list to choose from, none where one types; `mode`: the keyboard of a phone,
    or "date". `boxes`: where several may be chosen; `value` has them in one text.

    `syntax`: how to write it, where that has to be learned. `wrong`: what is wrong with it and what to do; `now`: what
    somebody else wrote there meanwhile.
    """

    name: str
    label: str
    hint: str
    value: str
    required: bool
    choices: tuple[Choice, ...] = ()
    mode: str = "text"
    wrong: Told | None = None
    now: str = ""
    boxes: tuple[Boxes, ...] = ()
    syntax: Syntax | None = None


# The keys of a thing that its form has, those that must be filled in, and the keyboards of a few.
_FIELDS: dict[str, tuple[str, ...]] = {
    "outlet": ("name", "number", "floor", "agency", "service", "service_hours"),
    "agency": ("name", "short", "service_hours"),
    "contact": ("name", "role", "level", "phone", "channel"),
    "sensor": ("id", "zone", "kind", "heartbeat", "stale_after"),
    "duty": ("id", "outlets", "at_least"),
}
_REQUIRED = {
    "outlet": ("name", "agency"),
    "agency": ("name",),
    "contact": ("name",),
    "sensor": ("id",),
    "duty": ("id", "at_least"),
}
_MODES = {"number": "numeric", "level": "numeric", "phone": "tel", "channel": "url", "at_least": "numeric"}
_WHOLE_NUMBERS = ("number", "floor", "level")
_BOX = "outlet."


def typed(kind: Kind, form: Mapping[str, str]) -> dict[str, str]:
    """What somebody filled in of the form of a kind."""
    texts = {name: form.get(name, "").strip() for name in _FIELDS[kind.name]}
    if kind is DUTY:
        texts["outlets"] = " ".join(name.removeprefix(_BOX) for name in form if name.startswith(_BOX))
    return texts


def of_thing(site: Site, kind: Kind, one: object) -> dict[str, str]:
    """The form as it stands when somebody opens it: what is as by default is chosen where there is a choice."""
    keys = written(site, kind.form, one)
    texts = {name: str(keys[name]) if name in keys else "" for name in _FIELDS[kind.name]}
    if isinstance(one, Contact):
        texts["role"], texts["level"] = one.role, str(one.level)
        texts["channel"] = without_password(one.channel or "")
    if isinstance(one, Duty):
        texts["outlets"], texts["at_least"] = " ".join(one.outlets), str(one.at_least)
    return texts


def blank(site: Site, kind: Kind) -> dict[str, str]:
    """The form of a thing that is not there yet."""
    only = site.agencies[0].id if len(site.agencies) == 1 else ""
    start = {"agency": only, "role": "contact", "level": "1", "zone": "staff", "kind": "direct", "at_least": "1"}
    return {name: start.get(name, "") for name in _FIELDS[kind.name]}


def wanted(site: Site, place: Place, texts: Mapping[str, str]) -> dict[str, Any]:
    """What a filled-in form says of a thing, for `presence.registry`; a new one gets an id that is free."""
    keys: dict[str, Any] = {name: text or None for name, text in texts.items()}
    if place.kind is DUTY:
        keys["outlets"] = texts["outlets"].split()
    if place.id:
        keys.pop("id", None)
    elif place.kind is DUTY:
        keys["id"] = slug_of(texts["id"]) or keys["id"]
    elif place.kind is not SENSOR:
        keys["id"] = new_id(site, place, texts)
        keys = {name: text for name, text in keys.items() if text is not None}
    return keys


def new_id(site: Site, place: Place, texts: Mapping[str, str]) -> str:
    """An id that nothing of its kind has yet, made of what people call the thing."""
    name = texts["name"]
    if place.kind is OUTLET:
        taken = [*(one.id for one in site.outlets), *(one.id for one in site.duties)]
        first = f"{texts['agency']}-{texts['number']}" if texts["agency"] and texts["number"] else name
    elif place.kind is AGENCY:
        taken, first = [one.id for one in site.agencies], texts["short"] or name
    else:
        own = {one.id for one in site.agencies} if place.kind is CONTACT else {place.owner}
        beside = [one.id for agency in site.agencies if agency.id in own for one in agency.contacts]
        taken, first = [*(one.id for one in site.contacts), *beside], name
    return free_id(slug_of(first)[:_LONGEST_ID].strip("-") or place.kind.name, taken)


def fields(
    site: Site,
    place: Place,
    texts: Mapping[str, str],
    words: Words,
    wrong: Sequence[Problem] = (),
    now: Mapping[str, str] | None = None,
) -> list[Field]:
    """The fields of a form. `now`: what is there meanwhile, where somebody else was faster."""
    kind, told = place.kind.name, {problem.path: problem for problem in wrong}
    return [
        Field(
            name=name,
            label=words(f"admin.{kind}.{name}"),
            hint=words.get(f"admin.{kind}.{name}.hint", ""),
            value=texts[name],
            required=name in _REQUIRED[kind],
            choices=_choices(site, place, name, texts[name], words),
            mode=_MODES.get(name, "text"),
            wrong=wrong_at(name, texts[name], told[name], words) if name in told else None,
            now=moved_to(texts[name], now[name], words) if now is not None else "",
            boxes=_boxes(site, texts[name].split()) if name == "outlets" else (),
            syntax=syntax_of(name, words),
        )
        for name in _FIELDS[kind]
        if not (name == "id" and place.id)
    ]


def moved_to(text: str, now: str, words: Words) -> str:
    """What stands in a field meanwhile; "" where it is what was typed."""
    return "" if text == now else words("admin.moved.now", value=now or words("admin.nothing"))


def _choices(site: Site, place: Place, name: str, chosen: str, words: Words) -> tuple[Choice, ...]:
    if name == "agency":
        nothing = () if chosen else (Choice("", words("admin.choose")),)
        return (*nothing, *(Choice(one.id, one.name) for one in site.agencies))
    if name == "role":
        return tuple(Choice(role, words(f"admin.role.{role}")) for role in get_args(Role))
    if name == "zone":
        return tuple(Choice(zone, words(f"admin.zone.{zone}")) for zone in get_args(ZoneName))
    if name == "kind" and place.kind is SENSOR:
        return tuple(Choice(kind, words(f"admin.kind.{kind}")) for kind in get_args(SensorKind))
    return ()


def _boxes(site: Site, chosen: list[str]) -> tuple[Boxes, ...]:
    """The outlets of each agency that has any."""
    outlets = sorted(site.outlets, key=_in_the_building)
    return tuple(
        Boxes(agency.name, own, chosen)
        for agency in site.agencies
        if (own := [Choice(one.id, _called(one)) for one in outlets if one.agency == agency.id])
    )


def _called(outlet: Outlet) -> str:
    return outlet.name if outlet.number is None else f"{outlet.number} · {outlet.name}"


class Told(NamedTuple):
    """What is wrong, in the reader's language; what the checks say, which is English, where they alone know it."""

    text: str
    english: str = ""


def wrong_at(name: str, text: str, problem: Problem, words: Words) -> Told:
    """What is wrong with the field of this name, in which `text` stands."""
    if not text and name != "outlets":
        return Told(words("admin.wrong.empty"))
    if problem.key:
        return _refused(problem, words)
    if name == "service_hours" and (fault := fault_of(text)):
        return Told(not_understood(fault, words))
    key = "admin.wrong.number" if name in _WHOLE_NUMBERS else f"admin.wrong.{name}"
    return Told(words(key)) if key in words else Told("", problem.says)


def _refused(problem: Problem, words: Words) -> Told:
    key = f"admin.refused.{problem.key}"
    return Told(words(key, what=problem.what)) if key in words else Told("", problem.says)


def elsewhere(wrong: Iterable[Problem], shown: Iterable[Field], words: Words) -> list[Told]:
    """What is wrong and is no field of the form."""
    names = {field.name for field in shown}
    return [_refused(one, words) for one in wrong if one.path not in names]


def claim_refused(error: NotThere | BadInput, words: Words) -> Told:
    """Why a device was not claimed."""
    key = f"admin.claim.{error.key}"
    if error.key and key in words:
        return Told(words(key))
    return Told("", str(error) if isinstance(error, NotThere) else error.problem)


# Lists


class OutletRow(NamedTuple):
    id: str
    number: str
    name: str
    service: str
    agency: str
    floor: str
    hours: str
    sensors: int


class PersonRow(NamedTuple):
    """A contact in a list. `agency`: its id, "" for the site's own; `reached`: how."""

    id: str
    agency: str
    of: str
    name: str
    role: str
    level: str
    reached: str


class AgencyRow(NamedTuple):
    id: str
    name: str
    short: str
    hours: str
    outlets: int
    contacts: int


class DutyRow(NamedTuple):
    """`staffed`: how many of how many outlets."""

    id: str
    agency: str
    outlets: str
    staffed: str


class SensorRow(NamedTuple):
    id: str
    zone: str
    kind: str
    source: str


class InboxRow(NamedTuple):
    """A device that nobody claimed. `presences`: the names of what speaks of presence, to choose from where several.

    `kind` and `zone`: what it may be, and where it may stand; people decide.
    """

    site: str
    convention: str
    device: str
    seems: str
    heard: str
    age: str
    messages: str
    presences: tuple[str, ...]
    kind: SensorKind
    zone: ZoneName


def outlet_rows(site: Site, words: Words) -> list[OutletRow]:
    """By floor and number, as they are met in the building."""
    agencies = {one.id: one for one in site.agencies}
    return [
        OutletRow(
            one.id,
            "" if one.number is None else str(one.number),
            one.name,
            one.service or "",
            _short(agencies.get(one.agency), one.agency),
            "" if one.floor is None else words("floor", n=one.floor),
            _hours(one, agencies.get(one.agency), words),
            len(one.sensors),
        )
        for one in sorted(site.outlets, key=_in_the_building)
    ]


def _in_the_building(outlet: Outlet) -> tuple[bool, int, bool, int]:
    return outlet.floor is None, outlet.floor or 0, outlet.number is None, outlet.number or 0


def _short(agency: Agency | None, otherwise: str) -> str:
    return otherwise if agency is None else agency.short or agency.name


def _hours(outlet: Outlet, agency: Agency | None, words: Words) -> str:
    if outlet.service_hours is not None:
        return outlet.service_hours
    return words("admin.hours.agency" if agency is not None and agency.service_hours else "admin.hours.site")


def agency_rows(site: Site, words: Words) -> list[AgencyRow]:
    """In the order of the registry."""
    return [
        AgencyRow(
            one.id,
            one.name,
            one.short or "",
            one.service_hours or words("admin.hours.site"),
            sum(outlet.agency == one.id for outlet in site.outlets),
            len(one.contacts),
        )
        for one in site.agencies
    ]


def person_rows(site: Site, words: Words, *, phones: bool) -> list[PersonRow]:
    """The site's own first, then those of each agency. `phones`: whether telephones are shown."""
    return [_person(one, "", words("admin.of_site"), words, phones) for one in site.contacts] + [
        _person(one, agency.id, _short(agency, agency.id), words, phones)
        for agency in site.agencies
        for one in agency.contacts
    ]


def people_of(site: Site, agency: str, words: Words, *, phones: bool) -> list[PersonRow]:
    """The contacts of one agency."""
    return [row for row in person_rows(site, words, phones=phones) if row.agency == agency]


def _person(one: Contact, agency: str, of: str, words: Words, phones: bool) -> PersonRow:
    scheme = (one.channel or "").partition("://")[0]
    phone = one.phone if phones or not one.phone else words("admin.phone.hidden")
    reached = " · ".join(filter(None, (phone, scheme))) or words("admin.not_reached")
    return PersonRow(one.id, agency, of, one.name, words(f"admin.role.{one.role}"), words.number(one.level), reached)


def duty_rows(site: Site, words: Words) -> list[DutyRow]:
    """In the order of the registry."""
    outlets = {one.id: one for one in site.outlets}
    agencies = {one.id: one for one in site.agencies}
    return [
        DutyRow(
            one.id,
            _short(agencies.get(outlets[one.outlets[0]].agency), ""),
            words.listed([outlets[outlet].name for outlet in one.outlets]),
            words("admin.duty.staffed", n=one.at_least, of=len(one.outlets)),
        )
        for one in site.duties
    ]


def sensor_rows(outlet: Outlet, words: Words) -> list[SensorRow]:
    return [
        SensorRow(one.id, words(f"admin.zone.{one.zone}"), words(f"admin.kind.{one.kind}"), _source(one, words))
        for one in outlet.sensors
    ]


def _source(sensor: Sensor, words: Words) -> str:
    source = sensor.source
    if source is None:
        return words("admin.source.native")
    if source.gateway is not None:
        return f"{source.gateway} · {source.port or ''}"
    return " · ".join(filter(None, (source.convention, source.device or source.topic)))


def inbox_rows(waiting: Sequence[Waiting], site: Site, now_ms: int, words: Words) -> list[InboxRow]:
    """Those that may be of this site, the one heard last first."""
    return [
        InboxRow(
            one.site,
            one.convention,
            one.device,
            one.seems or "",
            ", ".join(_heard(name, value, one, words) for name, value in list(one.values.items())[:_HEARD]),
            words("admin.inbox.age", age=words.span(now_ms - one.last_ms)),
            words("admin.inbox.messages", n=one.messages),
            tuple(one.presences),
            seeming_kind(one.device, one.seems, one.values),
            seeming_zone(one.device, one.seems),
        )
        for one in waiting
        if one.site in ("", site.id)
    ]


def _heard(name: str, value: float | None, one: Waiting, words: Words) -> str:
    if value is None:
        return f"{name}: {words('state.unknown')}"
    if name in one.presences:
        return f"{name}: {words('admin.inbox.present' if value else 'admin.inbox.absent')}"
    return f"{name}: {words.measured(value)}"


def is_found(q: str, text: str) -> bool:
    """Whether every word that somebody looks for is in `text`."""
    there = text.casefold()
    return all(word in there for word in q.casefold().split())


def counts(site: Site, waiting: Sequence[Waiting]) -> dict[str, int]:
    """How many each part of the page has."""
    return {
        "outlets": len(site.outlets),
        "agencies": len(site.agencies),
        "contacts": len(site.contacts) + sum(len(agency.contacts) for agency in site.agencies),
        "duties": len(site.duties),
        "days": len(site.exceptions)
        + sum(len(one.exceptions) for one in site.agencies)
        + sum(len(one.exceptions) for one in site.outlets),
        "inbox": sum(one.site in ("", site.id) for one in waiting),
    }


def removal(site: Site, place: Place, words: Words) -> str:
    """What becomes of what hangs on a thing, with figures, before it is taken out."""
    if place.kind is OUTLET:
        outlet = next(one for one in site.outlets if one.id == place.id)
        return words("admin.remove.outlet", n=len(outlet.sensors))
    if place.kind is AGENCY:
        return words("admin.remove.agency", n=len(things(site, Place(AGENCY_CONTACT, place.id))))
    return words(f"admin.remove.{place.kind.name}")


def sites_seen(sites: Iterable[Site], sight: Sight) -> list[Site]:
    return [site for site in sites if sees(sight, site, Place(CONTACT))]
