"""Readings a second of `hadir replay`, from a CSV file in memory to its printed lines, beside Python's own csv module.

Two files: 300,000 one-quantity rows of a `direct` sensor that changes every 100 readings, and 150,000 readings of a
radar (presence and moving) that changes every 5 minutes. Medians of five runs.
"""

from __future__ import annotations

import csv
import gc
import json
import statistics
import time
from collections.abc import Callable

from presence.intervals import Span
from presence.pipeline import replay
from presence.readings_csv import read_csv
from presence.site import Agency, Outlet, Sensor, Site

RUNS = 5


def main() -> None:
    gc.disable()  # as the command does
    direct = ["time,sensor,quantity,value"] + [
        f"{1795485600 + n * 0.5:.3f},s,presence,{'true' if n // 100 % 2 else 'false'}" for n in range(300_000)
    ]
    radar = ["time,sensor,quantity,value"]
    for n in range(150_000):
        present = "true" if n // 300 % 2 else "false"
        radar += [f"{1795485600 + n}.0,s,presence,{present}", f"{1795485600 + n}.0,s,moving,false"]
    found = {
        "direct readings/s": _rate(300_000, lambda: _replay(direct, "direct")),
        "radar readings/s": _rate(150_000, lambda: _replay(radar, "mmwave")),
        "csv module rows/s": _rate(300_000, lambda: sum(1 for _ in csv.reader(direct))),
    }
    print(json.dumps(found, indent=1))


def _rate(count: int, work: Callable[[], object]) -> int:
    times = []
    for _ in range(RUNS):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return round(count / statistics.median(times))


def _replay(lines: list[str], kind: str) -> int:
    readings = read_csv(lines, "bench").readings
    horizon = Span(readings[0].at_ms, readings[-1].at_ms)
    return sum(1 for _ in replay(_site(kind), readings, horizon).lines())


def _site(kind: str) -> Site:
    sensor = Sensor(id="s", kind=kind, zone="staff")  # type: ignore[arg-type]  # one of the two kinds that act
    outlet = Outlet(id="o", name="o", agency="a", sensors=(sensor,))
    return Site(
        id="b",
        name="b",
        timezone="Asia/Jakarta",
        country="ID",
        service_hours="24/7",
        agencies=(Agency(id="a", name="a"),),
        outlets=(outlet,),
    )


if __name__ == "__main__":
    main()
