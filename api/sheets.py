"""Tables that are saved: CSV (RFC 4180) and XLSX, written row by row so that their length costs no memory.

A text that a spreadsheet would take for a formula is none: in CSV an apostrophe before it says so, in XLSX its cell's
type does. Numbers are numbers, empty cells have no value.
"""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from io import StringIO
from typing import IO, Final

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Font
from openpyxl.worksheet._write_only import WriteOnlyWorksheet

Cell = str | int | float | None
Line = Sequence[Cell]

CSV_TYPE: Final = "text/csv; charset=utf-8"
XLSX_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_LINES_AT_ONCE = 200
_BYTES_AT_ONCE = 65_536
_IN_MEMORY_BYTES = 1_000_000
# What a sheet of Excel holds, its head included.
SHEET_ROWS: Final = 1_048_576
_LONGEST_CELL = 32_767


def as_csv(head: Sequence[str], lines: Iterable[Line]) -> Iterator[bytes]:
    """The file in pieces."""
    piece = StringIO()
    write = csv.writer(piece).writerow
    write(head)
    for n, line in enumerate(lines, 1):
        write([_plain(cell) for cell in line])
        if n % _LINES_AT_ONCE == 0:
            yield _taken(piece)
    yield _taken(piece)


def as_xlsx(title: str, head: Sequence[str], lines: Iterable[Line], *, rows: int = SHEET_ROWS) -> Iterator[bytes]:
    """The file in pieces, which come when the last line is known: such files end with their table of contents.

    `rows`: of one sheet; what is beyond it goes on in a further one, under the same head.
    """
    book = Workbook(write_only=True)
    sheet, written = None, rows
    for line in lines:
        if sheet is None or written == rows:
            sheet, written = _begin(book, title, head), 1
        sheet.append([_typed(sheet, cell) for cell in line])
        written += 1
    if sheet is None:
        _begin(book, title, head)
    with tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES) as file:
        book.save(file)
        file.seek(0)
        yield from _pieces(file)


def _begin(book: Workbook, title: str, head: Sequence[str]) -> WriteOnlyWorksheet:
    number = len(book.worksheets) + 1
    sheet: WriteOnlyWorksheet = book.create_sheet(title if number == 1 else f"{title} {number}")
    sheet.freeze_panes = "A2"
    names = []
    for name in head:
        cell = WriteOnlyCell(sheet, value=name)
        cell.font = Font(bold=True)
        names.append(cell)
    sheet.append(names)
    return sheet


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    while piece := file.read(_BYTES_AT_ONCE):
        yield piece


def _taken(piece: StringIO) -> bytes:
    written = piece.getvalue().encode()
    piece.seek(0)
    piece.truncate()
    return written


def _plain(cell: Cell) -> Cell:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell


def _typed(sheet: WriteOnlyWorksheet, cell: Cell) -> Cell | WriteOnlyCell:
    if not isinstance(cell, str):
        return cell
    typed = WriteOnlyCell(sheet, value=ILLEGAL_CHARACTERS_RE.sub("", cell)[:_LONGEST_CELL])
    typed.data_type = "s"
    return typed
