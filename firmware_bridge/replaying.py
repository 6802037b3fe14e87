"""A recording played into a terminal, as fast as it was recorded or faster."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable

from firmware_bridge.emulators.terminal import Terminal
from firmware_bridge.recording import Chunk

_LOOK_S = 0.02
_SETTLED_S = 0.3


class Player:
    """`speed`: times faster; infinite = as fast as it is read. While nobody listens it waits: nothing is lost."""

    def __init__(self, terminal: Terminal, speed: float, stop: threading.Event) -> None:
        self._terminal = terminal
        self._speed = speed
        self._stop = stop

    def play(self, chunks: Iterable[Chunk]) -> int:
        """How many bytes were played until the end, or until `stop` was set."""
        size = 0
        began_s: float | None = None
        for chunk in chunks:
            waited_s = self._wait_until(lambda: self._terminal.opened)
            began_s = time.monotonic() if began_s is None else began_s + waited_s
            self._rest(began_s + chunk.at_s / self._speed)
            if self._stop.is_set():
                break
            self._send(chunk.data)
            size += len(chunk.data)
        return size

    def finish(self) -> None:
        """Waits until the host has read everything, or has gone."""
        quiet_s = time.monotonic()
        while self._terminal.opened and time.monotonic() - quiet_s < _SETTLED_S and not self._stop.is_set():
            # The kernel hands bytes over a little later than it takes them.
            if self._terminal.unread:
                quiet_s = time.monotonic()
            self._pass(_LOOK_S)

    def _send(self, data: bytes) -> None:
        while data and not self._stop.is_set():
            data = data[self._terminal.send(data) :]
            if data:
                self._stop.wait(_LOOK_S)

    def _rest(self, until_s: float) -> None:
        while (left_s := until_s - time.monotonic()) > 0 and not self._stop.is_set():
            self._pass(left_s)

    def _wait_until(self, done: Callable[[], bool]) -> float:
        """How long it took."""
        began_s = time.monotonic()
        while not done() and not self._stop.is_set():
            self._pass(_LOOK_S)
        return time.monotonic() - began_s

    def _pass(self, left_s: float) -> None:
        """What the host says meanwhile is taken and forgotten, as by a device that is not there."""
        self._terminal.receive()
        self._stop.wait(min(_LOOK_S, left_s))
