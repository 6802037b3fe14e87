"""Raw bytes of a port with their times, as JSON lines: one line that says what was recorded, then one a chunk.

    {"recording":1,"port":"/dev/ttyUSB0","driver":"ld2410","baud":256000,"began":"2026-11-24T03:12:07.250Z"}
    {"t":0.104,"hex":"f4f3f2f1…"}

`t`: seconds since `began`, when the chunk was read. `driver` is null when only the rate was known.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple, TypeVar

import msgspec

from presence.errors import BadInput
from presence.instants import parse_instant, rfc3339

VERSION = 1
_T = TypeVar("_T")
_REMEDY = "name a file that `hadir bridge record` wrote"


class Recording(msgspec.Struct, frozen=True):
    """What was recorded. `began`: RFC 3339."""

    port: str
    baud: int
    began: str
    driver: str | None = None
    recording: int = VERSION

    @property
    def began_ms(self) -> int:
        return parse_instant(self.began)


class Chunk(NamedTuple):
    """`data` was read `at_s` after the beginning."""

    at_s: float
    data: bytes


class _Line(msgspec.Struct):
    t: float
    hex: str


def header_line(*, port: str, driver: str | None, baud: int, began_ms: int) -> str:
    """The first line of a recording."""
    return msgspec.json.encode(
        {"recording": VERSION, "port": port, "driver": driver, "baud": baud, "began": rfc3339(began_ms)}
    ).decode()


def chunk_line(chunk: Chunk) -> str:
    """The line of `chunk`."""
    return f'{{"t":{chunk.at_s:.3f},"hex":"{chunk.data.hex()}"}}'


def read_recording(lines: Iterable[str], source: str) -> tuple[Recording, Iterator[Chunk]]:
    """What was recorded, and its chunks, read as they are asked for. Both raise BadInput with the line."""
    numbered = enumerate(lines, 1)
    number, first = next(numbered, (1, ""))
    recording = _parsed(first, Recording, source, number)
    if recording.recording != VERSION:
        raise BadInput(source, f"form {recording.recording} is not known here", line=1, remedy="install a newer Hadir")
    try:
        parse_instant(recording.began)
    except ValueError as error:
        raise BadInput(source, str(error), line=1, field="began") from None
    return recording, _chunks(numbered, source)


def _chunks(numbered: Iterable[tuple[int, str]], source: str) -> Iterator[Chunk]:
    newest_s = 0.0
    for number, text in numbered:
        if not text.strip():
            continue
        line = _parsed(text, _Line, source, number)
        if line.t < newest_s:
            raise BadInput(source, f"{line.t} s comes after {newest_s} s", line=number, field="t", remedy=_REMEDY)
        newest_s = line.t
        try:
            yield Chunk(line.t, bytes.fromhex(line.hex))
        except ValueError:
            raise BadInput(source, "no hexadecimal bytes", line=number, field="hex", remedy=_REMEDY) from None


def _parsed(text: str, kind: type[_T], source: str, number: int) -> _T:
    try:
        return msgspec.json.decode(text, type=kind)
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        raise BadInput(source, f"no recording: {error}", line=number, remedy=_REMEDY) from None
