"""What rows of the spool say: to the estimators once, to a store that was away the same again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from collector.conventions.convention import Message
from collector.intake import Own, SpoolRow
from collector.live import Live
from collector.rows import Rows
from presence.readings import AHEAD_LIMIT_MS, Reading
from storage.record import Record, registry
from tests.builders import outlet, sensor, site

START = 1_795_000_000_000
TOPIC = "hadir/1/{}/sensor/desk/readings"


@pytest.fixture
def rows(tmp_path: Path) -> Iterator[Rows]:
    wanted = site(outlets=[outlet(sensors=[sensor("desk")])])
    with Record.open(f"sqlite:///{tmp_path / 'record.db'}") as record:
        with record.writing() as connection:
            registry.apply(connection, wanted, prune=True, now_ms=START)
        yield Rows(Live(record, "spool", START), lambda own: None)


def row(at_ms: int, *, retain: bool = False) -> SpoolRow:
    payload = f'[{{"n":"presence","vb":true,"t":{at_ms / 1000}}}]'.encode()
    return SpoolRow(1, Message(TOPIC.format(site().id), payload, None, None, retain, START))


def test_a_store_that_was_away_gets_what_the_estimators_got(rows: Rows):
    for one in (
        row(START - 1000),
        row(START + AHEAD_LIMIT_MS + 1000),
        row(START - 1000, retain=True),
        SpoolRow(2, Own(site().id, [Reading("desk", START, {"online": 0.0})])),
    ):
        said = rows.read(one)
        assert len(said.readings) == 1
        assert rows.points(one) == said.points


def test_what_was_retained_and_has_no_time_that_can_be_is_evidence_nowhere(rows: Rows):
    impossible = row(START + AHEAD_LIMIT_MS + 1000, retain=True)
    assert rows.read(impossible).readings == []
    assert rows.points(impossible) == []
