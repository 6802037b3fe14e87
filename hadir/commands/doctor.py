"""`hadir doctor bridge`: the serial ports of this machine, what is on them, and what there is to do about them."""

from __future__ import annotations

import argparse
import getpass
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hadir.output import json_line
from hadir.settings import Settings

if TYPE_CHECKING:
    from firmware_bridge.port_advice import Advice, Heard, Wanted
    from firmware_bridge.ports import Access, SerialPort
    from presence.gateway_settings import GatewaySettings

NAME = "doctor"
HELP = "what is wrong on this machine, and what to do: serial ports and sensors"

_AT_ONCE = 16


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(word="bridge", site=None, gateway=None, json=False)
    words = parser.add_subparsers(dest="word", metavar="[bridge]")
    bridge = words.add_parser(
        "bridge", help="serial ports, what is on them, and whether those of the sensors are there"
    )
    bridge.add_argument("--site", metavar="FILE", help="look for the ports of this site file's sensors")
    bridge.add_argument("--gateway", metavar="ID", help="of this gateway only; default: all that this machine serves")
    bridge.add_argument("--json", action="store_true", help="the answer as one JSON object")


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    from firmware_bridge.drivers import DRIVERS
    from firmware_bridge.listening import listen
    from firmware_bridge.port_advice import Wanted, advice
    from firmware_bridge.ports import access, meddlers, serial_ports

    gateways, running = _kept(settings.data, arguments.gateway)
    if arguments.site:
        gateways = _of_site(arguments.site, arguments.gateway)
    sensors = [sensor for gateway in gateways for sensor in gateway.sensors]
    wanted = [Wanted(one.port, _node(one.port), one.id, one.driver) for one in sensors]
    ports = serial_ports()
    names = {port.device for port in ports} | {one.node for one in wanted}
    accesses = {name: access(name) for name in names if os.path.exists(name)}
    rates = {one.port: one.baud or (DRIVERS[one.driver].BAUD if one.driver in DRIVERS else None) for one in sensors}
    known = {one.node for one in wanted}
    unheard = {port.device: None for port in ports if port.device not in known}
    heard = listen({name: rate for name, rate in (rates | unheard).items() if _is_free(name, accesses)}, _AT_ONCE)
    todo = list(advice(ports, accesses, heard, wanted, meddlers(), getpass.getuser()))
    if arguments.json:
        print(json_line(_answer(ports, accesses, heard, wanted, todo) | {"running": running}))
    else:
        for file in running:
            print(f"{file}: its bridge runs; what is wrong with its sensors stands in their status")
        print("\n".join(_lines(ports, accesses, heard, wanted, todo)))
    return 1 if todo else 0


def _node(name: str) -> str:
    """What the name of a port leads to; a URL leads to itself."""
    return name if "://" in name else os.path.realpath(name)


def _is_free(name: str, accesses: Mapping[str, Access]) -> bool:
    """Whether it can be listened to without taking it from somebody; one that is not there is tried, to hear why."""
    found = accesses.get(_node(name))
    return found is None or (found.may_open and not found.holders)


def _of_site(file: str, gateway: str | None) -> list[GatewaySettings]:
    import msgspec

    from hadir.commands.site import read_site_file
    from presence.errors import BadInput
    from presence.gateway_settings import GatewaySettings, gateway_settings
    from presence.site_file import parse_site

    site = parse_site(read_site_file(Path(file)), file)
    known = [each.id for each in site.gateways]
    if gateway is not None and gateway not in known:
        remedy = f"known: {', '.join(known) or 'none'}"
        raise BadInput(file, f'no gateway "{gateway}"', field="gateways", remedy=remedy)
    return [msgspec.convert(gateway_settings(site, each), GatewaySettings) for each in known if gateway in (None, each)]


def _kept(data: Path, gateway: str | None) -> tuple[list[GatewaySettings], list[str]]:
    """What the bridges of this machine keep of their settings, and the files of those that run and let nobody look."""
    from firmware_bridge.bridge import kept_settings, queue_path
    from transport.disk_queue import QueueHeld

    kept: list[GatewaySettings] = []
    running: list[str] = []
    for file in sorted(data.glob(queue_path(Path(), gateway or "*").name)):
        try:
            if found := kept_settings(file):
                kept.append(found)
        except QueueHeld:
            running.append(str(file))
    return kept, running


def _lines(
    ports: Sequence[SerialPort],
    accesses: Mapping[str, Access],
    heard: Mapping[str, Heard],
    wanted: Sequence[Wanted],
    todo: Sequence[Advice],
) -> Iterable[str]:
    shown = {port.device for port in ports}
    for port in ports:
        usb = (
            ""
            if port.vendor is None
            else f" ({port.vendor:04x}:{port.product:04x}, {port.serial or 'no serial number'})"
        )
        yield f"{port.device}  {port.adapter}{usb}"
        yield from (f"  named  {link}" for link in (port.by_path, port.by_id) if link)
        yield from _of_port(port.device, accesses, heard, wanted)
    for one in wanted:
        if one.node not in shown:
            shown.add(one.node)
            yield one.port
            yield from _of_port(one.node, accesses, heard, wanted)
    if not todo:
        yield "All is well."
    for each in todo:
        where = f"{each.port}: " if each.port else ""
        yield f"{'!' if each.urgent else '-'} {where}{each.problem}; {each.remedy}"


def _of_port(
    node: str, accesses: Mapping[str, Access], heard: Mapping[str, Heard], wanted: Sequence[Wanted]
) -> Iterable[str]:
    sensors = [one for one in wanted if one.node == node]
    if sensors:
        yield f"  sensor {', '.join(f'{one.sensor} ({one.driver})' for one in sensors)}"
    if node in accesses and accesses[node].holders:
        yield f"  held   by {', '.join(accesses[node].holders)}"
    for name in dict.fromkeys((node, *(one.port for one in sensors))):
        if found := heard.get(name):
            yield f"  hears  {_said(found)}"


def _said(found: Heard) -> str:
    if found.refused is not None:
        return f"nothing: it {found.refused.partition('; ')[0]}"
    if found.driver is not None:
        return f"{found.driver} at {found.baud} baud"
    return f"{found.size} bytes that no driver understands" if found.size else "nothing"


def _answer(
    ports: Sequence[SerialPort],
    accesses: Mapping[str, Access],
    heard: Mapping[str, Heard],
    wanted: Sequence[Wanted],
    todo: Sequence[Advice],
) -> dict[str, Any]:
    return {
        "right": not todo,
        "ports": [port._asdict() | _state(port.device, accesses, heard) for port in ports],
        "sensors": [
            {"sensor": one.sensor, "driver": one.driver, "port": one.port, "device": one.node}
            | _state(one.node, accesses, heard)
            | {"heard": heard[one.port]._asdict() if one.port in heard else None}
            for one in wanted
        ],
        "todo": [each._asdict() for each in todo],
    }


def _state(node: str, accesses: Mapping[str, Access], heard: Mapping[str, Heard]) -> dict[str, Any]:
    return {
        "access": accesses[node]._asdict() if node in accesses else None,
        "heard": heard[node]._asdict() if node in heard else None,
    }
