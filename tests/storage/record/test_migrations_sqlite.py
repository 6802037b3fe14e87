"""The steps of the schema on SQLite, against what they must add up to and against files of other revisions."""

import re
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, insert

from presence.errors import BadInput
from storage.record import NEWEST_REVISION, Record
from storage.record.migrations import SCRIPTS
from storage.record.migrations.sqlite import upgrade
from storage.record.tables import agency, metadata, outlet, site
from tests.fixtures.record import scripts_with

# A step that rebuilds a parent table, as SQLite demands for many changes.
REBUILD = (
    'with op.batch_alter_table("agency", recreate="always") as agency:',
    '    agency.add_column(sa.Column("note", sa.Text, nullable=True))',
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A record of the newest revision with an agency that has an outlet."""
    path = tmp_path / "record.db"
    with Record.open(f"sqlite:///{path}") as record, record.writing() as connection:
        connection.execute(insert(site).values(id="mpp", version=1, body="{}", changed_ms=0))
        connection.execute(insert(agency).values(site="mpp", id="dinas", position=0, body="{}"))
        connection.execute(insert(outlet).values(site="mpp", id="a-1", agency="dinas", position=0, body="{}"))
    return path


def scripts_with_rebuild(folder: Path, *then: str) -> Path:
    return scripts_with(folder, *REBUILD, *then)


def rows(path: Path, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(query).fetchall()


def schema(path: Path) -> dict[str, str]:
    """Each statement without blanks, and without the quotes that SQLite puts around the name of a renamed table."""
    return {
        str(name): re.sub(r'[\s"]+', "", str(sql))
        for name, sql in rows(path, "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
        if name not in ("alembic_version", "sqlite_sequence")
    }


def test_the_steps_add_up_to_the_tables(path: Path) -> None:
    with create_engine(f"sqlite:///{path}").connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
        connection.engine.dispose()


def test_the_steps_write_the_very_statements_of_the_tables(path: Path, tmp_path: Path) -> None:
    # Alembic does not compare CHECKs and AUTOINCREMENT.
    created = create_engine(f"sqlite:///{tmp_path}/created.db")
    metadata.create_all(created)
    created.dispose()
    assert schema(path) == schema(tmp_path / "created.db")


def test_the_newest_revision_is_known_without_alembic() -> None:
    assert ScriptDirectory(SCRIPTS).get_heads() == [NEWEST_REVISION]


def test_an_upgrade_keeps_the_rows_and_a_copy_of_before(path: Path, tmp_path: Path) -> None:
    upgrade(path, scripts_with_rebuild(tmp_path))
    assert rows(path, "SELECT site, id, note FROM agency") == [("mpp", "dinas", None)]
    assert rows(path, "SELECT site, id, agency FROM outlet") == [("mpp", "a-1", "dinas")]
    copy = tmp_path / "record.db.before-9999"
    assert rows(copy, "SELECT version_num FROM alembic_version") == [(NEWEST_REVISION,)]
    assert rows(copy, "SELECT site, id FROM outlet") == [("mpp", "a-1")]


def test_an_upgrade_that_fails_changes_nothing_and_can_be_repeated(path: Path, tmp_path: Path) -> None:
    before = schema(path)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            upgrade(path, scripts_with_rebuild(tmp_path / "first", "1 / 0"))
        shutil.rmtree(tmp_path / "first")
    assert schema(path) == before
    upgrade(path, scripts_with_rebuild(tmp_path / "second"))
    assert rows(path, "SELECT version_num FROM alembic_version") == [("9999",)]


def test_an_upgrade_that_leaves_orphans_is_undone(path: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"1 rows without a parent, the first in outlet \(its agency\); nothing was"):
        upgrade(path, scripts_with_rebuild(tmp_path, 'op.execute("DELETE FROM agency")'))
    assert rows(path, "SELECT site, id FROM agency") == [("mpp", "dinas")]


def test_a_new_file_is_not_copied(path: Path, tmp_path: Path) -> None:
    assert [file.name for file in tmp_path.glob("*before*")] == []


def test_a_record_of_a_newer_version_is_refused_and_left_alone(path: Path, tmp_path: Path) -> None:
    upgrade(path, scripts_with_rebuild(tmp_path))
    with pytest.raises(BadInput) as refused:
        Record.open(f"sqlite:///{path}")
    assert str(refused.value) == (
        f"{path}: was written by a newer version of Hadir (its schema is 9999, the newest known here {NEWEST_REVISION})"
        "; run that version, or restore an older backup"
    )
    assert rows(path, "SELECT version_num FROM alembic_version") == [("9999",)]
