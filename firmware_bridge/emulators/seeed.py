"""The device's side of Seeed's radars: reports of what has changed, heartbeats, answers.

Frames: `firmware_bridge.seeed`. After a restart it is quiet for two seconds, then reports everything anew.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping

from firmware_bridge import seeed
from firmware_bridge.emulators.target import Target
from firmware_bridge.frames import FrameStream
from firmware_bridge.resync import Damage
from firmware_bridge.seeed import ANSWER, PRESENCE, PRODUCT, QUERY, SYSTEM, Frame

_HEARTBEAT_MS = 60_000
_RESTART_MS = 2_000
_STATES = {"nobody": 0, "still": 1, "moving": 2}

# What a device could report, by control and command.
State = dict[tuple[int, int], bytes]


class Radar:
    """What both models do alike.

    `identity`: text by command of PRODUCT. `answer`: the data of the answer to what one model knows besides, None to
    stay silent.
    """

    def __init__(self, identity: Mapping[int, str], answer: Callable[[Frame], bytes | None]) -> None:
        self._identity = identity
        self._answer = answer
        self._stream = FrameStream(seeed.frames(seeed.parse_frame))
        self._reported: State = {}
        self.restarting = False
        self._quiet_until_ms: int | None = None
        self._heartbeat_ms: int | None = None

    def report(self, at_ms: int, state: State, besides: bytes = b"") -> bytes:
        """Frames for what differs from what was reported last, then `besides`, and the heartbeat when it is due."""
        if self.restarting:
            self.restarting = False
            self._quiet_until_ms = at_ms + _RESTART_MS
            self._reported = {}
        if self._quiet_until_ms is not None and at_ms < self._quiet_until_ms:
            return b""
        changed = [key for key, data in state.items() if self._reported.get(key) != data]
        self._reported = state
        said = b"".join(seeed.frame(*key, state[key]) for key in changed) + besides
        if self._heartbeat_ms is None:
            self._heartbeat_ms = at_ms
        if at_ms - self._heartbeat_ms >= _HEARTBEAT_MS:
            self._heartbeat_ms = at_ms
            said += seeed.frame(SYSTEM, seeed.HEARTBEAT, QUERY)
        return said

    def receive(self, data: bytes, state: State) -> bytes:
        """What it answers to these bytes; questions may come in pieces."""
        asked = [frame for frame in self._stream.feed(data) if not isinstance(frame, Damage)]
        answers = [(frame, self._told(frame, state)) for frame in asked]
        return b"".join(seeed.frame(asked.control, asked.command, told) for asked, told in answers if told is not None)

    def _told(self, asked: Frame, state: State) -> bytes | None:
        control, command, data = asked
        if control == SYSTEM and command in (seeed.HEARTBEAT, seeed.RESTART):
            self.restarting = self.restarting or command == seeed.RESTART
            return data
        if control == PRODUCT and command in self._identity:
            return self._identity[command].encode()
        if control == PRESENCE and command & ANSWER and (control, command & ~ANSWER) in state:
            return state[control, command & ~ANSWER]
        return self._answer(asked)


def presence(target: Target, noise: random.Random) -> State:
    """Who is there, whether in motion, and how much."""
    movement = {"nobody": 0, "still": noise.randint(1, 8), "moving": target.energy + noise.randint(0, 9)}[target.state]
    return {
        (PRESENCE, 0x01): bytes((target.state != "nobody",)),
        (PRESENCE, 0x02): bytes((_STATES[target.state],)),
        (PRESENCE, 0x03): bytes((min(movement, 100),)),
    }
