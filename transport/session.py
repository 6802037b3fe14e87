"""An MQTT 5 session: connect, will, acknowledge by hand, reconnect with jitter; what every MQTT user needs, once.

Each connection has a paho client of its own, so that nothing of an ended connection is sent again behind the caller's
back: what had no PUBACK when `on_lost` came is the caller's to publish again, and only the caller's. The *broker's*
side of the session lives on (client id, `clean_start=False`): subscriptions, queued messages, and those that nobody
acknowledged, which come again.

The network thread is ours too, over paho's calls for external loops. paho's own thread reconnects without jitter,
stalls on select() in a process with more than 1,024 open files, and costs system calls for every message (see wire.py).
"""

from __future__ import annotations

import contextlib
import logging
import random
import select
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import Any, Literal

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from presence.errors import DamagedFrame, HadirError
from transport.address import BrokerAddress as BrokerAddress
from transport.address import parse_broker as parse_broker
from transport.wire import LARGEST_PACKET, PUBLISH, Frames, Wire, received
from transport.wire import Received as Received

_log = logging.getLogger("hadir.transport")

_SHORTEST_DELAY_S = 0.5
_LONGEST_DELAY_S = 30.0
_CONNECT_TIMEOUT_S = 5.0
_TICK_S = 1.0
_STEP_S = 0.05
# Below the 65,535 packet ids of MQTT, so that none is given twice.
_UNACKNOWLEDGED_LIMIT = 60_000
# What may wait in memory for the socket; only QoS 0 is bounded by nothing else.
_UNSENT_LIMIT = 16 * 1024 * 1024
# What the four length bytes of MQTT can say, for a broker that names no bound.
_MQTT_LARGEST_PACKET = 268_435_460
# Fixed header, topic length, packet id and our properties, generously.
_PACKET_OVERHEAD = 128

_REMEDIES = {
    0x84: "it does not speak MQTT 5; use mosquitto 1.6 or newer",
    0x85: "it does not take this client id; ids are slugs of at most 64 characters",
    0x86: "user name or password is wrong; correct HADIR_BROKER",
    0x87: "this user may not connect; check user and password in HADIR_BROKER and the broker's access list",
    0x8E: "another client with the same id took the session over; two hosts must not run under one id, stop one",
    0x93: "it was sent more messages at once than it takes",
    0x95: "a message was larger than it takes; raise max_packet_size there",
}


class NotConnected(HadirError):
    """The broker cannot be given the message now; keep it and publish again after `on_connected`."""


class TooLarge(HadirError):
    """The message exceeds what the broker takes; sending it would end the connection, again and again."""


@dataclass(frozen=True, slots=True)
class Message:
    """What is published. `qos`: 0 or 1. `expiry_s`: the broker drops it when it is older.

    `response_topic`: where an answer is wanted, with the same `correlation`.
    """

    topic: str
    payload: bytes
    qos: int = 1
    retain: bool = False
    content_type: str | None = None
    expiry_s: int | None = None
    response_topic: str | None = None
    correlation: bytes | None = None


class Session:
    """A session that connects, and connects again, until it is stopped.

    `client_id`: names the session at the broker; no two processes may share one, or they throw each other out.
    `will`: what the broker publishes when we vanish. `clean_start`: forget the broker's side at every connect.
    `session_expiry_s`: how long the broker keeps its side without us.
    `keepalive_s`: a dead peer is found within two of it.
    `receive_maximum`: messages that the broker may send before the first of them is acknowledged.
    `max_inflight`: the same in our direction, if the broker takes as many; what is published beyond it waits in memory.
    `subscriptions`: filters, subscribed at every connect with `qos`: with 0 the broker hands on what comes and keeps
    nothing. `as_published`: those of them whose messages are marked `retain` whenever they were published so, not only
    when they are of the past.

    The callbacks run in the network thread and must only hand over, taking no lock that is held around `publish`:
    `on_message(received)`; `on_connected(session_present)`; `on_lost(reason)`, once for each on_connected unless
    stopped; `on_published(mid)` after PUBACK (QoS 0: when it was handed to the network); or `on_refused(mid, reason)`,
    when the PUBACK says that the broker did not accept the message. A mid may be told before `publish` has returned
    it, and `publish` may return one of a connection just lost: handle what they say in the thread that publishes.
    """

    def __init__(
        self,
        address: BrokerAddress,
        *,
        client_id: str,
        will: Message | None = None,
        clean_start: bool,
        session_expiry_s: int,
        keepalive_s: int = 20,
        receive_maximum: int = 1000,
        max_inflight: int = 100,
        subscriptions: Sequence[str] = (),
        qos: Literal[0, 1] = 1,
        as_published: Sequence[str] = (),
        on_message: Callable[[Received], None] | None = None,
        on_connected: Callable[[bool], None] | None = None,
        on_lost: Callable[[str], None] | None = None,
        on_published: Callable[[int], None] | None = None,
        on_refused: Callable[[int, str], None] | None = None,
    ) -> None:
        self._address = address
        self._client_id = client_id
        self._will = will
        self._clean_start = clean_start
        self._session_expiry_s = session_expiry_s
        self._keepalive_s = keepalive_s
        self._receive_maximum = receive_maximum
        self._max_inflight = max_inflight
        self._on_message = on_message
        self._on_connected = on_connected
        self._on_lost = on_lost
        self._on_published = on_published
        self._on_refused = on_refused
        self._subscriptions = frozenset(subscriptions)
        self._qos = qos
        self._as_published = frozenset(as_published)
        self._subscribing = threading.Lock()
        self._connections = 0
        # The connection on which the broker has accepted us, and the one that stands, accepted or not.
        self._connection: _Connection | None = None
        self._standing: _Connection | None = None
        self._tls = ssl.create_default_context() if address.tls else None
        self._stopping = threading.Event()
        self._waker = _Waker()
        self._thread = threading.Thread(target=self._run, name=f"mqtt {client_id}", daemon=True)
        self._said: str | None = None
        self._short_lives = 0

    @property
    def connected(self) -> bool:
        """Whether the broker has accepted us and `publish` takes messages."""
        return self._connection is not None

    def start(self) -> None:
        """Begins to connect; returns at once."""
        self._thread.start()

    def publish(self, message: Message) -> int:
        """Hands `message` to the network and returns its mid, which no other message of this session has.

        Raises NotConnected, and TooLarge for what the broker said it does not take.
        """
        connection = self._connection
        if connection is None:
            raise NotConnected(f"{self._address.url}: not connected")
        return connection.number << 16 | self._hand_over(connection, message).mid

    def ack(self, received: Received) -> None:
        """Acknowledges a message; does nothing for one of an earlier connection, which the broker sends again."""
        self.ack_all((received,))

    def ack_all(self, messages: Iterable[Received]) -> None:
        """As `ack`, in the order given, which must be that of their arrival (MQTT 5, 4.6)."""
        connection = self._connection
        if connection is None:
            return
        packet_ids = [message.token & 0xFFFF for message in messages if message.token >> 16 == connection.number]
        if packet_ids:
            connection.wire.ack(packet_ids)
            self._waker.wake()

    def subscribe(self, subscriptions: Iterable[str]) -> None:
        """Makes `subscriptions` the filters of this session, now and at every connect; others are unsubscribed."""
        with self._subscribing:
            before, self._subscriptions = self._subscriptions, frozenset(subscriptions)
            connection = self._connection
            if connection is None:
                return
            if gone := before - self._subscriptions:
                connection.client.unsubscribe(sorted(gone))
            self._subscribe(connection, self._subscriptions - before)

    def stop(self, *, timeout_s: float = 5.0, last: Message | None = None) -> bool:
        """Publishes `last`, waits for its PUBACK, disconnects cleanly (no will). Whether all of that was done in time.

        There is no `on_lost` for this end. Every session must be stopped, and stays so.
        """
        deadline = time.monotonic() + timeout_s
        connection = self._connection
        done = last is None
        if last is not None and connection is not None:
            with contextlib.suppress(NotConnected):
                info = self._hand_over(connection, last)
                while not info.is_published() and self._connection is connection and time.monotonic() < deadline:
                    info.wait_for_publish(_STEP_S)
                done = info.is_published()
        self._stopping.set()
        if self._thread.ident is None:
            self._waker.close()
            return False
        standing = self._standing
        if standing is not None:
            standing.client.disconnect()
        self._waker.wake()
        self._thread.join(max(_STEP_S, deadline - time.monotonic()))
        if self._thread.is_alive():
            done = False
            if standing is not None:
                standing.wire.abort()
            self._thread.join(_CONNECT_TIMEOUT_S)
        return done and connection is not None

    def _hand_over(self, connection: _Connection, message: Message) -> paho.MQTTMessageInfo:
        if len(message.payload) + len(message.topic) + _PACKET_OVERHEAD > connection.largest_packet:
            raise TooLarge(
                f"{message.topic}: {len(message.payload)} bytes, {self._address.url} takes {connection.largest_packet}"
            )
        if connection.wire.unsent > _UNSENT_LIMIT:
            raise NotConnected(f"{self._address.url}: takes no more for now")
        info = connection.client.publish(
            message.topic,
            message.payload,
            message.qos,
            message.retain,
            _publish_properties(message),
        )
        if info.rc != MQTTErrorCode.MQTT_ERR_SUCCESS:
            raise NotConnected(f"{self._address.url}: {paho.error_string(info.rc)}")
        return info

    def _run(self) -> None:
        attempt = 0
        try:
            while not self._stopping.is_set():
                began = time.monotonic()
                # Two hosts under one id throw each other out at once: a short connection is no success.
                self._short_lives += self._connect_once()
                if time.monotonic() - began > _LONGEST_DELAY_S:
                    attempt = self._short_lives = 0
                attempt += 1
                ceiling = min(_LONGEST_DELAY_S, _SHORTEST_DELAY_S * 2.0 ** min(attempt, 10))
                self._stopping.wait(random.uniform(_SHORTEST_DELAY_S, ceiling))  # noqa: S311
        finally:
            self._waker.close()

    def _connect_once(self) -> bool:
        """One connection from its beginning to its end; whether the broker had accepted us."""
        self._connections += 1
        client = self._new_client()
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = self._session_expiry_s
        properties.ReceiveMaximum = self._receive_maximum
        properties.MaximumPacketSize = LARGEST_PACKET
        try:
            client.connect(
                self._address.host,
                self._address.port,
                self._keepalive_s,
                clean_start=self._clean_start,
                properties=properties,
            )
        except (OSError, UnicodeError) as error:
            self._say(logging.WARNING, f"cannot be reached: {_unreachable(error)}; trying again")
            return False
        wire = client.socket()
        assert isinstance(wire, Wire)
        connection = _Connection(self._connections, client, wire)
        client.on_connect = partial(self._accepted, connection)
        client.on_disconnect = partial(self._ended, connection)
        client.on_publish = partial(self._published, connection)
        client.on_subscribe = partial(self._subscribed, connection)
        self._standing = connection
        try:
            if not self._stopping.is_set():
                self._serve(connection)
        except DamagedFrame as error:
            connection.reason = f"it sent what is not MQTT ({error})"
        except Exception as error:  # noqa: BLE001 -- a callback's: its message comes again, on the next connection
            _log.exception("%s: a callback failed, the connection is given up", self._address.url)
            connection.reason = f"given up by us after {type(error).__name__}"
        finally:
            self._connection = self._standing = None
            wire.close()
        if self._stopping.is_set():
            self._say(logging.INFO, "disconnected")
        elif connection.accepted:
            self._say(logging.WARNING, f"connection lost: {connection.reason}; connecting again")
            if self._on_lost is not None:
                self._on_lost(connection.reason)
        else:
            self._say(logging.WARNING, f"refuses the connection: {connection.reason}; trying again")
        return connection.accepted

    def _new_client(self) -> _Client:
        client = _Client(
            CallbackAPIVersion.VERSION2,
            self._client_id,
            protocol=MQTTProtocolVersion.MQTTv5,
            manual_ack=True,
        )
        client.tls = self._tls
        client.max_queued_messages_set(_UNACKNOWLEDGED_LIMIT)
        client.on_socket_register_write = self._write_wanted
        if self._address.user is not None:
            client.username_pw_set(self._address.user, self._address.password)
        if self._will is not None:
            client.will_set(
                self._will.topic,
                self._will.payload,
                self._will.qos,
                self._will.retain,
                _properties(PacketTypes.WILLMESSAGE, self._will.content_type, self._will.expiry_s),
            )
        return client

    def _serve(self, connection: _Connection) -> None:
        """Moves bytes until paho has closed the connection."""
        client, wire = connection.client, connection.wire
        frames = Frames()
        events = select.poll()
        descriptor = wire.fileno()
        events.register(descriptor, select.POLLIN)
        events.register(self._waker.fileno(), select.POLLIN)
        next_tick = time.monotonic() + _TICK_S
        asked_to_write = False
        while client.socket() is not None:
            # Always once, which tells paho that nothing is registered: it asks for a wake-up only when nothing is.
            client.loop_write()
            # paho may close the socket while packets still wait, which then never become fewer.
            while client.want_write() and client.socket() is not None:
                client.loop_write()
            if (to_write := not wire.flush()) != asked_to_write:
                events.modify(descriptor, select.POLLIN | select.POLLOUT if to_write else select.POLLIN)
                asked_to_write = to_write
            if client.socket() is None:
                return
            for ready, mask in events.poll(max(0.0, next_tick - time.monotonic()) * 1000):
                if ready == descriptor:
                    if mask & ~select.POLLOUT:
                        self._receive(connection, frames)
                else:
                    self._waker.clear()
            if time.monotonic() >= next_tick:
                client.loop_misc()
                next_tick = time.monotonic() + _TICK_S

    def _receive(self, connection: _Connection, frames: Frames) -> None:
        client, wire, on_message = connection.client, connection.wire, self._on_message
        while True:
            for frame in frames.feed(wire.receive()):
                if frame.header & 0xF0 == PUBLISH:
                    message = received(frame, connection.number)
                    if on_message is not None:
                        on_message(message)
                    continue
                wire.offer(frame.data[frame.start : frame.end])
                client.loop_read()
                if client.socket() is None:
                    return
            if wire.ended:
                client.loop_read()
                return
            if not wire.buffered:
                return

    def _accepted(
        self,
        connection: _Connection,
        _client: paho.Client,
        _userdata: Any,
        flags: paho.ConnectFlags,
        reason: ReasonCode,
        properties: Properties | None,
    ) -> None:
        if reason.is_failure:
            connection.reason = _said_by_broker(reason)
            return
        connection.accepted = True
        connection.largest_packet = getattr(properties, "MaximumPacketSize", connection.largest_packet)
        window = min(self._max_inflight, getattr(properties, "ReceiveMaximum", self._max_inflight))
        # paho lets nobody set this any more, and does not do itself what MQTT 5 demands (3.3.4).
        connection.client._max_inflight_messages = window
        with self._subscribing:
            self._subscribe(connection, self._subscriptions)
            self._connection = connection
        present = "its session was kept" if flags.session_present else "a new session"
        self._say(logging.INFO, f"connected as {self._client_id}, {present}")
        if self._on_connected is not None:
            self._on_connected(flags.session_present)

    def _ended(
        self,
        connection: _Connection,
        _client: paho.Client,
        _userdata: Any,
        flags: paho.DisconnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        self._connection = None
        if connection.reason:
            return
        if flags.is_disconnect_packet_from_server:
            connection.reason = _said_by_broker(reason)
        elif reason.getName() == "Keep alive timeout":
            connection.reason = f"nothing was heard of it for {self._keepalive_s} s"
        else:
            connection.reason = connection.wire.failure or "it closed the connection without a word"
            if self._short_lives:
                # mosquitto 2.0 says no more to a client whose session another one took over.
                connection.reason += f", again; does another client run under the id {self._client_id}?"

    def _published(
        self,
        connection: _Connection,
        _client: paho.Client,
        _userdata: Any,
        mid: int,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        if not reason.is_failure:
            if self._on_published is not None:
                self._on_published(connection.number << 16 | mid)
            return
        text = f"{reason.getName()}; user {self._address.user or '(none)'} may not write to this topic there"
        if not connection.refused:
            connection.refused = True
            _log.warning("%s: did not accept a message: %s", self._address.url, text)
        if self._on_refused is not None:
            self._on_refused(connection.number << 16 | mid, text)

    def _subscribe(self, connection: _Connection, subscriptions: Iterable[str]) -> None:
        if filters := sorted(subscriptions):
            _, mid = connection.client.subscribe(
                [(text, SubscribeOptions(self._qos, retainAsPublished=text in self._as_published)) for text in filters]
            )
            if mid is not None:
                connection.subscribing[mid] = filters

    def _subscribed(
        self,
        connection: _Connection,
        _client: paho.Client,
        _userdata: Any,
        mid: int,
        reasons: list[ReasonCode],
        _properties: Properties | None,
    ) -> None:
        for text, reason in zip(connection.subscribing.pop(mid, []), reasons, strict=False):
            if reason.is_failure:
                _log.warning(
                    "%s: does not let user %s read %s: %s; allow it in the broker's access list",
                    self._address.url,
                    self._address.user or "(none)",
                    text,
                    reason.getName(),
                )

    def _write_wanted(self, _client: paho.Client, _userdata: Any, _socket: Any) -> None:
        self._waker.wake()

    def _say(self, level: int, text: str) -> None:
        """Logs `text` when it is not what was said last."""
        if text != self._said:
            self._said = text
            _log.log(level, "%s: %s", self._address.url, text)


class _Client(paho.Client):
    """paho over a Wire. paho's own way to a socket leaves it open when a TLS handshake fails."""

    tls: ssl.SSLContext | None = None

    def _create_socket(self) -> Wire:
        connected = socket.create_connection((self.host, self.port), timeout=_CONNECT_TIMEOUT_S)
        if self.tls is None:
            return Wire(connected)
        try:
            return Wire(self.tls.wrap_socket(connected, server_hostname=self.host))
        except BaseException:
            connected.close()
            raise


@dataclass(slots=True)
class _Connection:
    """From one connect to its end. `number`: counted from 1 in its session."""

    number: int
    client: _Client
    wire: Wire
    accepted: bool = False
    reason: str = ""
    refused: bool = False
    largest_packet: int = _MQTT_LARGEST_PACKET
    subscribing: dict[int, list[str]] = field(default_factory=dict)


class _Waker:
    """Ends the poll of the network thread, from any thread; one byte for all that ask before it looks."""

    def __init__(self) -> None:
        self._reader, self._writer = socket.socketpair()
        self._reader.setblocking(False)
        self._writer.setblocking(False)
        self._woken = False

    def fileno(self) -> int:
        return self._reader.fileno()

    def wake(self) -> None:
        if not self._woken:
            self._woken = True
            with contextlib.suppress(OSError):  # closed: nobody is left to be woken
                self._writer.send(b"\0")

    def clear(self) -> None:
        """Must come before looking for what the wakers left."""
        self._reader.recv(64)
        self._woken = False

    def close(self) -> None:
        self._reader.close()
        self._writer.close()


def _properties(packet_type: int, content_type: str | None, expiry_s: int | None) -> Properties | None:
    if content_type is None and expiry_s is None:
        return None
    properties = _Packed(packet_type)  # type: ignore[no-untyped-call]
    if content_type is not None:
        properties.ContentType = content_type
    if expiry_s is not None:
        properties.MessageExpiryInterval = expiry_s
    return properties


def _publish_properties(message: Message) -> Properties | None:
    if message.response_topic is None and message.correlation is None:
        return _repeated_properties(message.content_type, message.expiry_s)
    properties = _properties(PacketTypes.PUBLISH, message.content_type, message.expiry_s)
    properties = properties or _Packed(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    if message.response_topic is not None:
        properties.ResponseTopic = message.response_topic
    if message.correlation is not None:
        properties.CorrelationData = message.correlation
    return properties


@lru_cache(maxsize=256)
def _repeated_properties(content_type: str | None, expiry_s: int | None) -> Properties | None:
    return _properties(PacketTypes.PUBLISH, content_type, expiry_s)


class _Packed(Properties):
    """Properties that are packed once: the same few go with every message."""

    def pack(self) -> bytes:
        packed: bytes | None = self.__dict__.get("packed")
        if packed is None:
            packed = bytes(super().pack())  # type: ignore[no-untyped-call]
            object.__setattr__(self, "packed", packed)
        return packed


def _said_by_broker(reason: ReasonCode) -> str:
    remedy = _REMEDIES.get(reason.value)
    return f"{reason.getName()}: {remedy}" if remedy else reason.getName()


def _unreachable(error: OSError | UnicodeError) -> str:
    match error:
        case ssl.SSLCertVerificationError():
            return f"its certificate is not trusted ({error.verify_message}); SSL_CERT_FILE may name its root"
        case ssl.SSLError():
            return f"TLS failed ({error.reason or error}); is this its TLS port?"
        case socket.gaierror() | UnicodeError():
            return "no host of that name is known; correct HADIR_BROKER"
        case ConnectionRefusedError():
            return "nothing listens there; is the broker running, and is the port right?"
        case TimeoutError():
            return f"no answer in {_CONNECT_TIMEOUT_S:.0f} s; is the host up, and the port open?"
        case _:
            return error.strerror or str(error)
