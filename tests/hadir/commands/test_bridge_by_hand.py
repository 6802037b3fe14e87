"""`hadir bridge probe|record|replay|stream|identify|emulate`, from outside: terminals, emulated radars, mosquitto."""

from __future__ import annotations

import gzip
import json
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import msgspec
import pytest
import yaml

from firmware_bridge.emulators.target import Target
from presence import topics
from presence.gateway_settings import GatewaySettings, SensorPort
from tests.fixtures.broker import RunningBroker
from tests.fixtures.hadir_command import Hadir, eventually
from tests.fixtures.pseudo_terminal import PseudoTerminal
from tests.fixtures.room import Room
from transport.session import Message, Session, parse_broker

Rooms = Callable[[str], Room]
Terminals = Callable[[str], PseudoTerminal]

SITTING, WAVING = Target("still", 0.9, 60), Target("moving", 0.4, 95)
FIRMWARE = "2.04.23022511"


@pytest.fixture
def room(pseudo_terminal: Terminals) -> Iterator[Rooms]:
    """Makes rooms by the name of their port, with somebody sitting in each."""
    with ExitStack() as open_rooms:

        def make(name: str) -> Room:
            made = open_rooms.enter_context(Room(pseudo_terminal(name)))
            made.radar.target = SITTING
            return made

        yield make


SITE = """\
site: {{id: mpp, name: MPP, timezone: Asia/Jakarta, country: ID, service_hours: "24/7"}}
gateways: [{{id: gw}}]
agencies: [{{id: dinas, name: Dinas}}]
outlets:
  - {{id: a-1, name: Loket 1, agency: dinas, sensors: [
      {{id: radar, kind: mmwave, zone: staff, source: {{gateway: gw, driver: ld2410, port: "{port}"}}}}]}}
"""


class Served:
    """Says what the api says of gateway `gw` at site `mpp`, and starts its bridge."""

    def __init__(self, url: str, ports: Path, hadir: Hadir) -> None:
        self._ports, self._hadir = ports, hadir
        connected = threading.Event()
        self._session = Session(
            parse_broker(url),
            client_id="api",
            clean_start=True,
            session_expiry_s=0,
            on_connected=lambda _: connected.set(),
        )
        self._session.start()
        assert connected.wait(30)

    def __call__(self, *names: str, bridge: bool = True) -> None:
        """Sensors of these names, on ports of these names, at Loket 1 and so on."""
        sensors = tuple(
            SensorPort(
                id=name, driver="ld2410", port=str(self._ports / name), outlet=f"loket-{place}", name=f"Loket {place}",
                zone="staff",
            )
            for place, name in enumerate(names, 1)
        )  # fmt: skip
        settings = GatewaySettings(version=1, site="mpp", gateway="gw", sensors=sensors)
        self.retain(topics.gateway_topic("mpp", "gw", "settings"), settings)
        if bridge:
            self._hadir.start("bridge", "run", "--gateway", "gw")

    def retain(self, topic: str, body: object) -> None:
        self._session.publish(Message(topic, msgspec.json.encode(body), retain=True))

    def stop(self) -> None:
        self._session.stop()


@pytest.fixture
def served(mosquitto: RunningBroker, tmp_path: Path, hadir: Hadir) -> Iterator[Served]:
    hadir.environment["HADIR_BROKER"] = mosquitto.url
    serving = Served(mosquitto.url, tmp_path, hadir)
    yield serving
    serving.stop()


def port(tmp_path: Path, name: str = "radar") -> str:
    return str(tmp_path / name)


def test_probe_names_the_driver_and_a_line_for_the_site_file(room: Rooms, hadir: Hadir, tmp_path: Path) -> None:
    radar = room("radar").radar
    radar.engineering = True
    said = hadir.run("bridge", "probe", port(tmp_path))
    first, snippet = said.stdout.splitlines()
    assert first.startswith(f"{port(tmp_path)}: ld2410 at any rate, firmware {FIRMWARE} (")
    assert snippet.strip().startswith(f"source: {{gateway: gw-1, driver: ld2410, port: {port(tmp_path)}")
    assert (said.returncode, said.stderr) == (0, "")
    assert radar.engineering
    assert radar.report(10**6)  # no session was left open


def test_probe_names_a_port_from_the_root_and_each_part_of_its_line(hadir: Hadir, tmp_path: Path) -> None:
    hadir.start("bridge", "emulate", "--driver", "mysensors", "--link", port(tmp_path))
    eventually(lambda: (tmp_path / "radar").is_symlink())
    said = hadir.run("bridge", "probe", os.path.relpath(port(tmp_path)))
    sources = [yaml.safe_load(line)["source"] for line in said.stdout.splitlines()[1:]]
    assert {source["port"] for source in sources} == {port(tmp_path)}
    assert {"12/1", "12/2", "13/1"} <= {source["part"] for source in sources}


def test_probe_tells_programs_the_same(room: Rooms, hadir: Hadir, tmp_path: Path) -> None:
    room("radar")
    said = hadir.run("bridge", "probe", "--json", "--passive", port(tmp_path))
    line = json.loads(said.stdout)
    assert (line["driver"], line["firmware"], line["also"], line["woken"]) == ("ld2410", None, [], False)


def test_probe_says_what_a_port_is_that_cannot_be_used(hadir: Hadir, tmp_path: Path) -> None:
    said = hadir.run("bridge", "probe", port(tmp_path, "nothing"))
    assert said.stderr == f"{port(tmp_path, 'nothing')}: is not there; is the sensor plugged in, and the name right?\n"
    assert said.returncode == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["probe", "x", "--driver", "ld241"], 'hadir bridge probe: --driver: no driver "ld241"; known: '),
        (["probe", "x", "--driver", "modbus"], "hadir bridge probe: modbus cannot be looked for without its conf"),
        (["record", "x", "--out", "y"], "hadir bridge record: no rate; name --driver or --baud; "),
        (["record", "x", "--out", "y", "--baud", "fast"], 'hadir bridge record: --baud: "fast" is no rate; write '),
        (["record", "x", "--out", "y", "--baud", "9600", "--for", "60"], 'hadir bridge record: --for: "60" has no'),
        (
            ["record", "x", "--out", "y", "--for", "-5s"],
            "hadir bridge record: --for: wants a value; one that begins with - is written --for=VALUE\n",
        ),
        (
            ["run", "--gateway", "gw", "--queue-size", "1"],
            'hadir bridge run: argument --queue-size: "1" is no size; write 16MiB',
        ),
        (["run", "--gateway", "gw", "--data", "/proc/x"], "/proc/x: cannot be the data directory: "),
        (["replay", "nothing"], "nothing: No such file or directory"),
        (["replay", "nothing", "--speed", "0"], 'hadir bridge replay: --speed: "0" is no speed; write 1, 10 or max'),
        (["replay", "nothing", "--gateway", "gw"], "hadir bridge replay: --gateway and --sensor belong together; "),
        (["stream"], "hadir bridge stream: names no sensor, or two; write SENSOR, or --port PORT --driver D"),
        (["stream", "--port", "x"], "hadir bridge stream: --driver: no driver; `hadir bridge probe PORT` tells which"),
        (["identify", "--port", "x"], "hadir bridge identify: --port: one port alone needs no telling apart; "),
        (["emulate", "--driver", "x"], 'hadir bridge emulate: --driver: no emulator "x"; known: '),
        (["emulate", "--driver", "ld2410", "--fault", "noise"], 'hadir bridge emulate: --fault: "noise" is no fault; '),
        (["emulate", "--driver", "ld2410", "--count", "0"], 'hadir bridge emulate: --count: "0" is no count; write '),
    ],
)
def test_wrong_use_is_told_in_one_line(hadir: Hadir, words: list[str], said: str) -> None:
    ran = hadir.run("bridge", *words)
    assert ran.stderr.startswith(said)
    assert (ran.returncode, ran.stdout, ran.stderr.count("\n")) == (2, "", 1)


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz"])
def test_what_is_recorded_is_decoded_with_its_times(room: Rooms, hadir: Hadir, tmp_path: Path, name: str) -> None:
    room("radar")
    out = tmp_path / name
    said = hadir.run("bridge", "record", port(tmp_path), "--out", str(out), "--driver", "ld2410", "--for", "2s")
    assert said.stdout.startswith(f"{out}: ")
    assert said.returncode == 0
    written = gzip.decompress(out.read_bytes()) if name.endswith(".gz") else out.read_bytes()
    header = json.loads(written.splitlines()[0])
    assert (header["port"], header["driver"], header["baud"]) == (port(tmp_path), "ld2410", 256_000)
    readings = [json.loads(line) for line in hadir.run("bridge", "replay", str(out), "--decode").stdout.splitlines()]
    assert len(readings) > 5
    assert all(reading["values"]["presence"] for reading in readings)
    times = [reading["time"] for reading in readings]
    assert times == sorted(times)
    assert times[0] >= header["began"]

    again = hadir.run("bridge", "record", port(tmp_path), "--out", str(out), "--driver", "ld2410")
    assert again.stderr == f"{out}: is there already; name another --out, or remove it\n"
    assert again.returncode == 2


def test_a_recording_is_ended_by_ctrl_c_with_all_that_came(room: Rooms, hadir: Hadir, tmp_path: Path) -> None:
    room("radar")
    out = tmp_path / "a.jsonl"
    child = hadir.start("bridge", "record", port(tmp_path), "--out", str(out), "--driver", "ld2410")
    eventually(lambda: out.exists() and out.read_text().count("\n") > 3)
    child.send_signal(signal.SIGINT)
    assert child.wait(30) == 0
    assert out.read_text().endswith('"}\n')
    assert f"{out}: " in hadir.said_by(child)


RECORDED = (
    '{"recording":1,"port":"/dev/ttyUSB0","driver":"ld2410","baud":256000,"began":"2026-11-24T03:12:07.250Z"}\n'
    '{"t":0.1,"hex":"f4f3f2f10d0002aa0251000000003b00005500f8f7f6f5"}\n'
    '{"t":3600.1,"hex":"f4f3f2f10d0002aa0000000000003700005500f8f7f6f5"}\n'
)


def test_a_replay_into_a_terminal_waits_for_its_listener_and_loses_nothing(hadir: Hadir, tmp_path: Path) -> None:
    file, link = tmp_path / "a.jsonl", tmp_path / "played"
    file.write_text(RECORDED)
    child = hadir.start("bridge", "replay", str(file), "--link", str(link), "--speed", "max")
    eventually(link.is_symlink)
    said = hadir.start("bridge", "stream", "--port", str(link), "--driver", "ld2410", "--csv")
    assert child.wait(30) == 0
    said.wait(30)
    rows = hadir.said_by(said)
    assert rows.startswith("time,sensor,quantity,value\n")
    assert ",played,presence,true\n" in rows
    assert ",played,presence,false\n" in rows
    assert not link.is_symlink()
    assert "46 bytes played" in hadir.said_by(child)


def test_a_replay_into_a_bridge_arrives_as_the_sensors_readings(served: Served, hadir: Hadir, tmp_path: Path) -> None:
    served("radar", bridge=False)
    file = tmp_path / "a.jsonl"
    file.write_text(RECORDED)
    watching = hadir.start("bridge", "stream", "radar", "--csv")
    eventually(lambda: "time,sensor" in hadir.said_by(watching))
    ran = hadir.run("bridge", "replay", str(file), "--gateway", "gw", "--sensor", "radar", "--speed", "max")
    assert ran.stderr.endswith(f"{file}: 46 bytes played as mpp's sensor radar\n")
    assert ran.returncode == 0
    eventually(lambda: ",radar,presence,false\n" in hadir.said_by(watching))
    assert ",radar,still_energy,59\n" in hadir.said_by(watching)
    assert hadir.stop(watching) == 0

    wrong = hadir.run("bridge", "replay", str(file), "--gateway", "gw", "--sensor", "rader")
    assert wrong.stderr == ('hadir bridge replay: --sensor: gateway gw has no sensor "rader"; known: radar\n')
    assert wrong.returncode == 2


def test_a_bad_recording_is_told_with_its_line(hadir: Hadir, tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text(RECORDED + '{"t":3601,"hex":"f4f')
    ran = hadir.run("bridge", "replay", str(file), "--decode")
    assert ran.stderr.startswith(f"{file}:4: no recording: ")
    assert (ran.returncode, ran.stdout.count("\n"), ran.stderr.count("\n")) == (2, 2, 1)


def test_a_stream_through_the_broker_shows_what_the_bridge_sends(room: Rooms, served: Served, hadir: Hadir) -> None:
    room("radar")
    served("radar")
    ran = hadir.run("bridge", "stream", "radar", "--site", "mpp", "--for", "4s")
    lines = [line for line in ran.stdout.splitlines() if " radar presence=true moving=" in line]
    assert len(lines) > 5
    assert not any("seq=" in line for line in lines)
    assert ran.returncode == 0

    unknown = hadir.run("bridge", "stream", "rader", "--for", "1s")
    assert unknown.stderr.endswith('no sensor "rader"; known: mpp/radar\n')
    assert unknown.returncode == 2

    elsewhere = hadir.run("bridge", "stream", "radar", "--site", "mall", "--for", "1s")
    assert elsewhere.stderr.endswith('no site "mall"; known: mpp; or name the bridge\'s own file by --site FILE\n')
    assert elsewhere.returncode == 2


def test_a_bridge_with_its_settings_from_a_file_is_streamed_by_the_name_of_its_site(
    room: Rooms, served: Served, hadir: Hadir, tmp_path: Path
) -> None:
    room("radar")
    file = tmp_path / "site.yaml"
    file.write_text(SITE.format(port=port(tmp_path)))
    hadir.start("bridge", "run", "--gateway", "gw", "--site", str(file))
    ran = hadir.run("bridge", "stream", "radar", "--site", "mpp", "--for", "6s")
    assert " radar presence=true" in ran.stdout
    unnamed = hadir.run("bridge", "stream", "radar", "--for", "1s")
    assert "it keeps no settings: name the bridge's own file by --site FILE" in unnamed.stderr
    assert unnamed.returncode == 2


def test_gates_are_shown_against_the_thresholds_and_the_radar_is_left_as_it_was(
    room: Rooms, hadir: Hadir, tmp_path: Path
) -> None:
    radar = room("radar").radar
    ran = hadir.run("bridge", "stream", "--port", port(tmp_path), "--driver", "ld2410", "--gates", "--for", "4s")
    lines = ran.stdout.splitlines()
    assert len(lines) > 3
    assert all("  radar  " in line and "still energy: " in line for line in lines)
    assert all(gate.endswith("/40") for line in lines for gate in line.split("still energy: ")[1].split()[2:4])
    assert (ran.returncode, ran.stderr) == (0, "")
    assert not radar.engineering
    assert radar.report(10**6)


def test_gates_of_a_sensor_without_energies_say_what_helps(hadir: Hadir, tmp_path: Path) -> None:
    hadir.start("bridge", "emulate", "--driver", "ld2420", "--link", port(tmp_path))
    eventually(lambda: (tmp_path / "radar").is_symlink())
    ran = hadir.run("bridge", "stream", "--port", port(tmp_path), "--driver", "ld2420", "--gates", "--for", "2s")
    assert ran.stderr == 'radar: no energies by gate come; a ld2420 reports them by config {"mode": "energy"}\n'


def test_gates_are_shown_through_the_broker_with_the_thresholds_that_it_keeps(
    room: Rooms, served: Served, hadir: Hadir
) -> None:
    room("radar").radar.engineering = True
    served("radar")
    kept = {"at": None, "driver": "ld2410", "firmware": None, "settings": {"still_sensitivity": [0, 0, 33]}}
    served.retain(topics.sensor_topic("mpp", "radar", "settings"), kept)
    ran = hadir.run("bridge", "stream", "radar", "--gates", "--for", "4s")
    lines = ran.stdout.splitlines()
    assert len(lines) > 3
    assert all(line.split("still energy: ")[1].split()[2].endswith("/33") for line in lines)


def test_the_counter_where_somebody_waves_is_named(room: Rooms, served: Served, hadir: Hadir) -> None:
    room("left")
    right = room("right").radar
    served("left", "right")
    child = hadir.start("bridge", "identify", "--learn", "4s")
    eventually(lambda: "Now wave a hand" in hadir.said_by(child))
    right.target = WAVING
    assert child.wait(60) == 0
    assert "/right: sensor right, outlet loket-2 (Loket 2), zone staff\n" in hadir.said_by(child)


def test_the_port_where_somebody_waves_is_named_without_a_bridge(room: Rooms, hadir: Hadir, tmp_path: Path) -> None:
    left = room("left").radar
    room("right")
    ports = ["--port", port(tmp_path, "left"), "--port", port(tmp_path, "right")]
    child = hadir.start("bridge", "identify", *ports, "--learn", "2s", "--json")
    eventually(lambda: "Now wave a hand" in hadir.said_by(child))
    left.target = WAVING
    assert child.wait(60) == 0
    assert json.loads(hadir.said_by(child).splitlines()[-1])["port"] == port(tmp_path, "left")


def test_nobody_waving_is_told(room: Rooms, hadir: Hadir, tmp_path: Path) -> None:
    room("left")
    room("right")
    ports = ["--port", port(tmp_path, "left"), "--port", port(tmp_path, "right"), "--driver", "ld2410"]
    ran = hadir.run("bridge", "identify", *ports, "--learn", "2s", "--for", "2s")
    assert "hadir bridge identify: none stands out: " in ran.stderr
    assert (ran.returncode, ran.stdout) == (1, "")


def test_emulated_sensors_are_found_and_end_quietly(hadir: Hadir, tmp_path: Path) -> None:
    child = hadir.start(
        "bridge", "emulate", "--driver", "ld2410", "--link", port(tmp_path), "--count", "2", "--engineering"
    )
    eventually(lambda: (tmp_path / "radar-2").is_symlink())
    ran = hadir.run("bridge", "stream", "--port", port(tmp_path, "radar-2"), "--driver", "ld2410", "--for", "1s")
    assert "moving_energy_g8=" in ran.stdout
    child.send_signal(signal.SIGINT)
    assert child.wait(30) == 0
    assert hadir.said_by(child) == f"{tmp_path}/radar-1\n{tmp_path}/radar-2\n"
    assert not list(tmp_path.glob("radar-*"))


def test_the_name_of_a_sensor_that_speaks_is_not_taken_away(hadir: Hadir, tmp_path: Path) -> None:
    first = hadir.start("bridge", "emulate", "--driver", "ld2410", "--link", port(tmp_path))
    eventually(lambda: (tmp_path / "radar").is_symlink())
    leads_to = (tmp_path / "radar").readlink()
    ran = hadir.run("bridge", "emulate", "--driver", "ld2410", "--link", port(tmp_path), "--for", "1s")
    assert ran.stderr == f"{port(tmp_path)}: leads to {leads_to} already; name another --link, or remove it\n"
    assert (ran.returncode, ran.stdout) == (2, "")
    assert (tmp_path / "radar").readlink() == leads_to
    hadir.kill(first)
    again = hadir.run("bridge", "emulate", "--driver", "ld2410", "--link", port(tmp_path), "--for", "1s")
    assert again.returncode == 0


def test_faults_come_on_demand(hadir: Hadir, tmp_path: Path) -> None:
    hadir.start("bridge", "emulate", "--driver", "ld2410", "--link", port(tmp_path), "--fault", "flip=0.5")
    eventually(lambda: (tmp_path / "radar").is_symlink())
    out = tmp_path / "a.jsonl"
    hadir.run("bridge", "record", port(tmp_path), "--out", str(out), "--driver", "ld2410", "--for", "4s")
    lines = hadir.run("bridge", "replay", str(out), "--decode").stdout.splitlines()
    assert any('"error":' in line for line in lines)
    assert any('"values":' in line for line in lines)


def test_a_radar_that_does_not_obey_is_shown_as_it_is_and_told(hadir: Hadir, tmp_path: Path) -> None:
    hadir.start("bridge", "emulate", "--driver", "ld2410", "--link", port(tmp_path), "--fault", "stuck=1")
    eventually(lambda: (tmp_path / "radar").is_symlink())
    ran = hadir.run("bridge", "stream", "--port", port(tmp_path), "--driver", "ld2410", "--gates", "--for", "1s")
    assert f"{port(tmp_path)}: its engineering mode could not be switched on: " in ran.stderr
    assert "  radar  " in ran.stdout
    assert ran.returncode == 0
