"""`hadir doctor bridge` from outside: what is on the ports of a site's sensors, and an exit status to go by."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from firmware_bridge.bridge import queue_path
from firmware_bridge.emulators.ld2410 import Ld2410Emulator
from presence.gateway_settings import GatewaySettings, SensorPort
from tests.fixtures.hadir_command import Hadir
from tests.fixtures.pseudo_terminal import PseudoTerminal
from transport.disk_queue import DiskQueue

SITE = """\
site: {{id: mpp, name: MPP, timezone: Asia/Jakarta, country: ID, service_hours: "24/7"}}
gateways: [{{id: gw}}]
agencies: [{{id: dinas, name: Dinas}}]
outlets:
  - {{id: a-1, name: Loket 1, agency: dinas, sensors: [
      {{id: radar, kind: mmwave, zone: staff, source: {{gateway: gw, driver: ld2410, port: "{port}"}}}}]}}
"""


@pytest.fixture
def speaking(pseudo_terminal: Callable[[str], PseudoTerminal]) -> Iterator[PseudoTerminal]:
    """A terminal on which a radar reports ten times a second."""
    terminal, radar, stop = pseudo_terminal("radar"), Ld2410Emulator(1), threading.Event()

    def report() -> None:
        at_ms = 0
        while not stop.wait(0.1):
            at_ms += 100
            if terminal.opened:
                terminal.write(radar.report(at_ms))

    reporting = threading.Thread(target=report)
    reporting.start()
    yield terminal
    stop.set()
    reporting.join(30)


def site_file(folder: Path, port: object) -> str:
    path = folder / "site.yaml"
    path.write_text(SITE.format(port=port))
    return str(path)


def test_a_radar_that_speaks_is_recognised(hadir: Hadir, speaking: PseudoTerminal, tmp_path: Path) -> None:
    result = hadir.run("doctor", "bridge", "--json", "--site", site_file(tmp_path, speaking.path))
    answer = json.loads(result.stdout)
    (sensor,) = answer["sensors"]
    assert sensor["port"] == str(speaking.path)
    assert (sensor["heard"]["driver"], sensor["heard"]["baud"]) == ("ld2410", 256_000)
    assert [each for each in answer["todo"] if each["port"] == str(speaking.path)] == []
    assert answer["right"] == (result.returncode == 0)


def test_a_sensor_whose_port_is_missing_is_something_to_do(hadir: Hadir, tmp_path: Path) -> None:
    result = hadir.run("doctor", "bridge", "--site", site_file(tmp_path, tmp_path / "gone"))
    assert result.returncode == 1
    assert f"! {tmp_path}/gone: sensor radar: is not there; is the sensor plugged in, and the name right?" in (
        result.stdout.splitlines()
    )


def test_a_network_port_that_nobody_serves_is_something_to_do(hadir: Hadir, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"socket://127.0.0.1:{server.getsockname()[1]}"
    result = hadir.run("doctor", "bridge", "--json", "--site", site_file(tmp_path, url))
    answer = json.loads(result.stdout)
    assert (result.returncode, answer["sensors"][0]["device"]) == (1, url)
    assert {"port": url, "urgent": True} | {
        "problem": "sensor radar: refuses the connection",
        "remedy": "does anything listen there?",
    } in answer["todo"]


def test_without_a_site_file_it_is_what_the_bridge_keeps_that_is_looked_for(hadir: Hadir, tmp_path: Path) -> None:
    sensors = (SensorPort(id="kept", driver="ld2410", port=f"{tmp_path}/gone"),)
    kept = GatewaySettings(version=1, site="mpp", gateway="gw", sensors=sensors)
    with closing(DiskQueue(queue_path(hadir.data, "gw"), ballast_bytes=0)) as queue:
        queue.meta_put("settings", msgspec.json.encode(kept))
        said = hadir.run("doctor").stdout
        assert (
            f"{hadir.data}/bridge-gw.db: its bridge runs; what is wrong with its sensors stands in their status" in said
        )
        assert "sensor kept" not in said
    assert f"! {tmp_path}/gone: sensor kept: is not there" in hadir.run("doctor").stdout


def test_the_doctor_alone_looks_at_the_bridge_and_has_one_answer(hadir: Hadir) -> None:
    result = hadir.run("doctor")
    assert result.returncode in (0, 1)
    assert (result.returncode == 0) == result.stdout.endswith("All is well.\n")


def test_a_gateway_that_the_site_does_not_have_is_bad_input(hadir: Hadir, tmp_path: Path) -> None:
    result = hadir.run("doctor", "bridge", "--gateway", "gw-9", "--site", site_file(tmp_path, "/dev/ttyS9"))
    assert (result.returncode, result.stderr.split(": ", 1)[1]) == (2, 'gateways: no gateway "gw-9"; known: gw\n')
