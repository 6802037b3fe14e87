"""What every store promises, kept by each of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import inf, nan
from pathlib import Path
from typing import Any

import pytest

from presence.errors import BadInput
from presence.readings import Reading
from storage.timeseries import Point, Series, Store, open_store

RADAR = Series("mpp-contoh", "disdukcapil-1", "staff", "radar-1")
PIR = Series("mpp-contoh", "disdukcapil-1", "visitor", "pir-1")
AT = 1_793_000_000_000
DAY_MS = 86_400_000


@pytest.fixture(params=["sqlite", "influxdb-1", "influxdb-2", "influxdb-3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    environment: dict[str, str] = {}
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/readings"
    elif request.param == "influxdb-1":
        database = request.getfixturevalue("influx_database")
        url = f"{request.getfixturevalue('influxd').url}/{database}"
    else:
        start: Callable[[int], Any] = request.getfixturevalue("influx_stand_in")
        url = start(int(request.param[-1])).url
        environment["TOKEN"] = "t0ken"
    opened = open_store(url, environment=environment)
    yield opened
    opened.close()


def test_what_was_written_is_read(store: Store) -> None:
    points = [
        Point(RADAR, AT, {"presence": 1.0, "distance": 1.25}),
        Point(PIR, AT + 5, {"presence": 0.0}),
        Point(RADAR, AT + 10_000, {"presence": 0.0, "distance": 0.1 + 0.2}),
    ]
    assert store.write(points) == []
    assert store.read([PIR, RADAR], AT, AT + 60_000) == [
        Reading("radar-1", AT, {"presence": 1.0, "distance": 1.25}),
        Reading("pir-1", AT + 5, {"presence": 0.0}),
        Reading("radar-1", AT + 10_000, {"presence": 0.0, "distance": 0.1 + 0.2}),
    ]


def test_nothing_is_read_before_anything_is_written(store: Store) -> None:
    assert store.read([RADAR], AT, AT + DAY_MS) == []


def test_writing_the_same_points_again_changes_nothing(store: Store) -> None:
    points = [Point(RADAR, AT + i, {"presence": 1.0}) for i in range(3)]
    for _ in range(3):
        assert store.write(points) == []
    assert [reading.at_ms for reading in store.read([RADAR], AT, AT + 3)] == [AT, AT + 1, AT + 2]


def test_a_range_is_half_open(store: Store) -> None:
    store.write([Point(RADAR, AT + i, {"presence": 1.0}) for i in range(4)])
    assert [reading.at_ms for reading in store.read([RADAR], AT + 1, AT + 3)] == [AT + 1, AT + 2]
    assert store.read([RADAR], AT + 1, AT + 1) == []


def test_series_are_told_apart_by_every_tag(store: Store) -> None:
    others = [RADAR._replace(**{tag: "other"}) for tag in RADAR._fields]
    store.write([Point(series, AT, {"distance": float(i)}) for i, series in enumerate([RADAR, *others])])
    assert store.read([RADAR], AT, AT + 1) == [Reading("radar-1", AT, {"distance": 0.0})]
    assert store.read([others[1]], AT, AT + 1) == [Reading("radar-1", AT, {"distance": 2.0})]


def test_a_sensor_that_moved_is_read_in_both_places(store: Store) -> None:
    moved = RADAR._replace(outlet="imigrasi-2")
    store.write([Point(RADAR, AT, {"presence": 1.0}), Point(moved, AT + 1, {"presence": 0.0})])
    assert [reading.at_ms for reading in store.read([moved, RADAR, moved], AT, AT + 2)] == [AT, AT + 1]


def test_days_apart_are_read_together(store: Store) -> None:
    instants = [AT + DAY_MS * days for days in (0, 1, 6, 7, 8, 40)]
    store.write([Point(RADAR, at_ms, {"presence": 1.0}) for at_ms in instants])
    assert [reading.at_ms for reading in store.read([RADAR], AT, AT + 41 * DAY_MS)] == instants


def test_unusable_points_are_refused_one_by_one_and_the_rest_stored(store: Store) -> None:
    good = Point(RADAR, AT, {"presence": 1.0})
    bad = [
        Point(RADAR, AT + 1, {"presence": 1.0, "distance": nan}),
        Point(RADAR, AT + 2, {"presence": inf}),
        Point(RADAR, AT + 3, {}),
        Point(RADAR, AT + 4, {"time": 1.0}),
        Point(RADAR, -5, {"presence": 1.0}),
        Point(RADAR._replace(sensor="Radar 1"), AT + 6, {"presence": 1.0}),
    ]
    refused = store.write([*bad[:3], good, *bad[3:]])
    assert sorted(point.at_ms for point, reason in refused if reason) == sorted(point.at_ms for point in bad)
    assert store.read([RADAR], AT - DAY_MS, AT + DAY_MS) == [Reading("radar-1", AT, {"presence": 1.0})]


def test_check_says_what_it_is(store: Store) -> None:
    store.write([Point(RADAR, AT, {"presence": 1.0})])
    assert store.check()


def test_nothing_written_is_nothing_done(store: Store) -> None:
    assert store.write([]) == []
    assert store.seal(AT) == 0


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("postgres://host/x", "no store for 'postgres'; one of sqlite, influxdb, influxdb+https"),
        ("hadir-data", "no store for 'hadir-data'"),
        ("sqlite:hadir-data", "names no folder; write sqlite:///hadir-data"),
        ("sqlite:///", "names no folder"),
        ("sqlite:////dev/null/x", "/dev/null/x: Not a directory"),
        ("influxdb://host:8086", "no database"),
        ("influxdb:///hadir", "no host"),
        ("influxdb://host:http/hadir", "Port could not be cast"),
        ("influxdb://host/ha%22dir", "no database that could be"),
        ("influxdb://host/hadir?orgg=x", "unknown option 'orgg'"),
        ("influxdb://u:{env:NONE}@host/hadir", "{env:NONE} names no environment variable; set NONE"),
    ],
)
def test_a_url_that_cannot_be_used_is_refused_with_what_to_write(url: str, words: str) -> None:
    with pytest.raises(BadInput) as caught:
        open_store(url, environment={})
    assert words in str(caught.value)
