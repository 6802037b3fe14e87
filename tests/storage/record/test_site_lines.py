from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, event, insert

from presence.intervals import Interval, TruthInterval
from presence.zones import ZoneKey
from storage.record import Record
from storage.record.intervals import revise
from storage.record.registry import apply
from storage.record.site_lines import RecordLines, first_of_site, unknown_at
from storage.record.tables import condition_interval
from tests.builders import outlet, sensor, site

A = ZoneKey("a-1", "staff")


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    with Record.open(f"sqlite:///{tmp_path / 'record.db'}") as record, record.writing(durable=False) as connection:
        counters = (outlet("a-1"), outlet("a-2", sensors=[sensor("eq", zone="equipment")]))
        apply(connection, site(outlets=counters), prune=False, now_ms=1)
        yield connection


def silent(connection: Connection, start_ms: int, end_ms: int | None, truth: str, *, superseded: bool = False) -> None:
    row = {"start_ms": start_ms, "end_ms": end_ms, "truth": truth, "made_ms": 1}
    row |= {"site": "balai", "device": "a-1-s", "kind": "sensor_silent", "superseded_ms": 9 if superseded else None}
    connection.execute(insert(condition_interval), row)


def test_a_zone_is_what_its_current_intervals_say(connection: Connection) -> None:
    revise(connection, "balai", *A, 100, [Interval(100, 200, "vacant", 0.1), Interval(200, None, "unknown", 0.5)], 300)
    lines = RecordLines(connection, "balai", 100)
    assert lines.zone(A, 150, 200) == [Interval(100, 200, "vacant", 0.1)]
    assert lines.zone(A, 200, 201) == [Interval(200, None, "unknown", 0.5)]
    assert lines.zone(ZoneKey("a-1", "visitor"), 0, 999) == []


def test_a_device_is_what_its_current_intervals_of_that_kind_say(connection: Connection) -> None:
    silent(connection, 100, 200, "false")
    silent(connection, 200, 400, "true", superseded=True)
    silent(connection, 200, 300, "unknown")
    silent(connection, 300, None, "true")
    lines = RecordLines(connection, "balai", 0)
    assert lines.device("sensor_silent", "a-1-s", 150, 300) == [
        TruthInterval(100, 200, False),
        TruthInterval(200, 300, None),
    ]
    assert lines.device("sensor_silent", "a-1-s", 200, 301) == [
        TruthInterval(200, 300, None),
        TruthInterval(300, None, True),
    ]
    assert lines.device("sensor_silent", "a-1-s", 0, 100) == []
    assert lines.device("low_battery", "a-1-s", 0, 999) == []


def test_the_site_begins_with_its_first_zone(connection: Connection) -> None:
    assert first_of_site(connection, "balai") is None
    revise(connection, "balai", *A, 500, [Interval(500, None, "vacant", 0.1)], 600)
    revise(connection, "balai", "a-2", "equipment", 300, [Interval(300, None, "occupied", 0.9)], 600)
    revise(connection, "other", *A, 100, [Interval(100, None, "occupied", 0.9)], 600)
    assert first_of_site(connection, "balai") == 300


def test_zones_are_unknown_while_an_interval_that_counts_says_so(connection: Connection) -> None:
    revise(connection, "balai", *A, 100, [Interval(100, 200, "unknown", 0.5), Interval(200, 300, "vacant", 0.1)], 400)
    revise(connection, "balai", "a-2", "equipment", 150, [Interval(150, None, "unknown", 0.5)], 400)
    revise(connection, "other", *A, 0, [Interval(0, None, "unknown", 0.5)], 400)
    equipment = ZoneKey("a-2", "equipment")
    found = [unknown_at(connection, "balai", at_ms) for at_ms in (99, 100, 150, 199, 200, 300)]
    assert found == [set(), {A}, {A, equipment}, {A, equipment}, {equipment}, {equipment}]
    revise(connection, "balai", *A, 100, [Interval(100, 200, "vacant", 0.1)], 500)
    assert unknown_at(connection, "balai", 150) == {equipment}


def test_what_was_read_once_is_not_read_again(connection: Connection) -> None:
    lines = RecordLines(connection, "balai", 0)
    statements: list[str] = []
    event.listen(connection, "before_cursor_execute", lambda *said: statements.append(said[2]))
    for _ in range(3):
        lines.zone(A, 0, 100)
        lines.device("low_battery", "a-1-s", 0, 100)
    assert len(statements) == 2


def test_of_what_was_read_a_part_is_what_the_record_says_of_it(connection: Connection) -> None:
    line = [Interval(at, at + 10, "vacant" if at % 20 else "occupied", 0.5) for at in range(100, 200, 10)]
    revise(connection, "balai", *A, 100, [*line, Interval(200, None, "unknown", 0.5)], 300)
    statements: list[str] = []
    event.listen(connection, "before_cursor_execute", lambda *said: statements.append(said[2]))
    wide = RecordLines(connection, "balai", 0)
    wide.zone(A, 90, 220)
    read = len(statements)
    parts = [(start, end) for start in range(90, 220, 5) for end in range(start + 1, 221, 5)]
    found = [wide.zone(A, *part) for part in parts]
    assert len(statements) == read
    assert found == [RecordLines(connection, "balai", 0).zone(A, *part) for part in parts]
