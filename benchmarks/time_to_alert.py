"""From the end of the configured hold to the request at the channel, and from the end of `stale_after` to unknown.

The real processes: mosquitto, `hadir collector run` and `hadir api run --only engine`, and a site of 38 counters whose
76 sensors publish about 30 native messages a second over MQTT. Counters are left empty for a little longer than their
hold (5 to 12 s): an alert is timed from the instant at which its hold ended, which it bears as `fired`, until its
request has come in whole at a webhook on loopback. Others fall silent: they are timed from the last report plus
`stale_after` until their unknown interval can be read in the record, by a reader that looks every 10 ms. All clocks are
this machine's. Prints milliseconds, and the processor seconds that each process took. Target: p99 < 2 s for both.
"""

from __future__ import annotations

import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from sqlalchemy import func, select

from hadir import broker
from presence import topics
from presence.instants import parse_instant
from presence.readings import Reading
from presence.senml import encode_json
from presence.site import Agency, Contact, Outlet, Rule, Sensor, Site
from storage.record import Record
from storage.record.registry import apply
from storage.record.tables import occupancy_interval
from transport.session import Message, Session, parse_broker

OUTLETS = 38
LASTS_S = float(os.environ.get("RUN_S", "150"))
SITE = "mall"
_WARMING_S = 8.0
_HEARTBEAT_MS = 2_600  # 76 sensors, so about 30 messages a second with the changes
_STALE_AFTER_MS = 3_000
_HADIR = [sys.executable, "-m", "hadir.cli"]
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def main() -> None:
    executable = broker.find_mosquitto()
    if executable is None:
        raise SystemExit("mosquitto is not installed")
    with tempfile.TemporaryDirectory() as name, webhook() as (port, arrived_ms):
        folder = Path(name)
        running = broker.start_mosquitto(executable, host="127.0.0.1", port=0, folder=folder)
        try:
            with Record.open(f"sqlite:///{folder}/record.db") as record:
                with record.writing() as connection:
                    apply(connection, _site(port), prune=True, now_ms=_now_ms())
                found = _measure(record, folder, running, arrived_ms)
        finally:
            running.stop()
    print(json.dumps(found, indent=1))


def _measure(
    record: Record, folder: Path, running: broker.Broker, arrived_ms: Sequence[tuple[int, int]]
) -> dict[str, object]:
    environment = {**os.environ, "HADIR_DATA": str(folder), "HADIR_BROKER": running.url}
    services = {"collector": ["collector", "run"], "engine": ["api", "run", "--only", "engine"]}
    children = {name: subprocess.Popen([*_HADIR, *words], env=environment) for name, words in services.items()}
    try:
        crowd = Crowd(running.url)
        crowd.publish_for(_WARMING_S, turning=False)
        pids = {"broker": running.pid, **{name: child.pid for name, child in children.items()}}
        before = {name: _cpu_s(pid) for name, pid in pids.items()}
        with unknown_seen(record) as unknown_ms:
            crowd.publish_for(LASTS_S, turning=True)
        spent = {name: round(100 * (_cpu_s(pid) - before[name]) / LASTS_S, 1) for name, pid in pids.items()}
        crowd.close()
    finally:
        for child in children.values():
            child.terminate()
        for child in children.values():
            child.wait(30)
    return {
        "messages/s": round(crowd.messages / (LASTS_S + _WARMING_S), 1),
        "time to alert beyond the hold": _spread([came - fired for fired, came in arrived_ms]),
        "counters left empty for long enough": crowd.emptied,
        "time to unknown beyond stale_after": _spread(unknown_ms),
        "% of a core": spent,
    }


def _spread(times_ms: Sequence[int]) -> dict[str, float | int]:
    if len(times_ms) < 2:
        return {"count": len(times_ms)}
    ordered = sorted(times_ms)
    return {
        "count": len(ordered),
        "p50_ms": round(statistics.median(ordered)),
        "p95_ms": ordered[int(len(ordered) * 0.95)],
        "p99_ms": ordered[int(len(ordered) * 0.99)],
        "max_ms": ordered[-1],
    }


@dataclass(slots=True)
class Counter:
    """One counter and its two sensors: `until_ms` it stays as it is, which is occupied, vacant or silent."""

    number: int
    hold_ms: int
    state: str = "occupied"
    until_ms: int = 0
    next_ms: dict[str, int] = field(default_factory=dict)


class Crowd:
    """All sensors of the site. `messages`: how many were published; `emptied`: how many alerts there must be."""

    def __init__(self, url: str) -> None:
        self.messages = self.emptied = 0
        self._chance = random.Random(1)  # noqa: S311  # a rehearsal, no secret
        self._counters = [Counter(n, _hold_ms(n)) for n in range(OUTLETS)]
        now_ms = _now_ms()
        for one in self._counters:
            one.until_ms = now_ms + round(1000 * (_WARMING_S + self._chance.uniform(0, 8)))
            one.next_ms = {side: now_ms + self._chance.randrange(_HEARTBEAT_MS) for side in ("staff", "visitor")}
        connected = threading.Event()
        self._session = Session(
            parse_broker(url),
            client_id="crowd",
            clean_start=True,
            session_expiry_s=0,
            on_connected=lambda _: connected.set(),
        )
        self._session.start()
        if not connected.wait(30):
            raise SystemExit("the broker does not answer")

    def publish_for(self, seconds: float, *, turning: bool) -> None:
        """`turning`: officers leave and come back, sensors fall silent; at the end all that was left has been told."""
        end_ms = _now_ms() + round(1000 * seconds)
        while (now_ms := _now_ms()) < end_ms:
            for one in self._counters:
                if turning and now_ms >= one.until_ms:
                    self._turn(one, now_ms, end_ms)
                for side, next_ms in one.next_ms.items():
                    if now_ms >= next_ms:
                        self._report(one, side, now_ms)
            time.sleep(0.005)

    def close(self) -> None:
        self._session.stop()

    def _turn(self, one: Counter, now_ms: int, end_ms: int) -> None:
        stays_ms = round(1000 * self._chance.uniform(4, 8))
        if one.state != "occupied":
            one.state = "occupied"
        elif self._chance.random() < 0.3:
            one.state, stays_ms = "silent", _STALE_AFTER_MS + 2_000
        else:
            one.state, stays_ms = "vacant", one.hold_ms + 4_000
        if one.state != "occupied" and now_ms + stays_ms > end_ms:
            one.state, one.until_ms = "occupied", end_ms + 1
            return
        self.emptied += one.state == "vacant"
        one.until_ms = now_ms + stays_ms
        # A change is told at once; the heartbeat goes on from there.
        self._report(one, "staff", now_ms)

    def _report(self, one: Counter, side: str, now_ms: int) -> None:
        one.next_ms[side] = now_ms + _HEARTBEAT_MS
        if one.state == "silent" and side == "staff":
            return
        present = one.state == "occupied" and side == "staff"
        sensor = f"{side}-{one.number}"
        reading = Reading(sensor, now_ms, {"presence": float(present)})
        topic = topics.sensor_topic(SITE, sensor, "readings")
        self._session.publish(Message(topic, encode_json([reading], many_sensors=False)))
        self.messages += 1


@contextmanager
def webhook() -> Iterator[tuple[int, list[tuple[int, int]]]]:
    """A receiver's port, and (fired, arrival) of each message that an alert fired, as they come in."""
    arrived: list[tuple[int, int]] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            came_ms = _now_ms()
            if body["event"] == "firing":
                arrived.append((parse_instant(body["alert"]["fired"]), came_ms))
            self.send_response(204)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_port, arrived
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def unknown_seen(record: Record) -> Iterator[list[int]]:
    """For each interval that is unknown and begins from now on: how long after its start it could be read."""
    seen_ms: list[int] = []
    stop = threading.Event()
    rows = occupancy_interval.c

    def look() -> None:
        with record.reading() as connection:
            newest = connection.execute(select(func.max(rows.id))).scalar_one()
        found = select(rows.id, rows.state, rows.start_ms).order_by(rows.id)
        while not stop.wait(0.01):
            with record.reading() as connection:
                new = connection.execute(found.where(rows.id > newest)).all()
            now_ms = _now_ms()
            for row in new:
                newest = row.id
                if row.state == "unknown":
                    seen_ms.append(now_ms - row.start_ms)

    reader = threading.Thread(target=look)
    reader.start()
    try:
        yield seen_ms
    finally:
        stop.set()
        reader.join()


def _site(port: int) -> Site:
    def sensors(n: int) -> tuple[Sensor, ...]:
        return (
            Sensor(id=f"staff-{n}", kind="direct", zone="staff", stale_after_given_ms=_STALE_AFTER_MS),
            Sensor(id=f"visitor-{n}", kind="direct", zone="visitor", stale_after_given_ms=_STALE_AFTER_MS),
        )

    contact = Contact(id="koordinator", name="Koordinator", channel=f"hadir+http://127.0.0.1:{port}/")
    return Site(
        id=SITE,
        name="Mal Pelayanan Publik",
        timezone="Asia/Jakarta",
        country="ID",
        service_hours="24/7",
        agencies=tuple(Agency(id=f"instansi-{n}", name=f"Instansi {n}", contacts=(contact,)) for n in range(OUTLETS)),
        outlets=tuple(
            Outlet(
                id=f"loket-{n}",
                name=f"Loket {n}",
                agency=f"instansi-{n}",
                rules={"vacancy": Rule(after_ms=_hold_ms(n), min_presence_ms=1_000)},
                sensors=sensors(n),
            )
            for n in range(OUTLETS)
        ),
    )


def _hold_ms(n: int) -> int:
    return 5_000 + 1_000 * (n % 8)


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS_PER_S


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


if __name__ == "__main__":
    main()
