from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, select

from presence.intervals import Interval, Truth, TruthInterval
from storage.record import Record, intervals
from storage.record.conditions import condition_intervals, first_start, revise
from storage.record.intervals import IntervalChange, changes_after
from storage.record.tables import condition_interval

EVER = 10**12


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    with Record.open(f"sqlite:///{tmp_path / 'record.db'}") as record, record.writing(durable=False) as connection:
        yield connection


def line(*turns: tuple[int, Truth]) -> list[TruthInterval]:
    ends = [*(at_ms for at_ms, _ in turns[1:]), None]
    return [TruthInterval(at_ms, end_ms, truth) for (at_ms, truth), end_ms in zip(turns, ends, strict=True)]


def test_what_is_true_false_and_unknown_comes_back_as_it_was(connection: Connection) -> None:
    told = line((0, None), (50, False), (100, True))
    assert revise(connection, "mpp", "gw-1", "gateway_offline", 0, told, now_ms=1) == 0
    assert revise(connection, "mpp", "gw-1", "gateway_offline", 200, line((200, False)), now_ms=201) == 200
    assert condition_intervals(connection, "mpp", "gw-1", "gateway_offline", 0, EVER) == line(
        (0, None), (50, False), (100, True), (200, False)
    )
    assert condition_intervals(connection, "mpp", "gw-1", "gateway_offline", 60, 100) == [TruthInterval(50, 100, False)]
    assert first_start(connection, "mpp", "gw-1", "gateway_offline") == 0
    assert first_start(connection, "mpp", "gw-1", "sensor_silent") is None


def test_a_correction_supersedes_what_it_contradicts(connection: Connection) -> None:
    revise(connection, "mpp", "s-1", "sensor_silent", 0, line((0, False), (100, True), (900, False)), now_ms=901)
    assert revise(connection, "mpp", "s-1", "sensor_silent", 0, line((0, False)), now_ms=1_000) == 100
    assert condition_intervals(connection, "mpp", "s-1", "sensor_silent", 0, EVER) == line((0, False))
    rows = condition_interval.c
    kept = select(rows.start_ms, rows.truth).where(rows.superseded_ms == 1_000).order_by(rows.start_ms)
    assert [tuple(row) for row in connection.execute(kept)] == [(0, "false"), (100, "true"), (900, "false")]


def test_one_cursor_sees_the_changes_of_zones_and_of_devices(connection: Connection) -> None:
    intervals.revise(connection, "mpp", "a-1", "staff", 0, [Interval(0, None, "vacant", 0.02)], now_ms=1)
    revise(connection, "mpp", "s-1", "sensor_silent", 0, line((0, False)), now_ms=1)
    revise(connection, "mpp", "s-1", "low_battery", 0, line((0, True)), now_ms=1)
    assert revise(connection, "mpp", "s-1", "sensor_silent", 0, line((0, False)), now_ms=2) is None
    assert changes_after(connection, 0, 10) == [
        IntervalChange(1, "mpp", "a-1", "staff", 0),
        IntervalChange(2, "mpp", "s-1", "sensor_silent", 0),
        IntervalChange(3, "mpp", "s-1", "low_battery", 0),
    ]
