"""A driver and its emulated device over a perfect line, minutes in milliseconds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from firmware_bridge.commands import Ask, Told
from firmware_bridge.dialogue import Dialogue, Outcome
from firmware_bridge.drivers import DRIVERS
from firmware_bridge.emulators import EMULATORS, Emulator
from firmware_bridge.resync import Answer, Damage, Decoded

_STEP_MS = 5


class Talk:
    """`device`: another than the emulator as delivered. `lost`: what never reaches it, told by how it begins.

    `sent`: all that the host wrote, with its instant in ms. `answers`: how many the device gave.
    """

    def __init__(
        self,
        name: str,
        config: Mapping[str, Any] | None = None,
        device: Emulator | None = None,
        lost: bytes | None = None,
    ) -> None:
        kind = EMULATORS[name]
        self.module = DRIVERS[name]
        self.device: Any = device or kind.make(1)
        self.driver = self.module.driver(config or {})
        self.dialogue = Dialogue(self.module, self.driver, config or {})
        self.sent: list[tuple[int, bytes]] = []
        self.answers = 0
        self.deaf = False
        self._lost = lost
        self._interval_ms = kind.interval_ms
        self._now_ms = 0

    @property
    def said(self) -> list[bytes]:
        """All that the host wrote, in order."""
        return [sending for _, sending in self.sent]

    def go_on(self, for_ms: int) -> list[Decoded]:
        """What the driver reads in that time."""
        read: list[Decoded] = []
        for at in range(self._now_ms, self._now_ms + for_ms, _STEP_MS):
            arriving = self.device.report(at) if at % self._interval_ms == 0 else b""
            if sending := self.dialogue.outgoing(at):
                self.sent.append((at, sending))
                arriving += self._answer(sending)
            for result in self.driver.feed(arriving):
                assert not isinstance(result, Damage)
                if isinstance(result, Answer):
                    self.answers += 1
                    self.dialogue.answered(result.whole)
                elif isinstance(result, Decoded):
                    read.append(result)
        self._now_ms += for_ms
        return read

    def _answer(self, sending: bytes) -> bytes:
        if self.deaf or (self._lost is not None and sending.startswith(self._lost)):
            return b""
        answer: bytes = self.device.receive(sending)
        return answer

    def ask(self, *asks: Ask) -> Outcome:
        """What comes of them; they must be answered within a minute."""
        outcomes: list[Outcome] = []
        self.dialogue.ask(asks, outcomes.append)
        for _ in range(600):
            self.go_on(100)
            if outcomes:
                return outcomes[0]
        raise AssertionError("never answered")


def settings(outcome: Outcome) -> Told:
    """What was told, under the names of the settings."""
    found: Told = {}
    for ask, told in outcome.replies:
        told = {name: value for name, value in told.items() if name != "ok"}
        if ask.name is not None:
            (value,) = told.values()
            told = {ask.name: value}
        found |= told
    return found
