"""What the pages of administration share: the site that an address names, and a change of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from starlette.requests import Request

from api.access import ROLES_OF, Rule, sight_of
from api.parts import Parts
from presence.registry import Changed, NoSuchThing, Place
from presence.site import Site
from presence.site_checks import Problem
from storage.record.refusals import NotThere
from storage.record.registry_changes import Registered, change, registered


class Moved(Exception):
    """What is changed is no longer what its form was filled with."""


class Wrong(NamedTuple):
    """Why a form comes back: what was typed, what is wrong with it, and whether somebody else was faster."""

    texts: Mapping[str, str]
    found: tuple[Problem, ...] = ()
    moved: bool = False


def site_named(request: Request) -> Site:
    """The site that the address names. Raises NotThere."""
    parts: Parts = request.app.state.parts
    with parts.record.reading() as connection:
        return _seen(request, registered(connection, request.path_params["site"]))


def change_site(request: Request, make: Callable[[Site], Changed]) -> tuple[Site, Place]:
    """Make of the site that the address names what `make` makes of it. Raises NotThere, NotAsWanted, and as `make`."""
    parts: Parts = request.app.state.parts

    def seen(now: Registered) -> Changed:
        return make(_seen(request, now))

    site, author = request.path_params["site"], request.state.account
    try:
        with parts.record.writing() as connection:
            now, place = change(connection, site, seen, parts.source_problems, author, parts.now())
    except NoSuchThing as error:
        raise NotThere(str(error)) from None
    request.app.state.feed.look_soon()
    return now.site, place


def _seen(request: Request, now: Registered) -> Site:
    if not sight_of(request).sees_site(now.site):
        raise NotThere(f'no site "{now.site.id}"')
    return now.site


def may(request: Request, rule: Rule) -> bool:
    """Whether whoever asks passes `rule`."""
    who = request.state.who
    return who is not None and who.role in ROLES_OF[rule]


def saying(url: str, said: str) -> str:
    """An address whose page says what was done."""
    return f"{url}{'&' if '?' in url else '?'}said={said}"
