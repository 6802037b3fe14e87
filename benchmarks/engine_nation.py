"""What 20,000 counters cost one alert engine: memory, seconds to start, changes a second that it keeps up with.

526 sites of 38 counters and 57 sensors in one SQLite record, officers at their places since the morning or gone for a
while. This process writes changes of intervals as a collector does, every half second, with the progress of all sites;
a child has the engine, and looks after each write. Time is virtual, so that neither waits for the other: the engine
keeps up while a look costs it less than the half second that it stands for. Two of a hundred changes are to unknown; a
twentieth of the counters is empty for long, and their alerts fire one after the other; contacts are told (into the
queue: nothing is sent). 16,000 readings a second, sent on change and as heartbeats, make 200 to 700 changes.

Prints seconds of the clock and the processor for the starts, milliseconds for the looks; `keeps up with`: changes a
second at which a look would take all of its half second of processor. Memory is PSS. Targets: 700 changes/s, < 500 MB.
With PROFILE=FILE all looks but an engine's first are profiled into FILE.
"""

from __future__ import annotations

import cProfile
import json
import multiprocessing
import os
import random
import re
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Connection, func, insert, select

from api.alerting.engine import Engine
from presence.intervals import Interval, State, TruthInterval
from presence.site import Agency, Contact, Outlet, Rule, Sensor, Site, ZoneName
from storage.record import Record, conditions, intervals
from storage.record.registry import apply
from storage.record.tables import alert, condition_interval, notification, occupancy_interval

SITES = int(os.environ.get("SITES", "526"))
OUTLETS = 38
LOOKS = int(os.environ.get("LOOKS", "60"))
RATES = [int(rate) for rate in os.environ.get("RATES", "0,200,700").split(",")]
_STEP_MS = 500
_MINUTE_MS = 60_000
_MORNING_MS = round(datetime(2026, 11, 24, tzinfo=UTC).timestamp() * 1000)  # a Tuesday, 7 in Jakarta
_BEGIN_MS = _MORNING_MS + 120 * _MINUTE_MS


class Cost(NamedTuple):
    """Of one look of the child: seconds of the clock and of the processor; then its memory."""

    clock_s: float
    cpu_s: float
    pss_mb: float


class Zone(NamedTuple):
    """One zone of one outlet, and its sensor."""

    site: str
    outlet: str
    zone: ZoneName
    sensor: str


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with Record.open(f"sqlite:///{folder}/record.db") as record:
            nation = Nation(record)
            with engine(folder) as look:
                first = look(nation.now_ms)
                rates = {f"{rate} changes/s": _at_rate(nation, look, rate) for rate in RATES}
                memory_mb = look(nation.now_ms).pss_mb
            nation.pass_half_a_second(700)
            with engine(folder) as look:
                again = look(nation.now_ms)
            fired, queued = nation.said()
    found = {
        "counters": SITES * OUTLETS,
        "first start": {"clock_s": round(first.clock_s, 1), "cpu_s": round(first.cpu_s, 1)},
        "start with a cursor": {"clock_s": round(again.clock_s, 1), "cpu_s": round(again.cpu_s, 1)},
        **rates,
        "alerts": fired,
        "messages queued": queued,
        "engine PSS MB": round(memory_mb),
        "engine PSS MB, just started with a cursor": round(again.pss_mb),
    }
    print(json.dumps(found, indent=1))


def _at_rate(nation: Nation, look: Callable[[int], Cost], rate: int) -> dict[str, float]:
    costs = []
    for _ in range(LOOKS):
        nation.pass_half_a_second(rate)
        costs.append(look(nation.now_ms))
    cpu_ms = sorted(1000 * cost.cpu_s for cost in costs)
    mean_ms = statistics.mean(cpu_ms)
    found = {
        "cpu_ms a look, mean": round(mean_ms, 1),
        "cpu_ms a look, p95": round(cpu_ms[int(len(cpu_ms) * 0.95)], 1),
        "clock_ms a look, mean": round(1000 * statistics.mean(cost.clock_s for cost in costs), 1),
        "% of a core": round(100 * mean_ms / _STEP_MS, 1),
    }
    return found | ({"keeps up with changes/s": round(rate * _STEP_MS / mean_ms)} if rate else {})


class Nation:
    """A record of all sites, written as a collector does; `now_ms`: up to when their intervals are complete."""

    def __init__(self, record: Record) -> None:
        self._record = record
        self._chance = random.Random(1)  # noqa: S311  # a rehearsal, no secret
        self._states: dict[Zone, State] = {}
        self.now_ms = _BEGIN_MS
        self._sites = [_site(f"mall-{n}") for n in range(SITES)]
        for site in self._sites:
            self._register(site)
        # Who is gone for long stays away, so that alerts fire.
        self._restless = [zone for zone, state in self._states.items() if zone.zone == "visitor" or state == "occupied"]

    def pass_half_a_second(self, rate: int) -> None:
        """`rate` changes a second of zones, and the progress of all sites."""
        before_ms, self.now_ms = self.now_ms, self.now_ms + _STEP_MS
        with self._record.writing(durable=False) as connection:
            for zone in self._chance.sample(self._restless, rate * _STEP_MS // 1000):
                self._change(connection, zone, self._chance.randrange(before_ms, self.now_ms))
            for site in self._sites:
                intervals.set_progress(connection, site.id, self.now_ms, spool="s", spool_id=1)

    def said(self) -> tuple[int, int]:
        """How many alerts there are, and how many messages."""
        with self._record.reading() as connection:
            fired = connection.execute(select(func.count()).select_from(alert)).scalar_one()
            queued = connection.execute(select(func.count()).select_from(notification)).scalar_one()
        return fired, queued

    def _register(self, site: Site) -> None:
        zones = [
            Zone(site.id, outlet.id, sensor.zone, sensor.id) for outlet in site.outlets for sensor in outlet.sensors
        ]
        with self._record.writing(durable=False) as connection:
            apply(connection, site, prune=True, now_ms=_MORNING_MS)
            connection.execute(insert(occupancy_interval), [row for zone in zones for row in self._morning(zone)])
            connection.execute(insert(condition_interval), [row for zone in zones for row in _healthy(zone)])
            intervals.set_progress(connection, site.id, self.now_ms, spool="s", spool_id=1)

    def _morning(self, zone: Zone) -> Iterator[dict[str, Any]]:
        """Its intervals of the day: somebody is there from before eight on, and away twice for some minutes."""
        instants, states = [_MORNING_MS], list[State](["vacant"])
        for minute in (55, 70, 85):
            came_ms = _MORNING_MS + round(_MINUTE_MS * self._chance.uniform(minute, minute + 2))
            instants += [came_ms, came_ms + round(_MINUTE_MS * self._chance.uniform(10, 12))]
            states += ["occupied", "vacant"]
        del instants[-1], states[-1]
        if zone.zone == "staff" and self._chance.random() < 0.05:
            instants.append(self.now_ms - self._chance.randrange(11 * _MINUTE_MS))
            states.append("vacant")
        self._states[zone] = states[-1]
        for start_ms, end_ms, state in zip(instants, [*instants[1:], None], states, strict=True):
            yield {
                "site": zone.site, "outlet": zone.outlet, "zone": zone.zone, "start_ms": start_ms, "end_ms": end_ms,
                "state": state, "p": 0.5, "made_ms": start_ms,
            }  # fmt: skip

    def _change(self, connection: Connection, zone: Zone, at_ms: int) -> None:
        was = self._states[zone]
        goes: State = "unknown" if self._chance.random() < 0.04 else "vacant"
        state: State = goes if was == "occupied" else "occupied"
        self._states[zone] = state
        line = [Interval(at_ms, None, state, 0.5)]
        intervals.revise(connection, zone.site, zone.outlet, zone.zone, at_ms, line, self.now_ms)
        if "unknown" in (was, state):
            silent = [TruthInterval(at_ms, None, state == "unknown")]
            conditions.revise(connection, zone.site, zone.sensor, "sensor_silent", at_ms, silent, self.now_ms)


def _healthy(zone: Zone) -> Iterable[dict[str, Any]]:
    """Nothing was ever wrong with its sensor."""
    return (
        {
            "site": zone.site, "device": zone.sensor, "kind": kind, "start_ms": _MORNING_MS, "end_ms": None,
            "truth": "false", "made_ms": _MORNING_MS,
        }
        for kind in ("sensor_silent", "sensor_stuck", "low_battery")
    )  # fmt: skip


def _site(site_id: str) -> Site:
    contact = Contact(id="koordinator", name="Koordinator", channel="hadir+http://127.0.0.1:9/")
    return Site(
        id=site_id,
        name="Mal Pelayanan Publik",
        timezone="Asia/Jakarta",
        country="ID",
        service_hours="Mo-Th 08:00-12:00,13:00-15:00; Fr 08:00-11:00,13:00-15:00; PH off",
        agencies=tuple(Agency(id=f"instansi-{n}", name=f"Instansi {n}", contacts=(contact,)) for n in range(OUTLETS)),
        outlets=tuple(
            Outlet(id=f"loket-{n}", name=f"Loket {n}", agency=f"instansi-{n}", sensors=_sensors(n))
            for n in range(OUTLETS)
        ),
        rules={"late_opening": Rule(after_ms=15 * _MINUTE_MS)},
    )


def _sensors(n: int) -> tuple[Sensor, ...]:
    """Every other counter has one in front as well."""
    staff = Sensor(id=f"staff-{n}", kind="mmwave", zone="staff", heartbeat_ms=30_000)
    visitor = Sensor(id=f"visitor-{n}", kind="pir", zone="visitor", heartbeat_ms=30_000)
    return (staff, visitor) if n % 2 else (staff,)


# The engine's process


@contextmanager
def engine(folder: Path) -> Iterator[Callable[[int], Cost]]:
    """A new engine in a child; what is yielded lets it look at an instant."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    child = context.Process(target=_run, args=(folder, theirs))
    child.start()

    def look(now_ms: int) -> Cost:
        ours.send(now_ms)
        found: Cost = ours.recv()
        return found

    try:
        yield look
    finally:
        ours.send(None)
        child.join()


def _run(folder: Path, pipe: Pipe) -> None:
    now_ms = 0
    profile: cProfile.Profile | None = None
    with Record.open(f"sqlite:///{folder}/record.db") as record:
        found = Engine(record=record, address=None, lock_dir=folder, clock=lambda: now_ms, environ={})
        while (asked := pipe.recv()) is not None:
            now_ms = asked
            clock_s, cpu_s = time.perf_counter(), time.process_time()
            if profile is None:
                found.tick()
            else:
                profile.runcall(found.tick)
            clock_s, cpu_s = time.perf_counter() - clock_s, time.process_time() - cpu_s
            pipe.send(Cost(clock_s, cpu_s, _pss_mb()))
            if profile is None and "PROFILE" in os.environ:
                profile = cProfile.Profile()
        found.close()
    if profile is not None and profile.getstats():
        profile.dump_stats(os.environ["PROFILE"])


def _pss_mb() -> float:
    found = re.search(r"^Pss:\s+(\d+) kB", Path("/proc/self/smaps_rollup").read_text(), re.MULTILINE)
    assert found
    return int(found[1]) / 1024


if __name__ == "__main__":
    main()
