"""HLK-LD2420, also sold as Waveshare HMMD and Ai-Thinker Rd-03: 24 GHz presence radar with 16 gates, 115200 baud.

    simple  ON | OFF | Range 153     a line each, CR LF or LF; the distance is in cm, one to four digits
    energy  F4 F3 F2 F1 | 23 00 | presence u8 | distance cm LE16 | 16 energies LE16 | F8 F7 F6 F5
    debug   AA BF 10 14 | 20 × 16 values LE32 | FD FC FB FA          no reading

A line of simple mode is a reading of its own. One that begins with a word of it and goes on otherwise is damaged, any
other is noise. Energies are raw. A debug frame ends as a command frame begins, so that it must be known as a whole. No
checksum. Boards with firmware before 1.5.3 leave the factory at 256000 baud; energy mode exists from 1.5.4 on. Some
units say nothing while nobody is there, and after a restart until the first change: they are asked for a sign of life.

Sources: esphome/esphome@33fdbbe components/ld2420; esphome/esphome issues 12607 and 13615; patrick3399/
Hi-Link_mmWave_Radar_ESPHome issue 14; Waveshare HMMD wiki.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from firmware_bridge import hilink
from firmware_bridge.commands import Arguments, Ask, Command, ReadBack, Session, Told
from firmware_bridge.conversation import Conversation
from firmware_bridge.frames import FrameKind, FrameStream, lines
from firmware_bridge.hilink import le16
from firmware_bridge.resync import Answer, Decoded, Result
from presence.errors import DamagedFrame

NAME: Final = "ld2420"
TITLE: Final = "HLK-LD2420, Waveshare HMMD, Ai-Thinker Rd-03: presence radar"
BAUD: Final = 115_200
SILENT_AFTER_MS: Final = 5_000
EXAMPLE: Final[Mapping[str, Any]] = {"mode": "energy"}

GATES: Final = 16
ENERGY_BODY: Final = struct.Struct(f"<BH{GATES}H")
DEBUG_HEADER: Final = b"\xaa\xbf\x10\x14"
DEBUG_TAIL: Final = b"\xfd\xfc\xfb\xfa"
DEBUG_VALUES: Final = 20 * 16
_DEBUG_SIZE = len(DEBUG_HEADER) + 4 * DEBUG_VALUES + len(DEBUG_TAIL)
_RANGE = re.compile(rb"Range ([0-9]{1,4})")
_LONGEST_LINE = 16
_QUIET_MS = 2_000  # it reports ten times a second otherwise

MODES: Final = {"energy": 0x04, "simple": 0x64, "debug": 0x00}
_CONFIGURABLE = {mode: MODES[mode] for mode in ("energy", "simple")}


class Ld2420:
    """Reports of one radar to readings. `mode`: energy or simple, whichever it shall be in; None: either will do."""

    def __init__(self, mode: str | None = None) -> None:
        self._mode = mode
        self._seen_mode: str | None = None
        self._sign_of_life = _SignOfLife()
        self._stream = FrameStream[Decoded | Answer](
            FrameKind(re.escape(DEBUG_HEADER), len(DEBUG_HEADER), lambda _, __: _DEBUG_SIZE, self._debug),
            hilink.reports((ENERGY_BODY.size,), self._energy),
            hilink.ANSWERS,
            lines((b"ON", b"OFF", b"Range"), _LONGEST_LINE, self._line),
        )

    def feed(self, data: bytes) -> Sequence[Result]:
        """Readings, damages and answers in the order of their frames; `data` in chunks of any size."""
        results = self._stream.feed(data)
        self._sign_of_life.seen(results)
        return results

    @property
    def strayed(self) -> bool:
        """Whether the newest report is of another mode than was asked for."""
        return self._mode is not None and self._seen_mode not in (None, self._mode)

    def outgoing(self, at_ms: int) -> bytes:
        """Nothing, unless it has been quiet for so long that it is asked whether it is there."""
        return self._sign_of_life.outgoing(at_ms)

    def _energy(self, body: bytes) -> Decoded:
        presence, cm, *energies = ENERGY_BODY.unpack(body)
        if presence > 1:
            raise DamagedFrame(0, f"presence {presence}")
        self._seen_mode = "energy"
        values = {"presence": float(presence), "distance": cm / 100}
        return Decoded(values | {f"strength_g{gate}": energy for gate, energy in enumerate(energies)})

    def _debug(self, whole: bytes) -> None:
        if not whole.endswith(DEBUG_TAIL):
            raise DamagedFrame(len(whole) - len(DEBUG_TAIL), "wrong tail of debug mode")
        self._seen_mode = "debug"

    def _line(self, line: bytes) -> Decoded:
        values = _simple_values(line)
        self._seen_mode = "simple"
        return Decoded(values)


def driver(config: Mapping[str, Any]) -> Ld2420:
    """`config`: `{"mode": "energy"}`, or "simple", or neither. Raises BadInput."""
    arguments = Arguments(NAME, "config", config)
    if arguments.given("mode"):
        arguments.choice("mode", _CONFIGURABLE)
    arguments.refuse_others()
    return Ld2420(config.get("mode"))


def setup(config: Mapping[str, Any]) -> Sequence[Ask]:
    """Nothing without a configured mode: the device is left as it is then."""
    match config.get("mode"):
        case None:
            return ()
        case mode:
            return Ask("read_firmware"), Ask("set_mode", {"mode": mode})


def _simple_values(line: bytes) -> dict[str, float]:
    """The quantity of one line of simple mode. Raises DamagedFrame."""
    if line in (b"ON", b"OFF"):
        return {"presence": float(line == b"ON")}
    if found := _RANGE.fullmatch(line):
        return {"distance": int(found[1]) / 100}
    raise DamagedFrame(0, f'unknown line "{line.decode("ascii", "replace")}"')


class _SignOfLife:
    """Asks a device that has been quiet for its firmware: whatever it answers says that it is there."""

    def __init__(self) -> None:
        self._heard = True
        self._heard_ms = 0
        self._asking: Conversation | None = None

    def seen(self, results: Sequence[Result]) -> None:
        for result in results:
            if isinstance(result, Answer) and self._asking:
                self._asking.answered(result.whole)
            self._heard = self._heard or isinstance(result, Answer | Decoded)

    def outgoing(self, at_ms: int) -> bytes:
        if self._heard:
            self._heard, self._heard_ms = False, at_ms
        if self._asking is None:
            if at_ms - self._heard_ms < _QUIET_MS:
                return b""
            self._asking = Conversation(_ITSELF, (Ask("read_firmware"),))
        sending = self._asking.due(at_ms)
        if not sending and self._asking.over:
            self._asking, self._heard_ms = None, at_ms
        return sending


# Commands: a word, what makes its value from the arguments, and what its reply's value tells. People set what they
# know by its name; `set_parameter` and `read_parameter` take the device's own numbers.

_HIGHEST = 0xFFFFFFFF
PARAMETERS: Final = {"min_gate": 0x00, "max_gate": 0x01, "timeout": 0x04}
THRESHOLDS: Final = {"move_threshold": 0x10, "still_threshold": 0x20}  # of gate 0; those of the others follow
_LIMITS = {"min_gate": GATES - 1, "max_gate": GATES - 1, "timeout": 0xFFFF}


def _firmware_told(value: bytes) -> Told:
    return {"firmware": hilink.text_in(value)}


def _id(args: Arguments) -> bytes:
    return le16(args.number("id", 0, 0xFFFF))


def _value_told(value: bytes) -> Told:
    return {"value": struct.unpack_from("<I", value)[0]}


def _named(name: str) -> dict[str, Command]:
    number = le16(PARAMETERS[name])

    def request(args: Arguments) -> bytes:
        return number + args.number("value", 0, _LIMITS[name]).to_bytes(4, "little")

    return {
        f"set_{name}": hilink.command(0x07, request, writes=True, read_back=ReadBack(f"read_{name}")),
        f"read_{name}": hilink.command(0x08, lambda _: number, _value_told),
    }


def _threshold(name: str) -> dict[str, Command]:
    def number(args: Arguments) -> bytes:
        return le16(THRESHOLDS[name] + args.number("gate", 0, GATES - 1))

    def request(args: Arguments) -> bytes:
        return number(args) + args.number("value", 0, _HIGHEST).to_bytes(4, "little")

    return {
        f"set_{name}": hilink.command(0x07, request, writes=True, read_back=ReadBack(f"read_{name}", ("gate",))),
        f"read_{name}": hilink.command(0x08, number, _value_told),
    }


def _parameter(args: Arguments) -> bytes:
    return _id(args) + args.number("value", 0, _HIGHEST).to_bytes(4, "little")


def _mode(args: Arguments) -> bytes:
    return struct.pack("<HI", 0, args.choice("mode", MODES))


COMMANDS: Final[Mapping[str, Command]] = {
    "enable_config": hilink.enable_config(2),
    "end_config": hilink.END,
    "read_firmware": hilink.command(0x00, told=_firmware_told),
    "read_serial_number": hilink.command(0x11, told=hilink.serial_number_told),
    # No command reads it; the reports show it.
    "set_mode": hilink.command(0x12, _mode, writes=True),
    "set_parameter": hilink.command(0x07, _parameter, writes=True, read_back=ReadBack("read_parameter", ("id",))),
    "read_parameter": hilink.command(0x08, _id, _value_told),
    **{command: what for name in PARAMETERS for command, what in _named(name).items()},
    **{command: what for name in THRESHOLDS for command, what in _threshold(name).items()},
    "restart": Command(lambda _: hilink.frame(0x68), None, restarts=True),
}
# The answer to read_firmware is slow.
SESSION: Final = Session(opening=hilink.SESSION.opening, closing=hilink.SESSION.closing, resend_ms=500)
# The serial number is left out: not every unit has one, and a refusal would end the conversation.
SETTINGS: Final = (
    Ask("read_firmware"),
    *(Ask("read_parameter", {"id": number}, name) for name, number in PARAMETERS.items()),
    *(
        Ask("read_parameter", {"id": first + gate}, f"{name}_g{gate}")
        for name, first in THRESHOLDS.items()
        for gate in range(GATES)
    ),
)


class _Itself(NamedTuple):
    NAME: str
    COMMANDS: Mapping[str, Command]
    SESSION: Session


_ITSELF = _Itself(NAME, COMMANDS, SESSION)
