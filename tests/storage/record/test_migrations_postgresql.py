"""The steps of the schema on PostgreSQL, against what they must add up to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import insert, inspect, text

from presence.errors import BadInput
from storage.record import NEWEST_REVISION, Record
from storage.record.postgresql import PostgresqlDatabase, open_url, parse_address
from storage.record.revision import revision_of
from storage.record.tables import agency, metadata, site
from tests.fixtures.record import scripts_with

STEP = 'op.add_column("agency", sa.Column("note", sa.Text))'


@pytest.fixture
def database(postgresql_record: str) -> Iterator[PostgresqlDatabase]:
    """A record of the newest revision with an agency."""
    database = open_url(postgresql_record, {}, create=False)
    with database.writing(durable=False) as connection:
        connection.execute(insert(site).values(id="mpp", version=1, body="{}", changed_ms=0))
        connection.execute(insert(agency).values(site="mpp", id="dinas", position=0, body="{}"))
    yield database
    database.close()


def test_the_steps_add_up_to_the_tables(database: PostgresqlDatabase) -> None:
    with database.reading() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_the_steps_have_the_checks_and_defaults_of_the_tables(
    database: PostgresqlDatabase, postgresql_place: str
) -> None:
    # Alembic does not compare CHECKs and the sequences of counters.
    created = PostgresqlDatabase(parse_address(postgresql_place, {}))
    with created.writing(durable=False) as connection:
        metadata.create_all(connection)
    assert schema(created) == schema(database)
    created.close()


def schema(database: PostgresqlDatabase) -> list[tuple[object, ...]]:
    checks = "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE contype = 'c'"
    defaults = (
        "SELECT table_name || '.' || column_name, column_default FROM information_schema.columns "
        "WHERE column_default IS NOT NULL AND table_schema = current_schema()"
    )
    with database.reading() as connection:
        return [tuple(row) for row in connection.execute(text(f"{checks} UNION {defaults} ORDER BY 1"))]


def test_an_upgrade_keeps_the_rows(database: PostgresqlDatabase, tmp_path: Path) -> None:
    database.upgrade(scripts_with(tmp_path, STEP))
    with database.reading() as connection:
        assert connection.execute(text("SELECT site, id, note FROM agency")).all() == [("mpp", "dinas", None)]
        assert revision_of(connection) == "9999"


def test_an_upgrade_that_fails_changes_nothing_and_can_be_repeated(
    database: PostgresqlDatabase, tmp_path: Path
) -> None:
    for attempt in ("first", "second"):
        with pytest.raises(ZeroDivisionError):
            database.upgrade(scripts_with(tmp_path / attempt, STEP, "1 / 0"))
        with database.reading() as connection:
            assert "note" not in {column["name"] for column in inspect(connection).get_columns("agency")}
            assert revision_of(connection) == NEWEST_REVISION
    database.upgrade(scripts_with(tmp_path / "third", STEP))


def test_a_record_of_a_newer_version_is_refused_and_left_alone(
    database: PostgresqlDatabase, postgresql_record: str, tmp_path: Path
) -> None:
    database.upgrade(scripts_with(tmp_path, STEP))
    with pytest.raises(BadInput) as refused:
        Record.open(postgresql_record)
    assert str(refused.value) == (
        f"{database.name}: was written by a newer version of Hadir "
        f"(its schema is 9999, the newest known here {NEWEST_REVISION}); run that version, or restore an older backup"
    )
    with database.reading() as connection:
        assert revision_of(connection) == "9999"
