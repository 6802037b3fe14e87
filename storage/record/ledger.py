"""The booked days of the ledger, what they were before, and how far a site is booked. Functions on a connection.

A row is current until a correction contradicts it; then it keeps its values and gets `superseded_ms`. Every duty is
booked as one: an outlet that is its own duty has two rows a day, so that what counted by duty then is known for ever.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal, NamedTuple

from sqlalchemy import ColumnElement, Connection, Row, bindparam, func, insert, or_, select, update

from presence.ledger import LedgerDay
from presence.ledger_sums import Entry
from storage.record.tables import engine_cursor, ledger_day

SubjectType = Literal["outlet", "duty"]

_rows = ledger_day.c
_supersede = update(ledger_day).where(_rows.id == bindparam("row")).values(superseded_ms=bindparam("superseded_at_ms"))
_first_date = select(func.min(_rows.date)).where(_rows.site == bindparam("of_site"), _rows.superseded_ms.is_(None))


class BookedDay(NamedTuple):
    """A day as it was written at `made_ms`; `superseded_ms`: when a correction took its place, None while it counts."""

    row: int
    entry: Entry
    made_ms: int
    superseded_ms: int | None


class Posting(NamedTuple):
    """What is to be written of one day: `entry` in place of `was`. Without `was`: for the first time."""

    entry: Entry | None
    was: BookedDay | None

    @property
    def day(self) -> LedgerDay:
        """The day concerned, as it is to be, or as it was when nothing of it is left."""
        if self.entry is not None:
            return self.entry.day
        assert self.was is not None, "of nothing, nothing is written"
        return self.was.entry.day


class Booked(NamedTuple):
    """Up to when days are booked (None: none is), and the registry's version that the engine knew then."""

    until_ms: int | None
    registry_version: int


def days(
    connection: Connection,
    site: str,
    first: str,
    last: str,
    *,
    subject_type: SubjectType | None = None,
    subject: str | None = None,
    agency: str | None = None,
    as_of_ms: int | None = None,
) -> list[BookedDay]:
    """The booked days from `first` to `last` (ISO dates, both included), by date; one a subject and date.

    `as_of_ms`: as the books were at that instant.
    """
    chosen: list[ColumnElement[bool]]
    if as_of_ms is None:
        chosen = [_rows.superseded_ms.is_(None)]
    else:
        chosen = [_rows.made_ms <= as_of_ms, or_(_rows.superseded_ms.is_(None), _rows.superseded_ms > as_of_ms)]
    if subject_type is not None:
        chosen.append(_rows.subject_type == subject_type)
    if subject is not None:
        chosen.append(_rows.subject == subject)
    if agency is not None:
        chosen.append(_rows.agency == agency)
    query = select(ledger_day).where(_rows.site == site, _rows.date >= first, _rows.date <= last, *chosen)
    return list(_booked_days(connection.execute(query.order_by(_rows.date, _rows.id))))


def corrected(
    connection: Connection, site: str, first: str, last: str, subject_type: SubjectType, subject: str
) -> list[BookedDay]:
    """What was booked once of the subject's days from `first` to `last` and counts no more, in order."""
    query = select(ledger_day).where(
        _rows.site == site,
        _rows.subject == subject,
        _rows.date >= first,
        _rows.date <= last,
        _rows.subject_type == subject_type,
        _rows.superseded_ms.is_not(None),
    )
    return list(_booked_days(connection.execute(query.order_by(_rows.date, _rows.id))))


def first_date(connection: Connection, site: str) -> str | None:
    """The first date of the site's books; None while they are empty."""
    first: str | None = connection.execute(_first_date, {"of_site": site}).scalar_one()
    return first


def post(connection: Connection, site: str, postings: Sequence[Posting], now_ms: int) -> None:
    """Write days, and mark those in whose place they come as superseded. The transaction is the caller's."""
    superseded = [{"row": posting.was.row, "superseded_at_ms": now_ms} for posting in postings if posting.was]
    new = [_row(site, posting.entry, now_ms) for posting in postings if posting.entry]
    if superseded:
        connection.execute(_supersede, superseded)
    if new:
        connection.execute(insert(ledger_day), new)


def booked(connection: Connection, site: str) -> Booked | None:
    """How far the site is booked; None when no engine ever looked at it."""
    columns = engine_cursor.c
    row = connection.execute(
        select(columns.booked_ms, columns.registry_version).where(columns.site == site)
    ).one_or_none()
    return None if row is None else Booked(row.booked_ms, row.registry_version)


def set_booked(connection: Connection, site: str, until_ms: int) -> None:
    """The days that end by `until_ms` are booked. The engine's cursor must be there."""
    done = connection.execute(update(engine_cursor).where(engine_cursor.c.site == site).values(booked_ms=until_ms))
    assert done.rowcount == 1, "an engine writes its cursor first"


def _booked_days(rows: Iterable[Row[Any]]) -> Iterator[BookedDay]:
    for row in rows:
        day = LedgerDay(
            subject=row.subject_type,
            id=row.subject,
            date=row.date,
            attended_ms=row.attended_ms,
            absent_ms=row.absent_ms,
            declared_ms=row.declared_ms,
            unknown_ms=row.unknown_ms,
            equipment_down_ms=row.equipment_down_ms,
            opened_at_ms=row.opened_at_ms,
            left_at_ms=row.left_at_ms,
        )
        yield BookedDay(row.id, Entry(row.site, row.agency, day), row.made_ms, row.superseded_ms)


def _row(site: str, entry: Entry, now_ms: int) -> dict[str, object]:
    day = entry.day
    return {
        "site": site,
        "subject_type": day.subject,
        "subject": day.id,
        "agency": entry.agency,
        "date": day.date,
        "attended_ms": day.attended_ms,
        "absent_ms": day.absent_ms,
        "declared_ms": day.declared_ms,
        "unknown_ms": day.unknown_ms,
        "equipment_down_ms": day.equipment_down_ms,
        "opened_at_ms": day.opened_at_ms,
        "left_at_ms": day.left_at_ms,
        "made_ms": now_ms,
    }
