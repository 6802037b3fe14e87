"""Commands sent to a device one at a time, each awaited, inside its session; time and answers are handed in.

A request that is not answered is sent again; when it stays unanswered or is refused, the session is closed, up to three
times, for one that is left open looks like a dead sensor. What was written is read back and compared.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from firmware_bridge.commands import Ask, Command, Commands, Told, command_of, decode_reply, difference, encode_command
from presence.errors import DamagedFrame

_CLOSING_TRIES = 3


class _Step(NamedTuple):
    """`written`: the ask that this one reads back."""

    ask: Ask
    part: Literal["opening", "asked", "saving", "closing"]
    written: Ask | None = None


class Conversation:
    """The commands `asks` to one device. Raises BadInput for one that cannot be written, before anything is sent.

    When it is `over`, `replies` has what each ask told, in order, `read_back` what the device told when it was asked
    what had been written, and `problem` in words what went wrong first.
    """

    def __init__(self, driver: Commands, asks: Sequence[Ask]) -> None:
        for ask in asks:
            encode_command(driver, ask.command, ask.args)
        self.problem: str | None = None
        self.replies: list[tuple[Ask, Told]] = []
        self.read_back: list[tuple[Ask, Told]] = []
        self._driver = driver
        self._session = driver.SESSION
        self._steps = deque(_steps(driver, asks))
        self._tries = 0
        self._written = False
        self._began_ms = self._sent_ms = 0
        # How long nothing is sent from the next look on, and until when that is.
        self._rest_ms = 0
        self._rest_until_ms: int | None = None

    @property
    def over(self) -> bool:
        return not self._steps and not self._rest_ms

    def due(self, at_ms: int) -> bytes:
        """What to write now, nothing while an answer is awaited. `at_ms`: of a clock that never steps."""
        if self._resting(at_ms) or not self._steps:
            return b""
        step = self._steps[0]
        command = command_of(self._driver, step.ask.command)
        if self._tries == 0:
            self._began_ms = at_ms
        elif at_ms - self._sent_ms < self._resend_ms(command):
            return b""
        elif step.part == "closing" and self._tries == _CLOSING_TRIES:
            self.problem = self.problem or "the session could not be closed"
            self._next()
            return self.due(at_ms)
        elif step.part != "closing" and at_ms - self._began_ms >= self._session.limit_ms:
            self._close(f"{step.ask.command} was not answered")
            return self.due(at_ms)
        self._tries += 1
        self._sent_ms = at_ms
        self._written = self._written or command.writes
        if command.reply is None:
            self._next()
        return encode_command(self._driver, step.ask.command, step.ask.args)

    def answered(self, whole: bytes) -> None:
        """Takes one answer; those to other commands, late ones, and those to one sent twice, change nothing."""
        if not self._tries or not self._steps:
            return
        step = self._steps[0]
        try:
            told = decode_reply(self._driver, step.ask.command, step.ask.args, whole)
        except DamagedFrame:
            return
        if not told["ok"] and not step.ask.optional:
            refused = f"{step.ask.command} was refused"
            if step.part != "closing":
                self._close(refused)
                return
            self.problem = self.problem or refused
        if step.written:
            self.read_back.append((step.ask, told))
            self._compare(step.written, told)
        elif step.part == "asked":
            self.replies.append((step.ask, told))
        self._next()

    def break_off(self, problem: str) -> None:
        """Ends it before its time, though not without closing a session that was opened."""
        if not self._steps or self._steps[0].part in ("saving", "closing"):
            return
        begun = self._tries or self._steps[0].part != "opening"
        self._close(problem)
        if not begun:
            self._steps.clear()

    def _resting(self, at_ms: int) -> bool:
        if self._rest_until_ms is None and self._rest_ms:
            self._rest_until_ms = at_ms + self._rest_ms
        if self._rest_until_ms is not None and at_ms < self._rest_until_ms:
            return True
        self._rest_ms, self._rest_until_ms = 0, None
        return False

    def _next(self) -> None:
        step = self._steps.popleft()
        command = command_of(self._driver, step.ask.command)
        self._rest_ms = max(self._session.pause_ms, command.settle_ms)
        if self._tries > 1:
            # Each sending may be answered, and an answer seldom says to which request of a kind. This one may be to the
            # first; then the last takes so much longer as it was sent later.
            self._rest_ms = max(self._rest_ms, self._resend_ms(command)) + self._sent_ms - self._began_ms
        if command.restarts:
            self._rest_ms = self._session.restart_ms
        self._tries = 0

    def _close(self, problem: str) -> None:
        self.problem = self.problem or problem
        self._tries = 0
        failed = self._steps[0].part
        self._steps.clear()
        if self._session.saved_to_close and self._written and failed != "saving":
            self._steps += [_Step(ask, "saving") for ask in self._session.saving]
        self._steps += [_Step(ask, "closing") for ask in self._session.closing]

    def _resend_ms(self, command: Command) -> int:
        return self._session.resend_ms if command.answer_ms is None else command.answer_ms

    def _compare(self, written: Ask, told: Told) -> None:
        read_back = command_of(self._driver, written.command).read_back
        if read_back and (found := difference(read_back, written.args, told)):
            self.problem = self.problem or f"{written.command} was acknowledged, but read back {found}"


def _steps(driver: Commands, asks: Sequence[Ask]) -> Iterator[_Step]:
    """A restart ends the session, so that nothing of it comes after."""
    session = driver.SESSION
    yield from (_Step(ask, "opening") for ask in session.opening)
    writes = False
    for ask in asks:
        command = command_of(driver, ask.command)
        if command.restarts and writes:
            yield from (_Step(ask, "saving") for ask in session.saving)
        yield _Step(ask, "asked")
        writes = writes or command.writes
        if command.read_back:
            args = {name: ask.args[name] for name in command.read_back.args if name in ask.args}
            yield _Step(Ask(command.read_back.command, args), "asked", written=ask)
        if command.restarts:
            return
    if writes:
        yield from (_Step(ask, "saving") for ask in session.saving)
    yield from (_Step(ask, "closing") for ask in session.closing)
