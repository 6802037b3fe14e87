"""What `hadir up` costs: time to the first page, memory and processor time of each of its processes.

Time is that of `hadir up --demo`. Memory is PSS (what is shared counts in parts), after 30 s of work; CPU over those
30 s: once of the demonstration, its simulation apart, once of a mall of 38 counters whose 76 sensors send 30 messages a
second over MQTT, with three live pages open. Figures: first page < 3 s; < 250 MB, < 5 % of a core. Linux only.

Missed: the mall's share of a core. Half of it is the collector's, which puts every message on disk before it
acknowledges it, alone at this rate, and hands it through three threads; a quarter is mosquitto's, which writes its
whole store anew with every change (`autosave_on_changes`), so that when it is killed it has lost nothing.

Run: .venv/bin/python benchmarks/up_cost.py
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hadir.output import table
from presence import topics
from presence.readings import Reading
from presence.senml import encode_json
from transport.session import Message, Session, parse_broker

RUNS, WATCHED_S, GIVE_UP_S = 5, 30.0, 60.0
COUNTERS, MESSAGES_PER_S, PAGES = 38, 30, 3
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_HADIR = [sys.executable, "-m", "hadir.cli"]


@contextmanager
def up(data: Path, *words: str) -> Iterator[tuple[float, int]]:
    """`hadir up` with `words`: the seconds to its first page, and the pid of its supervisor."""
    began = time.monotonic()
    child = subprocess.Popen([*_HADIR, "up", *words, "--port", "0", "--data", str(data)], stdout=subprocess.DEVNULL)
    try:
        path, holds = ("/", b"Loket 1") if "--demo" in words else ("/login", b"Hadir")
        while not _page(data / "run.json", path, holds):
            if child.poll() is not None or time.monotonic() - began > GIVE_UP_S:
                raise SystemExit("hadir up gave no page")
            time.sleep(0.005)
        yield time.monotonic() - began, child.pid
    finally:
        child.send_signal(signal.SIGTERM)
        child.wait()


def _page(run_file: Path, path: str, holds: bytes) -> bool:
    try:
        port = json.loads(run_file.read_text())["web"]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
            return holds in answer.read()
    except (OSError, ValueError, urllib.error.URLError):
        return False


def processes(data: Path, supervisor: int) -> dict[str, int]:
    running = json.loads((data / "run.json").read_text())
    simulated = {"(simulation)": running["demo"]} if running.get("demo") else {}
    return {"up": supervisor, **running["pids"], **simulated}


def pss_mb(pid: int) -> float:
    found = re.search(r"^Pss:\s+(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE)
    assert found
    return int(found[1]) / 1024


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS_PER_S


def main() -> None:
    first, again = [], []
    for _ in range(RUNS):
        with tempfile.TemporaryDirectory() as folder:
            for seconds in (first, again):
                with up(Path(folder), "--demo") as (took_s, _):
                    seconds.append(took_s)
    print(f"first page, empty data directory: {statistics.median(first):.2f} s (median of {RUNS})")
    print(f"first page, every later start:    {statistics.median(again):.2f} s (median of {RUNS})")
    with tempfile.TemporaryDirectory() as folder, up(Path(folder), "--demo") as (_, supervisor):
        print("\nthe demonstration: 12 counters with radars")
        print(_cost(Path(folder), supervisor))
    with tempfile.TemporaryDirectory() as folder:
        site = Path(folder) / "site.yaml"
        site.write_text(_mall())
        with up(Path(folder), "--site", str(site), "--mqtt-port", "0") as (_, supervisor), _sensors(Path(folder)):
            print(f"\na mall: {COUNTERS} counters, {MESSAGES_PER_S} messages a second, {PAGES} open pages")
            print(_cost(Path(folder), supervisor))


def _cost(data: Path, supervisor: int) -> str:
    time.sleep(5)
    pids = processes(data, supervisor)
    before = {name: cpu_s(pid) for name, pid in pids.items()}
    time.sleep(WATCHED_S)
    spent = {name: (cpu_s(pid) - before[name]) / WATCHED_S for name, pid in pids.items()}
    memory = {name: pss_mb(pid) for name, pid in pids.items()}
    ours = [name for name in pids if not name.startswith("(")]
    rows = [(name, f"{memory[name]:.1f}", f"{100 * spent[name]:.1f}") for name in pids]
    sums = f"{sum(memory[name] for name in ours):.1f}", f"{100 * sum(spent[name] for name in ours):.1f}"
    return table(["process", "PSS MB", "% of a core"], [*rows, ("all but the simulation", *sums)])


def _mall() -> str:
    outlets = "\n".join(
        f"  - {{id: loket-{n}, name: Loket {n}, agency: dinas, sensors: ["
        + ", ".join(f"{{id: {zone}-{n}, kind: direct, zone: {zone}, heartbeat: 10s}}" for zone in ("staff", "visitor"))
        + "]}"
        for n in range(COUNTERS)
    )
    return (
        "site: {id: mall, name: Mal, timezone: Asia/Jakarta, country: ID, service_hours: '24/7'}\n"
        f"agencies: [{{id: dinas, name: Dinas}}]\noutlets:\n{outlets}\n"
    )


@contextmanager
def _sensors(data: Path) -> Iterator[None]:
    """What the sensors of the mall say, in turn; now and then one of them changes. And the pages that are open."""
    running = json.loads((data / "run.json").read_text())
    words = [*_HADIR, "user", "token", "--name", "pages", "--data", str(data)]
    token = subprocess.run(words, capture_output=True, text=True, check=True).stdout.split()[-1]
    asked = urllib.request.Request(
        f"http://127.0.0.1:{running['web']}/api/v1/live/stream", headers={"Authorization": f"Bearer {token}"}
    )
    pages = [urllib.request.urlopen(asked) for _ in range(PAGES)]
    session = Session(
        parse_broker(f"mqtt://127.0.0.1:{running['mqtt']}"), client_id="mall", clean_start=True, session_expiry_s=0
    )
    session.start()
    while not session.connected:
        time.sleep(0.01)
    stop = threading.Event()

    def speak() -> None:
        began, said = time.monotonic(), 0
        while not stop.is_set():
            zone, n = ("staff", "visitor")[said % 2], said // 2 % COUNTERS
            reading = Reading(f"{zone}-{n}", time.time_ns() // 1_000_000, {"presence": float((said // 900 + n) % 2)})
            body = encode_json([reading], many_sensors=False)
            session.publish(Message(topics.sensor_topic("mall", f"{zone}-{n}", "readings"), body))
            said += 1
            stop.wait(max(0.0, began + said / MESSAGES_PER_S - time.monotonic()))

    threads = [threading.Thread(target=speak), *(threading.Thread(target=_read, args=(page,)) for page in pages)]
    for thread in threads:
        thread.daemon = True
        thread.start()
    yield
    stop.set()
    threads[0].join()
    session.stop()


def _read(page: http.client.HTTPResponse) -> None:
    with contextlib.suppress(OSError, http.client.HTTPException):  # the server ends before us
        while page.readline():
            pass


if __name__ == "__main__":
    main()
