"""What sidak answers, as JSON and as a page, at a site of 500 outlets.

A web process of its own holds the live state of 500 outlets (ten duties of two; one in eight empty, of which half have
an alert that somebody was told of; one in twenty unknown) and answers over loopback, one connection, request after
request. Prints milliseconds: p50, p95, p99, max, and the bytes of an answer. Target: p99 < 50 ms.
"""

from __future__ import annotations

import http.client
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from api.app import create_app, serve
from api.feed import Feed
from api.parts import Parts
from presence.alerts.escalation import Recipient
from presence.alerts.life import Alert
from presence.instants import parse_instant, rfc3339
from presence.site import Agency, Contact, Duty, Outlet, Sensor, Site
from storage.record import Record
from storage.record.alerts import StoredAlert, enqueue, mark_sent, put
from storage.record.registry import apply
from storage.record.users import make_account, make_token
from transport.session import BrokerAddress

OUTLETS = int(os.environ.get("OUTLETS", "500"))
REQUESTS = int(os.environ.get("REQUESTS", "500"))
NOW_MS = parse_instant("2026-11-24T10:42:07+07:00")
MINUTE_MS = 60_000
SITE = "mall"


def main() -> None:
    if len(sys.argv) > 1:
        _serve(sys.argv[1], int(sys.argv[2]))
        return
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/record.db"
        with Record.open(url) as record:
            token = _fill(record)
        print(json.dumps(_answers(url, Path(folder), token), indent=1))


def _fill(record: Record) -> str:
    """The site and its alerts; a token that may see them."""
    agencies = tuple(
        Agency(
            id=f"instansi-{n}", name=f"Instansi {n}", contacts=(Contact(id="loket", name="Loket", phone="0200 555"),)
        )
        for n in range(OUTLETS // 20 + 1)
    )
    site = Site(
        id=SITE,
        name="Mal Pelayanan Publik",
        timezone="Asia/Jakarta",
        country="ID",
        service_hours="Mo-Th 08:00-12:00,13:00-15:00; Fr 08:00-11:00,13:00-15:00; PH off",
        agencies=agencies,
        outlets=tuple(
            Outlet(
                id=f"loket-{n}",
                name=f"Loket {n}",
                number=n,
                agency=f"instansi-{n // 20}",
                service="Pelayanan",
                sensors=(Sensor(id=f"sensor-{n}", kind="direct", zone="staff"),),
            )
            for n in range(OUTLETS)
        ),
        duties=tuple(Duty(id=f"tugas-{n}", outlets=(f"loket-{2 * n}", f"loket-{2 * n + 1}")) for n in range(10)),
    )
    with record.writing() as connection:
        apply(connection, site, prune=True, now_ms=0)
        for n in range(24, OUTLETS, 16):
            since_ms = NOW_MS - n * MINUTE_MS // 8
            alert = Alert("vacancy", "outlet", f"loket-{n}", since_ms, since_ms + 10 * MINUTE_MS)
            put(connection, SITE, StoredAlert(f"alert-{n}", alert, False, None), NOW_MS)
            told = Recipient(f"instansi-{n // 20}", "loket")
            mark_sent(connection, enqueue(connection, SITE, f"alert-{n}", "firing", told, "{}", NOW_MS), NOW_MS)
        make_account(connection, "benchmark", NOW_MS)
        return make_token(connection, "benchmark", "", NOW_MS)


def _answers(url: str, folder: Path, token: str) -> dict[str, dict[str, float | int]]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    web = subprocess.Popen([sys.executable, __file__, url, str(port)], cwd=folder, env=os.environ | _path())
    try:
        connection = _connected(port)
        return {
            what: _times(connection, path, {"Authorization": f"Bearer {token}", "Accept": accept})
            for what, path, accept in (
                ("json", f"/api/v1/sidak?site={SITE}", "application/json"),
                ("page", f"/sidak?site={SITE}", "text/html"),
            )
        }
    finally:
        web.terminate()
        web.wait(30)


def _times(connection: http.client.HTTPConnection, path: str, headers: dict[str, str]) -> dict[str, float | int]:
    times_ms, size = [], 0
    for number in range(REQUESTS + 10):
        started = time.perf_counter()
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        size = len(answer.read())
        if answer.status != 200:
            raise SystemExit(f"{path}: {answer.status}")
        if number >= 10:  # the first ones warm up
            times_ms.append((time.perf_counter() - started) * 1000)
    ordered = sorted(times_ms)
    return {
        "requests": len(ordered),
        "p50_ms": round(statistics.median(ordered), 1),
        "p95_ms": round(ordered[int(len(ordered) * 0.95)], 1),
        "p99_ms": round(ordered[int(len(ordered) * 0.99)], 1),
        "max_ms": round(ordered[-1], 1),
        "bytes": size,
    }


def _connected(port: int) -> http.client.HTTPConnection:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        try:
            connection.request("GET", "/healthz")
            connection.getresponse().read()
        except OSError:
            time.sleep(0.1)
        else:
            return connection
    raise SystemExit("the web process did not come up")


def _path() -> dict[str, str]:
    return {"PYTHONPATH": str(Path(__file__).parents[1])}


def _serve(url: str, port: int) -> None:
    with Record.open(url) as record, socket.create_server(("127.0.0.1", port)) as listening:
        app = create_app(Parts(record=record, broker=BrokerAddress("127.0.0.1", 1), now=lambda: NOW_MS))
        _speak(app.state.feed)
        serve(app, listening, threading.Event())


def _speak(feed: Feed) -> None:
    """What a collector would say of every outlet, given to the live state itself: no broker is measured here."""
    feed.live.broker_met()
    feed.live.hear_collector(SITE, _json({"state": "online", "at": rfc3339(NOW_MS)}), retained=False, now_ms=NOW_MS)
    for n in range(OUTLETS):
        state = "unknown" if n % 20 == 1 else "vacant" if n % 8 == 0 else "occupied"
        since = rfc3339(NOW_MS - n * MINUTE_MS // 8)
        zone = {"state": state, "p": {"vacant": 0.02, "occupied": 0.98}.get(state, 0.5), "since": since}
        body = {
            "site": SITE,
            "outlet": f"loket-{n}",
            "status": {"vacant": "vacant", "occupied": "staffed"}.get(state, "unknown"),
            "since": since,
            "zones": {"staff": zone | {"seen": rfc3339(NOW_MS - 4000)}},
            "until": None,
            "reason": None,
            "at": rfc3339(NOW_MS),
            "version": 1,
        }
        feed.live.hear_occupancy(SITE, f"loket-{n}", _json(body), NOW_MS)


def _json(value: object) -> bytes:
    return json.dumps(value).encode()


if __name__ == "__main__":
    main()
