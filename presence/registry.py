"""One thing of a site at a time: found, written, added, changed, taken out. Pure: a site in, a site out.

A thing is what a site file says of it, so the same keys, kinds of values and rules hold for a page and for a file.
"""

from __future__ import annotations

import dataclasses
import json
import zoneinfo
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from presence import site_form
from presence.errors import BadInput, HadirError
from presence.site import Site
from presence.site_checks import Problem, problems
from presence.site_file import SiteFileErrors, plain, read_thing
from presence.site_form import Form

Things = tuple[Any, ...]
_PARTS = ("sensors", "contacts")  # which are things themselves


class NoSuchThing(HadirError):
    """The site has nothing of that id there."""


class NotAsWanted(HadirError):
    """What is wrong with a thing as somebody wants it. `found`: paths within the thing; "" where it is no key of it."""

    def __init__(self, found: Iterable[Problem]) -> None:
        self.found = list(found)
        super().__init__("; ".join(": ".join(filter(None, (path, says))) for path, says, *_ in self.found))


@dataclass(frozen=True, slots=True, eq=False)
class Kind:
    """A kind of thing, and where a site has them.

    `things`: those of the owner (an outlet's sensors), None when there is no such owner; `put`: the site with others
    in their place; `path`: where they stand in a site file.
    """

    name: str
    plural: str
    form: Form
    things: Callable[[Site, str], Things | None]
    put: Callable[[Site, str, Things], Site]
    path: Callable[[Site, str], str]


class Place(NamedTuple):
    """A thing of the registry, or, without `id`, all those of the owner. `owner`: "" for what the site has itself."""

    kind: Kind
    owner: str = ""
    id: str = ""


class Changed(NamedTuple):
    """The site as it is to be, and where the thing is that was added or changed."""

    site: Site
    place: Place


def _of_site(field: str) -> tuple[Callable[[Site, str], Things], Callable[[Site, str, Things], Site]]:
    def things(site: Site, _owner: str) -> Things:
        found: Things = getattr(site, field)
        return found

    def put(site: Site, _owner: str, wanted: Things) -> Site:
        changes: dict[str, Any] = {field: wanted}
        return dataclasses.replace(site, **changes)

    return things, put


def _of_owner(
    owners: str, field: str
) -> tuple[Callable[[Site, str], Things | None], Callable[[Site, str, Things], Site], Callable[[Site, str], str]]:
    def things(site: Site, owner: str) -> Things | None:
        return next((getattr(one, field) for one in getattr(site, owners) if one.id == owner), None)

    def put(site: Site, owner: str, wanted: Things) -> Site:
        changed: dict[str, Any] = {
            owners: tuple(
                dataclasses.replace(one, **{field: wanted}) if one.id == owner else one for one in getattr(site, owners)
            )
        }
        return dataclasses.replace(site, **changed)

    def path(site: Site, owner: str) -> str:
        index = [one.id for one in getattr(site, owners)].index(owner)
        return f"{owners}[{index}].{field}"

    return things, put, path


OUTLET = Kind("outlet", "outlets", site_form.OUTLET, *_of_site("outlets"), lambda site, owner: "outlets")
AGENCY = Kind("agency", "agencies", site_form.AGENCY, *_of_site("agencies"), lambda site, owner: "agencies")
CONTACT = Kind("contact", "contacts", site_form.CONTACT, *_of_site("contacts"), lambda site, owner: "site.contacts")
AGENCY_CONTACT = Kind("contact", "contacts", site_form.CONTACT, *_of_owner("agencies", "contacts"))
SENSOR = Kind("sensor", "sensors", site_form.SENSOR, *_of_owner("outlets", "sensors"))
DUTY = Kind("duty", "duties", site_form.DUTY, *_of_site("duties"), lambda site, owner: "duties")


def _with_own_keys(site: Site, _owner: str, wanted: Things) -> Site:
    own: dict[str, Any] = {key.field: getattr(wanted[0], key.field) for key in SITE.form.keys}
    return dataclasses.replace(site, **own)


# The site itself, as the one thing of its kind: what it says of itself alone. Its contacts are things of their own.
SITE = Kind(
    "site",
    "sites",
    Form(Site, tuple(key for key in site_form.SITE.keys if key.name != "contacts")),
    lambda site, owner: (site,),
    _with_own_keys,
    lambda site, owner: "site",
)
RULES = Form(None, tuple(key for key in site_form.TOP.keys if key.name in ("rules", "escalation")), one_line=False)


def things(site: Site, place: Place) -> Things:
    """All things of the kind that the owner has. Raises NoSuchThing without such an owner."""
    found = place.kind.things(site, place.owner)
    if found is None:
        raise no_owner(site, place)
    return found


def no_owner(site: Site, place: Place) -> NoSuchThing:
    """What to raise where the owner of `place` is not there, or is not seen."""
    return NoSuchThing(f'nothing with the id "{place.owner}" at site "{site.id}" has {place.kind.plural}')


def thing(site: Site, place: Place) -> Any:
    """The thing at `place`. Raises NoSuchThing."""
    for one in things(site, place):
        if one.id == place.id:
            return one
    raise NoSuchThing(f'no {place.kind.name} "{place.id}" at site "{site.id}"')


def written(site: Site, form: Form, value: object) -> dict[str, Any]:
    """The keys of a thing as in a site file, in values of JSON."""
    text = json.dumps(plain(value, form, zoneinfo.ZoneInfo(site.timezone)), default=str)
    keys: dict[str, Any] = json.loads(text)
    return _with_ids(keys, value) if any(key.name == "id" for key in form.keys) else keys


def _with_ids(keys: dict[str, Any], value: object) -> dict[str, Any]:
    """A site file may leave the ids of contacts out."""
    contacts = getattr(value, "contacts", ())
    if contacts and "contacts" in keys:
        keys["contacts"] = [_with_ids(own, one) for own, one in zip(keys["contacts"], contacts, strict=True)]
    return {"id": getattr(value, "id"), **keys}  # noqa: B009  (any thing that has one)


def new_site(given: Mapping[str, Any]) -> Site:
    """The site that `given` describes, on which nothing stands yet. Raises NotAsWanted."""
    new: Site = _read(SITE, given)
    return _checked(new, Place(SITE, id=new.id), (new,), 0).site


def rules_of(site: Site) -> dict[str, dict[str, Any]]:
    """What a site says of alert kinds (`rules`) and of groups of them (`escalation`), as in a site file."""
    keys = written(site, RULES, {"rules": site.rules, "escalation": site.escalation})
    return {key.name: keys.get(key.name) or {} for key in RULES.keys}


def with_rules(site: Site, given: Mapping[str, Any]) -> Changed:
    """`site` with other rules for the kinds, and ladders for the groups, that `given` names; None takes one away.

    Raises NotAsWanted.
    """
    kept = rules_of(site)
    unknown = {name: value for name, value in given.items() if name not in kept}
    wanted = unknown | {name: _patched(said, given.get(name)) for name, said in kept.items()}
    try:
        read = read_thing(wanted, RULES, "rules")
    except SiteFileErrors as errors:
        raise NotAsWanted([_within(_of(error), "rules") for error in errors.problems]) from None
    target = dataclasses.replace(site, rules=read["rules"], escalation=read["escalation"])
    return Changed(target, Place(SITE, id=site.id))


def _patched(kept: Mapping[str, Any], given: object) -> object:
    if given is None:
        return kept
    if not isinstance(given, Mapping):
        return given
    return {name: value for name, value in {**kept, **given}.items() if value is not None}


def added(site: Site, place: Place, given: Mapping[str, Any]) -> Changed:
    """`site` with one thing more, that `given` describes. Raises NoSuchThing, NotAsWanted."""
    before = things(site, place)
    new = _read(place.kind, given)
    return _checked(site, place._replace(id=new.id), (*before, new), len(before))


def changed(site: Site, place: Place, given: Mapping[str, Any]) -> Changed:
    """`site` with other values of the keys that `given` names; None takes a key away.

    Raises NoSuchThing, NotAsWanted.
    """
    before = things(site, place)
    old = thing(site, place)
    if given.get("id", old.id) != old.id:
        raise NotAsWanted([Problem("id", "stays as it is, for all history hangs on it; change the name instead")])
    if found := [Problem(name, "is changed part by part, each at its own path") for name in _PARTS if name in given]:
        raise NotAsWanted(found)
    # Its parts stay as they are: they may be of a time when other rules held, and are not what is changed here.
    parts = {name: getattr(old, name) for name in _PARTS if hasattr(old, name)}
    kept = {name: value for name, value in written(site, place.kind.form, old).items() if name not in parts}
    new = _read(place.kind, {name: value for name, value in (kept | dict(given)).items() if value is not None})
    new = dataclasses.replace(new, **parts)
    return _checked(site, place, tuple(new if one is old else one for one in before), before.index(old))


def removed(site: Site, place: Place) -> Changed:
    """`site` without the thing; its history stays. Raises NoSuchThing, and NotAsWanted while something needs it."""
    old = thing(site, place)
    left = tuple(one for one in things(site, place) if one is not old)
    target = place.kind.put(site, place.owner, left)
    if place.kind is AGENCY and (having := [outlet.id for outlet in site.outlets if outlet.agency == old.id]):
        what = ", ".join(having)
        says = f"still has the outlets {what}; give them to another agency first"
        raise NotAsWanted([Problem("", says, "has_outlets", what)])
    if place.kind is OUTLET and (having := [duty.id for duty in site.duties if old.id in duty.outlets]):
        what = ", ".join(having)
        raise NotAsWanted([Problem("", f"is still in the duties {what}; take it out of them first", "in_duties", what)])
    return Changed(target, place)


def free_id(wanted: str, taken: Iterable[str]) -> str:
    """`wanted`, or, where it is taken, with the first free number behind it."""
    known = set(taken)
    if wanted not in known:
        return wanted
    n = 2
    while f"{wanted}-{n}" in known:
        n += 1
    return f"{wanted}-{n}"


def _read(kind: Kind, given: Mapping[str, Any]) -> Any:
    try:
        return read_thing(given, kind.form, kind.name)
    except SiteFileErrors as errors:
        raise NotAsWanted([_within(_of(error), kind.name) for error in errors.problems]) from None


def _of(error: BadInput) -> Problem:
    return Problem(error.field or "", error.problem if error.remedy is None else f"{error.problem}; {error.remedy}")


def _checked(site: Site, place: Place, wanted: Things, index: int) -> Changed:
    target = place.kind.put(site, place.owner, wanted)
    path = place.kind.path(target, place.owner)
    here = path if place.kind is SITE else f"{path}[{index}]"
    if found := [_within(problem, here) for problem in problems(target)]:
        raise NotAsWanted(found)
    return Changed(target, place)


def _within(problem: Problem, here: str) -> Problem:
    """The problem with its path within the thing at `here`; one of another thing is told with its whole path."""
    if problem.path == here:
        return problem._replace(path="")
    if problem.path.startswith(f"{here}."):
        return problem._replace(path=problem.path.removeprefix(f"{here}."))
    return problem._replace(path="", says=f"{problem.path}: {problem.says}")
