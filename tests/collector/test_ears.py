"""The session for what is heard at once, at a real broker that goes away; time is virtual."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterator
from contextlib import suppress

import pytest

from collector.conventions.convention import Message
from collector.ears import Ears
from collector.intake import Note
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
    """`Ears` that listen to the ESPHome node `n`, which is `node`; what they hear is told by the one sensor `desk`."""

    def __init__(self, broker: RunningBroker) -> None:
        self.now_ms = START
        self.told: list[Reading] = []
        self._arrived: deque[Message | Note] = deque()
        seen = {("balai", "desk"): START - 60_000}
        self.ears = Ears(
            parse_broker(broker.url),
            self._receive,
            lambda note, _: self._arrived.append(note),
            lambda: self.now_ms,
            lambda _: START - 30_000,
            lambda: seen,
            random.Random(7),
        )
        self.ears.follow([SITE])
        self.ears.start()
        self.node = Session(
            parse_broker(broker.url),
            client_id="n",
            clean_start=True,
            session_expiry_s=0,
        )
        self.node.start()

    def _receive(self, received: Received) -> None:
        one = (received.topic, received.payload, received.content_type, None, received.retain)
        self._arrived.append(Message(*one, self.now_ms))

    def take(self) -> None:
        """Hear what has arrived, in its order."""
        while self._arrived:
            one = self._arrived.popleft()
            own = self.ears.hear(one).own if isinstance(one, Message) else one()
            self.told += [reading for said in own for reading in said.readings]

    def hears(self, name: str, word: str) -> list[Reading]:
        """What is told when the node says it; said again until it comes."""
        topic, payload = f"n/binary_sensor/{name}/state", word.encode()

        def arrived() -> bool:
            with suppress(NotConnected):
                self.node.publish(Outgoing(topic, payload, qos=0))
            return any(isinstance(one, Message) and one.topic == topic for one in self._arrived.copy())

        eventually(arrived, every_s=0.2)
        self.take()
        found, self.told = self.told, []
        return found


@pytest.fixture
def ear(mosquitto: RunningBroker) -> Iterator[Ear]:
    one = Ear(mosquitto)
    yield one
    one.ears.stop()
    one.node.stop()


def test_since_the_process_before_nobody_listened(ear: Ear):
    silent = Reading("desk", START - 30_000, {"online": 0.0})
    assert ear.hears("occupancy", "ON")[0] == silent


def test_a_session_that_is_lost_makes_its_sensors_unknown_before_it_is_back(ear: Ear, mosquitto: RunningBroker):
    ear.hears("zone_1_occupancy", "OFF")
    ear.hears("zone_2_occupancy", "ON")
    ear.now_ms += 10_000
    mosquitto.stop()
    eventually(lambda: ear.take() or {"online": 0.0} in [one.values for one in ear.told])
    assert ear.told[-1].values == {"online": 0.0}, "what was said again while it was awaited came before"
    ear.told.clear()
    mosquitto.restart()
    ear.now_ms += 10_000
    told = ear.hears("zone_1_occupancy", "OFF")
    assert [one.values for one in told if "presence" in one.values] == [], "zone 2 may be occupied, as it was, or not"
    ear.now_ms += 1_000
    assert {"presence": 0.0} in [one.values for one in ear.hears("zone_2_occupancy", "OFF")]
