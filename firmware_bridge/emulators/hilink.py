"""The device's end of Hi-Link command frames: sessions, and what is asked in them. Frames: `firmware_bridge.hilink`.

While a session is open, and for a while after a restart, a device says nothing by itself.
"""

from __future__ import annotations

from collections.abc import Callable

from firmware_bridge import hilink
from firmware_bridge.frames import FrameStream
from firmware_bridge.resync import Damage


class HostSession:
    """What an emulated device answers to its host. Outside a session it refuses.

    `greeting`: the value of the answer that opens a session. `obey`: word and value of a command -> the value of its
    answer, None to refuse. `unanswered`: words that are obeyed without an answer.
    """

    def __init__(
        self, greeting: bytes, obey: Callable[[int, bytes], bytes | None], *, unanswered: tuple[int, ...] = ()
    ) -> None:
        self.open = False
        self._greeting = greeting
        self._obey = obey
        self._unanswered = unanswered
        self._restart_ms = 0
        self._quiet_until_ms: int | None = None
        self._stream = FrameStream(hilink.commands(lambda frame: frame))

    def receive(self, data: bytes) -> bytes:
        """What the device answers to these bytes; commands may come in pieces."""
        frames = [frame for frame in self._stream.feed(data) if not isinstance(frame, Damage)]
        return b"".join(self._answer(frame.word, frame.value) for frame in frames)

    def restart(self, quiet_ms: int) -> None:
        """Ends the session; the device is quiet for so long from the next look on."""
        self.open = False
        self._restart_ms = quiet_ms

    def quiet(self, at_ms: int) -> bool:
        """Whether the device says nothing by itself at `at_ms`."""
        if self._restart_ms:
            self._quiet_until_ms, self._restart_ms = at_ms + self._restart_ms, 0
        return self.open or (self._quiet_until_ms is not None and at_ms < self._quiet_until_ms)

    def _answer(self, word: int, value: bytes) -> bytes:
        if word == hilink.ENABLE_CONFIG:
            self.open = True
            return hilink.reply_frame(word, self._greeting)
        told = self._said(word, value) if self.open else None
        if word in self._unanswered:
            return b""
        return hilink.reply_frame(word, told or b"", ok=told is not None)

    def _said(self, word: int, value: bytes) -> bytes | None:
        if word == hilink.END_CONFIG:
            self.open = False
            return b""
        return self._obey(word, value)
