"""HLK-LD2410, LD2410B, LD2410C: 24 GHz presence radar, 256000 baud, ten reports a second.

    F4 F3 F2 F1 | len LE16 | type | AA | target | extra | 55 | 00 | F8 F7 F6 F5
    target   state u8 | moving cm LE16, energy u8 | still cm LE16, energy u8 | detection distance cm LE16
    type 02  basic, len 0D, no extra
    type 01  engineering, normally len 23: max gate moving, still | 9 moving energies | 9 still energies | light | OUT

State: bit 0 moving, bit 1 still; 4, 5, 6 = noise calibration running, done, failed: it says nothing of presence then.
With another length than 23 there are N + 1 energies of each sort, N being the max gates; light and OUT stand where both
bytes are there and OUT is 0 or 1 (older firmware: meaningless bytes). No checksum: the marks are all the protection.
Distances and energies go on moving when nobody is there: they are passed on, presence comes from the state alone.

Sources: HLK-LD2410 serial protocol V1.02; LD2410B V1.04, V1.06; LD2410C V1.00; esphome/esphome@33fdbbe
components/ld2410; morian/aio-ld2410@558d8f7; iavorvel/MyLD2410@efc7039; Tasmota xsns_102_ld2410.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import Any, Final

from firmware_bridge import hilink
from firmware_bridge.commands import Arguments, Ask, Command, ReadBack, Told, differing
from firmware_bridge.hilink import le16
from firmware_bridge.resync import Answer, Damage, Decoded, Result, headers, next_header
from firmware_bridge.waking import Waking
from presence.errors import BadInput, DamagedFrame

NAME: Final = "ld2410"
TITLE: Final = "HLK-LD2410, LD2410B, LD2410C: presence radar"
BAUD: Final = 256_000
SILENT_AFTER_MS: Final = 5_000
EXAMPLE: Final[Mapping[str, Any]] = {"engineering": True}

REPORT_HEADER: Final = b"\xf4\xf3\xf2\xf1"
REPORT_TAIL: Final = b"\x55\x00\xf8\xf7\xf6\xf5"
BASIC, ENGINEERING = 0x02, 0x01
BASIC_LENGTH, ENGINEERING_LENGTH = 0x0D, 0x23
_SHORTEST_ENGINEERING = 0x11  # max gates 0 and 0: one energy each, neither light nor OUT
_OVERHEAD = 10  # header, length, outer tail

_HEADERS = headers(REPORT_HEADER, hilink.HEADER)
_BASIC_START = int.from_bytes(REPORT_HEADER + bytes((BASIC_LENGTH, 0, BASIC, 0xAA)), "little")
_ENGINEERING_START = int.from_bytes(REPORT_HEADER + bytes((ENGINEERING_LENGTH, 0, ENGINEERING, 0xAA)), "little")
_TARGET = struct.Struct("<BHBHBH")
_BASIC_REPORT = struct.Struct("<QBHBHBH6s")
_ENGINEERING_REPORT = struct.Struct("<QBHBHBHxx20B6s")

_STATES = ((0.0, 0.0, 0.0), (1.0, 1.0, 0.0), (1.0, 0.0, 1.0), (1.0, 1.0, 1.0))  # presence, moving, still
_TRUTH = (0.0, 1.0)
_BOTH, _CALIBRATION_FAILED = 3, 6
# Copied and overwritten: half the time of building a dict of 28 keys anew.
_ENGINEERING_VALUES: dict[str, float] = dict.fromkeys(
    (
        *("presence", "moving", "still"),
        *("moving_distance", "moving_energy", "still_distance", "still_energy", "distance"),
        *(f"moving_energy_g{gate}" for gate in range(9)),
        *(f"still_energy_g{gate}" for gate in range(9)),
        *("light_raw", "out_pin"),
    ),
    0.0,
)


class Ld2410:
    """Reports of one radar to readings.

    `engineering`: which mode it shall be in; it is lost at power-off. None: either will do.
    """

    def __init__(self, engineering: bool | None = None) -> None:
        self._engineering = engineering
        self._seen_engineering: bool | None = None
        self._waking = Waking(hilink.END_SESSION)
        self._unread = b""
        self._offset = 0  # of `_unread` in all that was fed

    def feed(self, data: bytes) -> list[Result]:
        """Readings and damages in the order of their frames; `data` in chunks of any size."""
        buffer = self._unread + data
        at, end = 0, len(buffer)
        results: list[Result] = []
        while at < end:
            values = None
            if end - at >= _ENGINEERING_REPORT.size and buffer[at + 4] == ENGINEERING_LENGTH:
                values = _engineering_values(buffer, at)
            elif end - at >= _BASIC_REPORT.size and buffer[at + 4] == BASIC_LENGTH:
                values = _basic_values(buffer, at)
            if values is not None:
                length = buffer[at + 4]
                at += length + _OVERHEAD
                self._seen_engineering = length == ENGINEERING_LENGTH
                results.append(Decoded(values))
            elif (after := self._unusual(buffer, at, results)) is not None:
                at = after
            else:
                break
        self._unread = buffer[at:]
        self._offset += at
        self._waking.seen(results)
        return results

    @property
    def strayed(self) -> bool:
        """Whether the newest report is of the other mode than was asked for."""
        return self._engineering is not None and self._seen_engineering not in (None, self._engineering)

    def outgoing(self, at_ms: int) -> bytes:
        """An end of its session for one that has been silent for long, else nothing: it speaks by itself."""
        return self._waking.outgoing(at_ms)

    def _unusual(self, buffer: bytes, at: int, results: list[Result]) -> int | None:
        """Where to go on after noise, an answer, a rare or damaged report at `at`; None to wait for more bytes."""
        header = next_header(_HEADERS, len(REPORT_HEADER), buffer, at)
        if header > at:
            return header
        room = len(buffer) - at
        if room < len(REPORT_HEADER) + 2:
            return None
        length = int.from_bytes(buffer[at + 4 : at + 6], "little")
        report = buffer[at] == REPORT_HEADER[0]
        if report:
            possible = length == BASIC_LENGTH or _SHORTEST_ENGINEERING <= length <= ENGINEERING_LENGTH
        else:
            possible = hilink.SHORTEST <= length <= hilink.LONGEST
        if possible and room < length + _OVERHEAD:
            return None
        try:
            if not possible:
                raise DamagedFrame(4, f"impossible length {length}")
            whole = buffer[at : at + length + _OVERHEAD]
            if report:
                results.append(Decoded(_rare_values(whole)))
                self._seen_engineering = whole[6] == ENGINEERING
            elif hilink.is_reply(whole):
                results.append(Answer(whole))
        except DamagedFrame as damage:
            results.append(Damage(self._offset + at, damage.reason))
            return at + 1
        return at + length + _OVERHEAD


def driver(config: Mapping[str, Any]) -> Ld2410:
    """`config`: `{"engineering": true}`, or false, or neither. Raises BadInput."""
    for key in config:
        if key != "engineering":
            raise BadInput(NAME, "not known", field=f"config.{key}", remedy="known: engineering")
    engineering = config.get("engineering")
    if engineering not in (None, True, False):
        raise BadInput(NAME, f"{engineering!r} cannot be used", field="config.engineering", remedy="give true or false")
    return Ld2410(engineering)


def setup(config: Mapping[str, Any]) -> Sequence[Ask]:
    """Nothing without a configured mode: the device is left alone then."""
    match config.get("engineering"):
        case None:
            return ()
        case engineering:
            return Ask("read_firmware"), Ask("engineering_on" if engineering else "engineering_off")


def _engineering_values(buffer: bytes, at: int) -> dict[str, float] | None:
    """The quantities of the plain engineering report at `at`; None when it is anything else."""
    values = _ENGINEERING_VALUES.copy()
    (
        start, state, moving_cm, values["moving_energy"], still_cm, values["still_energy"], cm,
        values["moving_energy_g0"], values["moving_energy_g1"], values["moving_energy_g2"],
        values["moving_energy_g3"], values["moving_energy_g4"], values["moving_energy_g5"],
        values["moving_energy_g6"], values["moving_energy_g7"], values["moving_energy_g8"],
        values["still_energy_g0"], values["still_energy_g1"], values["still_energy_g2"],
        values["still_energy_g3"], values["still_energy_g4"], values["still_energy_g5"],
        values["still_energy_g6"], values["still_energy_g7"], values["still_energy_g8"],
        values["light_raw"], out, tail,
    ) = _ENGINEERING_REPORT.unpack_from(buffer, at)  # fmt: skip
    if start != _ENGINEERING_START or tail != REPORT_TAIL or state > _BOTH or out > 1:
        return None
    values["presence"], values["moving"], values["still"] = _STATES[state]
    values["moving_distance"] = moving_cm / 100
    values["still_distance"] = still_cm / 100
    values["distance"] = cm / 100
    values["out_pin"] = _TRUTH[out]
    return values


def _basic_values(buffer: bytes, at: int) -> dict[str, float] | None:
    """The quantities of the plain basic report at `at`; None when it is anything else."""
    start, state, moving_cm, moving_energy, still_cm, still_energy, cm, tail = _BASIC_REPORT.unpack_from(buffer, at)
    if start != _BASIC_START or tail != REPORT_TAIL or state > _BOTH:
        return None
    presence, moving, still = _STATES[state]
    return {
        "presence": presence,
        "moving": moving,
        "still": still,
        "moving_distance": moving_cm / 100,
        "moving_energy": moving_energy,
        "still_distance": still_cm / 100,
        "still_energy": still_energy,
        "distance": cm / 100,
    }


def _rare_values(whole: bytes) -> dict[str, float]:
    """The quantities of any report, header to tail: calibration states, other lengths, meaningless OUT bytes.

    Raises DamagedFrame, its offset counted from the header.
    """
    length = len(whole) - _OVERHEAD
    kind, mark, state = whole[6:9]
    if not whole.endswith(REPORT_TAIL):
        raise DamagedFrame(len(whole) - len(REPORT_TAIL), "wrong tail")
    if kind not in (BASIC, ENGINEERING) or mark != 0xAA:
        raise DamagedFrame(6, f"unknown report {kind:02x} {mark:02x}")
    if (kind == BASIC) != (length == BASIC_LENGTH):
        raise DamagedFrame(4, f"length {length} does not fit report {kind:02x}")
    if state > _CALIBRATION_FAILED:
        raise DamagedFrame(8, f"unknown state {state}")
    _, moving_cm, moving_energy, still_cm, still_energy, cm = _TARGET.unpack_from(whole, 8)
    values: dict[str, float] = {
        "moving_distance": moving_cm / 100,
        "moving_energy": moving_energy,
        "still_distance": still_cm / 100,
        "still_energy": still_energy,
        "distance": cm / 100,
    }
    if state <= _BOTH:
        values["presence"], values["moving"], values["still"] = _STATES[state]
    if kind == ENGINEERING:
        moving_gates, still_gates = (8, 8) if length == ENGINEERING_LENGTH else (whole[17], whole[18])
        energies = whole[19 : -len(REPORT_TAIL)]
        light = moving_gates + still_gates + 2
        if len(energies) < light:
            raise DamagedFrame(17, f"gates {moving_gates} and {still_gates} do not fit length {length}")
        values |= {f"moving_energy_g{gate}": energies[gate] for gate in range(moving_gates + 1)}
        values |= {f"still_energy_g{gate}": energies[moving_gates + 1 + gate] for gate in range(still_gates + 1)}
        if len(energies) >= light + 2 and energies[light + 1] in (0, 1):
            values["light_raw"], values["out_pin"] = energies[light], _TRUTH[energies[light + 1]]
    return values


# Commands: a word, what makes its value from the arguments, and what its reply's value tells.

_GATES = 9
_RESOLUTIONS = {0.75: 0, 0.2: 1}
_LIGHT_FUNCTIONS = {"off": 0, "below": 1, "above": 2}
_CALIBRATION_STATES = ("idle", "running", "done")
ALL_GATES = 0xFFFF
_ENABLE_VALUE = 1


def _in_order(*numbers: int) -> bytes:
    return b"".join(struct.pack("<HI", index, number) for index, number in enumerate(numbers))


def _max_gates(args: Arguments) -> bytes:
    return _in_order(args.number("moving", 2, 8), args.number("still", 2, 8), args.number("timeout", 0, 0xFFFF))


def _max_gates_differ(written: Mapping[str, Any], told: Told) -> str | None:
    found = {"moving": told["max_moving_gate"], "still": told["max_still_gate"], "timeout": told["timeout"]}
    return differing(written, found)


def _gate_sensitivity(args: Arguments) -> bytes:
    gate = args.choice("gate", {"all": ALL_GATES} | {gate: gate for gate in range(_GATES)})
    return _in_order(gate, args.number("moving", 0, 100), args.number("still", 0, 100))


def _gate_sensitivity_differs(written: Mapping[str, Any], told: Told) -> str | None:
    for gate in range(_GATES) if written["gate"] == "all" else [written["gate"]]:
        found = {"gate": written["gate"], "moving": told["moving_sensitivity"][gate]}
        # The still sensitivity of gates 0 and 1 cannot be set.
        found["still"] = told["still_sensitivity"][gate] if gate > 1 else written["still"]
        if problem := differing(written, found):
            return f"of gate {gate} {problem}"
    return None


def _light_control(args: Arguments) -> bytes:
    function, threshold = args.choice("function", _LIGHT_FUNCTIONS), args.number("threshold", 0, 255)
    return struct.pack("<BBH", function, threshold, args.number("out_default", 0, 1))


def _parameters(value: bytes) -> Told:
    mark, gates, moving, still, *sensitivities, timeout = struct.unpack(f"<4B{2 * _GATES}BH", value)
    if mark != 0xAA:
        raise LookupError
    return {
        "max_gate": gates,
        "max_moving_gate": moving,
        "max_still_gate": still,
        "moving_sensitivity": sensitivities[:_GATES],
        "still_sensitivity": sensitivities[_GATES:],
        "timeout": timeout,
    }


def _resolution(value: bytes) -> Told:
    return {"resolution": tuple(_RESOLUTIONS)[struct.unpack_from("<H", value)[0]]}


def _light(value: bytes) -> Told:
    function, threshold, out = struct.unpack_from("<BBH", value)
    return {"function": tuple(_LIGHT_FUNCTIONS)[function], "threshold": threshold, "out_default": out}


def _calibration(value: bytes) -> Told:
    return {"state": _CALIBRATION_STATES[struct.unpack_from("<H", value)[0]]}


COMMANDS: Final[Mapping[str, Command]] = {
    "enable_config": hilink.enable_config(_ENABLE_VALUE),
    "end_config": hilink.END,
    "set_max_gates": hilink.command(
        0x60, _max_gates, writes=True, read_back=ReadBack("read_parameters", differs=_max_gates_differ)
    ),
    "read_parameters": hilink.command(0x61, told=_parameters),
    "engineering_on": hilink.command(0x62),
    "engineering_off": hilink.command(0x63),
    "set_gate_sensitivity": hilink.command(
        0x64, _gate_sensitivity, writes=True, read_back=ReadBack("read_parameters", differs=_gate_sensitivity_differs)
    ),
    **hilink.COMMON,
    "set_bluetooth_password": hilink.command(0xA9, lambda args: args.ascii("password", 6, 6), writes=True),
    # Acts after a restart, so that nothing would be learnt by reading it back.
    "set_resolution": hilink.command(0xAA, lambda args: le16(args.choice("resolution", _RESOLUTIONS)), writes=True),
    "read_resolution": hilink.command(0xAB, told=_resolution),
    "set_light_control": hilink.command(0xAD, _light_control, writes=True, read_back=ReadBack("read_light_control")),
    "read_light_control": hilink.command(0xAE, told=_light),
    "calibrate": hilink.command(0x0B, lambda args: le16(args.number("seconds", 1, 0xFFFF))),
    "read_calibration": hilink.command(0x1B, told=_calibration),
}
SESSION: Final = hilink.SESSION
SETTINGS: Final = (
    Ask("read_firmware"),
    Ask("read_parameters"),
    Ask("read_resolution"),
    Ask("read_light_control"),
    Ask("read_mac"),
)
