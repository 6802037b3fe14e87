"""`hadir bridge replay`: a recording into a pseudo-terminal, into a bridge, or to readings."""

from __future__ import annotations

import argparse
import math
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from hadir.settings import Settings
from presence.errors import BadInput

if TYPE_CHECKING:
    from firmware_bridge.recording import Chunk, Recording

HELP = "a recording played into a pseudo-terminal, into a bridge, or decoded"

_COMMAND = "hadir bridge replay"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="what `hadir bridge record` wrote; .gz is understood")
    parser.add_argument("--speed", default="1", metavar="N", help="how many times faster, or max; default 1")
    parser.add_argument("--link", metavar="PATH", type=Path, help="a name for the pseudo-terminal")
    parser.add_argument("--loop", action="store_true", help="begin anew at the end, until Ctrl-C")
    parser.add_argument("--decode", action="store_true", help="print its readings with their times instead")
    parser.add_argument("--driver", metavar="D", help="for --decode, where the recording names none")
    parser.add_argument("--driver-config", metavar="JSON", default="{}", help="for --decode, as in a site file")
    parser.add_argument("--gateway", metavar="ID", help="play it to the broker, as the bridge of this gateway …")
    parser.add_argument("--sensor", metavar="ID", help="… with this sensor")
    parser.add_argument("--site", metavar="FILE|ID", help="where both stand; default: what the broker keeps")


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    if (arguments.gateway is None) != (arguments.sensor is None):
        raise BadInput(_COMMAND, "--gateway and --sensor belong together", remedy="name both")
    speed = _speed(arguments.speed)
    if arguments.decode:
        return _decode(arguments)
    if arguments.gateway is not None:
        return _into_bridge(arguments, settings, speed)
    return _into_terminal(arguments, speed)


def _speed(text: str) -> float:
    try:
        speed = math.inf if text == "max" else float(text)
    except ValueError:
        speed = math.nan
    if not speed > 0:
        raise BadInput(_COMMAND, f'"{text}" is no speed', field="--speed", remedy="write 1, 10 or max")
    return speed


@contextmanager
def _recording(file: str) -> Iterator[tuple[Recording, Iterator[Chunk]]]:
    from firmware_bridge.recording import read_recording
    from hadir.text_files import lines_of

    with lines_of(file) as lines:
        yield read_recording(lines, file)


def _decode(arguments: argparse.Namespace) -> int:
    from firmware_bridge.drivers import driver_named
    from hadir.commands.decode_words.serial import result_lines
    from hadir.output import json_line
    from hadir.port_flags import driver_config
    from presence.instants import rfc3339

    with _recording(arguments.file) as (recording, chunks):
        name = arguments.driver or recording.driver
        if name is None:
            raise BadInput(arguments.file, "names no driver", remedy="give --driver D")
        decoder = driver_named(name, _COMMAND, "--driver").driver(driver_config(arguments.driver_config, _COMMAND))
        for chunk in chunks:
            time = rfc3339(recording.began_ms + round(chunk.at_s * 1000))
            for line in result_lines(decoder.feed(chunk.data)):
                print(json_line({"time": time} | line))
    return 0


def _into_terminal(arguments: argparse.Namespace, speed: float) -> int:
    from firmware_bridge.emulators.terminal import Terminal
    from firmware_bridge.replaying import Player
    from hadir.port_flags import new_link
    from hadir.stopping import stop_at

    with _recording(arguments.file):
        pass  # a file that is none is told before there is a port
    link = new_link(arguments.link) if arguments.link else None
    stop = stop_at(signal.SIGTERM, signal.SIGINT)
    terminal = Terminal(link)
    size = 0
    try:
        print(link or terminal.name, flush=True)
        player = Player(terminal, speed, stop)
        while not stop.is_set():
            with _recording(arguments.file) as (_, chunks):
                size += player.play(chunks)
            if not arguments.loop or not size:
                break
        player.finish()
    finally:
        terminal.close()
    print(f"{arguments.file}: {size:,} bytes played", file=sys.stderr)
    return 0


def _into_bridge(arguments: argparse.Namespace, settings: Settings, speed: float) -> int:
    import msgspec

    from firmware_bridge.bridge import run_bridge
    from firmware_bridge.emulators.terminal import Terminal
    from firmware_bridge.replaying import Player
    from hadir.gateways import gateway_named
    from hadir.stopping import stop_at

    gateway = gateway_named(settings, arguments.site, arguments.gateway)
    sensor = next((each for each in gateway.sensors if each.id == arguments.sensor), None)
    if sensor is None:
        known = ", ".join(each.id for each in gateway.sensors) or "none"
        problem = f'gateway {gateway.gateway} has no sensor "{arguments.sensor}"'
        raise BadInput(_COMMAND, problem, field="--sensor", remedy=f"known: {known}")
    with _recording(arguments.file) as (recording, _):
        if recording.driver not in (None, sensor.driver):
            problem = f"was recorded from a {recording.driver}, but {sensor.id} is a {sensor.driver}"
            raise BadInput(arguments.file, problem, remedy="name another --sensor")
    stop = stop_at(signal.SIGTERM, signal.SIGINT)
    terminal = Terminal()
    played: list[int] = []
    problems: list[BadInput] = []

    def play() -> None:
        player = Player(terminal, speed, stop)
        try:
            while not stop.is_set():
                with _recording(arguments.file) as (_, chunks):
                    played.append(player.play(chunks))
                if not arguments.loop or not played[-1]:
                    break
            player.finish()
        except BadInput as problem:
            problems.append(problem)
        finally:
            stop.set()

    port = msgspec.structs.replace(sensor, port=terminal.name)
    playing = threading.Thread(target=play, name="replay", daemon=True)
    playing.start()
    try:
        run_bridge(
            gateway=gateway.gateway,
            address=settings.broker_address(),
            data=settings.data,
            stop=stop,
            settings=msgspec.structs.replace(gateway, sensors=(port,)),
        )
    finally:
        stop.set()
        playing.join()
        terminal.close()
    if problems:
        raise problems[0]
    print(f"{arguments.file}: {sum(played):,} bytes played as {gateway.site}'s sensor {sensor.id}", file=sys.stderr)
    return 0
