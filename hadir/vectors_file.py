"""Files of test vectors, a JSON list of objects: read, or told in one line with the place of what is wrong."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from hadir.output import json_line
from presence.errors import BadInput

# As msgspec says them.
_PLACE = re.compile(r" - at `\$\[(?P<at>\d+)\](?P<path>[^`]*)`$")
_BYTE = re.compile(r" \(byte (\d+)\)$")


class VectorsFile:
    """The file `name` and its list of `kind`; `example`: a folder with such files. Raises BadInput."""

    def __init__(self, name: str, kind: type[msgspec.Struct], example: str) -> None:
        self.name = name
        self._data = Path(name).read_bytes()
        try:
            self.vectors: list[Any] = msgspec.json.decode(self._data, type=list[kind])  # type: ignore[valid-type]
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise self._unread(str(error), f"write a JSON list as in {example}") from None

    def wrong(self, at: int, field: str, problem: str, remedy: str | None = None) -> BadInput:
        """What is wrong with `field` of the vector `at`, counted from 0."""
        path = f"[{at}].{field}" if field else f"[{at}]"
        return BadInput(self.name, problem, line=self._line(at), field=path, remedy=remedy)

    def bytes_of(self, text: str, at: int, field: str) -> bytes:
        """The bytes that `field` of the vector `at` writes in hexadecimal. Raises BadInput."""
        try:
            return bytes.fromhex(text)
        except ValueError:
            raise self.wrong(at, field, "no hexadecimal bytes", "write two digits 0-9 a-f a byte") from None

    def _unread(self, says: str, remedy: str) -> BadInput:
        if place := _PLACE.search(says):
            return self.wrong(int(place["at"]), place["path"].removeprefix("."), _PLACE.sub("", says), remedy)
        if byte := _BYTE.search(says):
            line = self._data.count(b"\n", 0, int(byte[1])) + 1
            return BadInput(self.name, _BYTE.sub("", says), line=line, remedy=remedy)
        return BadInput(self.name, says, remedy=remedy)

    def _line(self, at: int) -> int:
        """The line on which the object `at` of the list begins; the list is JSON."""
        text = self._data.decode()
        decoder = json.JSONDecoder()
        position = text.index("[")
        for _ in range(at):
            position = decoder.raw_decode(text, _next_value(text, position))[1]
        return text.count("\n", 0, _next_value(text, position)) + 1


def _next_value(text: str, after: int) -> int:
    """Where the next value begins, `after` a bracket or the value before."""
    while text[after] in "[, \t\r\n":
        after += 1
    return after


def told(lines: Iterable[dict[str, Any]]) -> int:
    """Prints them; status 1 when one is an error."""
    status = 0
    for line in lines:
        print(json_line(line))
        status |= "error" in line and "rejected" not in line
    return status


def without_source(error: BadInput) -> str:
    """The line names the vector, so the file need not stand in it too."""
    return str(error).removeprefix(f"{error.source}: ").removeprefix(f"{error.source}:")
