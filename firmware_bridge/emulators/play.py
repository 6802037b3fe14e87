"""Emulated sensors on pseudo-terminals, in true time: each reports as often as its kind does, and answers at once."""

from __future__ import annotations

import select
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from firmware_bridge.conversation import Conversation
from firmware_bridge.drivers import DriverModule
from firmware_bridge.emulators import Emulator
from firmware_bridge.emulators.target import Target
from firmware_bridge.emulators.terminal import Terminal
from firmware_bridge.resync import Answer
from presence.errors import BadInput

_STEP_MS = 50


class EmulatedPort:
    """A serial port with `device` behind it, which reports each `interval_ms`."""

    def __init__(self, terminal: Terminal, device: Emulator, interval_ms: int) -> None:
        self.terminal = terminal
        self.device = device
        self.interval_ms = interval_ms

    def report(self, at_ms: int) -> None:
        if report := self.device.report(at_ms):
            self.terminal.send(report)

    def answer(self) -> None:
        """Read what the host says and answer it."""
        if (data := self.terminal.receive()) and (reply := self.device.receive(data)):
            self.terminal.send(reply)


def set_up(device: Emulator, module: DriverModule, config: Mapping[str, Any]) -> None:
    """Brings `device` into the state that `config` asks for, as a bridge would. Raises BadInput when it refuses."""
    decoder = module.driver(config)
    conversation = Conversation(module, module.setup(config))
    at_ms = 0
    while not conversation.over:
        if asked := conversation.due(at_ms):
            for result in decoder.feed(device.receive(asked)):
                if isinstance(result, Answer):
                    conversation.answered(result.whole)
        at_ms += _STEP_MS
    if conversation.problem:
        raise BadInput(module.NAME, f"the emulator cannot be set up: {conversation.problem}")


def play(ports: Sequence[EmulatedPort], target: Callable[[int, float], Target | None], stop: threading.Event) -> None:
    """Keeps `ports` speaking until `stop` is set.

    `target`: number of a port and seconds since the beginning -> who is before it; None while it is out of order.
    """
    began_s = time.monotonic()
    due_ms = [0] * len(ports)
    while not stop.is_set():
        next_ms = min(due_ms, default=0)
        _answer(ports, until_s=began_s + next_ms / 1000)
        now_ms = round((time.monotonic() - began_s) * 1000)
        for number, port in enumerate(ports):
            if due_ms[number] > next_ms:
                continue
            if (seen := target(number, next_ms / 1000)) is not None:
                port.device.target = seen
                port.report(next_ms)
            # What could not be said in time is left out.
            due_ms[number] += max(1, (now_ms - next_ms) // port.interval_ms) * port.interval_ms


def _answer(ports: Iterable[EmulatedPort], until_s: float) -> None:
    """Answer commands until then. A port that nobody has open is always "ready": it is looked at once."""
    by_fd = {port.terminal.fd: port for port in ports}
    poller = select.poll()
    for fd in by_fd:
        poller.register(fd, select.POLLIN)
    while True:
        wait_ms = max(0.0, (until_s - time.monotonic()) * 1000)
        for fd, event in poller.poll(wait_ms):
            if event & select.POLLHUP:
                poller.unregister(fd)
            if event & select.POLLIN:
                by_fd[fd].answer()
        if time.monotonic() >= until_s:
            return
