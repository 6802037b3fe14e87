"""What people and scripts read on standard output: tables, JSON lines; progress on a terminal."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

_T = TypeVar("_T")
_QUIET_S = 2.0
_REDRAW_S = 0.2


# What a terminal may take for a command, or hides text behind, and what cannot be printed at all: names of devices are
# written by strangers.
_UNSAFE = re.compile(
    "[\\x00-\\x1f\\x7f-\\x9f\\u061c\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u2069\\ufeff\\ud800-\\udfff]"
)


def json_line(value: object) -> str:
    """`value` as one line of compact JSON, safe to print."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Columns aligned with spaces, None as an empty cell; numbers stand to the right."""
    rows = list(rows)
    cells = [["" if value is None else str(value) for value in row] for row in rows]
    widths = [max(len(line[at]) for line in [list(columns), *cells]) for at in range(len(columns))]
    right = [bool(rows) and all(isinstance(row[at], int | float) for row in rows) for at in range(len(columns))]
    lines = (
        "  ".join(
            cell.rjust(width) if to_right else cell.ljust(width)
            for cell, width, to_right in zip(line, widths, right, strict=True)
        )
        for line in [list(columns), *cells]
    )
    return "\n".join(line.rstrip() for line in lines)


def progress(items: Iterable[_T], what: str, total: int | None = None) -> Iterator[_T]:
    """`items` as they are; on a terminal a line on standard error counts them once it has taken 2 s."""
    if not sys.stderr.isatty():
        yield from items
        return
    drawn_at = time.monotonic() + _QUIET_S - _REDRAW_S
    shown = False
    done = 0
    for done, item in enumerate(items, 1):
        yield item
        if (now := time.monotonic()) - drawn_at >= _REDRAW_S:
            drawn_at, shown = now, True
            share = f" of {total:,} ({100 * done // total} %)" if total else ""
            print(f"\r{what}: {done:,}{share}\x1b[K", end="", file=sys.stderr, flush=True)
    if shown:
        print(f"\r{what}: {done:,}\x1b[K", file=sys.stderr)
