"""Commands that come over MQTT to the sensors of a gateway: carried out on their lines, answered, settings retained.

Settings are read after whatever writes them, when asked for, and when a device has been set up at its opening; one that
is left alone is not spoken to. Time and messages are handed in.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import msgspec

from firmware_bridge.answers import Answers, Caller
from firmware_bridge.clock import HostClock
from firmware_bridge.commands import Ask
from firmware_bridge.dialogue import Busy, Outcome
from firmware_bridge.drivers import DRIVERS
from firmware_bridge.line import Line
from firmware_bridge.port import PortGone
from firmware_bridge.publisher import Publisher
from firmware_bridge.requests import (
    DeviceWork,
    ListCommands,
    ReadSettings,
    Reply,
    Stream,
    asked_in,
    done_reply,
    error_reply,
    failure,
    list_reply,
    named,
    outcome_reply,
    settings_asks,
    settings_in,
    settings_message,
    settings_reply,
    work_of,
)
from presence import topics
from presence.errors import BadInput
from transport.session import Message, Received

log = logging.getLogger("hadir.bridge")

_ANSWER_LIVES_S = 60
_RETAINED = "a retained command would be carried out at every start of the bridge; publish it without retain"


@dataclass(slots=True)
class _Device:
    """What is known of a line. `unread`: its settings are to be read; `reading`: that has been asked already."""

    set_up: bool = False
    unread: bool = False
    reading: bool = False


class RemoteSettings:
    """All methods belong to the thread of the lines."""

    def __init__(self, site: str, publisher: Publisher, clock: HostClock) -> None:
        self._site = site
        self._publisher = publisher
        self._clock = clock
        self._devices: dict[Line, _Device] = {}
        self._lines: dict[str, Line] = {}
        self._answers = Answers()

    def serve(self, lines: Sequence[Line]) -> None:
        """Makes these the lines."""
        devices = self._devices
        self._devices = {line: devices.get(line) or _Device() for line in lines}
        for line in devices.keys() - self._devices.keys():
            line.abandon("is served no longer, for the gateway's settings have changed")
        self._lines = {sensor: line for line in lines for sensor, _ in line.spec.sensors.values()}

    def take(self, received: Received, up_ms: int) -> None:
        """Carries out a command, unless another gateway has its sensor. An empty message only clears a retained one."""
        topic = topics.parse(received.topic)
        if topic is None or topic.id not in self._lines or not received.payload:
            return
        asked = hashlib.sha256(received.payload).digest()
        caller = Caller(topic.id, received.response_topic, received.correlation, asked)
        if not self._may_be_answered(caller):
            log.warning("sensor %s: a command wants its answer elsewhere than at hadir/1/%s/reply/…; not carried out",
                        caller.sensor, self._site)  # fmt: skip
            return
        if received.retain:
            self._answer(caller, (), failure(caller.sensor, (), _RETAINED, "request"))
            return
        answer = self._answers.seen(caller, up_ms)
        if answer == "new":
            self._carry_out(caller, received.payload, up_ms)
        elif answer is not None:
            self._publisher.send(answer)

    def tick(self) -> None:
        """Has settings read that are to be read, as soon as the device can be asked."""
        for line, device in self._devices.items():
            device.unread = device.unread or (line.set_up and not device.set_up)
            device.set_up = line.set_up
            if device.unread and not device.reading and line.port is not None:
                self._read(line, device)

    def stop(self) -> None:
        """Answers all who still wait."""
        lines, self._devices = self._devices.keys(), {}
        for line in lines:
            line.break_off("the bridge was stopped")

    def _may_be_answered(self, caller: Caller) -> bool:
        """Nobody makes the bridge, which may write more than others, publish wherever they like."""
        if caller.response_topic is None:
            return True
        topic = topics.parse(caller.response_topic)
        return topic is not None and topic.site == self._site and topic.thing == "reply"

    def _carry_out(self, caller: Caller, payload: bytes, up_ms: int) -> None:
        line = self._lines[caller.sensor]
        asks: tuple[Ask, ...] = ()
        try:
            asks = asked_in(payload)
            self._begin(caller, line, asks, up_ms)
        except (BadInput, Busy, PortGone) as error:
            self._answer(caller, asks, error_reply(caller.sensor, asks, error, line.spec.port))

    def _begin(self, caller: Caller, line: Line, asks: tuple[Ask, ...], up_ms: int) -> None:
        module = DRIVERS[line.spec.driver]
        match work_of(module, asks):
            case DeviceWork(wanted, writes):
                line.ask(wanted, partial(self._done, caller, line, wanted, writes))
            case ReadSettings(wanted):
                line.ask(wanted, partial(self._read_for, caller, line, asks))
            case Stream(seconds):
                line.stream(caller.sensor, up_ms + seconds * 1000)
                self._answer(caller, asks, done_reply(caller.sensor, asks, seconds=seconds))
            case ListCommands():
                self._answer(caller, asks, list_reply(module, caller.sensor, asks))

    def _done(self, caller: Caller, line: Line, asks: Sequence[Ask], writes: bool, outcome: Outcome) -> None:
        self._answer(caller, asks, outcome_reply(caller.sensor, asks, outcome, _port_gone(line)))
        if writes and line in self._devices:
            self._devices[line].unread = True

    def _read_for(self, caller: Caller, line: Line, asks: Sequence[Ask], outcome: Outcome) -> None:
        if outcome.problem is None:
            self._publish(line, outcome)
        self._answer(caller, asks, settings_reply(caller.sensor, asks, outcome, _port_gone(line)))

    def _read(self, line: Line, device: _Device) -> None:
        asks = settings_asks(DRIVERS[line.spec.driver])
        device.unread = False
        if not asks:
            return
        try:
            line.ask(asks, partial(self._have_read, line, device))
        except Busy:
            device.unread = True
        else:
            device.reading = True

    def _have_read(self, line: Line, device: _Device, outcome: Outcome) -> None:
        device.reading = False
        if line not in self._devices:
            return
        if outcome.problem is None:
            self._publish(line, outcome)
        elif line.port is not None:
            log.warning(
                "%s (%s): its settings could not be read: %s", line.spec.port, line.spec.driver, outcome.problem
            )
        else:
            device.unread = True

    def _publish(self, line: Line, outcome: Outcome) -> None:
        message = settings_message(
            DRIVERS[line.spec.driver],
            settings_in(outcome.replies),
            firmware=line.firmware,
            at_ms=self._clock.now().date_ms,
        )
        for sensor, _ in line.spec.sensors.values():
            if self._lines.get(sensor) is line:
                self._publisher.retain(topics.sensor_topic(self._site, sensor, "settings"), message)

    def _answer(self, caller: Caller, asks: Sequence[Ask], reply: Reply) -> None:
        if caller.response_topic is None:
            log.warning("sensor %s: %s: %s", caller.sensor, named(asks), "done" if reply["ok"] else reply["error"])
            return
        message = Message(
            caller.response_topic,
            msgspec.json.encode(reply),
            content_type="application/json",
            expiry_s=_ANSWER_LIVES_S,
            correlation=caller.correlation,
        )
        self._answers.keep(caller, message)
        self._publisher.send(message)


def _port_gone(line: Line) -> str | None:
    """The port's name, when it is not there any more."""
    return line.spec.port if line.port is None else None
