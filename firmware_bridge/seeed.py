"""Frames of Seeed's radars MR24HPC1 and MR60BHA1, and what the two have in common.

    53 59 | control | command | len BE16 | data | sum | 54 43     sum: low byte of the sum of all bytes before it

They report what changes, and send a heartbeat each minute. A query is a command with bit 7 set and data 0F, its answer
the same command with the value; a setting is answered by itself. Some repeat the query before they answer, so that 0F
from them says nothing there, though it would be a value.

Source: esphome/esphome@33fdbbe components/seeed_mr24hpc1; MR60BHA1 user manual;
limengdu/Seeed-Studio-MR60BHA1-Sensor@b23f381.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple, TypeVar

from firmware_bridge.commands import Arguments, Ask, Command, ReadBack, Session, Told
from firmware_bridge.frames import FrameKind, FrameStream
from firmware_bridge.resync import Answer, Damage, Decoded, Result
from presence.errors import DamagedFrame

HEADER: Final = b"\x53\x59"
TAIL: Final = b"\x54\x43"
OVERHEAD: Final = 9  # all but the data
LONGEST: Final = 64  # of the data
BAUD: Final = 115_200
SILENT_AFTER_MS: Final = 90_000
_QUIET_LIMIT_MS = 60_000

SYSTEM, PRODUCT, WORK, UNDERLYING, PRESENCE = 0x01, 0x02, 0x05, 0x08, 0x80
HEARTBEAT, RESTART = 0x01, 0x02
QUERY: Final = b"\x0f"
ANSWER: Final = 0x80  # in a command
# The rest is breath, sleep and heart, of which Hadir keeps nothing.
_HEARD_CONTROLS = frozenset((SYSTEM, PRODUCT, WORK, UNDERLYING, PRESENCE))

# Questions that follow each other fast jam the MR24HPC1.
SESSION: Final = Session(resend_ms=1_000, limit_ms=4_000, pause_ms=200, restart_ms=3_000)

Values = dict[str, float]
T = TypeVar("T")


class Frame(NamedTuple):
    """What is asked, answered or reported."""

    control: int
    command: int
    data: bytes


def frame(control: int, command: int, data: bytes) -> bytes:
    """The bytes on the wire."""
    summed = HEADER + bytes((control, command)) + len(data).to_bytes(2, "big") + data
    return summed + bytes((sum(summed) & 0xFF,)) + TAIL


def parse_frame(whole: bytes) -> Frame:
    """What one whole frame holds. Raises DamagedFrame."""
    if not whole.startswith(HEADER) or _size(whole, 0) != len(whole):
        raise DamagedFrame(0, "no whole frame")
    if not whole.endswith(TAIL):
        raise DamagedFrame(len(whole) - len(TAIL), "wrong tail")
    summed = sum(whole[:-3]) & 0xFF
    if whole[-3] != summed:
        raise DamagedFrame(len(whole) - 3, f"checksum {whole[-3]:02x}, not {summed:02x}")
    return Frame(whole[2], whole[3], whole[6:-3])


def _size(buffer: bytes, at: int) -> int | None:
    if len(buffer) < at + 6:
        return None
    length = int.from_bytes(buffer[at + 4 : at + 6], "big")
    if not 1 <= length <= LONGEST:
        raise DamagedFrame(4, f"impossible length {length}")
    return length + OVERHEAD


def frames(read: Callable[[bytes], T | None]) -> FrameKind[T]:
    """Whole frames in a stream; what is wrong in one, `read` raises."""
    return FrameKind(HEADER, len(HEADER), _size, read)


class Report(NamedTuple):
    """One kind of report. `values`: data of `length` bytes -> quantities, none when it says nothing; may raise
    DamagedFrame."""

    length: int
    values: Callable[[bytes], Values]


def _presence(data: bytes) -> Values:
    return {"presence": float(data[0])} if data[0] <= 1 else {}


def _motion(data: bytes) -> Values:
    return {"moving": float(data[0] == 2), "still": float(data[0] == 1)} if data[0] <= 2 else {}


def _movement(data: bytes) -> Values:
    if data[0] > 100:
        raise DamagedFrame(6, f"body movement {data[0]} is more than 100")
    return {"moving_energy": data[0]}


# By control and command; of PRESENCE, the answers to queries are the same with bit 7.
Reports = Mapping[tuple[int, int], Report]
REPORTS: Final[Reports] = {
    (PRESENCE, 0x01): Report(1, _presence),
    (PRESENCE, 0x02): Report(1, _motion),
    (PRESENCE, 0x03): Report(1, _movement),
}


class Radar:
    """The stream of one radar.

    One that reports nothing for a minute is asked: for presence when its heartbeat is heard, since a room that does not
    change is evidence too; for a heartbeat when it is not. Never more often: that would jam it.
    """

    def __init__(self, reports: Reports) -> None:
        self._reports = reports
        self._stream: FrameStream[tuple[Decoded | Answer, ...]] = FrameStream(frames(self._said))
        self._heard = self._reported = True
        self._heard_ms: int | None = None
        self._reported_ms = self._asked_ms = 0

    def feed(self, data: bytes) -> list[Result]:
        """Readings, damages and answers in the order of their frames; `data` in chunks of any size."""
        results: list[Result] = []
        for said in self._stream.feed(data):
            if isinstance(said, Damage):
                results.append(said)
            else:
                results += said
                self._heard = True
                self._reported = self._reported or any(isinstance(each, Decoded) for each in said)
        return results

    @property
    def strayed(self) -> bool:
        """Never: there is no mode to lose."""
        return False

    def outgoing(self, at_ms: int) -> bytes:
        """A query when nothing has come for a minute, or no reading."""
        if self._heard_ms is None or self._heard:
            self._heard_ms = at_ms
        if self._reported:
            self._reported_ms = at_ms
        self._heard = self._reported = False
        if at_ms - max(self._reported_ms, self._asked_ms) < _QUIET_LIMIT_MS:
            return b""
        self._asked_ms = at_ms
        if at_ms - self._heard_ms >= _QUIET_LIMIT_MS:
            return frame(SYSTEM, HEARTBEAT, QUERY)
        return frame(PRESENCE, 0x01 | ANSWER, QUERY)

    def _said(self, whole: bytes) -> tuple[Decoded | Answer, ...] | None:
        control, command, data = parse_frame(whole)
        if control not in _HEARD_CONTROLS or (command & ANSWER and data == QUERY):
            return None
        report = self._reports.get((control, command & ~ANSWER if control == PRESENCE else command))
        if report is None:
            return (Answer(whole),)
        if len(data) != report.length:
            raise DamagedFrame(4, f"length {len(data)} does not fit {control:02x} {command:02x}")
        values = report.values(data)
        decoded = (Decoded(values),) if values else ()
        return (*decoded, Answer(whole)) if command & ANSWER else decoded


def _answer(whole: bytes, control: int, command: int) -> bytes:
    found = parse_frame(whole)
    if (found.control, found.command) != (control, command):
        raise DamagedFrame(2, f"no answer to {control:02x} {command:02x}")
    return found.data


def query(control: int, command: int, told: Callable[[bytes], Told], *, restarts: bool = False) -> Command:
    """Asks with data 0F; `told` reads the data of the answer."""

    def reply(whole: bytes, _: object) -> Told:
        data = _answer(whole, control, command)
        if command & ANSWER and data == QUERY:
            raise DamagedFrame(6, "the query itself")
        try:
            return {"ok": True, **told(data)}
        except (LookupError, UnicodeDecodeError):
            raise DamagedFrame(6, f"{data.hex()} does not answer {control:02x} {command:02x}") from None

    return Command(lambda _: frame(control, command, QUERY), reply, restarts=restarts)


def setting(
    control: int, command: int, name: str, choices: Mapping[Any, int], read_back: str, *, writes: bool = True
) -> Command:
    """Sets the argument `name` to one of `choices`; a device that took it answers with the same data."""

    def reply(whole: bytes, args: Mapping[str, Any]) -> Told:
        return {"ok": _answer(whole, control, command) == bytes((choices[args[name]],))}

    def request(args: Arguments) -> bytes:
        return frame(control, command, bytes((args.choice(name, choices),)))

    return Command(request, reply, writes, read_back=ReadBack(read_back))


def one_of(name: str, choices: Mapping[Any, int]) -> Callable[[bytes], Told]:
    """Reads which of `choices` a single byte is."""
    by_number = {number: choice for choice, number in choices.items()}
    return lambda data: {name: by_number[data[0]]}


def _nothing(_: bytes) -> Told:
    return {}


def _text(name: str) -> Callable[[bytes], Told]:
    return lambda data: {name: data.rstrip(b"\0 ").decode("ascii")}


def quantities(report: Report) -> Callable[[bytes], Told]:
    """Reads what the report says, under the names of its quantities."""

    def told(data: bytes) -> Told:
        if len(data) != report.length or not (values := report.values(data)):
            raise LookupError
        return dict(values)

    return told


def _truths(report: Report) -> Callable[[bytes], Told]:
    told = quantities(report)
    return lambda data: {name: bool(value) for name, value in told(data).items()}


COMMANDS: Final[Mapping[str, Command]] = {
    "heartbeat": query(SYSTEM, HEARTBEAT, _nothing),
    "restart": query(SYSTEM, RESTART, _nothing, restarts=True),
    "read_product": query(PRODUCT, 0xA1, _text("product")),
    "read_id": query(PRODUCT, 0xA2, _text("id")),
    "read_hardware": query(PRODUCT, 0xA3, _text("hardware")),
    "read_firmware": query(PRODUCT, 0xA4, _text("firmware")),
    "read_presence": query(PRESENCE, 0x81, _truths(REPORTS[PRESENCE, 0x01])),
    "read_motion": query(PRESENCE, 0x82, _truths(REPORTS[PRESENCE, 0x02])),
    "read_movement": query(PRESENCE, 0x83, quantities(REPORTS[PRESENCE, 0x03])),
}
IDENTITY: Final = (Ask("read_product"), Ask("read_id"), Ask("read_hardware"), Ask("read_firmware"))
# They report what changes: without being asked, a room that stays as it is would stay unknown.
FIRST: Final = (Ask("read_presence"), Ask("read_motion"))
# Asked last: a device that does not tell it is set up all the same.
LAST: Final = (Ask("read_firmware"),)
