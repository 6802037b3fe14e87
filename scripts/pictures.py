"""Pictures of the pages for README and docs: an invented mall of 37 outlets on a Tuesday morning, in a real browser.

    .venv/bin/python scripts/pictures.py            writes docs/*.png anew
    .venv/bin/python scripts/pictures.py --serve    serves the mall, to look at it; Ctrl-C ends that

Needs what the tests need (mosquitto, chromium). The same history each time: pictures differ when pages do.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import shutil
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from playwright.sync_api import sync_playwright  # noqa: E402
from sqlalchemy import Connection, insert  # noqa: E402

from api.alerting.books import SiteBooks  # noqa: E402
from api.app import create_app, serve  # noqa: E402
from api.parts import Parts  # noqa: E402
from hadir import broker as brokers  # noqa: E402
from presence.alerts.life import Alert  # noqa: E402
from presence.instants import parse_instant, rfc3339  # noqa: E402
from presence.site import Absence, Contact, Gateway, Outlet, Site, Source  # noqa: E402
from storage.record import Record, alerts  # noqa: E402
from storage.record.acknowledgements import Answer  # noqa: E402
from storage.record.alerts import Cursor  # noqa: E402
from storage.record.contests import Contest, submit  # noqa: E402
from storage.record.hours import hours_history  # noqa: E402
from storage.record.intervals import set_progress  # noqa: E402
from storage.record.registry import EVER, load_site  # noqa: E402
from storage.record.tables import occupancy_interval  # noqa: E402
from storage.record.users import make_account, make_session  # noqa: E402
from tests.builders import sensor  # noqa: E402
from tests.fixtures.lobby import BACK, lobby, statuses  # noqa: E402
from tests.fixtures.mall import MINUTE, NOW, Mall  # noqa: E402
from transport.session import parse_broker  # noqa: E402

DAY = 24 * 60 * MINUTE
HISTORY_DAYS = 22
# How long those outlets have been empty, and who was told; the others of them are empty since a few minutes.
VACANT_MIN = {"o-2": 4, "o-7": 5, "o-18": 51, "o-22": 27, "o-26": 12, "o-34": 33}
ANSWERED = {"o-18": Answer("equipment", "Pemindai rusak"), "o-34": Answer("meeting")}
_SHORTER = {
    "Samsat Tirtamaya": "Samsat", "BPJS Kesehatan": "BPJS Kes", "BPJS Ketenagakerjaan": "BPJS TK",
    "Kantor Imigrasi": "Imigrasi", "Polres Tirtamaya": "Polres", "Badan Pendapatan Daerah": "Bapenda",
    "Kantor Pertanahan": "Pertanahan", "Dinas Tenaga Kerja": "Disnaker", "Dinas Sosial": "Dinsos",
    "Dinas Kesehatan": "Dinkes", "Dinas Lingkungan Hidup": "DLH", "Kantor Kementerian Agama": "Kemenag",
    "Pengadilan Agama": "Peng. Agama", "Kejaksaan Negeri": "Kejaksaan", "PLN ULP Tirtamaya": "PLN",
}  # fmt: skip
_BELIEVED = {"occupied": 0.98, "vacant": 0.02, "unknown": 0.5}
PICTURES = {
    "live": ("/", 1440, 900, "light"),
    "wall": ("/?wall=1", 1920, 1080, "dark"),
    "sidak": ("/sidak", 1440, 900, "light"),
    "outlet": ("/sites/balai/outlets/o-22", 1440, 900, "light"),
    "agency": ("/agency?agency=i0-10", 390, 844, "light"),
    "public": ("/public", 1440, 900, "light"),
    "board": ("/public/board", 1920, 1080, "dark"),
}


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--serve", type=int, metavar="PORT", help="serve the mall at this port until Ctrl-C")
    port = asked.parse_args().serve
    with tempfile.TemporaryDirectory() as folder, mall(Path(folder), port or 0) as (url, session):
        if port:
            print(f"{url}\nthe manager's cookie: hadir_session={session}", flush=True)
            with contextlib.suppress(KeyboardInterrupt):
                threading.Event().wait()
        else:
            _take(url, session)


@contextlib.contextmanager
def mall(folder: Path, port: int) -> Iterator[tuple[str, str]]:
    """The mall, served: its address, and the session of a manager."""
    executable = brokers.find_mosquitto()
    if executable is None:
        raise SystemExit("pictures: mosquitto is not installed; `make test` installs it")
    broker = brokers.start_mosquitto(executable, host="127.0.0.1", port=0, folder=folder)
    stop = threading.Event()
    try:
        with Record.open(f"sqlite:///{folder}/record.db") as record:
            mall = Mall(record, parse_broker(broker.url))
            mall.register(_site())
            _remember(record)
            _speak(mall)
            with record.writing() as connection:
                make_account(connection, "ani", mall.now(), role="facility_manager")
                session = make_session(connection, "ani", mall.now())
            app = create_app(Parts(record=record, broker=mall.broker, now=mall.now, demo=True))
            with socket.create_server(("127.0.0.1", port)) as listening:
                web = threading.Thread(target=serve, args=(app, listening, stop), daemon=True)
                web.start()
                threading.Thread(target=_beat, args=(mall, stop), daemon=True).start()
                yield f"http://127.0.0.1:{listening.getsockname()[1]}", session
                stop.set()
                web.join(10)
            mall.close()
    finally:
        broker.stop()


def _site() -> Site:
    """The mall of the tests, with phones, a second sensor where citizens stand, and one gateway a floor."""
    site = lobby()
    # The one that is closed on a Tuesday.
    hours = {"o-31": "Th-Fr 08:00-12:00,13:00-15:00"}
    outlets = tuple(
        replace(one, sensors=_sensors(one), service_hours=hours.get(one.id, one.service_hours)) for one in site.outlets
    )
    agencies = tuple(
        replace(
            one,
            short=_SHORTER.get(one.short or "", one.short),
            contacts=(
                Contact(id="koordinator", name=f"Koordinator {one.short}", phone=f"0812-5550-{n:04}"),
                Contact(id="kepala", name=f"Kepala bidang {one.short}", level=2, phone=f"0812-5551-{n:04}"),
            ),
        )
        for n, one in enumerate(site.agencies, 1)
    )
    absences = tuple(
        Absence(outlet=name, from_ms=NOW - 20 * MINUTE, to_ms=BACK, reason="meeting")
        for name, status in statuses()
        if status == "declared"
    )
    gateways = tuple(Gateway(id=f"gw-lantai-{floor}") for floor in (1, 2, 3))
    return replace(site, outlets=outlets, agencies=agencies, absences=absences, gateways=gateways)


def _sensors(outlet: Outlet) -> tuple[object, ...]:
    gateway = f"gw-lantai-{outlet.floor}"
    return tuple(
        sensor(
            f"{outlet.id}-{zone}",
            kind="mmwave",
            zone=zone,
            source=Source(gateway=gateway, driver="ld2410", port=f"/dev/ttyUSB{outlet.number}-{zone}"),
        )
        for zone in ("staff", "visitor")
    )


def _remember(record: Record) -> None:
    """Three weeks of intervals up to now, booked, with the alerts that came of them today."""
    with record.writing() as connection:
        for name, status in statuses():
            _history(connection, name, status)
        set_progress(connection, "balai", NOW, spool="s", spool_id=1)
    with record.reading() as connection:
        site = load_site(connection, "balai", declared_from_ms=EVER)
        assert site is not None
        books = SiteBooks(connection, site, hours_history(connection, site), 1)
    while True:
        with record.reading() as connection:
            found = books.look(connection, NOW, {})
        if found is None:
            break
        with record.writing() as connection:
            alerts.set_cursor(connection, "balai", Cursor(0, 1, NOW))
            books.write(connection, found, NOW)
    with record.writing() as connection:
        at = NOW - DAY - 60 * MINUTE
        text = "Petugas mengantar berkas ke ruang arsip, loket diawasi dari meja sebelah."
        submit(connection, Contest(0, "balai", "o-22", at, at + 20 * MINUTE, text, "koordinator", NOW), NOW)


def _history(connection: Connection, name: str, status: str) -> None:
    chance = random.Random(name)  # noqa: S311  # a history, no secret
    rows: list[dict[str, object]] = []

    def put(zone: str, start_ms: int, end_ms: int | None, state: str) -> None:
        rows.append(
            {
                "site": "balai", "outlet": name, "zone": zone, "start_ms": start_ms, "end_ms": end_ms, "state": state,
                "p": _BELIEVED[state], "made_ms": start_ms,
            }
        )  # fmt: skip

    last = NOW - VACANT_MIN.get(name, 6) * MINUTE
    for zone, now_state in (("staff", _state(status, "staff")), ("visitor", _state(status, "visitor"))):
        start, state = NOW - HISTORY_DAYS * DAY, "occupied"
        while start < last:
            mean = {"occupied": 70, "vacant": 9, "unknown": 12}[state] if zone == "staff" else 12
            end = min(last, start + max(1, round(chance.expovariate(1 / mean))) * MINUTE)
            put(zone, start, end, state)
            start = end
            others = ("vacant", "vacant", "vacant", "unknown") if state == "occupied" else ("occupied",)
            state = chance.choice(others)
        put(zone, last, None, now_state)
    connection.execute(insert(occupancy_interval), rows)


def _state(status: str, zone: str) -> str:
    if status == "unknown":
        return "unknown"
    if zone == "staff":
        return "occupied" if status in ("staffed", "serving") else "vacant"
    return "occupied" if status in ("serving", "unattended") else "vacant"


def _speak(mall: Mall) -> None:
    """What the collector and the engine have said of this morning."""
    mall.collector()
    for name, minutes in VACANT_MIN.items():
        if minutes < 10:
            continue
        since = NOW - minutes * MINUTE
        alert = Alert("vacancy", "outlet", name, since, since + 10 * MINUTE)
        mall.alert(alert, told_ms=since + 10 * MINUTE)
        if name in ANSWERED:
            mall.acknowledge(alert, ANSWERED[name], author="koordinator")
    waiting = Alert("unattended", "outlet", "o-7", NOW - 5 * MINUTE, NOW - 2 * MINUTE)
    mall.alert(waiting, told_ms=NOW - 2 * MINUTE)
    _say(mall, first=True)


def _beat(mall: Mall, stop: threading.Event) -> None:
    """Evidence is fresh as long as the mall is looked at."""
    while not stop.wait(5):
        mall.collector()
        _say(mall, first=False)


def _say(mall: Mall, *, first: bool) -> None:
    opened, until = parse_instant("2026-11-24T08:00:00+07:00"), "2026-11-24T11:00:00+07:00"
    for n, (name, status) in enumerate(statuses()):
        if status == "unknown" and not first:
            continue
        since = NOW - VACANT_MIN[name] * MINUTE if name in VACANT_MIN else opened + n * MINUTE
        since = NOW - 11 * MINUTE if status == "unknown" else since
        seen = since if status == "unknown" else mall.now() - (n % 4) * 1000
        fields: dict[str, object] = {"until": until, "reason": "meeting"} if status == "declared" else {}
        mall.outlet(name, status, since_ms=since, seen_ms=seen, zones=_zones(status, since, seen), **fields)


def _zones(status: str, since_ms: int, seen_ms: int) -> dict[str, object]:
    """What is believed of both sides, in the words of a retained message."""
    return {
        zone: {"state": state, "p": _BELIEVED[state], "since": rfc3339(since_ms), "seen": rfc3339(seen_ms)}
        for zone in ("staff", "visitor")
        for state in (_state(status, zone),)
    }


def _take(url: str, session: str) -> None:
    chromium = shutil.which("chromium")
    if chromium is None:
        raise SystemExit("pictures: chromium is not installed; `make test` installs it")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--headless"])
        for name, (path, width, height, scheme) in PICTURES.items():
            context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
            context.add_cookies([{"name": "hadir_session", "value": session, "url": url}])
            page = context.new_page()
            page.goto(f"{url}{path}")
            page.wait_for_load_state("load")
            time.sleep(1)
            page.screenshot(path=ROOT / "docs" / f"{name}.png")
            context.close()
            print(f"docs/{name}.png")
        browser.close()


if __name__ == "__main__":
    main()
