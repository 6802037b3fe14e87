"""`hadir bridge emulate`: sensors that do not exist, on ports that do, for people without hardware."""

from __future__ import annotations

import argparse
import dataclasses
import signal
from pathlib import Path

from hadir.settings import Settings
from presence.errors import BadInput

HELP = "sensors that do not exist, on pseudo-terminals that a bridge can open"

_COMMAND = "hadir bridge emulate"
_MOST = 64
_IN_LINES = ("mysensors",)  # several lines at a time


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from firmware_bridge.emulators import EMULATORS
    from firmware_bridge.emulators.people import PEOPLE

    parser.add_argument("--driver", required=True, metavar="D", help=f"which device: {', '.join(EMULATORS)}")
    parser.add_argument("--link", metavar="PATH", type=Path, help="a name for the port; with --count PATH-1, PATH-2 …")
    parser.add_argument("--count", metavar="N", default="1", help="how many; default 1")
    parser.add_argument(
        "--driver-config", metavar="JSON", default="{}", help="the state to begin in, as `config` in a site file"
    )
    parser.add_argument(
        "--engineering", action="store_true", help="""short for --driver-config '{"engineering":true}'"""
    )
    parser.add_argument("--person", choices=tuple(PEOPLE), default="walk", help="who is before it; default walk")
    parser.add_argument(
        "--fault", metavar="NAME=RATE", action="append", default=[], help=f"of 0 to 1, repeated: {', '.join(_faults())}"
    )
    parser.add_argument("--for", dest="for_", metavar="TIME", help="such as 60s or 5m; default: until Ctrl-C")


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    from firmware_bridge.drivers import driver_named
    from firmware_bridge.emulators import EMULATORS, Emulator
    from firmware_bridge.emulators.faults import Faulty, Rates, lines, one_frame
    from firmware_bridge.emulators.people import PEOPLE
    from firmware_bridge.emulators.play import EmulatedPort, play, set_up
    from firmware_bridge.emulators.terminal import Terminal
    from hadir.port_flags import driver_config, new_link, seconds
    from hadir.stopping import ending_after, stop_at

    if arguments.driver not in EMULATORS:
        known = ", ".join(EMULATORS)
        raise BadInput(_COMMAND, f'no emulator "{arguments.driver}"', field="--driver", remedy=f"known: {known}")
    kind, module = EMULATORS[arguments.driver], driver_named(arguments.driver, _COMMAND, "--driver")
    count = _count(arguments.count)
    config = driver_config(arguments.driver_config, _COMMAND)
    if arguments.engineering:
        config |= {"engineering": True}
    devices: list[Emulator] = [kind.make(seed) for seed in range(count)]
    if config:
        for device in devices:
            set_up(device, module, config)
    if rates := _rates(arguments.fault):
        frames = one_frame if module.NAME not in _IN_LINES else lines
        devices = [Faulty(device, seed, Rates(**rates), frames) for seed, device in enumerate(devices)]
    names = _names(arguments.link, count)
    links = [name and new_link(name) for name in names]
    for_s = seconds(arguments.for_, _COMMAND)
    person = PEOPLE[arguments.person]
    stop = stop_at(signal.SIGTERM, signal.SIGINT)
    ports: list[EmulatedPort] = []
    try:
        for link, device in zip(links, devices, strict=True):
            ports.append(EmulatedPort(Terminal(link), device, kind.interval_ms))
            print(link or ports[-1].terminal.name, flush=True)
        with ending_after(for_s, stop):
            play(ports, lambda number, at_s: person(at_s + 3 * number), stop)
    finally:
        for port in ports:
            port.terminal.close()
    return 0


def _count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= _MOST:
        raise BadInput(_COMMAND, f'"{text}" is no count', field="--count", remedy=f"write a number from 1 to {_MOST}")
    return int(text)


def _names(link: Path | None, count: int) -> list[Path | None]:
    if link is None or count == 1:
        return [link] * count
    return [link.with_name(f"{link.name}-{number}") for number in range(1, count + 1)]


def _faults() -> list[str]:
    from firmware_bridge.emulators.faults import Rates

    return [each.name for each in dataclasses.fields(Rates)]


def _rates(faults: list[str]) -> dict[str, float]:
    rates: dict[str, float] = {}
    for fault in faults:
        name, _, text = fault.partition("=")
        try:
            rate = float(text)
        except ValueError:
            rate = -1.0
        if name not in _faults() or not 0 <= rate <= 1:
            remedy = f"write NAME=RATE, as noise=0.1; known: {', '.join(_faults())}"
            raise BadInput(_COMMAND, f'"{fault}" is no fault', field="--fault", remedy=remedy)
        rates[name] = rate
    return rates
