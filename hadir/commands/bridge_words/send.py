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

HELP = "send a command to a sensor and print its answer"

_PROGRAM = "hadir bridge send"
_DONE, _FAILED, _MISUSED = 0, 1, 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "words",
        nargs="+",
        metavar="SENSOR COMMAND [KEY=VALUE …]",
        help="the command and its arguments; `list` tells what there is, `read_settings` what the device keeps; "
        "with --port no SENSOR",
    )
    parser.add_argument("--site", metavar="ID", help="the sensor's site; default: the one of which it was online")
    parser.add_argument(
        "--timeout", metavar="TIME", default="10s", help="how long an answer is waited for; default 10s"
    )
    parser.add_argument("--json", action="store_true", help="print the reply as one line of JSON")
    parser.add_argument("--port", metavar="PORT", help="speak to the device on this port, which no bridge may hold")
    parser.add_argument("--driver", metavar="D", help="with --port: which device that is")
    parser.add_argument("--baud", type=int, metavar="N", help="with --port: default as the driver says")
    parser.add_argument(
        "--driver-config",
        metavar="JSON",
        default="{}",
        help="with --port: the driver's configuration, as `config` of a source in a site file",
    )


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    timeout_s = _seconds(arguments.timeout)
    try:
        if arguments.port is not None or arguments.driver is not None:
            who, reply = arguments.port, _by_port(arguments, timeout_s)
        else:
            who, reply = arguments.words[0], _by_broker(arguments, settings, timeout_s)
    except BadInput:
        raise
    except HadirError as error:
        if not arguments.json:
            raise
        reply = {"ok": False, "error": str(error), "cause": "unanswered"}
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


def _by_broker(arguments: argparse.Namespace, settings: Settings, timeout_s: float) -> Any:
    from hadir.asking import ask_sensor, site_of

    if len(arguments.words) < 2:
        raise BadInput(_PROGRAM, "no command", remedy="write SENSOR COMMAND; `list` tells what there is")
    sensor, command, *pairs = arguments.words
    for slug in (sensor, arguments.site or sensor):
        if not SLUG.fullmatch(slug):
            raise BadInput(_PROGRAM, f'"{slug}" is no id', remedy="ids are a-z 0-9 _ -")
    body = {"command": command, "args": _args(pairs)}
    address = settings.broker_address()
    site = arguments.site or site_of(sensor, address)
    return ask_sensor(site, sensor, body, address, timeout_s=timeout_s)


def _by_port(arguments: argparse.Namespace, timeout_s: float) -> Any:
    from firmware_bridge.commands import Ask
    from firmware_bridge.direct_request import ask_port
    from firmware_bridge.drivers import driver_named

    if arguments.port is None or arguments.driver is None:
        raise BadInput(_PROGRAM, "--port and --driver go together", remedy="give both, or a SENSOR")
    module = driver_named(arguments.driver, _PROGRAM, "--driver")
    command, *pairs = arguments.words
    config = _config(arguments.driver_config)
    asks = (Ask(command, _args(pairs)),)
    return ask_port(arguments.port, arguments.baud or module.BAUD, module, config, asks, timeout_s=timeout_s)


def _args(pairs: Sequence[str]) -> dict[str, Any]:
    """`key=value`: JSON where it is JSON, else text."""
    args: dict[str, Any] = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not key or not equals:
            raise BadInput(_PROGRAM, f'"{pair}" is no argument', remedy="write KEY=VALUE")
        try:
            args[key] = json.loads(text)
        except ValueError:
            args[key] = text
    return args


def _config(text: str) -> dict[str, Any]:
    try:
        config = json.loads(text)
    except ValueError as error:
        raise BadInput(_PROGRAM, f"no JSON: {error}", field="--driver-config") from None
    if not isinstance(config, dict):
        raise BadInput(_PROGRAM, "no JSON object", field="--driver-config")
    return config


def _seconds(text: str) -> float:
    from presence.site_values import DURATION

    try:
        return int(DURATION.read(text)) / 1000
    except ValueError as error:
        raise BadInput(_PROGRAM, str(error), field="--timeout") from None


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
