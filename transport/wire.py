"""The bytes between paho and the broker: frames cut, PUBLISH packets decoded here, everything else left to paho.

paho reads a frame in four system calls and builds a table of all properties for each message; at 20,000 messages a
second that is more than a core. Here a read takes what has come, incoming PUBLISH packets become `Received` at once,
and what is to be sent (packets of paho, acknowledgements of ours) leaves together.

    fixed header: type and flags (1 byte), remaining length (1-4 bytes, 7 bits each, low first)
    PUBLISH:      topic length (2), topic, [packet id (2) when QoS > 0], properties length (1-4), properties, payload

Source: MQTT Version 5.0, OASIS Standard, 2.1, 2.2.2, 3.3, 3.4.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

from presence.errors import DamagedFrame

PUBLISH = 0x30
# Told to the broker in CONNECT: it drops what is larger. Zigbee2MQTT's list of devices may have some hundred kB.
LARGEST_PACKET = 4 * 1024 * 1024

_PUBACK = b"\x40\x02"
_READ_SIZE = 256 * 1024
_LAST_WORDS_S = 1.0
# Properties of a PUBLISH by identifier: how many bytes, or how the length is told.
_FIXED = {0x01: 1, 0x02: 4, 0x23: 2}
_TEXTS = {0x03: 1, 0x08: 1, 0x09: 1, 0x26: 2}
_SUBSCRIPTION_IDENTIFIER = 0x0B


class Received(NamedTuple):
    """One message as the broker sent it.

    `expiry_s`: seconds that were left of its life; `token`: for `Session.ack`. `response_topic`: where its sender wants
    an answer, with the same `correlation`.
    """

    topic: str
    payload: bytes
    qos: int
    retain: bool
    content_type: str | None
    expiry_s: int | None
    token: int
    response_topic: str | None = None
    correlation: bytes | None = None


class Frame(NamedTuple):
    """`data[start:end]` is a whole packet, `data[body:end]` what follows its fixed header."""

    header: int
    data: bytes
    start: int
    body: int
    end: int


class Frames:
    """Cuts a byte stream into packets; a part of one waits for the rest, at most LARGEST_PACKET."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[Frame]:
        """The packets that `data` completes. Raises DamagedFrame where the stream cannot be a broker's."""
        data = self._rest + data if self._rest else data
        self._rest = b""
        start, available = 0, len(data)
        while available - start >= 2:
            body, length = start + 2, data[start + 1]
            if length & 0x80:
                length &= 0x7F
                for shift in (7, 14, 21, 28):
                    if shift == 28:
                        raise DamagedFrame(start, "a remaining length of more than four bytes")
                    if body >= available:
                        self._rest = data[start:]
                        return
                    length |= (data[body] & 0x7F) << shift
                    body += 1
                    if not data[body - 1] & 0x80:
                        break
            if length > LARGEST_PACKET:
                raise DamagedFrame(start, f"a packet of {length} bytes, more than {LARGEST_PACKET}")
            if body + length > available:
                break
            yield Frame(data[start], data, start, body, body + length)
            start = body + length
        self._rest = data[start:]


def received(frame: Frame, connection: int) -> Received:
    """The message of a PUBLISH frame; its token tells `connection` and packet id. Raises DamagedFrame."""
    header, data, start, body, end = frame
    qos = header >> 1 & 3
    try:
        at = body + 2 + (data[body] << 8 | data[body + 1])
        topic = data[body + 2 : at].decode()
        token = 0
        if qos:
            token = connection << 16 | data[at] << 8 | data[at + 1]
            at += 2
        length = data[at]
        at += 1
        if length & 0x80:
            length, at = _variable_byte_integer(data, at - 1)
        properties = _properties(data[at : at + length]) if length else _NO_PROPERTIES
    except (IndexError, UnicodeDecodeError) as error:
        raise DamagedFrame(start, f"a PUBLISH that cannot be read: {error}") from None
    at += length
    if at > end or qos > 1:
        raise DamagedFrame(start, "a PUBLISH whose lengths exceed the packet, or of a QoS that nobody asked for")
    content_type, expiry_s, response_topic, correlation = properties
    retain = bool(header & 1)
    return Received(topic, data[at:end], qos, retain, content_type, expiry_s, token, response_topic, correlation)


class _Properties(NamedTuple):
    content_type: str | None = None
    expiry_s: int | None = None
    response_topic: str | None = None
    correlation: bytes | None = None


_NO_PROPERTIES = _Properties()
# Who sends longer ones, of up to a packet's size, cannot make us keep a thousand of them.
_LONGEST_KEPT = 256


def _properties(data: bytes) -> _Properties:
    """What `data` tells. Publishers repeat their properties, so the answers are kept. Raises as `received`."""
    return _kept_properties(data) if len(data) <= _LONGEST_KEPT else _read_properties(data)


def _read_properties(data: bytes) -> _Properties:
    content_type: str | None = None
    expiry_s: int | None = None
    response_topic: str | None = None
    correlation: bytes | None = None
    at = 0
    while at < len(data):
        identifier = data[at]
        at += 1
        begin = at
        if identifier in _FIXED:
            at += _FIXED[identifier]
        elif identifier in _TEXTS:
            for _ in range(_TEXTS[identifier]):
                begin = at + 2
                at = begin + (data[at] << 8 | data[at + 1])
        elif identifier == _SUBSCRIPTION_IDENTIFIER:
            _, at = _variable_byte_integer(data, at)
        else:
            raise IndexError(f"property {identifier:#x}")
        if at > len(data):
            raise IndexError("a property that exceeds its packet")
        if identifier == 0x02:
            expiry_s = int.from_bytes(data[begin:at], "big")
        elif identifier == 0x03:
            content_type = data[begin:at].decode()
        elif identifier == 0x08:
            response_topic = data[begin:at].decode()
        elif identifier == 0x09:
            correlation = data[begin:at]
    return _Properties(content_type, expiry_s, response_topic, correlation)


_kept_properties = lru_cache(maxsize=1024)(_read_properties)


def _variable_byte_integer(data: bytes, at: int) -> tuple[int, int]:
    """The integer at `at` and where it ends. Raises IndexError when it does not end."""
    value = 0
    for shift in (0, 7, 14, 21):
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if not byte & 0x80:
            return value, at
    raise IndexError("a length of more than four bytes")


class Wire:
    """Stands in for the socket that paho holds, non-blocking.

    paho's side: `recv`, `send`, `close`, `fileno`, `setblocking`. The loop's side: `receive` from the broker, `offer` a
    packet to paho, `flush` what waits. `send`, `ack` and `abort` may come from any thread, the rest from the loop's.
    """

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._for_paho = b""
        self._ended = False
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0
        self._sending = b""
        self._lock = threading.Lock()
        self.failure: str | None = None

    def recv(self, size: int) -> bytes:
        """What was offered, in pieces; b"" once the broker has gone."""
        piece, self._for_paho = self._for_paho[:size], self._for_paho[size:]
        if not piece and not self._ended:
            raise BlockingIOError
        return piece

    def send(self, packet: bytes | bytearray) -> int:
        """Takes the whole `packet`, to be flushed."""
        self._queue(bytes(packet))
        return len(packet)

    def ack(self, packet_ids: Iterable[int]) -> None:
        """Queues the PUBACKs of `packet_ids`."""
        self._queue(b"".join([_PUBACK + packet_id.to_bytes(2, "big") for packet_id in packet_ids]))

    def _queue(self, data: bytes) -> None:
        with self._lock:
            self._waiting.append(data)
            self._waiting_bytes += len(data)

    @property
    def unsent(self) -> int:
        """Bytes that the socket has not taken yet."""
        return self._waiting_bytes + len(self._sending)

    def fileno(self) -> int:
        return self._socket.fileno()

    def setblocking(self, blocking: bool) -> None:
        self._socket.setblocking(blocking)

    def close(self) -> None:
        """Sends what is left (a DISCONNECT above all), waiting a second at most, then closes."""
        with contextlib.suppress(OSError):
            self._socket.settimeout(_LAST_WORDS_S)
            self.flush()
        self._socket.close()

    def abort(self) -> None:
        """Ends the connection at once, from any thread; the loop sees it as closed by the broker."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def receive(self) -> bytes:
        """What has come; b"" when nothing has, or when the connection has ended, which `recv` then tells paho."""
        try:
            data = self._socket.recv(_READ_SIZE)
        except (BlockingIOError, InterruptedError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return b""
        except OSError as error:
            self.failure = error.strerror or str(error)
            self._ended = True
            return b""
        self._ended = not data
        return data

    @property
    def ended(self) -> bool:
        """Whether the broker has closed the connection, or it broke."""
        return self._ended

    @property
    def buffered(self) -> bool:
        """Whether TLS holds decrypted bytes, which no poll shows."""
        return isinstance(self._socket, ssl.SSLSocket) and self._socket.pending() > 0

    def offer(self, packet: bytes) -> None:
        """Gives paho a packet to read."""
        self._for_paho += packet

    def flush(self) -> bool:
        """Sends what the socket takes; whether all of it went; on a broken connection it went nowhere."""
        while True:
            if not self._sending:
                with self._lock:
                    self._sending, self._waiting, self._waiting_bytes = b"".join(self._waiting), [], 0
                if not self._sending:
                    return True
            try:
                sent = self._socket.send(self._sending)
            except (BlockingIOError, InterruptedError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
                return False
            except OSError:
                # What the broker said before it closed (a DISCONNECT with its reason) may still wait to be read.
                self._sending = b""
            else:
                self._sending = self._sending[sent:]
