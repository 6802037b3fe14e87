"""`hadir bridge stream`: every reading of one sensor, from a running bridge or straight from its port."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from hadir.settings import Settings
from presence.errors import BadInput

if TYPE_CHECKING:
    from hadir.streaming import DirectStream, RemoteStream

HELP = "every reading of one sensor, live"

_COMMAND = "hadir bridge stream"
_STEP_S = 0.2
_REDRAWS_HZ = 10


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from hadir.port_flags import add_device

    parser.add_argument("sensor", metavar="SENSOR", nargs="?", help="by its id, from the bridge that serves it")
    parser.add_argument("--site", metavar="FILE|ID", help="where the sensor stands; default: what the broker keeps")
    parser.add_argument("--port", metavar="PORT", help="without a bridge: the sensor on this port, of --driver")
    add_device(parser)
    parser.add_argument("--for", dest="for_", metavar="TIME", help="such as 60s or 5m; default: until Ctrl-C")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--csv", action="store_true", help="as a readings CSV")
    form.add_argument("--gates", action="store_true", help="a radar's energies gate by gate against its thresholds")


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    from hadir.port_flags import seconds
    from hadir.stopping import ending_after, stop_at

    if (arguments.sensor is None) == (arguments.port is None):
        raise BadInput(_COMMAND, "names no sensor, or two", remedy="write SENSOR, or --port PORT --driver D")
    for_s = seconds(arguments.for_, _COMMAND)
    opened = _direct(arguments) if arguments.port else _remote(arguments, settings)
    stop = stop_at(signal.SIGTERM, signal.SIGINT)
    with opened as stream:
        show: Callable[[DirectStream | RemoteStream, threading.Event], int]
        show = _show_csv if arguments.csv else _show_lines
        if arguments.gates:
            show = partial(_show_gates, stream.settings())
        _say(stream)
        with ending_after(for_s, stop):
            came = show(stream, stop)
        _say(stream)
    if not came:
        print(f"{arguments.port or arguments.sensor}: no reading came", file=sys.stderr)
    return 0


def _direct(arguments: argparse.Namespace) -> DirectStream:
    from hadir.port_flags import device
    from hadir.streaming import DirectStream

    found = device(arguments, _COMMAND)
    return DirectStream(arguments.port, found.module, found.baud, found.config, energies=arguments.gates)


def _remote(arguments: argparse.Namespace, settings: Settings) -> RemoteStream:
    from hadir.gateways import reached_with
    from hadir.streaming import RemoteStream

    gateway = reached_with(settings, arguments.site, arguments.sensor)
    return RemoteStream(settings.broker_address(), gateway, [arguments.sensor])


def _say(stream: DirectStream | RemoteStream) -> None:
    for notice in stream.notices:
        print(notice, file=sys.stderr)
    stream.notices = []


def _show_csv(stream: DirectStream | RemoteStream, stop: threading.Event) -> int:
    from hadir.streaming import csv_rows
    from presence.readings_csv import HEADER

    count = 0
    print(",".join(HEADER), flush=True)
    while not stop.is_set():
        if readings := stream.readings(_STEP_S):
            count += len(readings)
            print("\n".join(csv_rows(readings)), flush=True)
    return count


def _show_lines(stream: DirectStream | RemoteStream, stop: threading.Event) -> int:
    """One line that changes, on a terminal; elsewhere a line a reading."""
    from hadir.streaming import Rate, live_words, words

    count, rate, live = 0, Rate(), sys.stdout.isatty()
    while not stop.is_set():
        for reading in stream.readings(_STEP_S):
            count += 1
            rate_hz = rate.add(reading.at_ms)
            if live:
                print("\r" + live_words(reading, rate_hz)[: _width()] + "\x1b[K", end="", flush=True)
            else:
                print(words(reading), flush=True)
    if live and count:
        print()
    return count


def _width() -> int:
    import shutil

    return shutil.get_terminal_size().columns


def _show_gates(settings: Mapping[str, Any], stream: DirectStream | RemoteStream, stop: threading.Event) -> int:
    from rich.console import Console
    from rich.live import Live

    from hadir.gates_view import Scene, line, picture
    from hadir.streaming import Rate, no_energies

    rate, count, told = Rate(), 0, False
    console = Console()
    live = Live(console=console, refresh_per_second=_REDRAWS_HZ, auto_refresh=True) if console.is_terminal else None
    if live:
        live.start()
    try:
        while not stop.is_set():
            for reading in stream.readings(_STEP_S):
                count += 1
                rate_hz = rate.add(reading.at_ms)
                damaged = stream.damaged.get(reading.sensor)
                scene = Scene(reading.sensor, reading.at_ms, reading.values, settings, rate_hz, damaged)
                if not told and not scene.detectors:
                    told = True
                    print(f"{reading.sensor}: {no_energies(stream.driver)}", file=sys.stderr)
                if live:
                    live.update(picture(scene, console.width))
                else:
                    print(line(scene), flush=True)
    finally:
        if live:
            live.stop()
    return count
