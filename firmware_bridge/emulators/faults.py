"""Faults on demand: any emulated device with a bad cable, a bad supply, or a mind of its own.

Each fault is switched by its rate, at any time: 0 never, 1 always. What a seed does it does again. Everything that was
done is counted, so that a test can say: what was lost and what was stored are what was sent.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from firmware_bridge.emulators import Emulator
from firmware_bridge.emulators.target import Target

# What a wrong rate makes of any frame.
_WRONG_RATE = bytes((0x00, 0x00, 0x80, 0xFE, 0xFF, 0xFF, 0xF8, 0xE0))
_LONGEST_NOISE = 40


@dataclass(slots=True)
class Rates:
    """How often what happens, from 0 to 1: of frames, but for `reset`, of reports, and `stuck`, of commands.

    `cut`: a frame ends too early. `noise`: bytes of nobody before a frame. `flip`: one bit is wrong. `wrong_baud`: it
    is garbled as by a wrong rate. `silence`: it does not come at all. `reset`: the device starts anew, as it was
    delivered, with its mode and settings lost. `stuck`: a command is neither obeyed nor answered.
    """

    cut: float = 0.0
    noise: float = 0.0
    flip: float = 0.0
    wrong_baud: float = 0.0
    silence: float = 0.0
    reset: float = 0.0
    stuck: float = 0.0


@dataclass(slots=True)
class Done:
    """What was done so far. Of all frames that the device gave, `whole` came through, others `damaged`, or `silenced`.

    `noises`: before how many of them there was noise, which damages none in itself.
    """

    whole: int = 0
    damaged: int = 0
    silenced: int = 0
    noises: int = 0
    resets: int = 0
    stuck: int = 0

    @property
    def sent(self) -> int:
        return self.whole + self.damaged + self.silenced


def one_frame(said: bytes) -> Sequence[bytes]:
    """For devices that give one frame at a time."""
    return (said,) if said else ()


def lines(said: bytes) -> Sequence[bytes]:
    """For those that give lines, several at a time."""
    return said.splitlines(keepends=True)


@dataclass(slots=True)
class Faulty:
    """An emulator in the place of another one, `emulator`, which is new and speaks through it.

    `frames`: takes what the device gives at a time apart. `rates` may be changed at any time.
    """

    emulator: Emulator
    seed: int
    rates: Rates = field(default_factory=Rates)
    frames: Callable[[bytes], Sequence[bytes]] = one_frame
    done: Done = field(default_factory=Done, init=False)
    _random: random.Random = field(init=False)
    _delivered: Emulator = field(init=False)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)  # noqa: S311
        self._delivered = copy.deepcopy(self.emulator)

    @property
    def target(self) -> Target:
        return self.emulator.target

    @target.setter
    def target(self, target: Target) -> None:
        self.emulator.target = target

    def report(self, at_ms: int) -> bytes:
        """What comes of the device's report."""
        if self._happens(self.rates.reset):
            self.done.resets += 1
            self.emulator, target = copy.deepcopy(self._delivered), self.emulator.target
            self.emulator.target = target
        return self._sent(self.emulator.report(at_ms))

    def receive(self, data: bytes) -> bytes:
        """What comes of its answer."""
        if self._happens(self.rates.stuck):
            self.done.stuck += 1
            return b""
        return self._sent(self.emulator.receive(data))

    def _sent(self, said: bytes) -> bytes:
        return b"".join(self._through(frame) for frame in self.frames(said))

    def _through(self, frame: bytes) -> bytes:
        if self._happens(self.rates.silence):
            self.done.silenced += 1
            return b""
        noise = b""
        if self._happens(self.rates.noise):
            self.done.noises += 1
            noise = self._random.randbytes(self._random.randint(1, _LONGEST_NOISE))
        arriving = self._damaged(frame)
        if arriving == frame:
            self.done.whole += 1
        else:
            self.done.damaged += 1
        return noise + arriving

    def _damaged(self, frame: bytes) -> bytes:
        if self._happens(self.rates.wrong_baud):
            return bytes(self._random.choices(_WRONG_RATE, k=len(frame)))
        if self._happens(self.rates.flip):
            place = self._random.randrange(len(frame))
            wrong = frame[place] ^ 1 << self._random.randrange(8)
            frame = frame[:place] + bytes((wrong,)) + frame[place + 1 :]
        if self._happens(self.rates.cut):
            frame = frame[: self._random.randrange(len(frame))]
        return frame

    def _happens(self, rate: float) -> bool:
        # Drawn also for a rate of 0, so that one fault switched on does not move all others.
        return self._random.random() < rate
