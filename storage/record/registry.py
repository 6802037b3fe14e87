"""The registry in the record: a site out of its rows, and a wanted site put into them.

A thing is a row: its own values as JSON in `body`, what is as by default left out; what it consists of (an outlet's
sensors, an agency's contacts) are rows of their own.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

import msgspec
from sqlalchemy import ColumnElement, Connection, Row, Table, and_, delete, insert, select, update

from presence.site import Absence, Agency, Contact, Duty, Gateway, Maintenance, Outlet, Sensor, Site, Substitute
from presence.site_changes import Change, begin_of, differences, merged, with_what_stands
from storage.record import audit, tables
from storage.record.hours import put_in_force

T = TypeVar("T")
Declared = TypeVar("Declared", bound=Absence | Maintenance)

# Nothing ended before it.
EVER = 0


def site_ids(connection: Connection) -> list[str]:
    return list(connection.scalars(select(tables.site.c.id).order_by(tables.site.c.id)))


def raise_version(connection: Connection, site_id: str, now_ms: int) -> None:
    """Let all who follow the registry of a site load it anew, of which something else than its own row has changed."""
    version = tables.site.c.version + 1
    connection.execute(
        update(tables.site).where(tables.site.c.id == site_id).values(version=version, changed_ms=now_ms)
    )


def versions(connection: Connection) -> dict[str, int]:
    """The version of each site: raised by every change of anything of it."""
    return {row.id: row.version for row in connection.execute(select(tables.site.c.id, tables.site.c.version))}


def load_site(connection: Connection, site_id: str, *, declared_from_ms: int | None) -> Site | None:
    """The site as it is registered, None when it is not.

    `declared_from_ms`: with the absences and maintenance that last after it, `EVER` for all; None: without any, for who
    reads what stands where alone. They grow with the years: who looks at one day asks `declared_spans` for its.
    Absences and maintenance of what has been removed since are kept in the record, and left out here.
    """
    body = connection.scalar(select(tables.site.c.body).where(tables.site.c.id == site_id))
    if body is None:
        return None

    def rows(table: Table, kind: type[T], owner: str = "site") -> dict[str, tuple[T, ...]]:
        found: dict[str, tuple[T, ...]] = defaultdict(tuple)
        query = select(table.c[owner], table.c.body).where(table.c.site == site_id).order_by(table.c.position)
        for row in connection.execute(query):
            found[row[0]] += (msgspec.json.decode(row.body, type=kind),)
        return found

    contacts = rows(tables.contact, Contact, "agency")
    sensors = rows(tables.sensor, Sensor, "outlet")
    site = dataclasses.replace(
        msgspec.json.decode(body, type=Site),
        contacts=contacts[""],
        gateways=rows(tables.gateway, Gateway)[site_id],
        agencies=tuple(
            dataclasses.replace(agency, contacts=contacts[agency.id]) for agency in rows(tables.agency, Agency)[site_id]
        ),
        outlets=tuple(
            dataclasses.replace(outlet, sensors=sensors[outlet.id]) for outlet in rows(tables.outlet, Outlet)[site_id]
        ),
        duties=rows(tables.duty, Duty)[site_id],
        substitutes=_substitutes(connection, site_id),
    )
    if declared_from_ms is None:
        return site
    return with_what_stands(
        site,
        [value for _, value in _declared(connection, tables.absence, Absence, site_id, declared_from_ms)],
        [value for _, value in _declared(connection, tables.maintenance, Maintenance, site_id, declared_from_ms)],
    )


def _substitutes(connection: Connection, site_id: str) -> tuple[Substitute, ...]:
    """All that were not withdrawn, those that are over too: who was told in one's place is somebody for ever."""
    columns = tables.substitute.c
    rows = connection.execute(
        select(tables.substitute)
        .where(columns.site == site_id, columns.withdrawn_ms.is_(None))
        .order_by(columns.from_ms, columns.id)
    )
    return tuple(substitute_of(row) for row in rows)


def substitute_of(row: Row[Any]) -> Substitute:
    """The value of one row; somebody who is no contact has an id of the row's number, which is no slug."""
    person = None
    if row.to_contact is None:
        person = dataclasses.replace(msgspec.json.decode(row.body, type=Contact), id=f"~{row.id}")
    return Substitute(
        agency=row.agency,
        contact=row.contact,
        from_ms=row.from_ms,
        to_ms=row.to_ms,
        to=row.to_contact if person is None else person.id,
        person=person,
    )


def plan(stored: Site | None, wanted: Site, *, prune: bool) -> list[Change]:
    """What `apply` would do to `stored`. Raises SiteFileErrors when what is kept and what is wanted clash."""
    return differences(stored, merged(stored, wanted, prune=prune))


def apply(connection: Connection, wanted: Site, *, prune: bool, now_ms: int, author: str | None = None) -> list[Change]:
    """Add and change what `wanted` says, with `prune` remove what it does not say; the differences.

    `author`: whose change it is in the audit log; without one it has no row there.

    The site's version rises by one when there are any. Absences and maintenance that people made stay as they are, and
    so does all history: outlets are judged by other hours from `now_ms` on. Raises SiteFileErrors as `plan` does.
    """
    stored = load_site(connection, wanted.id, declared_from_ms=EVER)
    target = merged(stored, wanted, prune=prune)
    changes = differences(stored, target)
    if changes:
        _write_site(connection, target, new=stored is None, now_ms=now_ms)
        _write_things(connection, target)
        put_in_force(connection, stored, target, now_ms)
        _write_declared(connection, tables.absence, Absence, target.id, target.absences)
        _write_declared(connection, tables.maintenance, Maintenance, target.id, target.maintenance)
        if author is not None:
            told = {"event": "registry_changed", "site": target.id, "author": author}
            audit.append(connection, now_ms, told | {"changes": [_told(change) for change in changes]})
    return changes


def _told(change: Change) -> str:
    """A change as the audit log keeps it for ever: of people only that something of theirs has changed."""
    if change.kind != "contact":
        return str(change)
    before, after = change.before or {}, change.after or {}
    keys = [key for key in {**before, **after} if key != "id" and before.get(key) != after.get(key)]
    return f"{'~+-'[('change', 'add', 'remove').index(change.action)]} contact {change.id}: {', '.join(keys)}"


# Values to rows


def _write_site(connection: Connection, site: Site, *, new: bool, now_ms: int) -> None:
    own = dataclasses.replace(
        site, contacts=(), gateways=(), agencies=(), outlets=(), duties=(), absences=(), maintenance=()
    )
    if new:
        connection.execute(insert(tables.site).values(id=site.id, version=1, body=body_of(own), changed_ms=now_ms))
        return
    connection.execute(
        update(tables.site)
        .where(tables.site.c.id == site.id)
        .values(version=tables.site.c.version + 1, body=body_of(own), changed_ms=now_ms)
    )


def _write_things(connection: Connection, site: Site) -> None:
    """Make the rows of `site` those that it has: parents come before their children, and go after them."""
    wanted = _rows(site)
    stored = {table: {_key(table, row): row for row in _stored_rows(connection, table, site.id)} for table in wanted}
    for table, rows in wanted.items():
        for row in rows:
            had = stored[table].pop(_key(table, row), None)
            if had is None:
                connection.execute(insert(table).values(row))
            elif had != row:
                connection.execute(update(table).where(_is_row(table, row)).values(row))
    for table in reversed(wanted):
        for row in stored[table].values():
            connection.execute(delete(table).where(_is_row(table, row)))


def _rows(site: Site) -> dict[Table, list[dict[str, Any]]]:
    def rows(things: Iterable[Any], **owner: str) -> list[dict[str, Any]]:
        return [
            {"site": site.id, "id": thing.id, "position": position, "body": body_of(thing), **owner}
            for position, thing in enumerate(things)
        ]

    agencies = [dataclasses.replace(agency, contacts=()) for agency in site.agencies]
    outlets = [dataclasses.replace(outlet, sensors=()) for outlet in site.outlets]
    return {
        tables.agency: rows(agencies),
        tables.contact: rows(site.contacts, agency="")
        + [row for agency in site.agencies for row in rows(agency.contacts, agency=agency.id)],
        tables.gateway: rows(site.gateways),
        tables.outlet: [{**row, "agency": outlet.agency} for row, outlet in zip(rows(outlets), outlets, strict=True)],
        tables.sensor: [row for outlet in site.outlets for row in rows(outlet.sensors, outlet=outlet.id)],
        tables.duty: rows(site.duties),
    }


def _stored_rows(connection: Connection, table: Table, site_id: str) -> Iterator[dict[str, Any]]:
    for row in connection.execute(select(table).where(table.c.site == site_id)):
        yield dict(row._mapping)


def _key(table: Table, row: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(row[column.name] for column in table.primary_key.columns)


def _is_row(table: Table, row: dict[str, Any]) -> ColumnElement[bool]:
    return and_(*(column == row[column.name] for column in table.primary_key.columns))


def _declared(
    connection: Connection, table: Table, kind: type[Declared], site_id: str, from_ms: int
) -> list[tuple[int, Declared]]:
    """Row id and value of each absence, or maintenance, that was not withdrawn and lasts after `from_ms`."""
    query = (
        select(table.c.id, table.c.origin, table.c.body)
        .where(table.c.site == site_id, table.c.withdrawn_ms.is_(None), table.c.to_ms > from_ms)
        .order_by(table.c.id)
    )
    return [
        (row.id, dataclasses.replace(msgspec.json.decode(row.body, type=kind), origin=row.origin))
        for row in connection.execute(query)
    ]


def _write_declared(
    connection: Connection, table: Table, kind: type[Declared], site_id: str, wanted: Iterable[Declared]
) -> None:
    """Make the rows that come from files those of `wanted`; people's own are not touched."""
    stored = {
        begin_of(value): (row_id, value)
        for row_id, value in _declared(connection, table, kind, site_id, EVER)
        if value.origin == "file"
    }
    for thing in wanted:
        if thing.origin == "person":
            continue
        row = row_of(thing)
        row_id, had = stored.pop(begin_of(thing), (None, None))
        if row_id is None:
            connection.execute(insert(table).values(site=site_id, origin="file", **row))
        elif had != thing:
            connection.execute(update(table).where(table.c.id == row_id).values(row))
    for row_id, _ in stored.values():
        connection.execute(delete(table).where(table.c.id == row_id))


def row_of(declared: Absence | Maintenance) -> dict[str, Any]:
    """The columns of an absence, or of maintenance, that say what it is."""
    row: dict[str, Any] = {"from_ms": declared.from_ms, "to_ms": declared.to_ms, "body": body_of(declared)}
    return row | {"outlet": declared.outlet} if isinstance(declared, Absence) else row


def body_of(thing: object) -> str:
    """A value as JSON, what is as by default left out."""
    return msgspec.json.encode(_sparse(thing)).decode()


def _sparse(value: object) -> object:
    """What JSON can hold of `value`, without what is as by default; equal values give equal text."""
    if isinstance(value, dict):
        return {key: _sparse(entry) for key, entry in value.items()}
    if isinstance(value, tuple | list):
        return [_sparse(entry) for entry in value]
    if not dataclasses.is_dataclass(value):
        return value
    return {
        field.name: _sparse(getattr(value, field.name))
        for field in dataclasses.fields(value)
        if field.compare and getattr(value, field.name) != _default(field)
    }


def _default(field: dataclasses.Field[Any]) -> object:
    return field.default if field.default_factory is dataclasses.MISSING else field.default_factory()
