"""Commands over a real mosquitto to emulated radars on pseudo-terminals: carried out once, answered, not in the way."""

from __future__ import annotations

import json
import logging
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from firmware_bridge import hilink
from firmware_bridge.emulators.ld2410 import Ld2410Emulator
from presence import topics
from presence.gateway_settings import GatewaySettings
from presence.senml import decode
from tests.firmware_bridge.test_bridge import Bridge, settings
from tests.fixtures.broker import RunningBroker
from tests.fixtures.hadir_command import eventually
from tests.fixtures.played_device import PlayedDevice, only_sessions
from tests.fixtures.pseudo_terminal import PseudoTerminal
from transport.session import Message, Received, Session, parse_broker

GATE_3 = {"gate": 3, "moving": 41, "still": 42}
SET_GATE_3 = {"command": "set_gate_sensitivity", "args": GATE_3}


class Asker:
    """One who asks, listens to the answers, and sees what is retained; `count`: readings of each sensor."""

    def __init__(self, url: str, site: str = "mpp") -> None:
        self.site = site
        self.mine = topics.reply(site, "me")
        self.answers: list[Received] = []
        self.retained: dict[str, Any] = {}
        self.count: dict[str, int] = {}
        self._asked = 0
        self.session = Session(
            parse_broker(url), client_id="me", clean_start=True, session_expiry_s=0,
            subscriptions=("hadir/1/#",), on_message=self._take,
        )  # fmt: skip
        self.session.start()
        eventually(lambda: self.session.connected)

    def _take(self, received: Received) -> None:
        if received.topic == self.mine:
            self.answers.append(received)
        elif received.topic.endswith("/readings"):
            for reading in decode(received.payload, content_type=received.content_type, sensor=None, received_ms=0):
                self.count[reading.sensor] = self.count.get(reading.sensor, 0) + 1
        elif received.payload and not received.topic.endswith("/command"):
            self.retained[received.topic] = json.loads(received.payload)
        else:
            self.retained.pop(received.topic, None)
        self.session.ack(received)

    def send(self, payload: Any, *, sensor: str = "radar", **message: Any) -> None:
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        message = {"response_topic": self.mine, **message}
        self.session.publish(Message(topics.sensor_topic(self.site, sensor, "command"), body, **message))

    def ask(self, payload: Any, **message: Any) -> dict[str, Any]:
        """The answer to it."""
        self._asked += 1
        correlation = f"{self._asked}".encode()
        self.send(payload, correlation=correlation, **message)
        return eventually(lambda: self.answered(correlation))[0]

    def answered(self, correlation: bytes | None) -> list[dict[str, Any]]:
        return [json.loads(each.payload) for each in self.answers if each.correlation == correlation]

    def settings(self, sensor: str = "radar") -> Any:
        return self.retained.get(topics.sensor_topic(self.site, sensor, "settings"))

    def state(self, sensor: str = "radar") -> Any:
        return self.retained.get(topics.sensor_topic(self.site, sensor, "status"), {}).get("state")


@contextmanager
def asking(url: str, site: str = "mpp") -> Iterator[Asker]:
    asker = Asker(url, site)
    try:
        yield asker
    finally:
        asker.session.stop()


@contextmanager
def bridging(url: str, data: Path) -> Iterator[Callable[[GatewaySettings | None], None]]:
    """Starts a bridge; None: with the settings that the broker keeps."""
    started: list[Bridge] = []
    try:
        yield lambda given: started.append(Bridge(url, data, given))
    finally:
        for each in started:
            each.stop()


@pytest.fixture
def asker(mosquitto: RunningBroker) -> Iterator[Asker]:
    with asking(mosquitto.url) as made:
        yield made


@pytest.fixture
def bridge(mosquitto: RunningBroker, tmp_path: Path) -> Iterator[Callable[..., None]]:
    with bridging(mosquitto.url, tmp_path / "data") as start:
        yield lambda *terminals, **fields: start(settings(*terminals, **fields))


@pytest.fixture
def radar(
    pseudo_terminal: Callable[[str], PseudoTerminal],
    played_device: Callable[..., PlayedDevice],
    bridge: Callable[..., None],
    asker: Asker,
) -> PlayedDevice:
    """One that is left alone, and whose reports arrive."""
    device = played_device(pseudo_terminal("radar"))
    bridge(device.terminal)
    eventually(lambda: asker.state() == "online")
    return device


def gate_3(device: PlayedDevice) -> tuple[int, int]:
    assert isinstance(device.emulator, Ld2410Emulator)
    kept = device.emulator._settings
    return kept.moving_sensitivity[3], kept.still_sensitivity[3]


def test_a_command_is_carried_out_answered_and_the_settings_are_retained(radar: PlayedDevice, asker: Asker) -> None:
    answer = asker.ask(SET_GATE_3)
    assert (answer["ok"], answer["sensor"], answer["command"]) == (True, "radar", "set_gate_sensitivity")
    assert answer["replies"] == [{"command": "set_gate_sensitivity", "ok": True}]
    (read_back,) = answer["read_back"]
    assert read_back["moving_sensitivity"][3] == 41
    assert gate_3(radar) == (41, 42)
    told = eventually(asker.settings)
    assert (told["driver"], told["firmware"]) == ("ld2410", "2.04.23022511")
    assert told["settings"]["still_sensitivity"][3] == 42
    assert told["settings"]["resolution"] == 0.75
    assert told["at"].endswith("Z")


def test_a_device_without_a_configured_mode_is_not_spoken_to_until_it_is_asked(
    radar: PlayedDevice, asker: Asker
) -> None:
    eventually(lambda: asker.count.get("radar", 0) > 20)
    assert (radar.heard, asker.settings()) == (b"", None)
    answer = asker.ask({"command": "read_settings"})
    assert answer["ok"]
    assert answer["settings"] == eventually(asker.settings)["settings"]


def test_a_device_that_was_set_up_has_its_settings_read(
    pseudo_terminal: Callable[[str], PseudoTerminal],
    played_device: Callable[..., PlayedDevice],
    bridge: Callable[..., None],
    asker: Asker,
) -> None:
    device = played_device(pseudo_terminal("radar"))
    bridge(device.terminal, config={"engineering": True})
    assert eventually(asker.settings)["settings"]["mac"]


def test_several_commands_go_in_one_session(radar: PlayedDevice, asker: Asker) -> None:
    answer = asker.ask({"commands": [SET_GATE_3, {"command": "read_mac"}, {"command": "read_resolution"}]})
    assert answer["commands"] == ["set_gate_sensitivity", "read_mac", "read_resolution"]
    assert [one["command"] for one in answer["replies"]] == answer["commands"]
    assert radar.heard.count(hilink.frame(hilink.ENABLE_CONFIG, b"\1\0")) >= 1
    first = radar.heard[: radar.heard.index(hilink.frame(hilink.END_CONFIG))]
    assert first.count(hilink.frame(hilink.ENABLE_CONFIG, b"\1\0")) == 1


@pytest.mark.parametrize(
    ("payload", "said"),
    [
        (b"on", "command: no request: JSON is malformed"),
        ({"command": "explode"}, 'ld2410: no command "explode"; known: set_max_gates'),
        ({"command": "enable_config"}, 'ld2410: no command "enable_config"'),
        ({"command": "calibrate", "args": {"seconds": 0}}, "ld2410: calibrate.seconds: 0 cannot be used"),
    ],
)
def test_what_cannot_be_asked_is_answered_and_the_device_left_in_peace(
    radar: PlayedDevice, asker: Asker, payload: Any, said: str
) -> None:
    answer = asker.ask(payload)
    assert (answer["ok"], answer["cause"]) == (False, "request")
    assert answer["error"].startswith(said)
    assert radar.heard == b""


def test_a_retained_command_is_refused_also_the_first_time(radar: PlayedDevice, asker: Asker) -> None:
    answer = asker.ask(SET_GATE_3, retain=True)
    assert answer["error"].startswith("a retained command would be carried out at every start of the bridge")
    asker.send(b"", retain=True)
    assert asker.ask({"command": "list"})["ok"]
    assert radar.heard == b""
    assert len(asker.answers) == 2


def test_an_answer_is_sent_to_the_replies_of_the_site_alone(
    radar: PlayedDevice, asker: Asker, caplog: pytest.LogCaptureFixture
) -> None:
    asker.send(SET_GATE_3, response_topic="hadir/1/mpp/sensor/other/readings")
    asker.send(SET_GATE_3, response_topic="hadir/1/other/reply/me")
    eventually(lambda: caplog.text.count("wants its answer elsewhere") == 2)
    assert radar.heard == b""


def test_a_command_without_a_response_topic_is_carried_out_and_logged_without_its_arguments(
    radar: PlayedDevice, asker: Asker, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    asker.send({"command": "set_bluetooth_password", "args": {"password": "hunter"}}, response_topic=None)
    eventually(lambda: "sensor radar: set_bluetooth_password: done" in caplog.text)
    asker.send({"command": "set_bluetooth_password", "args": {"password": "hunter22"}}, response_topic=None)
    eventually(lambda: "set_bluetooth_password.password: not 6 printable ASCII characters" in caplog.text)
    assert "hunter" not in caplog.text


def test_commands_to_sensors_of_other_gateways_are_left_to_them(radar: PlayedDevice, asker: Asker) -> None:
    asker.send({"command": "list"}, sensor="stranger", correlation=b"x")
    assert asker.ask({"command": "list"})["driver"] == "ld2410"
    assert asker.answered(b"x") == []


def test_a_command_that_comes_twice_is_carried_out_once_and_answered_twice(radar: PlayedDevice, asker: Asker) -> None:
    for _ in range(2):
        asker.send(SET_GATE_3, correlation=b"same")
    eventually(lambda: asker.answered(b"same"))
    asker.send(SET_GATE_3, correlation=b"same")
    first, again = eventually(lambda: asker.answered(b"same")[1:] and asker.answered(b"same"))
    assert first == again
    eventually(asker.settings)
    assert radar.heard.count(hilink.frame(0x64)[6:8]) == 1


def test_another_command_with_the_same_correlation_is_carried_out(radar: PlayedDevice, asker: Asker) -> None:
    """As from a shell, where nobody thinks of a new number for each."""
    asker.send(SET_GATE_3, correlation=b"17")
    eventually(lambda: asker.answered(b"17"))
    asker.send({"command": "set_gate_sensitivity", "args": {**GATE_3, "moving": 77}}, correlation=b"17")
    eventually(lambda: asker.answered(b"17")[1:])
    assert gate_3(radar) == (77, 42)


def test_a_stream_lets_every_report_through(
    pseudo_terminal: Callable[[str], PseudoTerminal],
    played_device: Callable[..., PlayedDevice],
    bridge: Callable[..., None],
    asker: Asker,
) -> None:
    bridge(played_device(pseudo_terminal("radar")).terminal, thinning_ms=3_600_000)
    eventually(lambda: asker.state() == "online")
    assert asker.ask({"command": "stream", "args": {"seconds": 2}}) == {
        "ok": True, "sensor": "radar", "command": "stream", "seconds": 2
    }  # fmt: skip
    eventually(lambda: asker.count["radar"] > 10)
    assert asker.count["radar"] < 40


def deaf(_: bytes) -> bytes:
    return b""


def wrong(_: bytes) -> bytes:
    return hilink.reply_frame(0xA5, b"\1\2\3\4\5\6")


def readings_go_on(asker: Asker) -> bool:
    before = asker.count["radar"]
    return bool(eventually(lambda: asker.count["radar"] >= before + 5))


@pytest.mark.parametrize("hear", [deaf, wrong])
def test_a_device_that_does_not_answer_or_answers_something_else_goes_on_being_read(
    radar: PlayedDevice, asker: Asker, hear: Callable[[bytes], bytes]
) -> None:
    radar.hear = hear
    asker.send(SET_GATE_3, correlation=b"unanswered")
    eventually(lambda: radar.heard)
    assert readings_go_on(asker)
    (answer,) = eventually(lambda: asker.answered(b"unanswered"))
    assert (answer["error"], answer["cause"]) == ("enable_config was not answered", "device")
    assert readings_go_on(asker)
    assert asker.state() == "online"
    radar.hear = radar.emulator.receive
    assert asker.ask(SET_GATE_3)["ok"]


def test_a_device_that_answers_late_is_waited_for(radar: PlayedDevice, asker: Asker) -> None:
    radar.late_s = 0.6
    assert asker.ask(SET_GATE_3)["ok"]
    assert gate_3(radar) == (41, 42)
    radar.late_s = 0.0
    assert readings_go_on(asker)


def test_a_refusal_and_a_value_that_was_not_kept_are_told(radar: PlayedDevice, asker: Asker) -> None:
    emulator = radar.emulator

    def refuse(request: bytes) -> bytes:
        answer = emulator.receive(request)
        return hilink.reply_frame(0x64, ok=False) if hilink.frame(0x64)[6:8] in request else answer

    radar.hear = refuse
    assert asker.ask(SET_GATE_3)["error"] == "set_gate_sensitivity was refused"

    def forget(request: bytes) -> bytes:
        return hilink.reply_frame(0x64) if hilink.frame(0x64)[6:8] in request else emulator.receive(request)

    radar.hear = forget
    answer = asker.ask({"command": "set_gate_sensitivity", "args": {"gate": 3, "moving": 77, "still": 42}})
    said = "set_gate_sensitivity was acknowledged, but read back of gate 3 moving is 41, not 77"
    assert (answer["error"], answer["cause"]) == (said, "device")


def test_settings_that_a_firmware_does_not_know_are_left_out(radar: PlayedDevice, asker: Asker) -> None:
    emulator = radar.emulator

    def older(request: bytes) -> bytes:
        unknown = hilink.frame(0xAE)
        return hilink.reply_frame(0xAE, ok=False) if unknown in request else emulator.receive(request)

    radar.hear = older
    answer = asker.ask({"command": "read_settings"})
    assert answer["ok"]
    assert "mac" in answer["settings"]
    assert "threshold" not in answer["settings"]


def test_too_many_commands_are_told_that_the_device_is_busy(radar: PlayedDevice, asker: Asker) -> None:
    radar.hear = deaf
    for number in range(20):
        asker.send({"command": "read_mac"}, correlation=f"{number}".encode())
    # One is going on, or will be; 16 wait.
    eventually(lambda: sum(b'"busy"' in each.payload for each in asker.answers) in (3, 4))
    assert readings_go_on(asker)


@contextmanager
def flooding(url: str, payload: bytes, sensor: str = "radar") -> Iterator[None]:
    """Commands of QoS 0 as fast as the broker takes them."""
    topic = topics.sensor_topic("mpp", sensor, "command").encode()
    body = len(topic).to_bytes(2, "big") + topic + b"\0" + payload
    packets = (b"\x30" + bytes((len(body),)) + body) * 200
    connect = b"\0\4MQTT\5\2\0\x3c\0\0\5flood"
    stop = threading.Event()
    address = parse_broker(url)
    with socket.create_connection((address.host, address.port)) as flood:
        flood.sendall(b"\x10" + bytes((len(connect),)) + connect)

        def pour() -> None:
            while not stop.is_set():
                flood.sendall(packets)

        pouring = threading.Thread(target=pour)
        pouring.start()
        try:
            yield
        finally:
            stop.set()
            pouring.join(30)


def test_a_flood_of_commands_leaves_the_ports_their_turn(
    radar: PlayedDevice, asker: Asker, mosquitto: RunningBroker
) -> None:
    asker.session.subscribe([topics.gateway_topic("mpp", "gw", "readings")])
    with flooding(mosquitto.url, b'{"command":"x"}'):
        for _ in range(5):
            assert readings_go_on(asker)
    assert radar.heard == b""


def test_a_port_that_is_gone_is_told_as_the_line_says_it(radar: PlayedDevice, asker: Asker) -> None:
    terminal = radar.terminal
    radar.hear = deaf
    asker.send({"command": "read_mac"}, correlation=b"going on")
    eventually(lambda: radar.heard)
    radar.stop()
    terminal.unplug()
    (lost,) = eventually(lambda: asker.answered(b"going on"))
    assert lost["cause"] == "port"
    assert lost["error"].startswith(str(terminal.path))
    for command in ({"command": "read_mac"}, {"command": "stream", "args": {"seconds": 1}}):
        answer = asker.ask(command)
        assert (answer["ok"], answer["cause"]) == (False, "port")
        assert answer["error"].startswith(f"{terminal.path} ")


def test_a_bridge_that_is_stopped_in_the_middle_of_a_command_closes_the_session(
    pseudo_terminal: Callable[[str], PseudoTerminal],
    played_device: Callable[..., PlayedDevice],
    mosquitto: RunningBroker,
    asker: Asker,
    tmp_path: Path,
) -> None:
    device = played_device(pseudo_terminal("radar"))
    device.hear = only_sessions(device)
    with bridging(mosquitto.url, tmp_path / "data") as start:
        start(settings(device.terminal))
        eventually(lambda: asker.state() == "online")
        asker.send({"command": "read_mac"}, correlation=b"going on")
        eventually(lambda: hilink.frame(0xA5, b"\1\0") in device.heard)
    assert device.heard.endswith(hilink.END_SESSION)
    assert isinstance(device.emulator, Ld2410Emulator)
    assert not device.emulator._session.open
    (answer,) = eventually(lambda: asker.answered(b"going on"))
    assert (answer["ok"], answer["error"]) == (False, "the bridge was stopped")


def test_settings_are_sent_again_after_a_reconnect_and_taken_back_with_the_sensor(
    pseudo_terminal: Callable[[str], PseudoTerminal],
    played_device: Callable[..., PlayedDevice],
    embedded_broker: RunningBroker,
    tmp_path: Path,
) -> None:
    device = played_device(pseudo_terminal("radar"))
    gateway = topics.gateway_topic("mpp", "gw", "settings")
    given = settings(device.terminal)
    with asking(embedded_broker.url) as asker, bridging(embedded_broker.url, tmp_path / "data") as start:
        asker.session.publish(Message(gateway, msgspec.json.encode(given), retain=True))
        start(None)
        eventually(lambda: asker.state() == "online")
        asker.ask({"command": "read_settings"})
        told = eventually(asker.settings)
        # This broker forgets: what is there afterwards was sent again.
        embedded_broker.kill()
        asker.retained.clear()
        embedded_broker.restart()
        assert eventually(asker.settings) == told
        assert asker.ask({"command": "list"})["ok"]

        without = msgspec.structs.replace(given, sensors=())
        asker.session.publish(Message(gateway, msgspec.json.encode(without), retain=True))
        eventually(lambda: asker.settings() is None and asker.state() is None)
