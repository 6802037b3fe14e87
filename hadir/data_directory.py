"""The data directory while `hadir up` works in it: one at a time, and told in `run.json` what runs."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from presence.errors import BadInput

RUN_FILE = "run.json"
_LOCK_FILE = "up.lock"
_APPLIED_FILE = "site-applied.sha256"


class DataDirectory:
    """Ours alone from the beginning of a `with` to its end.

    Raises BadInput when the folder cannot be made or written, or when another `hadir up` has it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            # The children inherit the lock: it is free when the last of them has gone, and not before.
            self._lock = os.open(self.path / _LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            remedy = "name a folder that can be written, with --data"
            raise BadInput(str(path), f"cannot be the data directory: {error.strerror}", remedy=remedy) from None
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock)
            raise BadInput(
                str(path), f"hadir up runs here already{self._where()}", remedy="stop that one first"
            ) from None

    def __enter__(self) -> DataDirectory:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        (self.path / RUN_FILE).unlink(missing_ok=True)
        os.close(self._lock)

    def tell(self, *, web: int, mqtt: int, pids: Mapping[str, int], demo: int | None) -> None:
        """Write `run.json`: the ports, and who does what; `demo`: the pid of the simulation."""
        running: dict[str, object] = {"web": web, "mqtt": mqtt, "pids": dict(pids)}
        if demo is not None:
            running["demo"] = demo
        self._write(RUN_FILE, json.dumps(running) + "\n")

    def is_applied(self, site_file: str) -> bool:
        """Whether this very text was the last one that `applied` was told of."""
        with contextlib.suppress(FileNotFoundError):
            return (self.path / _APPLIED_FILE).read_text().strip() == _hash(site_file)
        return False

    def applied(self, site_file: str) -> None:
        """Remember that the registry has taken this text over."""
        self._write(_APPLIED_FILE, _hash(site_file) + "\n")

    def _write(self, name: str, text: str) -> None:
        new = self.path / f"{name}.new"
        new.write_text(text)
        new.replace(self.path / name)

    def _where(self) -> str:
        try:
            running = json.loads((self.path / RUN_FILE).read_text())
            return f", its pages on port {running['web']}"
        except (OSError, ValueError, KeyError, TypeError):
            return ""


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
