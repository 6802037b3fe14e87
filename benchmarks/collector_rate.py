"""How many readings a second one collector takes from mosquitto, on to disk and acknowledged, and into its store.

The messages wait at the broker (a persistent session); then the collector starts and drains them. Two forms: one
reading a message, and gateway packs of 20. In the same run `mosquitto_sub -q 1`, when it is installed, reads the same
messages: the floor that a client in C sets.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from collector.collector import CLIENT_ID, Collector
from hadir.broker import find_mosquitto
from presence import topics
from presence.readings import Reading
from presence.senml import encode_json
from presence.site import Agency, Outlet, Sensor, Site
from storage.record import Record, registry
from storage.timeseries import open_store
from transport.session import Message, Session, parse_broker

READINGS = int(os.environ.get("READINGS", "100000"))
SENSORS = 100
SITE = "bench"
_CONFIG = """
listener {port} 127.0.0.1
allow_anonymous true
max_queued_messages 0
max_inflight_messages 1000
user root
"""


def main() -> None:
    executable = find_mosquitto()
    if executable is None:
        raise SystemExit("mosquitto is not installed")
    results = {}
    for form, pack in (("one reading a message", 1), ("packs of 20", 20)):
        with tempfile.TemporaryDirectory() as folder:
            results[form] = _measure(str(executable), Path(folder), pack)
    print(json.dumps(results, indent=1))


def _measure(executable: str, folder: Path, pack: int) -> dict[str, float]:
    port = _free_port()
    config = folder / "mosquitto.conf"
    config.write_text(_CONFIG.format(port=port))
    broker = subprocess.Popen([executable, "-c", config], stderr=subprocess.DEVNULL)
    try:
        url = f"mqtt://127.0.0.1:{port}"
        _subscribe(url, CLIENT_ID)
        floor = shutil.which("mosquitto_sub")
        words = ["-h", "127.0.0.1", "-p", str(port), "-V", "5", "-q", "1", "-c", "-x", "3600", "-i", "floor"]
        if floor:
            subprocess.run([floor, *words, "-t", "hadir/1/#", "-E"], check=True)
        readings = _readings()
        _publish(url, readings, pack)
        found = _drain(url, folder, len(readings) // pack)
        if floor:
            began = time.perf_counter()
            count = str(len(readings) // pack)
            subprocess.run([floor, *words, "-t", "hadir/1/#", "-C", count], check=True, stdout=subprocess.DEVNULL)
            found["mosquitto_sub readings/s"] = round(len(readings) / (time.perf_counter() - began))
        return found
    finally:
        broker.terminate()
        broker.wait(10)


def _drain(url: str, folder: Path, messages: int) -> dict[str, float]:
    with Record.open(f"sqlite:///{folder}/record.db") as record:
        with record.writing() as connection:
            registry.apply(connection, _site(), prune=True, now_ms=_clock())
        store = open_store(f"sqlite:///{folder}")
        collector = Collector(
            record=record,
            store=store,
            spool_path=folder / "spool.db",
            address=parse_broker(url),
            clock=_clock,
            pace=_clock,
        )
        stop = threading.Event()
        thread = threading.Thread(target=collector.run, args=(stop,))
        cpu_s = time.process_time()
        thread.start()
        _until(lambda: collector.spooled >= 1)
        began = time.perf_counter()
        _until(lambda: collector.spooled >= messages)
        spooled = time.perf_counter()
        _until(lambda: collector.stored >= messages)
        stored = time.perf_counter()
        cpu_s = time.process_time() - cpu_s
        stop.set()
        thread.join()
        store.close()
    return {
        "spooled and acknowledged readings/s": round(READINGS / (spooled - began)),
        "stored readings/s": round(READINGS / (stored - began)),
        "readings per CPU-second": round(READINGS / cpu_s),
    }


def _subscribe(url: str, client_id: str) -> None:
    """Make the session that keeps the messages."""
    session = Session(
        parse_broker(url),
        client_id=client_id,
        clean_start=False,
        session_expiry_s=3600,
        subscriptions=[topics.gateway_topic("+", "+", "readings")],
    )
    session.start()
    _until(lambda: session.connected)
    time.sleep(0.5)
    session.stop()


def _publish(url: str, readings: list[Reading], pack: int) -> None:
    window = threading.Semaphore(500)
    session = Session(
        parse_broker(url),
        client_id="publisher",
        clean_start=True,
        session_expiry_s=0,
        max_inflight=500,
        on_published=lambda mid: window.release(),
    )
    session.start()
    _until(lambda: session.connected)
    topic = topics.gateway_topic(SITE, "gw", "readings")
    for first in range(0, len(readings), pack):
        window.acquire()
        session.publish(Message(topic, encode_json(readings[first : first + pack], many_sensors=True)))
    for _ in range(500):
        window.acquire()
    session.stop()


def _readings() -> list[Reading]:
    begin_ms = _clock() - 60_000
    return [
        Reading(
            f"s{n % SENSORS}",
            begin_ms + n // SENSORS * 50,
            {
                "presence": float(n // SENSORS // 200 % 2),
                "moving": 0.0,
                "distance": 1.25,
                "still_energy": 40.0,
                "seq": float(n // SENSORS),
                "boot": 1.0,
            },
        )
        for n in range(READINGS)
    ]


def _site() -> Site:
    outlets = tuple(
        Outlet(id=f"o{n}", name=f"o{n}", agency="a", sensors=(Sensor(id=f"s{n}", kind="mmwave", zone="staff"),))
        for n in range(SENSORS)
    )
    return Site(
        id=SITE,
        name=SITE,
        timezone="Asia/Jakarta",
        country="ID",
        service_hours="24/7",
        agencies=(Agency(id="a", name="a"),),
        outlets=outlets,
    )


def _until(holds: Callable[[], bool], within_s: float = 120) -> None:
    deadline = time.monotonic() + within_s
    while not holds():
        if time.monotonic() > deadline:
            raise SystemExit("it did not come to that in time")
        time.sleep(0.002)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _clock() -> int:
    return time.time_ns() // 1_000_000


if __name__ == "__main__":
    main()
