"""The one lock around every write, checkpoint and close of an SQLite file that several processes write.

SQLite 3.7.0 to 3.51.2 can corrupt a WAL file when two connections write or checkpoint at the same moment (the WAL-reset
bug); the versions that distributions ship have it. An advisory lock beside the file keeps them apart.
"""

from __future__ import annotations

import fcntl
import os
import threading
from pathlib import Path
from types import TracebackType


class SqliteLock:
    """Exclusive among all processes and threads that name the same `database`; `with lock:`, not reentrant."""

    def __init__(self, database: Path) -> None:
        self._path = database.with_name(database.name + ".lock")
        self._threads = threading.Lock()
        self._handle: int | None = None

    def __enter__(self) -> None:
        self._threads.acquire()
        try:
            if self._handle is None:
                self._handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._handle, fcntl.LOCK_EX)
        except BaseException:
            self._threads.release()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._handle is not None
        fcntl.flock(self._handle, fcntl.LOCK_UN)
        self._threads.release()
