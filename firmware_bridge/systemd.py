"""What a service tells systemd: that it is ready, that its loop still turns, what it does, that it ends.

Source: sd_notify(3), sd_watchdog_enabled(3). Elsewhere nothing is told.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Mapping


class Systemd:
    """`environ`: NOTIFY_SOCKET and WATCHDOG_USEC are read from it once."""

    def __init__(self, environ: Mapping[str, str] | None = None) -> None:
        environ = os.environ if environ is None else environ
        named = environ.get("NOTIFY_SOCKET", "")
        self._address = f"\0{named[1:]}" if named.startswith("@") else named
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) if named else None
        if self._socket:
            self._socket.setblocking(False)
        watched = environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        # Three signs of life in the time that systemd waits for one.
        self._every_ms = int(environ.get("WATCHDOG_USEC", "0")) // 3_000 if watched else 0
        self._due_up_ms = 0
        self._told: str | None = None

    def ready(self) -> None:
        self._tell("READY=1")

    def alive(self, up_ms: int) -> None:
        """To be called by the loop itself, often: one that hangs is killed and started again."""
        if self._every_ms and up_ms >= self._due_up_ms:
            self._due_up_ms = up_ms + self._every_ms
            self._tell("WATCHDOG=1")

    def says(self, status: str) -> None:
        """One line for `systemctl status`; told when it is another."""
        if status != self._told:
            self._told = status
            self._tell(f"STATUS={status}")

    def stopping(self) -> None:
        self._tell("STOPPING=1")

    def close(self) -> None:
        if self._socket:
            self._socket.close()

    def _tell(self, line: str) -> None:
        if self._socket:
            with contextlib.suppress(OSError):  # a manager that does not listen is no reason to end
                self._socket.sendto(line.encode(), self._address)
