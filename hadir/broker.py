"""The broker of `hadir up`: mosquitto where it is installed, else the one that comes as a wheel.

mosquitto keeps sessions, queued and retained messages across its own end, also a kill; the embedded one keeps nothing,
and says so in `Broker.remark`.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from presence.errors import BadInput, HadirError

log = logging.getLogger("hadir.broker")

_SBIN = "/usr/sbin"  # where Debian puts it, which is not on everybody's PATH
_READY_WITHIN_S = 10.0
_STOP_WITHIN_S = 5.0
_LOOK_EVERY_S = 0.02
_LARGEST_LOG = 10 * 1024 * 1024
_LARGEST_PACKET = 1024 * 1024
# A port that was free a moment ago may be gone when the broker takes it.
_PORTS_TRIED = 3
_PID_FILE = "mosquitto.pid"

EMBEDDED_REMARK = (
    "the embedded broker forgets sessions, queued and retained messages when it ends; "
    "install mosquitto to lose nothing then"
)

_MOSQUITTO_CONF = """\
listener {port} {host}
allow_anonymous true
set_tcp_nodelay true
persistence true
persistence_location {folder}/
autosave_interval 1
autosave_on_changes true
max_queued_messages 100000
max_inflight_messages 100
max_packet_size {largest_packet}
log_dest stderr
log_type error
log_type warning
log_type notice
log_timestamp_format %Y-%m-%dT%H:%M:%S
"""

_IOTCORE_CONF = """\
id = 0
[router]
id = 0
max_connections = 2000
max_outgoing_packet_count = 200
max_segment_size = 10485760
max_segment_count = 10
[v5.1]
name = "v5"
listen = "{host}:{port}"
next_connection_delay_ms = 1
[v5.1.connections]
connection_timeout_ms = 10000
max_payload_size = {largest_packet}
max_inflight_count = 200
dynamic_filters = true
[v4.1]
name = "v4"
listen = "{host}:{other_port}"
next_connection_delay_ms = 1
[v4.1.connections]
connection_timeout_ms = 10000
max_payload_size = {largest_packet}
max_inflight_count = 200
dynamic_filters = true
"""


class BrokerFailed(HadirError):
    """The broker did not come up; the text says why, or where its log is."""


class Broker:
    """A running broker. `kind`: mosquitto or iotcore; `remark`: what a person must know of it, or None."""

    def __init__(
        self, process: subprocess.Popen[bytes], *, kind: str, host: str, port: int, remark: str | None
    ) -> None:
        self._process = process
        self.kind = kind
        self.remark = remark
        self.port = port
        self.url = f"mqtt://{host}:{port}"

    @property
    def pid(self) -> int:
        return self._process.pid

    def poll(self) -> int | None:
        """Its exit status, None while it runs."""
        return self._process.poll()

    def stop(self) -> None:
        """Ends it; mosquitto writes down what it holds."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(_STOP_WITHIN_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()


def start(*, host: str, port: int, folder: Path) -> Broker:
    """A broker that listens at `host`:`port`, 0 being a free port, with its files in `folder`/broker.

    Raises BadInput when the port is taken, BrokerFailed when the broker does not come up.
    """
    executable = find_mosquitto()
    if executable is not None:
        return start_mosquitto(executable, host=host, port=port, folder=folder)
    return start_embedded(host=host, port=port, folder=folder)


def find_mosquitto() -> str | None:
    """Where mosquitto is, None when it is not installed."""
    return shutil.which("mosquitto", path=os.pathsep.join((os.environ.get("PATH", os.defpath), _SBIN)))


def start_mosquitto(executable: str, *, host: str, port: int, folder: Path) -> Broker:
    """As `start`, with mosquitto."""
    folder = _broker_folder(folder)
    _end_leftover(folder)
    return _on_a_port(host, port, lambda chosen: _mosquitto(executable, host, chosen, folder))


def start_embedded(*, host: str, port: int, folder: Path) -> Broker:
    """As `start`, with the broker that comes as a wheel; it serves MQTT 3.1.1 on a free port beside."""
    folder = _broker_folder(folder)
    return _on_a_port(host, port, lambda chosen: _embedded(host, chosen, folder))


def _mosquitto(executable: str, host: str, port: int, folder: Path) -> Broker:
    conf = _MOSQUITTO_CONF.format(host=host, port=port, folder=folder, largest_packet=_LARGEST_PACKET)
    if os.geteuid() == 0:
        # It would become the user mosquitto, who may not enter a data directory below /root. All else of `hadir up` is
        # root here as well; in production the broker is the distribution's service, with a user of its own.
        conf += "user root\n"
    conf_path, log_path = folder / "mosquitto.conf", folder / "mosquitto.log"
    conf_path.write_text(conf)
    if log_path.exists() and log_path.stat().st_size > _LARGEST_LOG:
        log_path.replace(log_path.with_suffix(".log.1"))
    with log_path.open("ab") as log_file:
        process = subprocess.Popen(
            [*_dying_with_us(), executable, "-c", str(conf_path)],
            stdin=subprocess.DEVNULL,
            stdout=log_file,
            stderr=log_file,
            process_group=0,  # Ctrl-C is not for it: the others say goodbye to it first
        )
    (folder / _PID_FILE).write_text(str(process.pid))
    broker = Broker(process, kind="mosquitto", host=host, port=port, remark=None)
    give_up_at = time.monotonic() + _READY_WITHIN_S
    while broker.poll() is None and time.monotonic() < give_up_at:
        with contextlib.suppress(OSError), socket.create_connection((host, port), timeout=_READY_WITHIN_S):
            return broker
        time.sleep(_LOOK_EVERY_S)
    broker.stop()
    raise BrokerFailed(f"mosquitto does not come up on port {port}; {log_path} says why")


def _embedded(host: str, port: int, folder: Path) -> Broker:
    try:
        import iotcore
    except ImportError:
        raise BrokerFailed(
            "no broker: mosquitto is not installed, and the embedded one does not exist for this machine; "
            "install mosquitto, or name a broker with HADIR_BROKER"
        ) from None
    conf_path = folder / "iotcore.toml"
    other_port = _free_port(host)
    conf_path.write_text(
        _IOTCORE_CONF.format(host=host, port=port, other_port=other_port, largest_packet=_LARGEST_PACKET)
    )
    running = iotcore.Broker(config_path=str(conf_path))
    try:
        running.start(timeout=_READY_WITHIN_S)
    except (OSError, RuntimeError) as error:
        raise BrokerFailed(f"the embedded broker does not come up on port {port}: {error}") from None
    process = running._process
    assert process is not None
    return Broker(process, kind="iotcore", host=host, port=port, remark=EMBEDDED_REMARK)


def _broker_folder(folder: Path) -> Path:
    folder = (folder / "broker").absolute()
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        remedy = "name a data directory that this user may write to, with --data"
        raise BadInput(str(folder), error.strerror or str(error), remedy=remedy) from None
    return folder


def _on_a_port(host: str, port: int, start_at: Callable[[int], Broker]) -> Broker:
    """What `start_at` gives for `port`, or for one that is free."""
    if port == 0:
        for _ in range(_PORTS_TRIED - 1):
            with contextlib.suppress(BrokerFailed):
                return start_at(_free_port(host))
        return start_at(_free_port(host))
    try:
        _bind(host, port).close()
    except OSError as error:
        source = f"port {port} on {host}"
        if error.errno == errno.EADDRINUSE:
            raise BadInput(source, "is taken", remedy="name another with --mqtt-port; 0 takes a free one") from None
        problem = f"cannot be used ({error.strerror})"
        raise BadInput(source, problem, remedy="name another with --mqtt-port") from None
    return start_at(port)


def _bind(host: str, port: int) -> socket.socket:
    """Not to listen: mosquitto goes on without a word where another listens on its port."""
    return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)


def _free_port(host: str) -> int:
    with _bind(host, 0) as bound:
        port: int = bound.getsockname()[1]
    return port


def _dying_with_us() -> list[str]:
    """Before the command: the kernel ends it when we are killed. Where that is not to be had, see `_end_leftover`."""
    setpriv = shutil.which("setpriv") if sys.platform == "linux" else None
    return [] if setpriv is None else [setpriv, "--pdeathsig", "TERM", "--"]


def _end_leftover(folder: Path) -> None:
    """Ends the mosquitto of a `hadir up` that was killed: it would hold our port and the same files."""
    try:
        pid = int((folder / _PID_FILE).read_text())
        command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (OSError, ValueError):
        return
    if os.fsencode(folder / "mosquitto.conf") not in command:
        return
    log.warning("ending the mosquitto that an earlier run left behind", extra={"pid": pid})
    for number, seconds in ((signal.SIGTERM, _STOP_WITHIN_S), (signal.SIGKILL, 2.0)):
        give_up_at = time.monotonic() + seconds
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
            while _runs(pid) and time.monotonic() < give_up_at:
                time.sleep(_LOOK_EVERY_S)


def _runs(pid: int) -> bool:
    """Whether it still does anything; one that has ended and waits for its parent does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0] != b"Z"
    except OSError:
        return False
