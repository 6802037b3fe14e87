"""A day of a building with everybody's devices: what is unknown is unknown at once, and nothing old is called fresh."""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from collector.collector import Collector
from presence import topics
from presence.instants import parse_instant
from presence.site import Site, Source
from storage.record import Record, registry
from storage.timeseries import open_store
from tests.builders import outlet, sensor, site
from tests.fixtures.broker import RunningBroker
from tests.fixtures.hadir_command import eventually
from tests.fixtures.mixed_devices import MixedDevices
from transport.address import parse_broker
from transport.session import Received, Session

S, MINUTE = 1000, 60_000
START = parse_instant("2026-11-24T07:00:00+07:00")

SOURCES = {
    "zigbee2mqtt": Source(convention="zigbee2mqtt", topic="zigbee2mqtt/radar 1"),
    "esphome": Source(convention="esphome", topic="esp-1"),
    "tasmota": Source(convention="tasmota", topic="tas-1"),
    "shelly": Source(convention="shelly", topic="shellypresence-1"),
    "sparkplug_b": Source(convention="sparkplug_b", device="mpp/edge/desk"),
    "homie": Source(convention="homie", topic="homie/5/desk-1", presence="radar/presence"),
    "chirpstack": Source(convention="chirpstack", device="24e124535b316056", profile="milesight-vs341"),
    "theengs": Source(convention="theengs", device="60EFABAABBCC"),
}
EVERYBODY = list(SOURCES)
TICK = Source(convention="esphome", topic="tick")


def building(**sources: Source) -> Site:
    """An outlet for each dialect; their sensors hold for 20 minutes. `tick` tells that all before it was heard."""
    made = [
        outlet(name.replace("_", "-"), sensors=[sensor(f"s-{n}", stale_after_given_ms=20 * MINUTE, source=source)])
        for n, (name, source) in enumerate((SOURCES | sources).items())
    ]
    tick = outlet("tick", sensors=[sensor("tick", stale_after_given_ms=600 * MINUTE, source=TICK)])
    return site(id="mpp", outlets=[*made, tick], service_hours="24/7")


class Day:
    """A collector on a clock that the test sets, its devices, and what is shown of the outlets."""

    def __init__(self, broker: RunningBroker, folder: Path) -> None:
        self.now_ms = START
        self.broker = broker
        self.record = Record.open(f"sqlite:///{folder / 'record.db'}")
        self.apply(building())
        self.store = open_store(f"sqlite:///{folder}")
        self.folder = folder
        self.devices = MixedDevices(broker.url, lambda: self.now_ms)
        self.shown: dict[str, str] = {}
        self._page = Session(
            parse_broker(broker.url),
            client_id=f"page-{uuid.uuid4().hex[:8]}",
            clean_start=True,
            session_expiry_s=0,
            subscriptions=[topics.outlet_occupancy("mpp", "+")],
            on_message=self._show,
        )
        self._tick = False
        self._page.start()
        self.devices.__enter__()

    def _show(self, received: Received) -> None:
        body = json.loads(received.payload)
        self.shown[body["outlet"].replace("-", "_")] = body["zones"]["staff"]["state"]

    def apply(self, wanted: Site) -> None:
        with self.record.writing() as connection:
            registry.apply(connection, wanted, prune=True, now_ms=self.now_ms)

    def start(self) -> None:
        eventually(self.devices.settled)
        self.stop_wanted = threading.Event()
        self.collector = Collector(
            record=self.record,
            store=self.store,
            spool_path=self.folder / "spool.db",
            address=parse_broker(self.broker.url),
            clock=lambda: self.now_ms,
            pace=lambda: round(time.monotonic() * 1000),
        )
        self._thread = threading.Thread(target=self.collector.run, args=(self.stop_wanted,))
        self._thread.start()
        eventually(lambda: self.heard())

    def stop(self) -> None:
        self.stop_wanted.set()
        self._thread.join()

    def close(self) -> None:
        self.stop()
        self.devices.__exit__()
        self._page.stop()
        self.store.close()
        self.record.close()

    def heard(self) -> bool:
        """Everything that was said before is in what is shown: a device that speaks after it is shown.

        What it says is the same until it is shown: the answer to an earlier question would not tell of what came since.
        """
        wanted = "vacant" if self._tick else "occupied"
        self.devices.say("tick/binary_sensor/presence/state", "OFF" if self._tick else "ON")
        until_s = time.monotonic() + 2
        while time.monotonic() < until_s:
            if self.shown.get("tick") == wanted:
                self._tick = not self._tick
                return True
            time.sleep(0.02)
        return False

    def pass_time(self, minutes: float) -> None:
        self.now_ms += round(minutes * MINUTE)

    def everybody(self, here: bool) -> None:
        self.now_ms += S
        for name in EVERYBODY:
            getattr(self.devices, name)(here)

    def states(self) -> dict[str, str]:
        # What is taken in together is told in any order: all of it is out when what was said after it is told.
        for _ in range(2):
            eventually(self.heard)
        return {name: self.shown.get(name, "unknown") for name in EVERYBODY}

    def becomes(self, expected: dict[str, str]) -> None:
        """`expected` is shown after a while: a second passes with each look, at most three minutes."""
        for _ in range(180):
            found = self.states()
            if found == expected:
                return
            self.now_ms += S
        assert found == expected


def all_but(state: str, **others: str) -> dict[str, str]:
    return dict.fromkeys(EVERYBODY, state) | others


@pytest.fixture
def day(mosquitto: RunningBroker, tmp_path: Path) -> Iterator[Day]:
    opened = Day(mosquitto, tmp_path)
    opened.devices.present = dict.fromkeys(EVERYBODY, False)
    opened.devices.say("zigbee2mqtt/bridge/state", {"state": "online"}, retain=True)
    opened.devices.say("esp-1/binary_sensor/presence/state", "ON", retain=True)
    opened.start()
    yield opened
    opened.close()


def test_a_day_of_a_mixed_site(day: Day) -> None:
    devices = day.devices
    described = {"radar": {"properties": {"presence": {"datatype": "boolean"}}}}
    devices.say("homie/5/desk-1/$description", {"homie": "5.0", "version": 1, "nodes": described}, retain=True)
    devices.say("homie/5/desk-1/$state", "ready", retain=True)

    assert day.states() == all_but("unknown"), "what is retained is of the past"

    devices.born()
    day.everybody(True)
    day.becomes(all_but("occupied"))
    day.pass_time(5)
    day.everybody(False)
    day.becomes(all_but("vacant"))

    # Zigbee2MQTT is restarted
    day.pass_time(5)
    day.everybody(True)
    day.becomes(all_but("occupied"))
    devices.say("zigbee2mqtt/bridge/state", {"state": "offline"}, retain=True)
    assert day.states() == all_but("occupied", zigbee2mqtt="unknown")
    day.pass_time(1)
    devices.say("zigbee2mqtt/bridge/state", {"state": "online"}, retain=True)
    devices.cached_zigbee2mqtt()
    assert day.states() == all_but("occupied", zigbee2mqtt="unknown")
    devices.zigbee2mqtt(False)
    assert day.states() == all_but("occupied", zigbee2mqtt="vacant")

    # Home Assistant is restarted: 30 s later Zigbee2MQTT says all again, which keeps nothing fresh
    day.pass_time(5)
    devices.say("homeassistant/status", "online")
    day.pass_time(0.5)
    devices.cached_zigbee2mqtt()
    assert day.states() == all_but("occupied", zigbee2mqtt="vacant")
    day.pass_time(13)
    assert day.states() == all_but("occupied", zigbee2mqtt="vacant")
    day.pass_time(3)
    day.becomes(all_but("unknown"))

    # Gateways and devices that are gone
    day.everybody(True)
    day.becomes(all_but("occupied"))
    devices.say("esp-1/status", "offline", retain=True)
    devices.say("tele/tas-1/LWT", "Offline", retain=True)
    devices.say("shellypresence-1/online", "false", retain=True)
    devices.died()
    devices.say("homie/5/desk-1/$state", "lost", retain=True)
    devices.say("home/gw-1/LWT", "offline", retain=True)
    gone = dict.fromkeys(("esphome", "tasmota", "shelly", "sparkplug_b", "homie", "theengs"), "unknown")
    assert day.states() == all_but("occupied", **gone)
    day.pass_time(1)
    devices.say("esp-1/status", "online", retain=True)
    devices.say("esp-1/binary_sensor/motion/state", "ON", retain=True)
    devices.say("homie/5/desk-1/$state", "ready", retain=True)
    devices.say("home/gw-1/LWT", "online", retain=True)
    assert day.states() == all_but("occupied", **gone), "to be back is not to have said something"
    devices.answering |= {"tasmota", "shelly"}
    devices.say("tele/tas-1/LWT", "Online", retain=True)
    devices.say("shellypresence-1/online", "true", retain=True)
    devices.born()
    known = dict.fromkeys(("tasmota", "shelly", "sparkplug_b"), "occupied")
    day.becomes(all_but("occupied", **gone | known))

    # Nobody listens for a while
    day.everybody(True)
    day.becomes(all_but("occupied"))
    day.stop()
    day.everybody(False)
    day.pass_time(2)
    devices.answering.clear()
    day.start()
    assert day.states() == all_but("unknown", chirpstack="vacant"), "what has its own time waited at the broker"
    devices.answering |= {"zigbee2mqtt", "tasmota", "shelly", "sparkplug_b"}
    day.pass_time(2)
    answered = dict.fromkeys(("zigbee2mqtt", "tasmota", "shelly", "sparkplug_b", "chirpstack"), "vacant")
    day.becomes(all_but("unknown", **answered))
    day.everybody(True)
    day.becomes(all_but("occupied"))

    # The broker is restarted under all of them
    devices.answering.clear()
    day.broker.stop()
    day.pass_time(1)
    day.broker.restart()
    day.becomes(all_but("unknown", chirpstack="occupied"))
    day.everybody(False)
    day.becomes(all_but("vacant"))


def test_what_another_device_said_is_not_the_word_of_the_one_that_replaced_it(day: Day) -> None:
    day.everybody(True)
    assert day.states()["esphome"] == "occupied"
    day.apply(building(esphome=Source(convention="esphome", topic="esp-2")))
    eventually(lambda: day.states()["esphome"] == "unknown")
    assert day.states()["theengs"] == "occupied"
    day.pass_time(1)
    day.devices.say("esp-1/binary_sensor/presence/state", "OFF")
    assert day.states()["esphome"] == "unknown"
    day.devices.say("esp-2/binary_sensor/presence/state", "OFF")
    assert day.states()["esphome"] == "vacant"
