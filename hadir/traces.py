"""Where the details of an internal error go: a file, for whoever looks into it; a person is told one line."""

from __future__ import annotations

import hashlib
import tempfile
import traceback
from pathlib import Path


def kept(error: BaseException, folder: Path | None) -> str:
    """One line about `error`, its traceback being kept in `folder`, or where temporary files go.

    The same error again goes to the same file, so that a process that fails again and again fills no disk.
    """
    problem = " ".join("".join(traceback.format_exception_only(error)).split())
    return f"internal error: {problem}; details are in {_written(error, folder)}"


def _written(error: BaseException, folder: Path | None) -> str:
    text = "".join(traceback.format_exception(error))
    name = f"hadir-error-{hashlib.sha256(text.encode()).hexdigest()[:8]}.txt"
    for place in (folder, Path(tempfile.gettempdir())):
        if place is None or not place.is_dir():
            continue
        try:
            (place / name).write_text(text, encoding="utf-8")
        except OSError:
            continue
        return str(place / name)
    return "no file: none could be written"
