"""The sealed form of one sensor's hour: a chunk of packed numbers for each quantity.

    byte 0   form, 1
    byte 1   decimals: values are whole numbers / 10^decimals (0 to 3); 255: they are doubles
    byte 2   1: times of its own; 0: those of the first chunk of this hour, in the order of quantities
    3 …      zlib of, where it has its own, n time steps (uint32, the first from the start of the hour), then
             n values: steps (int32) or doubles

All numbers little-endian, and each block turned into planes: all first bytes, all second bytes, … Presence, metres in
cm and percent take about one byte a value. Small chunks matter twice: SQLite gives one beyond 1,002 bytes pages of its
own.
"""

from __future__ import annotations

import sys
import zlib
from array import array
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate, pairwise
from typing import Final, Literal, NamedTuple

_FORM: Final = 1
_DOUBLES: Final = 255
_BORROWED: Final = 0
_OWN: Final = 1


class Column(NamedTuple):
    """One quantity over an hour, n ≥ 1: milliseconds since its start, ascending, and the finite numbers read then."""

    offsets_ms: list[int]
    values: list[float]


class UnknownForm(ValueError):
    """A chunk that a newer Hadir wrote, or that is broken."""


def pack_hour(columns: Mapping[int, Column]) -> dict[int, bytes]:
    """The chunk of each quantity id, ascending. They belong together: none may be replaced without the others."""
    quantities = sorted(columns)
    first = columns[quantities[0]].offsets_ms
    chunks: dict[int, bytes] = {}
    for quantity in quantities:
        offsets_ms, values = columns[quantity]
        own = quantity == quantities[0] or offsets_ms != first
        times = _planes(array("I", _steps(offsets_ms))) if own else b""
        decimals, numbers = _packed(values)
        chunks[quantity] = bytes((_FORM, decimals, _OWN if own else _BORROWED)) + zlib.compress(times + numbers)
    return chunks


def unpack_hour(chunks: Iterable[tuple[int, int, bytes]]) -> dict[int, Column]:
    """Quantity id -> what `pack_hour` was given for it, from (quantity id, n, chunk), all of one hour.

    -0.0 may come back as 0.0. Quantities of equal times share one list of them. Raises UnknownForm.
    """
    columns: dict[int, Column] = {}
    first: list[int] | None = None
    for quantity, n, data in sorted(chunks):
        form, decimals, times = data[:3]
        if form != _FORM or (decimals > 3 and decimals != _DOUBLES) or times not in (_OWN, _BORROWED):
            raise UnknownForm(f"a chunk has form {form}.{decimals}.{times}")
        try:
            block = zlib.decompress(data[3:])
        except zlib.error as error:
            raise UnknownForm(f"a chunk is broken: {error}") from None
        split = 4 * n if times == _OWN else 0
        if len(block) - split != n * (8 if decimals == _DOUBLES else 4):
            raise UnknownForm(f"a chunk of {n} values holds {len(block)} bytes")
        offsets_ms = list(accumulate(_whole_numbers("I", block[:split]))) if times == _OWN else first
        if offsets_ms is None or len(offsets_ms) != n:
            raise UnknownForm("a chunk borrows times that are not there")
        first = first or offsets_ms
        columns[quantity] = Column(offsets_ms, _unpacked(decimals, block[split:]))
    return columns


def _packed(values: Sequence[float]) -> tuple[int, bytes]:
    # Beyond 30 bits a step may not fit, and 1e308 has no thousandfold.
    if max(map(abs, values)) < 2**30:
        for decimals in range(4):
            scale = 10**decimals
            whole = [round(value * scale) for value in values]
            if all(n / scale == value for n, value in zip(whole, values, strict=True)):
                if max(map(abs, whole)) >= 2**30:
                    break
                return decimals, _planes(array("i", _steps(whole)))
    return _DOUBLES, _planes(array("d", values))


def _unpacked(decimals: int, planes: bytes) -> list[float]:
    if decimals == _DOUBLES:
        doubles = array("d")
        doubles.frombytes(_flat(planes, 8))
        if sys.byteorder == "big":
            doubles.byteswap()
        return doubles.tolist()
    scale = 10**decimals
    return [whole / scale for whole in accumulate(_whole_numbers("i", planes))]


def _steps(numbers: Sequence[int]) -> list[int]:
    return [numbers[0], *(after - before for before, after in pairwise(numbers))]


def _planes(numbers: array[int] | array[float]) -> bytes:
    if sys.byteorder == "big":
        numbers.byteswap()
    flat = numbers.tobytes()
    return b"".join(flat[byte :: numbers.itemsize] for byte in range(numbers.itemsize))


def _flat(planes: bytes, width: int) -> bytes:
    n = len(planes) // width
    flat = bytearray(len(planes))
    for byte in range(width):
        flat[byte::width] = planes[byte * n : (byte + 1) * n]
    return bytes(flat)


def _whole_numbers(code: Literal["I", "i"], planes: bytes) -> array[int]:
    numbers: array[int] = array(code)
    numbers.frombytes(_flat(planes, 4))
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers
