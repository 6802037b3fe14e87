import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import serial

from firmware_bridge.commands import decode_reply, encode_command
from firmware_bridge.drivers import DRIVERS
from firmware_bridge.resync import Damage
from hadir.simulation import mall
from hadir.simulation.officers import COUNTERS


@pytest.fixture
def ports(tmp_path: Path) -> Iterator[Path]:
    """The folder with the ports of a running simulation."""
    stop = threading.Event()
    playing = threading.Thread(target=mall.run, args=(tmp_path / "ports", stop))
    playing.start()
    try:
        while len(list(tmp_path.glob("ports/loket-*"))) < COUNTERS and playing.is_alive():
            stop.wait(0.01)
        yield tmp_path / "ports"
    finally:
        stop.set()
        playing.join()


def listen(port: Path) -> serial.Serial:
    return serial.Serial(str(port), 256_000, timeout=10)


def test_each_counter_has_a_radar_that_speaks_real_frames(ports: Path):
    for counter in range(COUNTERS):
        with listen(ports / f"loket-{counter + 1}") as port:
            readings = DRIVERS["ld2410"].driver({}).feed(port.read(60))
        good = [reading for reading in readings if not isinstance(reading, Damage)]
        assert good
        assert good[0].values["presence"] == 1.0


def test_a_radar_answers_commands(ports: Path):
    ld2410 = DRIVERS["ld2410"]
    with listen(ports / "loket-1") as port:
        port.write(encode_command(ld2410, "enable_config", {}))
        heard = port.read_until(bytes.fromhex("04030201"))
        answer = heard[heard.index(bytes.fromhex("fdfcfbfa")) :]
        assert decode_reply(ld2410, "enable_config", {}, answer)["ok"] is True


def test_a_second_simulation_takes_the_names_over_and_the_end_of_the_first_leaves_them(ports: Path):
    stop = threading.Event()
    before = {port.name: port.readlink() for port in ports.iterdir()}
    second = threading.Thread(target=mall.run, args=(ports, stop))
    second.start()
    try:
        while any(port.name in before and port.readlink() == before[port.name] for port in ports.glob("loket-??")):
            stop.wait(0.01)
    finally:
        stop.set()
        second.join()
    assert list(ports.iterdir()) == []
