"""The record as one database that several threads and processes share."""

import multiprocessing
import subprocess
import sys
import threading
from collections.abc import Callable

import pytest
from sqlalchemy import Connection, insert, inspect, select
from sqlalchemy.exc import DBAPIError, IntegrityError

from presence.errors import BadInput
from storage.record import Record
from storage.record.tables import agency, interval_change, metadata, site


def add_site(connection: Connection, site_id: str) -> None:
    connection.execute(insert(site).values(id=site_id, version=1, body="{}", changed_ms=0))


def sites(record: Record) -> list[str]:
    with record.reading() as connection:
        return list(connection.scalars(select(site.c.id).order_by(site.c.id)))


def test_what_is_committed_is_there_after_opening_again(new_record_url: str) -> None:
    assert not Record.exists(new_record_url)
    with Record.open(new_record_url) as record, record.writing() as connection:
        add_site(connection, "a")
    assert Record.exists(new_record_url)
    with Record.open(new_record_url, create=False) as record:
        assert sites(record) == ["a"]


def test_a_missing_record_is_not_made_when_it_must_be_there(new_record_url: str) -> None:
    with pytest.raises(BadInput, match="there is no record; make one with `hadir site apply`"):
        Record.open(new_record_url, create=False)
    assert not Record.exists(new_record_url)


def test_a_reader_cannot_write(record: Record) -> None:
    with record.reading() as connection, pytest.raises(DBAPIError, match=r"read.?only"):
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
        assert not inspect(connection).has_table("extra")


def test_a_row_without_its_parent_is_refused(record: Record) -> None:
    with pytest.raises(IntegrityError), record.writing() as connection:
        connection.execute(insert(agency).values(site="nowhere", id="a", position=0, body="{}"))


def test_an_error_does_not_tell_what_was_to_be_written(record: Record) -> None:
    with pytest.raises(IntegrityError) as failed, record.writing() as connection:
        connection.execute(insert(agency).values(site="rumah", id="argon2id-of-ani", position=0, body="{}"))
    assert "argon2id-of-ani" not in str(failed.value)


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


def test_who_writes_is_alone_so_that_counters_rise_in_the_order_of_commits(record: Record, record_url: str) -> None:
    begun = threading.Event()

    def write(other: Record) -> None:
        begun.set()
        with other.writing(durable=False) as connection:
            connection.execute(insert(interval_change).values(site="b", outlet="", zone="", from_ms=0))

    with Record.open(record_url) as other:
        writer = threading.Thread(target=write, args=(other,))
        with record.writing() as connection:
            writer.start()
            begun.wait()
            writer.join(0.2)
            assert writer.is_alive()
            connection.execute(insert(interval_change).values(site="a", outlet="", zone="", from_ms=0))
        writer.join()
    with record.reading() as connection:
        rows = connection.execute(select(interval_change.c.site, interval_change.c.id).order_by(interval_change.c.id))
        assert rows.all() == [("a", 1), ("b", 2)]


def _count_up(url: str, times: int) -> None:
    with Record.open(url) as record:
        for _ in range(times):
            with record.writing(durable=False) as connection:
                version = connection.scalar(select(site.c.version))
                connection.execute(site.update().values(version=version + 1))


def test_processes_that_read_and_then_write_lose_nothing(record_url: str) -> None:
    with Record.open(record_url) as record:
        with record.writing() as connection:
            add_site(connection, "a")
        in_three_processes(_count_up, record_url, 40)
        with record.reading() as connection:
            assert connection.scalar(select(site.c.version)) == 121


def _open_and_close(url: str) -> None:
    Record.open(url).close()


def test_processes_that_open_a_new_record_at_the_same_moment_make_it_once(new_record_url: str) -> None:
    in_three_processes(_open_and_close, new_record_url)
    with Record.open(new_record_url) as record, record.reading() as connection:
        assert set(inspect(connection).get_table_names()) == {*metadata.tables, "alembic_version"}


def in_three_processes(work: Callable[..., None], *given: object) -> None:
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=work, args=given) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0, 0, 0]


def test_opening_a_record_of_the_newest_revision_does_not_load_alembic(record_url: str) -> None:
    script = (
        "import sys; from storage.record import Record; "
        f"Record.open({record_url!r}).close(); print('alembic' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("sqlite://", "sqlite:…: names no record; write sqlite:///FILE"),
        ("sqlite:///:memory:", "sqlite:…: names no record; write sqlite:///FILE"),
        (
            "mysql://user:secret@db/x",
            "mysql:…: names no record; write sqlite:///FILE or postgresql://user:password@host/DATABASE",
        ),
    ],
)
def test_other_urls_are_refused_without_their_secrets(url: str, problem: str) -> None:
    with pytest.raises(BadInput) as refused:
        Record.open(url)
    assert str(refused.value) == problem
