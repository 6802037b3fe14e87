"""Lines of JSON from a board of one's own (Arduino, ESP32, Raspberry Pi Pico): docs/ndjson.md is its description.

    {"presence":true,"distance":1.25}
    {"sensor":"dk1-radar","presence":1,"seq":1042,"crc":"FA91"}

One object a line, at most 1024 bytes of UTF-8, ended by LF or CR LF. Keys are quantities in Hadir's units; `sensor`
names the part; `seq` is the board's running number of its lines; `crc`, always the last key, is CRC-16/MODBUS over all
bytes of the line before the comma in front of it. Unknown keys are dropped, null is absent, of a repeated key the last
counts. A line that begins with anything but `{` is noise, such as boot text.

Source: a convention of our own.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from firmware_bridge.commands import Ask, Command, Session
from firmware_bridge.crc16 import crc16
from firmware_bridge.resync import Damage, Decoded, Gap, Result
from firmware_bridge.text_lines import TextLines
from presence.errors import BadInput, DamagedFrame
from presence.quantities import quantity

NAME: Final = "ndjson"
TITLE: Final = "Boards of one's own (Arduino, ESP32): JSON lines"
BAUD: Final = 115_200
SILENT_AFTER_MS: Final = 30_000
EXAMPLE: Final[Mapping[str, Any]] = {}
COMMANDS: Final[Mapping[str, Command]] = {}
SESSION: Final = Session()
SETTINGS: Final[Sequence[Ask]] = ()

LONGEST: Final = 1024
_BLANKS = b" \t\r"
_SEALED = re.compile(rb'(\{.*),[ \t]*"crc"[ \t]*:[ \t]*"([0-9A-Fa-f]{4})"[ \t]*\}', re.DOTALL)
# The bridge says these of a reading itself.
_OURS = frozenset(("online", "seq", "boot"))
# A number that goes on further than this is a new count, as one that goes back is.
_WIDEST_GAP = 100_000


class Ndjson:
    """The lines of one board to readings."""

    strayed = False

    def __init__(self) -> None:
        self._lines = TextLines(LONGEST)
        self._seq: int | None = None

    def feed(self, data: bytes) -> list[Result]:
        """Readings, damages and gaps in the order of their lines; `data` in chunks of any size."""
        results: list[Result] = []
        for line in self._lines.feed(data):
            body = line.body.strip(_BLANKS)
            if not body.startswith(b"{"):
                continue
            try:
                if line.broken:
                    raise DamagedFrame(0, line.broken)
                results += self._understood(body)
            except DamagedFrame as damage:
                results.append(Damage(line.offset, damage.reason))
        return results

    def outgoing(self, at_ms: int) -> bytes:
        """Nothing: it speaks by itself."""
        return b""

    def _understood(self, body: bytes) -> list[Result]:
        said = _object(body)
        if said.get("crc") is not None:
            _check_seal(body)
        seq = _whole_number("seq", said.get("seq"))
        part = said.get("sensor")
        if part is not None and not isinstance(part, str):
            raise DamagedFrame(0, "sensor is no text")
        values = {name: _value(name, found) for name, found in said.items() if found is not None and _wanted(name)}
        results: list[Result] = []
        if lost := self._missing_before(seq):
            results.append(Gap(lost))
        if values:
            results.append(Decoded(values, part))
        return results

    def _missing_before(self, seq: int | None) -> int:
        if seq is None:
            return 0
        before, self._seq = self._seq, seq
        lost = 0 if before is None else seq - before - 1
        return lost if 0 < lost <= _WIDEST_GAP else 0


def driver(config: Mapping[str, Any]) -> Ndjson:
    """`config`: empty. Raises BadInput."""
    for key in config:
        raise BadInput(NAME, "not known", field=f"config.{key}", remedy="leave it out: this driver has no settings")
    return Ndjson()


def setup(config: Mapping[str, Any]) -> Sequence[Ask]:
    """Nothing: it takes no commands."""
    return ()


def seal(body: bytes) -> bytes:
    """An object with its `crc` added. `body`: from `{` to `}`, with at least one key."""
    unsealed = body.removesuffix(b"}")
    return unsealed + b',"crc":"%04X"}' % crc16(unsealed)


def _object(body: bytes) -> dict[str, Any]:
    try:
        said = msgspec.json.decode(body.decode())
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise DamagedFrame(0, "no JSON object") from None
    if not isinstance(said, dict):
        raise DamagedFrame(0, "no JSON object")
    return said


def _check_seal(body: bytes) -> None:
    sealed = _SEALED.fullmatch(body)
    if sealed is None:
        raise DamagedFrame(0, "crc is not the last key, or not four hexadecimal digits")
    if crc16(sealed[1]) != int(sealed[2], 16):
        raise DamagedFrame(0, f"crc {sealed[2].decode()} does not fit")


def _wanted(name: str) -> bool:
    return name not in _OURS and quantity(name) is not None


def _whole_number(name: str, found: Any) -> int | None:
    if found is not None and type(found) is not int:
        raise DamagedFrame(0, f"{name} is no whole number")
    return found


def _value(name: str, found: Any) -> float:
    known = quantity(name)
    if known and known.truth:
        if found in (0, 1) and not isinstance(found, str):
            return float(found)
        raise DamagedFrame(0, f"{name} is neither true nor false")
    if type(found) not in (int, float) or not abs(found) <= sys.float_info.max:
        raise DamagedFrame(0, f"{name} is no number")
    return float(found)
