"""The lease of an engine as a row, by the clock of PostgreSQL."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection, select, text, update

from storage.record.lease import LASTS_MS, release, take
from storage.record.tables import engine_lease


@pytest.fixture
def record_url(postgresql_record: str) -> str:
    return postgresql_record


def left_ms(connection: Connection) -> float:
    until_ms, now_s = connection.execute(
        select(engine_lease.c.until_ms, text("extract(epoch FROM clock_timestamp())"))
    ).one()
    return float(until_ms - 1000 * now_s)


def test_a_lease_is_one_holders_until_it_runs_out(connection: Connection) -> None:
    taken = [take(connection, "mpp", "a"), take(connection, "mpp", "b"), take(connection, "balai", "b")]
    connection.execute(update(engine_lease).values(until_ms=engine_lease.c.until_ms - LASTS_MS))
    taken += [take(connection, "mpp", "b"), take(connection, "mpp", "a")]
    assert taken == [True, False, True, True, False]


def test_each_renewal_lasts_anew(connection: Connection) -> None:
    take(connection, "mpp", "a")
    connection.execute(update(engine_lease).values(until_ms=engine_lease.c.until_ms - LASTS_MS // 2))
    assert left_ms(connection) < LASTS_MS / 2
    assert take(connection, "mpp", "a")
    assert LASTS_MS / 2 < left_ms(connection) <= LASTS_MS + 1


def test_what_is_released_is_free_at_once(connection: Connection) -> None:
    take(connection, "mpp", "a")
    release(connection, "mpp", "b")
    assert not take(connection, "mpp", "b")
    release(connection, "mpp", "a")
    assert take(connection, "mpp", "b")
