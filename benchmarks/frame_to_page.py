"""From the last byte of a radar's frame to the event that a live page receives, and to the tile that it repaints.

`hadir up` with all its processes and 500 outlets. Twelve have radars on pseudo-terminals: one that has been silent is
unknown; its first frame that says "moving" makes its outlet occupied at once, so each such frame is timed, until the
event stream of a listening page (this process) has the outlet's new state, and until a real browser (Chromium, the live
page of all 500) has drawn it. The other outlets' sensors send 300 readings/s over MQTT, by which five outlets a second
change their state, and a thousand further pages are open (a process of its own, which reads and drops what comes).
Everything shares this machine. Prints milliseconds: p50, p95, p99, max. Target: p99 < 150 ms to the event. What lies
between it and the drawn tile are two frames of a browser without a graphics processor. Lost is what was not seen within
five seconds.

PAGES, OUTLETS, READINGS (a second) and ROUNDS (of twelve frames) are taken from the environment.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import tty
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Page, sync_playwright

from firmware_bridge.emulators.ld2410 import Ld2410Emulator
from firmware_bridge.emulators.target import Target
from presence import topics
from presence.readings import Reading
from presence.senml import encode_json
from transport.session import Message, Session, parse_broker

RADARS = 12
OUTLETS = int(os.environ.get("OUTLETS", "500"))
PAGES = int(os.environ.get("PAGES", "1000"))
READINGS = int(os.environ.get("READINGS", "300"))
CHANGES = 5
ROUNDS = int(os.environ.get("ROUNDS", "20"))
SILENCE_S = 4.0  # heartbeat 1 s: stale after 3 s
HADIR = Path(sys.executable).parent / "hadir"
# When each tile that became occupied was drawn: the frame after the one in which it was changed has begun.
_WATCH = """() => {
  window.drawn = {};
  for (const tile of document.querySelectorAll('.tile')) {
    new MutationObserver(() => {
      if (tile.dataset.state !== 'staffed') return;
      requestAnimationFrame(() => requestAnimationFrame(() => {
        window.drawn[tile.dataset.outlet] ??= performance.timeOrigin + performance.now();
      }));
    }).observe(tile, { attributeFilter: ['data-state'] });
  }
}"""


def main() -> None:
    if len(sys.argv) > 1:
        asyncio.run(_open_pages(sys.argv[1], sys.argv[2]))
        return
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(measure(Path(folder)), indent=1))


def measure(folder: Path) -> dict[str, object]:
    ports = [_port(folder / f"port-{n}") for n in range(RADARS)]
    (folder / "site.yaml").write_text(_site(folder))
    environment = {**os.environ, "HADIR_DATA": str(folder / "data")}
    words = ["up", "--site", str(folder / "site.yaml"), "--port", "0", "--mqtt-port", "0"]
    up = subprocess.Popen([HADIR, *words], env=environment, stdout=subprocess.DEVNULL)
    try:
        address = _address(folder / "data" / "run.json")
        token = _token(environment)
        broker = f"mqtt://127.0.0.1:{json.loads((folder / 'data' / 'run.json').read_text())['mqtt']}"
        with _pages(address, token), _others(broker), _browser(address, token) as page:
            return {"outlets": OUTLETS, "open pages": PAGES, "readings/s": READINGS} | _times(
                address, token, ports, page
            )
    finally:
        up.terminate()
        up.wait(30)


@contextmanager
def _pages(address: str, token: str) -> Iterator[None]:
    """A thousand open pages, in a process of their own."""
    holding = subprocess.Popen([sys.executable, __file__, address, token], stdout=subprocess.PIPE)
    assert holding.stdout is not None
    holding.stdout.readline()
    yield
    holding.terminate()
    holding.wait(30)


async def _open_pages(address: str, token: str) -> None:
    host, port = urlsplit(address).hostname, urlsplit(address).port
    asked = f"GET /api/v1/live/stream HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n\r\n".encode()

    async def hold() -> None:
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(asked)
        await reader.readuntil(b"event: snapshot")
        opened.release()
        while await reader.read(65536):
            pass

    opened = asyncio.Semaphore(0)
    held = []
    for _ in range(PAGES):
        held.append(asyncio.create_task(hold()))
        await opened.acquire()
    print("open", flush=True)
    await asyncio.gather(*held)


@contextmanager
def _others(broker: str) -> Iterator[None]:
    """What the sensors of the other outlets say, `READINGS` a second in turn, `CHANGES` outlets changing a second."""
    session = Session(
        parse_broker(broker),
        client_id="others",
        clean_start=True,
        session_expiry_s=0,
        max_inflight=500,
    )
    session.start()
    stop = threading.Event()

    def speak() -> None:
        present = [1.0] * OUTLETS
        began, said = time.monotonic(), 0
        while not stop.is_set():
            n = RADARS + said % (OUTLETS - RADARS)
            if said % (READINGS // CHANGES) == 0:
                present[n] = 1.0 - present[n]
            reading = Reading(f"radar-{n}", time.time_ns() // 1_000_000, {"presence": present[n]})
            body = encode_json([reading], many_sensors=False)
            session.publish(Message(topics.sensor_topic("balai", f"radar-{n}", "readings"), body))
            said += 1
            stop.wait(max(0.0, began + said / READINGS - time.monotonic()))

    while not session.connected:
        time.sleep(0.01)
    speaking = threading.Thread(target=speak)
    speaking.start()
    time.sleep(2 * OUTLETS / READINGS)  # everybody has spoken
    yield
    stop.set()
    speaking.join()
    session.stop()


@contextmanager
def _browser(address: str, token: str) -> Iterator[Page]:
    """The live page in Chromium."""
    chromium = shutil.which("chromium")
    if chromium is None:
        raise SystemExit("chromium is not installed; `make test` installs it")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--headless", "--no-sandbox"])
        page = browser.new_context(extra_http_headers={"Authorization": f"Bearer {token}"}).new_page()
        page.goto(address)
        page.wait_for_selector(f".tile[data-outlet=loket-{OUTLETS - 1}]")
        page.evaluate(_WATCH)
        yield page
        browser.close()


def _times(address: str, token: str, ports: list[int], page: Page) -> dict[str, object]:
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
                            seen.setdefault(occupancy["outlet"], time.time())
                            changed.notify_all()

    threading.Thread(target=follow, daemon=True).start()
    radars = [Ld2410Emulator(seed=n) for n in range(RADARS)]
    for radar in radars:
        radar.target = Target("moving", 1.0, 90)
    heard_ms: list[float] = []
    drawn_ms: list[float] = []
    for round_number in range(ROUNDS + 1):
        time.sleep(SILENCE_S)
        page.evaluate("window.drawn = {}")
        written = {}
        for n, (radar, port) in enumerate(zip(radars, ports, strict=True)):
            outlet = f"loket-{n}"
            with changed:
                seen.pop(outlet, None)
                written[outlet] = time.time()
                os.write(port, radar.report(0))
                changed.wait_for(lambda outlet=outlet: outlet in seen, 5)
            time.sleep(0.05)
        until = time.monotonic() + 5
        while time.monotonic() < until and page.evaluate("Object.keys(drawn).length") < RADARS:
            time.sleep(0.1)
        drawn = page.evaluate("window.drawn")
        if round_number:  # the first round warms everything up
            heard_ms += [(seen[outlet] - at) * 1000 for outlet, at in written.items() if outlet in seen]
            drawn_ms += [drawn[outlet] - at * 1000 for outlet, at in written.items() if outlet in drawn]
    return {
        "frames": ROUNDS * RADARS,
        "frame to event": _figures(heard_ms),
        "frame to the drawn tile": _figures(drawn_ms),
    }


def _figures(times_ms: list[float]) -> dict[str, float | int]:
    cuts = statistics.quantiles(times_ms, n=100, method="inclusive")
    named = {"p50_ms": cuts[49], "p95_ms": cuts[94], "p99_ms": cuts[98], "max_ms": max(times_ms)}
    return {"lost": ROUNDS * RADARS - len(times_ms)} | {name: round(value, 1) for name, value in named.items()}


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
    radar = "kind: mmwave, zone: staff, heartbeat: 1s, source: {{gateway: gw, driver: ld2410, port: {folder}/port-{n}}}"
    other = "kind: direct, zone: staff, heartbeat: 10s"
    outlets = "\n".join(
        f"  - {{id: loket-{n}, name: Loket {n}, agency: dinas, sensors: [{{id: radar-{n}, "
        f"{(radar if n < RADARS else other).format(folder=folder, n=n)}}}]}}"
        for n in range(OUTLETS)
    )
    return (
        "site: {id: balai, name: Balai, timezone: Asia/Jakarta, country: ID, service_hours: '24/7'}\n"
        "gateways: [{id: gw}]\nagencies: [{id: dinas, name: Dinas}]\nrules: {vacancy: off}\n"
        f"outlets:\n{outlets}\n"
    )


if __name__ == "__main__":
    main()
