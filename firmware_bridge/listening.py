"""What is on ports that nobody holds: each is opened and listened to, at its rate or at the usual ones; never asked."""

from __future__ import annotations

import select
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor

from firmware_bridge.port import Port, PortGone, open_port
from firmware_bridge.port_advice import Heard
from firmware_bridge.probe import recognise

LISTEN_S = 1.5
_USUAL = (115_200, 256_000, 9_600, 57_600)


def listen(ports: Mapping[str, int | None], at_once: int) -> dict[str, Heard]:
    """What came from each of `ports`, all at the same time. A rate of None: the usual ones, one after the other."""
    if not ports:
        return {}
    with ThreadPoolExecutor(min(at_once, len(ports)), thread_name_prefix="listen") as listeners:
        return dict(zip(ports, listeners.map(_heard, ports, ports.values()), strict=True))


def _heard(name: str, baud: int | None) -> Heard:
    size = 0
    for rate in (baud,) if baud else _USUAL:
        try:
            port = open_port(name, rate)
        except PortGone as gone:
            return Heard(refused=str(gone))
        try:
            chunks = list(_chunks(port))
        except PortGone as gone:
            return Heard(refused=str(gone))
        finally:
            port.close()
        size = max(size, sum(map(len, chunks)))
        if found := recognise(chunks):
            return Heard(found.driver, rate, size)
    return Heard(size=size)


def _chunks(port: Port) -> Iterator[bytes]:
    until_s = time.monotonic() + LISTEN_S
    while (left_s := until_s - time.monotonic()) > 0:
        if select.select([port.fd], [], [], left_s)[0]:
            yield port.read()
