"""Bytes off a port: the only place that knows pyserial.

A port is `/dev/…` (best a name below /dev/serial/by-path: numbers change at every plug), a pseudo-terminal,
`socket://host:port` (ser2net, raw TCP) or `rfc2217://host:port`. All of them are read through a file descriptor, so
that one thread waits for all; a port without one of its own gets a pipe and a small thread that fills it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import stat
import termios
import threading
from pathlib import Path
from typing import Literal

import serial
from serial.tools import list_ports
from serial.urlhandler import protocol_socket

from presence.errors import HadirError
from presence.port_names import port_problem

Kind = Literal["unplugged", "missing", "held", "forbidden", "refused", "wrong"]

# Of one port at a time, so that one that floods leaves the others their turn.
_READ_SIZE = 16 * 1024
_PUMP_TIMEOUT_S = 0.2
_PUMP_SIZE = 4096
# A network port whose host vanished without a word is given up after 20 + 3 x 10 s.
_KEEPALIVE = ((socket.TCP_KEEPIDLE, 20), (socket.TCP_KEEPINTVL, 10), (socket.TCP_KEEPCNT, 3))

_HELD = "is held by another program; ModemManager, brltty and a second bridge are known to do so"
_UNREACHED = "cannot be reached; is the host on, and the address right?"
_KNOWN: dict[int | None, tuple[Kind, str]] = {
    errno.ENOENT: ("missing", "is not there; is the sensor plugged in, and the name right?"),
    errno.EACCES: ("forbidden", "may not be opened; add this user to the group dialout"),
    errno.EPERM: ("forbidden", "may not be opened; add this user to the group dialout"),
    errno.ENOTTY: ("wrong", "is no serial port; `hadir doctor bridge` lists those of this machine"),
    errno.EBUSY: ("held", _HELD),
    errno.EAGAIN: ("held", _HELD),
    errno.ECONNREFUSED: ("refused", "refuses the connection; does anything listen there?"),
    errno.EHOSTUNREACH: ("refused", _UNREACHED),
    errno.ENETUNREACH: ("refused", _UNREACHED),
    errno.ETIMEDOUT: ("refused", _UNREACHED),
    **dict.fromkeys((errno.EIO, errno.ENODEV, errno.ENXIO, errno.EBADF), ("unplugged", "was unplugged")),
}


class PortGone(HadirError):
    """The port cannot be opened, or was lost; the text says why, without the port's name; `kind` in one word."""

    def __init__(self, says: str, kind: Kind = "unplugged") -> None:
        self.kind = kind
        super().__init__(says)


class Port:
    """An open port. `fd` becomes readable when bytes have come, or when the port was lost."""

    def __init__(self, opened: serial.Serial | protocol_socket.Serial) -> None:
        self._opened = opened
        self.node = os.path.realpath(opened.name or "")  # what its name led to when it was opened
        # pyserial forgets its socket without closing it when the other side has reset the connection.
        self._socket: socket.socket | None = getattr(opened, "_socket", None)
        self._pump: _Pump | None = None
        try:
            self.fd: int = opened.fileno()
        except OSError:
            opened.timeout = _PUMP_TIMEOUT_S
            self._pump = _Pump(opened)
            self.fd = self._pump.fd
        else:
            if stat.S_ISSOCK(os.fstat(self.fd).st_mode) and self._socket is not None:
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
                for option, value in _KEEPALIVE:
                    self._socket.setsockopt(socket.IPPROTO_TCP, option, value)

    def read(self) -> bytes:
        """What has come; to be called when `fd` is readable. Raises PortGone."""
        try:
            data = os.read(self.fd, _READ_SIZE)
        except BlockingIOError:
            return b""
        except OSError as error:
            raise _gone(error) from error
        if not data:
            raise (self._pump and self._pump.problem) or PortGone("was unplugged, or is read by another program too")
        return data

    def write(self, data: bytes) -> None:
        """Writes a short command; a line that takes nothing loses it. Raises PortGone."""
        try:
            if self._pump:
                self._opened.write(data)
            else:
                os.write(self.fd, data)
        except BlockingIOError:
            return
        except OSError as error:
            raise _gone(error) from error

    def close(self) -> None:
        """May take some tenths of a second with network ports."""
        if self._pump:
            self._pump.stop()
        with contextlib.suppress(OSError, termios.error):  # what was unplugged cannot be closed in order
            self._opened.close()
        if self._socket is not None:
            self._socket.close()


def open_port(name: str, baud: int) -> Port:
    """`name` at `baud`, raw and ours alone. Raises PortGone. Network ports may take 5 s."""
    try:
        unopened: serial.Serial | protocol_socket.Serial
        if name.startswith("socket://"):
            unopened = _Socket(None, baud, timeout=0)
            unopened.port = name
        elif "://" in name:
            if says := port_problem(name):  # pyserial knows others, one of which writes files
                raise PortGone(says, "wrong")
            unopened = serial.serial_for_url(name, baud, timeout=0, do_not_open=True)
        else:
            unopened = _Serial(None, baud, timeout=0, exclusive=True)
            unopened.port = name
        # Opening raises both lines, by which many boards are reset.
        unopened.dtr = unopened.rts = False
        unopened.open()
        return Port(unopened)
    except (OSError, ValueError, TypeError, termios.error) as error:
        raise _gone(error) from error


def port_names() -> list[str]:
    """The serial ports of this machine, as the kernel numbers them."""
    return sorted(found.device for found in list_ports.comports())


def lasting_name(name: str, folder: Path = Path("/dev/serial/by-path")) -> str:
    """The name in `folder` of the port `name`, which stays with its USB socket; `name` itself when there is none."""
    device = Path(name).resolve()
    links = sorted(folder.iterdir()) if folder.is_dir() else []
    return next((str(link) for link in links if link.resolve() == device), name)


class _Serial(serial.Serial):
    """pyserial's port, but what has come since the opening is kept: the decoders find their way into it."""

    def _reset_input_buffer(self) -> None:
        return


class _Socket(protocol_socket.Serial):
    """The same for raw TCP."""

    def reset_input_buffer(self) -> None:
        return


class _Pump:
    """A thread that brings what a port without file descriptor reads into a pipe, whose other end is `fd`."""

    def __init__(self, opened: serial.Serial | protocol_socket.Serial) -> None:
        self.problem: PortGone | None = None
        self._opened = opened
        self.fd, self._into = os.pipe()
        os.set_blocking(self.fd, False)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"port {opened.port}", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                if data := self._opened.read(_PUMP_SIZE if self._opened.in_waiting else 1):
                    os.write(self._into, data)
        except (OSError, TypeError) as error:
            self.problem = _gone(error)
        finally:  # which the reader sees
            os.close(self._into)

    def stop(self) -> None:
        self._stopping.set()
        os.close(self.fd)  # first: ends a write into a full pipe
        self._thread.join()


def _gone(error: Exception) -> PortGone:
    if isinstance(error.__context__, (OSError, termios.error)):  # what pyserial wrapped
        error = error.__context__
    if isinstance(error, socket.gaierror):
        return PortGone("names a host that is not known here; write its address", "refused")
    if isinstance(error, TimeoutError):
        return PortGone(_UNREACHED, "refused")
    number = error.args[0] if isinstance(error, termios.error) else getattr(error, "errno", None)
    if number in _KNOWN:
        kind, says = _KNOWN[number]
        return PortGone(says, kind)
    if "RFC2217" in str(error):
        return PortGone("is no RFC 2217 server; if it gives the bare bytes, write socket://", "wrong")
    return PortGone(f"cannot be used: {getattr(error, 'strerror', None) or ' '.join(str(error).split())}", "wrong")
