"""The session for what is heard at once, at a real broker that goes away; time is virtual."""

from __future__ import annotations

import random
import threading
from collections import deque
from collections.abc import Iterator

import pytest

from collector.conventions.convention import Message
from collector.ears import Ears
from presence.readings import Reading
from presence.site import Source
from tests.builders import outlet, sensor, site
from tests.fixtures.broker import RunningBroker
from tests.fixtures.hadir_command import eventually
from transport.session import Message as Outgoing
from transport.session import NotConnected, Received, Session, parse_broker

START = 1_795_000_000_000
SITE = site(outlets=[outlet(sensors=[sensor("desk", source=Source(convention="esphome", topic="n"))])])


class Ear:
    """`Ears` that listen to the ESPHome node `n`, which is `node`."""

    def __init__(self, broker: RunningBroker) -> None:
        self.now_ms = START
        self._arrived: deque[Message] = deque()
        self._woken = 0
        self.ears = Ears(parse_broker(broker.url), self._receive, self._wake, lambda: self.now_ms, random.Random(7))
        self.ears.follow([SITE])
        self.ears.start()
        self._is_there = threading.Event()
        self.node = Session(
            parse_broker(broker.url),
            client_id="n",
            clean_start=True,
            session_expiry_s=0,
            on_message=lambda received: None,
            on_connected=lambda _: self._is_there.set(),
            on_lost=lambda _: self._is_there.clear(),
        )
        self.node.start()
        self.comes(1)

    def _receive(self, received: Received) -> None:
        one = (received.topic, received.payload, received.content_type, None, received.retain)
        self._arrived.append(Message(*one, self.now_ms))

    def _wake(self) -> None:
        self._woken += 1

    def comes(self, times: int) -> None:
        """Wait for the broker to be there for the `times`th time."""
        eventually(lambda: self._woken == times)
        assert self._is_there.wait(30)

    def hears(self, name: str, word: str) -> list[Reading]:
        """What is heard when the node says it; said again until it comes."""
        wanted = Message(f"n/binary_sensor/{name}/state", word.encode(), None, None, False, self.now_ms)

        def arrived() -> bool:
            try:
                self.node.publish(Outgoing(wanted.topic, wanted.payload, qos=0))
            except NotConnected:
                return False
            return wanted in self._arrived.copy()

        eventually(arrived, every_s=0.2)
        own = self.ears.hear(wanted).own
        return list(own[0].readings) if own else []


@pytest.fixture
def ear(mosquitto: RunningBroker) -> Iterator[Ear]:
    one = Ear(mosquitto)
    yield one
    one.ears.stop()
    one.node.stop()


def test_what_comes_after_a_lost_connection_is_not_held_against_words_of_before(ear: Ear, mosquitto: RunningBroker):
    assert ear.ears.missed([SITE.id], lambda _: None, {}) == [], "nothing was known before"
    ear.hears("zone_1_occupancy", "OFF")
    ear.hears("zone_2_occupancy", "ON")
    ear.now_ms += 10_000
    mosquitto.stop()
    eventually(lambda: not ear._is_there.is_set())
    mosquitto.restart()
    ear.comes(2)
    ear.now_ms += 10_000
    after_ms = ear.now_ms
    assert ear.hears("zone_1_occupancy", "OFF") == [Reading("desk", after_ms, {"online": 0.0})], "before it is told"
    assert ear.ears.missed([SITE.id], lambda _: None, {}) == [], "the sensor spoke since"
    ear.now_ms += 1_000
    assert ear.hears("zone_2_occupancy", "OFF") == [Reading("desk", ear.now_ms, {"presence": 0.0})], "told once"
