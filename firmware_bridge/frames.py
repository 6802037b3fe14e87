"""Frames of several kinds, cut out of one stream: what drivers share whose device sends reports, text and answers.

An incomplete frame is kept, noise is dropped. A frame that fails is dropped by its first byte alone, for a good one may
lie inside what it claimed; a line of text that fails is dropped whole.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Generic, NamedTuple, TypeVar

from firmware_bridge.resync import Damage
from presence.errors import DamagedFrame

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

_TEXT_ENDS = re.compile(rb"\n|[^ -~\r]")


class FrameKind(NamedTuple, Generic[T_co]):
    """One kind of frame.

    `mark`: how it begins, a regular expression without groups, of at most `mark_length` bytes; it may look one byte
    back. `size`: a buffer and where in it the frame begins -> its whole size, None until enough has come to tell.
    `read`: a whole frame -> what it says, None for one that says nothing. Both raise DamagedFrame. `text`: a whole
    frame that fails is dropped whole.
    """

    mark: bytes
    mark_length: int
    size: Callable[[bytes, int], int | None]
    read: Callable[[bytes], T_co | None]
    text: bool = False


class FrameStream(Generic[T]):
    """The frames of one stream. What it gives depends on the bytes alone, not on how they are split."""

    def __init__(self, *kinds: FrameKind[T]) -> None:
        self._kinds = kinds
        self._marks = re.compile(b"|".join(b"(" + kind.mark + b")" for kind in kinds))
        self._longest_mark = max(kind.mark_length for kind in kinds)
        self._unread = b""
        self._from = 0  # where in `_unread` to go on: the byte before is kept for marks that look back
        self._offset = 0  # of `_unread` in all that was fed

    def feed(self, data: bytes) -> list[T | Damage]:
        """What the frames say that `data` completes, and damages, in their order."""
        buffer, at = self._unread + data, self._from
        results: list[T | Damage] = []
        while found := self._marks.search(buffer, at):
            at, kind = found.start(), self._kinds[(found.lastindex or 1) - 1]
            size = None
            try:
                size = kind.size(buffer, at)
                if size is None or at + size > len(buffer):
                    break
                said = kind.read(buffer[at : at + size])
            except DamagedFrame as damage:
                results.append(Damage(self._offset + at, damage.reason))
                at += size if size and kind.text else 1
                continue
            if said is not None:
                results.append(said)
            at += size
        else:
            at = max(at, len(buffer) - self._longest_mark + 1)
        kept = max(at - 1, 0)
        self._unread, self._from = buffer[kept:], at - kept
        self._offset += kept
        return results


def lines(words: tuple[bytes, ...], longest: int, read: Callable[[bytes], T | None]) -> FrameKind[T]:
    """Lines that begin with one of `words`; `read` gets them without CR LF or LF.

    A line begins after any byte that is no printable ASCII, such as the end of a binary frame. One that holds such a
    byte, or more than `longest` bytes without an end, is damaged: it was cut off, or was no text.
    """

    def size(buffer: bytes, at: int) -> int | None:
        end = _TEXT_ENDS.search(buffer, at, at + longest)
        if end is None:
            if len(buffer) - at >= longest:
                raise DamagedFrame(longest, f"no line end in {longest} bytes")
            return None
        if end.group() != b"\n":
            raise DamagedFrame(end.start() - at, f"byte {end.group().hex()} in a line of text")
        return end.end() - at

    mark = b"(?<![ -~])(?:" + b"|".join(re.escape(word) for word in words) + b")"
    longest_word = max(len(word) for word in words)
    return FrameKind(mark, longest_word, size, lambda line: read(line[:-1].removesuffix(b"\r")), text=True)
