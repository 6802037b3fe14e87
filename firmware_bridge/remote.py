"""Bridges that run elsewhere, as their broker knows them: their settings, their readings, requests to their sensors."""

from __future__ import annotations

import contextlib
import json
import math
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Any

import msgspec

from presence import topics
from presence.errors import DamagedFrame, HadirError
from presence.gateway_settings import GatewaySettings, parse_gateway_settings
from presence.readings import Reading
from presence.senml import decode
from transport.session import BrokerAddress, Message, NotConnected, Received, Session

_CONNECT_S = 10.0
_FIRST_S, _OTHERS_S = 5.0, 0.5
_LEAVES: tuple[topics.SensorLeaf, ...] = ("readings", "status")
# The wire's running numbers, which no sensor measured.
_NUMBERS = ("seq", "boot")


class _DeviceSettings(msgspec.Struct):
    settings: dict[str, Any]


class _Status(msgspec.Struct):
    damaged: int


class Unreachable(HadirError):
    """The broker does not answer."""


class Unanswered(HadirError):
    """A bridge does not answer."""


class Remote:
    """A connection for one person's question; used as a context. Raises Unreachable when it begins."""

    def __init__(self, address: BrokerAddress) -> None:
        self.damaged: dict[str, int] = {}  # as the sensors watched say in their statuses
        self._address = address
        self._arrived: SimpleQueue[Received] = SimpleQueue()
        self._kept: deque[Received] = deque()
        self._filters: set[str] = set()
        self._connected = threading.Event()
        self.client = f"hand-{secrets.token_hex(6)}"
        self._session = Session(
            address,
            client_id=self.client,
            clean_start=True,
            session_expiry_s=0,
            on_message=self._arrived.put,
            on_connected=lambda _: self._connected.set(),
        )

    def __enter__(self) -> Remote:
        self._session.start()
        if not self._connected.wait(_CONNECT_S):
            self._session.stop(timeout_s=0.1)
            raise Unreachable(f"{self._address.url}: cannot be reached; is the broker running, is HADIR_BROKER right?")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._session.stop()

    def settings(self, *, site: str | None = None, gateway: str | None = None) -> list[GatewaySettings]:
        """Those that the broker keeps, of all gateways or of those named; none when it has none after some seconds."""
        self._subscribe([topics.gateway_topic(site or "+", gateway or "+", "settings")])
        found: dict[str, GatewaySettings] = {}
        until_s = time.monotonic() + _FIRST_S
        while (received := self._next(until_s - time.monotonic())) is not None:
            if received.payload:
                found[received.topic] = parse_gateway_settings(received.payload, received.topic)
                until_s = time.monotonic() + _OTHERS_S
        return [found[topic] for topic in sorted(found)]

    def device_settings(self, site: str, sensor: str) -> dict[str, Any]:
        """What was read back from the device last; empty when nothing was."""
        topic = topics.sensor_topic(site, sensor, "settings")
        self._subscribe({*self._filters, topic})
        received = self._wait_for(lambda received: received.topic == topic, _OTHERS_S)
        try:
            told = (
                msgspec.json.decode(received.payload, type=_DeviceSettings) if received and received.payload else None
            )
        except (msgspec.DecodeError, msgspec.ValidationError):
            return {}
        return told.settings if told else {}

    def watch(self, site: str, gateway: str, sensors: Iterable[str]) -> None:
        """From now on `readings` gives those of `sensors`, which `gateway` sends or they themselves."""
        own = [topics.sensor_topic(site, sensor, leaf) for sensor in sensors for leaf in _LEAVES]
        self._subscribe([topics.gateway_topic(site, gateway, "readings"), *own])

    def readings(self, wait_s: float) -> list[Reading]:
        """Those that came as soon as some have; none after `wait_s`."""
        received = self._next(wait_s)
        if received is None:
            return []
        topic = topics.parse(received.topic)
        if topic is None or topic.leaf != "readings":
            if topic and topic.thing == "sensor" and topic.leaf == "status":
                self._count(topic.id, received.payload)
            return []
        try:
            decoded = decode(
                received.payload,
                content_type=received.content_type,
                sensor=topic.id if topic.thing == "sensor" else None,
                received_ms=time.time_ns() // 1_000_000,
            )
        except DamagedFrame:
            return []
        for reading in decoded:
            for name in _NUMBERS:
                reading.values.pop(name, None)
        return decoded

    def ask(self, site: str, sensor: str, command: str, args: Mapping[str, Any], within_s: float) -> dict[str, Any]:
        """The reply of the sensor's bridge. Raises Unanswered, also when the bridge is older than such questions."""
        self._subscribe({*self._filters, topics.reply(site, self.client)})
        # What comes too late for us must not be done at all.
        correlation = self.tell(site, sensor, command, args, expiry_s=max(1, math.ceil(within_s)))
        received = self._wait_for(lambda received: received.correlation == correlation, within_s)
        if received is None:
            problem = f"its bridge did not answer {command} in {within_s:g} s; is it running, and new enough?"
            raise Unanswered(f"{sensor}: {problem}")
        reply: dict[str, Any] = json.loads(received.payload)
        return reply

    def tell(
        self, site: str, sensor: str, command: str, args: Mapping[str, Any], *, expiry_s: int | None = None
    ) -> bytes:
        """Asks for `command`, and does not wait for the answer, which has the correlation that is returned.

        Raises Unreachable.
        """
        correlation = secrets.token_bytes(8)
        message = Message(
            topics.sensor_topic(site, sensor, "command"),
            json.dumps({"command": command, "args": args}).encode(),
            response_topic=topics.reply(site, self.client),
            correlation=correlation,
            expiry_s=expiry_s,
        )
        try:
            self._session.publish(message)
        except NotConnected as lost:
            raise Unreachable(str(lost)) from None
        return correlation

    def _wait_for(self, wanted: Callable[[Received], bool], within_s: float) -> Received | None:
        """The first message that is wanted; others are kept for later."""
        until_s = time.monotonic() + within_s
        others: list[Received] = []
        while (received := self._next(until_s - time.monotonic())) is not None and not wanted(received):
            others.append(received)
        self._kept.extend(others)
        return received

    def _count(self, sensor: str, status: bytes) -> None:
        with contextlib.suppress(msgspec.DecodeError, msgspec.ValidationError):
            self.damaged[sensor] = msgspec.json.decode(status, type=_Status).damaged

    def _subscribe(self, filters: Iterable[str]) -> None:
        self._filters = set(filters)
        self._session.subscribe(self._filters)

    def _next(self, wait_s: float) -> Received | None:
        if self._kept:
            return self._kept.popleft()
        try:
            received = self._arrived.get(timeout=max(0.0, wait_s))
        except Empty:
            return None
        self._session.ack(received)
        return received
