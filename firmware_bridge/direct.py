"""A port that a person has opened by hand, without a bridge: its readings with their instants, and questions to it."""

from __future__ import annotations

import math
import select
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from firmware_bridge.clock import uptime_ms
from firmware_bridge.commands import Ask
from firmware_bridge.dialogue import Dialogue, Outcome
from firmware_bridge.drivers import DriverModule
from firmware_bridge.port import Port, PortGone, open_port
from firmware_bridge.resync import Answer, Damage, Decoded
from presence.errors import BadInput, HadirError

_STEP_S = 0.05


class PortLost(HadirError):
    """A port that was open is no longer there."""


class Heard(NamedTuple):
    """`result` came at `at_ms` (epoch)."""

    at_ms: int
    result: Decoded


def open_by_hand(name: str, baud: int) -> Port:
    """The port `name`. Raises BadInput when it cannot be opened."""
    try:
        return open_port(name, baud)
    except PortGone as gone:
        raise BadInput(name, str(gone)) from None


def bytes_within(port: Port, name: str, wait_s: float) -> bytes:
    """What has come as soon as something has, nothing after `wait_s`. Raises PortLost."""
    try:
        return port.read() if select.select([port.fd], [], [], max(0.0, wait_s))[0] else b""
    except PortGone as gone:
        raise PortLost(f"{name}: {gone}") from None


def write(port: Port, name: str, data: bytes) -> None:
    """Raises PortLost."""
    try:
        port.write(data)
    except PortGone as gone:
        raise PortLost(f"{name}: {gone}") from None


class DirectLine:
    """The device behind an open port. Whoever has it calls `listen` again and again."""

    def __init__(self, port: Port, name: str, module: DriverModule, config: Mapping[str, Any]) -> None:
        self.name = name
        self.module = module
        self.damaged = 0
        self._begun = False
        self._port = port
        self._driver = module.driver(config)
        self._dialogue = Dialogue(module, self._driver, config)

    @property
    def trouble(self) -> str | None:
        """Why the device could not be set up as its configuration asks."""
        return self._dialogue.trouble

    def listen(self, wait_s: float) -> list[Heard]:
        """The readings that came within `wait_s`; returns with the first bytes. Raises PortLost."""
        self._say()
        data = bytes_within(self._port, self.name, min(wait_s, _STEP_S))
        at_ms = time.time_ns() // 1_000_000
        heard = []
        for result in self._driver.feed(data):
            if isinstance(result, Decoded):
                heard.append(Heard(at_ms, result))
            elif isinstance(result, Answer):
                self._dialogue.answered(result.whole)
            elif isinstance(result, Damage):
                self.damaged += self._begun  # the first frame may have been cut by our coming
            self._begun = True
        self._say()
        return heard

    def ask(
        self, asks: Sequence[Ask], take: Callable[[Heard], None] = lambda _: None, *, timeout_s: float | None = None
    ) -> Outcome:
        """What the device says to `asks`; `take` gets the readings that come meanwhile. Raises BadInput, PortLost.

        What takes longer than `timeout_s` is broken off; the session is closed first.
        """
        outcomes: list[Outcome] = []
        self._dialogue.ask(asks, outcomes.append)
        until_s = math.inf if timeout_s is None else time.monotonic() + timeout_s
        try:
            while not outcomes:
                for heard in self.listen(_STEP_S):
                    take(heard)
                if time.monotonic() >= until_s:
                    self._break_off(f"it took longer than {timeout_s:g} s")
        except KeyboardInterrupt:
            self._break_off("it was interrupted")
            raise
        return outcomes[0]

    def settle(self) -> None:
        """Ends what is being said to the device, so that no session is left open. Raises PortLost."""
        while self._dialogue.busy:
            self.listen(_STEP_S)

    def _break_off(self, reason: str) -> None:
        self._dialogue.break_off(reason)
        self.settle()

    def _say(self) -> None:
        if sending := self._dialogue.outgoing(uptime_ms()):
            write(self._port, self.name, sending)


def time_left(stop: threading.Event, for_s: float | None) -> Callable[[], float]:
    """A function: how many seconds are left of `for_s` (without end when None); 0 once `stop` is set."""
    began_s = time.monotonic()

    def left_s() -> float:
        if stop.is_set():
            return 0.0
        return float("inf") if for_s is None else max(0.0, began_s + for_s - time.monotonic())

    return left_s
