"""`hadir bridge record`: raw bytes of a port with their times, into a file."""

from __future__ import annotations

import argparse
import gzip
import io
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from hadir.settings import Settings
from presence.errors import BadInput

HELP = "raw bytes of a port with their times, into a file"

_COMMAND = "hadir bridge record"
_REDRAW_S = 0.5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from firmware_bridge.drivers import DRIVERS

    parser.add_argument("port", metavar="PORT")
    parser.add_argument(
        "--out", required=True, metavar="FILE", type=Path, help="JSON lines, packed when it ends in .gz"
    )
    parser.add_argument("--driver", metavar="D", help=f"for its rate, and for who replays: {', '.join(DRIVERS)}")
    parser.add_argument("--baud", metavar="N", help="default: the driver's")
    parser.add_argument("--for", dest="for_", metavar="TIME", help="such as 60s or 5m; default: until Ctrl-C")


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    from firmware_bridge.direct import bytes_within, open_by_hand, time_left
    from firmware_bridge.drivers import driver_named
    from firmware_bridge.recording import Chunk, chunk_line, header_line
    from hadir.port_flags import baud, seconds
    from hadir.stopping import stop_at

    module = driver_named(arguments.driver, _COMMAND, "--driver") if arguments.driver else None
    rate = baud(arguments.baud, _COMMAND) or (module.BAUD if module else None)
    if rate is None:
        raise BadInput(_COMMAND, "no rate", remedy="name --driver or --baud; `hadir bridge probe PORT` tells both")
    for_s = seconds(arguments.for_, _COMMAND)
    stop = stop_at(signal.SIGTERM, signal.SIGINT)
    port = open_by_hand(arguments.port, rate)
    size = chunks = 0
    try:
        with _written(arguments.out) as out:
            began_s, began_ms = time.monotonic(), time.time_ns() // 1_000_000
            driver = module.NAME if module else None
            print(header_line(port=arguments.port, driver=driver, baud=rate, began_ms=began_ms), file=out, flush=True)
            shown = _Shown(arguments.out)
            left_s = time_left(stop, for_s)
            while left_s():
                if data := bytes_within(port, arguments.port, min(left_s(), 0.1)):
                    print(chunk_line(Chunk(time.monotonic() - began_s, data)), file=out, flush=True)
                    size, chunks = size + len(data), chunks + 1
                shown.count(size)
            took_s = time.monotonic() - began_s
    finally:
        port.close()
    shown.clear()
    print(f"{arguments.out}: {size:,} bytes in {chunks:,} chunks, {took_s:.1f} s at {rate} baud")
    if not size:
        print(f"{arguments.port}: nothing came; try `hadir bridge probe {arguments.port}`", file=sys.stderr)
    return 0


@contextmanager
def _written(path: Path) -> Iterator[TextIO]:
    """A new file. Raises BadInput when there is one of that name: recordings are not made twice."""
    try:
        plain = path.open("xb")
    except FileExistsError:
        raise BadInput(str(path), "is there already", remedy="name another --out, or remove it") from None
    packed: gzip.GzipFile | io.BufferedWriter = (
        gzip.GzipFile(fileobj=plain, mode="wb") if path.suffix == ".gz" else plain
    )
    with plain, packed, io.TextIOWrapper(packed, encoding="utf-8") as text:
        yield text


class _Shown:
    """On a terminal, one line on standard error that counts."""

    def __init__(self, path: Path) -> None:
        self._on = sys.stderr.isatty()
        self._path = path
        self._drawn_s = 0.0

    def count(self, size: int) -> None:
        if self._on and time.monotonic() - self._drawn_s >= _REDRAW_S:
            self._drawn_s = time.monotonic()
            print(f"\r{self._path}: {size:,} bytes; Ctrl-C ends it\x1b[K", end="", file=sys.stderr, flush=True)

    def clear(self) -> None:
        if self._on:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
