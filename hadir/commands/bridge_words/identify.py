"""`hadir bridge identify`: somebody waves a hand before a counter, and is told which port and outlet it is."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from hadir.output import json_line
from hadir.settings import Settings
from presence.errors import BadInput

if TYPE_CHECKING:
    from firmware_bridge.identify import Attention
    from presence.gateway_settings import SensorPort
    from presence.readings import Reading

HELP = "wave a hand before a counter: which port, sensor and outlet it is"

_COMMAND = "hadir bridge identify"
_STEP_S = 0.1
_LEARN, _WAVE = "5s", "30s"

Listen = Callable[[float], "list[Reading]"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from hadir.port_flags import add_device

    parser.add_argument("--gateway", metavar="ID", help="the sensors of this one; default: the only one")
    parser.add_argument("--site", metavar="FILE|ID", help="where it stands; default: what the broker keeps")
    parser.add_argument("--port", metavar="PORT", action="append", help="without a bridge: these ports, repeated")
    add_device(parser)
    parser.add_argument("--learn", metavar="TIME", default=_LEARN, help=f"how long to stay away; default {_LEARN}")
    parser.add_argument("--for", dest="for_", metavar="TIME", default=_WAVE, help=f"how long to wave; default {_WAVE}")
    parser.add_argument("--json", action="store_true", help="the answer as one JSON object")


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    from firmware_bridge.identify import Attention
    from hadir.port_flags import seconds
    from hadir.stopping import stop_at

    learn_s, wave_s = seconds(arguments.learn, _COMMAND, "--learn"), seconds(arguments.for_, _COMMAND)
    if arguments.port and arguments.gateway:
        raise BadInput(_COMMAND, "--port and --gateway exclude each other", remedy="name one kind")
    stop = stop_at(signal.SIGTERM, signal.SIGINT)
    attention = Attention()
    opened = _ports(arguments, stop) if arguments.port else _gateway(arguments, settings)
    with opened as (listen, sensors):
        print(f"Stay away from the counter that you look for: {len(sensors)} sensors are learnt …", file=sys.stderr)
        _hear(listen, attention.learn, learn_s, stop)
        if unheard := sorted(sensors.keys() - attention.known):
            print(f"Not heard, so not looked at: {', '.join(unheard)}", file=sys.stderr)
        if not attention.known or stop.is_set():
            return _ended(stop, "no sensor was heard; are they powered, does the bridge run?")
        print("Now wave a hand before it.", file=sys.stderr)
        found = _answer(listen, attention, wave_s, stop)
    if found is None:
        return _ended(stop, f"none stands out: {_first(attention)}; wave longer, and alone")
    print(_told(found, sensors[found], as_json=arguments.json))
    return 0


def _ended(stop: threading.Event, problem: str) -> int:
    if stop.is_set():
        raise KeyboardInterrupt
    print(f"{_COMMAND}: {problem}", file=sys.stderr)
    return 1


def _hear(listen: Listen, take: Callable[[Reading], None], for_s: float | None, stop: threading.Event) -> None:
    from firmware_bridge.direct import time_left

    left_s = time_left(stop, for_s)
    while left_s():
        for reading in listen(min(_STEP_S, left_s())):
            take(reading)


def _answer(listen: Listen, attention: Attention, for_s: float | None, stop: threading.Event) -> str | None:
    """The sensor that stands out for a second on end; None when none did."""
    from firmware_bridge.direct import time_left

    left_s = time_left(stop, for_s)
    candidate, since_s = None, 0.0
    while left_s():
        for reading in listen(min(_STEP_S, left_s())):
            attention.watch(reading)
        answer = attention.answer(_now_ms())
        if answer != candidate:
            candidate, since_s = answer, time.monotonic()
        if candidate is not None and time.monotonic() - since_s >= 1.0:
            return candidate
    return None


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _first(attention: Attention) -> str:
    return ", ".join(f"{each.sensor} {each.score:.1f}" for each in attention.ranking(_now_ms())[:3])


def _told(sensor: str, where: SensorPort, *, as_json: bool) -> str:
    if as_json:
        line: dict[str, Any] = {
            "sensor": sensor,
            "port": where.port,
            "outlet": where.outlet,
            "name": where.name,
            "zone": where.zone,
        }
        return json_line(line)
    told = f"{where.port}: sensor {sensor}" if where.port != sensor else where.port
    if where.outlet:
        told += f", outlet {where.outlet}" + (f" ({where.name})" if where.name else "")
    return told + (f", zone {where.zone}" if where.zone else "")


@contextmanager
def _gateway(arguments: argparse.Namespace, settings: Settings) -> Iterator[tuple[Listen, Mapping[str, SensorPort]]]:
    from hadir.gateways import gateway_named
    from hadir.streaming import RemoteStream

    gateway = gateway_named(settings, arguments.site, arguments.gateway)
    sensors = {sensor.id: sensor for sensor in gateway.sensors}
    if not sensors:
        raise BadInput(_COMMAND, f"gateway {gateway.gateway} has no sensors", remedy="name another --gateway")
    with RemoteStream(settings.broker_address(), gateway, tuple(sensors)) as stream:
        for notice in stream.notices:
            print(notice, file=sys.stderr)
        yield _stamped(stream.readings), sensors


def _stamped(listen: Listen) -> Listen:
    """Readings at the time of their arrival: gateways' clocks may differ from ours."""
    from presence.readings import Reading

    return lambda wait_s: [Reading(each.sensor, _now_ms(), each.values) for each in listen(wait_s)]


@contextmanager
def _ports(arguments: argparse.Namespace, stop: threading.Event) -> Iterator[tuple[Listen, Mapping[str, SensorPort]]]:
    from firmware_bridge.direct import DirectLine, open_by_hand
    from presence.gateway_settings import SensorPort
    from presence.readings import Reading

    names: list[str] = list(dict.fromkeys(arguments.port))
    if len(names) < 2:
        raise BadInput(_COMMAND, "one port alone needs no telling apart", field="--port", remedy="name several")
    devices = _devices(arguments, names, stop)
    with ExitStack() as opened:
        lines = []
        for name, (module, baud, config) in devices.items():
            port = open_by_hand(name, baud)
            opened.callback(port.close)
            lines.append(DirectLine(port, name, module, config))

        def listen(wait_s: float) -> list[Reading]:
            return [
                Reading(line.name, heard.at_ms, heard.result.values)
                for line in lines
                for heard in line.listen(wait_s / len(lines))
            ]

        sensors = {name: SensorPort(id=name, driver=devices[name].module.NAME, port=name) for name in devices}
        yield listen, sensors


def _devices(arguments: argparse.Namespace, names: Sequence[str], stop: threading.Event) -> Mapping[str, Any]:
    """What is on each port: as named, or as it is recognised without a word to it."""
    from firmware_bridge.drivers import DRIVERS
    from firmware_bridge.probing import probe_port
    from hadir.port_flags import Device, device

    if arguments.driver:
        return dict.fromkeys(names, device(arguments, _COMMAND))
    found: dict[str, Device] = {}
    for name in names:
        finding = probe_port(name, stop, passive=True).finding
        if stop.is_set():
            raise KeyboardInterrupt
        if finding.driver is None or finding.baud is None:
            raise BadInput(name, "nothing recognised", remedy=f"see `hadir bridge probe {name}`, or name --driver")
        found[name] = Device(DRIVERS[finding.driver], finding.baud, {})
    return found
