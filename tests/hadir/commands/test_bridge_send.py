"""`hadir bridge send` from outside: through a broker and a bridge, and straight to a port."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from firmware_bridge import hilink
from firmware_bridge.emulators.ld2410 import Ld2410Emulator
from presence import topics
from tests.firmware_bridge.test_bridge import settings
from tests.firmware_bridge.test_remote_settings import asking, bridging
from tests.fixtures.broker import RunningBroker
from tests.fixtures.hadir_command import Hadir, eventually
from tests.fixtures.played_device import PlayedDevice, only_sessions
from tests.fixtures.pseudo_terminal import PseudoTerminal
from transport.session import Message


@pytest.fixture
def radar(pseudo_terminal: Callable[[str], PseudoTerminal], played_device: Callable[..., PlayedDevice]) -> PlayedDevice:
    return played_device(pseudo_terminal("radar"))


@pytest.fixture
def served(radar: PlayedDevice, mosquitto: RunningBroker, hadir: Hadir, tmp_path: Path) -> Iterator[PlayedDevice]:
    """The radar, with a bridge whose settings the broker keeps."""
    hadir.environment["HADIR_BROKER"] = mosquitto.url
    with asking(mosquitto.url) as asker, bridging(mosquitto.url, tmp_path / "bridge") as start:
        topic = topics.gateway_topic("mpp", "gw", "settings")
        asker.session.publish(Message(topic, msgspec.json.encode(settings(radar.terminal)), retain=True))
        start(None)
        eventually(lambda: asker.state() == "online")
        yield radar


def test_a_sensor_is_set_and_read_through_its_bridge(served: PlayedDevice, hadir: Hadir) -> None:
    done = hadir.run("bridge", "send", "radar", "set_gate_sensitivity", "gate=3", "moving=41", "still=42")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("radar: set_gate_sensitivity done\nread_parameters:\n")
    assert "  moving_sensitivity  50 50 40 41 20 15 15 15 15\n" in done.stdout

    ran = hadir.run("bridge", "send", "radar", "read_settings", "--site", "mpp", "--json")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert json.loads(ran.stdout)["settings"]["still_sensitivity"][3] == 42

    ran = hadir.run("bridge", "send", "radar", "list")
    assert "stream                  seconds: a whole number from 1 to 3600\n" in ran.stdout


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("radar", "explode"), 2, 'radar: ld2410: no command "explode"; known: '),
        (("radar", "calibrate", "seconds=0"), 2, "radar: ld2410: calibrate.seconds: 0 cannot be used"),
        (("radar",), 2, "hadir bridge send: no command; write SENSOR COMMAND; `list` tells what there is"),
        (("radar", "calibrate", "60"), 2, 'hadir bridge send: "60" is no argument; write KEY=VALUE'),
        (("Radar", "list"), 2, 'hadir bridge send: "Radar" is no id'),
        (("radar", "list", "--timeout", "5"), 2, 'hadir bridge send: --timeout: "5" has no unit; write 10s'),
        (("other", "list"), 2, 'no sensor "other"; known: mpp/radar'),
        (
            ("other", "list", "--site", "mpp", "--timeout", "1s"),
            1,
            "other: its bridge did not answer list in 1 s; is it running",
        ),
        (("--port", "/dev/radar", "list"), 2, "hadir bridge send: --driver: no driver; `hadir bridge probe PORT`"),
        (("--port", "/dev/radar", "--driver", "x", "list"), 2, 'hadir bridge send: --driver: no driver "x"'),
    ],
)
def test_what_goes_wrong_is_one_line_and_a_status(
    served: PlayedDevice, hadir: Hadir, words: tuple[str, ...], status: int, said: str
) -> None:
    site = () if "--site" in words or "other" in words else ("--site", "mpp")
    ran = hadir.run("bridge", "send", *words, *site)
    assert (ran.returncode, ran.stdout) == (status, "")
    assert said in ran.stderr
    assert ran.stderr.count("\n") == 1


def test_a_broker_that_is_away_is_told(hadir: Hadir) -> None:
    ran = hadir.run("bridge", "send", "radar", "list", "--site", "mpp", "--json", HADIR_BROKER="mqtt://127.0.0.1:1")
    assert ran.returncode == 1
    reply = json.loads(ran.stdout)
    assert reply["error"].startswith("mqtt://127.0.0.1:1: cannot be reached; is the broker running")
    assert (reply["ok"], reply["cause"]) == (False, "unanswered")


def test_a_device_is_asked_on_a_port_that_no_bridge_holds(radar: PlayedDevice, hadir: Hadir) -> None:
    straight = "bridge", "send", "--port", str(radar.terminal.path), "--driver", "ld2410"
    ran = hadir.run(*straight, "set_max_gates", "moving=6", "still=5", "timeout=10")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "  max_moving_gate  6\n" in ran.stdout

    ran = hadir.run(*straight, "read_settings", "--json")
    assert json.loads(ran.stdout)["settings"]["max_still_gate"] == 5

    ran = hadir.run(*straight, "stream", "seconds=5")
    assert ran.returncode == 2
    assert ran.stderr == "ld2410: stream: is done by a bridge; see `hadir bridge stream --help`\n"

    radar.hear = lambda _: b""
    ran = hadir.run(*straight, "read_mac")
    assert (ran.returncode, ran.stderr) == (1, f"{radar.terminal.path}: enable_config was not answered\n")


def test_what_takes_too_long_on_a_port_leaves_no_session_open(radar: PlayedDevice, hadir: Hadir) -> None:
    radar.hear = only_sessions(radar)
    ran = hadir.run(
        "bridge", "send", "--port", str(radar.terminal.path), "--driver", "ld2410", "read_mac", "--timeout", "1s"
    )
    assert (ran.returncode, ran.stderr) == (1, f"{radar.terminal.path}: it took longer than 1 s\n")
    assert radar.heard.endswith(hilink.END_SESSION)
    assert isinstance(radar.emulator, Ld2410Emulator)
    assert not radar.emulator._session.open


def test_a_port_that_cannot_be_opened_is_told(hadir: Hadir) -> None:
    ran = hadir.run("bridge", "send", "--port", "/dev/none", "--driver", "ld2410", "read_mac")
    assert ran.returncode == 2
    assert ran.stderr == "/dev/none: is not there; is the sensor plugged in, and the name right?\n"


def test_a_driver_that_needs_a_config_says_so_in_one_line_and_lists_without(hadir: Hadir) -> None:
    ran = hadir.run("bridge", "send", "--port", "x", "--driver", "modbus", "read_settings")
    wanted = 'hadir bridge send: --driver-config: a modbus needs its config; as --driver-config \'{"unit":1,'
    assert ran.stderr.startswith(wanted)
    assert (ran.returncode, ran.stderr.count("\n")) == (2, 1)
    listed = hadir.run("bridge", "send", "--port", "x", "--driver", "modbus", "list")
    assert (listed.returncode, listed.stderr) == (0, "")
    assert "register" in listed.stdout
