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
from collections.abc import Callable, Mapping
from typing import Any, Final

from firmware_bridge import hilink
from firmware_bridge.resync import Damage, Decoded, headers, next_header
from presence.errors import BadInput, DamagedFrame

NAME: Final = "ld2410"
BAUD: Final = 256_000
SILENT_AFTER_MS: Final = 10_000

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

_SETUP_PAUSE_MS = 30_000


class Ld2410:
    """Reports of one radar to readings; keeps it in the mode that its configuration asks for.

    `engineering`: None leaves the device alone and writes nothing to it. Engineering mode is lost at power-off: it is
    set again when basic reports appear.
    """

    def __init__(self, engineering: bool | None = None) -> None:
        self.firmware: str | None = None
        self.trouble: str | None = None
        self._engineering = engineering
        self._seen_engineering: bool | None = None
        self._unread = b""
        self._offset = 0  # of `_unread` in all that was fed
        self._conversation: hilink.Conversation | None = None
        self._next_setup_ms: int | None = None

    def feed(self, data: bytes) -> list[Decoded | Damage]:
        """Readings and damages in the order of their frames; `data` in chunks of any size."""
        buffer = self._unread + data
        at, end = 0, len(buffer)
        results: list[Decoded | Damage] = []
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
        return results

    def outgoing(self, at_ms: int) -> bytes:
        """What to write to the device now, mostly nothing. `at_ms`: of a clock that never steps."""
        if self._engineering is None:
            return b""
        if self._conversation is None:
            if not self._wants_setup(at_ms):
                return b""
            self._conversation = hilink.Conversation(_ENABLE_VALUE, _setup(self._engineering))
        sending = self._conversation.due(at_ms)
        if self._conversation.over:
            self._conclude(self._conversation)
            self._next_setup_ms = at_ms + _SETUP_PAUSE_MS
        return sending

    def _wants_setup(self, at_ms: int) -> bool:
        if self._next_setup_ms is None:
            return True
        return at_ms >= self._next_setup_ms and self._seen_engineering not in (None, self._engineering)

    def _conclude(self, conversation: hilink.Conversation) -> None:
        self.trouble = conversation.problem
        firmware = conversation.replies.get(_READ_FIRMWARE)
        if firmware and firmware.ok:
            self.firmware = _firmware(firmware.value)["firmware"]
        self._conversation = None
        self._seen_engineering = None

    def _unusual(self, buffer: bytes, at: int, results: list[Decoded | Damage]) -> int | None:
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
            else:
                self._answered(whole)
        except DamagedFrame as damage:
            results.append(Damage(self._offset + at, damage.reason))
            return at + 1
        return at + length + _OVERHEAD

    def _answered(self, whole: bytes) -> None:
        word, value = hilink.parse_frame(whole)
        reply = hilink.reply_in(word, value)
        if self._conversation and reply:
            self._conversation.answered(reply)


def driver(config: Mapping[str, Any]) -> Ld2410:
    """`config`: `{"engineering": true}`, or false, or neither. Raises BadInput."""
    for key in config:
        if key != "engineering":
            raise BadInput(NAME, "not known", field=f"config.{key}", remedy="known: engineering")
    engineering = config.get("engineering")
    if engineering not in (None, True, False):
        raise BadInput(NAME, f"{engineering!r} cannot be used", field="config.engineering", remedy="give true or false")
    return Ld2410(engineering)


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


# Commands. One is a word, what makes its value from the arguments, and what its reply's value tells.


def encode_command(command: str, args: Mapping[str, Any]) -> bytes:
    """The bytes that ask a device for `command`. Raises BadInput for one that it does not know or a wrong argument."""
    word, value, _ = _known(command)
    return hilink.frame(word, value(_Arguments(command, args)))


def decode_reply(command: str, whole: bytes) -> dict[str, Any]:
    """What the reply frame says: `ok`, and what was asked for. Raises DamagedFrame when it does not answer that."""
    word, _, told = _known(command)
    reply = hilink.reply_in(*hilink.parse_frame(whole))
    if reply is None or reply.word != word:
        raise DamagedFrame(6, f"no answer to {command}")
    if not reply.ok:
        return {"ok": False}
    try:
        return {"ok": True, **told(reply.value)}
    except (struct.error, LookupError):
        raise DamagedFrame(10, f"{reply.value.hex()} does not answer {command}") from None


def _known(command: str) -> _Command:
    if command not in _COMMANDS:
        raise BadInput(NAME, f'no command "{command}"', remedy=f"known: {', '.join(_COMMANDS)}")
    return _COMMANDS[command]


class _Arguments:
    """The arguments of one command, each checked when it is taken."""

    def __init__(self, command: str, args: Mapping[str, Any]) -> None:
        self._command, self._args = command, args

    def number(self, name: str, low: int, high: int) -> int:
        number = self._args.get(name)
        if type(number) is not int or not low <= number <= high:
            raise self._wrong(name, f"a whole number from {low} to {high}")
        return number

    def choice(self, name: str, choices: Mapping[Any, int]) -> int:
        for known, index in choices.items():
            if known == self._args.get(name):
                return index
        raise self._wrong(name, "one of " + ", ".join(str(known) for known in choices))

    def password(self) -> bytes:
        password = self._args.get("password")
        if not isinstance(password, str) or len(password) != 6 or not password.isascii():
            raise BadInput(NAME, "not six ASCII characters", field="set_bluetooth_password.password")
        return password.encode()

    def _wrong(self, name: str, wanted: str) -> BadInput:
        found = f"{self._args[name]!r} cannot be used" if name in self._args else "is missing"
        return BadInput(NAME, found, field=f"{self._command}.{name}", remedy=f"give {wanted}")


_GATES = 9
_BAUDS = {baud: n for n, baud in enumerate((9600, 19200, 38400, 57600, 115200, 230400, 256000, 460800), 1)}
_RESOLUTIONS = {0.75: 0, 0.2: 1}
_SWITCH = {True: 1, False: 0}
_LIGHT_FUNCTIONS = {"off": 0, "below": 1, "above": 2}
_CALIBRATION_STATES = ("idle", "running", "done")
ALL_GATES = 0xFFFF
NO_MAC = bytes.fromhex("080504030201")  # read while bluetooth is off
_ENABLE_VALUE = b"\x01\x00"
_READ_FIRMWARE = 0xA0


def _setup(engineering: bool) -> tuple[hilink.Command, ...]:
    return hilink.Command(_READ_FIRMWARE), hilink.Command(0x62 if engineering else 0x63)


def _le16(number: int) -> bytes:
    return number.to_bytes(2, "little")


def _in_order(*numbers: int) -> bytes:
    return b"".join(struct.pack("<HI", index, number) for index, number in enumerate(numbers))


def _max_gates(args: _Arguments) -> bytes:
    return _in_order(args.number("moving", 2, 8), args.number("still", 2, 8), args.number("timeout", 0, 0xFFFF))


def _gate_sensitivity(args: _Arguments) -> bytes:
    gate = args.choice("gate", {"all": ALL_GATES} | {gate: gate for gate in range(_GATES)})
    return _in_order(gate, args.number("moving", 0, 100), args.number("still", 0, 100))


def _light_control(args: _Arguments) -> bytes:
    function, threshold = args.choice("function", _LIGHT_FUNCTIONS), args.number("threshold", 0, 255)
    return struct.pack("<BBH", function, threshold, args.number("out_default", 0, 1))


def _session(value: bytes) -> dict[str, Any]:
    protocol, buffer = struct.unpack_from("<HH", value)
    return {"protocol": protocol, "buffer": buffer}


def _parameters(value: bytes) -> dict[str, Any]:
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


def _firmware(value: bytes) -> dict[str, Any]:
    kind, minor, major, revision = struct.unpack_from("<HBBI", value)
    return {"type": kind, "firmware": f"{major:x}.{minor:02x}.{revision:08x}"}


def _mac(value: bytes) -> dict[str, Any]:
    (mac,) = struct.unpack_from("6s", value)
    bluetooth = mac != NO_MAC
    return {"mac": mac.hex(":") if bluetooth else None, "bluetooth": bluetooth}


def _resolution(value: bytes) -> dict[str, Any]:
    return {"resolution": tuple(_RESOLUTIONS)[struct.unpack_from("<H", value)[0]]}


def _light(value: bytes) -> dict[str, Any]:
    function, threshold, out = struct.unpack_from("<BBH", value)
    return {"function": tuple(_LIGHT_FUNCTIONS)[function], "threshold": threshold, "out_default": out}


def _calibration(value: bytes) -> dict[str, Any]:
    return {"state": _CALIBRATION_STATES[struct.unpack_from("<H", value)[0]]}


def _nothing(_: object) -> dict[str, Any]:
    return {}


def _no_value(_: object) -> bytes:
    return b""


_Command = tuple[int, Callable[[_Arguments], bytes], Callable[[bytes], dict[str, Any]]]
_COMMANDS: dict[str, _Command] = {
    "enable_config": (hilink.ENABLE_CONFIG, lambda _: _ENABLE_VALUE, _session),
    "end_config": (hilink.END_CONFIG, _no_value, _nothing),
    "set_max_gates": (0x60, _max_gates, _nothing),
    "read_parameters": (0x61, _no_value, _parameters),
    "engineering_on": (0x62, _no_value, _nothing),
    "engineering_off": (0x63, _no_value, _nothing),
    "set_gate_sensitivity": (0x64, _gate_sensitivity, _nothing),
    "read_firmware": (_READ_FIRMWARE, _no_value, _firmware),
    "set_baud": (0xA1, lambda args: _le16(args.choice("baud", _BAUDS)), _nothing),
    "factory_reset": (0xA2, _no_value, _nothing),
    "restart": (0xA3, _no_value, _nothing),
    "set_bluetooth": (0xA4, lambda args: _le16(args.choice("on", _SWITCH)), _nothing),
    "read_mac": (0xA5, lambda _: _le16(1), _mac),
    "set_bluetooth_password": (0xA9, _Arguments.password, _nothing),
    "set_resolution": (0xAA, lambda args: _le16(args.choice("resolution", _RESOLUTIONS)), _nothing),
    "read_resolution": (0xAB, _no_value, _resolution),
    "set_light_control": (0xAD, _light_control, _nothing),
    "read_light_control": (0xAE, _no_value, _light),
    "calibrate": (0x0B, lambda args: _le16(args.number("seconds", 1, 0xFFFF)), _nothing),
    "read_calibration": (0x1B, _no_value, _calibration),
}
