"""Readings as they come in, into the record: the same intervals as a replay, whatever happens to the process."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from collector.live import Entry, Live
from presence.intervals import Interval, Span
from presence.pipeline import ZoneKey, intervals
from presence.readings import Reading
from presence.site import Gateway, Site, Source
from storage.record import Record, registry
from storage.record import intervals as stored_intervals
from storage.timeseries import Point, Store, open_store
from tests.builders import outlet, sensor, site

S = 1000
START = 1_795_000_000_000
ZONE = ZoneKey("a-1", "staff")


@pytest.fixture
def record(tmp_path: Path) -> Iterator[Record]:
    with Record.open(f"sqlite:///{tmp_path / 'record.db'}") as opened:
        yield opened


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path}")
    yield opened
    opened.close()


def apply(record: Record, wanted: Site) -> None:
    with record.writing() as connection:
        registry.apply(connection, wanted, prune=True, now_ms=START)


def two_sensors() -> Site:
    return site(
        outlets=[
            outlet(
                sensors=[
                    sensor("desk", stale_after_given_ms=600 * S),
                    sensor("radar", kind="mmwave", heartbeat_ms=10_000),
                ]
            )
        ],
        service_hours="24/7",
    )


def history(seed: int, until_s: int = 900) -> list[Reading]:
    rnd = random.Random(seed)
    made, present = [], True
    for at_s in range(1, until_s):
        present = present if rnd.random() > 0.02 else not present
        if rnd.random() < 0.9:
            made.append(Reading("radar", START + at_s * S, {"presence": float(present), "moving": 0.0}))
        if rnd.random() < 0.02:
            made.append(Reading("desk", START + at_s * S + 500, {"presence": float(rnd.random() < 0.5)}))
    return made


def written(record: Record, until_ms: int) -> list[Interval]:
    with record.reading() as connection:
        return stored_intervals.zone_intervals(connection, "balai", *ZONE, START - 1, until_ms)


def expected(wanted: Site, readings: list[Reading], until_ms: int) -> list[Interval]:
    return intervals(wanted, readings, Span(START, until_ms))[ZONE]


def shapes(line: list[Interval]) -> list[tuple[int, int | None, str]]:
    return [interval[:3] for interval in line]


@pytest.mark.parametrize("seed", range(3))
def test_the_record_holds_what_a_replay_gives_however_often_the_collector_starts_anew(record: Record, seed: int):
    wanted = two_sensors()
    apply(record, wanted)
    readings = history(seed)
    rnd = random.Random(seed)
    live = Live(record, "spool-1", START)
    kept: list[Entry] = []
    for row_id, reading in enumerate(readings, 1):
        kept.append(Entry(row_id, "balai", [reading]))
        live.take(kept[-1:])
        live.last_id = row_id
        live.expire(reading.at_ms)
        if live.pressing or rnd.random() < 0.1:
            live.commit(reading.at_ms, reading.at_ms, everything=rnd.random() < 0.3)
        if rnd.random() < 0.02:  # killed: what was not committed is in the spool
            live = Live(record, "spool-1", reading.at_ms)
            again = [entry for entry in kept if entry.row_id > live.last_id]
            live.take(again)
            live.last_id = row_id
    until_ms = readings[-1].at_ms + 1
    live.expire(until_ms)
    live.commit(until_ms, until_ms, everything=True)
    assert shapes(written(record, until_ms)) == shapes(expected(wanted, readings, until_ms))


def test_readings_that_come_late_are_folded_into_their_stretch(record: Record, store: Store):
    wanted = two_sensors()
    apply(record, wanted)
    readings = history(7)
    late = [one for one in readings if one.sensor == "desk"]
    live = Live(record, "spool-1", START)
    for row_id, reading in enumerate([one for one in readings if one.sensor == "radar"], 1):
        live.take([Entry(row_id, "balai", [reading])])
        live.expire(reading.at_ms)
        live.commit(reading.at_ms, reading.at_ms, everything=row_id % 50 == 0)
    until_ms = readings[-1].at_ms + 1
    live.expire(until_ms)
    live.take([Entry(10_000, "balai", late)])
    live.commit(until_ms, until_ms, everything=False)
    series = {one.sensor: live.claims.series("balai", one.sensor) for one in readings}
    assert store.write([Point(series[one.sensor], one.at_ms, one.values) for one in readings]) == []  # type: ignore[arg-type]

    (zone,) = live.late_zones()
    live.estimate_again(zone, store, until_ms)
    live.commit(until_ms, until_ms, everything=True)

    assert live.late_zones() == []
    assert shapes(written(record, until_ms)) == shapes(expected(wanted, readings, until_ms))


def test_a_sensor_that_is_new_in_the_registry_is_watched_and_one_that_is_gone_is_not(record: Record):
    apply(record, two_sensors())
    live = Live(record, "spool-1", START)
    live.take([Entry(1, "balai", [Reading("desk", START + S, {"presence": 1.0})])])
    live.commit(START + S, START + S, everything=True)
    apply(record, site(outlets=[outlet("b-1")], service_hours="24/7"))
    assert live.follow_registry(START + 5 * S)
    live.take([Entry(2, "balai", [Reading("b-1-s", START + 6 * S, {"presence": 1.0})])])
    live.commit(START + 7 * S, START + 7 * S, everything=True)
    assert shapes(written(record, START + 10 * S)) == [
        (START, START + S, "unknown"),
        (START + S, START + 5 * S, "occupied"),
        (START + 5 * S, None, "unknown"),
    ]
    with record.reading() as connection:
        new = stored_intervals.zone_intervals(connection, "balai", "b-1", "staff", START, START + 10 * S)
    assert shapes(new) == [(START + 5 * S, START + 6 * S, "unknown"), (START + 6 * S, None, "occupied")]


def test_a_gateway_that_is_gone_silences_its_sensors(record: Record):
    wanted = site(
        outlets=[outlet(sensors=[sensor("desk", source=Source(gateway="gw-1", driver="ld2410", port="/dev/x"))])],
        gateways=(Gateway(id="gw-1"),),
        service_hours="24/7",
    )
    apply(record, wanted)
    live = Live(record, "spool-1", START)
    live.take([Entry(1, "balai", [Reading("desk", START + S, {"presence": 1.0})])])
    live.take([Entry(2, "balai", [Reading("gw-1", START + 2 * S, {"online": 0.0})])])
    live.judge(START + 3 * S)
    live.commit(START + 3 * S, START + 3 * S, everything=True)
    assert shapes(written(record, START + 10 * S))[-1] == (START + 2 * S, None, "unknown")
    assert live.watches["balai", "desk"].row().state == "offline"


def test_a_sensor_that_is_replaced_leaves_nothing_of_what_it_said(record: Record):
    def with_sensor(name: str) -> Site:
        return site(outlets=[outlet(sensors=[sensor(name)])], service_hours="24/7")

    apply(record, with_sensor("old"))
    live = Live(record, "spool-1", START)
    live.take([Entry(1, "balai", [Reading("old", START + S, {"presence": 0.0})])])
    live.commit(START + 2 * S, START + 2 * S, everything=True)
    apply(record, with_sensor("new"))
    live.follow_registry(START + 10 * S)
    live.commit(START + 10 * S, START + 10 * S, everything=True)
    assert shapes(written(record, START + 20 * S))[-1] == (START + 10 * S, None, "unknown")
    again = Live(record, "spool-1", START + 20 * S)
    again.commit(START + 21 * S, START + 21 * S, everything=True)
    assert shapes(written(record, START + 30 * S))[-1] == (START + 10 * S, None, "unknown")


def test_a_zone_that_is_removed_while_nobody_watches_is_not_vacant_for_ever(record: Record):
    apply(record, two_sensors())
    live = Live(record, "spool-1", START)
    live.take([Entry(1, "balai", [Reading("desk", START + S, {"presence": 0.0})])])
    live.commit(START + 2 * S, START + 2 * S, everything=True)
    apply(record, site(outlets=[outlet("b-1")], service_hours="24/7"))
    Live(record, "spool-1", START + 60 * S)
    assert shapes(written(record, START + 90 * S))[-1] == (START + 60 * S, None, "unknown")


def test_late_readings_are_not_forgotten_by_a_kill(record: Record, store: Store):
    wanted = two_sensors()
    apply(record, wanted)
    readings = history(11)
    live = Live(record, "spool-1", START)
    on_time = [one for one in readings if one.sensor == "radar"]
    late = [one for one in readings if one.sensor == "desk"]
    live.take([Entry(n, "balai", [one]) for n, one in enumerate(on_time, 1)])
    until_ms = readings[-1].at_ms + 1
    live.expire(until_ms)
    live.take([Entry(10_000, "balai", late)])
    live.commit(until_ms, until_ms, everything=True)  # and then it is killed
    store.write([Point(live.claims.series("balai", one.sensor), one.at_ms, one.values) for one in readings])  # type: ignore[arg-type]

    again = Live(record, "spool-1", until_ms)
    for zone in again.late_zones():
        again.estimate_again(zone, store, until_ms)
    again.commit(until_ms, until_ms, everything=True)
    assert shapes(written(record, until_ms)) == shapes(expected(wanted, readings, until_ms))


def test_what_came_before_a_change_of_sensors_is_not_estimated_with_the_new_ones(record: Record, store: Store):
    def with_sensors(*names: str) -> Site:
        return site(outlets=[outlet(sensors=[sensor(name) for name in names])], service_hours="24/7")

    apply(record, with_sensors("p", "z"))
    live = Live(record, "spool-1", START)
    before = [Reading("p", START + S, {"presence": 1.0}), Reading("z", START + 2 * S, {"presence": 0.0})]
    live.take([Entry(1, "balai", before)])
    live.commit(START + 600 * S, START + 600 * S, everything=True)
    apply(record, with_sensors("q", "z"))
    live.follow_registry(START + 600 * S)
    live.take([Entry(2, "balai", [Reading("q", START + 700 * S, {"presence": 1.0})])])
    live.take([Entry(3, "balai", [Reading("z", START + 301 * S, {"presence": 0.0})])])
    assert live.late_zones() == []
    live.commit(START + 800 * S, START + 800 * S, everything=True)
    assert shapes(written(record, START + 900 * S))[1] == (START + S, START + 600 * S, "occupied")
