"""HLK-LD2410S: 24 GHz presence radar of low power with 16 gates, 115200 baud, 0.5 to 8 reports a second.

    minimal   6E | state u8 | distance cm LE16 | 62
    standard  F4 F3 F2 F1 | 46 00 | 01 | state u8 | distance cm LE16 | reserved 2 | 16 energies LE32 | F8 F7 F6 F5
    progress  F4 F3 F2 F1 | 03 00 | 03 | progress LE16 | F8 F7 F6 F5          while it calibrates itself; no reading

State: 0, 1 nobody; 2, 3 somebody. Energies are raw; the maker's tool shows 10 log10 of them. A minimal frame is looked
for where 6E is followed by a state. A stray byte stands before most of them, nobody knows why. No checksum.

Sources: HLK-LD2410S user manual V1.2; nawotech/ld2410s-tool@c7b892b; danieltwagner/ld2410s@5529836;
MrUndead1996/ld2410s-esphome@af00949; esphome/esphome pull request 8486.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from math import isclose
from typing import Any, Final

from firmware_bridge import hilink
from firmware_bridge.commands import Arguments, Ask, Command, ReadBack, Told
from firmware_bridge.frames import FrameKind, FrameStream
from firmware_bridge.hilink import le16
from firmware_bridge.resync import Answer, Decoded, Result
from firmware_bridge.waking import Waking
from presence.errors import BadInput, DamagedFrame

NAME: Final = "ld2410s"
TITLE: Final = "HLK-LD2410S: presence radar of low power"
BAUD: Final = 115_200
SILENT_AFTER_MS: Final = 6_000
EXAMPLE: Final[Mapping[str, Any]] = {"output": "standard"}

GATES: Final = 16
MINIMAL_HEAD, MINIMAL_TAIL = 0x6E, 0x62
MINIMAL: Final = struct.Struct("<BBHB")
STANDARD, PROGRESS = 0x01, 0x03
STANDARD_BODY: Final = struct.Struct(f"<BBHxx{GATES}I")
PROGRESS_BODY: Final = struct.Struct("<BH")
_LAST_STATE = 3
_OUTPUTS = {"standard": True, "minimal": False}


class Ld2410s:
    """Reports of one radar to readings. `standard`: which output it shall give; None: either will do."""

    def __init__(self, standard: bool | None = None) -> None:
        self._standard = standard
        self._seen_standard: bool | None = None
        self._waking = Waking(hilink.END_SESSION)
        minimal = FrameKind(rb"\x6e[\x00-\x03]", 2, lambda _, __: MINIMAL.size, self._minimal)
        reports = hilink.reports((STANDARD_BODY.size, PROGRESS_BODY.size), self._report)
        self._stream = FrameStream[Decoded | Answer](minimal, reports, hilink.ANSWERS)

    def feed(self, data: bytes) -> Sequence[Result]:
        """Readings, damages and answers in the order of their frames; `data` in chunks of any size."""
        results = self._stream.feed(data)
        self._waking.seen(results)
        return results

    @property
    def strayed(self) -> bool:
        """Whether the newest report is of the other output than was asked for."""
        return self._standard is not None and self._seen_standard not in (None, self._standard)

    def outgoing(self, at_ms: int) -> bytes:
        """An end of its session for one that has been silent for long, else nothing: it speaks by itself."""
        return self._waking.outgoing(at_ms)

    def _minimal(self, whole: bytes) -> Decoded:
        _, state, cm, tail = MINIMAL.unpack(whole)
        if tail != MINIMAL_TAIL:
            raise DamagedFrame(4, f"wrong tail {tail:02x}")
        self._seen_standard = False
        return Decoded(_target(state, cm))

    def _report(self, body: bytes) -> Decoded | None:
        kind = body[0]
        if len(body) != {STANDARD: STANDARD_BODY.size, PROGRESS: PROGRESS_BODY.size}.get(kind):
            raise DamagedFrame(0, f"length {len(body)} does not fit report {kind:02x}")
        if kind == PROGRESS:
            return None
        _, state, cm, *energies = STANDARD_BODY.unpack(body)
        if state > _LAST_STATE:
            raise DamagedFrame(1, f"unknown state {state}")
        self._seen_standard = True
        return Decoded(_target(state, cm) | {f"strength_g{gate}": energy for gate, energy in enumerate(energies)})


def driver(config: Mapping[str, Any]) -> Ld2410s:
    """`config`: `{"output": "standard"}`, or "minimal", or neither. Raises BadInput."""
    arguments = Arguments(NAME, "config", config)
    standard = bool(arguments.choice("output", _OUTPUTS)) if arguments.given("output") else None
    arguments.refuse_others()
    return Ld2410s(standard)


def setup(config: Mapping[str, Any]) -> Sequence[Ask]:
    """Nothing without a configured output: the device is left alone then."""
    match config.get("output"):
        case None:
            return ()
        case output:
            return Ask("read_firmware"), Ask("set_output", {"standard": _OUTPUTS[output]})


def _target(state: int, cm: int) -> dict[str, float]:
    return {"presence": float(state >= 2), "distance": cm / 100}


# Commands: a word, what makes its value from the arguments, and what its reply's value tells.

# In the order in which they are asked and written, always all: the maker's tools do so too.
PARAMETERS: Final = {
    "max_gate": 0x05,
    "min_gate": 0x0A,
    "timeout": 0x06,
    "status_frequency": 0x02,
    "distance_frequency": 0x0C,
    "response_speed": 0x0B,
}
_ALL_PARAMETERS = b"".join(le16(number) for number in PARAMETERS.values())
_ALL_GATES = b"".join(le16(gate) for gate in range(GATES))
_NORMAL, _FAST = 5, 10
_HIGHEST_DB = 100


def numbered(numbers: Sequence[int], values: Sequence[int]) -> bytes:
    """`number LE16, value LE32` for each, as settings are written."""
    return b"".join(struct.pack("<HI", *each) for each in zip(numbers, values, strict=True))


def _parameters(args: Arguments) -> bytes:
    values = (
        # What is out of range the device cuts to 8 bits without a word.
        args.number("max_gate", 1, GATES),
        args.number("min_gate", 0, GATES),
        args.number("timeout", 10, 120),
        _tenths_of_hertz(args, "status_frequency"),
        _tenths_of_hertz(args, "distance_frequency"),
        args.choice("response_speed", {_NORMAL: _NORMAL, _FAST: _FAST}),
    )
    return numbered(tuple(PARAMETERS.values()), values)


def _tenths_of_hertz(args: Arguments, name: str) -> int:
    hertz = args.decimal(name, 0.5, 8)
    tenths = round(hertz * 10)
    if not isclose(hertz * 10, tenths):
        raise BadInput(
            NAME, f"{hertz:g} cannot be used", field=f"set_parameters.{name}", remedy="give tenths of a hertz"
        )
    return tenths


def _parameters_told(value: bytes) -> Told:
    told: Told = dict(zip(PARAMETERS, struct.unpack_from(f"<{len(PARAMETERS)}I", value), strict=True))
    return told | {name: told[name] / 10 for name in ("status_frequency", "distance_frequency")}


def _thresholds(args: Arguments) -> bytes:
    return numbered(range(GATES), args.numbers("threshold", GATES, 0, _HIGHEST_DB))


def _thresholds_told(value: bytes) -> Told:
    return {"threshold": list(struct.unpack_from(f"<{GATES}I", value))}


def _firmware_told(value: bytes) -> Told:
    return {"firmware": "{}.{}.{}".format(*struct.unpack_from("<4xHHH", value))}


def _calibration(args: Arguments) -> bytes:
    return b"".join(le16(args.number(name, 1, 0xFFFF)) for name in ("trigger_factor", "hold_factor", "seconds"))


def _output(args: Arguments) -> bytes:
    return struct.pack("<HHH", 0, args.choice("standard", {True: 1, False: 0}), 0)


COMMANDS: Final[Mapping[str, Command]] = {
    "enable_config": hilink.enable_config(1),
    "end_config": hilink.END,
    "read_firmware": hilink.command(0x00, told=_firmware_told),
    "write_serial_number": hilink.command(
        0x10, hilink.serial_number, writes=True, read_back=ReadBack("read_serial_number")
    ),
    "read_serial_number": hilink.command(0x11, told=hilink.serial_number_told),
    "set_parameters": hilink.command(0x70, _parameters, writes=True, read_back=ReadBack("read_parameters")),
    "read_parameters": hilink.command(0x71, lambda _: _ALL_PARAMETERS, _parameters_told),
    "set_trigger_thresholds": hilink.command(
        0x72, _thresholds, writes=True, read_back=ReadBack("read_trigger_thresholds")
    ),
    "read_trigger_thresholds": hilink.command(0x73, lambda _: _ALL_GATES, _thresholds_told),
    "set_hold_thresholds": hilink.command(0x76, _thresholds, writes=True, read_back=ReadBack("read_hold_thresholds")),
    "read_hold_thresholds": hilink.command(0x77, lambda _: _ALL_GATES, _thresholds_told),
    # Writes both sorts of thresholds when it is done; how far it is comes in reports.
    "calibrate": hilink.command(0x09, _calibration, writes=True),
    # No command reads it; the reports show it.
    "set_output": hilink.command(0x7A, _output, writes=True),
}
SESSION: Final = hilink.SESSION
SETTINGS: Final = (
    Ask("read_firmware"),
    Ask("read_serial_number"),
    Ask("read_parameters"),
    Ask("read_trigger_thresholds", name="trigger_threshold"),
    Ask("read_hold_thresholds", name="hold_threshold"),
)
