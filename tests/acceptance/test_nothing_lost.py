"""Every reading is in the store exactly once, whatever is killed on the way."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from presence import topics
from presence.readings import Reading
from presence.senml import encode_json
from presence.site import Site
from presence.site_file import dump_site
from storage.record import Record
from storage.record.intervals import progress
from storage.timeseries import Series, open_store
from tests.builders import outlet, sensor, site
from tests.fixtures.hadir_command import Hadir, eventually
from transport.session import Message, NotConnected, Session, parse_broker

READINGS = 20_000
SENSORS = 40
PACK = 10


def mall() -> Site:
    return site(outlets=[outlet(f"loket-{n}", sensors=[sensor(f"s{n}")]) for n in range(SENSORS)], service_hours="24/7")


def made(begin_ms: int) -> list[Reading]:
    """Round after round of all sensors, 30 ms apart, each with its running number."""
    return [
        Reading(
            f"s{n % SENSORS}",
            begin_ms + 30 * (n // SENSORS) + n % SENSORS % 7,
            {"presence": float(n // SENSORS // 50 % 2), "seq": float(n // SENSORS), "boot": 1.0},
        )
        for n in range(READINGS)
    ]


def publish(url: str, readings: list[Reading], at: dict[int, Callable[[], object]]) -> None:
    """All packs with QoS 1, each acknowledged by the broker; `at` is called when so many packs are."""
    acknowledged = threading.Semaphore(0)
    window = threading.Semaphore(100)

    def published(mid: int) -> None:
        window.release()
        acknowledged.release()

    session = Session(
        parse_broker(url), client_id="bridge-of-test", clean_start=True, session_expiry_s=0, on_published=published
    )
    session.start()
    eventually(lambda: session.connected)
    packs = [readings[first : first + PACK] for first in range(0, len(readings), PACK)]
    for number, pack in enumerate(packs):
        assert window.acquire(timeout=60)
        if number in at:
            at[number]()
        payload = encode_json(pack, many_sensors=True)
        try:
            session.publish(Message(topics.gateway_topic("balai", "gw", "readings"), payload))
        except NotConnected as error:
            raise AssertionError("the broker went away") from error
    for _ in packs:
        assert acknowledged.acquire(timeout=60)
    session.stop()


def stored(url: str, begin_ms: int) -> Counter[tuple[str, int, float]]:
    """How often each reading of ours is in the store."""
    store = open_store(url)
    try:
        series = [Series("balai", f"loket-{n}", "staff", f"s{n}") for n in range(SENSORS)]
        found = store.read(series, begin_ms, begin_ms + 60_000 * 60)
    finally:
        store.close()
    return Counter((one.sensor, one.at_ms, one.values["seq"]) for one in found if "seq" in one.values)


def once_each(readings: list[Reading]) -> Counter[tuple[str, int, float]]:
    return Counter((one.sensor, one.at_ms, one.values["seq"]) for one in readings)


@pytest.fixture
def mall_file(hadir: Hadir, tmp_path: Path) -> Path:
    path = tmp_path / "site.yaml"
    path.write_text(dump_site(mall()))
    applied = hadir.run("site", "apply", str(path))
    assert applied.returncode == 0, applied.stderr
    return path


def await_listening(hadir: Hadir) -> None:
    """The collector's progress moves only when it is subscribed and has heard all that waited."""
    path = hadir.data / "record.db"

    def until_ms() -> int:
        with Record.open(f"sqlite:///{path}", create=False) as record, record.reading() as connection:
            return progress(connection, "balai") or 0

    first_ms = eventually(until_ms)
    eventually(lambda: until_ms() > first_ms)


@pytest.mark.usefixtures("mall_file")
def test_a_collector_that_is_killed_loses_and_doubles_nothing(hadir: Hadir, mosquitto: Any, tmp_path: Path):
    begin_ms = int(time.time() * 1000) - 60_000
    readings = made(begin_ms)
    environment = {"HADIR_BROKER": mosquitto.url}
    children = [hadir.start("collector", "run", **environment)]
    await_listening(hadir)

    def kill_and_start_again() -> None:
        hadir.kill(children[-1])
        children.append(hadir.start("collector", "run", **environment))

    publish(mosquitto.url, readings, {500: kill_and_start_again, 900: kill_and_start_again, 1500: kill_and_start_again})
    url = f"sqlite:///{hadir.data}"
    eventually(lambda: len(stored(url, begin_ms)) == READINGS, within_s=120, every_s=0.5)
    assert hadir.stop(children[-1]) == 0
    assert stored(url, begin_ms) == once_each(readings)


@pytest.mark.usefixtures("mall_file")
def test_a_store_that_is_away_for_a_while_gets_everything_afterwards(
    hadir: Hadir, mosquitto: Any, influxd: Any, influx_database: str
):
    begin_ms = int(time.time() * 1000) - 60_000
    readings = made(begin_ms)
    url = f"influxdb://127.0.0.1:{influxd.port}/{influx_database}"
    collector = hadir.start("collector", "run", HADIR_BROKER=mosquitto.url, HADIR_STORE=url)
    await_listening(hadir)
    publish(mosquitto.url, readings, {400: influxd.stop, 1400: influxd.start})
    eventually(lambda: len(stored(url, begin_ms)) == READINGS, within_s=120, every_s=0.5)
    assert hadir.stop(collector) == 0
    assert stored(url, begin_ms) == once_each(readings)
