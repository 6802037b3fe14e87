"""Lines of printable text in a stream of bytes: what drivers of text protocols share by calling it.

A line begins with the first printable ASCII byte after the end of the one before: a port that is opened, a reset and a
wrong rate leave bytes before it that are none. It ends with LF or CR LF; any other control character but TAB and CR
breaks it, for no text protocol here has them.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_BEGIN = re.compile(rb"[ -~]")
_END = re.compile(rb"[\x00-\x08\n-\x0c\x0e-\x1f\x7f]")
_LF = 0x0A


class TextLine(NamedTuple):
    """`offset`: of its first byte, counted from the first ever fed. `body`: without CR LF. `broken`: why it is none."""

    offset: int
    body: bytes
    broken: str | None


class TextLines:
    """Cuts a stream into lines. `longest`: of a line, in bytes without CR LF; no more than that and a CR is kept."""

    def __init__(self, longest: int) -> None:
        self._longest = longest
        self._unread = b""
        self._offset = 0  # of `_unread`
        self._skipping = False  # to the end of a line that is too long

    def feed(self, data: bytes) -> list[TextLine]:
        """The lines that end in `data`, but empty ones; of one that is too long its beginning, as soon as it is."""
        buffer, at = self._unread + data, 0
        lines: list[TextLine] = []
        while True:
            if not self._skipping:
                begin = _BEGIN.search(buffer, at)
                at = begin.start() if begin else len(buffer)
            end = _END.search(buffer, at)
            if end is None:
                break
            if not self._skipping:
                lines.append(self._line(buffer, at, end.start()))
            self._skipping = False
            at = end.end()
        if not self._skipping and len(buffer) - at > self._longest + 1:
            lines.append(self._too_long(buffer, at))
            self._skipping = True
        if self._skipping:
            at = len(buffer)
        self._unread = buffer[at:]
        self._offset += at
        return lines

    def _line(self, buffer: bytes, at: int, end: int) -> TextLine:
        body = buffer[at:end].removesuffix(b"\r")
        if len(body) > self._longest:
            return self._too_long(buffer, at)
        broken = None if buffer[end] == _LF else f"broken by a byte {buffer[end]:02x}"
        return TextLine(self._offset + at, body, broken)

    def _too_long(self, buffer: bytes, at: int) -> TextLine:
        body = buffer[at : at + self._longest]
        return TextLine(self._offset + at, body, f"longer than {self._longest} bytes")
