"""Ports of every kind are read through a file descriptor, and say in words what is wrong with them."""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import serial
from serial import rfc2217

from firmware_bridge.port import Port, PortGone, open_port

if TYPE_CHECKING:
    from tests.fixtures.pseudo_terminal import PseudoTerminal

# What a line in cooked mode would eat or change: interrupts, stops, line ends, the tail of a command.
AWKWARD = bytes.fromhex("0403020d0a11131a1c7fff00") + bytes(range(256))


def read(port: Port, size: int) -> bytes:
    got = b""
    while len(got) < size:
        assert select.select([port.fd], [], [], 10.0)[0], f"only {len(got)} of {size} bytes came"
        got += port.read()
    return got


def test_a_terminal_gives_every_byte_as_it_is(pseudo_terminal: Callable[[str], PseudoTerminal]) -> None:
    radar = pseudo_terminal("radar")
    port = open_port(str(radar.path), 256_000)
    radar.write(AWKWARD)
    assert read(port, len(AWKWARD)) == AWKWARD
    port.write(AWKWARD)
    assert radar.read() == AWKWARD
    port.close()


def test_an_unplugged_port_says_so(pseudo_terminal: Callable[[str], PseudoTerminal]) -> None:
    radar = pseudo_terminal("radar")
    port = open_port(str(radar.path), 115_200)
    radar.unplug()
    with pytest.raises(PortGone, match=r"was unplugged") as gone:
        read(port, 1)
    assert gone.value.kind == "unplugged"
    with pytest.raises(PortGone):
        port.write(b"x")
    port.close()


def test_a_second_user_of_a_port_is_refused(pseudo_terminal: Callable[[str], PseudoTerminal]) -> None:
    radar = pseudo_terminal("radar")
    port = open_port(str(radar.path), 115_200)
    with pytest.raises(PortGone, match="is held by another program") as gone:
        open_port(str(radar.path), 115_200)
    assert gone.value.kind == "held"
    port.close()
    open_port(str(radar.path), 115_200).close()


@pytest.mark.parametrize(
    ("name", "kind", "said"),
    [
        ("{tmp}/nothing", "missing", "is not there; is the sensor plugged in, and the name right?"),
        ("{tmp}", "wrong", "cannot be used: Is a directory"),
        ("{tmp}/file", "wrong", "is no serial port; `hadir doctor bridge` lists those"),
        ("socket://127.0.0.1:{closed}", "refused", "refuses the connection; does anything listen there?"),
        ("socket://no.such.host.invalid:5000", "refused", "names a host that is not known here"),
        ("rfc2217://127.0.0.1:{closed}", "refused", "refuses the connection; does anything listen there?"),
        ("nonsense://x", "wrong", '"nonsense:" is not known for ports; write one of socket, rfc2217'),
        ("spy://{tmp}/file?file={tmp}/written", "wrong", '"spy:" is not known for ports'),
    ],
)
def test_a_port_that_cannot_be_opened_says_why(tmp_path: Path, name: str, kind: str, said: str) -> None:
    (tmp_path / "file").write_text("")
    with socket.create_server(("127.0.0.1", 0)) as server:
        closed = server.getsockname()[1]
    with pytest.raises(PortGone) as gone:
        open_port(name.format(tmp=tmp_path, closed=closed), 9600)
    assert (gone.value.kind, str(gone.value)[: len(said)]) == (kind, said)
    assert not (tmp_path / "written").exists()


@pytest.fixture
def server() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(10)
        yield listening


def test_a_raw_tcp_port(server: socket.socket) -> None:
    port = open_port(f"socket://127.0.0.1:{server.getsockname()[1]}", 115_200)
    device, _ = server.accept()
    device.sendall(AWKWARD)
    assert read(port, len(AWKWARD)) == AWKWARD
    port.write(b"ping")
    assert device.recv(10) == b"ping"
    device.close()
    with pytest.raises(PortGone):
        read(port, 1)
    port.close()


@pytest.mark.filterwarnings("ignore:set(Daemon|Name):DeprecationWarning")  # in pyserial
def test_a_raw_port_is_not_taken_for_one_behind_rfc2217(server: socket.socket) -> None:
    with pytest.raises(PortGone, match="is no RFC 2217 server; if it gives the bare bytes, write socket://"):
        open_port(f"rfc2217://127.0.0.1:{server.getsockname()[1]}?timeout=0.2", 115_200)


@pytest.mark.filterwarnings("ignore:set(Daemon|Name):DeprecationWarning")  # in pyserial
def test_a_port_behind_rfc2217(server: socket.socket) -> None:
    serving = threading.Thread(target=serve_rfc2217, args=(server,))
    serving.start()
    port = open_port(f"rfc2217://127.0.0.1:{server.getsockname()[1]}", 115_200)
    port.write(AWKWARD)
    assert read(port, len(AWKWARD)) == AWKWARD
    port.close()
    serving.join()


def serve_rfc2217(server: socket.socket) -> None:
    """One client, whose port gives back what is written to it."""
    client, _ = server.accept()
    port = serial.serial_for_url("loop://", timeout=0)
    manager = rfc2217.PortManager(port, _Telnet(client))
    while data := client.recv(1024):
        port.write(b"".join(manager.filter(data)))
        client.sendall(b"".join(manager.escape(port.read(port.in_waiting))))
    client.close()


class _Telnet:
    def __init__(self, client: socket.socket) -> None:
        self.write = client.sendall
