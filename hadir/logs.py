"""The log on standard error: a line an event, as text or as JSON. Loggers are named `hadir.<part>`.

What a message is about stands in `extra`: `log.warning("connection lost", extra={"broker": "127.0.0.1:1883"})` gives
`2026-11-24T03:12:07.250Z WARNING collector: connection lost broker=127.0.0.1:1883`.
"""

from __future__ import annotations

import json
import logging
import sys
from typing import TextIO

from presence.instants import rfc3339

# What every LogRecord has; the rest was given as `extra`.
_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}


def configure(level: str, form: str) -> None:
    """Send every logger of `level` (debug, info, warning, error) and above to standard error; `form`: text or json."""
    handler = _StandardError()
    handler.setFormatter(_JsonLines() if form == "json" else _Text())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # What they call information is of no use to whoever runs Hadir.
    for chatty in ("alembic", "uvicorn"):
        logging.getLogger(chatty).setLevel(logging.DEBUG if level == "debug" else max(root.level, logging.WARNING))


class _StandardError(logging.StreamHandler[TextIO]):
    """Writes to what is standard error at that moment."""

    @property
    def stream(self) -> TextIO:
        return sys.stderr

    @stream.setter
    def stream(self, value: TextIO) -> None:
        """Asked for by the constructor of its kind."""


def _part(record: logging.LogRecord) -> str:
    return record.name.removeprefix("hadir.")


def _extra(record: logging.LogRecord) -> dict[str, object]:
    return {key: value for key, value in vars(record).items() if key not in _OWN}


class _Text(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        pairs = "".join(f" {key}={self._quoted(value)}" for key, value in _extra(record).items())
        line = f"{rfc3339(int(record.created * 1000))} {record.levelname} {_part(record)}: {record.getMessage()}{pairs}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line

    @staticmethod
    def _quoted(value: object) -> str:
        text = str(value)
        return json.dumps(text, ensure_ascii=False) if not text or set(text) & set(' "=\n') else text


class _JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        entry: dict[str, object] = {
            "at": rfc3339(int(record.created * 1000)),
            "level": record.levelname.lower(),
            "part": _part(record),
            "message": record.getMessage(),
            **_extra(record),
        }
        if record.exc_info:
            entry["traceback"] = self.formatException(record.exc_info)
        return json.dumps(entry, ensure_ascii=False, default=str)
