"""HLK-LD2402: 24 GHz presence radar with 16 gates, 115200 baud, six reports a second.

    text          distance:158 | OFF     a line each, CR LF; in cm; as delivered
    engineering   F4 F3 F2 F1 | 83 00 | state | distance cm LE16 | 16 motion, 16 micro-motion LE32 | F8 F7 F6 F5

State: 0 nobody, 1 moving, 2 still, 3 both; above is damage. A line of text does not tell who moves from who is still.
Energies are raw. The mode acts when the session ends, and is lost with the power, as is every parameter that was not
saved. The value of the mode has six bytes: four silence the module. No checksum. The micro-motion threshold of gate 15
is said not to survive a power-off even when saved.

Sources: HLK-LD2402 manual V1.08 and V1.09 as read by g0urav2410/LD2402@a7de8e8 and wedsamuel1230/LD2402@b05837b;
stels2250/hlk_ld2402_esphome@410af88.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping, Sequence
from typing import Any, Final

from firmware_bridge import hilink
from firmware_bridge.commands import Arguments, Ask, Command, ReadBack, Session, Told
from firmware_bridge.frames import FrameStream, lines
from firmware_bridge.hilink import le16
from firmware_bridge.resync import Answer, Decoded, Result
from firmware_bridge.waking import Waking
from presence.errors import DamagedFrame

NAME: Final = "ld2402"
TITLE: Final = "HLK-LD2402: presence radar with 16 gates, up to 10 m"
BAUD: Final = 115_200
SILENT_AFTER_MS: Final = 5_000
EXAMPLE: Final[Mapping[str, Any]] = {"mode": "engineering"}

GATES: Final = 16
BODY: Final = struct.Struct(f"<BH{2 * GATES}I")
MODES: Final = {"engineering": 0x04, "text": 0x64}
_STATES = ((0.0, 0.0, 0.0), (1.0, 1.0, 0.0), (1.0, 0.0, 1.0), (1.0, 1.0, 1.0))  # presence, moving, still
_DISTANCE = re.compile(rb"distance *: *([0-9]{1,5})")
_LONGEST_LINE = 24


class Ld2402:
    """Reports of one radar to readings. `mode`: engineering or text, whichever it shall be in; None: either will do."""

    def __init__(self, mode: str | None = None) -> None:
        self._mode = mode
        self._seen_mode: str | None = None
        self._waking = Waking(hilink.END_SESSION)
        self._stream = FrameStream[Decoded | Answer](
            hilink.reports((BODY.size,), self._report),
            hilink.ANSWERS,
            lines((b"distance", b"OFF"), _LONGEST_LINE, self._line),
        )

    def feed(self, data: bytes) -> Sequence[Result]:
        """Readings, damages and answers in the order of their frames; `data` in chunks of any size."""
        results = self._stream.feed(data)
        self._waking.seen(results)
        return results

    @property
    def strayed(self) -> bool:
        """Whether the newest report is of the other mode than was asked for."""
        return self._mode is not None and self._seen_mode not in (None, self._mode)

    def outgoing(self, at_ms: int) -> bytes:
        """An end of its session for one that has been silent for long, else nothing: it speaks by itself."""
        return self._waking.outgoing(at_ms)

    def _report(self, body: bytes) -> Decoded:
        state, cm, *energies = BODY.unpack(body)
        if state >= len(_STATES):
            raise DamagedFrame(0, f"unknown state {state}")
        self._seen_mode = "engineering"
        presence, moving, still = _STATES[state]
        values: dict[str, float] = {"presence": presence, "moving": moving, "still": still, "distance": cm / 100}
        values |= {f"moving_strength_g{gate}": energies[gate] for gate in range(GATES)}
        values |= {f"still_strength_g{gate}": energies[GATES + gate] for gate in range(GATES)}
        return Decoded(values)

    def _line(self, line: bytes) -> Decoded:
        values = _values_of_line(line)
        self._seen_mode = "text"
        return Decoded(values)


def _values_of_line(line: bytes) -> dict[str, float]:
    """The quantities of one line of text. Raises DamagedFrame."""
    if line == b"OFF":
        return {"presence": 0.0}
    if found := _DISTANCE.fullmatch(line):
        return {"presence": 1.0, "distance": int(found[1]) / 100}
    raise DamagedFrame(0, f'unknown line "{line.decode("ascii", "replace")}"')


def driver(config: Mapping[str, Any]) -> Ld2402:
    """`config`: `{"mode": "engineering"}`, or "text", or neither. Raises BadInput."""
    arguments = Arguments(NAME, "config", config)
    if arguments.given("mode"):
        arguments.choice("mode", MODES)
    arguments.refuse_others()
    return Ld2402(config.get("mode"))


def setup(config: Mapping[str, Any]) -> Sequence[Ask]:
    """Nothing without a configured mode: the device is left as it is then."""
    match config.get("mode"):
        case None:
            return ()
        case mode:
            return Ask("read_firmware"), Ask("set_mode", {"mode": mode})


# Commands: a word, what makes its value from the arguments, and what its reply's value tells. Parameters have numbers;
# thresholds are raw, 10^(dB/10), of gate 0 under the number given here, of the others under those that follow.

MAX_DISTANCE, TIMEOUT, SUPPLY_INTERFERENCE = 0x01, 0x04, 0x05  # 0.1 m; s; 0 not judged, 1 none, 2 there is some
THRESHOLDS: Final = {"move_threshold": 0x10, "still_threshold": 0x30}
_HIGHEST = 0xFFFFFFFF
_LIMITS = {MAX_DISTANCE: (7, 100), TIMEOUT: (0, 0xFFFF)} | {
    first + gate: (0, _HIGHEST) for first in THRESHOLDS.values() for gate in range(GATES)
}
_WRITABLE = {number: number for number in _LIMITS}
_READABLE = _WRITABLE | {SUPPLY_INTERFERENCE: SUPPLY_INTERFERENCE}
_FACTORS = ("move", "hold", "still")
_SAVING_MS = 500


def _firmware_told(value: bytes) -> Told:
    return {"firmware": hilink.text_in(value)}


def _mode(args: Arguments) -> bytes:
    return struct.pack("<HI", 0, args.choice("mode", MODES))


def _parameter(args: Arguments) -> bytes:
    number = args.choice("id", _WRITABLE)
    return struct.pack("<HI", number, args.number("value", *_LIMITS[number]))


def _value_told(value: bytes) -> Told:
    return {"value": struct.unpack_from("<I", value)[0]}


def _auto_threshold(args: Arguments) -> bytes:
    """How far above the noise of the empty room each threshold is to be; the device takes tenths."""
    return struct.pack("<3H", *(10 * args.number(name, 1, 20) for name in _FACTORS))


def _progress_told(value: bytes) -> Told:
    return {"percent": struct.unpack_from("<H", value)[0]}


COMMANDS: Final[Mapping[str, Command]] = {
    "enable_config": hilink.enable_config(2),
    "end_config": hilink.END,
    "read_firmware": hilink.command(0x00, told=_firmware_told),
    "read_serial_number": hilink.command(0x11, told=hilink.serial_number_told),
    # No command reads it; the reports show it.
    "set_mode": hilink.command(0x12, _mode),
    "set_parameter": hilink.command(0x07, _parameter, writes=True, read_back=ReadBack("read_parameter", ("id",))),
    "read_parameter": hilink.command(0x08, lambda args: le16(args.choice("id", _READABLE)), _value_told),
    "save": hilink.command(0xFD)._replace(answer_ms=_SAVING_MS, settle_ms=_SAVING_MS),
    # Goes on after the answer, in an empty room; what it finds is lost with the power unless it is saved at its end.
    "auto_threshold": hilink.command(0x09, _auto_threshold),
    "read_auto_threshold": hilink.command(0x0A, told=_progress_told),
    # Its end is announced by a frame that is no answer.
    "auto_gain": hilink.command(0xEE),
}
# Reports are so dense that the answer to the first requests may be missed; saving may take seconds.
SESSION: Final = Session(
    opening=hilink.SESSION.opening, closing=hilink.SESSION.closing, saving=(Ask("save"),), limit_ms=5_000
)
# The serial number is left out: not every unit has one, and a refusal would end the conversation.
SETTINGS: Final = (
    Ask("read_firmware"),
    Ask("read_parameter", {"id": MAX_DISTANCE}, "max_distance_dm"),
    Ask("read_parameter", {"id": TIMEOUT}, "timeout"),
    Ask("read_parameter", {"id": SUPPLY_INTERFERENCE}, "supply_interference"),
    *(
        Ask("read_parameter", {"id": first + gate}, f"{name}_g{gate}")
        for name, first in THRESHOLDS.items()
        for gate in range(GATES)
    ),
)
