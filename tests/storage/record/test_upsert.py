from __future__ import annotations

from sqlalchemy import Connection, func, select

from storage.record.tables import collector_progress
from storage.record.upsert import upsert

ROW = {"site": "mpp", "spool": "s", "spool_id": 1, "until_ms": 5}


def stored(connection: Connection) -> list[tuple[object, ...]]:
    return [tuple(row) for row in connection.execute(select(collector_progress))]


def test_a_row_that_is_there_stays_or_takes_the_new_values(connection: Connection) -> None:
    nothing = upsert(collector_progress).on_conflict_do_nothing()
    update = upsert(collector_progress)
    update = update.on_conflict_do_update(index_elements=["site"], set_={"until_ms": update.excluded.until_ms})
    found = []
    for statement, until_ms in ((nothing, 5), (nothing, 6), (update, 7)):
        connection.execute(statement, {**ROW, "until_ms": until_ms})
        found.append(stored(connection))
    assert found == [[("mpp", "s", 1, 5)], [("mpp", "s", 1, 5)], [("mpp", "s", 1, 7)]]


def test_values_may_be_computed_from_both_rows_and_of_the_table(connection: Connection) -> None:
    row = upsert(collector_progress)
    newest = select(func.max(collector_progress.c.until_ms)).scalar_subquery()
    summed = {"spool_id": collector_progress.c.spool_id + row.excluded.spool_id, "until_ms": newest + 1}
    row = row.on_conflict_do_update(index_elements=["site"], set_=summed)
    connection.execute(row, [ROW, {**ROW, "spool_id": 7}])
    assert stored(connection) == [("mpp", "s", 8, 6)]


def test_what_does_not_fit_the_condition_is_left_and_not_returned(connection: Connection) -> None:
    row = upsert(collector_progress)
    row = row.on_conflict_do_update(
        index_elements=["site"],
        set_={"until_ms": row.excluded.until_ms},
        where=collector_progress.c.until_ms < row.excluded.until_ms,
    ).returning(collector_progress.c.until_ms)
    said = [connection.execute(row, {**ROW, "until_ms": until_ms}).scalar() for until_ms in (5, 9, 8)]
    assert (said, stored(connection)) == ([5, 9, None], [("mpp", "s", 1, 9)])
