"""One change of a site in the record: on what the change is based is looked at in the transaction that makes it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from sqlalchemy import Connection

from presence.registry import Changed, NotAsWanted, Place
from presence.site import Site
from presence.site_checks import Problem
from storage.record.refusals import NotThere
from storage.record.registry import EVER, apply, load_site, versions


class Registered(NamedTuple):
    """A site as the record has it."""

    site: Site
    version: int


def registered(connection: Connection, site_id: str, *, declared_from_ms: int | None = None) -> Registered:
    """The site and its version; without what is declared, unless as `load_site` takes it. Raises NotThere."""
    site = load_site(connection, site_id, declared_from_ms=declared_from_ms)
    if site is None:
        raise NotThere(f'no site "{site_id}"')
    return Registered(site, versions(connection)[site_id])


def make_site(connection: Connection, wanted: Site, author: str, now_ms: int) -> Registered:
    """A site that was not there before. Raises NotAsWanted when there is one of its id."""
    if load_site(connection, wanted.id, declared_from_ms=None) is not None:
        raise NotAsWanted([Problem("id", f'"{wanted.id}" is a site already; write another', "taken", wanted.id)])
    apply(connection, wanted, prune=False, now_ms=now_ms, author=author)
    return registered(connection, wanted.id)


def change(
    connection: Connection,
    site_id: str,
    make: Callable[[Registered], Changed],
    check: Callable[[Site], Sequence[Problem]],
    author: str,
    now_ms: int,
) -> tuple[Registered, Place]:
    """Make of the site what `make` makes of it, as `hadir site apply` would; the site then, and where the thing is.

    `check`: what sources cannot say. Raises NotThere without such a site, NotAsWanted, and whatever `make` raises.
    """
    # What `make` leaves out is taken away: it gets all that there is.
    before = registered(connection, site_id, declared_from_ms=EVER)
    wanted = make(before)
    known = set(check(before.site))
    if found := [problem for problem in check(wanted.site) if problem not in known]:
        raise NotAsWanted(found)
    apply(connection, wanted.site, prune=True, now_ms=now_ms, author=author)
    return registered(connection, site_id), wanted.place
