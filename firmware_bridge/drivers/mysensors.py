"""MySensors 2.x: a serial or Ethernet gateway and the radio nodes behind it, 115200 baud.

    node;child;command;ack;type;payload LF        node 0 gateway, child 255 the node itself
    command  0 presentation, 1 set, 2 request, 3 internal, 4 stream

Readings: set V_TRIPPED is presence, unless the child was presented as something other than S_MOTION; V_DISTANCE, in cm;
V_TEMP; V_LEVEL, in lux, of a child presented as S_LIGHT_LEVEL; and internal I_BATTERY_LEVEL, of the node. The part is
`node/child`, or `node`. All else is silent. A line with ack 1 is a message of ours that the node gives back. Gateways
say nothing while their nodes sleep: the version is asked for once a minute as a sign of life.

Source: MySensors serial API 2.x; mysensors/MySensors@e298769 core; theolind/pymysensors@2574103.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import Any, Final, NamedTuple

from firmware_bridge.commands import Arguments, Ask, Command, Session, Told
from firmware_bridge.resync import Answer, Damage, Decoded, Result
from firmware_bridge.text_lines import TextLines
from presence.errors import BadInput, DamagedFrame

NAME: Final = "mysensors"
TITLE: Final = "MySensors gateway and its nodes"
BAUD: Final = 115_200
SILENT_AFTER_MS: Final = 150_000  # two versions asked for in vain
EXAMPLE: Final[Mapping[str, Any]] = {"controller": True, "taken": [12, 13]}

GATEWAY, WHOLE_NODE = 0, 255
S_MOTION, S_LIGHT_LEVEL = 1, 16

_LONGEST = 256  # payloads have 25 bytes; lines of the gateway's log are longer
_ASK_VERSION_MS = 60_000
_ANSWERS_WAITING = 16
_LIKELY = re.compile(rb"\d+;")
_MESSAGE = re.compile(rb"(\d{1,3});(\d{1,3});(\d);([01]);(\d{1,3});(.*)", re.DOTALL)
_NUMBER = re.compile(rb"[+-]?(\d+\.?\d*|\.\d+)")
_TRUTH = {b"0": 0.0, b"1": 1.0}


class Kind(IntEnum):
    """Of a message: its field `command`."""

    PRESENTATION = 0
    SET = 1
    REQUEST = 2
    INTERNAL = 3
    STREAM = 4


class Variable(IntEnum):
    """What is set; V_… in MySensors."""

    TEMP = 0
    STATUS = 2
    DISTANCE = 13
    TRIPPED = 16
    LEVEL = 37


class Internal(IntEnum):
    """What nodes, gateway and controller tell each other; I_… in MySensors."""

    BATTERY_LEVEL = 0
    VERSION = 2
    ID_REQUEST = 3
    ID_RESPONSE = 4
    CONFIG = 6
    LOG = 9
    REBOOT = 13
    STARTED = 14


class Message(NamedTuple):
    """One line of the serial API."""

    node: int
    child: int
    command: int
    ack: bool
    type: int
    payload: bytes = b""

    def line(self) -> bytes:
        fields = (self.node, self.child, self.command, self.ack, self.type)
        return b";".join(b"%d" % field for field in fields) + b";" + self.payload + b"\n"


def parse(body: bytes) -> Message:
    """The message in a line without its end. Raises DamagedFrame."""
    found = _MESSAGE.fullmatch(body)
    if found is None:
        raise DamagedFrame(0, "not node;child;command;ack;type;payload")
    node, child, command, ack, kind = (int(field) for field in found.groups()[:5])
    if max(node, child, kind) > 255 or command > Kind.STREAM:
        raise DamagedFrame(0, "node, child, command or type out of range")
    return Message(node, child, command, bool(ack), kind, found[6])


ASK_VERSION: Final = Message(GATEWAY, WHOLE_NODE, Kind.INTERNAL, False, Internal.VERSION).line()


class MySensors:
    """The messages of one gateway to readings.

    `controller`: nodes without an id are given one, and told to measure in metric units. `taken`: ids never given,
    of nodes that may sleep for long; those that were heard are not given either.
    """

    strayed = False

    def __init__(self, *, controller: bool = False, taken: Sequence[int] = ()) -> None:
        self._lines = TextLines(_LONGEST)
        self._controller = controller
        self._taken = set(taken)
        self._presented: dict[tuple[int, int], int] = {}
        self._answers: list[bytes] = []
        self._asked_ms: int | None = None

    def feed(self, data: bytes) -> list[Result]:
        """Readings, damages and answers in the order of their lines; `data` in chunks of any size."""
        results: list[Result] = []
        for line in self._lines.feed(data):
            if not _LIKELY.match(line.body):
                continue
            try:
                if line.broken:
                    raise DamagedFrame(0, line.broken)
                if result := self._understood(parse(line.body)):
                    results.append(result)
            except DamagedFrame as damage:
                results.append(Damage(line.offset, damage.reason))
        return results

    def outgoing(self, at_ms: int) -> bytes:
        """What nodes asked their controller for, and once a minute the question for the gateway's version."""
        sending = b"".join(self._answers)
        self._answers.clear()
        if self._asked_ms is None or at_ms - self._asked_ms >= _ASK_VERSION_MS:
            self._asked_ms = at_ms
            sending += ASK_VERSION
        return sending

    def _understood(self, message: Message) -> Result | None:
        if message.ack:
            return Answer(message.line())
        if message.node not in (GATEWAY, WHOLE_NODE):
            self._taken.add(message.node)
        match message.command:
            case Kind.PRESENTATION if message.child != WHOLE_NODE:
                self._presented[message.node, message.child] = message.type
            case Kind.SET:
                return self._reading(message)
            case Kind.INTERNAL:
                return self._internal(message)
        return None

    def _reading(self, message: Message) -> Decoded | None:
        presented = self._presented.get((message.node, message.child))
        match message.type:
            case Variable.TRIPPED if presented in (None, S_MOTION):
                if message.payload not in _TRUTH:
                    raise DamagedFrame(0, "tripped is neither 0 nor 1")
                name, value = "presence", _TRUTH[message.payload]
            case Variable.DISTANCE:
                name, value = "distance", _number(message) / 100
            case Variable.TEMP:
                name, value = "temperature", _number(message)
            case Variable.LEVEL if presented == S_LIGHT_LEVEL:
                name, value = "illuminance", _number(message)
            case _:
                return None
        return Decoded({name: value}, f"{message.node}/{message.child}")

    def _internal(self, message: Message) -> Result | None:
        match message.type:
            case Internal.BATTERY_LEVEL:
                return Decoded({"battery": _number(message)}, str(message.node))
            case Internal.VERSION if message.node == GATEWAY:
                return Answer(message.line())
            case Internal.ID_REQUEST if self._controller:
                free = next((node for node in range(1, WHOLE_NODE) if node not in self._taken), None)
                if free is not None and self._reply(message._replace(type=Internal.ID_RESPONSE, payload=b"%d" % free)):
                    self._taken.add(free)
            case Internal.CONFIG if self._controller:
                self._reply(message._replace(payload=b"M"))
        return None

    def _reply(self, message: Message) -> bool:
        """Whether there is room for it; a node that got no answer asks again."""
        room = len(self._answers) < _ANSWERS_WAITING
        if room:
            self._answers.append(message.line())
        return room


def driver(config: Mapping[str, Any]) -> MySensors:
    """`config`: `{"controller": true, "taken": [12, 13]}`, or less. Raises BadInput."""
    for key in config:
        if key not in EXAMPLE:
            raise BadInput(NAME, "not known", field=f"config.{key}", remedy=f"known: {', '.join(EXAMPLE)}")
    controller, taken = config.get("controller", False), config.get("taken", [])
    if not isinstance(controller, bool):
        raise BadInput(NAME, f"{controller!r} cannot be used", field="config.controller", remedy="give true or false")
    if not isinstance(taken, list) or any(type(node) is not int or not 1 <= node <= 254 for node in taken):
        raise BadInput(NAME, f"{taken!r} cannot be used", field="config.taken", remedy="give a list of ids 1 to 254")
    return MySensors(controller=controller, taken=taken)


def setup(config: Mapping[str, Any]) -> Sequence[Ask]:
    """Nothing: gateways keep no mode."""
    return ()


def _number(message: Message) -> float:
    if not _NUMBER.fullmatch(message.payload):
        raise DamagedFrame(0, f"no number for type {message.type}")
    return float(message.payload)


# Commands. Only what was sent with ack 1 is given back, by the node itself.


def _set(args: Arguments) -> bytes:
    node, child, kind = args.number("node", 1, 254), args.number("child", 0, 254), args.number("type", 0, 255)
    return Message(node, child, Kind.SET, True, kind, args.ascii("value", 0, 25)).line()


def _reboot(args: Arguments) -> bytes:
    return Message(args.number("node", 0, 254), WHOLE_NODE, Kind.INTERNAL, False, Internal.REBOOT).line()


def _version(whole: bytes, _: Mapping[str, Any]) -> Told:
    message = parse(whole.rstrip())
    if message._replace(payload=b"") != Message(GATEWAY, WHOLE_NODE, Kind.INTERNAL, False, Internal.VERSION):
        raise DamagedFrame(0, "no version")
    return {"ok": True, "version": message.payload.decode(errors="replace")}


def _given_back(whole: bytes, args: Mapping[str, Any]) -> Told:
    expected = Message(args["node"], args["child"], Kind.SET, True, args["type"], str(args["value"]).encode())
    if parse(whole.removesuffix(b"\n")) != expected:
        raise DamagedFrame(0, "another message was given back")
    return {"ok": True}


COMMANDS: Final[Mapping[str, Command]] = {
    "read_version": Command(lambda _: ASK_VERSION, _version),
    "set": Command(_set, _given_back),
    "reboot": Command(_reboot, None),
}
# A message over several nodes and back takes its time.
SESSION: Final = Session(resend_ms=1_000, limit_ms=3_000)
SETTINGS: Final = (Ask("read_version"),)
