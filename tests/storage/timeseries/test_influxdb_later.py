"""InfluxDB 2.x and 3 Core, by the real influxdb-client against a stand-in of the server."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from storage.timeseries import Point, Series, StoreUnavailable, open_store
from storage.timeseries.influxdb import InfluxStore, open_url

RADAR = Series("mpp-contoh", "disdukcapil-1", "staff", "radar-1")
AT = 1_793_000_000_000
DAY_MS = 86_400_000


@pytest.fixture(params=[2, 3])
def server(request: pytest.FixtureRequest, influx_stand_in: Callable[[int], Any]) -> Any:
    return influx_stand_in(request.param)


@pytest.fixture
def store(server: Any) -> Iterator[InfluxStore]:
    opened = open_url(server.url, {"TOKEN": "t0ken"})
    yield opened
    opened.close()


def _points(n: int, sensor: str = "radar-1") -> list[Point]:
    return [Point(RADAR._replace(sensor=sensor), AT + i, {"presence": 1.0}) for i in range(n)]


def test_the_server_is_recognised_and_said_in_the_log(
    server: Any, store: InfluxStore, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "hadir.storage")
    store.write(_points(1))
    version = {2: "2.7.12", 3: "3.2.1"}[server.major]
    (line,) = caplog.messages
    assert line.endswith(f"/hadir: InfluxDB {version}")
    assert "t0ken" not in line
    assert f"InfluxDB {version}, may be written and read" in store.check()


@pytest.mark.parametrize("fault", ["conflict", "garbled"])
def test_poison_lines_are_found_and_the_others_stored(server: Any, store: InfluxStore, fault: str) -> None:
    points = _points(100)
    bad = [points[i]._replace(series=RADAR._replace(sensor=f"{fault}-{i}")) for i in (3, 60)]
    points[3], points[60] = bad
    refused = store.write(points)
    assert [point for point, _ in refused] == bad
    assert len(store.read([RADAR], AT, AT + 100)) == 98
    assert len(server.writes) <= 1 + 2 * (2 * 7 + 2)


def test_when_every_line_is_refused_alike_an_operator_is_asked(server: Any, store: InfluxStore) -> None:
    with pytest.raises(StoreUnavailable, match=r"every line is refused: .*field type conflict") as caught:
        store.write(_points(9, "conflict-1"))
    assert caught.value.operator


@pytest.mark.parametrize(
    ("status", "headers", "retry_after_s"),
    [
        (503, {"Retry-After": "7"}, 7.0),
        (429, {"Retry-After": "99999"}, 300.0),
        (503, {"Retry-After": "soon"}, None),
        (500, {}, None),
        (200, {"Content-Type": "text/html"}, None),
    ],
)
def test_a_server_that_cannot_now_is_asked_again_later(
    server: Any, store: InfluxStore, status: int, headers: dict[str, str], retry_after_s: float | None
) -> None:
    server.next_writes.append((status, headers, b"not now"))
    with pytest.raises(StoreUnavailable, match=f"{status} on write") as caught:
        store.write(_points(2))
    assert (caught.value.retry_after_s, caught.value.operator) == (retry_after_s, False)
    assert server.writes == [2]
    assert store.write(_points(2)) == []
    assert len(store.read([RADAR], AT, AT + 9)) == 2


def test_a_connection_cut_before_the_answer_stores_nothing_for_us(server: Any, store: InfluxStore) -> None:
    server.next_writes.append(None)
    with pytest.raises(StoreUnavailable, match="no answer") as caught:
        store.write(_points(2))
    assert not caught.value.operator
    assert store.write(_points(2)) == []


def test_a_body_too_large_is_halved(server: Any, store: InfluxStore) -> None:
    server.next_writes.extend([(413, {}, b""), (413, {}, b"")])
    assert store.write(_points(40)) == []
    assert len(store.read([RADAR], AT, AT + 99)) == 40
    assert server.writes[:3] == [40, 20, 20]


def test_a_wrong_token_is_told_without_it(server: Any) -> None:
    store = open_url(server.url, {"TOKEN": "wr0ng"})
    with pytest.raises(StoreUnavailable, match="user, password or token are not accepted") as caught:
        store.write(_points(1))
    store.close()
    assert caught.value.operator
    assert "wr0ng" not in str(caught.value)


def test_a_password_serves_as_token(server: Any) -> None:
    url = server.url.replace("influxdb://", "influxdb://hadir:{env:TOKEN}@").replace("&token={env:TOKEN}", "")
    store = open_store(url, environment={"TOKEN": "t0ken"})
    assert store.write(_points(2)) == []
    assert len(store.read([RADAR], AT, AT + 9)) == 2
    store.close()


def test_a_missing_bucket_of_2_x_is_told_and_used_when_it_is_there(influx_stand_in: Callable[[int], Any]) -> None:
    server = influx_stand_in(2)
    del server.buckets["hadir"]
    store = open_url(server.url, {"TOKEN": "t0ken"})
    with pytest.raises(StoreUnavailable, match='404 on write: no database or bucket "hadir"') as caught:
        store.write(_points(1))
    assert caught.value.operator
    server.buckets["hadir"] = {}
    assert store.write(_points(1)) == []
    store.close()


def test_2_x_needs_an_organisation(influx_stand_in: Callable[[int], Any]) -> None:
    server = influx_stand_in(2)
    store = open_url(server.url.replace("org=balai&", ""), {"TOKEN": "t0ken"})
    with pytest.raises(StoreUnavailable, match=r"InfluxDB 2.7.12 needs \?org=") as caught:
        store.write(_points(1))
    assert caught.value.operator
    store.close()


def test_3_is_read_day_by_day(influx_stand_in: Callable[[int], Any]) -> None:
    server = influx_stand_in(3)
    store = open_url(server.url, {"TOKEN": "t0ken"})
    store.write(_points(1))
    store.read([RADAR], AT, AT + 5 * DAY_MS)
    store.close()
    assert server.windows == [DAY_MS] * 5


def test_a_server_that_was_upgraded_meanwhile_is_looked_at_anew(influx_stand_in: Callable[[int], Any]) -> None:
    server = influx_stand_in(2)
    store = open_url(server.url, {"TOKEN": "t0ken"})
    store.write(_points(1))
    server.major = 3
    server.next_writes.append(None)
    with pytest.raises(StoreUnavailable):
        store.write(_points(2))
    store.write(_points(2))
    assert "InfluxDB 3.2.1" in store.check()
    store.close()
