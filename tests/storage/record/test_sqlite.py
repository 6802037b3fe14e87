"""What is particular to a record in a file: its settings, its place, what else may be there."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Connection, insert

from presence.errors import BadInput
from storage.record import Record
from storage.record.tables import site


@pytest.fixture
def record_url(sqlite_record: str) -> str:
    return sqlite_record


def pragma(connection: Connection, name: str) -> object:
    return connection.exec_driver_sql(f"PRAGMA {name}").scalar()


def test_close_folds_the_log_into_the_file(tmp_path: Path) -> None:
    with Record.open(f"sqlite:///{tmp_path}/record.db") as record, record.writing() as connection:
        connection.execute(insert(site).values(id="a", version=1, body="{}", changed_ms=0))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["record.db", "record.db.lock"]


def test_the_connections_have_the_settings_that_keep_the_file_whole(record: Record) -> None:
    with record.writing() as connection:
        wanted = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 5000, "query_only": 0}
        assert {name: pragma(connection, name) for name in wanted} == wanted
    with record.writing(durable=False) as connection:
        assert pragma(connection, "synchronous") == 1
    with record.writing() as connection:
        assert pragma(connection, "synchronous") == 2
    with record.reading() as connection:
        wanted = {"query_only": 1, "foreign_keys": 1, "wal_autocheckpoint": 0, "busy_timeout": 5000}
        assert {name: pragma(connection, name) for name in wanted} == wanted


def test_a_relative_path_is_taken_from_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with Record.open("sqlite:///data 1%20?/record.db") as record:
        assert record.name == "data 1%20?/record.db"
    assert (tmp_path / "data 1%20?" / "record.db").is_file()


def refusal(path: Path, *, create: bool = True) -> str:
    with pytest.raises(BadInput) as refused:
        Record.open(f"sqlite:///{path}", create=create)
    assert "\n" not in str(refused.value)
    return str(refused.value)


def test_a_missing_record_is_not_made_when_it_must_be_there(tmp_path: Path) -> None:
    path = tmp_path / "data" / "record.db"
    assert refusal(path, create=False).startswith(f"{path}: there is no record; ")
    assert not path.parent.exists()


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "record.db"
    path.write_bytes(b"not a database at all" * 1000)
    assert refusal(path) == (
        f"{path}: cannot be used as the record: file is not a database; restore a backup, or name another file"
    )


def test_another_programs_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "record.db"
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE theirs (id INTEGER)")
    assert refusal(path) == f"{path}: is the database of another program; name another one for the record"
    with closing(sqlite3.connect(path)) as other:
        assert other.execute("PRAGMA journal_mode").fetchone() == ("delete",)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    path = tmp_path / "file" / "record.db"
    assert refusal(path) == f"{path}: its folder cannot be made: File exists; name another one"


def test_a_folder_in_the_records_place_is_named(tmp_path: Path) -> None:
    assert refusal(tmp_path) == f"{tmp_path}: is a folder, not a file; name a file in it"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_is_named(tmp_path: Path) -> None:
    path = tmp_path / "record.db"
    tmp_path.chmod(0o500)
    assert refusal(path) == f"{path}: may not be written by this user; change its owner, or name another folder"
