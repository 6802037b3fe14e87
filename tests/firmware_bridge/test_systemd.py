"""systemd is told by the loop itself, so that one that hangs is noticed; the unit runs a command that there is."""

from __future__ import annotations

import argparse
import configparser
import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from firmware_bridge.systemd import Systemd
from hadir.commands import load
from tests.firmware_bridge.test_bridge import Bridge, Listener, Terminals, bridge, listener, report, settings
from tests.fixtures.hadir_command import HADIR, eventually
from transport.disk_queue import DiskQueue

__all__ = ["bridge", "listener"]
UNIT = Path(__file__).parents[2] / "config" / "systemd" / "hadir-bridge@.service"


class Manager:
    """systemd's end of the socket."""

    def __init__(self, path: Path) -> None:
        self.address = str(path)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self.address)
        self._socket.settimeout(0.1)
        self._told: list[str] = []

    def told(self) -> list[str]:
        """All that it has been told so far."""
        try:
            while True:
                self._told.append(self._socket.recv(4096).decode())
        except TimeoutError:
            return list(self._told)

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    listening = Manager(tmp_path / "notify")
    yield listening
    listening.close()


def test_the_manager_is_told_in_its_words(manager: Manager) -> None:
    environ = {"NOTIFY_SOCKET": manager.address, "WATCHDOG_USEC": "3000000", "WATCHDOG_PID": str(os.getpid())}
    systemd = Systemd(environ)
    systemd.ready()
    for up_ms in (5_000, 5_100, 5_999, 6_000, 6_100):
        systemd.alive(up_ms)
    for status in ("1 of 2", "1 of 2", "2 of 2"):
        systemd.says(status)
    systemd.stopping()
    systemd.close()
    assert manager.told() == ["READY=1", "WATCHDOG=1", "WATCHDOG=1", "STATUS=1 of 2", "STATUS=2 of 2", "STOPPING=1"]


def test_without_a_manager_or_a_watchdog_of_ours_nothing_is_told(manager: Manager) -> None:
    Systemd({}).ready()
    of_another = Systemd({"NOTIFY_SOCKET": manager.address, "WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "1"})
    of_another.alive(5_000)
    of_another.close()
    deaf = Systemd({"NOTIFY_SOCKET": manager.address + ".gone"})
    deaf.ready()
    deaf.close()
    assert manager.told() == []


def test_a_bridge_whose_loop_hangs_stops_saying_that_it_lives(
    manager: Manager,
    pseudo_terminal: Terminals,
    bridge: Callable[..., Bridge],
    listener: Listener,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", manager.address)
    monkeypatch.setenv("WATCHDOG_USEC", "600000")
    monkeypatch.delenv("WATCHDOG_PID", raising=False)
    radar = pseudo_terminal("radar")
    running = bridge(settings(radar))
    eventually(lambda: radar.opened)
    radar.write(report(1))
    eventually(lambda: "STATUS=1 of 1 sensors speak; broker: connected" in manager.told())
    assert manager.told()[0] == "READY=1"
    eventually(lambda: manager.told().count("WATCHDOG=1") >= 3)

    disk, hanging = threading.Event(), threading.Event()
    appended = DiskQueue.append

    def hang(queue: DiskQueue, *rows: Any, **options: Any) -> range:
        hanging.set()
        disk.wait(60)
        return appended(queue, *rows, **options)

    monkeypatch.setattr(DiskQueue, "append", hang)
    radar.write(report(2))
    assert hanging.wait(30)
    before = manager.told()
    assert not disk.wait(1.0)  # nearly twice the time in which systemd waits for a sign
    assert manager.told() == before
    disk.set()
    eventually(lambda: manager.told().count("WATCHDOG=1") > before.count("WATCHDOG=1"))
    running.stop()
    assert manager.told()[-1] == "STOPPING=1"


def test_a_bridge_that_waits_for_its_settings_is_ready_and_lives(
    manager: Manager, bridge: Callable[..., Bridge], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", manager.address)
    monkeypatch.setenv("WATCHDOG_USEC", "1000000")
    monkeypatch.delenv("WATCHDOG_PID", raising=False)
    bridge()
    eventually(lambda: manager.told().count("WATCHDOG=1") >= 3)
    assert manager.told()[:2] == ["READY=1", "STATUS=waiting for the gateway's settings from the broker"]


def unit() -> configparser.ConfigParser:
    parsed = configparser.ConfigParser(strict=False, interpolation=None)
    parsed.optionxform = str  # type: ignore[assignment,method-assign]
    parsed.read(UNIT)
    return parsed


def test_the_unit_is_told_runs_what_there_is_and_is_started_again() -> None:
    service = unit()["Service"]
    assert service["Type"] == "notify"
    assert service["Restart"] == "always"
    assert int(service["WatchdogSec"]) > 0
    assert service["SupplementaryGroups"] == "dialout"
    assert service["NoNewPrivileges"] == "yes"
    program, command, *words = service["ExecStart"].split()
    assert Path(program).name == "hadir"
    parser = argparse.ArgumentParser()
    parser.add_argument("--data")
    module = load(command)
    module.add_arguments(parser)
    arguments = parser.parse_args([*words[2:][words[2:].index("--data") :][:2], *words[:3]])
    assert (arguments.word, arguments.gateway, arguments.data) == ("run", "%i", "/var/lib/hadir")


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd here")
def test_systemd_understands_the_unit(tmp_path: Path) -> None:
    copy = tmp_path / "hadir-bridge@gw-1.service"
    copy.write_text(UNIT.read_text().replace("/opt/hadir/bin/hadir", str(HADIR)))
    result = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(copy)], capture_output=True, text=True, check=False, timeout=60
    )
    assert (result.returncode, result.stderr) == (0, "")
