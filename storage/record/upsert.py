"""INSERT … ON CONFLICT, written once for SQLite and PostgreSQL.

SQLAlchemy has a construct for each. They are rendered alike but for one thing: the compiler for PostgreSQL first asks
for a constraint's name as the target, and SQLite's construct, having no such thing, has no answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

from sqlalchemy import ColumnElement, Table
from sqlalchemy.dialects.sqlite import dml


class _DoNothing(dml.OnConflictDoNothing):
    inherit_cache = True
    constraint_target: str | None = None


class _DoUpdate(dml.OnConflictDoUpdate):
    inherit_cache = True
    constraint_target: str | None = None


class Upsert(dml.Insert):
    """An insert that says what becomes of a row that is there; `excluded` is the one that was to be inserted."""

    inherit_cache = True

    def on_conflict_do_nothing(self) -> Self:  # type: ignore[override]  # no more than is needed
        """The row stays as it is."""
        return self.ext(_DoNothing())

    def on_conflict_do_update(  # type: ignore[override]  # no more than is needed
        self,
        *,
        index_elements: Sequence[str],
        set_: Mapping[str, Any],
        where: ColumnElement[bool] | None = None,
    ) -> Self:
        """The row that is equal in `index_elements`, a unique index, takes the values `set_` where `where` holds."""
        return self.ext(_DoUpdate(index_elements=index_elements, set_=dict(set_), where=where))


def upsert(table: Table) -> Upsert:
    """An insert into `table`; what becomes of rows that are there is for its methods to say."""
    return Upsert(table)
