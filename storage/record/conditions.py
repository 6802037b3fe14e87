"""What is true, false or unknown of sensors and gateways, and its corrections. Functions on a connection."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Connection

from presence.intervals import Truth, TruthInterval
from presence.site import AlertKind
from storage.record.lines import Lines, Stretch
from storage.record.tables import condition_interval

_rows = condition_interval.c
_lines = Lines(condition_interval, _rows.device, _rows.kind, _rows.truth)

_WORDS: Final[dict[Truth, str]] = {True: "true", False: "false", None: "unknown"}
_TRUTHS: Final[dict[str, Truth]] = {word: truth for truth, word in _WORDS.items()}


def revise(
    connection: Connection,
    site: str,
    device: str,
    kind: AlertKind,
    from_ms: int,
    intervals: Sequence[TruthInterval],
    now_ms: int,
) -> int | None:
    """Make `intervals` all that the record says of `kind` of the device from `from_ms` on, as `Lines.revise` says.

    The change is noted among those of the intervals of zones, device and kind in place of outlet and zone.
    """
    stretches = [Stretch(one.start_ms, one.end_ms, _WORDS[one.truth]) for one in intervals]
    return _lines.revise(connection, site, device, kind, from_ms, stretches, now_ms)


def condition_intervals(
    connection: Connection, site: str, device: str, kind: AlertKind, from_ms: int, to_ms: int
) -> list[TruthInterval]:
    """The intervals of `kind` of the device that overlap [from_ms, to_ms), in order, whole."""
    return [
        TruthInterval(row.start_ms, row.end_ms, _TRUTHS[row.state])
        for row in _lines.overlapping(connection, site, device, kind, from_ms, to_ms)
    ]


def first_start(connection: Connection, site: str, device: str, kind: AlertKind) -> int | None:
    """When the first interval of `kind` of the device begins; None when there is none."""
    return _lines.first_start(connection, site, device, kind)
