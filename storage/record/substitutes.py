"""Who stands in for a contact of an agency: named, listed and ended, with who did it. Functions on a connection.

What is over is kept. The audit log keeps of people who are no contacts only that there was one.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, insert, select, update

from presence.declarations import NotAccepted
from presence.instants import rfc3339, rfc3339_or_none
from presence.site import Site, Substitute
from presence.substitutes import beginning_now, check_substitute, overlap
from storage.record import audit
from storage.record.refusals import NotNow, NotThere
from storage.record.registry import body_of, load_site, raise_version, substitute_of
from storage.record.tables import substitute

_columns = substitute.c


class Named(NamedTuple):
    """A substitute of the record. `withdrawn_ms`: when it was taken back, before it began."""

    id: int
    what: Substitute
    author: str
    made_ms: int
    withdrawn_ms: int | None = None

    def as_json(self) -> dict[str, Any]:
        """From when to when messages for whom go to whom, and who said so, when; without channels."""
        person = self.what.person
        return {
            "id": self.id,
            "contact": self.what.contact,
            "from": rfc3339(self.what.from_ms),
            "to": rfc3339(self.what.to_ms),
            "substitute": self.what.to if person is None else None,
            "name": None if person is None else person.name,
            "phone": None if person is None else person.phone,
            "author": self.author,
            "made": rfc3339(self.made_ms),
            "withdrawn": rfc3339_or_none(self.withdrawn_ms),
        }


def substitutes(connection: Connection, site: str, agency: str) -> list[Named]:
    """All that an agency ever had, the newest first."""
    found = select(substitute).where(_columns.site == site, _columns.agency == agency)
    return [_named(row) for row in connection.execute(found.order_by(_columns.from_ms.desc(), _columns.id.desc()))]


def name_substitute(connection: Connection, site: str, wanted: Substitute, author: str, now_ms: int) -> Named:
    """Write who stands in, with its audit row; all who follow the registry of the site take it up.

    What began up to 5 min ago begins now. Raises NotAccepted for what is wrong with it, NotThere without such a site or
    agency, NotNow when the contact has a substitute in that time already.
    """
    registered = load_site(connection, site, declared_from_ms=None)
    if registered is None or all(one.id != wanted.agency for one in registered.agencies):
        raise NotThere(f'no agency "{wanted.agency}" at site "{site}"')
    wanted = beginning_now(wanted, now_ms)
    if problems := list(check_substitute(registered, wanted, now_ms)):
        raise NotAccepted(problems)
    _check_free(registered, wanted)
    row = {
        "site": site,
        "agency": wanted.agency,
        "contact": wanted.contact,
        "to_contact": wanted.to if wanted.person is None else None,
        "from_ms": wanted.from_ms,
        "to_ms": wanted.to_ms,
        "body": None if wanted.person is None else body_of(replace(wanted.person, id="")),
        "author": author,
        "made_ms": now_ms,
    }
    number = connection.execute(insert(substitute).values(row).returning(_columns.id)).scalar_one()
    raise_version(connection, site, now_ms)
    made = _one(connection, site, wanted.agency, number)
    _audit(connection, site, "substitute_named", made, author, now_ms)
    return made


def end_substitute(connection: Connection, site: str, agency: str, number: int, *, author: str, now_ms: int) -> Named:
    """End now what lasts, or withdraw what has not begun, with an audit row; what has become of it.

    Raises NotThere without it, NotNow when it is over or was withdrawn.
    """
    made = _one(connection, site, agency, number)
    if made.withdrawn_ms is not None:
        raise NotNow(f"substitute {number} was withdrawn at {rfc3339(made.withdrawn_ms)}")
    if made.what.to_ms <= now_ms:
        raise NotNow(f"substitute {number} is over since {rfc3339(made.what.to_ms)}")
    if now_ms <= made.what.from_ms:
        event, changed = "substitute_withdrawn", {"withdrawn_ms": now_ms}
    else:
        event, changed = "substitute_ended", {"to_ms": now_ms}
    connection.execute(update(substitute).where(_columns.id == number).values(changed))
    raise_version(connection, site, now_ms)
    made = _one(connection, site, agency, number)
    _audit(connection, site, event, made, author, now_ms)
    return made


def _check_free(site: Site, wanted: Substitute) -> None:
    for one in site.substitutes:
        if (one.agency, one.contact) == (wanted.agency, wanted.contact) and overlap(one, wanted):
            raise NotNow(
                f'contact "{wanted.contact}" has a substitute from {rfc3339(one.from_ms)} to {rfc3339(one.to_ms)} '
                "already; end that first"
            )


def _one(connection: Connection, site: str, agency: str, number: int) -> Named:
    found = select(substitute).where(_columns.site == site, _columns.agency == agency, _columns.id == number)
    row = connection.execute(found).one_or_none()
    if row is None:
        raise NotThere(f'no substitute {number} of agency "{agency}" at site "{site}"')
    return _named(row)


def _named(row: Row[Any]) -> Named:
    return Named(row.id, substitute_of(row), row.author, row.made_ms, row.withdrawn_ms)


def _audit(connection: Connection, site: str, event: str, made: Named, author: str, now_ms: int) -> None:
    kept = ("id", "contact", "from", "to", "substitute")
    said = {key: value for key, value in made.as_json().items() if key in kept}
    audit.append(
        connection, now_ms, {"event": event, "site": site, "agency": made.what.agency, **said, "author": author}
    )
