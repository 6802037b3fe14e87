"""Lines of half-open stretches, their corrections, and the note of each change. Functions on a connection.

A row is current until a correction contradicts it; then it keeps its values and gets `superseded_ms`. To close the
stretch that is still open is no correction. Current rows of a line are ordered and disjoint.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import BindParameter, Column, Connection, Row, Table, bindparam, func, insert, or_, select, update

from storage.record.tables import interval_change


class Stretch(NamedTuple):
    """`state` from `start_ms` to `end_ms`, None while it lasts; `beside`: further columns, no part of what it is."""

    start_ms: int
    end_ms: int | None
    state: str
    beside: Mapping[str, float] = {}


class Lines:
    """A table with a line for each site, subject and part: for zones outlet and zone, for devices device and kind."""

    def __init__(
        self, table: Table, subject: Column[str], part: Column[str], state: Column[str], *beside: Column[Any]
    ) -> None:
        rows = table.c
        self._names = (subject.name, part.name, state.name)
        self._beside = tuple(column.name for column in beside)
        self._insert = insert(table)
        current = (
            rows.site == bindparam("site"),
            subject == bindparam("subject"),
            part == bindparam("part"),
            rows.superseded_ms.is_(None),
        )
        from_ms: BindParameter[int] = bindparam("from_ms")
        # Of disjoint rows only the last one that begins before an instant can reach it: one step in the index,
        # however long the history is.
        last_before = (
            select(rows.start_ms)
            .where(*current, rows.start_ms < from_ms)
            .order_by(rows.start_ms.desc())
            .limit(1)
            .scalar_subquery()
        )
        self._reaching = (
            select(rows.id, rows.start_ms, rows.end_ms, state.label("state"), *beside)
            .where(
                *current,
                rows.start_ms >= func.coalesce(last_before, from_ms),
                or_(rows.end_ms.is_(None), rows.end_ms >= from_ms),
            )
            .order_by(rows.start_ms)
        )
        self._overlapping = self._reaching.with_only_columns(
            rows.start_ms, rows.end_ms, state.label("state"), *beside
        ).where(rows.start_ms < bindparam("to_ms"), or_(rows.end_ms.is_(None), rows.end_ms > from_ms))
        self._first_start = select(func.min(rows.start_ms)).where(*current)
        is_row = rows.id == bindparam("row")
        self._supersede = update(table).where(is_row).values(superseded_ms=bindparam("superseded_at_ms"))
        self._close = update(table).where(is_row).values(end_ms=bindparam("closed_ms"))

    def revise(
        self,
        connection: Connection,
        site: str,
        subject: str,
        part: str,
        from_ms: int,
        stretches: Sequence[Stretch],
        now_ms: int,
    ) -> int | None:
        """Make `stretches` all that the record says of the line from `from_ms` on; what lies before stays.

        `stretches`: ordered and disjoint; the first may begin before `from_ms` and then speaks from there on. It joins
        the stored one that it touches when both are of one state; one that goes on over `from_ms` otherwise ends
        there. Returns the first instant from which on something is different, and notes it for those who follow by a
        cursor; None, and nothing is written, when all was known. The transaction is the caller's.
        """
        if stretches:
            from_ms = min(from_ms, stretches[0].start_ms)
        asked = {"site": site, "subject": subject, "part": part, "from_ms": from_ms}
        stored = connection.execute(self._reaching, asked).all()
        wanted = list(stretches)
        if stored and stored[0].start_ms < from_ms:
            wanted = _joined(self._stretch(stored[0]), wanted, from_ms)

        known = {row.start_ms: row for row in stored}
        closed, superseded, new, differences = [], [], [], []
        for stretch in wanted:
            row = known.get(stretch.start_ms)
            if row is None or row.state != stretch.state:
                new.append(stretch)
                differences.append(stretch.start_ms)
                continue
            del known[stretch.start_ms]
            if row.end_ms == stretch.end_ms:
                continue
            differences.append(min(end for end in (row.end_ms, stretch.end_ms) if end is not None))
            if row.end_ms is None:
                closed.append({"row": row.id, "closed_ms": stretch.end_ms})
            else:
                superseded.append({"row": row.id, "superseded_at_ms": now_ms})
                new.append(stretch)
        for row in known.values():
            superseded.append({"row": row.id, "superseded_at_ms": now_ms})
            differences.append(row.start_ms)

        if not differences:
            return None
        if superseded:
            connection.execute(self._supersede, superseded)
        if closed:
            connection.execute(self._close, closed)
        if new:
            connection.execute(self._insert, [self._row(site, subject, part, stretch, now_ms) for stretch in new])
        changed_ms = min(differences)
        connection.execute(
            insert(interval_change), {"site": site, "outlet": subject, "zone": part, "from_ms": changed_ms}
        )
        return changed_ms

    def overlapping(
        self, connection: Connection, site: str, subject: str, part: str, from_ms: int, to_ms: int
    ) -> Sequence[Row[Any]]:
        """The rows (`start_ms`, `end_ms`, `state`, …) that overlap [from_ms, to_ms), in order, whole."""
        asked = {"site": site, "subject": subject, "part": part, "from_ms": from_ms, "to_ms": to_ms}
        return connection.execute(self._overlapping, asked).all()

    def first_start(self, connection: Connection, site: str, subject: str, part: str) -> int | None:
        """When the line begins; None when it has nothing."""
        asked = {"site": site, "subject": subject, "part": part}
        first: int | None = connection.execute(self._first_start, asked).scalar_one()
        return first

    def _stretch(self, row: Row[Any]) -> Stretch:
        return Stretch(row.start_ms, row.end_ms, row.state, {name: getattr(row, name) for name in self._beside})

    def _row(self, site: str, subject: str, part: str, stretch: Stretch, now_ms: int) -> dict[str, Any]:
        named = dict(zip(self._names, (subject, part, stretch.state), strict=True))
        instants = {"start_ms": stretch.start_ms, "end_ms": stretch.end_ms, "made_ms": now_ms}
        return {"site": site, **named, **instants, **stretch.beside}


def _joined(reaching: Stretch, stretches: list[Stretch], from_ms: int) -> list[Stretch]:
    """`stretches`, preceded by or joined to the stored one that began before `from_ms` and reaches it."""
    if stretches and stretches[0].start_ms == from_ms and stretches[0].state == reaching.state:
        return [reaching._replace(end_ms=stretches[0].end_ms), *stretches[1:]]
    return [reaching._replace(end_ms=from_ms), *stretches]
