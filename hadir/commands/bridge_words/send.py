"""`hadir bridge send`: a command to a sensor, by way of its bridge or straight to its port, and the answer."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hadir.output import json_line, table
from hadir.settings import Settings
from presence.errors import BadInput, HadirError
from presence.site import SLUG

HELP = "a command to a sensor, and its answer"

_COMMAND = "hadir bridge send"
_DONE, _FAILED, _MISUSED = 0, 1, 2
_TIMEOUT_S = 10.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from hadir.port_flags import add_device

    parser.add_argument(
        "words",
        nargs="+",
        metavar="SENSOR COMMAND [KEY=VALUE …]",
        help="the command and its arguments; `list` tells what there is, `read_settings` what the device keeps; "
        "with --port no SENSOR",
    )
    parser.add_argument("--site", metavar="FILE|ID", help="where the sensor stands; default: what the broker keeps")
    parser.add_argument("--timeout", metavar="TIME", help="how long an answer is waited for; default 10s")
    parser.add_argument("--json", action="store_true", help="print the reply as one line of JSON")
    parser.add_argument("--port", metavar="PORT", help="without a bridge: the sensor on this port, of --driver")
    add_device(parser)


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    from hadir.port_flags import seconds

    timeout_s = seconds(arguments.timeout, _COMMAND, "--timeout") or _TIMEOUT_S
    try:
        if arguments.port is not None:
            who, reply = arguments.port, _by_port(arguments, timeout_s)
        else:
            who, reply = arguments.words[0], _by_bridge(arguments, settings, timeout_s)
    except BadInput:
        raise
    except HadirError as error:
        if not arguments.json:
            raise
        who, reply = None, {"ok": False, "error": str(error), "cause": "unanswered"}
    if arguments.json:
        print(json_line(reply))
    elif reply["ok"]:
        print("\n".join(_in_words(who, reply)))
    else:
        where = "" if reply.get("cause") == "port" else f"{who}: "
        print(where + reply["error"], file=sys.stderr)
    if reply["ok"]:
        return _DONE
    return _MISUSED if reply.get("cause") == "request" else _FAILED


def _by_bridge(arguments: argparse.Namespace, settings: Settings, timeout_s: float) -> dict[str, Any]:
    from firmware_bridge.remote import Remote
    from hadir.gateways import gateway_with

    if len(arguments.words) < 2:
        raise BadInput(_COMMAND, "no command", remedy="write SENSOR COMMAND; `list` tells what there is")
    sensor, command, *pairs = arguments.words
    if not SLUG.fullmatch(sensor):
        raise BadInput(_COMMAND, f'"{sensor}" is no id', remedy="ids are a-z 0-9 _ -")
    args = _args(pairs)
    site = arguments.site
    if site is None or not SLUG.fullmatch(site):
        site = gateway_with(settings, site, sensor).site
    with Remote(settings.broker_address()) as remote:
        return remote.ask(site, sensor, command, args, timeout_s)


def _by_port(arguments: argparse.Namespace, timeout_s: float) -> dict[str, Any]:
    from firmware_bridge.commands import Ask
    from firmware_bridge.direct_request import ask_port
    from firmware_bridge.drivers import driver_named
    from firmware_bridge.requests import list_reply
    from hadir.port_flags import device

    command, *pairs = arguments.words
    asks = (Ask(command, _args(pairs)),)
    if arguments.driver and command == "list" and not pairs:  # what a driver knows depends on no configuration
        return dict(list_reply(driver_named(arguments.driver, _COMMAND, "--driver"), None, asks))
    found = device(arguments, _COMMAND)
    return ask_port(arguments.port, found.baud, found.module, found.config, asks, timeout_s=timeout_s)


def _args(pairs: Sequence[str]) -> dict[str, Any]:
    """`key=value`: JSON where it is JSON, else text."""
    args: dict[str, Any] = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not key or not equals:
            raise BadInput(_COMMAND, f'"{pair}" is no argument', remedy="write KEY=VALUE")
        try:
            args[key] = json.loads(text)
        except ValueError:
            args[key] = text
    return args


def _in_words(who: str | None, reply: Mapping[str, Any]) -> Iterator[str]:
    if "settings" in reply:
        yield table(("setting", "value"), [(key, _shown(value)) for key, value in reply["settings"].items()])
    elif reply.get("command") == "list":
        yield table(("command", "arguments"), [(one["command"], _shown(one["args"])) for one in reply["commands"]])
    else:
        yield f"{who}: {reply['command']} done"
        for one in [*reply.get("replies", ()), *reply.get("read_back", ())]:
            told = {key: value for key, value in one.items() if key not in ("command", "ok")}
            if told:
                yield f"{one['command']}:"
                yield from (f"  {key}  {_shown(value)}" for key, value in told.items())


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return "; ".join(f"{key}: {_shown(each)}" for key, each in value.items())
    if isinstance(value, list):
        return " ".join(_shown(each) for each in value)
    return value if isinstance(value, str) else json.dumps(value)
