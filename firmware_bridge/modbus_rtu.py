"""Frames of Modbus RTU: requests, and whole replies in a stream of bytes.

Source: Modbus over serial line V1.02, 2.5; Modbus application protocol V1.1b3, 6 and 7.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from firmware_bridge.crc16 import crc16
from presence.errors import DamagedFrame

READ_HOLDING, READ_INPUT, WRITE_REGISTER = 3, 4, 6
READING = (READ_HOLDING, READ_INPUT)
REFUSED = 0x80  # added to the function
HIGHEST_EXCEPTION = 0x0B
LONGEST = 255  # of a reply with the most registers, 125
MOST_REGISTERS = 125
REQUEST_LENGTH = 8
_SHORTEST = 5
# Where a reply may begin: before a function that one of them has. Those places may overlap.
_LIKELY = re.compile(rb"(?=.[\x03\x04\x06\x83\x84\x86].)", re.DOTALL)


def sealed(body: bytes) -> bytes:
    """A frame: `body` and its checksum."""
    return body + crc16(body).to_bytes(2, "little")


def request(unit: int, function: int, address: int, number: int) -> bytes:
    """To read `number` registers from `address` on, or to write `number` into one."""
    return sealed(bytes((unit, function)) + address.to_bytes(2, "big") + number.to_bytes(2, "big"))


class Reply(NamedTuple):
    """`exception`: why it was refused, None when it was not. `data`: the registers, or address and value written."""

    unit: int
    function: int
    exception: int | None
    data: bytes


def parse_reply(whole: bytes) -> Reply:
    """What one whole reply says. Raises DamagedFrame."""
    if len(whole) < _SHORTEST or reply_length(whole, 0) != len(whole):
        raise DamagedFrame(0, "no reply of Modbus")
    if sealed(whole[:-2]) != whole:
        raise DamagedFrame(len(whole) - 2, "wrong checksum")
    unit, function = whole[0], whole[1]
    if function & REFUSED:
        return Reply(unit, function & ~REFUSED, whole[2], b"")
    return Reply(unit, function, None, whole[2:-2] if function == WRITE_REGISTER else whole[3:-2])


def reply_length(buffer: bytes, at: int) -> int | None:
    """How long a reply that begins at `at` is, told by its first three bytes; None when none begins there."""
    _, function, third = buffer[at : at + 3]
    if function in READING and third % 2 == 0 and 0 < third <= 2 * MOST_REGISTERS:
        return third + 5
    if function == WRITE_REGISTER:
        return REQUEST_LENGTH
    if function & REFUSED and function & ~REFUSED in (*READING, WRITE_REGISTER) and 0 < third <= HIGHEST_EXCEPTION:
        return 5
    return None


class Answers:
    """All whole replies in a stream, whoever was asked, each found as soon as its last byte is there.

    Nothing is waited for: in noise, bytes may claim a long reply that never comes, and hide a true one.
    """

    def __init__(self) -> None:
        self._recent = b""
        self._offset = 0  # of `_recent`

    def feed(self, data: bytes) -> list[tuple[int, bytes]]:
        """Each with the offset of its end, counted from the first byte ever fed, in the order of their ends."""
        buffer, known = self._recent + data, len(self._recent)
        found: list[tuple[int, bytes]] = []
        for likely in _LIKELY.finditer(buffer):
            at = likely.start()
            length = reply_length(buffer, at)
            if length is None or not known < at + length <= len(buffer):
                continue
            whole = buffer[at : at + length]
            if sealed(whole[:-2]) == whole:
                found.append((self._offset + at + length, whole))
        kept = min(len(buffer), LONGEST - 1)
        self._offset += len(buffer) - kept
        self._recent = buffer[len(buffer) - kept :]
        return sorted(found)
