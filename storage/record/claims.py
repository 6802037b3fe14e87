"""A device of the inbox made a sensor of an outlet, in one transaction with its leaving the inbox."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from sqlalchemy import Connection

from presence.site import SensorKind, Site, ZoneName
from storage.record.aside import Waiting, forget_unclaimed, inbox
from storage.record.refusals import NotThere
from storage.record.registry import apply, load_site, site_ids


class Standing(NamedTuple):
    """Where a device stands and what it is there. `presence`: which of what it tells is presence; None: it is one."""

    outlet: str
    zone: ZoneName
    kind: SensorKind
    presence: str | None = None


# All sites, the one to change, the device, and what it is to be there.
Claim = Callable[[Sequence[Site], Site, Waiting, Standing], Site]


def waiting_device(connection: Connection, site: str | None, convention: str, device: str) -> Waiting:
    """A device of the inbox by its key; `site`: "" where its topics name none, None: of none. Raises NotThere."""
    for one in inbox(connection):
        if (one.site, one.convention, one.device) == (site, convention, device):
            return one
    raise NotThere(f'no device "{device}" of {convention} waits in the inbox; it may be claimed already', "claimed")


def claim(
    connection: Connection,
    waiting: Waiting,
    site_id: str,
    there: Standing,
    make: Claim,
    author: str,
    now_ms: int,
) -> Site:
    """The site with the device as a sensor of the outlet. Raises NotThere without such a site, and as `make` does."""
    sites = [
        site
        for name in site_ids(connection)
        if (site := load_site(connection, name, declared_from_ms=None)) is not None
    ]
    stored = next((site for site in sites if site.id == site_id), None)
    if stored is None or waiting.site not in ("", site_id):
        raise NotThere(f'no site "{site_id}"' if stored is None else f"the device is one of site {waiting.site}")
    target = make(sites, stored, waiting, there)
    apply(connection, target, prune=False, now_ms=now_ms, author=author)
    forget_unclaimed(connection, waiting.site, waiting.convention, waiting.device)
    return target
