"""Every part of `hadir up` is killed with -9 at random moments: no reading is lost or doubled, no alert fires twice."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from firmware_bridge.emulators.target import Target
from storage.record import Record
from storage.record.tables import audit as audit_table
from storage.timeseries import Series, open_store
from tests.fixtures.hadir_command import Hadir, eventually
from tests.fixtures.pseudo_terminal import PseudoTerminal
from tests.fixtures.room import Room
from tests.fixtures.webhook import WebhookReceiver

ROOMS = 3
IN_THE_SUITE = 20
SITE = """
site: {{id: balai, name: Balai, timezone: Asia/Jakarta, country: ID, service_hours: "24/7"}}
gateways: [{{id: gw}}]
agencies: [{{id: dinas, name: Dinas, contacts: [{{id: k, name: K, channel: "{channel}"}}]}}]
rules: {{vacancy: {{after: 2s, min_presence: 1s}}}}
outlets:
"""
OUTLET = """
  - id: loket-{n}
    name: Loket {n}
    agency: dinas
    sensors: [{{id: radar-{n}, kind: mmwave, zone: staff, heartbeat: 2s,
               source: {{gateway: gw, driver: ld2410, port: "{port}"}}}}]
"""


def test_killed_at_random_moments(
    hadir: Hadir, pseudo_terminal: Callable[[str], PseudoTerminal], webhook: WebhookReceiver, tmp_path: Path
):
    kill_all_the_time(hadir, pseudo_terminal, webhook, tmp_path, IN_THE_SUITE)


@pytest.mark.soak
def test_killed_for_hours(
    hadir: Hadir, pseudo_terminal: Callable[[str], PseudoTerminal], webhook: WebhookReceiver, tmp_path: Path
):
    kill_all_the_time(hadir, pseudo_terminal, webhook, tmp_path, int(os.environ.get("N", "1000")))


def kill_all_the_time(
    hadir: Hadir,
    pseudo_terminal: Callable[[str], PseudoTerminal],
    webhook: WebhookReceiver,
    folder: Path,
    kills: int,
) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    dice = random.Random(seed)
    ports = [pseudo_terminal(f"port-{n}") for n in range(ROOMS)]
    site = folder / "site.yaml"
    outlets = "".join(OUTLET.format(n=n, port=port.path) for n, port in enumerate(ports))
    site.write_text(SITE.format(channel=webhook.url()) + outlets)
    up = hadir.start("up", "--site", str(site), "--port", "0", "--mqtt-port", "0")
    with contextlib.ExitStack() as rooms:
        radars = [rooms.enter_context(Room(port)).radar for port in ports]
        eventually(lambda: stored(hadir))
        for _ in range(kills):
            for radar in radars:
                radar.target = dice.choice([Target("moving", 1.0, 90), Target("still", 1.0, 60), Target(), Target()])
            part, pid = dice.choice(sorted(pids(hadir).items()))
            os.kill(pid, signal.SIGKILL)
            eventually(lambda part=part, pid=pid: pids(hadir).get(part, pid) != pid)
            threading.Event().wait(dice.random())
    eventually(lambda: gaps(stored(hadir)) == [], every_s=0.5)
    assert hadir.stop(up) == 0
    readings = stored(hadir)
    assert gaps(readings) == []
    assert set(readings.values()) == {1}

    bodies = {request.key: request.body for request in webhook.requests}
    assert all(request.body == bodies[request.key] for request in webhook.requests), "a repeat is the same message"
    fired, reopened = events(hadir, "firing"), events(hadir, "reopened")
    assert set(fired.values()) <= {1}, "no alert fires twice"
    told = Counter(key.split(".")[0] for key in bodies if ".firing." in key)
    # Told again under a new number only when late readings made it stand again.
    assert all(told[alert] <= fired[alert] + reopened[alert] for alert in told)
    audit = hadir.run("audit", "verify")
    assert audit.returncode == 0, audit.stderr


def pids(hadir: Hadir) -> dict[str, int]:
    try:
        found: dict[str, Any] = json.loads((hadir.data / "run.json").read_text())
    except (OSError, ValueError):
        return {}
    return dict(found["pids"])


def events(hadir: Hadir, event: str) -> Counter[str]:
    """How often the audit log has `event`, by alert."""
    with Record.open(f"sqlite:///{hadir.data / 'record.db'}", create=False) as record, record.reading() as connection:
        bodies = [json.loads(body) for body in connection.scalars(select(audit_table.c.body))]
    return Counter(body["alert"] for body in bodies if body.get("event") == event)


def stored(hadir: Hadir) -> Counter[tuple[str, float, float]]:
    """How often each running number of each radar and epoch is in the store."""
    store = open_store(f"sqlite:///{hadir.data}")
    try:
        series = [Series("balai", f"loket-{n}", "staff", f"radar-{n}") for n in range(ROOMS)]
        found = store.read(series, 0, 2**42)
    finally:
        store.close()
    return Counter((one.sensor, one.values["boot"], one.values["seq"]) for one in found if "seq" in one.values)


def gaps(readings: Counter[tuple[str, float, float]]) -> list[tuple[str, float, float]]:
    """The running numbers below the highest of each radar that are not there."""
    missing = []
    for sensor, boot in {(sensor, boot) for sensor, boot, _ in readings}:
        numbers = {seq for other, epoch, seq in readings if (other, epoch) == (sensor, boot)}
        missing += [
            (sensor, boot, float(seq)) for seq in range(int(min(numbers)), int(max(numbers))) if seq not in numbers
        ]
    return missing
