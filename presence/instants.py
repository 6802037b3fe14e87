"""Instants at the edges: RFC 3339 text to epoch milliseconds UTC and back."""

from __future__ import annotations

import math
from datetime import UTC, datetime

_DATE_LENGTH = len("2026-11-24")
# The years 1970 to 2999: further no calendar is asked, and a day more or less is still a date.
_FIRST_MS, _LAST_MS = 0, 32_503_679_999_999


def rfc3339(at_ms: int) -> str:
    """`2026-11-24T03:12:07.250Z`."""
    seconds, ms = divmod(at_ms, 1000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{ms:03d}Z"


def rfc3339_or_none(at_ms: int | None) -> str | None:
    """As `rfc3339`; None stays None."""
    return None if at_ms is None else rfc3339(at_ms)


def parse_instant(text: str) -> int:
    """Epoch ms of RFC 3339 text with an offset, or of epoch seconds. Raises ValueError, saying what is wrong."""
    at_ms = _epoch_ms(text)
    if not math.isfinite(at_ms):
        raise ValueError(f'"{text}" is no RFC 3339 time; write 2026-11-24T09:00:00+07:00')
    if not _FIRST_MS <= at_ms <= _LAST_MS:
        raise ValueError(f'"{text}" is not in the years 1970 to 2999; write another')
    return round(at_ms)


def _epoch_ms(text: str) -> float:
    try:
        return float(text) * 1000
    except ValueError:
        pass
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f'"{text}" is no RFC 3339 time; write 2026-11-24T09:00:00+07:00') from None
    if at.tzinfo is None and len(text) <= _DATE_LENGTH:
        raise ValueError(f'"{text}" is a date without a time; write {at:%Y-%m-%d}T00:00:00+07:00')
    if at.tzinfo is None:
        raise ValueError(f'"{text}" has no offset; write {text}Z or {text}+07:00')
    return at.timestamp() * 1000
