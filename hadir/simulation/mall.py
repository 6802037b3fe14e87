"""The sensors of the demonstration: an emulated LD2410 at each counter, on a pseudo-terminal with a name that lasts."""

from __future__ import annotations

import threading
from pathlib import Path

from firmware_bridge.emulators import EMULATORS
from firmware_bridge.emulators.play import EmulatedPort, play
from firmware_bridge.emulators.terminal import Terminal
from hadir.simulation.officers import COUNTERS, Officers

_RADAR = EMULATORS["ld2410"]


def forget_ports(folder: Path) -> None:
    """Remove the names that are still in `folder`."""
    for path in folder.glob("loket-*"):
        path.unlink()


def run(folder: Path, stop: threading.Event) -> None:
    """Keep the ports `folder`/loket-1 … alive until `stop` is set."""
    folder.mkdir(parents=True, exist_ok=True)
    ports = [
        EmulatedPort(Terminal(folder / f"loket-{counter + 1}"), _RADAR.make(counter), _RADAR.interval_ms)
        for counter in range(COUNTERS)
    ]
    try:
        play(ports, Officers().target, stop)
    finally:
        for port in ports:
            port.terminal.close()
