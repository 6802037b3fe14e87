"""The sensors of the demonstration: an emulated LD2410 at each counter, on a pseudo-terminal with a name that lasts."""

from __future__ import annotations

import errno
import os
import select
import threading
import time
import tty
from pathlib import Path

from firmware_bridge.emulators.ld2410 import INTERVAL_MS, Ld2410Emulator
from hadir.simulation.officers import COUNTERS, Officers


class SimulatedPort:
    """A serial port under `path` with a radar behind it. Bytes that nobody reads are lost, as on a real line."""

    def __init__(self, path: Path, radar: Ld2410Emulator) -> None:
        self.radar = radar
        self._path = path
        self.fd, device = os.openpty()
        self._device = os.ttyname(device)
        tty.setraw(device)
        # Not held open: while the bridge has not opened it, the master side hangs up, and so knows that nobody reads.
        os.close(device)
        os.set_blocking(self.fd, False)
        new = path.with_name(path.name + ".new")
        new.unlink(missing_ok=True)
        new.symlink_to(self._device)
        new.replace(path)

    def send(self, data: bytes) -> None:
        try:
            os.write(self.fd, data)
        except BlockingIOError:
            pass
        except OSError as error:
            if error.errno != errno.EIO:
                raise

    def answer(self) -> None:
        """Read what the host says and answer it."""
        try:
            data = os.read(self.fd, 4096)
        except OSError:
            return
        if reply := self.radar.receive(data):
            self.send(reply)

    def close(self) -> None:
        if self._path.is_symlink() and os.readlink(self._path) == self._device:
            self._path.unlink()
        os.close(self.fd)


def forget_ports(folder: Path) -> None:
    """Remove the names that are still in `folder`."""
    for path in folder.glob("loket-*"):
        path.unlink()


def run(folder: Path, stop: threading.Event) -> None:
    """Keep the ports `folder`/loket-1 … alive until `stop` is set."""
    folder.mkdir(parents=True, exist_ok=True)
    ports = [
        SimulatedPort(folder / f"loket-{counter + 1}", Ld2410Emulator(seed=counter)) for counter in range(COUNTERS)
    ]
    try:
        _play(ports, stop)
    finally:
        for port in ports:
            port.close()


def _play(ports: list[SimulatedPort], stop: threading.Event) -> None:
    officers = Officers()
    began_s = time.monotonic()
    ticks = 0
    while not stop.is_set():
        at_s = ticks * INTERVAL_MS / 1000
        _listen(ports, until_s=began_s + at_s)
        for counter, port in enumerate(ports):
            target = officers.target(counter, at_s)
            if target is not None:
                port.radar.target = target
                if report := port.radar.report(ticks * INTERVAL_MS):
                    port.send(report)
        ticks = max(ticks + 1, int((time.monotonic() - began_s) * 1000 / INTERVAL_MS))


def _listen(ports: list[SimulatedPort], until_s: float) -> None:
    """Answer commands until then. A port that nobody has open is always "ready": it is looked at once."""
    by_fd = {port.fd: port for port in ports}
    poller = select.poll()
    for fd in by_fd:
        poller.register(fd, select.POLLIN)
    while True:
        wait_ms = max(0.0, (until_s - time.monotonic()) * 1000)
        for fd, event in poller.poll(wait_ms):
            if event & select.POLLHUP:
                poller.unregister(fd)
            if event & select.POLLIN:
                by_fd[fd].answer()
        if time.monotonic() >= until_s:
            return
