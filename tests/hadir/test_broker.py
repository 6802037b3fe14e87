import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from hadir import broker
from presence.errors import BadInput
from tests.fixtures.hadir_command import eventually

REPOSITORY = Path(__file__).parents[2]

STARTS_AND_WAITS = """
import sys
from pathlib import Path
from hadir import broker
running = broker.start_mosquitto(broker.find_mosquitto(), host="127.0.0.1", port=0, folder=Path(sys.argv[1]))
print(running.pid, running.port, flush=True)
sys.stdin.read()
"""


def listens(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except ConnectionRefusedError:
        return False
    return True


def runs(pid):
    """A process that has ended and that nobody asked for its status does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.fixture(params=["mosquitto", "iotcore"])
def start(request, tmp_path):
    """Starts a broker of one kind on `port`, with its files in a folder with a space in its name."""
    folder = tmp_path / "data of hadir"
    folder.mkdir()
    started = []

    def start_one(port=0):
        if request.param == "mosquitto":
            executable = broker.find_mosquitto()
            if executable is None:
                pytest.skip("mosquitto is not installed")
            running = broker.start_mosquitto(executable, host="127.0.0.1", port=port, folder=folder)
        else:
            running = broker.start_embedded(host="127.0.0.1", port=port, folder=folder)
        started.append(running)
        return running

    start_one.kind = request.param
    yield start_one
    for running in started:
        running.stop()


def test_a_broker_listens_when_start_returns_and_no_more_after_stop(start):
    running = start()
    assert listens(running.port)
    assert (running.url, running.kind, running.poll()) == (f"mqtt://127.0.0.1:{running.port}", start.kind, None)
    assert (running.remark is None) == (start.kind == "mosquitto")
    running.stop()
    assert not listens(running.port)
    assert running.poll() is not None
    running.stop()


def test_a_broker_that_was_killed_starts_again_on_its_port(start):
    running = start()
    os.kill(running.pid, signal.SIGKILL)
    running.stop()
    assert running.poll() == -signal.SIGKILL
    assert listens(start(running.port).port)


def test_a_taken_port_is_told_before_anything_starts(start, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(BadInput) as error:
            start(port)
    assert str(error.value) == (
        f"port {port} on 127.0.0.1: is taken; name another with --mqtt-port; 0 takes a free one"
    )
    assert not list(tmp_path.glob("*/broker/*.pid"))


def test_mosquitto_is_preferred_and_the_embedded_broker_stands_in(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(broker, "_SBIN", str(tmp_path))
    running = broker.start(host="127.0.0.1", port=0, folder=tmp_path)
    assert running.kind == "iotcore"
    running.stop()
    there = tmp_path / "mosquitto"
    there.write_text("#!/bin/sh\n")
    there.chmod(0o755)
    assert broker.find_mosquitto() == str(there)


def test_a_mosquitto_that_does_not_come_up_is_told_with_its_log(tmp_path):
    broken = tmp_path / "mosquitto"
    broken.write_text("#!/bin/sh\necho 'cannot today' >&2\nexit 3\n")
    broken.chmod(0o755)
    with pytest.raises(broker.BrokerFailed, match=r"does not come up on port \d+; .*mosquitto\.log says why"):
        broker.start_mosquitto(str(broken), host="127.0.0.1", port=0, folder=tmp_path)
    assert (tmp_path / "broker" / "mosquitto.log").read_text().startswith("cannot today")


def test_a_folder_that_cannot_be_written_is_bad_input(tmp_path):
    (tmp_path / "broker").write_text("in the way")
    with pytest.raises(BadInput, match="--data"):
        broker.start_embedded(host="127.0.0.1", port=0, folder=tmp_path)


def child_with_mosquitto(folder):
    if broker.find_mosquitto() is None:
        pytest.skip("mosquitto is not installed")
    child = subprocess.Popen(
        [sys.executable, "-c", STARTS_AND_WAITS, folder],
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    pid, port = map(int, child.stdout.readline().split())
    return child, pid, port


def test_mosquitto_ends_with_a_parent_that_is_killed(tmp_path):
    child, pid, _ = child_with_mosquitto(tmp_path)
    with child:
        child.kill()
    eventually(lambda: not runs(pid))


def test_a_mosquitto_left_behind_is_ended_by_the_next_start(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "/nonexistent")  # no setpriv: as where the kernel does not end it with us
    child, pid, port = child_with_mosquitto(tmp_path)
    with child:
        child.kill()
    assert listens(port)
    monkeypatch.undo()
    running = broker.start_mosquitto(broker.find_mosquitto(), host="127.0.0.1", port=port, folder=tmp_path)
    eventually(lambda: not runs(pid))
    assert listens(port)
    running.stop()
