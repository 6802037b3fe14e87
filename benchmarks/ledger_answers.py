"""What the ledger costs: to book a year of 38 counters, and to answer from it over HTTP.

A record with a year of intervals (about twenty a counter and day; two duties of two counters) is booked in the engine's
steps; then a web process of its own answers over loopback, each request for another counter, day or month. Prints, for
the booking, seconds, and milliseconds of one step, read and written; for the answers, milliseconds. Targets: a month of
a site p95 < 300 ms; an outlet's day p95 < 150 ms: its intervals and its ledger, one after the other; and cold, no day
asked for twice, the whole page with timeline, ledger, week, alerts and the plots of its readings (six quantities every
ten seconds, day and night, in the SQLite store).
"""

from __future__ import annotations

import http.client
import json
import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import insert

from api.alerting.books import SiteBooks
from api.app import create_app, serve
from api.parts import Parts
from presence.site import Agency, Duty, Outlet, Sensor, Site
from storage.record import Record, alerts
from storage.record.alerts import Cursor
from storage.record.hours import hours_history
from storage.record.intervals import set_progress
from storage.record.registry import EVER, apply, load_site
from storage.record.tables import occupancy_interval
from storage.timeseries import open_store
from storage.timeseries.points import Point, Series
from transport.session import BrokerAddress

OUTLETS = 38
DAYS = int(os.environ.get("DAYS", "365"))
REQUESTS = int(os.environ.get("REQUESTS", "200"))
FIRST = datetime(2026, 1, 1, 17, tzinfo=UTC) - timedelta(days=1)  # midnight in Jakarta
LAST = FIRST + timedelta(days=DAYS)
NOON_MS = round(LAST.timestamp() * 1000) + 12 * 3_600_000
SITE = "mall"
PLOTTED_DAYS = 3


def main() -> None:
    if len(sys.argv) > 1:
        _serve(sys.argv[1], int(sys.argv[2]))
        return
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/record.db"
        with Record.open(url) as record:
            _fill(record)
            booking = _book(record)
        _read(Path(folder))
        print(json.dumps({"booking": booking, "answers": _answers(url, Path(folder))}, indent=1))


def _fill(record: Record) -> None:
    """A site, and a year and a morning of intervals."""
    chance = random.Random(1)  # noqa: S311  # a history, no secret
    outlets = tuple(
        Outlet(
            id=f"loket-{n}",
            name=f"Loket {n}",
            agency=f"instansi-{n // 2}",
            sensors=(Sensor(id=f"sensor-{n}", kind="direct", zone="staff"),),
        )
        for n in range(OUTLETS)
    )
    site = Site(
        id=SITE,
        name="Mal Pelayanan Publik",
        timezone="Asia/Jakarta",
        country="ID",
        service_hours="Mo-Th 08:00-12:00,13:00-15:00; Fr 08:00-11:00,13:00-15:00; PH off",
        agencies=tuple(Agency(id=f"instansi-{n}", name=f"Instansi {n}") for n in range(OUTLETS // 2)),
        outlets=outlets,
        duties=tuple(Duty(id=f"tugas-{n}", outlets=(f"loket-{2 * n}", f"loket-{2 * n + 1}")) for n in range(2)),
    )
    with record.writing() as connection:
        apply(connection, site, prune=True, now_ms=0)
        for outlet in outlets:
            rows, start_ms, state = [], round(FIRST.timestamp() * 1000), "unknown"
            while start_ms < NOON_MS:
                end_ms = start_ms + chance.randrange(5 * 60_000, 140 * 60_000)
                rows.append(
                    {
                        "site": SITE, "outlet": outlet.id, "zone": "staff", "start_ms": start_ms, "end_ms": end_ms,
                        "state": state, "p": 0.5, "made_ms": start_ms,
                    }
                )  # fmt: skip
                start_ms = end_ms
                state = chance.choice([one for one in ("occupied", "vacant", "unknown") if one != state])
            connection.execute(insert(occupancy_interval), rows)
        set_progress(connection, SITE, NOON_MS, spool="s", spool_id=1)


def _read(folder: Path) -> None:
    """The last days of readings of every outlet, as a store has them: what is old enough is sealed."""
    store = open_store(f"sqlite:///{folder}")
    for day in range(PLOTTED_DAYS):
        for n in range(OUTLETS):
            series = Series(SITE, f"loket-{n}", "staff", f"sensor-{n}")
            begin_ms = round((LAST - timedelta(days=PLOTTED_DAYS - day)).timestamp() * 1000)
            store.write([_point(series, begin_ms + 10_000 * k, k) for k in range(8640)])
    while store.seal(NOON_MS):
        pass
    store.close()


def _point(series: Series, at_ms: int, k: int) -> Point:
    values = {"presence": float(k // 360 % 2), "moving": 0.0, "distance": 1.25 + k % 40 / 100}
    return Point(series, at_ms, values | {"still_energy": float(k % 100), "seq": float(k), "boot": 1.0})


def _book(record: Record) -> dict[str, object]:
    begun, steps = time.perf_counter(), []
    with record.reading() as connection:
        site = load_site(connection, SITE, declared_from_ms=EVER)
        assert site is not None
        books = SiteBooks(connection, site, hours_history(connection, site), 1)
    while True:
        step = time.perf_counter()
        with record.reading() as connection:
            found = books.look(connection, NOON_MS, {})
        if found is None:
            break
        with record.writing() as connection:
            alerts.set_cursor(connection, SITE, Cursor(0, 1, NOON_MS))
            books.write(connection, found, NOON_MS)
        steps.append(time.perf_counter() - step)
    return {"days": DAYS, "outlets": OUTLETS, "s": round(time.perf_counter() - begun, 1), "step_ms": _figures(steps)}


def _answers(url: str, folder: Path) -> dict[str, object]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    log = (folder / "web.log").open("w")
    web = subprocess.Popen([sys.executable, __file__, url, str(port)], stderr=log)
    try:
        ask = _asking(port)
        months = [
            ((FIRST + timedelta(days=n + 1)).date(), (FIRST + timedelta(days=n + 30)).date()) for n in range(DAYS - 30)
        ]
        chance = random.Random(2)  # noqa: S311  # requests, no secrets

        def month() -> None:
            first, last = chance.choice(months)
            by = chance.choice(("outlet", "duty", "agency", "site"))
            ask(f"/api/v1/ledger?site={SITE}&by={by}&period=day&from={first}&to={last}")

        def month_so_far() -> None:
            first, today = (LAST - timedelta(days=29)).date(), (LAST + timedelta(hours=12)).date()
            ask(f"/api/v1/ledger?site={SITE}&by=agency&period=month&from={first}&to={today}")

        def day() -> None:
            at = FIRST + timedelta(days=chance.randrange(DAYS))
            outlet = f"/api/v1/sites/{SITE}/outlets/loket-{chance.randrange(OUTLETS)}"
            ask(f"{outlet}/intervals?from={at:%Y-%m-%dT%H:%M:%SZ}&to={at + timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}")
            date = (at + timedelta(days=1)).date()
            ask(f"{outlet}/ledger?from={date}&to={date}")

        def today() -> None:
            outlet = f"/api/v1/sites/{SITE}/outlets/loket-{chance.randrange(OUTLETS)}"
            ask(f"{outlet}/intervals")
            ask(f"{outlet}/ledger")

        unseen = [(n, days) for n in range(OUTLETS) for days in range(PLOTTED_DAYS)]
        chance.shuffle(unseen)

        def page() -> None:
            outlet, before = unseen.pop()
            date = (LAST - timedelta(days=before)).date()
            ask(f"/sites/{SITE}/outlets/loket-{outlet}?day={date}&readings=1")

        return {
            "a day of an outlet, its page with plots, cold": _timed(page, min(REQUESTS, len(unseen))),
            "a month of the site, by day": _timed(month),
            "a month of the site up to now": _timed(month_so_far),
            "a day of an outlet": _timed(day),
            "today and the month so far of an outlet": _timed(today),
        }
    finally:
        web.terminate()
        web.wait(30)


def _asking(port: int) -> Callable[[str], None]:
    connection = http.client.HTTPConnection("127.0.0.1", port)

    def ask(path: str) -> None:
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{path}: {answer.status} {body!r}")

    for _ in range(300):
        try:
            ask(f"/api/v1/ledger?site={SITE}&from=2025-01-01&to=2025-01-02")
        except (OSError, RuntimeError, http.client.HTTPException):
            connection.close()
            time.sleep(0.1)
        else:
            return ask
    raise RuntimeError("the web process does not answer")


def _timed(once: Callable[[], None], times: int = REQUESTS) -> dict[str, float]:
    took = []
    for _ in range(times):
        begun = time.perf_counter()
        once()
        took.append(time.perf_counter() - begun)
    return _figures(took)


def _figures(seconds: list[float]) -> dict[str, float]:
    cuts = statistics.quantiles(seconds, n=100, method="inclusive")
    named = {"p50": cuts[49], "p95": cuts[94], "p99": cuts[98], "max": max(seconds)}
    return {name: round(value * 1000, 1) for name, value in named.items()}


def _serve(url: str, port: int) -> None:
    with Record.open(url) as record, socket.create_server(("127.0.0.1", port)) as listening:
        store = open_store(f"sqlite:///{Path(url.removeprefix('sqlite:///')).parent}")
        broker = BrokerAddress("127.0.0.1", 1)
        parts = Parts(record=record, broker=broker, now=lambda: NOON_MS, demo=True, store=store)
        serve(create_app(parts), listening, threading.Event())


if __name__ == "__main__":
    main()
