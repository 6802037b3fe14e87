"""Readings in CSV: header `time,sensor,quantity,value`; rows of equal time and sensor are one reading, in any order."""

from __future__ import annotations

import csv
import difflib
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from presence.errors import BadInput
from presence.instants import parse_instant
from presence.quantities import quantity
from presence.readings import Reading

HEADER = ["time", "sensor", "quantity", "value"]
_TRUTHS = {"true": 1.0, "false": 0.0}


@dataclass(frozen=True, slots=True)
class CsvReadings:
    """`readings`: in order of time, those of one instant by sensor. `first_ms`, `last_ms`: None when there are none.

    `unknown`: quantities that Hadir has no name for, left out, with the number of their rows.
    """

    readings: list[Reading]
    unknown: dict[str, int]

    @property
    def first_ms(self) -> int | None:
        return self.readings[0].at_ms if self.readings else None

    @property
    def last_ms(self) -> int | None:
        return self.readings[-1].at_ms if self.readings else None


def read_csv(lines: Iterable[str], source: str) -> CsvReadings:
    """All readings of `lines`; of a value given twice the first stands. Raises BadInput with the line and a remedy."""
    rows = csv.reader(lines)
    try:
        header = next(rows, None)
        if header:
            header[0] = header[0].removeprefix("\ufeff")  # what spreadsheets put before UTF-8
        if header != HEADER:
            found = "is empty" if header is None else f'begins with "{",".join(header)[:80]}"'
            raise BadInput(source, f"{found}", line=1, remedy=f'the first line must be "{",".join(HEADER)}"')
        merged, unknown = _merge(rows, source)
    except csv.Error as error:
        raise BadInput(source, str(error), remedy="write one reading a line, as CSV") from None
    except UnicodeDecodeError as error:
        raise BadInput(source, f"is not UTF-8 ({error.reason})", remedy="save it as UTF-8") from None
    readings = [Reading(sensor, at_ms, values) for (at_ms, sensor), values in sorted(merged.items(), key=_by_time)]
    return CsvReadings(readings, unknown)


def _by_time(item: tuple[tuple[int, str], dict[str, float]]) -> tuple[int, str]:
    return item[0]


class _Rows(Protocol):
    """What `csv.reader` gives."""

    line_num: int

    def __iter__(self) -> Iterator[list[str]]: ...


def _merge(rows: _Rows, source: str) -> tuple[dict[tuple[int, str], dict[str, float]], dict[str, int]]:
    merged: dict[tuple[int, str], dict[str, float]] = {}
    known: set[str] = set()
    unknown: dict[str, int] = {}
    last_time, at_ms = None, 0
    for row in rows:
        try:
            time, sensor, name, text = row
            if time != last_time:
                at_ms, last_time = parse_instant(time), time
            value = _TRUTHS.get(text)
            if value is None:
                value = float(text)
                if not math.isfinite(value):
                    raise ValueError(f'"{text}" is no finite number')
        except ValueError as error:
            if not row:
                continue
            raise _bad_row(row, error, source, rows.line_num) from None
        if name not in known:
            if quantity(name) is None:
                unknown[name] = unknown.get(name, 0) + 1
                continue
            known.add(name)
        key = (at_ms, sensor)
        values = merged.get(key)
        if values is None:
            merged[key] = {name: value}
        else:
            values.setdefault(name, value)
    return merged, unknown


def _bad_row(row: list[str], error: ValueError, source: str, line: int) -> BadInput:
    if len(row) != len(HEADER):
        return BadInput(source, f"{len(row)} columns, not {len(HEADER)}", line=line, remedy=f"write {','.join(HEADER)}")
    try:
        parse_instant(row[0])
    except ValueError as wrong:
        problem, _, remedy = str(wrong).partition("; ")
        return BadInput(source, problem, line=line, field="time", remedy=remedy)
    close = difflib.get_close_matches(row[3].lower(), _TRUTHS, n=1)
    remedy = f'write "{close[0]}"' if close else "write a number, true or false"
    problem = str(error) if "finite" in str(error) else f'"{row[3]}" is no value'
    return BadInput(source, problem, line=line, field="value", remedy=remedy)
