"""Flags of the words that open a port by hand, and what they mean."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from presence.errors import BadInput
from presence.site_values import parse_duration

if TYPE_CHECKING:
    from firmware_bridge.drivers import DriverModule


class Device(NamedTuple):
    """What is on a port, as flags say it."""

    module: DriverModule
    baud: int
    config: dict[str, Any]


def add_device(parser: argparse.ArgumentParser) -> None:
    """--driver, --driver-config and --baud."""
    from firmware_bridge.drivers import DRIVERS

    parser.add_argument("--driver", metavar="D", help=f"whose bytes they are: {', '.join(DRIVERS)}")
    parser.add_argument(
        "--driver-config", metavar="JSON", default="{}", help="as `config` of a source in a site file; default {}"
    )
    parser.add_argument("--baud", metavar="N", help="default: as the driver's devices are delivered")


def device(arguments: argparse.Namespace, command: str) -> Device:
    """Raises BadInput, also when no driver is named."""
    from firmware_bridge.drivers import driver_named

    if arguments.driver is None:
        raise BadInput(command, "no driver", field="--driver", remedy="`hadir bridge probe PORT` tells which")
    module = driver_named(arguments.driver, command, "--driver")
    config = driver_config(arguments.driver_config, command)
    try:
        module.driver(config)
    except BadInput:
        if config:
            raise
        remedy = f"as --driver-config '{msgspec.json.encode(module.EXAMPLE).decode()}'"
        raise BadInput(command, f"a {module.NAME} needs its config", field="--driver-config", remedy=remedy) from None
    return Device(module, baud(arguments.baud, command) or module.BAUD, config)


def driver_config(text: str, command: str) -> dict[str, Any]:
    """Raises BadInput."""
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        remedy = """write a JSON object, as in '{"engineering": true}'"""
        raise BadInput(command, str(error), field="--driver-config", remedy=remedy) from None


def baud(text: str | None, command: str) -> int | None:
    """None when the flag was not given. Raises BadInput."""
    if text is None:
        return None
    if not text.isdecimal() or not 300 <= int(text) <= 4_000_000:
        raise BadInput(command, f'"{text}" is no rate', field="--baud", remedy="write 115200, 256000 or 9600")
    return int(text)


def seconds(text: str | None, command: str, field: str = "--for") -> float | None:
    """The seconds of a duration such as 60s or 5m; None when the flag was not given. Raises BadInput."""
    if text is None:
        return None
    try:
        return parse_duration(text) / 1000
    except ValueError as error:
        problem, _, remedy = str(error).partition("; ")
        raise BadInput(command, problem, field=field, remedy=remedy) from None


def new_link(path: Path) -> Path:
    """A name that a pseudo-terminal can be given. Raises BadInput where something other than a dead link stands."""
    if path.exists() and not path.is_symlink():
        raise BadInput(str(path), "is there already, and no link", remedy="name another --link")
    if path.exists():
        raise BadInput(str(path), f"leads to {path.readlink()} already", remedy="name another --link, or remove it")
    if not path.parent.is_dir():
        raise BadInput(str(path), "its folder is not there", remedy="make it, or name another --link")
    return path
