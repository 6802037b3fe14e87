"""What sidak answers, as JSON and as a page, at a site of 500 outlets, asked 200 times a second.

A web process of its own holds the live state of 500 outlets (ten duties of two; one in eight empty, of which half have
an alert that somebody was told of; one in twenty unknown), hears a change of one of them twice a second, and answers
over loopback. The load is open: requests fall due 200 times a second on 16 connections, whatever became of those
before, and the time of each counts from when it was due. Prints milliseconds: p50, p95, p99, max, the bytes of an
answer, the CPU time that it took, and how many were answered a second. Target: p99 < 50 ms at 200 a second.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import itertools
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from fastapi import FastAPI

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
REQUESTS = int(os.environ.get("REQUESTS", "4000"))
A_SECOND = int(os.environ.get("A_SECOND", "200"))
CONNECTIONS = 16
NEWS_EVERY_S = 0.5
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
        _await_web(port)
        return {
            what: _measured(web.pid, port, path, {"Authorization": f"Bearer {token}", "Accept": accept})
            for what, path, accept in (
                ("json", f"/api/v1/sidak?site={SITE}", "application/json"),
                ("page", f"/sidak?site={SITE}", "text/html"),
            )
        }
    finally:
        web.terminate()
        web.wait(30)


def _measured(pid: int, port: int, path: str, headers: dict[str, str]) -> dict[str, float | int]:
    asyncio.run(_times(port, path, headers, A_SECOND))  # a second to warm up
    cpu_s, began = _cpu_s(pid), time.perf_counter()
    times_ms, size = asyncio.run(_times(port, path, headers, REQUESTS))
    took_s, cpu_s = time.perf_counter() - began, _cpu_s(pid) - cpu_s
    ordered = sorted(times_ms)
    return {
        "requests": len(ordered),
        "answered a second": round(len(ordered) / took_s),
        "p50_ms": round(statistics.median(ordered), 1),
        "p95_ms": round(ordered[int(len(ordered) * 0.95)], 1),
        "p99_ms": round(ordered[int(len(ordered) * 0.99)], 1),
        "max_ms": round(ordered[-1], 1),
        "cpu_ms": round(cpu_s * 1000 / len(ordered), 2),
        "bytes": size,
    }


async def _times(port: int, path: str, headers: dict[str, str], requests: int) -> tuple[list[float], int]:
    """How long each of `requests` took from when it was due, and the bytes of the last answer."""
    loop = asyncio.get_running_loop()
    lines = [f"GET {path} HTTP/1.1", "Host: 127.0.0.1", "Accept-Encoding: gzip"]
    asking = "\r\n".join([*lines, *(f"{name}: {value}" for name, value in headers.items()), "", ""]).encode()
    times_ms, size, due = [], 0, asyncio.Queue[float]()

    async def ask() -> None:
        nonlocal size
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while (due_at := await due.get()) >= 0:
            writer.write(asking)
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
            if " 200 " not in head.partition("\r\n")[0]:
                raise SystemExit(f"{path}: {head}")
            size = int(head.partition("content-length:")[2].partition("\r\n")[0])
            await reader.readexactly(size)
            times_ms.append((loop.time() - due_at) * 1000)
        writer.close()

    asking_now = [asyncio.create_task(ask()) for _ in range(CONNECTIONS)]
    began = loop.time()
    for number in range(requests):
        due_at = began + number / A_SECOND
        await asyncio.sleep(max(0.0, due_at - loop.time()))
        due.put_nowait(due_at)
    for _ in asking_now:
        due.put_nowait(-1.0)
    await asyncio.gather(*asking_now)
    return times_ms, size


def _cpu_s(pid: int) -> float:
    """The CPU time that the process has taken."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _await_web(port: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        try:
            connection.request("GET", "/healthz")
            connection.getresponse().read()
        except OSError:
            time.sleep(0.1)
        else:
            connection.close()
            return
    raise SystemExit("the web process did not come up")


def _path() -> dict[str, str]:
    return {"PYTHONPATH": str(Path(__file__).parents[1])}


def _serve(url: str, port: int) -> None:
    began = time.monotonic()

    def now() -> int:
        return NOW_MS + int((time.monotonic() - began) * 1000)

    with Record.open(url) as record, socket.create_server(("127.0.0.1", port)) as listening:
        app = create_app(Parts(record=record, broker=BrokerAddress("127.0.0.1", 1), now=now))
        feed, opened = app.state.feed, app.router.lifespan_context

        @contextlib.asynccontextmanager
        async def lifespan(app: FastAPI) -> AsyncIterator[object]:
            async with opened(app) as state:
                _speak(feed, now())
                speaking = asyncio.create_task(_go_on(feed, now))
                yield state
                speaking.cancel()

        app.router.lifespan_context = lifespan
        serve(app, listening, threading.Event())


async def _go_on(feed: Feed, now: Callable[[], int]) -> None:
    """One outlet after the other changes, as long as it is measured; the site stays believed."""
    for number in itertools.count():
        await asyncio.sleep(NEWS_EVERY_S)
        outlet, state = number % OUTLETS, "occupied" if number // OUTLETS % 2 else "vacant"
        _hear_outlet(feed, outlet, state)
        feed.stream.put("occupancy", SITE, f"loket-{outlet}", b"{}")
        _hear_collector(feed, now())


def _speak(feed: Feed, now_ms: int) -> None:
    """What a collector would say of every outlet, given to the live state itself: no broker is measured here."""
    feed.live.broker_met()
    _hear_collector(feed, now_ms)
    for n in range(OUTLETS):
        _hear_outlet(feed, n, "unknown" if n % 20 == 1 else "vacant" if n % 8 == 0 else "occupied")


def _hear_collector(feed: Feed, now_ms: int) -> None:
    feed.live.hear_collector(SITE, _json({"state": "online", "at": rfc3339(NOW_MS)}), retained=False, now_ms=now_ms)


def _hear_outlet(feed: Feed, n: int, state: str) -> None:
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
