"""From the outbox to the broker, and the retained status of the gateway and its sensors.

Readings go as gateway packs, what is there at a time, and are forgotten when the broker has acknowledged them and two
more seconds of its acknowledgements have come: a mosquitto that is killed may lose its last second. After every connect
all that is still in the outbox is sent again; receivers recognise repeats by sensor and `seq`.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from queue import Empty, SimpleQueue

import msgspec

from firmware_bridge.clock import HostClock, Stamp
from firmware_bridge.outbox import Outbox, Row
from firmware_bridge.status import Status
from presence import topics
from presence.readings import Reading
from presence.senml import JSON_TYPE, encode_json
from transport.disk_queue import QueueFull
from transport.session import BrokerAddress, Message, NotConnected, Received, Session, TooLarge

log = logging.getLogger("hadir.bridge")

PACK = 50
WINDOW = 100
KEPT_S = 2.0
_FORGET_EVERY_S = 1.0
_STEP_S = 0.05
_PAUSE_S = 0.5
_REFUSED_PAUSE_S = 10.0
_DRAIN_S = 2.0
_ANSWERS_LIMIT = 256
# What the network says is listened to for so long at a time, then the ports have their turn.
_TURN_S = 0.05
# QoS 1 is bounded by the session; of QoS 0, which promises nothing, so many commands may wait, and no larger ones.
_COMMANDS_WAITING = 1_000
_LARGEST_COMMAND = 64 * 1024
_AGES_LIVE_S = 30 * 24 * 3600


@dataclass(slots=True)
class _Pack:
    """Readings up to and with row `last_id`, on their way."""

    last_id: int
    acknowledged_s: float | None = None


class Publisher:
    """One session of a gateway. All methods belong to the thread that fills the outbox, which calls `pump` often.

    `on_settings`: takes what arrives on the gateway's settings topic, from within `pump`; None: not subscribed.
    `on_command`: the same with commands to any sensor of the site.
    `wake`: called from another thread when there is something to `pump` for.
    """

    def __init__(
        self,
        outbox: Outbox,
        *,
        address: BrokerAddress,
        site: str,
        gateway: str,
        clock: HostClock,
        on_settings: Callable[[bytes], None] | None = None,
        on_command: Callable[[Received], None] | None = None,
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        self._outbox = outbox
        self._clock = clock
        self._on_settings = on_settings
        self._on_command = on_command
        self._wake = wake
        self._readings_topic = topics.gateway_topic(site, gateway, "readings")
        self._status_topic = topics.gateway_topic(site, gateway, "status")
        self._gateway = Status(state="online", since_ms=None, firmware=version("hadir"))
        self._events: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._online = self._met = False
        self._retained: dict[str, bytes] = {}
        self._to_retain: dict[str, bytes] = {}
        self._clearing: dict[int, str] = {}
        self._answers: deque[Message] = deque(maxlen=_ANSWERS_LIMIT)
        self._flying: dict[int, _Pack] = {}
        self._in_order: deque[_Pack] = deque()
        self._cursor = 0
        self._pack = PACK
        self._waiting_for_pubacks = False
        self._paused_until_s = 0.0
        self._newest_puback_s = 0.0
        self._forgot_s = 0.0
        offline = Status(state="offline", since_ms=None, firmware=self._gateway.firmware)
        self._settings_topic = topics.gateway_topic(site, gateway, "settings")
        commands = topics.sensor_topic(site, "+", "command")
        self._session = Session(
            address,
            client_id=f"{site}.{gateway}",
            will=Message(self._status_topic, offline.encode(), retain=True),
            clean_start=True,
            session_expiry_s=0,
            max_inflight=WINDOW,
            subscriptions=[self._settings_topic] * bool(on_settings) + [commands] * bool(on_command),
            as_published=(commands,),
            on_message=self._arrived,
            on_connected=lambda _: self._happened(self._connected),
            on_lost=lambda _: self._happened(self._lost),
            on_published=self._puback,
            on_refused=lambda mid, _: self._happened(partial(self._refused, mid)),
        )

    @property
    def online(self) -> bool:
        return self._online

    def start(self) -> None:
        self._session.start()

    def pump(self) -> None:
        """Takes what the network had to say and sends what waits, as far as the window allows; never blocks."""
        until_s = time.monotonic() + _TURN_S
        while True:
            self._take_events(until_s)
            if not self._online:
                return
            self._send_statuses()
            self._send_answers()
            self._waiting_for_pubacks = not self._send_readings()
            # A PUBACK that came before it was waited for has not woken anybody.
            if not self._waiting_for_pubacks or self._events.empty() or time.monotonic() >= until_s:
                break
        self._forget()

    def retain(self, topic: str, payload: bytes) -> None:
        """Publishes `payload` retained, soon and after every connect, until there is another.

        b"" clears, and is said until the broker has acknowledged it once.
        """
        self._to_retain[topic] = payload
        if payload:
            self._retained[topic] = payload
        else:
            self._retained.pop(topic, None)

    def send(self, message: Message) -> None:
        """Publishes `message` once, soon or after the next connect."""
        self._answers.append(message)

    def count(self, *, sent: int, damaged: int, lost: int) -> None:
        """The sums that the gateway's status tells."""
        self._gateway = msgspec.structs.replace(self._gateway, sent=sent, damaged=damaged, lost=lost)
        self._to_retain[self._status_topic] = self._gateway.encode()

    def stop(self) -> None:
        """Sends what is there, two seconds long, then says offline and disconnects."""
        self._waiting_for_pubacks = True
        stop_by_s = time.monotonic() + _DRAIN_S
        self.pump()
        while self._online and (self._flying or self._to_retain or self._answers) and time.monotonic() < stop_by_s:
            with contextlib.suppress(Empty):
                self._events.get(timeout=_STEP_S)()
            self.pump()
        offline = msgspec.structs.replace(self._gateway, state="offline", since_ms=self._clock.now().date_ms)
        self._session.stop(last=Message(self._status_topic, offline.encode(), retain=True))

    # In the network's thread.

    def _arrived(self, received: Received) -> None:
        if received.topic != self._settings_topic:
            if received.qos == 0 and self._events.qsize() >= _COMMANDS_WAITING:
                return
            received = received._replace(payload=received.payload[:_LARGEST_COMMAND])  # which is no JSON any more
        self._happened(partial(self._received, received))

    def _happened(self, event: Callable[[], None]) -> None:
        self._events.put(event)
        self._wake()

    def _puback(self, mid: int) -> None:
        self._events.put(partial(self._acknowledged, mid))
        if self._waiting_for_pubacks:
            self._wake()

    # In ours.

    def _take_events(self, until_s: float) -> None:
        with contextlib.suppress(Empty):
            while True:
                self._events.get_nowait()()
                if time.monotonic() >= until_s:
                    self._wake()
                    return

    def _received(self, received: Received) -> None:
        if received.topic == self._settings_topic:
            if self._on_settings:
                self._on_settings(received.payload)
        elif self._on_command:
            self._on_command(received)
        self._session.ack(received)

    def _connected(self) -> None:
        self._online = True
        again = self._gateway.reconnected + self._met
        self._met = True
        self._gateway = msgspec.structs.replace(self._gateway, since_ms=self._clock.now().date_ms, reconnected=again)
        clearing = [*self._clearing.values(), *(topic for topic, payload in self._to_retain.items() if not payload)]
        self._clearing.clear()
        self._to_retain = {self._status_topic: self._gateway.encode(), **dict.fromkeys(clearing, b""), **self._retained}
        self._send_again()

    def _lost(self) -> None:
        self._online = False
        self._outbox.delivered_through(0)

    def _send_again(self) -> None:
        """From the oldest that is still in the outbox: what was not acknowledged, and what was in its last seconds."""
        self._flying.clear()
        self._in_order.clear()
        self._cursor = 0
        self._outbox.delivered_through(0)

    def _acknowledged(self, mid: int) -> None:
        self._clearing.pop(mid, None)
        if pack := self._flying.pop(mid, None):
            self._newest_puback_s = pack.acknowledged_s = time.monotonic()

    def _refused(self, mid: int) -> None:
        """The broker does not take our readings (the session has said why): they wait, and are tried again."""
        if mid in self._flying:
            self._paused_until_s = time.monotonic() + _REFUSED_PAUSE_S
            self._send_again()

    def _send_statuses(self) -> None:
        while self._to_retain:
            topic, payload = next(iter(self._to_retain.items()))
            try:
                mid = self._published(Message(topic, payload, retain=True))
            except TooLarge as error:
                log.error("%s; it is not sent", error)
                del self._to_retain[topic]
                self._retained.pop(topic, None)
                continue
            if mid is None:
                return
            del self._to_retain[topic]
            if not payload:
                self._clearing[mid] = topic

    def _send_answers(self) -> None:
        while self._answers:
            try:
                if self._published(self._answers[0]) is None:
                    return
            except TooLarge as error:
                log.error("%s; it is not sent", error)
            self._answers.popleft()

    def _send_readings(self) -> bool:
        """Whether all that waits was sent."""
        while self._cursor < self._outbox.last_id:
            if len(self._flying) >= WINDOW or time.monotonic() < self._paused_until_s:
                return False
            rows = self._outbox.read(self._cursor, self._pack)
            if not rows:
                break
            try:
                if not self._send_pack(rows):
                    return False
            except QueueFull as full:
                log.error("%s", full)
                self._paused_until_s = time.monotonic() + _REFUSED_PAUSE_S
                return False
        return True

    def _send_pack(self, rows: list[tuple[int, Row]]) -> bool:
        """Sends those at the head of `rows` that one pack can hold; False when nothing can be sent now."""
        now = self._clock.now()
        stamps = [self._clock.dated(self._outbox.stamp(row_id, row), now) for row_id, row in rows]
        alike = _alike(rows, stamps)
        boot = stamps[0].host_boot
        pack = _Pack(alike[-1][0])
        if boot and boot != self._clock.boot:
            self._outbox.lose(alike)  # how long the host was off is not known, nor how old they are
        else:
            self._outbox.sending_through(pack.last_id)
            dated = zip(alike, stamps, strict=False)
            readings = [Reading(row.sensor, stamp.at_ms, row.values) for (_, row), stamp in dated]
            message = Message(
                self._readings_topic,
                encode_json(readings, many_sensors=True, relative_to_ms=now.up_ms if boot else None),
                content_type=JSON_TYPE,
                expiry_s=_AGES_LIVE_S if boot else None,
            )
            try:
                mid = self._published(message)
            except TooLarge as error:
                if len(alike) > 1:
                    self._pack = len(alike) // 2
                    return True
                log.error("%s; the reading is lost, and counted", error)
                self._outbox.lose(alike)
                self._cursor = pack.last_id
                return True
            if mid is None:
                return False
            self._flying[mid] = pack
            self._in_order.append(pack)
        self._cursor = pack.last_id
        return True

    def _published(self, message: Message) -> int | None:
        """The message's mid; None when it cannot be sent now."""
        try:
            return self._session.publish(message)
        except NotConnected:
            self._paused_until_s = time.monotonic() + _PAUSE_S
            return None

    def _forget(self) -> None:
        now_s = time.monotonic()
        if now_s - self._forgot_s < _FORGET_EVERY_S:
            return
        self._forgot_s = now_s
        # Counted from the broker's own sign of life, not from now: one that hangs acknowledges nothing.
        safe_s = self._newest_puback_s - KEPT_S
        through = 0
        acknowledged = itertools.takewhile(lambda pack: pack.acknowledged_s is not None, self._in_order)
        if head := deque(acknowledged, maxlen=1):
            self._outbox.delivered_through(head[0].last_id)
        while self._in_order and (acknowledged_s := self._in_order[0].acknowledged_s) and acknowledged_s <= safe_s:
            through = self._in_order.popleft().last_id
        if through:
            try:
                self._outbox.drop_through(through)
            except QueueFull as full:
                log.error("%s", full)


def _alike(rows: list[tuple[int, Row]], stamps: list[Stamp]) -> list[tuple[int, Row]]:
    """The head of `rows` that one pack can hold: stamped by one clock, and no two of one sensor at one instant.

    Those would be read as one reading. They come about when the clock was set back, or after bursts.
    """
    boot = stamps[0].host_boot
    seen: set[tuple[str, int]] = set()
    for place, ((_, row), stamp) in enumerate(zip(rows, stamps, strict=True)):
        instant = row.sensor, stamp.at_ms
        if stamp.host_boot != boot or instant in seen:
            return rows[:place]
        seen.add(instant)
    return rows
