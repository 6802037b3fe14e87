"""What rows of the spool say: to the estimators once, to a store that was away the same again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from collector.conventions.convention import Message
from collector.intake import Own, SpoolRow
from collector.live import Live
from collector.rows import Rows
from presence.device_states import GatewayState, Turn, in_order
from presence.readings import AHEAD_LIMIT_MS, Reading
from presence.site import Gateway
from storage.record import Record, registry
from tests.builders import outlet, sensor, site

START = 1_795_000_000_000
TOPIC = "hadir/1/{}/sensor/desk/readings"


@pytest.fixture
def written() -> list[Own]:
    """What came of the rows that is to be written down."""
    return []


@pytest.fixture
def rows(tmp_path: Path, written: list[Own]) -> Iterator[Rows]:
    wanted = site(outlets=[outlet(sensors=[sensor("desk")])], gateways=(Gateway(id="gw"),))
    with Record.open(f"sqlite:///{tmp_path / 'record.db'}") as record:
        with record.writing() as connection:
            registry.apply(connection, wanted, prune=True, now_ms=START)
        yield Rows(Live(record, "spool", START), written.append)


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


def status(*, online: bool, received_ms: int = START) -> SpoolRow:
    payload = b'{"state":"online"}' if online else b'{"state":"offline"}'
    topic = f"hadir/1/{site().id}/gateway/gw/status"
    return SpoolRow(1, Message(topic, payload, None, None, False, received_ms))


def test_of_a_will_and_of_who_takes_its_place_within_a_millisecond_the_last_word_counts(rows: Rows, written: list[Own]):
    for online in (True, False, True):
        rows.read(status(online=online))
    readings = [reading for own in written for reading in own.readings]
    assert [reading.values["online"] for reading in readings] == [1.0, 0.0, 1.0]
    assert [turn.truth for turn in offline(readings)] == [None, False, True, False]
    rows.read(status(online=False, received_ms=START + 60_000))
    assert written[-1].readings[0].at_ms == START + 60_000


def offline(readings: list[Reading]) -> list[Turn]:
    gateway = GatewayState.begin(START - 1000)
    assert gateway.take(in_order(readings))
    return gateway.offline
