"""Bytes go into a serial port; a point comes out of InfluxDB and an alert out of a webhook."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from firmware_bridge.emulators.target import Target
from tests.fixtures.hadir_command import Hadir, eventually
from tests.fixtures.pseudo_terminal import PseudoTerminal
from tests.fixtures.room import Room
from tests.fixtures.webhook import WebhookReceiver

SECRET = "korek-api"
SITE = """
site:
  id: balai
  name: Balai Layanan
  timezone: Asia/Jakarta
  country: ID
  service_hours: "24/7"
gateways:
  - {{id: gw-1}}
agencies:
  - id: dinas
    name: Dinas Contoh
    contacts:
      - {{id: koordinator, name: Koordinator, level: 1, channel: "{channel}"}}
outlets:
  - id: loket-1
    number: 1
    name: Loket 1
    service: KTP-el
    agency: dinas
    sensors:
      - id: radar-1
        kind: mmwave
        zone: staff
        heartbeat: 5s
        source: {{gateway: gw-1, driver: ld2410, port: "{port}"}}
rules:
  vacancy: {{after: 3s, min_presence: 1s}}
"""


@pytest.fixture
def room(pseudo_terminal: Callable[[str], PseudoTerminal]) -> Iterator[tuple[Room, PseudoTerminal]]:
    port = pseudo_terminal("loket-1")
    with Room(port) as room:
        yield room, port


def test_from_a_frame_to_a_point_and_an_alert(
    hadir: Hadir,
    room: tuple[Room, PseudoTerminal],
    mosquitto: Any,
    influxd: Any,
    influx_database: str,
    webhook: WebhookReceiver,
    tmp_path: Path,
):
    radar, port = room[0].radar, room[1]
    radar.target = Target("still", 0.8, 60)
    site = tmp_path / "site.yaml"
    site.write_text(SITE.format(channel=webhook.url(secret="{env:HOOK_SECRET}"), port=port.path))
    hadir.environment |= {
        "HADIR_BROKER": mosquitto.url,
        "HADIR_STORE": f"influxdb://127.0.0.1:{influxd.port}/{influx_database}",
        "HOOK_SECRET": SECRET,
    }
    applied = hadir.run("site", "apply", str(site))
    assert applied.returncode == 0, applied.stderr
    hadir.start("collector", "run")
    hadir.start("api", "run", "--only", "engine")
    # Its settings come from the engine, by the broker; by ages the order of what came within a few ms could be another.
    hadir.start("bridge", "run", "--gateway", "gw-1", "--clock", "dated")

    def points() -> list[list[Any]]:
        found = influxd.query("SELECT presence, distance, seq FROM reading WHERE sensor = 'radar-1'", influx_database)
        return found[0]["values"] if found else []

    began = eventually(points)
    assert began[0][1] == 1

    radar.target = Target("nobody")
    left_ms = time.time() * 1000
    fired = webhook.wait_for(1, within_s=90)[0]
    assert fired.json["event"] == "firing"
    alert = fired.json["alert"]
    assert (alert["kind"], alert["outlet"], alert["state"]) == ("vacancy", "loket-1", "firing")
    assert fired.json["outlet"]["agency"]["id"] == "dinas"
    assert_signed(fired.headers["Hadir-Signature"], fired.body)
    assert fired.key == f"{alert['id']}.firing.koordinator.0"

    radar.target = Target("moving", 1.2, 80)
    resolved = webhook.wait_for(2, within_s=90)[1]
    assert (resolved.json["event"], resolved.json["alert"]["reason"]) == ("resolved", "presence")
    assert resolved.json["alert"]["id"] == alert["id"]
    assert_signed(resolved.headers["Hadir-Signature"], resolved.body)

    absent = [point for point in points() if point[0] >= left_ms + 500]
    assert absent[0][1] == 0, "the radar said so, and the store has it"
    numbers = [point[3] for point in points()]
    assert numbers == sorted(set(numbers)), "each running number once, in the order of time"
    verified = hadir.run("audit", "verify")
    assert verified.returncode == 0, verified.stderr


def assert_signed(signature: str, body: bytes) -> None:
    parts = dict(part.split("=", 1) for part in signature.split(","))
    expected = hmac.new(SECRET.encode(), f"{parts['t']}.".encode() + body, hashlib.sha256).hexdigest()
    assert parts["v1"] == expected
