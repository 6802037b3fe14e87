"""`hadir bridge probe`: which sensor sits on which port, and at which rate."""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hadir.output import json_line
from hadir.settings import Settings
from presence.errors import BadInput, HadirError

if TYPE_CHECKING:
    from firmware_bridge.drivers import DriverModule
    from firmware_bridge.probing import Probed

HELP = "which sensor sits on which port, and at which rate"

_COMMAND = "hadir bridge probe"
_AT_ONCE = 16


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from firmware_bridge.drivers import DRIVERS

    parser.add_argument("ports", metavar="PORT", nargs="*", help="default: all of this machine that nobody holds")
    parser.add_argument(
        "--driver", metavar="D", action="append", help=f"look for this one only, may be repeated: {', '.join(DRIVERS)}"
    )
    parser.add_argument("--passive", action="store_true", help="only listen: write nothing to the ports")
    parser.add_argument("--json", action="store_true", help="one JSON object a port")


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    from concurrent.futures import ThreadPoolExecutor

    from firmware_bridge.port import port_names
    from hadir.stopping import stop_at

    drivers = _drivers(arguments.driver)
    names: list[str] = list(dict.fromkeys(arguments.ports)) or port_names()
    if not names:
        raise BadInput(_COMMAND, "this machine has no serial port", remedy="plug a sensor in, or name a PORT")
    if not arguments.ports:
        print(f"Looking at {', '.join(names)}; each takes up to half a minute …", file=sys.stderr)
    stop = stop_at(signal.SIGTERM, signal.SIGINT)
    shown = _Shown()

    def search(name: str) -> Probed | HadirError:
        from firmware_bridge.probing import probe_port

        try:
            return probe_port(
                name, stop, drivers=drivers, passive=arguments.passive, tell=lambda doing: shown.tell(name, doing)
            )
        except HadirError as error:
            return error

    found = refused = 0
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="probe") as searchers:
        for name, outcome in zip(names, searchers.map(search, names), strict=True):
            if stop.is_set():
                continue
            shown.clear()
            if isinstance(outcome, HadirError):
                refused += isinstance(outcome, BadInput)
                print(outcome, file=sys.stderr)
            else:
                found += outcome.finding.driver is not None
                print(json_line(_line(name, outcome)) if arguments.json else _text(name, outcome), flush=True)
    if stop.is_set():
        raise KeyboardInterrupt
    if arguments.ports:
        return 2 if refused else int(found < len(names))
    return int(found == 0)


def _drivers(names: Sequence[str] | None) -> Mapping[str, DriverModule]:
    from firmware_bridge.drivers import DRIVERS, driver_named

    if names is None:
        return DRIVERS
    for name in names:
        try:
            driver_named(name, _COMMAND, "--driver").driver({})
        except BadInput as needs:
            if needs.source == _COMMAND:
                raise
            problem = f"{name} cannot be looked for without its configuration"
            raise BadInput(_COMMAND, problem, remedy="name it in the site file") from None
    return {name: DRIVERS[name] for name in names}


def _line(name: str, probed: Probed) -> dict[str, Any]:
    from firmware_bridge.probe import why_nothing

    finding = probed.finding
    line: dict[str, Any] = {
        "port": name,
        "lasting": _lasting(name),
        "driver": finding.driver,
        "baud": finding.baud,
        "firmware": probed.firmware,
        "also": list(finding.also),
        "parts": list(finding.parts),
        "woken": finding.woken,
        "heard": {str(baud): count for baud, count in finding.heard.items()},
    }
    return line if finding.driver else line | {"problem": why_nothing(name, finding)}


def _text(name: str, probed: Probed) -> str:
    from firmware_bridge.drivers import DRIVERS
    from firmware_bridge.probe import why_nothing

    finding = probed.finding
    if finding.driver is None:
        return why_nothing(name, finding)
    module = DRIVERS[finding.driver]
    firmware = f", firmware {probed.firmware}" if probed.firmware else ""
    rate = "at any rate" if _rateless(name) else f"at {finding.baud} baud"
    lines = [f"{name}: {finding.driver} {rate}{firmware} ({module.TITLE})"]
    if finding.woken:
        lines.append("    It was silent because its configuration had been left open; it speaks again.")
    if finding.also:
        lines.append(f"    Or {', '.join(finding.also)}: walk up to it and probe again while it sees you.")
    baud = "" if finding.baud == module.BAUD or _rateless(name) else f", baud: {finding.baud}"
    source = f"gateway: gw-1, driver: {finding.driver}, port: {_yaml(_lasting(name))}{baud}"
    ends = [f", part: {json.dumps(part)}" for part in finding.parts] or [""]
    lines += [f"    source: {{{source}{end}}}" for end in ends]
    return "\n".join(lines)


def _lasting(name: str) -> str:
    """The port as a site file names it, from wherever it is read."""
    from firmware_bridge.port import lasting_name

    lasting = lasting_name(name)
    return lasting if "://" in lasting else os.path.abspath(lasting)


def _yaml(name: str) -> str:
    return name if re.fullmatch(r"[\w/.:@+-]+", name) else json.dumps(name)


def _rateless(name: str) -> bool:
    """Whether it is a pseudo-terminal, which has every rate."""
    return Path(name).resolve().is_relative_to("/dev/pts")


class _Shown:
    """On a terminal, one line on standard error that says what is done now."""

    def __init__(self) -> None:
        self._on = sys.stderr.isatty()
        self._lock = threading.Lock()

    def tell(self, name: str, doing: str) -> None:
        if self._on:
            with self._lock:
                print(f"\r{name}: {doing} …\x1b[K", end="", file=sys.stderr, flush=True)

    def clear(self) -> None:
        if self._on:
            with self._lock:
                print("\r\x1b[K", end="", file=sys.stderr, flush=True)
