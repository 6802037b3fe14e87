"""Seconds of `hadir backtest` over a year of 38 counters, from the record of generated intervals to the printed table.

Two zones a counter, some 600,000 intervals; the median of five runs of the command, beside the bare reading of the same
rows by Python's sqlite3. The sweep is over thirty values. CPU seconds are those of the command, which is one process:
on a busy machine they say more. Figure: below 10 s.
"""

from __future__ import annotations

import json
import os
import random
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import insert

from presence.instants import parse_instant
from presence.site import Agency, AlertKind, Contact, Outlet, Rule, Sensor, Site
from storage.record import Record
from storage.record.intervals import set_progress
from storage.record.registry import apply
from storage.record.tables import condition_interval, occupancy_interval

RUNS = 5
COUNTERS = 38
FROM, TO = "2026-01-01T00:00:00+07:00", "2027-01-01T00:00:00+07:00"
HADIR = Path(sys.executable).parent / "hadir"
_MINUTE_MS = 60_000
_HOUR_MS = 60 * _MINUTE_MS
_DAY_MS = 24 * _HOUR_MS


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "record.db"
        count = _fill(file)
        found = {
            "intervals": count,
            "backtest of a year": _median(lambda: _backtest(file, "--rule", "vacancy.after=5m")),
            "sweep over 30 values": _median(lambda: _backtest(file, "--sweep", "vacancy.after=1m..30m")),
            "bare reading by sqlite3": _median(lambda: _read(file)),
        }
    print(json.dumps(found, indent=1))


def _median(work: Callable[[], object]) -> dict[str, float]:
    """Seconds on the clock and of the processor, here and in child processes."""
    clock, cpu = [], []
    for _ in range(RUNS):
        began, used = time.perf_counter(), _cpu_s()
        work()
        clock.append(time.perf_counter() - began)
        cpu.append(_cpu_s() - used)
    return {"s": round(statistics.median(clock), 2), "CPU s": round(statistics.median(cpu), 2)}


def _cpu_s() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _backtest(file: Path, *words: str) -> None:
    command = [str(HADIR), "backtest", "--record", f"sqlite:///{file}", "--from", FROM, "--to", TO, *words]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env={"PATH": os.environ["PATH"]})


def _read(file: Path) -> None:
    connection = sqlite3.connect(file)
    connection.execute(
        "SELECT outlet, zone, start_ms, end_ms, state, p FROM occupancy_interval WHERE superseded_ms IS NULL"
        " ORDER BY outlet, zone, start_ms"
    ).fetchall()
    connection.close()


def _fill(file: Path) -> int:
    """Write registry and intervals of a year; how many there are."""
    site = _site()
    begin_ms, end_ms = parse_instant(FROM), parse_instant(TO)
    chance = random.Random(1)  # noqa: S311  (generated, not secret)
    rows = [row for outlet in site.outlets for row in _outlet_year(chance, outlet.id, begin_ms, end_ms)]
    devices = [row for outlet in site.outlets for one in outlet.sensors for row in _sensor_year(one.id, begin_ms)]
    with Record.open(f"sqlite:///{file}") as record, record.writing(durable=False) as connection:
        apply(connection, site, prune=False, now_ms=end_ms)
        connection.execute(insert(occupancy_interval), rows)
        connection.execute(insert(condition_interval), devices)
        set_progress(connection, site.id, end_ms, spool="generated", spool_id=1)
    return len(rows)


def _site() -> Site:
    kinds: tuple[AlertKind, ...] = ("vacancy", "unattended", "late_opening")
    return Site(
        id="year",
        name="A year",
        timezone="Asia/Jakarta",
        country="ID",
        service_hours="Mo-Th 08:00-12:00,13:00-15:00; Fr 08:00-11:00,13:00-15:00; PH off",
        agencies=tuple(
            Agency(id=f"agency-{n}", name=f"Agency {n}", contacts=(Contact(id="head", name="Head"),))
            for n in range(COUNTERS - 2)
        ),
        outlets=tuple(_outlet(n) for n in range(COUNTERS)),
        rules={kind: Rule() for kind in kinds},
    )


def _outlet(n: int) -> Outlet:
    sensors = (
        Sensor(id=f"staff-{n}", kind="mmwave", zone="staff"),
        Sensor(id=f"visitor-{n}", kind="mmwave", zone="visitor"),
    )
    return Outlet(id=f"outlet-{n}", name=f"Outlet {n}", agency=f"agency-{n % (COUNTERS - 2)}", sensors=sensors)


def _outlet_year(chance: random.Random, outlet: str, begin_ms: int, end_ms: int) -> Iterator[dict[str, Any]]:
    """Officers come at about eight, go for lunch, are away now and then; visitors come and go all the time."""
    rates = {"staff": (21.0, 7.0), "visitor": (9.0, 18.0)}
    for zone, (present_min, away_min) in rates.items():
        turns: list[tuple[int, str]] = [(begin_ms, "vacant")]
        for number, day_ms in enumerate(range(begin_ms, end_ms, _DAY_MS)):
            if (number + 3) % 7 > 4:  # the year begins on a Thursday
                continue
            at_ms = day_ms + 8 * _HOUR_MS + round(chance.gauss(-5, 6) * _MINUTE_MS)
            close_ms = day_ms + 15 * _HOUR_MS + round(chance.gauss(0, 6) * _MINUTE_MS)
            while at_ms < close_ms:
                turns.append((at_ms, "occupied"))
                at_ms += 1000 + round(chance.expovariate(1 / present_min) * _MINUTE_MS)
                turns.append((at_ms, "unknown" if chance.random() < 0.01 else "vacant"))
                at_ms += 1000 + round(chance.expovariate(1 / away_min) * _MINUTE_MS)
        for (start_ms, state), (next_ms, _) in zip(turns, [*turns[1:], (end_ms, "")], strict=True):
            yield {
                "site": "year", "outlet": outlet, "zone": zone, "start_ms": start_ms, "end_ms": next_ms,
                "state": state, "p": 0.98 if state == "occupied" else 0.02, "made_ms": next_ms,
            }  # fmt: skip


def _sensor_year(sensor: str, begin_ms: int) -> Iterator[dict[str, Any]]:
    """Silent for ten minutes on the first of each month, or nearly."""
    turns = [(begin_ms, "false")]
    for month in range(1, 12):
        silent_ms = begin_ms + month * 30 * _DAY_MS
        turns += [(silent_ms, "true"), (silent_ms + 10 * _MINUTE_MS, "false")]
    for (start_ms, truth), end in zip(turns, [*turns[1:], None], strict=True):
        yield {
            "site": "year", "device": sensor, "kind": "sensor_silent", "start_ms": start_ms,
            "end_ms": None if end is None else end[0], "truth": truth, "made_ms": start_ms,
        }  # fmt: skip


if __name__ == "__main__":
    main()
