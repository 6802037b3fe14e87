"""BTHome v2: the service data of Bluetooth devices, as a gateway passes it on unread.

    ble/{MAC}/fcd2    44 | 00 02 | 01 64 | 05 90 33 00 | 21 01
                      |    pid 2   100 %   132.00 lx     motion
                      version 2 in bits 5-7; bit 0 encrypted, bit 1 the address follows, bit 2 sent by event

Then object id and value, little endian, until the end. The length of a value is known by its id alone: behind an id
that is not in the table nothing can be read. What stood before it is heard, what stands behind it is not (ids are sent
in rising order, and new ids are high ones). A value that is cut off makes the whole frame damaged.

Names of single verdicts are those of the objects (`motion`, `occupancy`, `presence`, `door`, `generic` ...), a second
one of its kind in a frame is `motion_2`. The verdict of the whole is the widest kind that the frame holds: presence,
else occupancy, else motion; when several of that kind are there, whether any of them is true.

A device repeats one broadcast many times, under one packet id, and several gateways pass it on: the same bytes with a
packet id are said once in 60 s. The object 0x50 is a time that the device measures, not when it measured: not used.
Encrypted frames cannot be read: AES-CCM would need the package `cryptography`, which Hadir does not require. Of a
claimed device they are damage; a neighbour's are passed on with each broadcast, and only said to be encrypted.

Bounded: 4,096 devices besides the claimed ones, one frame (at most 255 bytes) each.
Source: bthome.io, format of version 2; object ids and lengths as in Bluetooth-Devices/bthome-ble @00771fd, const.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Final, NamedTuple

from collector.conventions.bluetooth_address import bluetooth_address, required_address
from collector.conventions.convention import Entry, Heard, Message, Question, Subscription
from collector.conventions.memory import Memory
from collector.conventions.payload import damaged
from collector.conventions.whole import VERDICTS, whole
from presence.site import Source

MOST_DEVICES: Final = 4096
LARGEST_FRAME: Final = 255
SAME_BROADCAST_MS: Final = 60_000

_BASE = "ble"
_SERVICE = "fcd2"
_VERSION = 2
_ENCRYPTED, _WITH_ADDRESS = 0x01, 0x02
_ADDRESS_LENGTH = 6
_PACKET_ID = 0x00
_NO_KEYS = 'the package "cryptography" is not part of Hadir; switch encryption off in the device'

# Bytes of a value by its object id; 0: the length is the first byte (text, raw).
_LENGTHS: Final[dict[int, int]] = {
    **dict.fromkeys((0x00, 0x01, 0x09, *range(0x0F, 0x12), *range(0x15, 0x30), 0x3A, 0x46), 1),
    **dict.fromkeys((0x57, 0x58, 0x59, 0x60, 0x64), 1),
    **dict.fromkeys((0x02, 0x03, 0x06, 0x07, 0x08, *range(0x0C, 0x0F), *range(0x12, 0x15), 0x3C, 0x3D, 0x3F), 2),
    **dict.fromkeys((0x40, 0x41, 0x43, 0x44, 0x45, *range(0x47, 0x4B), 0x51, 0x52, 0x56), 2),
    **dict.fromkeys((0x5A, 0x5D, 0x5E, 0x5F, 0x61, 0xF0), 2),
    **dict.fromkeys((0x04, 0x05, 0x0A, 0x0B, 0x42, 0x4B, 0xF2), 3),
    **dict.fromkeys((0x3E, 0x4C, 0x4D, 0x4E, 0x4F, 0x50, 0x55, 0x5B, 0x5C, 0x62, 0x63, 0xF1), 4),
    **dict.fromkeys((0x53, 0x54), 0),
}

# Truth values that may tell whether somebody is there, or works there.
_TRUTHS: Final[dict[int, str]] = {
    0x0F: "generic",
    0x10: "power",
    0x11: "opening",
    0x1A: "door",
    0x1B: "garage_door",
    0x1E: "light",
    0x21: "motion",
    0x22: "moving",
    0x23: "occupancy",
    0x24: "plug",
    0x25: "presence",
    0x27: "running",
    0x2A: "sound",
    0x2C: "vibration",
    0x2D: "window",
}


class _Measured(NamedTuple):
    """A quantity: its value is the integer in the frame times `times`, divided by `parts`."""

    quantity: str
    parts: int
    signed: bool = False
    times: int = 1
    most: float = float("inf")


_MEASURED: Final[dict[int, _Measured]] = {
    0x01: _Measured("battery", 1, most=100),
    0x02: _Measured("temperature", 100, signed=True),
    0x03: _Measured("humidity", 100, most=100),
    0x05: _Measured("illuminance", 100),
    0x12: _Measured("co2", 1),
    0x2E: _Measured("humidity", 1, most=100),
    0x40: _Measured("distance", 1000),
    0x41: _Measured("distance", 10),
    0x45: _Measured("temperature", 10, signed=True),
    0x57: _Measured("temperature", 1, signed=True),
    0x58: _Measured("temperature", 100, signed=True, times=35),
}


class _Broadcast(NamedTuple):
    frame: bytes
    at_ms: int


class Bthome:
    """Decodes raw service data; it knows of each device the last broadcast."""

    NAME: ClassVar[str] = "bthome"
    EXCLUSIVE: ClassVar[bool] = True

    def __init__(self) -> None:
        self._broadcasts: Memory[_Broadcast] = Memory(MOST_DEVICES)
        self._claimed: frozenset[str] = frozenset()
        self._bases: frozenset[str] = frozenset((_BASE,))

    def address(self, source: Source) -> str:
        """12 upper case hexadecimal digits, of `device` or of a `topic` {base}/{MAC}/fcd2. Raises ValueError."""
        if source.config:
            key = "bindkey" if "bindkey" in source.config else next(iter(source.config))
            raise ValueError(
                f"config.{key} cannot be used: {_NO_KEYS}" if key == "bindkey" else f"knows no config.{key}"
            )
        if source.profile is not None:
            raise ValueError("knows no profiles; leave profile out")
        if source.topic is None:
            return required_address(source.device)
        levels = source.topic.split("/")
        if len(levels) < 3 or levels[-1] != _SERVICE or "#" in source.topic or "+" in source.topic:
            raise ValueError(f'"{source.topic}" is not as {_BASE}/A4C1385D16F7/{_SERVICE}')
        return required_address(levels[-2] if source.device is None else source.device)

    def source(self, address: str) -> dict[str, str]:
        """`device` alone."""
        return {"device": address}

    def follow(self, entries: Sequence[Entry]) -> None:
        """Listen below the bases of the entries' topics, too."""
        self._claimed = frozenset(entry.address for entry in entries)
        self._broadcasts.pin(self._claimed)
        self._bases = frozenset((_BASE, *(entry.topic.rsplit("/", 2)[0] for entry in entries if entry.topic)))

    def subscriptions(self) -> Sequence[Subscription]:
        """{base}/+/fcd2, of the present only: a frame has no date."""
        return [Subscription(f"{base}/+/{_SERVICE}", 0) for base in sorted(self._bases)]

    def owns(self, topic: str) -> bool:
        """Whether it is {base}/{device}/fcd2."""
        levels = topic.rsplit("/", 2)
        return len(levels) == 3 and levels[2] == _SERVICE and levels[0] in self._bases

    def decode(self, message: Message) -> Sequence[Heard]:
        """One frame, unless it is a broadcast that was said already. Raises DamagedFrame."""
        address = bluetooth_address(message.topic.rsplit("/", 2)[1])
        if address is None:
            raise damaged("the topic names no Bluetooth address")
        frame = message.payload
        if not frame:
            return ()
        if address not in self._claimed and _is_encrypted(frame):
            return (Heard(device=address, address=address, seems="BTHome, encrypted"),)
        at = _first_object(frame, address)
        heard, numbered = _heard(address, frame, at)
        if message.retain or not numbered:
            return (heard,)
        last = self._broadcasts.get(address)
        # Counted from the first time: a device whose number stands still is heard again after a while.
        if last is not None and last.frame == frame and 0 <= message.received_ms - last.at_ms < SAME_BROADCAST_MS:
            return ()
        self._broadcasts.put(address, _Broadcast(frame, message.received_ms))
        return (heard,)

    def gateway_of(self, address: str) -> str | None:
        """None: who passes the frames on is not told."""
        return None

    def ask(self, address: str, now_ms: int) -> Sequence[Question]:
        """Nothing: devices only broadcast."""
        return ()

    def questions(self, now_ms: int) -> Sequence[Question]:
        """Nothing."""
        return ()

    def missed(self, now_ms: int) -> None:
        """Nothing: only the last broadcast is kept, by which a repetition is no evidence afterwards either."""


def _is_encrypted(frame: bytes) -> bool:
    return frame[0] >> 5 == _VERSION and frame[0] & _ENCRYPTED != 0


def _first_object(frame: bytes, address: str) -> int:
    """Where the first object begins. Raises DamagedFrame for what cannot be read, or is of another device."""
    if len(frame) > LARGEST_FRAME:
        raise damaged(f"{len(frame)} bytes, more than {LARGEST_FRAME}")
    about = frame[0]
    if about >> 5 != _VERSION:
        raise damaged(f"BTHome version {about >> 5}, not {_VERSION}")
    if _is_encrypted(frame):
        raise damaged(f"encrypted: its bind key cannot be used: {_NO_KEYS}")
    if not about & _WITH_ADDRESS:
        return 1
    if frame[_ADDRESS_LENGTH:0:-1].hex().upper() != address:
        raise damaged("holds another address than the topic", 1)
    return 1 + _ADDRESS_LENGTH


def _heard(address: str, frame: bytes, at: int) -> tuple[Heard, bool]:
    """What the objects from `at` on say, and whether the frame has a packet id. Raises DamagedFrame."""
    values: dict[str, float] = {}
    presences: dict[str, float] = {}
    numbered = False
    size = len(frame)
    while at < size:
        object_id = frame[at]
        length = _LENGTHS.get(object_id)
        if length is None:
            break
        start = at + 1
        if not length:
            length = 1 + frame[start] if start < size else 1
        at = start + length
        if at > size:
            raise damaged(f"object 0x{object_id:02x} is cut off", size)
        if (name := _TRUTHS.get(object_id)) is not None:
            _add_truth(presences, name, frame[start])
        elif (measured := _MEASURED.get(object_id)) is not None:
            raw = int.from_bytes(frame[start:at], "little", signed=measured.signed)
            value = raw * measured.times / measured.parts
            if value <= measured.most:
                values.setdefault(measured.quantity, value)
        elif object_id == _PACKET_ID:
            numbered = True
    for name in VERDICTS:
        if name in presences:
            said = (verdict for key, verdict in presences.items() if key.partition("_")[0] == name)
            values.update(whole(said, ()).values)
            break
    return Heard(device=address, address=address, values=values, presences=presences), numbered


def _add_truth(presences: dict[str, float], name: str, byte: int) -> None:
    if byte > 1:
        raise damaged(f"{name} is neither true nor false")
    key, count = name, 1
    while key in presences:
        count += 1
        key = f"{name}_{count}"
    presences[key] = float(byte)
