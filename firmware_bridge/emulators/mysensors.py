"""A MySensors gateway and its nodes as their host sees them.

Node 12 is a counter's: motion (child 1), distance (2) and a relay (3). Node 13 has a motion sensor alone, and does not
see who sits still. Lines: `firmware_bridge.drivers.mysensors`.
"""

from __future__ import annotations

import random

from firmware_bridge.drivers.mysensors import GATEWAY, S_MOTION, WHOLE_NODE, Internal, Kind, Message, Variable, parse
from firmware_bridge.emulators.target import Target
from presence.errors import DamagedFrame

INTERVAL_MS = 1_000
_VERSION = b"2.3.2"
_S_RELAY, _S_DISTANCE, _S_NODE = 3, 15, 17
_CHILDREN = {12: {1: S_MOTION, 2: _S_DISTANCE, 3: _S_RELAY}, 13: {1: S_MOTION}}
_BATTERY_EVERY = 60  # reports
_LONGEST_COMMAND = 256


class MySensorsEmulator:
    """One gateway. `target` is set by whoever plays the room; `seed` decides noise. `newcomers`: nodes that ask for an
    id and are there once they got one, with a motion sensor each."""

    def __init__(self, seed: int) -> None:
        self.target = Target()
        self.newcomers = 0
        self._random = random.Random(seed)  # noqa: S311
        self._children = {node: dict(children) for node, children in _CHILDREN.items()}
        self._to_present = list(self._children)
        self._started = False
        self._reports = 0
        self._unread = b""

    def report(self, at_ms: int) -> bytes:
        """What the nodes say: who they are when they start, then what they see, and their battery now and then."""
        said = [] if self._started else [_internal(GATEWAY, Internal.STARTED, b"Gateway startup complete.")]
        self._started = True
        for node in self._to_present:
            said += self._presented(node)
        self._to_present.clear()
        said += [_internal(WHOLE_NODE, Internal.ID_REQUEST)] * self.newcomers
        for node, children in self._children.items():
            if self._reports % _BATTERY_EVERY == 0:
                said.append(_internal(node, Internal.BATTERY_LEVEL, b"%d" % self._random.randint(90, 95)))
            said += [seen for child, kind in children.items() if (seen := self._seen(node, child, kind))]
        self._reports += 1
        return b"".join(message.line() for message in said)

    def receive(self, data: bytes) -> bytes:
        """What gateway and nodes answer at once; commands may come in pieces."""
        *lines, self._unread = (self._unread + data).split(b"\n")
        self._unread = self._unread[-_LONGEST_COMMAND:]
        answers = []
        for line in lines:
            try:
                message = parse(line)
            except DamagedFrame:
                continue
            answers += [answer.line() for answer in self._obey(message)]
        return b"".join(answers)

    def _presented(self, node: int) -> list[Message]:
        children = self._children[node]
        return [
            Message(node, WHOLE_NODE, Kind.PRESENTATION, False, _S_NODE, _VERSION),
            *(Message(node, child, Kind.PRESENTATION, False, kind) for child, kind in children.items()),
        ]

    def _seen(self, node: int, child: int, kind: int) -> Message | None:
        target = self.target
        if kind == S_MOTION:
            seen = target.state == "moving" or (target.state == "still" and node == 12)
            return Message(node, child, Kind.SET, False, Variable.TRIPPED, b"%d" % seen)
        if kind == _S_DISTANCE and target.state != "nobody":
            cm = max(0.0, target.distance_m * 100 + self._random.uniform(-3, 3))
            return Message(node, child, Kind.SET, False, Variable.DISTANCE, b"%.1f" % cm)
        return None

    def _obey(self, message: Message) -> list[Message]:
        node = message.node
        match message.command, message.type:
            case Kind.INTERNAL, Internal.VERSION if node == GATEWAY:
                return [message._replace(payload=_VERSION)]
            case Kind.INTERNAL, Internal.REBOOT if node in self._children:
                self._to_present.append(node)
            case Kind.INTERNAL, Internal.ID_RESPONSE if self.newcomers and message.payload.isdigit():
                self.newcomers -= 1
                new = int(message.payload)
                self._children[new] = {1: S_MOTION}
                return [_internal(new, Internal.CONFIG, b"0"), *self._presented(new)]
            case Kind.SET, _ if message.ack and message.child in self._children.get(node, ()):
                return [message]
        return []


def _internal(node: int, kind: Internal, payload: bytes = b"") -> Message:
    return Message(node, WHOLE_NODE, Kind.INTERNAL, False, kind, payload)
