from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import update

from api.alerting.lease import Lease, RowLease, lease_of, new_holder
from storage.record import Record
from storage.record.tables import engine_lease
from tests.fixtures.hadir_command import eventually
from tests.fixtures.postgres import Postgres


@pytest.fixture
def shared_record(postgresql_record: str) -> Iterator[Record]:
    with Record.open(postgresql_record) as record:
        yield record


@pytest.fixture
def lease(record_url: str, tmp_path: Path) -> Iterator[Callable[[str], Lease]]:
    """A new lease of a site, as one more engine has it."""
    made: list[Lease] = []

    def new(site: str) -> Lease:
        made.append(lease_of(site, record, folder=tmp_path, holder=new_holder()))
        return made[-1]

    with Record.open(record_url) as record:
        yield new
        for one in made:
            one.release()


def run_out(record: Record) -> None:
    """As if nobody had renewed anything for long."""
    with record.writing() as connection:
        connection.execute(update(engine_lease).values(until_ms=0))


def test_one_at_a_time_has_the_lease_of_a_site(lease: Callable[[str], Lease]) -> None:
    first, second, other_site = lease("mpp"), lease("mpp"), lease("balai")
    assert (first.held, first.take(), first.take(), second.take(), other_site.take()) == (
        False,
        True,
        True,
        False,
        True,
    )
    assert (first.held, second.held) == (True, False)
    first.release()
    first.release()
    assert (first.held, second.take(), first.take()) == (False, True, False)


def test_a_row_that_is_renewed_does_not_run_out(shared_record: Record) -> None:
    first, second = RowLease(shared_record, "mpp", new_holder()), RowLease(shared_record, "mpp", new_holder())
    assert first.take()
    with shared_record.reading() as connection:
        until_ms = connection.scalar(engine_lease.select().with_only_columns(engine_lease.c.until_ms))

    def renewed() -> bool:
        with shared_record.reading() as connection:
            found = connection.scalar(engine_lease.select().with_only_columns(engine_lease.c.until_ms))
        return bool(found > until_ms)

    eventually(renewed)
    assert (first.held, second.take()) == (True, False)
    first.release()


def test_who_lost_the_row_to_another_one_finds_out(shared_record: Record) -> None:
    first, second = RowLease(shared_record, "mpp", new_holder()), RowLease(shared_record, "mpp", new_holder())
    assert first.take()
    run_out(shared_record)
    assert second.take()
    eventually(lambda: not first.held)
    assert (first.take(), second.held) == (False, True)
    second.release()
    assert first.take()
    first.release()


def test_without_the_server_it_is_held_no_longer_than_the_row_lasts(postgres: Postgres, shared_record: Record) -> None:
    lease = RowLease(shared_record, "mpp", new_holder())
    assert lease.take()
    postgres.kill()
    try:
        assert lease.held
        eventually(lambda: not lease.held)
        lease.release()
    finally:
        postgres.start()
    assert lease.take()
    lease.release()
