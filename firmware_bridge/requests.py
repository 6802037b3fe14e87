"""What people ask of a sensor from afar, and what they are answered: payload to work, outcome to reply.

    {"command": "set_gate_sensitivity", "args": {"gate": 3, "moving": 40, "still": 40}}
    {"commands": [{"command": …, "args": {…}}, …]}            one after the other in one session

    {"ok": true, "sensor": "a-1", "command": …, "replies": [{"command": …, "ok": true, …}], "read_back": [{…}]}
    {"ok": false, "sensor": "a-1", "command": …, "error": "one sentence", "cause": "request|busy|port|device", …}

Asked can be every command of the driver but those of its session, and for every driver `read_settings`, `stream` and
`list`, each alone. docs/remote-settings.md tells it to people.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import msgspec

from firmware_bridge.commands import Ask, Command, Told, command_of, encode_command
from firmware_bridge.described import arguments_of
from firmware_bridge.dialogue import Busy, Outcome
from firmware_bridge.drivers import DriverModule
from firmware_bridge.port import PortGone
from presence.errors import BadInput, HadirError
from presence.instants import rfc3339_or_none

LONGEST_STREAM_S = 3_600
_MOST_COMMANDS = 32
# Whoever nests a thousand deep is no technician, and costs the parser its stack.
_MOST_BRACKETS = 256
_LONGEST_ERROR = 300
_LONGEST_NAME = 64

# What each driver can be asked beside its own commands, and the argument of it.
_GENERAL = {
    "read_settings": {},
    "stream": {"seconds": f"a whole number from 1 to {LONGEST_STREAM_S}"},
    "list": {},
}

Cause = Literal["request", "busy", "port", "device"]
Reply = dict[str, Any]


class DeviceWork(NamedTuple):
    """`asks`, in one session. `writes`: they change what the device keeps."""

    asks: tuple[Ask, ...]
    writes: bool


class ReadSettings(NamedTuple):
    asks: tuple[Ask, ...]


class Stream(NamedTuple):
    seconds: int


class ListCommands(NamedTuple):
    pass


Work = DeviceWork | ReadSettings | Stream | ListCommands


class _One(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    command: str
    args: dict[str, Any] = {}


class _Payload(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    command: str | None = None
    args: dict[str, Any] = {}
    commands: tuple[_One, ...] | None = None


def asked_in(payload: bytes) -> tuple[Ask, ...]:
    """The commands that `payload` asks for, whatever they are. Raises BadInput."""
    if payload.count(b"[") + payload.count(b"{") > _MOST_BRACKETS:
        raise BadInput("command", "no request: too many brackets", remedy="send less at once")
    try:
        found = msgspec.json.decode(payload, type=_Payload)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        remedy = 'send {"command": "…", "args": {…}}'
        raise BadInput("command", f"no request: {error}", remedy=remedy) from None
    if (found.command is None) == (found.commands is None) or (found.commands is not None and found.args):
        raise BadInput("command", "no request", remedy='give "command" with its "args", or "commands"')
    if found.command is not None:
        return (Ask(found.command, found.args),)
    asks = tuple(Ask(one.command, one.args) for one in found.commands or ())
    if not 1 <= len(asks) <= _MOST_COMMANDS:
        raise BadInput("command", f"{len(asks)} commands", field="commands", remedy=f"give 1 to {_MOST_COMMANDS}")
    return asks


def work_of(module: DriverModule, asks: Sequence[Ask]) -> Work:
    """What is to be done for `asks`. Raises BadInput for what cannot be asked of such a device."""
    for ask in asks:
        if ask.command in _GENERAL and len(asks) > 1:
            raise BadInput(module.NAME, "cannot go with other commands", field=ask.command, remedy="ask for it alone")
    match asks[0]:
        case Ask("stream", args):
            return _stream(module, args)
        case Ask("list" | "read_settings" as command, args):
            if args:
                raise BadInput(module.NAME, "takes no arguments", field=command, remedy="leave them out")
            return ListCommands() if command == "list" else _read_settings(module)
    return _device_work(module, asks)


def settings_asks(module: DriverModule) -> tuple[Ask, ...]:
    """What is asked to know all that a device keeps; what its firmware does not know is left out."""
    return tuple(ask._replace(optional=True) for ask in module.SETTINGS)


def settings_in(replies: Iterable[tuple[Ask, Told]]) -> dict[str, Any]:
    """The settings that the answers to `settings_asks` tell."""
    settings: dict[str, Any] = {}
    for ask, told in replies:
        if not told["ok"]:
            continue
        found = {key: value for key, value in told.items() if key != "ok"}
        if ask.name is None:
            settings |= found
        else:
            settings[ask.name] = next(iter(found.values())) if len(found) == 1 else found
    return settings


def settings_message(
    module: DriverModule, settings: Mapping[str, Any], *, firmware: str | None, at_ms: int | None
) -> bytes:
    """What is retained at `…/settings`. `at_ms`: when they were read; None where the host does not know the date."""
    body = {"at": rfc3339_or_none(at_ms), "driver": module.NAME, "firmware": firmware, "settings": settings}
    return msgspec.json.encode(body)


def outcome_reply(sensor: str | None, asks: Sequence[Ask], outcome: Outcome, port_gone: str | None = None) -> Reply:
    """The reply to `asks` when a device was asked.

    `sensor`: None when it was asked without a bridge. `port_gone`: the port that was lost meanwhile.
    """
    told = {"replies": _told(outcome.replies), "read_back": _told(outcome.read_back)}
    if outcome.problem is None:
        return {"ok": True, **_head(sensor, asks), **told}
    if port_gone is not None:
        return {**failure(sensor, asks, f"{port_gone} {outcome.problem}", "port"), **told}
    return {**failure(sensor, asks, outcome.problem, "device"), **told}


def settings_reply(sensor: str | None, asks: Sequence[Ask], outcome: Outcome, port_gone: str | None = None) -> Reply:
    """As `outcome_reply`, with the settings that were read."""
    return {**outcome_reply(sensor, asks, outcome, port_gone), "settings": settings_in(outcome.replies)}


def done_reply(sensor: str | None, asks: Sequence[Ask], **told: Any) -> Reply:
    """The reply to what needed no device."""
    return {"ok": True, **_head(sensor, asks), **told}


def list_reply(module: DriverModule, sensor: str | None, asks: Sequence[Ask]) -> Reply:
    """The commands that can be asked for, with what each argument may be."""
    general = [{"command": name, "args": args, "writes": False} for name, args in _GENERAL.items()]
    own = [
        {"command": name, "args": arguments_of(command), "writes": command.writes}
        for name, command in _offered(module).items()
    ]
    return done_reply(sensor, asks, driver=module.NAME, commands=[*own, *general])


def failure(sensor: str | None, asks: Sequence[Ask], error: str, cause: Cause) -> Reply:
    """The reply when it came to nothing. `error`: made one line that is not too long."""
    sentence = " ".join(error.split())
    if len(sentence) > _LONGEST_ERROR:
        sentence = sentence[: _LONGEST_ERROR - 1] + "…"
    return {"ok": False, **_head(sensor, asks), "error": sentence, "cause": cause}


def error_reply(sensor: str | None, asks: Sequence[Ask], error: HadirError, port: str) -> Reply:
    """The reply to what could not be asked of the device at `port`."""
    match error:
        case Busy():
            return failure(sensor, asks, str(error), "busy")
        case PortGone():
            return failure(sensor, asks, f"{port} {error}", "port")
    return failure(sensor, asks, str(error), "request")


def named(asks: Sequence[Ask]) -> str:
    """The commands, without their arguments, which may be secret."""
    return ", ".join(_name(ask) for ask in asks) or "a command"


def _stream(module: DriverModule, args: Mapping[str, Any]) -> Stream:
    seconds = args.get("seconds")
    if type(seconds) is not int or not 1 <= seconds <= LONGEST_STREAM_S or len(args) > 1:
        remedy = f"give seconds alone, a whole number from 1 to {LONGEST_STREAM_S}"
        raise BadInput(module.NAME, "cannot be used", field="stream.seconds", remedy=remedy)
    return Stream(seconds)


def _read_settings(module: DriverModule) -> ReadSettings:
    if not module.SETTINGS:
        raise BadInput(module.NAME, "these devices keep no settings that can be read", field="read_settings")
    return ReadSettings(settings_asks(module))


def _device_work(module: DriverModule, asks: Sequence[Ask]) -> DeviceWork:
    offered = _offered(module)
    for ask in asks:
        if ask.command not in offered:
            known = ", ".join((*offered, *_GENERAL))
            raise BadInput(module.NAME, f"no command {json.dumps(_name(ask))}", remedy=f"known: {known}")
        encode_command(module, ask.command, ask.args)
    for ask in asks[:-1]:
        if offered[ask.command].restarts:
            raise BadInput(module.NAME, "ends the session", field=_name(ask), remedy="ask for it last")
    return DeviceWork(tuple(asks), any(command_of(module, ask.command).writes for ask in asks))


def _offered(module: DriverModule) -> dict[str, Command]:
    """The driver's commands but those of the session itself, which would leave it open."""
    session = module.SESSION
    own = {ask.command for part in (session.opening, session.closing, session.saving) for ask in part}
    return {name: command for name, command in module.COMMANDS.items() if name not in own}


def _head(sensor: str | None, asks: Sequence[Ask]) -> dict[str, Any]:
    who = {} if sensor is None else {"sensor": sensor}
    if len(asks) > 1:
        return {**who, "commands": [_name(ask) for ask in asks]}
    return {**who, "command": _name(asks[0]) if asks else None}


def _name(ask: Ask) -> str:
    return ask.command[:_LONGEST_NAME]


def _told(replies: Iterable[tuple[Ask, Told]]) -> list[dict[str, Any]]:
    return [{"command": ask.command, **told} for ask, told in replies]
