"""What `hadir up --demo` costs: time to the first page, memory and processor time of each of its processes.

Memory is PSS (what is shared counts in parts), after 30 s of work; CPU over those 30 s. The simulation is listed apart:
a real installation has none. Linux only.

Run: .venv/bin/python benchmarks/up_cost.py
"""

from __future__ import annotations

import json
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hadir.output import table

RUNS, WATCHED_S, GIVE_UP_S = 5, 30.0, 60.0
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_HADIR = [sys.executable, "-m", "hadir.cli"]


@contextmanager
def up(data: Path) -> Iterator[tuple[float, int]]:
    """A running demonstration: the seconds to its first page, and the pid of its supervisor."""
    began = time.monotonic()
    child = subprocess.Popen([*_HADIR, "up", "--demo", "--port", "0", "--data", str(data)], stdout=subprocess.DEVNULL)
    try:
        while not _page(data / "run.json"):
            if child.poll() is not None or time.monotonic() - began > GIVE_UP_S:
                raise SystemExit("hadir up gave no page")
            time.sleep(0.005)
        yield time.monotonic() - began, child.pid
    finally:
        child.send_signal(signal.SIGTERM)
        child.wait()


def _page(run_file: Path) -> bool:
    try:
        port = json.loads(run_file.read_text())["web"]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=10) as answer:
            return b"Loket 1" in answer.read()
    except (OSError, ValueError, urllib.error.URLError):
        return False


def processes(data: Path, supervisor: int) -> dict[str, int]:
    running = json.loads((data / "run.json").read_text())
    return {"up": supervisor, **running["pids"], "(simulation)": running["demo"]}


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
                with up(Path(folder)) as (took_s, _):
                    seconds.append(took_s)
    print(f"first page, empty data directory: {statistics.median(first):.2f} s (median of {RUNS})")
    print(f"first page, every later start:    {statistics.median(again):.2f} s (median of {RUNS})\n")

    with tempfile.TemporaryDirectory() as folder, up(Path(folder)) as (_, supervisor):
        time.sleep(5)
        pids = processes(Path(folder), supervisor)
        before = {name: cpu_s(pid) for name, pid in pids.items()}
        time.sleep(WATCHED_S)
        spent = {name: (cpu_s(pid) - before[name]) / WATCHED_S for name, pid in pids.items()}
        memory = {name: pss_mb(pid) for name, pid in pids.items()}
    rows = [(name, f"{memory[name]:.1f}", f"{100 * spent[name]:.1f}") for name in pids]
    ours = [name for name in pids if not name.startswith("(")]
    rows.append(
        (
            "all but the simulation",
            f"{sum(memory[name] for name in ours):.1f}",
            f"{100 * sum(spent[name] for name in ours):.1f}",
        )
    )
    print(table(["process", "PSS MB", "% of a core"], rows))


if __name__ == "__main__":
    main()
