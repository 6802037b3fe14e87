"""Benewake TFmini, TFmini-S, TFmini Plus, TF-Luna: distance by light, 115200 baud, 100 reports a second as delivered.

    report   59 59 | distance cm LE16 | strength LE16 | temperature LE16 | sum
    answer   5A | len of all | id | … | sum             sum: low byte of the sum of all bytes before it

The distance says nothing when the strength is below 100 or 65535, or when it is itself 65532 or more (ambient light,
saturated, weak). Temperature = raw / 8 - 256 °C; the first TFmini has other bytes there, which make no possible one.
59 59 and 5A are common in payloads: only the sum decides. A change is answered with its own bytes, and is lost at
power-off until it is saved. The rate cannot be asked for: it is counted.

Sources: TFmini Plus, TFmini-S, TF-Luna product manuals; budryerson/TFMini-Plus@90f1fcd.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from firmware_bridge.commands import Arguments, Ask, Command, Session, Told
from firmware_bridge.resync import Answer, Damage, Decoded, Result, next_header
from presence.errors import BadInput, DamagedFrame

NAME: Final = "tfmini"
TITLE: Final = "Benewake TFmini, TFmini-S, TFmini Plus, TF-Luna: distance by light"
BAUD: Final = 115_200
SILENT_AFTER_MS: Final = 5_000
EXAMPLE: Final[Mapping[str, Any]] = {"hz": 10}

REPORT_HEADER: Final = b"\x59\x59"
_ANSWER_MARK: Final = 0x5A
_SHORTEST_ANSWER = 4
REPORT_LENGTH: Final = 9
COMMAND_START: Final = re.compile(b"\x5a[\x04-\x08]")
_HEADERS = re.compile(b"\x59\x59|" + COMMAND_START.pattern)
_HEADER_LENGTH = 2
_REPORT = struct.Struct("<xxHHHx")

_WEAKEST, _OVERFLOW, _FIRST_ERROR_CM = 100, 65_535, 65_532
_COLDEST, _WARMEST = -40.0, 125.0

# At 9600 baud, the slowest, no more than 100 reports a second have room.
_MOST_HZ = 100
_COUNTED = 20
_SHORTEST_COUNT_MS, _LONGEST_GAP_MS = 3_000, 1_000
_STRAYED = 1.5


class Tfmini:
    """Reports of one sensor to readings. `hz`: how many a second it shall send; None: any number."""

    def __init__(self, hz: int | None = None) -> None:
        self._hz = hz
        self._reports = 0
        self._since_ms = self._looked_ms = 0
        self._counting = self._strayed = False
        self._unread = b""
        self._offset = 0  # of `_unread` in all that was fed

    @property
    def strayed(self) -> bool:
        """Whether the last count found quite another rate than was asked for; silence is no rate."""
        return self._strayed

    def outgoing(self, at_ms: int) -> bytes:
        """Nothing: it speaks by itself. Its reports are counted from one call to another."""
        if self._hz is None:
            return b""
        took_ms = at_ms - self._since_ms
        if not self._counting or at_ms - self._looked_ms > _LONGEST_GAP_MS:
            self._counting, self._since_ms, self._reports = True, at_ms, 0
        elif took_ms >= max(_SHORTEST_COUNT_MS, _COUNTED * 1000 // self._hz):
            ratio = self._reports * 1000 / took_ms / self._hz
            self._strayed = ratio > 0 and not 1 / _STRAYED <= ratio <= _STRAYED
            self._since_ms, self._reports = at_ms, 0
        self._looked_ms = at_ms
        return b""

    def feed(self, data: bytes) -> list[Result]:
        """Readings, damages and answers in the order of their frames; `data` in chunks of any size."""
        buffer = self._unread + data
        at, end = 0, len(buffer)
        results: list[Result] = []
        while (at := next_header(_HEADERS, _HEADER_LENGTH, buffer, at)) + _HEADER_LENGTH <= end:
            report = buffer[at] == REPORT_HEADER[0]
            length = REPORT_LENGTH if report else buffer[at + 1]
            if at + length > end:
                break
            whole = buffer[at : at + length]
            if not is_sound(whole):
                results.append(Damage(self._offset + at, "wrong sum"))
                at += 1
                continue
            results.append(Decoded(_values(whole)) if report else Answer(whole))
            self._reports += report
            at += length
        self._unread = buffer[at:]
        self._offset += at
        return results


def driver(config: Mapping[str, Any]) -> Tfmini:
    """`config`: `{"hz": 10}`, from 1 to 100, or nothing. Raises BadInput."""
    for key in config:
        if key != "hz":
            raise BadInput(NAME, "not known", field=f"config.{key}", remedy="known: hz")
    hz = config.get("hz")
    if hz is not None and (type(hz) is not int or not 1 <= hz <= _MOST_HZ):
        remedy = f"give a whole number from 1 to {_MOST_HZ}"
        raise BadInput(NAME, f"{hz!r} cannot be used", field="config.hz", remedy=remedy)
    return Tfmini(hz)


def setup(config: Mapping[str, Any]) -> Sequence[Ask]:
    """The configured rate, once another one was counted; nothing without one: the device is left alone then."""
    if config.get("hz") is None:
        return ()
    return Ask("read_firmware"), Ask("set_frame_rate", {"hz": config["hz"]})


def is_sound(whole: bytes) -> bool:
    """Whether the last byte is the sum of those before it."""
    return sum(whole[:-1]) & 0xFF == whole[-1]


def with_sum(frame: bytes) -> bytes:
    return frame + bytes((sum(frame) & 0xFF,))


def _values(whole: bytes) -> dict[str, float]:
    distance_cm, strength, raw = _REPORT.unpack(whole)
    values: dict[str, float] = {"strength": strength}
    if _WEAKEST <= strength < _OVERFLOW and distance_cm < _FIRST_ERROR_CM:
        values["distance"] = distance_cm / 100
    if _COLDEST <= (temperature := raw / 8 - 256) <= _WARMEST:
        values["temperature"] = temperature
    return values


# Commands: 5A, the length of the whole, a number, what it takes, the sum.

VERSION, RATE, TRIGGER, FORMAT, BAUD_RATE, OUTPUT, SAVE = 0x01, 0x03, 0x04, 0x05, 0x06, 0x07, 0x11
_BAUDS = (9_600, 14_400, 19_200, 38_400, 56_000, 57_600, 115_200, 230_400, 256_000, 460_800, 921_600)
_SAVE_MS = 1_000


def frame(word: int, value: bytes = b"") -> bytes:
    """A request or an answer, as it stands on the wire."""
    return with_sum(bytes((_ANSWER_MARK, len(value) + _SHORTEST_ANSWER, word)) + value)


def value_of(whole: bytes, word: int) -> bytes:
    """What an answer to `word` holds. Raises DamagedFrame."""
    if len(whole) < _SHORTEST_ANSWER or whole[0] != _ANSWER_MARK or whole[1] != len(whole) or not is_sound(whole):
        raise DamagedFrame(0, "no whole answer")
    if whole[2] != word:
        raise DamagedFrame(2, f"no answer to {word:02x}")
    return whole[3:-1]


def _version(whole: bytes, _: object) -> Told:
    value = value_of(whole, VERSION)
    if len(value) != 3:
        raise DamagedFrame(3, f"{value.hex()} is no version")
    return {"ok": True, "firmware": ".".join(str(part) for part in reversed(value))}


def _saved(whole: bytes, _: object) -> Told:
    value = value_of(whole, SAVE)
    if len(value) != 1:
        raise DamagedFrame(3, f"{value.hex()} is no status")
    return {"ok": value == b"\0"}


def _setting(word: int, value: Callable[[Arguments], bytes]) -> Command:
    """One that is done when it is answered with its own value, and refused when with another."""

    def reply(whole: bytes, args: Mapping[str, Any]) -> Told:
        return {"ok": value_of(whole, word) == value(Arguments(NAME, "", args))}

    return Command(lambda args: frame(word, value(args)), reply, writes=True)


COMMANDS: Final[Mapping[str, Command]] = {
    "read_firmware": Command(lambda _: frame(VERSION), _version),
    "set_frame_rate": _setting(RATE, lambda args: args.number("hz", 0, 1_000).to_bytes(2, "little")),
    # At a rate of 0; what comes is a report.
    "trigger": Command(lambda _: frame(TRIGGER), None),
    # The other formats would be read as centimetres.
    "set_format": _setting(FORMAT, lambda args: bytes((args.choice("format", {"cm": 1}),))),
    "set_baud": _setting(
        BAUD_RATE, lambda args: args.choice("baud", {baud: baud for baud in _BAUDS}).to_bytes(4, "little")
    ),
    "set_output": _setting(OUTPUT, lambda args: bytes((args.choice("on", {True: 1, False: 0}),))),
    "save": Command(lambda _: frame(SAVE), _saved, answer_ms=_SAVE_MS),
}
SESSION: Final = Session(saving=(Ask("save"),), when_strayed=True)
SETTINGS: Final = (Ask("read_firmware"),)
