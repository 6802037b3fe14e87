"""One engine a site: a file lock that ends with the process that holds it."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path


class Lease:
    """`engine-{site}.lock` in a folder that all engines of one record share. Not thread-safe."""

    def __init__(self, folder: Path, site: str) -> None:
        self._path = folder / f"engine-{site}.lock"
        self._handle: int | None = None

    def take(self) -> bool:
        """Whether the lease is ours now; False while another process, or another Lease, holds it."""
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
        """Let another engine have it."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None
