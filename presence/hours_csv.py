"""Questions about service hours in CSV, a schedule and an instant a row: columns as in tests/vectors/hours."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable
from typing import NamedTuple

from presence.errors import BadInput, BadInputs
from presence.instants import parse_instant
from presence.schedule import Schedule
from presence.service_hours import check_country, check_expression, check_timezone
from presence.site import DatedHours
from presence.site_file import parse_exceptions
from presence.site_values import did_you_mean

_CHECKS: dict[str, Callable[[str], str | None]] = {
    "timezone": check_timezone,
    "country": check_country,
    "service_hours": check_expression,
}
_NEEDED = (*_CHECKS, "instant")
# `open` and `next_change` are the answers that a file of cases holds; nobody reads them here.
_COLUMNS = (*_NEEDED, "exceptions", "open", "next_change")


_MOST_PROBLEMS = 50


class Question(NamedTuple):
    """Is it open at `at_ms`, and when does that change?"""

    schedule: Schedule
    at_ms: int


def read_questions(lines: Iterable[str], source: str) -> list[Question]:
    """The question of each row, in order. Raises BadInputs with all that is wrong, each with line and column."""
    found: list[BadInput] = []
    questions = []
    rows = csv.reader(lines, strict=True)
    try:
        columns = _columns(next(rows, []), source)
        end = rows.line_num
        for row in rows:
            line, end = end + 1, rows.line_num
            if len(found) >= _MOST_PROBLEMS:
                found.append(BadInput(source, "is not read from here on", line=line, remedy="put right what is above"))
                break
            if row:
                try:
                    questions.append(_question(_cells(row, columns, source, line), source, line))
                except BadInputs as error:
                    found += error.problems
    except csv.Error as error:
        found.append(BadInput(source, f"is no CSV: {error}", line=rows.line_num, remedy='check the quotes, "" within'))
    except UnicodeDecodeError as error:
        raise BadInput(source, f"is not UTF-8 ({error.reason})", remedy="save it as UTF-8") from None
    if found:
        raise BadInputs(found)
    return questions


def _columns(header: list[str], source: str) -> list[str]:
    columns = [name.removeprefix("\ufeff").strip() for name in header]  # what spreadsheets put before UTF-8
    for name in columns:
        if name not in _COLUMNS:
            raise BadInput(source, f'no such column "{name}"', line=1, remedy=did_you_mean(name, _COLUMNS))
        if columns.count(name) > 1:
            raise BadInput(source, "is there twice", line=1, field=name, remedy="leave one out")
    for name in _NEEDED:
        if name not in columns:
            raise BadInput(
                source, "is missing", line=1, field=name, remedy=f"begin with {','.join(_NEEDED)},exceptions"
            )
    return columns


def _cells(row: list[str], columns: list[str], source: str, line: int) -> dict[str, str]:
    if len(row) != len(columns):
        problem = f"has {len(row)} cells for {len(columns)} columns"
        raise BadInputs([BadInput(source, problem, line=line, remedy='put what holds commas in quotes, "…"')])
    return dict(zip(columns, row, strict=True))


def _question(cells: dict[str, str], source: str, line: int) -> Question:
    found: list[BadInput] = []

    def tell(field: str, says: str) -> None:
        found.append(BadInput(source, says, line=line, field=field))

    for field, check in _CHECKS.items():
        if says := check(cells[field]):
            tell(field, says)
    at_ms = 0
    try:
        at_ms = parse_instant(cells["instant"])
    except ValueError as error:
        tell("instant", str(error))
    exceptions: tuple[DatedHours, ...] = ()
    try:
        exceptions = parse_exceptions(cells.get("exceptions", ""), source)
    except BadInputs as error:
        # They know their lines within the cell.
        found += [
            BadInput(source, one.problem, line=line, field=one.field, remedy=one.remedy) for one in error.problems
        ]
    if found:
        raise BadInputs(found)
    return Question(
        Schedule(
            timezone=cells["timezone"],
            country=cells["country"],
            service_hours=cells["service_hours"],
            exceptions=exceptions,
        ),
        at_ms,
    )
