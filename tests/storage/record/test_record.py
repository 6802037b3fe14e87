"""The record as one file that several threads and processes share."""

import multiprocessing
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Connection, insert, select
from sqlalchemy.exc import IntegrityError, OperationalError

from presence.errors import BadInput
from storage.record import Record
from storage.record.tables import agency, metadata, site


@pytest.fixture
def record(tmp_path: Path) -> Iterator[Record]:
    with Record.open(f"sqlite:///{tmp_path}/record.db") as record:
        yield record


def add_site(connection: Connection, site_id: str) -> None:
    connection.execute(insert(site).values(id=site_id, version=1, body="{}", changed_ms=0))


def sites(record: Record) -> list[str]:
    with record.reading() as connection:
        return list(connection.scalars(select(site.c.id).order_by(site.c.id)))


def pragma(connection: Connection, name: str) -> object:
    return connection.exec_driver_sql(f"PRAGMA {name}").scalar()


def test_what_is_committed_is_there_after_opening_again(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/data/record.db"
    with Record.open(url) as record, record.writing() as connection:
        add_site(connection, "a")
    with Record.open(url) as record:
        assert sites(record) == ["a"]


def test_close_folds_the_log_into_the_file(tmp_path: Path) -> None:
    with Record.open(f"sqlite:///{tmp_path}/record.db") as record, record.writing() as connection:
        add_site(connection, "a")
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


def test_a_reader_cannot_write(record: Record) -> None:
    with record.reading() as connection, pytest.raises(OperationalError, match="readonly"):
        add_site(connection, "a")


def test_an_exception_rolls_back_rows_and_schema(record: Record) -> None:
    def write_and_fail() -> None:
        with record.writing() as connection:
            add_site(connection, "a")
            connection.exec_driver_sql("CREATE TABLE extra (id INTEGER)")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_and_fail()
    assert sites(record) == []
    with record.reading() as connection:
        assert connection.exec_driver_sql("SELECT 1 FROM sqlite_master WHERE name = 'extra'").scalar() is None


def test_a_row_without_its_parent_is_refused(record: Record) -> None:
    with pytest.raises(IntegrityError), record.writing() as connection:
        connection.execute(insert(agency).values(site="nowhere", id="a", position=0, body="{}"))


def test_a_reader_keeps_its_view_while_another_thread_writes(record: Record) -> None:
    def write() -> None:
        with record.writing() as connection:
            add_site(connection, "a")

    with record.reading() as connection:
        before = list(connection.scalars(select(site.c.id)))
        writer = threading.Thread(target=write)
        writer.start()
        writer.join()
        assert list(connection.scalars(select(site.c.id))) == before == []
    assert sites(record) == ["a"]


def _count_up(url: str, times: int) -> None:
    with Record.open(url) as record:
        for _ in range(times):
            with record.writing(durable=False) as connection:
                version = connection.scalar(select(site.c.version))
                connection.execute(site.update().values(version=version + 1))


def test_processes_that_read_and_then_write_lose_nothing(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/record.db"
    with Record.open(url) as record:
        with record.writing() as connection:
            add_site(connection, "a")
        context = multiprocessing.get_context("spawn")
        counters = [context.Process(target=_count_up, args=(url, 40)) for _ in range(3)]
        for counter in counters:
            counter.start()
        for counter in counters:
            counter.join()
        assert [counter.exitcode for counter in counters] == [0, 0, 0]
        with record.reading() as connection:
            assert connection.scalar(select(site.c.version)) == 121
            assert connection.exec_driver_sql("PRAGMA quick_check").scalar() == "ok"


def _open_and_close(url: str) -> None:
    Record.open(url).close()


def test_processes_that_open_a_new_record_at_the_same_moment_make_it_once(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/record.db"
    context = multiprocessing.get_context("spawn")
    openers = [context.Process(target=_open_and_close, args=(url,)) for _ in range(3)]
    for opener in openers:
        opener.start()
    for opener in openers:
        opener.join()
    assert [opener.exitcode for opener in openers] == [0, 0, 0]
    with Record.open(url) as record, record.reading() as connection:
        names = set(connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'").scalars())
        assert names >= set(metadata.tables)


def test_opening_a_record_of_the_newest_revision_does_not_load_alembic(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/record.db"
    Record.open(url).close()
    script = (
        f"import sys; from storage.record import Record; Record.open({url!r}).close(); print('alembic' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_a_relative_path_is_taken_from_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with Record.open("sqlite:///data 1%20?/record.db") as record:
        assert record.path == Path("data 1%20?/record.db")
    assert (tmp_path / "data 1%20?" / "record.db").is_file()


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        (
            "postgresql://hadir:secret@db/hadir",
            "postgresql://…: this version keeps the record in SQLite only; write sqlite:///FILE as the record",
        ),
        ("sqlite://", "sqlite:…: names no record; write sqlite:///FILE"),
        ("sqlite:///:memory:", "sqlite:…: names no record; write sqlite:///FILE"),
        ("mysql://user:secret@db/x", "mysql:…: names no record; write sqlite:///FILE"),
    ],
)
def test_other_urls_are_refused_without_their_secrets(url: str, problem: str) -> None:
    with pytest.raises(BadInput) as refused:
        Record.open(url)
    assert str(refused.value) == problem


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
    assert refusal(path) == f"{path}: is the database of another program; name another file for the record"
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
