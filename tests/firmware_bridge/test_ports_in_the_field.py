"""Ports as they are in the field: renumbered, behind the network, flooded, named twice, in other hands."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from firmware_bridge.port import PortGone, open_port
from presence.gateway_settings import GatewaySettings, SensorPort
from tests.firmware_bridge.test_bridge import Bridge, Listener, Terminals, bridge, listener, report, settings
from tests.fixtures.hadir_command import eventually
from tests.fixtures.pseudo_terminal import PseudoTerminal
from tests.fixtures.serial_server import RawServer, Rfc2217Server

__all__ = ["bridge", "listener"]
Start = Callable[..., Bridge]


def at(port: str, sensor: str = "radar", **fields: Any) -> GatewaySettings:
    sensors = (SensorPort(id=sensor, driver="ld2410", port=port, **fields),)
    return GatewaySettings(version=1, site="mpp", gateway="gw", sensors=sensors)


def problem(listener: Listener, sensor: str) -> str | None:
    """What the sensor's status says is wrong; "" when nothing, None when it says nothing yet."""
    status = listener.retained.get(f"hadir/1/mpp/sensor/{sensor}/status")
    return status and (status["problem"] or "")


def test_sensors_stay_themselves_when_their_ports_change_numbers(
    pseudo_terminal: Terminals, bridge: Start, listener: Listener
) -> None:
    left, right = pseudo_terminal("left"), pseudo_terminal("right")
    bridge(settings(left, right))
    eventually(lambda: left.opened and right.opened)
    numbers = os.readlink(left.path), os.readlink(right.path)
    left.write(report(1))
    right.write(report(1001))
    eventually(lambda: listener.seqs("left") == listener.seqs("right") == [1])
    left.unplug()
    right.unplug()
    eventually(lambda: problem(listener, "left") == problem(listener, "right") == "unplugged")
    right.plug_in()
    left.plug_in()
    assert (os.readlink(right.path), os.readlink(left.path)) != numbers[::-1]
    eventually(lambda: left.opened and right.opened)
    left.write(report(2))
    right.write(report(1002))
    eventually(lambda: listener.numbers("left") == [1, 2])
    eventually(lambda: listener.numbers("right") == [1001, 1002])
    status = eventually(lambda: not problem(listener, "left") and listener.retained["hadir/1/mpp/sensor/left/status"])
    assert (status["state"], status["reconnected"]) == ("online", 1)


def test_a_raw_tcp_server_that_is_restarted(raw_server: RawServer, bridge: Start, listener: Listener) -> None:
    bridge(at(raw_server.url))
    raw_server.accept()
    raw_server.write(report(1))
    eventually(lambda: listener.numbers("radar") == [1])
    raw_server.stop()
    eventually(lambda: problem(listener, "radar") == "refused")
    raw_server.start()
    raw_server.accept()
    raw_server.write(report(2))
    eventually(lambda: listener.numbers("radar") == [1, 2])
    eventually(lambda: problem(listener, "radar") == "")


@pytest.mark.filterwarnings("ignore:set(Daemon|Name):DeprecationWarning")  # in pyserial
def test_a_terminal_behind_rfc2217_is_read_at_the_rate_that_is_asked_for(
    pseudo_terminal: Terminals,
    rfc2217_server: Callable[[Path], Rfc2217Server],
    bridge: Start,
    listener: Listener,
) -> None:
    radar = pseudo_terminal("radar")
    server = rfc2217_server(radar.path)
    bridge(at(server.url, baud=115_200))
    eventually(lambda: radar.write(report(7)) or listener.numbers("radar"), every_s=0.2)
    assert set(listener.numbers("radar")) == {7}
    assert server.terminal.baudrate == 115_200


@pytest.mark.parametrize(
    "flood", [b"\x55" * 65_536, b"\xf4\xf3\xf2\xf1" * 16_384, b"\xf4\xf3\xf2\xf1\xff\xff" * 10_000]
)
def test_a_port_that_floods_does_not_starve_the_others(
    pseudo_terminal: Terminals, raw_server: RawServer, bridge: Start, listener: Listener, flood: bytes
) -> None:
    radar = pseudo_terminal("radar")
    sensors = (*at(raw_server.url, "flood").sensors, *settings(radar).sensors)
    bridge(GatewaySettings(version=1, site="mpp", gateway="gw", sensors=sensors))
    raw_server.accept()
    eventually(lambda: radar.opened)
    stop = threading.Event()
    flooding = threading.Thread(target=raw_server.flood, args=(flood, stop))
    flooding.start()
    try:
        for number in range(20):
            radar.write(report(number))
            eventually(lambda number=number: listener.numbers("radar")[-1:] == [number])
        eventually(lambda: problem(listener, "flood"))
    finally:
        stop.set()
        raw_server.stop()
        flooding.join(30)
    assert listener.numbers("flood") == []


def test_a_port_under_two_names_is_the_first_sensors_and_the_second_one_says_whose(
    pseudo_terminal: Terminals, bridge: Start, listener: Listener, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    radar = pseudo_terminal("by-path")
    (tmp_path / "by-id").symlink_to(os.readlink(radar.path))
    first = settings(radar).sensors
    second = at(str(tmp_path / "by-id"), "twin").sensors
    bridge(GatewaySettings(version=1, site="mpp", gateway="gw", sensors=first))
    eventually(lambda: radar.opened)
    bridge(GatewaySettings(version=1, site="mpp", gateway="gw", sensors=(*first, *second)))
    eventually(lambda: problem(listener, "twin") == "held" or problem(listener, "by-path") == "held")
    (said,) = {message for message in caplog.messages if "is the same port as" in message}
    assert said.endswith(
        ("which is sensor by-path's already; name each port once", "twin's already; name each port once")
    )


@pytest.fixture
def nobody() -> int:
    """A user that is not root, for root may open everything."""
    return 65_534


def test_a_port_that_may_not_be_opened_says_which_group_may(
    pseudo_terminal: Callable[[str], PseudoTerminal], nobody: int
) -> None:
    device = os.path.realpath(pseudo_terminal("radar").path)
    os.chmod(device, 0)
    if was_root := os.geteuid() == 0:
        os.seteuid(nobody)
    try:
        with pytest.raises(PortGone, match="may not be opened; add this user to the group dialout") as gone:
            open_port(device, 9600)
    finally:
        if was_root:
            os.seteuid(0)
    assert gone.value.kind == "forbidden"
