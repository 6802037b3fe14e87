"""Command frames of the Hi-Link radars, and the frame around the reports of most.

    send   FD FC FB FA | len LE16 | word LE16      | value               | 04 03 02 01
    reply  FD FC FB FA | len LE16 | word|0100 LE16 | status LE16 | value | 04 03 02 01     status 0 done, 1 refused

`len` counts word, status and value. A session opens with `enable config` and closes with `end config`; while it is open
no reports come, so one that is left open looks like a dead sensor.

    report F4 F3 F2 F1 | len LE16 | body | F8 F7 F6 F5     no checksum: length, tail and body are all the protection

Source: HLK-LD2410 serial protocol V1.02, 2.1 and 2.2; LD2410C V1.00; esphome/esphome@33fdbbe components/ld2410.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Container
from typing import NamedTuple, TypeVar

from firmware_bridge.commands import Arguments, Ask, Command, ReadBack, Session, Told
from firmware_bridge.frames import FrameKind
from firmware_bridge.resync import Answer
from presence.errors import DamagedFrame

HEADER = b"\xfd\xfc\xfb\xfa"
TAIL = b"\x04\x03\x02\x01"
OVERHEAD = len(HEADER) + 2 + len(TAIL)
SHORTEST, LONGEST = 2, 128  # of `len`
REPORT_HEADER = b"\xf4\xf3\xf2\xf1"
REPORT_TAIL = b"\xf8\xf7\xf6\xf5"

ENABLE_CONFIG, END_CONFIG = 0xFF, 0xFE
_REPLY = 0x0100

# How they are asked. A restart is answered at once, then they are silent for 0.25 s to 2 s.
SESSION = Session(opening=(Ask("enable_config"),), closing=(Ask("end_config"),))


T = TypeVar("T")


class Frame(NamedTuple):
    """What a device is asked, or answers: a command word and what follows it."""

    word: int
    value: bytes = b""


class Reply(NamedTuple):
    """What it answers. `word`: of the command, without the reply bit; `ok`: status 0."""

    word: int
    ok: bool
    value: bytes


def frame(word: int, value: bytes = b"") -> bytes:
    """The bytes on the wire for a command word and its value."""
    return HEADER + (2 + len(value)).to_bytes(2, "little") + word.to_bytes(2, "little") + value + TAIL


# Harmless to a device that has no session open.
END_SESSION = frame(END_CONFIG)


def reply_frame(word: int, value: bytes = b"", *, ok: bool = True) -> bytes:
    """The device's answer to `word`, as it stands on the wire."""
    return frame(word | _REPLY, (0 if ok else 1).to_bytes(2, "little") + value)


def parse_frame(whole: bytes) -> Frame:
    """Word and value of one whole frame, either way. Raises DamagedFrame."""
    if not whole.startswith(HEADER) or len(whole) < OVERHEAD + SHORTEST:
        raise DamagedFrame(0, "no command frame")
    length = int.from_bytes(whole[4:6], "little")
    if length + OVERHEAD != len(whole) or not whole.endswith(TAIL):
        raise DamagedFrame(4, f"length {length} and tail do not fit")
    return Frame(int.from_bytes(whole[6:8], "little"), whole[8:-4])


def reply_in(word: int, value: bytes) -> Reply | None:
    """The answer that a parsed frame holds; None for a command, such as the echo of ours."""
    if not word & _REPLY or len(value) < 2:
        return None
    return Reply(word & ~_REPLY, int.from_bytes(value[:2], "little") == 0, value[2:])


def is_reply(whole: bytes) -> bool:
    """Whether a whole frame is an answer, and no echo of a command. Raises DamagedFrame."""
    return reply_in(*parse_frame(whole)) is not None


def _frames(header: bytes, lengths: Container[int], read: Callable[[bytes], T | None]) -> FrameKind[T]:
    def size(buffer: bytes, at: int) -> int | None:
        if len(buffer) < at + 6:
            return None
        length = int.from_bytes(buffer[at + 4 : at + 6], "little")
        if length not in lengths:
            raise DamagedFrame(4, f"impossible length {length}")
        return length + OVERHEAD

    return FrameKind(re.escape(header), len(header), size, read)


def commands(read: Callable[[Frame], T | None]) -> FrameKind[T]:
    """Command frames, either way, in a stream."""
    return _frames(HEADER, range(SHORTEST, LONGEST + 1), lambda whole: read(parse_frame(whole)))


def _answer(whole: bytes) -> Answer | None:
    return Answer(whole) if is_reply(whole) else None


# A device's answers in its stream; the echo of a command says nothing.
ANSWERS = _frames(HEADER, range(SHORTEST, LONGEST + 1), _answer)


def reports(lengths: Container[int], read: Callable[[bytes], T | None]) -> FrameKind[T]:
    """Reports in a stream whose `len` is one of `lengths`; `read` gets the body of one whose tail is right."""

    def body(whole: bytes) -> T | None:
        if not whole.endswith(REPORT_TAIL):
            raise DamagedFrame(len(whole) - len(REPORT_TAIL), "wrong tail")
        return read(whole[6 : -len(REPORT_TAIL)])

    return _frames(REPORT_HEADER, lengths, body)


def no_value(_: object) -> bytes:
    """For commands that are the word alone."""
    return b""


def nothing(_: object) -> Told:
    """For replies that are the status alone."""
    return {}


def command(
    word: int,
    value: Callable[[Arguments], bytes] = no_value,
    told: Callable[[bytes], Told] = nothing,
    *,
    writes: bool = False,
    restarts: bool = False,
    read_back: ReadBack | None = None,
) -> Command:
    """The command `word`; `value` makes what follows it, `told` reads what follows the status of its reply."""

    def reply(whole: bytes, _: object) -> Told:
        answer = reply_in(*parse_frame(whole))
        if answer is None or answer.word != word:
            raise DamagedFrame(6, f"no answer to {word:02x}")
        if not answer.ok:
            return {"ok": False}
        try:
            return {"ok": True, **told(answer.value)}
        except (struct.error, LookupError, UnicodeDecodeError):
            raise DamagedFrame(10, f"{answer.value.hex()} does not answer {word:02x}") from None

    return Command(lambda args: frame(word, value(args)), reply, writes, restarts, read_back)


def enable_config(value: int) -> Command:
    """Opens a session. `value`: 1, or 2 for some devices."""
    return command(ENABLE_CONFIG, lambda _: value.to_bytes(2, "little"), _session)


def _session(value: bytes) -> Told:
    protocol, buffer = struct.unpack_from("<HH", value)
    return {"protocol": protocol, "buffer": buffer}


END = command(END_CONFIG)

BAUDS = {baud: n for n, baud in enumerate((9600, 19200, 38400, 57600, 115200, 230400, 256000, 460800), 1)}
_SWITCH = {True: 1, False: 0}
NO_MAC = bytes.fromhex("080504030201")  # read while bluetooth is off


def le16(number: int) -> bytes:
    return number.to_bytes(2, "little")


def text_in(value: bytes) -> str:
    """The text of `length LE16, text`, as younger devices tell firmware and serial number."""
    (length,) = struct.unpack_from("<H", value)
    (text,) = struct.unpack_from(f"{length}s", value, 2)
    return str(text, "ascii")


def serial_number(args: Arguments) -> bytes:
    """Eight characters, as the maker's tools write them."""
    text = args.ascii("serial", 8, 8)
    return le16(len(text)) + text


def serial_number_told(value: bytes) -> Told:
    return {"serial": text_in(value)}


def _firmware(value: bytes) -> Told:
    kind, minor, major, revision = struct.unpack_from("<HBBI", value)
    return {"type": kind, "firmware": f"{major:x}.{minor:02x}.{revision:08x}"}


def _mac(value: bytes) -> Told:
    (mac,) = struct.unpack_from("6s", value)
    bluetooth = mac != NO_MAC
    return {"mac": mac.hex(":") if bluetooth else None, "bluetooth": bluetooth}


# What LD2410, LD2412 and LD2450 have in common; what is set acts after a restart.
COMMON = {
    "read_firmware": command(0xA0, told=_firmware),
    "set_baud": command(0xA1, lambda args: le16(args.choice("baud", BAUDS)), writes=True),
    "factory_reset": command(0xA2, writes=True),
    "restart": command(0xA3, restarts=True),
    "set_bluetooth": command(0xA4, lambda args: le16(args.choice("on", _SWITCH)), writes=True),
    "read_mac": command(0xA5, lambda _: le16(1), _mac),
}
