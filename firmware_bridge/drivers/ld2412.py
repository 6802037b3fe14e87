"""HLK-LD2412: 24 GHz presence radar with 14 gates, 115200 baud, about ten reports a second.

    F4 F3 F2 F1 | len LE16 | type | AA | target | extra | 55 | any | F8 F7 F6 F5
    target   state u8 | moving cm LE16, energy u8 | still cm LE16, energy u8
    type 02  basic, len 0B, no extra
    type 01  engineering, len 2A or more: max gate moving, still | 14 moving energies | 14 still energies | light

State: bit 0 moving, bit 1 still; above 3 is damage. As the LD2410's, but for the detection distance, which is missing:
the length tells the two apart. The byte after 55 means nothing. No checksum: the marks are all the protection.

Sources: esphome/esphome@004c4b8 components/ld2412 and its documentation, pull request 5071; tobiastl/LD2412@97ab886;
Rihan9/LD2412@99b05e6.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import Any, Final

from firmware_bridge import hilink
from firmware_bridge.commands import Arguments, Ask, Command, ReadBack, Told
from firmware_bridge.frames import FrameStream
from firmware_bridge.resync import Answer, Decoded, Result
from firmware_bridge.waking import Waking
from presence.errors import DamagedFrame

NAME: Final = "ld2412"
TITLE: Final = "HLK-LD2412: presence radar with 14 gates, up to 9 m"
BAUD: Final = 115_200
SILENT_AFTER_MS: Final = 5_000
EXAMPLE: Final[Mapping[str, Any]] = {"engineering": True}

GATES: Final = 14
BASIC, ENGINEERING = 0x02, 0x01
_BASIC_LENGTH, _SHORTEST_ENGINEERING = 0x0B, 0x2A
_LONGEST_ENGINEERING = 0x40  # none longer than 2A was seen: room for bytes that newer firmware may add
_LENGTHS = frozenset((_BASIC_LENGTH, *range(_SHORTEST_ENGINEERING, _LONGEST_ENGINEERING + 1)))
_TARGET = struct.Struct("<BBBHBHB")
_STATES = ((0.0, 0.0, 0.0), (1.0, 1.0, 0.0), (1.0, 0.0, 1.0), (1.0, 1.0, 1.0))  # presence, moving, still
_MODES = {True: 1, False: 0}


class Ld2412:
    """Reports of one radar to readings.

    `engineering`: which mode it shall be in; it is lost at power-off. None: either will do.
    """

    def __init__(self, engineering: bool | None = None) -> None:
        self._engineering = engineering
        self._seen_engineering: bool | None = None
        self._waking = Waking(hilink.END_SESSION)
        self._stream = FrameStream[Decoded | Answer](hilink.reports(_LENGTHS, self._report), hilink.ANSWERS)

    def feed(self, data: bytes) -> Sequence[Result]:
        """Readings, damages and answers in the order of their frames; `data` in chunks of any size."""
        results = self._stream.feed(data)
        self._waking.seen(results)
        return results

    @property
    def strayed(self) -> bool:
        """Whether the newest report is of the other mode than was asked for."""
        return self._engineering is not None and self._seen_engineering not in (None, self._engineering)

    def outgoing(self, at_ms: int) -> bytes:
        """An end of its session for one that has been silent for long, else nothing: it speaks by itself."""
        return self._waking.outgoing(at_ms)

    def _report(self, body: bytes) -> Decoded:
        values = _values(body)
        self._seen_engineering = body[0] == ENGINEERING
        return Decoded(values)


def driver(config: Mapping[str, Any]) -> Ld2412:
    """`config`: `{"engineering": true}`, or false, or neither. Raises BadInput."""
    arguments = Arguments(NAME, "config", config)
    engineering = bool(arguments.choice("engineering", _MODES)) if arguments.given("engineering") else None
    arguments.refuse_others()
    return Ld2412(engineering)


def setup(config: Mapping[str, Any]) -> Sequence[Ask]:
    """Nothing without a configured mode: the device is left alone then."""
    match config.get("engineering"):
        case None:
            return ()
        case engineering:
            return Ask("read_firmware"), Ask("engineering_on" if engineering else "engineering_off")


def _values(body: bytes) -> dict[str, float]:
    """The quantities of one report. Raises DamagedFrame, its offset counted from `body[0]`."""
    kind, mark, state, moving_cm, moving_energy, still_cm, still_energy = _TARGET.unpack_from(body)
    if kind not in (BASIC, ENGINEERING) or mark != 0xAA:
        raise DamagedFrame(0, f"unknown report {kind:02x} {mark:02x}")
    if (kind == BASIC) != (len(body) == _BASIC_LENGTH):
        raise DamagedFrame(0, f"length {len(body)} does not fit report {kind:02x}")
    if state >= len(_STATES):
        raise DamagedFrame(2, f"unknown state {state}")
    if body[-2] != 0x55:
        raise DamagedFrame(len(body) - 2, "wrong inner tail")
    presence, moving, still = _STATES[state]
    values: dict[str, float] = {
        "presence": presence,
        "moving": moving,
        "still": still,
        "moving_distance": moving_cm / 100,
        "moving_energy": moving_energy,
        "still_distance": still_cm / 100,
        "still_energy": still_energy,
    }
    if kind == ENGINEERING:
        energies = body[_TARGET.size + 2 :]
        values |= {f"moving_energy_g{gate}": energies[gate] for gate in range(GATES)}
        values |= {f"still_energy_g{gate}": energies[GATES + gate] for gate in range(GATES)}
        values["light_raw"] = energies[2 * GATES]
    return values


# Commands: a word, what makes its value from the arguments, and what its reply's value tells.

_RESOLUTIONS = {0.75: 0, 0.5: 1, 0.2: 3}
_LIGHT_FUNCTIONS = {"off": 0, "below": 1, "above": 2}
_CALIBRATION_STATES = ("idle", "running")
_PARAMETERS = struct.Struct("<BBHB")


def _parameters(args: Arguments) -> bytes:
    gates = args.number("min_gate", 1, GATES), args.number("max_gate", 1, GATES)
    return _PARAMETERS.pack(*gates, args.number("timeout", 0, 0xFFFF), args.number("out_level", 0, 1))


def _parameters_told(value: bytes) -> Told:
    names = ("min_gate", "max_gate", "timeout", "out_level")
    return dict(zip(names, _PARAMETERS.unpack_from(value), strict=True))


def _sensitivity(args: Arguments) -> bytes:
    return bytes(args.numbers("sensitivity", GATES, 0, 100))


def _sensitivity_told(value: bytes) -> Told:
    return {"sensitivity": list(struct.unpack_from(f"{GATES}B", value))}


def _resolution(args: Arguments) -> bytes:
    return bytes((args.choice("resolution", _RESOLUTIONS), 0, 0, 0, 0, 0))


def _resolution_told(value: bytes) -> Told:
    return {"resolution": {index: metres for metres, index in _RESOLUTIONS.items()}[value[0]]}


def _light(args: Arguments) -> bytes:
    return bytes((args.choice("function", _LIGHT_FUNCTIONS), args.number("threshold", 0, 255)))


def _light_told(value: bytes) -> Told:
    return {"function": tuple(_LIGHT_FUNCTIONS)[value[0]], "threshold": value[1]}


def _calibration_told(value: bytes) -> Told:
    return {"state": _CALIBRATION_STATES[value[0]]}


COMMANDS: Final[Mapping[str, Command]] = {
    "enable_config": hilink.enable_config(1),
    "end_config": hilink.END,
    "set_parameters": hilink.command(0x02, _parameters, writes=True, read_back=ReadBack("read_parameters")),
    "read_parameters": hilink.command(0x12, told=_parameters_told),
    # All gates at once: who leaves one out would write 0, the most sensitive.
    "set_moving_sensitivity": hilink.command(
        0x03, _sensitivity, writes=True, read_back=ReadBack("read_moving_sensitivity")
    ),
    "read_moving_sensitivity": hilink.command(0x13, told=_sensitivity_told),
    "set_still_sensitivity": hilink.command(
        0x04, _sensitivity, writes=True, read_back=ReadBack("read_still_sensitivity")
    ),
    "read_still_sensitivity": hilink.command(0x14, told=_sensitivity_told),
    # Acts after a restart, so that nothing would be learnt by reading it back.
    "set_resolution": hilink.command(0x01, _resolution, writes=True),
    "read_resolution": hilink.command(0x11, told=_resolution_told),
    "set_light_control": hilink.command(0x0C, _light, writes=True, read_back=ReadBack("read_light_control")),
    "read_light_control": hilink.command(0x1C, told=_light_told),
    # Of the background, for about two minutes in which the room must be empty; its end is not announced.
    "calibrate": hilink.command(0x0B, writes=True),
    "read_calibration": hilink.command(0x1B, told=_calibration_told),
    "engineering_on": hilink.command(0x62),
    "engineering_off": hilink.command(0x63),
    **hilink.COMMON,
}
SESSION: Final = hilink.SESSION
SETTINGS: Final = (
    Ask("read_firmware"),
    Ask("read_parameters"),
    Ask("read_moving_sensitivity", name="moving_sensitivity"),
    Ask("read_still_sensitivity", name="still_sensitivity"),
    Ask("read_resolution"),
    Ask("read_light_control"),
    Ask("read_mac"),
)
