"""The search of `firmware_bridge.probe` on a true port, and what the device found says of itself."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextlib import closing
from typing import NamedTuple

from firmware_bridge.commands import Ask
from firmware_bridge.direct import DirectLine, bytes_within, open_by_hand, time_left, write
from firmware_bridge.drivers import DRIVERS, DriverModule
from firmware_bridge.port import Port
from firmware_bridge.probe import Attempt, Finding, Probe

_FIRMWARE = "read_firmware"


class Probed(NamedTuple):
    """`firmware`: None when it was not read; `stopped`: the search was broken off."""

    finding: Finding
    firmware: str | None = None
    stopped: bool = False


def probe_port(
    name: str,
    stop: threading.Event,
    *,
    drivers: Mapping[str, DriverModule] = DRIVERS,
    passive: bool = False,
    tell: Callable[[str], None] = lambda _: None,
) -> Probed:
    """Searches the port `name` until `stop` is set; `tell` gets in words what is done now.

    Raises BadInput when the port cannot be opened, PortLost when it is unplugged meanwhile.
    """
    probe = Probe(drivers, passive=passive)
    port: Port | None = None
    baud = 0
    try:
        for attempt in probe.attempts():
            if port is None or attempt.baud != baud:
                # A port takes its rate when it is opened.
                if port is not None:
                    port.close()
                port, baud = None, attempt.baud
                port = open_by_hand(name, baud)
            tell(attempt.doing)
            _do(attempt, port, name, stop)
            if stop.is_set():
                return Probed(probe.finding, stopped=True)
        finding = probe.finding
        if port is None or finding.driver is None or finding.also or passive:
            return Probed(finding)
        tell("reading its firmware")
        return Probed(finding, _firmware(port, name, drivers[finding.driver]))
    finally:
        if port is not None:
            with closing(port):
                if probe.parting:
                    write(port, name, probe.parting)


def _do(attempt: Attempt, port: Port, name: str, stop: threading.Event) -> None:
    if attempt.sending:
        write(port, name, attempt.sending)
    left_s = time_left(stop, attempt.for_s)
    while left_s() and not ((found := attempt.ear.recognised()) and not found.also):
        attempt.ear.hear(bytes_within(port, name, min(left_s(), 0.1)))


def _firmware(port: Port, name: str, module: DriverModule) -> str | None:
    if _FIRMWARE not in module.COMMANDS:
        return None
    line = DirectLine(port, name, module, {})
    for _, told in line.ask([Ask(_FIRMWARE)]).replies:
        firmware: str | None = told.get("firmware")
        return firmware
    return None
