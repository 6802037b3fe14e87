"""The whole bridge between real pseudo-terminals and a real mosquitto: nothing is lost, and repeats can be known."""

from __future__ import annotations

import json
import subprocess
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from firmware_bridge import bridge as loop
from firmware_bridge import outbox as outbox_module
from firmware_bridge import publisher
from firmware_bridge.bridge import queue_path, run_bridge
from firmware_bridge.clock import Stamp, host_boot, uptime_ms
from firmware_bridge.drivers import ld2410
from firmware_bridge.emulators.ld2410 import Ld2410Emulator
from firmware_bridge.emulators.modbus import CONFIG, ModbusEmulator
from firmware_bridge.emulators.target import Target
from firmware_bridge.outbox import Outbox
from hadir import broker
from presence import topics
from presence.errors import BadInput
from presence.gateway_settings import GatewaySettings, SensorPort
from presence.senml import decode
from tests.fixtures.broker import RunningBroker
from tests.fixtures.hadir_command import Hadir, eventually
from tests.fixtures.pseudo_terminal import PseudoTerminal
from transport.disk_queue import DiskQueue, QueueHeld
from transport.session import Message, Received, Session, parse_broker

Terminals = Callable[[str], PseudoTerminal]

# Thirty quantities, whose pack is larger than a broker of such a limit takes; that of a basic report is not.
ENGINEERING = bytes.fromhex(
    "f4f3f2f1230001aa031e003c000039000008083c220503030403060500003910130606080460015500f8f7f6f5"
)
LARGEST_PACKET = 900


def report(number: int) -> bytes:
    """A basic report that carries `number` (0-65535) as its moving distance in cm."""
    body = bytes((ld2410.BASIC, 0xAA, 1)) + number.to_bytes(2, "little") + bytes((50, 0, 0, 0, 0, 0))
    return ld2410.REPORT_HEADER + bytes((ld2410.BASIC_LENGTH, 0)) + body + ld2410.REPORT_TAIL


class Listener:
    """A receiver as careful as the collector: it has a persistent session, and keeps all that ever came."""

    def __init__(self, url: str) -> None:
        self.readings: dict[str, dict[int, set[int]]] = defaultdict(lambda: defaultdict(set))
        self.retained: dict[str, dict[str, Any]] = {}
        self.packs: list[Received] = []
        self._connected = threading.Event()
        self._session = Session(
            parse_broker(url),
            client_id="listener",
            clean_start=False,
            session_expiry_s=3600,
            subscriptions=("hadir/1/#",),
            on_message=self._take,
            on_connected=lambda _: self._connected.set(),
        )
        self._session.start()
        assert self._connected.wait(30)

    def _take(self, received: Received) -> None:
        if received.topic.endswith("/readings"):
            self.packs.append(received)
            for reading in decode(received.payload, content_type=received.content_type, sensor=None, received_ms=0):
                number = round(reading.values.get("moving_distance", 0) * 100)
                self.readings[reading.sensor][round(reading.values["seq"])].add(number)
        elif received.payload:
            self.retained[received.topic] = json.loads(received.payload)
        else:
            self.retained.pop(received.topic, None)
        self._session.ack(received)

    def numbers(self, sensor: str) -> list[int]:
        """What the sensor's readings said, by seq; fails when a seq was used for two of them."""
        by_seq = self.readings[sensor].copy()
        assert all(len(numbers) == 1 for numbers in by_seq.values())
        return [min(by_seq[seq]) for seq in sorted(by_seq)]

    def seqs(self, sensor: str) -> list[int]:
        return sorted(self.readings[sensor].copy())

    def complete(self, sensor: str) -> bool:
        """Whether every number up to the highest has come; a broker's redelivery need not keep the order."""
        seqs = self.seqs(sensor)
        return seqs == list(range(1, len(seqs) + 1))

    def state(self, thing: str, name: str) -> str | None:
        topic = f"hadir/1/mpp/{thing}/{name}/status"
        return self.retained[topic]["state"] if topic in self.retained else None

    def publish(self, settings: GatewaySettings | None) -> None:
        """As `api` does: the settings, retained; None takes them away."""
        payload = msgspec.json.encode(settings) if settings else b""
        self._session.publish(Message(topics.gateway_topic("mpp", "gw", "settings"), payload, retain=True))

    def stop(self) -> None:
        self._session.stop()


@pytest.fixture
def listener(mosquitto: RunningBroker) -> Iterator[Listener]:
    listening = Listener(mosquitto.url)
    yield listening
    listening.stop()


def settings(*terminals: PseudoTerminal, **fields: Any) -> GatewaySettings:
    """A sensor for each terminal, of its name."""
    sensors = tuple(
        SensorPort(id=terminal.path.name, driver="ld2410", port=str(terminal.path), **fields) for terminal in terminals
    )
    return GatewaySettings(version=1, site="mpp", gateway="gw", sensors=sensors)


class Bridge:
    """`run_bridge` in a thread."""

    def __init__(self, url: str, data: Path, given: GatewaySettings | None, **options: Any) -> None:
        self._stop = threading.Event()
        self._thread = threading.Thread(
            target=run_bridge,
            kwargs={
                "gateway": "gw", "address": parse_broker(url), "data": data,
                "stop": self._stop, "settings": given, **options,
            },
        )  # fmt: skip
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(30)
        assert not self._thread.is_alive()


@pytest.fixture
def bridge(mosquitto: RunningBroker, tmp_path: Path) -> Iterator[Callable[..., Bridge]]:
    """Starts bridges of one gateway and its queue file, one after the other."""
    started: list[Bridge] = []

    def start(given: GatewaySettings | None = None, **options: Any) -> Bridge:
        for before in started:
            before.stop()
        started.append(Bridge(mosquitto.url, tmp_path / "data", given, **options))
        return started[-1]

    yield start
    for each in started:
        each.stop()


def test_frames_go_in_and_readings_come_out(
    pseudo_terminal: Terminals, bridge: Callable[..., Bridge], listener: Listener
) -> None:
    left, right = pseudo_terminal("left"), pseudo_terminal("right")
    bridge(settings(left, right))
    eventually(lambda: left.opened and right.opened)
    for number in range(100):
        left.write(report(number))
        right.write(report(1000 + number))
    eventually(lambda: len(listener.seqs("left")) == len(listener.seqs("right")) == 100)
    assert listener.numbers("left") == list(range(100))
    assert listener.numbers("right") == list(range(1000, 1100))
    assert listener.seqs("left") == list(range(1, 101))
    assert eventually(lambda: listener.state("sensor", "left")) == "online"
    assert listener.state("gateway", "gw") == "online"


def test_an_unplugged_sensor_is_offline_until_it_is_back(
    pseudo_terminal: Terminals, bridge: Callable[..., Bridge], listener: Listener
) -> None:
    radar = pseudo_terminal("radar")
    bridge(settings(radar))
    eventually(lambda: radar.opened)
    radar.write(report(1))
    eventually(lambda: listener.state("sensor", "radar") == "online")
    radar.unplug()
    eventually(lambda: listener.state("sensor", "radar") == "offline")
    radar.plug_in()
    eventually(lambda: radar.opened)
    radar.write(report(2))
    eventually(lambda: listener.state("sensor", "radar") == "online")
    assert listener.numbers("radar") == [1, 2]


def test_readings_wait_on_disk_while_the_broker_is_down(
    pseudo_terminal: Terminals,
    bridge: Callable[..., Bridge],
    listener: Listener,
    mosquitto: RunningBroker,
    tmp_path: Path,
) -> None:
    radar = pseudo_terminal("radar")
    running = bridge(settings(radar))
    eventually(lambda: radar.opened)
    radar.write(report(0))
    eventually(lambda: listener.seqs("radar") == [1])
    mosquitto.kill()
    for number in range(1, 300):
        radar.write(report(number))
    eventually(lambda: radar.unread == 0)
    running.stop()  # a restart in the meantime changes nothing
    with closing(DiskQueue(queue_path(tmp_path / "data", "gw"), ballast_bytes=0)) as queue:
        on_disk = queue.last_id()
    bridge(settings(radar))
    eventually(lambda: radar.opened)
    for number in range(300, 400):
        radar.write(report(number))
    mosquitto.restart()
    eventually(lambda: listener.numbers("radar")[-1:] == [399] and listener.complete("radar"))
    # Of the frames before the restart some may have been in the line still, which is closed with the port.
    assert listener.numbers("radar") == [*range(on_disk), *range(300, 400)]


def test_an_outage_that_is_too_long_for_the_queue_loses_the_oldest_and_counts_them(
    pseudo_terminal: Terminals,
    bridge: Callable[..., Bridge],
    listener: Listener,
    mosquitto: RunningBroker,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(loop, "COUNTERS_EVERY_MS", 100)
    monkeypatch.setattr(outbox_module, "_LOST_AT_ONCE", 100)
    radar = pseudo_terminal("radar")
    bridge(settings(radar), queue_bytes=160 * 1024)
    eventually(lambda: radar.opened)
    for number in range(50):
        radar.write(report(number))
    eventually(lambda: len(listener.seqs("radar")) == 50)
    mosquitto.kill()
    for number in range(50, 5_050):
        radar.write(report(number))
    eventually(lambda: radar.unread == 0)
    mosquitto.restart()
    eventually(lambda: listener.numbers("radar")[-1:] == [5_049])
    seqs = listener.seqs("radar")
    assert seqs[-1] == 5_050
    assert seqs[50:] == list(range(5_051 - len(seqs[50:]), 5_051))
    eventually(lambda: listener.retained["hadir/1/mpp/sensor/radar/status"]["lost"] == 5_050 - len(seqs))
    assert listener.retained["hadir/1/mpp/sensor/radar/status"]["sent"] == 5_050


def test_a_killed_broker_gets_the_last_seconds_again(
    pseudo_terminal: Terminals, bridge: Callable[..., Bridge], listener: Listener, mosquitto: RunningBroker
) -> None:
    radar = pseudo_terminal("radar")
    bridge(settings(radar))
    eventually(lambda: radar.opened)
    radar.write(report(7))
    eventually(lambda: listener.seqs("radar") == [1])
    mosquitto.kill()
    before = len(listener.packs)
    mosquitto.restart()
    eventually(lambda: len(listener.packs) > before)
    assert listener.numbers("radar") == [7]


def test_a_reading_that_the_broker_does_not_take_is_lost_counted_and_holds_nothing_up(
    pseudo_terminal: Terminals, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.setattr(loop, "COUNTERS_EVERY_MS", 100)
    monkeypatch.setattr(broker, "_LARGEST_PACKET", LARGEST_PACKET)
    listener: Listener = request.getfixturevalue("listener")
    bridge: Callable[..., Bridge] = request.getfixturevalue("bridge")
    radar = pseudo_terminal("radar")
    bridge(settings(radar))
    eventually(lambda: radar.opened)
    radar.write(ENGINEERING + report(7))
    eventually(lambda: listener.numbers("radar") == [7])
    assert listener.seqs("radar") == [2]
    eventually(lambda: listener.retained.get("hadir/1/mpp/sensor/radar/status", {}).get("lost") == 1)


def test_what_was_acknowledged_is_forgotten_when_more_acknowledgements_have_come(
    pseudo_terminal: Terminals,
    bridge: Callable[..., Bridge],
    listener: Listener,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(publisher, "KEPT_S", 0.3)
    monkeypatch.setattr(publisher, "_FORGET_EVERY_S", 0.1)
    radar = pseudo_terminal("radar")
    running = bridge(settings(radar))
    eventually(lambda: radar.opened)
    sent = 0

    def send() -> bool:
        nonlocal sent
        radar.write(report(sent))
        sent += 1
        return sent == 30

    eventually(send)
    eventually(lambda: len(listener.seqs("radar")) == sent)
    running.stop()
    with closing(DiskQueue(queue_path(tmp_path / "data", "gw"), ballast_bytes=0)) as queue:
        oldest = queue.oldest_id()
        assert oldest is not None
        assert 1 < oldest <= queue.last_id() == sent


def test_a_kill_at_any_time_loses_nothing_and_uses_no_number_twice(
    pseudo_terminal: Terminals, listener: Listener, mosquitto: RunningBroker, hadir: Hadir
) -> None:
    radar = pseudo_terminal("radar")
    listener.publish(settings(radar))
    sent: list[int] = []

    def start() -> subprocess.Popen[str]:
        child = hadir.start("bridge", "run", "--gateway", "gw", HADIR_BROKER=mosquitto.url)
        eventually(lambda: radar.opened)
        return child

    for _ in range(3):
        child = start()
        for _ in range(150):
            sent.append(len(sent))
            radar.write(report(sent[-1]))
        came = len(listener.seqs("radar"))
        eventually(lambda came=came: len(listener.seqs("radar")) > came)
        hadir.kill(child)
        eventually(lambda: not radar.opened)
    child = start()
    sent.append(len(sent))
    radar.write(report(sent[-1]))
    # What the killed process had not read yet is gone with its port; what it had numbered is not.
    eventually(lambda: listener.numbers("radar")[-1:] == sent[-1:] and listener.complete("radar"))
    numbers = listener.numbers("radar")
    assert numbers == sorted(set(numbers))
    assert hadir.stop(child) == 0
    eventually(lambda: listener.state("gateway", "gw") == "offline")


def test_a_killed_bridge_is_offline_by_its_will(
    pseudo_terminal: Terminals, listener: Listener, mosquitto: RunningBroker, hadir: Hadir, tmp_path: Path
) -> None:
    radar = pseudo_terminal("radar")
    site = tmp_path / "site.yaml"
    site.write_text(
        f"""
site: {{id: mpp, name: MPP, timezone: Asia/Jakarta, country: ID, service_hours: "24/7"}}
gateways: [{{id: gw}}]
agencies: [{{id: dinas, name: Dinas}}]
outlets:
  - {{id: a-1, name: Loket 1, agency: dinas, sensors: [
      {{id: radar, kind: mmwave, zone: staff, source: {{gateway: gw, driver: ld2410, port: "{radar.path}"}}}}]}}
"""
    )
    child = hadir.start("bridge", "run", "--gateway", "gw", "--site", str(site), HADIR_BROKER=mosquitto.url)
    eventually(lambda: radar.opened)
    # What is written between the opening of a port and its setting is thrown away.
    eventually(lambda: radar.write(report(1)) or listener.seqs("radar")[:1] == [1], every_s=0.5)
    assert listener.state("gateway", "gw") == "online"
    hadir.kill(child)
    eventually(lambda: listener.state("gateway", "gw") == "offline")


def test_settings_are_taken_live_and_kept_for_a_start_without_the_broker(
    pseudo_terminal: Terminals, bridge: Callable[..., Bridge], listener: Listener, mosquitto: RunningBroker
) -> None:
    left, right = pseudo_terminal("left"), pseudo_terminal("right")
    listener.publish(settings(left))
    bridge()
    eventually(lambda: left.opened)
    left.write(report(1))
    eventually(lambda: listener.state("sensor", "left") == "online")

    listener.publish(settings(right))
    eventually(lambda: right.opened and not left.opened)
    right.write(report(2))
    eventually(lambda: listener.state("sensor", "right") == "online")
    eventually(lambda: listener.state("sensor", "left") is None)

    mosquitto.stop()
    bridge()
    eventually(lambda: right.opened)
    right.write(report(3))
    mosquitto.restart()
    eventually(lambda: listener.numbers("right") == [2, 3])

    listener.publish(None)
    eventually(lambda: not right.opened)


@pytest.mark.parametrize("fixed", [True, False])
def test_a_sensor_that_was_taken_out_while_the_bridge_was_down_is_no_longer_retained(
    pseudo_terminal: Terminals, bridge: Callable[..., Bridge], listener: Listener, fixed: bool
) -> None:
    left, right = pseudo_terminal("left"), pseudo_terminal("right")

    def start(given: GatewaySettings) -> Bridge:
        if not fixed:
            listener.publish(given)
        return bridge(given if fixed else None)

    before = start(settings(left, right))
    eventually(lambda: left.opened and right.opened)
    left.write(report(1))
    right.write(report(1))
    eventually(lambda: listener.state("sensor", "left") == listener.state("sensor", "right") == "online")
    before.stop()
    start(settings(left))
    eventually(lambda: listener.state("sensor", "right") is None)
    assert listener.state("sensor", "left") == "online"


def test_other_thinning_leaves_the_port_open_and_takes_effect(
    pseudo_terminal: Terminals, bridge: Callable[..., Bridge], listener: Listener
) -> None:
    radar = pseudo_terminal("radar")
    listener.publish(settings(radar, thinning_ms=3_600_000))
    bridge()
    eventually(lambda: radar.opened)
    radar.write(report(1) + report(2) + report(3))
    eventually(lambda: listener.numbers("radar") == [1])
    listener.publish(settings(radar))

    def all_come() -> bool:
        radar.write(report(9))
        return len(listener.numbers("radar")) > 5

    eventually(all_come)
    status = eventually(lambda: listener.retained.get("hadir/1/mpp/sensor/radar/status"))
    assert status["reconnected"] == 0


def test_a_sensor_that_cannot_be_served_says_why_in_its_status_until_it_is(
    pseudo_terminal: Terminals, bridge: Callable[..., Bridge], listener: Listener
) -> None:
    radar = pseudo_terminal("radar")
    status = "hadir/1/mpp/sensor/radar/status"
    good = settings(radar)
    (sensor,) = good.sensors
    listener.publish(msgspec.structs.replace(good, sensors=(msgspec.structs.replace(sensor, driver="lt2410"),)))
    bridge()
    told = eventually(lambda: listener.retained.get(status))
    assert (told["state"], told["problem"]) == ("offline", "wrong")
    assert told["hint"] == 'settings of gw: sensor radar: no driver "lt2410"; did you mean "ld2410"?'
    listener.publish(good)
    eventually(lambda: radar.opened)
    radar.write(report(1))
    eventually(lambda: listener.state("sensor", "radar") == "online")
    listener.publish(msgspec.structs.replace(good, sensors=()))
    eventually(lambda: status not in listener.retained)


def test_a_radar_is_set_to_engineering_mode_over_its_port(
    pseudo_terminal: Terminals, bridge: Callable[..., Bridge], listener: Listener
) -> None:
    terminal, radar = pseudo_terminal("radar"), Ld2410Emulator(1)
    bridge(settings(terminal, config={"engineering": True}))
    eventually(lambda: terminal.opened)
    at_ms = 0

    def play() -> bool:
        nonlocal at_ms
        at_ms += 100
        terminal.write(radar.receive(terminal.read()) + radar.report(at_ms))
        return any(b"light_raw" in pack.payload for pack in listener.packs)

    eventually(play)
    status = eventually(lambda: listener.retained.get("hadir/1/mpp/sensor/radar/status"))
    assert status["driver"] == "ld2410"
    eventually(lambda: listener.retained["hadir/1/mpp/sensor/radar/status"]["firmware"] == "2.04.23022511")


def test_the_units_of_an_rs485_line_are_asked_over_its_port_and_are_sensors_of_their_own(
    pseudo_terminal: Terminals, bridge: Callable[..., Bridge], listener: Listener
) -> None:
    terminal, line = pseudo_terminal("bus"), ModbusEmulator(1)
    line.target = Target("still", 0.9, 60)
    ports = [SensorPort(id=part, driver="modbus", port=str(terminal.path), part=part) for part in CONFIG["units"]]
    ports[0] = msgspec.structs.replace(ports[0], config={**CONFIG, "interval_ms": 50})
    bridge(GatewaySettings(version=1, site="mpp", gateway="gw", sensors=tuple(ports)))
    eventually(lambda: terminal.opened)

    def play() -> bool:
        terminal.write(line.receive(terminal.read()))
        return all(len(listener.seqs(sensor)) >= 3 for sensor in ("radar", "sonar", "laser"))

    eventually(play)
    eventually(lambda: [listener.state("sensor", part) for part in CONFIG["units"]] == ["online"] * 3)


def test_a_host_without_a_clock_sends_ages(
    pseudo_terminal: Terminals, bridge: Callable[..., Bridge], listener: Listener
) -> None:
    radar = pseudo_terminal("radar")
    bridge(settings(radar), clock="ages")
    eventually(lambda: radar.opened)
    radar.write(report(1))
    (pack,) = eventually(lambda: listener.packs)
    base_time_s = json.loads(pack.payload)[0]["bt"]
    assert -60 < base_time_s <= 0
    assert pack.expiry_s is not None
    assert 29 * 24 * 3600 < pack.expiry_s <= 30 * 24 * 3600
    status = eventually(lambda: listener.retained.get("hadir/1/mpp/sensor/radar/status"))
    assert (status["state"], status["since"]) == ("online", None)


def fill(data: Path, *rows: tuple[int, Stamp]) -> None:
    """A queue left by an earlier bridge: moving distance in cm and stamp of each reading."""
    data.mkdir()
    with closing(DiskQueue(queue_path(data, "gw"), ballast_bytes=0)) as queue:
        outbox = Outbox(queue, epoch=1)
        for number, stamp in rows:
            outbox.add("radar", stamp, {"moving_distance": number / 100})
        outbox.commit()


def test_readings_of_one_instant_stay_two(bridge: Callable[..., Bridge], listener: Listener, tmp_path: Path) -> None:
    instant = Stamp(1_790_000_000_000)
    fill(tmp_path / "data", (1, instant), (2, Stamp(instant.at_ms + 5)), (3, instant))
    bridge(settings())
    eventually(lambda: listener.seqs("radar") == [1, 2, 3])
    assert listener.numbers("radar") == [1, 2, 3]


def test_ages_from_before_a_power_cut_cannot_be_dated_and_are_counted_as_lost(
    bridge: Callable[..., Bridge], listener: Listener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "COUNTERS_EVERY_MS", 100)
    now = Stamp(uptime_ms(), host_boot())
    fill(tmp_path / "data", (1, Stamp(5_000, "another start")), (2, Stamp(now.at_ms - 2_000, now.host_boot)), (3, now))
    bridge(settings(), clock="ages")
    eventually(lambda: listener.seqs("radar") == [2, 3])
    assert listener.numbers("radar") == [2, 3]
    eventually(lambda: listener.retained["hadir/1/mpp/gateway/gw/status"]["lost"] == 1)


def test_a_queue_belongs_to_one_site_and_one_process(
    pseudo_terminal: Terminals, bridge: Callable[..., Bridge], mosquitto: RunningBroker, tmp_path: Path
) -> None:
    radar = pseudo_terminal("radar")
    running = bridge(settings(radar))
    eventually(lambda: radar.opened)
    address = parse_broker(mosquitto.url)
    with pytest.raises(QueueHeld):
        run_bridge(
            gateway="gw", address=address, data=tmp_path / "data", stop=threading.Event(), settings=settings(radar)
        )
    running.stop()
    elsewhere = msgspec.structs.replace(settings(radar), site="other")
    with pytest.raises(BadInput, match='belongs to site "mpp", not "other"; move it away'):
        run_bridge(gateway="gw", address=address, data=tmp_path / "data", stop=threading.Event(), settings=elsewhere)


def test_a_gateway_of_two_sites_must_be_named_with_its_site(
    listener: Listener, mosquitto: RunningBroker, tmp_path: Path
) -> None:
    listener.publish(settings())
    listener._session.publish(
        Message(
            topics.gateway_topic("other", "gw", "settings"),
            msgspec.json.encode(msgspec.structs.replace(settings(), site="other")),
            retain=True,
        )
    )
    eventually(lambda: len(listener.retained) == 2)
    with pytest.raises(BadInput, match='"gw" is a gateway of several sites: mpp, other'):
        run_bridge(gateway="gw", address=parse_broker(mosquitto.url), data=tmp_path, stop=threading.Event())


def test_settings_that_cannot_be_read_are_told_and_others_waited_for(
    pseudo_terminal: Terminals, bridge: Callable[..., Bridge], listener: Listener, caplog: pytest.LogCaptureFixture
) -> None:
    radar = pseudo_terminal("radar")
    topic = topics.gateway_topic("mpp", "gw", "settings")
    listener._session.publish(Message(topic, b'{"version":1}', retain=True))
    eventually(lambda: topic in listener.retained)
    bridge()
    eventually(lambda: any("waiting for others" in line for line in caplog.messages))
    listener.publish(settings(radar))
    eventually(lambda: radar.opened)


def test_a_gateway_id_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match='--gateway: "GW 1" is no id'):
        run_bridge(gateway="GW 1", address=parse_broker("mqtt://h"), data=tmp_path, stop=threading.Event())
