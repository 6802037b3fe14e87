"""From the last byte of a radar's frame to the event that a live page receives.

Twelve radars on pseudo-terminals, `hadir up` with all its processes. A radar that has been silent is unknown; its first
frame that says "moving" makes its outlet occupied at once, so each such frame is timed until the event stream of a
listening page (this process) has the outlet's new state. Prints milliseconds: p50, p95, p99, max.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import tty
import urllib.request
from pathlib import Path

from firmware_bridge.emulators.ld2410 import Ld2410Emulator
from firmware_bridge.emulators.target import Target

OUTLETS = 12
ROUNDS = int(os.environ.get("ROUNDS", "10"))
SILENCE_S = 4.0  # heartbeat 1 s: stale after 3 s
HADIR = Path(sys.executable).parent / "hadir"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(measure(Path(folder)), indent=1))


def measure(folder: Path) -> dict[str, float | int]:
    ports = [_port(folder / f"port-{n}") for n in range(OUTLETS)]
    (folder / "site.yaml").write_text(_site(folder))
    environment = {**os.environ, "HADIR_DATA": str(folder / "data")}
    words = ["up", "--site", str(folder / "site.yaml"), "--port", "0", "--mqtt-port", "0"]
    up = subprocess.Popen([HADIR, *words], env=environment, stdout=subprocess.DEVNULL)
    try:
        address = _address(folder / "data" / "run.json")
        token = _token(environment)
        return _times(address, token, ports)
    finally:
        up.terminate()
        up.wait(30)


def _times(address: str, token: str, ports: list[int]) -> dict[str, float | int]:
    seen: dict[str, float] = {}
    changed = threading.Condition()

    def follow() -> None:
        request = urllib.request.Request(f"{address}/api/v1/live/stream", headers={"Authorization": f"Bearer {token}"})
        with urllib.request.urlopen(request) as stream:
            event = ""
            for line in stream:
                if line.startswith(b"event:"):
                    event = line[6:].strip().decode()
                elif line.startswith(b"data:") and event == "occupancy":
                    occupancy = json.loads(line[5:])
                    if occupancy["status"] == "staffed":
                        with changed:
                            seen.setdefault(occupancy["outlet"], time.perf_counter())
                            changed.notify_all()

    threading.Thread(target=follow, daemon=True).start()
    radars = [Ld2410Emulator(seed=n) for n in range(OUTLETS)]
    for radar in radars:
        radar.target = Target("moving", 1.0, 90)
    times_ms: list[float] = []
    for round_number in range(ROUNDS + 1):
        time.sleep(SILENCE_S)
        for n, (radar, port) in enumerate(zip(radars, ports, strict=True)):
            outlet = f"loket-{n}"
            with changed:
                seen.pop(outlet, None)
                written = time.perf_counter()
                os.write(port, radar.report(0))
                came = changed.wait_for(lambda outlet=outlet: outlet in seen, 5)
                if came and round_number:  # the first round warms everything up
                    times_ms.append((seen[outlet] - written) * 1000)
            time.sleep(0.05)
    ordered = sorted(times_ms)
    return {
        "frames": len(ordered),
        "lost": ROUNDS * OUTLETS - len(ordered),
        "p50_ms": round(statistics.median(ordered), 1),
        "p95_ms": round(ordered[int(len(ordered) * 0.95)], 1),
        "p99_ms": round(ordered[int(len(ordered) * 0.99)], 1),
        "max_ms": round(ordered[-1], 1),
    }


def _port(path: Path) -> int:
    master, device = os.openpty()
    tty.setraw(device)
    path.symlink_to(os.ttyname(device))
    return master


def _address(run_file: Path) -> str:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            address = f"http://127.0.0.1:{json.loads(run_file.read_text())['web']}"
            urllib.request.urlopen(f"{address}/healthz", timeout=1).close()
        except (OSError, ValueError, KeyError):
            time.sleep(0.05)
        else:
            return address
    raise SystemExit("hadir up did not come up")


def _token(environment: dict[str, str]) -> str:
    made = subprocess.run(
        [HADIR, "user", "token", "--name", "benchmark"], env=environment, capture_output=True, text=True
    )
    if made.returncode:
        raise SystemExit(made.stderr)
    return made.stdout.strip().splitlines()[-1].split()[-1]


def _site(folder: Path) -> str:
    outlets = "\n".join(
        f"  - {{id: loket-{n}, name: Loket {n}, agency: dinas, sensors: [{{id: radar-{n}, kind: mmwave, zone: staff, "
        f"heartbeat: 1s, source: {{gateway: gw, driver: ld2410, port: {folder}/port-{n}}}}}]}}"
        for n in range(OUTLETS)
    )
    return (
        "site: {id: balai, name: Balai, timezone: Asia/Jakarta, country: ID, service_hours: '24/7'}\n"
        "gateways: [{id: gw}]\nagencies: [{id: dinas, name: Dinas}]\nrules: {vacancy: off}\n"
        f"outlets:\n{outlets}\n"
    )


if __name__ == "__main__":
    main()
