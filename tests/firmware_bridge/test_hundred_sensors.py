"""A hundred emulated sensors, of every kind that speaks by itself, in one bridge: all arrives, in order."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable
from itertools import islice

import msgspec

from firmware_bridge.drivers import DRIVERS
from firmware_bridge.emulators import EMULATORS
from firmware_bridge.emulators.target import Target
from firmware_bridge.resync import Decoded
from presence import topics
from presence.gateway_settings import GatewaySettings, SensorPort
from presence.readings import Reading
from tests.firmware_bridge.emulated import spoken
from tests.firmware_bridge.receiver import receiving
from tests.fixtures.broker import RunningBroker
from tests.fixtures.hadir_command import Hadir, eventually
from tests.fixtures.pseudo_terminal import PseudoTerminal
from transport.session import Message

SENSORS = 100
ROUNDS, ROUND_MS = 80, 100
# Of a unit that answers late, as on a busy machine, the bridge takes one answer to each request: how many is not known.
KINDS = sorted(EMULATORS.keys() - {"modbus"})
TARGETS = (Target(), Target("moving", 1.5, 80), Target("still", 2.0, 50))

Values = dict[str, float]


class Played:
    """A device on a terminal. `said`: what its readings are, by part."""

    def __init__(self, number: int, terminal: PseudoTerminal) -> None:
        self.driver = KINDS[number % len(KINDS)]
        self.terminal = terminal
        self.said: dict[str | None, list[Values]] = defaultdict(list)
        self._interval_ms = EMULATORS[self.driver].interval_ms
        self._report_due_ms = 0
        self._device = EMULATORS[self.driver].make(number)
        self._decoder = DRIVERS[self.driver].driver(DRIVERS[self.driver].EXAMPLE)

    def sensors(self) -> list[SensorPort]:
        """One for each part of which it speaks."""
        decoder = DRIVERS[self.driver].driver(DRIVERS[self.driver].EXAMPLE)
        results = [result for piece in islice(spoken(self.driver, 1), 50) for result in decoder.feed(piece)]
        parts = {result.part for result in results if isinstance(result, Decoded)}
        return [
            SensorPort(
                id=self.name(part),
                driver=self.driver,
                port=str(self.terminal.path),
                part=part,
                config=dict(DRIVERS[self.driver].EXAMPLE),
            )
            for part in parts
        ]

    def name(self, part: str | None) -> str:
        return f"{self.terminal.path.name}-{'-'.join(map(str, (part or '').encode()))}"

    def play(self, at_ms: int) -> None:
        self._device.target = TARGETS[at_ms // 700 % len(TARGETS)]
        data = self._device.receive(self.terminal.read())
        if at_ms >= self._report_due_ms:
            self._report_due_ms = at_ms + self._interval_ms
            data += self._device.report(at_ms)
        self.terminal.write(data, within_s=60)
        for result in self._decoder.feed(data):
            if isinstance(result, Decoded):
                self.said[result.part].append(result.values)


def test_all_that_a_hundred_sensors_say_arrives(
    pseudo_terminal: Callable[[str], PseudoTerminal], mosquitto: RunningBroker, hadir: Hadir
) -> None:
    devices = [Played(number, pseudo_terminal(f"port-{number}")) for number in range(SENSORS)]
    sensors = tuple(sensor for device in devices for sensor in device.sensors())
    settings = GatewaySettings(version=1, site="mpp", gateway="gw", sensors=sensors)
    found: list[Reading] = []
    with receiving(mosquitto.url, found) as session:
        topic = topics.gateway_topic("mpp", "gw", "settings")
        session.publish(Message(topic, msgspec.json.encode(settings), retain=True))
        hadir.start("bridge", "run", "--gateway", "gw", HADIR_BROKER=mosquitto.url)
        eventually(lambda: all(device.terminal.opened for device in devices))
        for number in range(ROUNDS):
            for device in devices:
                device.play(number * ROUND_MS)
            threading.Event().wait(ROUND_MS / 1000)
        wanted = {device.name(part): said for device in devices for part, said in device.said.items()}
        assert sum(map(len, wanted.values())) > SENSORS * ROUNDS / 4
        eventually(lambda: len(found) >= sum(map(len, wanted.values())))
    assert by_sensor(found) == wanted


def by_sensor(readings: list[Reading]) -> dict[str, list[Values]]:
    """The values of each sensor's readings, whose numbers have no gap."""
    values: dict[str, list[Values]] = defaultdict(list)
    for reading in readings:
        said = {name: value for name, value in reading.values.items() if name not in ("seq", "boot")}
        values[reading.sensor].append(said)
        assert reading.values["seq"] == len(values[reading.sensor])
    return values
