"""What the API says of the registry: things as JSON, with what not everybody may see left out, and their tags."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from api.access import Sight
from presence.registry import (
    AGENCY,
    AGENCY_CONTACT,
    CONTACT,
    DUTY,
    OUTLET,
    SENSOR,
    SITE,
    Kind,
    NotAsWanted,
    Place,
    rules_of,
    thing,
    things,
    written,
)
from presence.site import Site
from presence.site_checks import Problem
from presence.site_form import GATEWAY

_PASSWORD = re.compile(r"^([^:/@]*:)(?!\{env:[^}]*\}@)[^/]+(?=@)")
_IN_QUERY = re.compile(r"([?&][^=&]+=)(?!\{env:[^}]*\}(?:&|$))[^&]+")
_REFERENCE = re.compile(r"\{env:[^}]*\}")
# Others may have a token anywhere.
_SECRETS_IN_PASSWORD = ("hadir+http", "hadir+https", "mailto")
_HIDDEN = r"\1…"


def of_site(site: Site, version: int, sight: Sight, *, channels: bool = False, phones: bool = False) -> dict[str, Any]:
    """The whole registry as `sight` sees it. `channels`: whether to tell where messages go; `phones`: telephones."""
    return {
        "version": version,
        "site": written(site, SITE.form, site)
        | {"contacts": listed(site, Place(CONTACT), sight, channels=channels, phones=phones)},
        "gateways": [written(site, GATEWAY, one) for one in site.gateways] if sight.agency is None else [],
        "agencies": listed(site, Place(AGENCY), sight, channels=channels, phones=phones),
        "outlets": listed(site, Place(OUTLET), sight, channels=channels, phones=phones),
        "duties": listed(site, Place(DUTY), sight, channels=channels, phones=phones),
        **rules_of(site),
    }


def listed(
    site: Site, place: Place, sight: Sight, *, channels: bool = False, phones: bool = False
) -> list[dict[str, Any]]:
    """All things of a kind that the owner has, as far as they are seen. Raises NoSuchThing without such an owner."""
    return [
        shown(site, place.kind, one, channels=channels, phones=phones)
        for one in things(site, place)
        if sees(sight, site, place._replace(id=one.id))
    ]


def shown(site: Site, kind: Kind, one: object, *, channels: bool = False, phones: bool = False) -> dict[str, Any]:
    """The keys of a thing; passwords of channels are left out, where messages go unless `channels`, and telephones
    unless `phones`.
    """
    keys = written(site, kind.form, one)
    if kind is CONTACT or kind is AGENCY_CONTACT:
        return _contact(keys, channels=channels, phones=phones)
    if kind is AGENCY and "contacts" in keys:
        keys["contacts"] = [_contact(one, channels=channels, phones=phones) for one in keys["contacts"]]
    return keys


def _contact(keys: dict[str, Any], *, channels: bool, phones: bool) -> dict[str, Any]:
    if not phones:
        keys.pop("phone", None)
    if "channel" in keys:
        keys["channel"] = (
            without_password(keys["channel"]) if channels else f"{keys['channel'].partition('://')[0]}://…"
        )
    return keys


def without_password(channel: str) -> str:
    """A channel fit to be read: `{env:NAME}` stays, a password or token that was written out does not."""
    scheme, separator, rest = channel.partition("://")
    if scheme not in _SECRETS_IN_PASSWORD:
        parts = (part if not part or _REFERENCE.fullmatch(part) else "…" for part in rest.split("/"))
        return f"{scheme}{separator}{'/'.join(parts)}"
    return f"{scheme}{separator}{_IN_QUERY.sub(_HIDDEN, _PASSWORD.sub(_HIDDEN, rest))}" if separator else channel


def unmasked(site: Site, place: Place, given: Mapping[str, Any]) -> Mapping[str, Any]:
    """`given` without a channel that is sent back as it was shown: what was hidden in it stays.

    Raises NotAsWanted when only the rest of it was changed, NoSuchThing.
    """
    channel = getattr(thing(site, place), "channel", None)
    if channel is None or given.get("channel") != without_password(channel):
        if "…" in str(given.get("channel")):
            says = "has … where a secret was hidden; write the whole channel anew"
            raise NotAsWanted([Problem("channel", says, "hidden")])
        return given
    return {name: value for name, value in given.items() if name != "channel"}


def sees(sight: Sight, site: Site, place: Place) -> bool:
    """Whether the thing at `place` is seen; agencies see what is theirs, and of the site whom to call."""
    if not sight.sees_site(site):
        return False
    if sight.agency is None or place.kind is CONTACT:
        return True
    if place.kind is OUTLET:
        return sight.sees_outlet(site, place.id)
    if place.kind is SENSOR:
        return sight.sees_outlet(site, place.owner)
    if place.kind is DUTY:
        return sight.sees_subject(site, "duty", place.id)
    return sight.agency == (place.owner if place.kind is AGENCY_CONTACT else place.id)


def tag(said: object) -> str:
    """The ETag of something that an answer says: equal for equal values."""
    text = json.dumps(said, sort_keys=True, ensure_ascii=False)
    return f'"{hashlib.sha256(text.encode()).hexdigest()[:16]}"'


def tag_of_version(version: int) -> str:
    """The ETag of a whole site."""
    return f'"{version}"'


def matches(if_match: str, tags: Iterable[str]) -> bool:
    """Whether an `If-Match` names one of `tags`, or whatever there is (`*`)."""
    named = {one.strip() for one in if_match.split(",")}
    return "*" in named or not named.isdisjoint(tags)


def names_of(kind: Kind, said: Mapping[str, Any] | list[dict[str, Any]]) -> dict[str, Any]:
    """The body of an answer: things under the name of their kind."""
    return {kind.plural if isinstance(said, list) else kind.name: said}
