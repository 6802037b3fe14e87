"""Against a real InfluxDB 1.6."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from presence.readings import Reading
from storage.timeseries import Point, Series, StoreUnavailable
from storage.timeseries.influxdb import InfluxStore, open_url

RADAR = Series("mpp-contoh", "disdukcapil-1", "staff", "radar-1")
AT = 1_793_000_000_000

Opener = Callable[..., InfluxStore]


@pytest.fixture
def opened() -> Iterator[Opener]:
    stores: list[InfluxStore] = []

    def open_it(url: str, **environment: str) -> InfluxStore:
        stores.append(open_url(url, environment))
        return stores[-1]

    yield open_it
    for store in stores:
        store.close()


def _points(n: int, **values: float) -> list[Point]:
    return [Point(RADAR, AT + i, values or {"presence": 1.0}) for i in range(n)]


def test_a_missing_database_is_made_and_said_once(
    influxd: Any, opened: Opener, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "hadir.storage")
    store = opened(f"{influxd.url}/fresh")
    store.write(_points(1))
    store.write(_points(2))
    assert caplog.messages == [f"{influxd.url}/fresh: InfluxDB 1.6.7~rc0, database made"]
    assert len(store.read([RADAR], AT, AT + 9)) == 2
    influxd.query("DROP DATABASE fresh")
    with pytest.raises(StoreUnavailable, match='404 on write: no database or bucket "fresh"') as caught:
        store.write(_points(1))
    assert caught.value.operator
    store.write(_points(1))
    assert len(caplog.messages) == 2


def test_while_the_server_is_away_nothing_is_taken_as_stored(
    influxd: Any, influx_database: str, opened: Opener
) -> None:
    store = opened(f"{influxd.url}/{influx_database}")
    store.write(_points(1))
    influxd.stop()
    try:
        for work in (lambda: store.write(_points(2)), lambda: store.read([RADAR], AT, AT + 9), store.check):
            with pytest.raises(StoreUnavailable, match=r"no answer: .*Connection refused") as caught:
                work()
            assert not caught.value.operator
    finally:
        influxd.start()
    store.write(_points(2))
    assert len(store.read([RADAR], AT, AT + 9)) == 2


def test_confirmed_points_outlive_a_crash_of_the_server(influxd: Any, influx_database: str, opened: Opener) -> None:
    store = opened(f"{influxd.url}/{influx_database}")
    store.write(_points(500))
    influxd.kill()
    influxd.start()
    assert len(store.read([RADAR], AT, AT + 500)) == 500


def test_a_poison_line_is_found_and_the_others_stored(influxd: Any, influx_database: str, opened: Opener) -> None:
    """The server has an integer in the field `co2` of this shard: floats there are refused for good."""
    influxd.request("POST", f"/write?db={influx_database}&precision=ms", f"reading,sensor=foreign co2=1i {AT}")
    store = opened(f"{influxd.url}/{influx_database}")
    points = _points(300)
    bad = {7, 8, 250}
    for i in bad:
        points[i] = points[i]._replace(values={"co2": 400.0, "presence": 1.0})
    refused = store.write(points)
    assert [point for point, _ in refused] == [points[i] for i in sorted(bad)]
    assert all('field type conflict: input field "co2"' in reason for _, reason in refused)
    assert len(store.read([RADAR], AT, AT + 300)) == 297


def test_when_every_line_is_refused_alike_an_operator_is_asked(
    influxd: Any, influx_database: str, opened: Opener
) -> None:
    influxd.request("POST", f"/write?db={influx_database}&precision=ms", f"reading,sensor=foreign presence=1i {AT}")
    store = opened(f"{influxd.url}/{influx_database}")
    with pytest.raises(StoreUnavailable, match=r"every line is refused: .*field type conflict") as caught:
        store.write(_points(20))
    assert caught.value.operator


def test_points_older_than_the_server_keeps_are_refused(influxd: Any, influx_database: str, opened: Opener) -> None:
    influxd.query(f'ALTER RETENTION POLICY autogen ON "{influx_database}" DURATION 1000w')
    store = opened(f"{influxd.url}/{influx_database}")
    old = [point._replace(at_ms=i) for i, point in enumerate(_points(30))]
    refused = store.write([*old, *_points(5)])
    assert [point for point, _ in refused] == old
    assert all("beyond retention policy" in reason for _, reason in refused)
    assert len(store.read([RADAR], 0, AT + 9)) == 5
    assert "kept for 168000h0m0s" in store.check()


def test_foreign_fields_and_series_in_the_measurement_do_no_harm(
    influxd: Any, influx_database: str, opened: Opener
) -> None:
    store = opened(f"{influxd.url}/{influx_database}")
    store.write(_points(1))
    foreign = [f'reading,sensor=foreign,room=hall presence=1,note="hello",ok=true {AT}', f"other v=1 {AT}"]
    influxd.request("POST", f"/write?db={influx_database}&precision=ms", "\n".join(foreign))
    tags = "outlet=disdukcapil-1,sensor=radar-1,site=mpp-contoh,zone=staff"
    influxd.request("POST", f"/write?db={influx_database}&precision=ms", f'reading,{tags} note="hello" {AT + 1}')
    assert store.read([RADAR], AT, AT + 9) == [Reading("radar-1", AT, {"presence": 1.0})]


def test_check_says_version_and_retention(influxd: Any, influx_database: str, opened: Opener) -> None:
    url = f"{influxd.url}/{influx_database}"
    assert opened(url).check() == f"{url}: InfluxDB 1.6.7~rc0, may be written and read, kept for ever"


def test_influxdb_client_is_not_loaded_for_a_server_of_1_x(influxd: Any, influx_database: str) -> None:
    code = """
import sys
from storage.timeseries import open_store
assert "urllib3" not in sys.modules
store = open_store(sys.argv[1])
store.check()
store.close()
assert "influxdb_client" not in sys.modules
"""
    url = f"{influxd.url}/{influx_database}"
    assert subprocess.run([sys.executable, "-c", code, url], timeout=60).returncode == 0


def test_who_may_use_the_database_may_write_and_read(influxd_with_users: Any, opened: Opener) -> None:
    host = influxd_with_users.url.removeprefix("influxdb://")
    store = opened(f"influxdb://member:{{env:PASSWORD}}@{host}/h", PASSWORD="m")
    store.write(_points(3))
    assert len(store.read([RADAR], AT, AT + 9)) == 3
    assert "may be written and read" in store.check()
    assert "member" not in store.check()


@pytest.mark.parametrize(
    ("user", "database", "words"),
    [
        ("", "h", "401 on query: user, password or token are not accepted; unable to parse authentication credentials"),
        ("member:wrong@", "h", "401 on query: user, password or token are not accepted; authorization failed"),
        ("member:m@", "other", 'no database "other" that we may use, and we may not make it; create it or grant it'),
        ("nobody:n@", "h", 'no database "h" that we may use'),
    ],
)
def test_who_is_not_let_in_is_told_in_one_line(
    influxd_with_users: Any, opened: Opener, user: str, database: str, words: str
) -> None:
    host = influxd_with_users.url.removeprefix("influxdb://")
    store = opened(f"influxdb://{user}{host}/{database}")
    with pytest.raises(StoreUnavailable) as caught:
        store.write(_points(1))
    assert words in str(caught.value)
    assert caught.value.operator
    assert user not in str(caught.value) or not user


def test_who_may_write_only_is_found_by_check(influxd_with_users: Any, opened: Opener) -> None:
    host = influxd_with_users.url.removeprefix("influxdb://")
    store = opened(f"influxdb://writer:w@{host}/h")
    assert store.write(_points(1)) == []
    with pytest.raises(StoreUnavailable, match="403 on query") as caught:
        store.check()
    assert caught.value.operator
