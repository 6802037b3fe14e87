"""All that one line says to its device, one conversation at a time: set-up, what people ask for, and polls.

Answers and time are handed in. Readings never wait for any of it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from firmware_bridge.commands import Ask, Told
from firmware_bridge.conversation import Conversation
from firmware_bridge.drivers import Driver, DriverModule
from presence.errors import HadirError

# A device that does not become as it is configured is set up ever more seldom: what it keeps wears with each writing.
_SETUP_PAUSE_MS = 30_000
_LONGEST_SETUP_PAUSE_MS = 3_600_000
_WAITING_LIMIT = 16


class Busy(HadirError):
    """Too many conversations wait for one device already."""


class Outcome(NamedTuple):
    """How a conversation ended. `replies`, `read_back`: see `Conversation`; `problem`: None when all went well."""

    replies: list[tuple[Ask, Told]]
    read_back: list[tuple[Ask, Told]]
    problem: str | None


class _Asked(NamedTuple):
    conversation: Conversation
    done: Callable[[Outcome], None]


class Dialogue:
    """`firmware`: as read from the device, None before. `trouble`: why it could not be set up, None when it could.

    `set_up`: whether it was set up as `config` asks; never for one that is left alone.
    """

    def __init__(self, module: DriverModule, driver: Driver, config: Mapping[str, Any]) -> None:
        self.firmware: str | None = None
        self.trouble: str | None = None
        self.set_up = False
        self._module = module
        self._driver = driver
        self._setup = module.setup(config)
        self._next_setup_ms: int | None = None
        self._setup_pause_ms = _SETUP_PAUSE_MS
        self._waiting: deque[_Asked] = deque()
        self._going_on: _Asked | None = None
        self._polled_ms: int | None = None

    @property
    def busy(self) -> bool:
        """Whether a conversation is going on: many devices report nothing while it is."""
        return self._going_on is not None

    def ask(self, asks: Sequence[Ask], done: Callable[[Outcome], None]) -> None:
        """Has `asks` asked, after what waits already; `done` is called with what came of it, from `outgoing`.

        Raises BadInput for what cannot be asked, Busy when too much waits.
        """
        if len(self._waiting) >= _WAITING_LIMIT:
            raise Busy(f"{_WAITING_LIMIT} requests wait for the device already; try again later")
        self._waiting.append(_Asked(Conversation(self._module, asks), done))

    def answered(self, whole: bytes) -> None:
        """Takes an answer that the device gave."""
        if self._going_on:
            self._going_on.conversation.answered(whole)

    def outgoing(self, at_ms: int) -> bytes:
        """What to write to the device now, mostly nothing. `at_ms`: of a clock that never steps."""
        if self._going_on is None:
            if self._wanted(at_ms) and self._driver_asks(at_ms):
                return b""
            self._going_on = self._next(at_ms)
            if self._going_on is None:
                return self._polling(at_ms)
        sending = self._going_on.conversation.due(at_ms)
        if not sending and self._going_on.conversation.over:
            ended, self._going_on = self._going_on, None
            self._conclude(ended, ended.conversation.problem)
        return sending

    def break_off(self, reason: str) -> None:
        """Ends all that was asked; what is going on stays `busy` until its session is closed."""
        waiting, self._waiting = self._waiting, deque()
        for each in waiting:
            self._conclude(each, reason)
        if self._going_on:
            self._going_on.conversation.break_off(reason)

    def abandon(self, reason: str) -> None:
        """Ends all that was asked without an answer, because the port is gone."""
        asked = [self._going_on, *self._waiting] if self._going_on else list(self._waiting)
        self._going_on = None
        self._waiting.clear()
        for each in asked:
            self._conclude(each, reason)

    def _next(self, at_ms: int) -> _Asked | None:
        if self._setup and self._wants_setup(at_ms):
            # Nothing is written that may be so already: what has strayed, answers and reports show.
            asks = [ask for ask in self._setup if self._driver.strayed or not self._writes(ask)]
            self._next_setup_ms = at_ms
            if len(asks) == len(self._setup):
                self._next_setup_ms += self._setup_pause_ms
                self._setup_pause_ms = min(2 * self._setup_pause_ms, _LONGEST_SETUP_PAUSE_MS)
            return _Asked(Conversation(self._module, asks), self._set_up)
        return self._waiting.popleft() if self._waiting else None

    def _wanted(self, at_ms: int) -> bool:
        return bool(self._waiting) or (bool(self._setup) and self._wants_setup(at_ms))

    def _polling(self, at_ms: int) -> bytes:
        if sending := self._driver.outgoing(at_ms):
            self._polled_ms = at_ms
        return sending

    def _driver_asks(self, at_ms: int) -> bool:
        """Whether what the driver itself asked for may still be answered: on a shared line two would speak at once."""
        return self._polled_ms is not None and at_ms - self._polled_ms < self._module.SESSION.resend_ms

    def _wants_setup(self, at_ms: int) -> bool:
        strayed = self._driver.strayed
        if self._next_setup_ms is None:
            return strayed or not self._module.SESSION.when_strayed
        if not strayed:
            self._setup_pause_ms = _SETUP_PAUSE_MS
        return strayed and at_ms >= self._next_setup_ms

    def _writes(self, ask: Ask) -> bool:
        return self._module.COMMANDS[ask.command].writes

    def _set_up(self, outcome: Outcome) -> None:
        self.trouble = outcome.problem
        self.set_up = self.set_up or outcome.problem is None

    def _conclude(self, asked: _Asked, problem: str | None) -> None:
        conversation = asked.conversation
        for _, told in conversation.replies:
            self.firmware = told.get("firmware", self.firmware)
        asked.done(Outcome(conversation.replies, conversation.read_back, problem))
