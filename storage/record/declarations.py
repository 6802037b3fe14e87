"""Absences and maintenance as people make, list, end and withdraw them, with who did it. Functions on a connection.

What comes from a site file is listed too, but only `hadir site apply` changes it; that never touches what is made here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import replace
from typing import Any, Generic, NamedTuple, TypeVar

import msgspec
from sqlalchemy import Connection, Row, Select, Table, insert, select, update

from presence.declarations import NotAccepted, beginning_now, check_declared
from presence.instants import rfc3339, rfc3339_or_none
from presence.intervals import Span, union
from presence.site import Absence, Maintenance, Origin
from storage.record import audit, tables
from storage.record.refusals import NotNow, NotThere
from storage.record.registry import load_site, raise_version, row_of

Kind = TypeVar("Kind", bound=Absence | Maintenance)


class Declaration(NamedTuple, Generic[Kind]):
    """An absence, or maintenance, of the record. `author`, `made_ms`: None when it comes from a site file.

    `withdrawn_ms`: when it was taken back, before it began; it counts nowhere any more.
    """

    id: int
    what: Kind
    author: str | None
    made_ms: int | None
    withdrawn_ms: int | None

    def as_json(self) -> dict[str, Any]:
        """What it is, under the keys of a site file, and who made it, when."""
        return {
            "id": self.id,
            **_keys(self.what),
            "origin": self.what.origin,
            "author": self.author,
            "made": rfc3339_or_none(self.made_ms),
            "withdrawn": rfc3339_or_none(self.withdrawn_ms),
        }


def declarations(
    connection: Connection, site: str, kind: type[Kind], *, from_ms: int | None = None, to_ms: int | None = None
) -> list[Declaration[Kind]]:
    """The absences, or the maintenance, of a site in order of their beginnings, without what was withdrawn.

    `from_ms`, `to_ms`: those that last at some time within [from, to). Raises NotThere without such a site.
    """
    if connection.execute(select(tables.site.c.id).where(tables.site.c.id == site)).one_or_none() is None:
        raise _no_site(site)
    rows = _table(kind).c
    query = _declarations(kind).where(rows.site == site, rows.withdrawn_ms.is_(None)).order_by(rows.from_ms, rows.id)
    if from_ms is not None:
        query = query.where(rows.to_ms > from_ms)
    if to_ms is not None:
        query = query.where(rows.from_ms < to_ms)
    return [_declaration(row, kind) for row in connection.execute(query)]


def declared_spans(
    connection: Connection, site: str, outlets: Collection[str], from_ms: int, to_ms: int
) -> dict[str, list[Span]]:
    """When each of `outlets` had an absence declared, joined: of those that last at some time within [from, to)."""
    rows = tables.absence.c
    query = select(rows.outlet, rows.from_ms, rows.to_ms).where(
        rows.site == site,
        rows.outlet.in_(outlets),
        rows.withdrawn_ms.is_(None),
        rows.to_ms > from_ms,
        rows.from_ms < to_ms,
    )
    found: dict[str, list[Span]] = defaultdict(list)
    for row in connection.execute(query):
        found[row.outlet].append(Span(row.from_ms, row.to_ms))
    return {outlet: union(spans) for outlet, spans in found.items()}


def declaration(connection: Connection, site: str, kind: type[Kind], number: int) -> Declaration[Kind]:
    """One of them, also when it was withdrawn. Raises NotThere without it."""
    rows = _table(kind).c
    row = connection.execute(_declarations(kind).where(rows.site == site, rows.id == number)).one_or_none()
    if row is None:
        raise NotThere(f'no {_word(kind)} {number} at site "{site}"')
    return _declaration(row, kind)


def declare(connection: Connection, site: str, wanted: Kind, author: str, now_ms: int) -> Declaration[Kind]:
    """Write what somebody declares, with its audit row; all who follow the registry of the site take it up.

    What began up to 5 min ago begins now. Raises NotAccepted for what is wrong with it, NotThere without such a site,
    NotNow when it adds nothing to what is declared already.
    """
    registered = load_site(connection, site, declared_from_ms=None)
    if registered is None:
        raise _no_site(site)
    wanted = replace(beginning_now(wanted, now_ms), origin="person")
    if problems := list(check_declared(registered, wanted, now_ms)):
        raise NotAccepted(problems)
    kind = type(wanted)
    for known in declarations(connection, site, kind, from_ms=wanted.from_ms):
        if known.what.from_ms <= wanted.from_ms and replace(wanted, from_ms=known.what.from_ms) == known.what:
            raise NotNow(f"the same is declared already, as {_word(kind)} {known.id}")
    table = _table(kind)
    row = {"site": site, "origin": wanted.origin, "author": author, "made_ms": now_ms, **row_of(wanted)}
    number = connection.execute(insert(table).values(row).returning(table.c.id)).scalar_one()
    raise_version(connection, site, now_ms)
    made = Declaration(number, wanted, author, now_ms, None)
    _audit(connection, site, "declared", made, author, now_ms)
    return made


def end(
    connection: Connection, site: str, kind: type[Kind], number: int, author: str, now_ms: int
) -> Declaration[Kind]:
    """End now what lasts, or withdraw what has not begun, with an audit row; what has become of it.

    Raises NotThere without it, NotNow when it is over, was withdrawn, or comes from a site file.
    """
    made = declaration(connection, site, kind, number)
    if made.what.origin == "file":
        raise NotNow(f"{_word(kind)} {number} comes from the site file; take it out there, and apply it with --prune")
    if made.withdrawn_ms is not None:
        raise NotNow(f"{_word(kind)} {number} was withdrawn at {rfc3339(made.withdrawn_ms)}")
    if made.what.to_ms <= now_ms:
        raise NotNow(f"{_word(kind)} {number} is over since {rfc3339(made.what.to_ms)}")
    if now_ms <= made.what.from_ms:
        event, made = "withdrawn", made._replace(withdrawn_ms=now_ms)
    else:
        event, made = "ended", made._replace(what=replace(made.what, to_ms=now_ms))
    table = _table(kind)
    connection.execute(
        update(table).where(table.c.id == number).values(withdrawn_ms=made.withdrawn_ms, **row_of(made.what))
    )
    raise_version(connection, site, now_ms)
    _audit(connection, site, event, made, author, now_ms)
    return made


def _table(kind: type[object]) -> Table:
    return tables.absence if kind is Absence else tables.maintenance


def _word(kind: type[object]) -> str:
    return "absence" if kind is Absence else "maintenance"


def _no_site(site: str) -> NotThere:
    return NotThere(f'no site "{site}"')


def _declarations(kind: type[Kind]) -> Select[tuple[Any, ...]]:
    rows = _table(kind).c
    return select(rows.id, rows.origin, rows.body, rows.author, rows.made_ms, rows.withdrawn_ms)


def _declaration(row: Row[tuple[Any, ...]], kind: type[Kind]) -> Declaration[Kind]:
    origin: Origin = row.origin
    what = replace(msgspec.json.decode(row.body, type=kind), origin=origin)
    return Declaration(row.id, what, row.author, row.made_ms, row.withdrawn_ms)


def _audit(connection: Connection, site: str, event: str, made: Declaration[Kind], author: str, now_ms: int) -> None:
    word = _word(type(made.what))
    body = {"event": f"{word}_{event}", "site": site, "id": made.id, **_keys(made.what), "author": author}
    audit.append(connection, now_ms, body)


def _keys(what: Absence | Maintenance) -> dict[str, str | None]:
    span = {"from": rfc3339(what.from_ms), "to": rfc3339(what.to_ms), "reason": what.reason}
    if isinstance(what, Absence):
        return {"outlet": what.outlet, **span, "note": what.note}
    return {"sensor": what.sensor, "gateway": what.gateway, "outlet": what.outlet, **span}
