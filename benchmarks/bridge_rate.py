"""What one bridge carries: readings from its serial ports to the broker, and what a hundred sensors cost it.

`hadir bridge run`, pseudo-terminals, and mosquitto as `hadir up` runs it. First LD2410 reports as fast as they are
read, on four ports, every one sent on, until the broker has handed all of them to a subscriber (this process, which
plays the ports too); beside it paho-mqtt alone publishes the very same payloads, QoS 1, a window of 100, until the last
PUBACK. Figure: 5,000 readings/s. Then a hundred sensors at ten reports a second: CPU and memory (PSS) of the bridge.
Figure: one core.

Run: .venv/bin/python benchmarks/bridge_rate.py
"""

from __future__ import annotations

import os
import random
import select
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import tty
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec
import psutil
from paho.mqtt.client import Client, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion
from serial_decode import basic, engineering

from firmware_bridge.emulators.ld2410 import Ld2410Emulator
from firmware_bridge.emulators.target import Target
from hadir.broker import find_mosquitto, start_mosquitto
from hadir.output import table
from presence import topics
from presence.gateway_settings import GatewaySettings, SensorPort
from transport.session import Message, Received, Session, parse_broker

READINGS, RUNS, FLOODED = 40_000, 5, 4
SENSORS, EVERY_S, WARM_UP_S, WATCHED_S = 100, 0.1, 2.0, 20.0
WINDOW, GIVE_UP_S = 100, 120.0
SITE, GATEWAY = "bench", "gw"
TOPIC = topics.gateway_topic(SITE, GATEWAY, "readings")
STILL = Target("still", 1.5, 60)
Kind = Callable[[random.Random], bytes]


class Receiver:
    """Keeps the payloads of the readings that come."""

    def __init__(self, url: str) -> None:
        self.payloads: list[bytes] = []
        self.readings = 0
        self._session = Session(
            parse_broker(url),
            client_id="receiver",
            clean_start=True,
            session_expiry_s=0,
            subscriptions=(TOPIC,),
            on_message=self._take,
        )
        self._session.start()
        until(lambda: self._session.connected)

    def _take(self, received: Received) -> None:
        self.payloads.append(received.payload)
        self.readings += received.payload.count(b'"seq"')
        self._session.ack(received)

    def settle(self, ports: Sequence[Path], thinning_ms: int | None) -> None:
        sensors = tuple(
            SensorPort(id=port.name, driver="ld2410", port=str(port), thinning_ms=thinning_ms) for port in ports
        )
        settings = GatewaySettings(version=1, site=SITE, gateway=GATEWAY, sensors=sensors)
        topic = topics.gateway_topic(SITE, GATEWAY, "settings")
        self._session.publish(Message(topic, msgspec.json.encode(settings), retain=True))

    def stop(self) -> None:
        self._session.stop()


class Running:
    """A broker, a bridge and its ports. `masters`: the devices' side of the ports."""

    def __init__(self, folder: Path, ports: int, thinning_ms: int | None) -> None:
        executable = find_mosquitto()
        if executable is None:
            raise SystemExit("mosquitto is not installed")
        self.broker = start_mosquitto(executable, host="127.0.0.1", port=0, folder=folder)
        self.masters, paths = [], []
        for number in range(ports):
            master, device = os.openpty()
            tty.setraw(device)
            os.set_blocking(master, False)
            paths.append(folder / f"port-{number}")
            paths[-1].symlink_to(os.ttyname(device))
            os.close(device)
            self.masters.append(master)
        self.receiver = Receiver(self.broker.url)
        self.receiver.settle(paths, thinning_ms)
        environment = {**os.environ, "HADIR_BROKER": self.broker.url, "HADIR_DATA": str(folder)}
        words = [sys.executable, "-m", "hadir.cli", "bridge", "run", "--gateway", GATEWAY]
        self._child = subprocess.Popen(words, env=environment, stderr=subprocess.DEVNULL)
        self.process = psutil.Process(self._child.pid)
        until(lambda: all(_opened(master) for master in self.masters))

    def cpu_s(self) -> float:
        spent = self.process.cpu_times()
        return float(spent.user + spent.system)

    def stop(self) -> None:
        self._child.send_signal(signal.SIGTERM)
        self._child.wait()
        self.receiver.stop()
        self.broker.stop()
        for master in self.masters:
            os.close(master)


@contextmanager
def running(ports: int, thinning_ms: int | None = None) -> Iterator[Running]:
    with tempfile.TemporaryDirectory() as folder:
        all_of_it = Running(Path(folder), ports, thinning_ms)
        try:
            yield all_of_it
        finally:
            all_of_it.stop()


def flood(kind: Kind) -> tuple[float, float, float]:
    """Readings a second, readings of one CPU-second of the bridge, and readings a second of paho alone."""
    numbers = random.Random(1)  # noqa: S311
    stream = b"".join(kind(numbers) for _ in range(READINGS // FLOODED))
    with running(FLOODED) as it:
        began, cpu_s = time.perf_counter(), it.cpu_s()
        _pour(it.masters, stream)
        until(lambda: it.receiver.readings >= READINGS)
        took_s, cpu_s = time.perf_counter() - began, it.cpu_s() - cpu_s
        if it.receiver.readings != READINGS:
            raise SystemExit(f"{it.receiver.readings} of {READINGS} readings came")
        floor_s = publish_alone(it.broker.port, it.receiver.payloads[:])
    return READINGS / took_s, READINGS / cpu_s, READINGS / floor_s


def _pour(masters: Sequence[int], stream: bytes) -> None:
    poll, sent = select.poll(), dict.fromkeys(masters, 0)
    for master in masters:
        poll.register(master, select.POLLOUT)
    while sent:
        for master, _ in poll.poll():
            sent[master] += os.write(master, stream[sent[master] : sent[master] + 4096])
            if sent[master] == len(stream):
                del sent[master]
                poll.unregister(master)


def publish_alone(port: int, payloads: Sequence[bytes]) -> float:
    """Seconds of paho for `payloads`, to the last PUBACK."""
    left, done, window = len(payloads), threading.Event(), threading.Semaphore(WINDOW)

    def acknowledged(*_: object) -> None:
        nonlocal left
        left -= 1
        window.release()
        if left == 0:
            done.set()

    client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTv5)
    client.max_inflight_messages_set(WINDOW)
    client.on_publish = acknowledged
    client.connect("127.0.0.1", port)
    client.loop_start()
    until(client.is_connected)
    began = time.perf_counter()
    for payload in payloads:
        window.acquire()
        client.publish("bench/alone", payload, qos=1)
    done.wait()
    took_s = time.perf_counter() - began
    client.disconnect()
    client.loop_stop()
    return took_s


def watch(*, engineering: bool, thinning_ms: int | None) -> tuple[float, float, int, int]:
    """Per cent of a core, MB of memory, reports given and readings sent, of a hundred sensors."""
    radars = [Ld2410Emulator(seed) for seed in range(SENSORS)]
    for radar in radars:
        radar.engineering = engineering
    with running(SENSORS, thinning_ms) as it:
        play(it.masters, radars, WARM_UP_S)
        began, cpu_s = time.perf_counter(), it.cpu_s()
        given = play(it.masters, radars, WATCHED_S)
        share = (it.cpu_s() - cpu_s) / (time.perf_counter() - began)
        memory = it.process.memory_full_info().pss / 1024**2
        given += round(WARM_UP_S / EVERY_S) * SENSORS
        if thinning_ms is None:
            until(lambda: it.receiver.readings >= given)
        return 100 * share, memory, given, it.receiver.readings


def play(masters: Sequence[int], radars: Sequence[Ld2410Emulator], seconds: float) -> int:
    """One report after the other, each at its time or, when this process was kept waiting, as soon as may be.

    Each radar has somebody before it for ten seconds, then nobody.
    """
    began, given = time.perf_counter(), 0
    while given < seconds / EVERY_S * SENSORS:
        ahead_s = given / SENSORS * EVERY_S - (time.perf_counter() - began)
        if ahead_s > 0:
            time.sleep(ahead_s)
        number, at_ms = given % SENSORS, round(given / SENSORS * EVERY_S * 1000)
        radars[number].target = STILL if (at_ms // 1000 + number) // 10 % 2 else Target()
        os.write(masters[number], radars[number].report(at_ms))
        given += 1
    return given


def _opened(master: int) -> bool:
    poll = select.poll()
    poll.register(master, select.POLLIN)
    return not any(event & select.POLLHUP for _, event in poll.poll(0))


def until(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + GIVE_UP_S
    while not holds():
        if time.monotonic() > deadline:
            raise SystemExit("it did not come to that in time")
        time.sleep(0.002)


def main() -> None:
    rows = []
    for kind in (engineering, basic):
        runs = [flood(kind) for _ in range(RUNS)]
        bridge, per_cpu_s, alone = (statistics.median(figures) for figures in zip(*runs, strict=True))
        rows.append((kind.__name__, f"{bridge:,.0f}", f"{per_cpu_s:,.0f}", f"{alone:,.0f}", f"{bridge / alone:.2f}"))
    print(f"median of {RUNS} runs of {READINGS:,} readings\n")
    print(table(["reports", "readings/s", "per CPU-second", "paho alone", "ratio"], rows))
    print(f"\n{SENSORS} sensors at {1 / EVERY_S:.0f} reports a second\n")
    rows = []
    for name, detailed, thinning_ms in (
        ("engineering, all sent", True, None),
        ("basic, all sent", False, None),
        ("engineering, thinned to one a second", True, 1_000),
    ):
        share, memory, given, sent = watch(engineering=detailed, thinning_ms=thinning_ms)
        rows.append((name, f"{given}", f"{sent}", f"{share:.1f}", f"{share / SENSORS:.2f}", f"{memory:.0f}"))
    print(table(["reports", "given", "sent", "% of a core", "% a sensor", "PSS MB"], rows))


if __name__ == "__main__":
    main()
