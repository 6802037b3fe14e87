"""A serial port that is none: a pseudo-terminal, with whatever speaks on its other side."""

from __future__ import annotations

import errno
import fcntl
import os
import select
import sys
import termios
import tty
from pathlib import Path

_READ_SIZE = 4096


class Terminal:
    """`name` is what the host opens, and with `link` also that. Bytes that nobody reads are lost, as on a real line.

    Raises OSError when there are no terminals left, or the link cannot be made.
    """

    def __init__(self, link: Path | None = None) -> None:
        self._link = link
        self.fd, device = os.openpty()
        self.name = os.ttyname(device)
        tty.setraw(device)
        # Not held open: while the host has not opened it, the master side hangs up, and so knows that nobody reads.
        os.close(device)
        os.set_blocking(self.fd, False)
        self._holds = False  # whether bytes may lie in it
        if link is not None:
            new = link.with_name(link.name + ".new")
            new.unlink(missing_ok=True)
            new.symlink_to(self.name)
            new.replace(link)

    @property
    def opened(self) -> bool:
        """Whether a host has it open."""
        poll = select.poll()
        poll.register(self.fd, select.POLLIN)
        return not any(event & select.POLLHUP for _, event in poll.poll(0))

    @property
    def unread(self) -> int:
        """Bytes that the host has not read yet."""
        device = os.open(self.name, os.O_RDONLY | os.O_NOCTTY | os.O_NONBLOCK)
        try:
            return int.from_bytes(fcntl.ioctl(device, termios.FIONREAD, bytes(4)), sys.byteorder)
        finally:
            os.close(device)

    def send(self, data: bytes) -> int:
        """How many bytes of `data` the line took: none when it is full. While nobody has it open they are lost."""
        if not self.opened:
            self._forget()
            return 0
        self._holds = True
        try:
            return os.write(self.fd, data)
        except BlockingIOError:
            return 0
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            return 0

    def _forget(self) -> None:
        """What its last host left unread is not the next one's: the kernel would keep it."""
        if self._holds:
            self._holds = False
            device = os.open(self.name, os.O_RDONLY | os.O_NOCTTY | os.O_NONBLOCK)
            try:
                termios.tcflush(device, termios.TCIFLUSH)
            finally:
                os.close(device)

    def receive(self) -> bytes:
        """What the host has written; nothing when it has not."""
        try:
            return os.read(self.fd, _READ_SIZE)
        except OSError:
            return b""

    def close(self) -> None:
        if self._link is not None and self._link.is_symlink() and os.readlink(self._link) == self.name:
            self._link.unlink()
        os.close(self.fd)
