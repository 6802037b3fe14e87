"""Lines of devices in the record: those of a replay, whatever happens to the process, however late readings come."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from sqlalchemy.exc import DBAPIError

from collector.live import Entry, Live
from presence.devices import DeviceKey, device_conditions
from presence.intervals import Span, Truth, TruthInterval
from presence.readings import Reading
from presence.site import AlertKind, Gateway, Rule, Site, Source
from storage.record import Record, conditions, registry
from storage.record.intervals import changes_after
from storage.timeseries import Point, Store, open_store
from tests.builders import outlet, sensor, site
from tests.fixtures.record import declare_long_ago

S = 1000
START = 1_795_000_000_000


@pytest.fixture
def record(tmp_path: Path) -> Iterator[Record]:
    with Record.open(f"sqlite:///{tmp_path / 'record.db'}") as opened:
        yield opened


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path}")
    yield opened
    opened.close()


def hall(stale_after_s: int = 20, *ids: str) -> Site:
    def source(one: str) -> Source:
        return Source(gateway="gw", driver="ld2410", port=f"/dev/{one}")

    return site(
        outlets=[
            outlet(one, sensors=[sensor(f"{one}-s", stale_after_given_ms=stale_after_s * S, source=source(one))])
            for one in ids or ("a", "b", "c")
        ],
        rules={"sensor_stuck": Rule(unchanged_ms=300 * S, flaps_per_hour=20)},
        gateways=(Gateway(id="gw"),),
        service_hours="24/7",
    )


def apply(record: Record, wanted: Site) -> None:
    with record.writing() as connection:
        registry.apply(connection, wanted, prune=True, now_ms=START)


def history(seed: int, until_s: int = 1200) -> list[Reading]:
    rnd = random.Random(seed)
    made = []
    for device, unrest in (("a-s", 0.2), ("b-s", 0.01), ("c-s", 0.0), ("gw", 0.5)):
        present, at_s = True, 0.0
        while True:
            at_s += rnd.choice((1, 5, 10, 19, 25)) + rnd.random()
            if at_s >= until_s:
                break
            present ^= rnd.random() < unrest
            values = {"presence": float(present)}
            if device == "gw" or rnd.random() < 0.05:
                values = {"online": float(rnd.random() < 0.6)}
            elif rnd.random() < 0.05:
                values["battery"] = rnd.choice((14.0, 16.0))
            made.append(Reading(device, START + round(at_s * S), values))
    return sorted(made, key=lambda reading: reading.at_ms)


def written(record: Record, device: str, kind: AlertKind) -> list[TruthInterval]:
    with record.reading() as connection:
        return conditions.condition_intervals(connection, "balai", device, kind, START - 1, START + 10**9)


def turns(line: Sequence[TruthInterval]) -> list[tuple[float, Truth]]:
    return [((one.start_ms - START) / S, one.truth) for one in line]


def replayed(wanted: Site, readings: Sequence[Reading], until_ms: int) -> dict[DeviceKey, list[TruthInterval]]:
    by_device = defaultdict(list)
    for reading in readings:
        by_device[reading.sensor].append(reading)
    return device_conditions(wanted, by_device, Span(START, until_ms))


def recorded(record: Record, keys: Sequence[DeviceKey]) -> dict[DeviceKey, list[TruthInterval]]:
    return {key: written(record, key.device, key.kind) for key in keys}


def keep(live: Live, store: Store, readings: Sequence[Reading]) -> None:
    points = [Point(live.claims.series("balai", one.sensor), one.at_ms, one.values) for one in readings]  # type: ignore[arg-type]
    assert store.write(points) == []


@pytest.mark.parametrize("seed", range(4))
def test_the_record_holds_what_a_replay_gives_however_often_the_collector_starts_anew(
    record: Record, store: Store, seed: int
):
    wanted = hall()
    apply(record, wanted)
    rnd = random.Random(seed)
    readings = history(seed)
    arriving = sorted(readings, key=lambda one: one.at_ms + rnd.random() * rnd.choice((0, 0, 29_000, 200_000)))
    live = Live(record, "spool-1", START)
    kept: list[Entry] = []
    now_ms = START
    for row_id, reading in enumerate(arriving, 1):
        kept.append(Entry(row_id, "balai", [reading]))
        keep(live, store, [reading])
        now_ms = max(now_ms, reading.at_ms)
        live.take(kept[-1:])
        live.expire(now_ms)
        for device in live.devices.late():
            if rnd.random() < 0.5:
                live.tell_again(device, store)
        if live.pressing or rnd.random() < 0.1:
            live.commit(now_ms, now_ms, everything=rnd.random() < 0.3)
        if rnd.random() < 0.03:  # killed: what was not committed is in the spool
            live = Live(record, "spool-1", now_ms)
            live.take([entry for entry in kept if entry.row_id > live.last_id])
    for device in live.devices.late():
        live.tell_again(device, store)
    live.expire(now_ms + 60 * S)
    live.commit(now_ms, now_ms, everything=True)
    expected = replayed(wanted, readings, now_ms + 60 * S)
    assert recorded(record, list(expected)) == expected


def test_a_backlog_takes_the_place_of_a_silence_once_told(record: Record, store: Store):
    wanted = hall(20, "a")
    apply(record, wanted)
    live = Live(record, "spool-1", START)
    on_time = [
        Reading("a-s", START + at_s * S, {"presence": 1.0}) for at_s in (*range(0, 60, 10), *range(600, 800, 10))
    ]
    for row_id, reading in enumerate(on_time, 1):
        live.take([Entry(row_id, "balai", [reading])])
    live.expire(START + 800 * S)
    live.commit(START + 800 * S, START + 800 * S, everything=True)
    assert turns(written(record, "a-s", "sensor_silent")) == [(0, False), (70, True), (600, False)]
    backlog = [Reading("a-s", START + at_s * S, {"presence": 1.0}) for at_s in range(60, 500, 10)]
    live.take([Entry(100, "balai", backlog)])
    live.commit(START + 801 * S, START + 801 * S, everything=True)  # and then it is killed
    keep(live, store, on_time + backlog)
    again = Live(record, "spool-1", START + 802 * S)
    (late,) = again.devices.late()
    again.tell_again(late, store)
    again.expire(START + 802 * S)
    again.commit(START + 802 * S, START + 802 * S, everything=True)
    assert turns(written(record, "a-s", "sensor_silent")) == [(0, False), (510, True), (600, False)]
    assert again.devices.late() == []


def test_a_line_follows_the_registry(record: Record):
    apply(record, hall(20, "a"))
    live = Live(record, "spool-1", START)
    live.take([Entry(1, "balai", [Reading("gw", START + S, {"online": 0.0})])])
    live.commit(START + S, START + S, everything=True)
    apply(record, site(outlets=[outlet("n", sensors=[sensor("n-s", stale_after_given_ms=20 * S)])]))
    live.follow_registry(START + 10 * S)
    assert live.pressing
    live.expire(START + 40 * S)
    live.commit(START + 40 * S, START + 40 * S, everything=False)
    assert turns(written(record, "gw", "gateway_offline")) == [(0, None), (1, True), (10, None)]
    assert turns(written(record, "a-s", "sensor_silent")) == [(0, False), (10, None)]
    assert turns(written(record, "n-s", "sensor_silent")) == [(10, False), (30, True)]
    apply(record, hall(20, "a"))  # it is back: watched anew, not as if it had been all the time
    again = Live(record, "spool-1", START + 50 * S)
    again.commit(START + 50 * S, START + 50 * S, everything=True)
    assert turns(written(record, "a-s", "sensor_silent"))[2:] == [(50, False)]
    assert turns(written(record, "n-s", "sensor_silent"))[2:] == [(50, None)]


def test_a_device_that_is_removed_while_nobody_watches_ends_unknown(record: Record):
    apply(record, hall(20, "a"))
    live = Live(record, "spool-1", START)
    live.commit(START, START, everything=True)
    apply(record, site(outlets=[outlet("n")]))
    again = Live(record, "spool-1", START + 10 * S)
    again.commit(START + 10 * S, START + 10 * S, everything=True)
    assert turns(written(record, "a-s", "sensor_silent")) == [(0, False), (10, None)]
    assert turns(written(record, "gw", "gateway_offline")) == [(0, None)]


def test_a_change_is_pressing_and_seen_by_those_who_follow(record: Record):
    apply(record, hall(20, "a"))
    live = Live(record, "spool-1", START)
    live.take([Entry(1, "balai", [Reading("a-s", START + S, {"presence": 1.0})])])
    live.expire(START + S + 1)
    live.commit(START + 2 * S, START + 2 * S, everything=True)
    with record.reading() as connection:
        seen = changes_after(connection, 0, 100)[-1].id
    live.expire(START + 21 * S)
    assert not live.pressing
    live.expire(START + 21 * S + 1)
    assert live.pressing
    live.commit(START + 22 * S, START + 22 * S, everything=False)
    with record.reading() as connection:
        changes = [change[2:] for change in changes_after(connection, seen, 100)]
    assert sorted(changes) == [("a", "staff", START + 21 * S), ("a-s", "sensor_silent", START + 21 * S)]


def test_a_sensor_that_reports_and_is_stuck_says_so_in_its_health(record: Record):
    apply(record, hall(20, "a"))
    live = Live(record, "spool-1", START)
    flaps = [Reading("a-s", START + at_s * S, {"presence": float(at_s % 2)}) for at_s in range(30)]
    live.take([Entry(1, "balai", live.fresh("balai", flaps))])
    live.expire(START + 30 * S)
    live.judge(START + 30 * S)
    row = live.watches["balai", "a-s"].row()
    assert (row.state, row.since_ms) == ("stuck", START + 21 * S)
    live.judge(START + 100 * S)
    assert live.watches["balai", "a-s"].row().state == "stale"


def test_what_a_lost_commit_did_not_write_is_written_by_the_next(record: Record) -> None:
    apply(record, hall(20, "a"))
    live = Live(record, "spool-1", START)
    live.take([Entry(1, "balai", [Reading("a-s", START + S, {"presence": 1.0})])])
    live.commit(START + 2 * S, START + 2 * S, everything=True)
    live.take([Entry(2, "balai", [Reading("a-s", START + 9 * S, {"presence": 1.0})])])
    sql(record, "CREATE TRIGGER lost BEFORE UPDATE ON collector_progress BEGIN SELECT RAISE(ABORT, 'lost'); END")
    with pytest.raises(DBAPIError, match="lost"):
        live.commit(START + 10 * S, START + 10 * S, everything=True)
    sql(record, "DROP TRIGGER lost")
    live.commit(START + 11 * S, START + 11 * S, everything=True)
    again = Live(record, "spool-1", START + 12 * S)  # killed: row 2 is no longer asked for
    assert again.last_id == 2
    again.expire(START + 40 * S)
    again.commit(START + 40 * S, START + 40 * S, everything=True)
    assert turns(written(record, "a-s", "sensor_silent")) == [(0, False), (29, True)]


def sql(record: Record, statement: str) -> None:
    with record.writing() as connection:
        connection.exec_driver_sql(statement)


def test_what_was_declared_long_ago_is_not_read_again_with_each_change(record: Record):
    apply(record, site(outlets=[outlet("a-1")]))
    with record.writing(durable=False) as connection:
        declare_long_ago(connection, START, 100)
    live = Live(record, "spool-1", START)
    with record.writing(durable=False) as connection:
        registry.raise_version(connection, "balai", START)
    assert live.follow_registry(START)
    assert live.sites["balai"].absences == ()
