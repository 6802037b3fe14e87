"""The one lock around every write, checkpoint and close of an SQLite file that several processes write.

SQLite 3.7.0 to 3.51.2 can corrupt a WAL file when two connections write or checkpoint at the same moment (the WAL-reset
bug); the versions that distributions ship have it. An advisory lock beside the file keeps them apart.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from types import TracebackType


class SqliteLock:
    """Exclusive among all processes and threads that name the same `database`; `with lock:`, not reentrant.

    May be carried over a fork. flock belongs to an open file, not to a process: a handle kept open and inherited would
    let parent and child in together. So each entry opens the file anew (5 µs), which keeps threads apart as well.
    """

    def __init__(self, database: Path) -> None:
        self._path = database.with_name(database.name + ".lock")
        self._held: int | None = None

    def __enter__(self) -> None:
        handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
        except BaseException:
            os.close(handle)
            raise
        self._held = handle

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        handle, self._held = self._held, None
        assert handle is not None
        # Not by closing alone: a child forked in the meantime shares this open file and would go on holding the lock.
        fcntl.flock(handle, fcntl.LOCK_UN)
        os.close(handle)
