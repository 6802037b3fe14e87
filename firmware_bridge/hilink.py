"""Command frames of the Hi-Link radars, and the conversation in which they are sent.

    send   FD FC FB FA | len LE16 | word LE16      | value               | 04 03 02 01
    reply  FD FC FB FA | len LE16 | word|0100 LE16 | status LE16 | value | 04 03 02 01     status 0 done, 1 refused

`len` counts word, status and value. A session opens with `enable config` and closes with `end config`; while it is open
no reports come, so one that is left open looks like a dead sensor.
Source: HLK-LD2410 serial protocol V1.02, 2.1 and 2.2; LD2410C V1.00; esphome/esphome@33fdbbe components/ld2410.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from presence.errors import DamagedFrame

HEADER = b"\xfd\xfc\xfb\xfa"
TAIL = b"\x04\x03\x02\x01"
OVERHEAD = len(HEADER) + 2 + len(TAIL)
SHORTEST, LONGEST = 2, 128  # of `len`

ENABLE_CONFIG, END_CONFIG = 0xFF, 0xFE
_REPLY = 0x0100

_RESEND_MS = 250
_STEP_LIMIT_MS = 2_000
_CLOSING_TRIES = 3


class Command(NamedTuple):
    """What a device is asked."""

    word: int
    value: bytes = b""


class Reply(NamedTuple):
    """What it answers. `word`: of the command, without the reply bit; `ok`: status 0."""

    word: int
    ok: bool
    value: bytes


def frame(word: int, value: bytes = b"") -> bytes:
    """The bytes on the wire for a command word and its value."""
    return HEADER + (2 + len(value)).to_bytes(2, "little") + word.to_bytes(2, "little") + value + TAIL


def reply_frame(word: int, value: bytes = b"", *, ok: bool = True) -> bytes:
    """The device's answer to `word`, as it stands on the wire."""
    return frame(word | _REPLY, (0 if ok else 1).to_bytes(2, "little") + value)


def parse_frame(whole: bytes) -> Command:
    """Word and value of one whole frame, either way. Raises DamagedFrame."""
    if not whole.startswith(HEADER) or len(whole) < OVERHEAD + SHORTEST:
        raise DamagedFrame(0, "no command frame")
    length = int.from_bytes(whole[4:6], "little")
    if length + OVERHEAD != len(whole) or not whole.endswith(TAIL):
        raise DamagedFrame(4, f"length {length} and tail do not fit")
    return Command(int.from_bytes(whole[6:8], "little"), whole[8:-4])


def reply_in(word: int, value: bytes) -> Reply | None:
    """The answer that a parsed frame holds; None for a command, such as the echo of ours."""
    if not word & _REPLY or len(value) < 2:
        return None
    return Reply(word & ~_REPLY, int.from_bytes(value[:2], "little") == 0, value[2:])


@dataclass
class Conversation:
    """Commands sent one at a time, each awaited, inside one session; time and answers are handed in.

    `due` gives the bytes to write now. A step that is not answered is sent again each 250 ms; after 2 s, or when it is
    refused, the session is closed, up to three times, and `problem` says what went wrong.
    """

    enable_value: bytes
    commands: Sequence[Command]
    problem: str | None = None
    replies: dict[int, Reply] = field(default_factory=dict)
    _step: int = 0
    _began_ms: int | None = None
    _sent_ms: int = 0
    _closings: int = 0

    def __post_init__(self) -> None:
        self._steps = (Command(ENABLE_CONFIG, self.enable_value), *self.commands, Command(END_CONFIG))

    @property
    def over(self) -> bool:
        return self._step == len(self._steps)

    def answered(self, reply: Reply) -> None:
        """Takes one answer; those to other commands, or to one sent twice, change nothing."""
        if self.over or reply.word != self._steps[self._step].word:
            return
        self.replies[reply.word] = reply
        self._began_ms = None
        if reply.ok or reply.word == END_CONFIG:
            self._step += 1
        else:
            self._close(f"command {reply.word:02x} was refused")

    def due(self, at_ms: int) -> bytes:
        """What to write at `at_ms`; empty while an answer is awaited, and when all is over."""
        if self.over:
            return b""
        if self._began_ms is None:
            self._began_ms = at_ms
        elif at_ms - self._sent_ms < _RESEND_MS:
            return b""
        closing = self._step == len(self._steps) - 1
        if closing and self._closings == _CLOSING_TRIES:
            self.problem = self.problem or "the session could not be closed"
            self._step += 1
            return b""
        if not closing and at_ms - self._began_ms >= _STEP_LIMIT_MS:
            self._close(f"command {self._steps[self._step].word:02x} was not answered")
            return self.due(at_ms)
        self._closings += closing
        self._sent_ms = at_ms
        return frame(*self._steps[self._step])

    def _close(self, problem: str) -> None:
        self.problem = problem
        self._began_ms = None
        self._step = len(self._steps) - 1
