"""One engine a site: who has the site's lease watches it.

Where the processes of one machine share a record it is a file lock, which ends with the process that holds it; on a
server it is a row that runs out unless it is renewed.
"""

from __future__ import annotations

import contextlib
import fcntl
import math
import os
import secrets
import socket
import threading
import time
from pathlib import Path
from typing import Final, Protocol

from sqlalchemy.exc import SQLAlchemyError

from storage.record import Record, RecordUnavailable
from storage.record.lease import LASTS_MS, release, take

# Its holder stops to rely on it a little before another one may have it: clocks do not run alike, and what was begun
# takes a moment.
_TRUSTED_S: Final = LASTS_MS / 1000 - 2.0
_RENEW_EVERY_S: Final = 2.5
_END_WITHIN_S: Final = 2.0
# Goes on while the machine sleeps, as the database's clock does.
_CLOCK: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class Lease(Protocol):
    """The right to watch one site."""

    @property
    def held(self) -> bool:
        """Whether it is ours at this moment. Any thread may ask."""
        ...

    def take(self) -> bool:
        """Whether it is ours now; False while another engine, or another Lease, holds it."""
        ...

    def release(self) -> None:
        """Let another engine have it."""
        ...


def new_holder() -> str:
    """A name that no other engine has."""
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"


def lease_of(site: str, record: Record, *, folder: Path, holder: str) -> Lease:
    """The lease of `site`, not taken. `folder`: what all engines of a record in a file share."""
    return RowLease(record, site, holder) if record.shared else FileLease(folder, site)


class FileLease:
    """`engine-{site}.lock` in `folder`. Once taken it is held until it is released."""

    def __init__(self, folder: Path, site: str) -> None:
        self._path = folder / f"engine-{site}.lock"
        self._handle: int | None = None

    @property
    def held(self) -> bool:
        return self._handle is not None

    def take(self) -> bool:
        if self._handle is not None:
            return True
        handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return False
        except BaseException:
            os.close(handle)
            raise
        self._handle = handle
        return True

    def release(self) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


class RowLease:
    """A row of the record, renewed by a thread of its own, so that a long computation does not lose it.

    It is lost when it could not be renewed in time: then it is held no more, until it is taken anew.
    """

    def __init__(self, record: Record, site: str, holder: str) -> None:
        self._record = record
        self._site = site
        self._holder = holder
        self._trusted_until_s = -math.inf
        self._end = threading.Event()
        self._renewing: threading.Thread | None = None

    @property
    def held(self) -> bool:
        return _now_s() < self._trusted_until_s

    def take(self) -> bool:
        """Raises RecordUnavailable."""
        if self.held:
            return True
        self._stop_renewing()
        asked_s = _now_s()
        if not self._ask():
            return False
        self._trusted_until_s = asked_s + _TRUSTED_S
        self._end = threading.Event()
        self._renewing = threading.Thread(
            target=self._renew, args=(self._end,), name=f"lease {self._site}", daemon=True
        )
        self._renewing.start()
        return True

    def release(self) -> None:
        self._stop_renewing()
        # Without the server it runs out by itself.
        with contextlib.suppress(RecordUnavailable), self._record.writing() as connection:
            release(connection, self._site, self._holder)

    def _ask(self) -> bool:
        with self._record.writing() as connection:
            return take(connection, self._site, self._holder)

    def _renew(self, end: threading.Event) -> None:
        while not end.wait(_RENEW_EVERY_S):
            asked_s = _now_s()
            try:
                ours = self._ask()
            except (RecordUnavailable, SQLAlchemyError):
                # Told by whoever else needs the record; here there is time until the lease runs out.
                continue
            # An answer that came too late says nothing of the time in between, in which another may have had it.
            if end.is_set() or not ours or not self.held:
                self._trusted_until_s = -math.inf
                return
            self._trusted_until_s = asked_s + _TRUSTED_S

    def _stop_renewing(self) -> None:
        self._end.set()
        self._trusted_until_s = -math.inf
        if self._renewing is not None:
            self._renewing.join(_END_WITHIN_S)
            self._renewing = None


def _now_s() -> float:
    return time.clock_gettime(_CLOCK)
