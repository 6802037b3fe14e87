"""Sparkplug payloads as a node writes them: the other side of `collector.conventions.protobuf_wire`.

Field numbers are those of sparkplug_b.proto, eclipse-tahu @5736e40.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import Any

INT32, FLOAT, BOOLEAN, STRING = 3, 9, 11, 12
VARINT, BYTES, FOUR, EIGHT = 0, 2, 5, 1


def varint(number: int) -> bytes:
    low, rest = number & 0x7F, number >> 7
    return bytes([low | 0x80]) + varint(rest) if rest else bytes([low])


def field(number: int, wire: int, content: int | bytes) -> bytes:
    tag = varint(number << 3 | wire)
    if isinstance(content, int):
        return tag + varint(content)
    return tag + (varint(len(content)) if wire == BYTES else b"") + content


def value(found: Any) -> bytes:
    """By its type in Python: bool, int (a uint32, or a uint64 when it is larger), float (a double), str."""
    if found is True or found is False:
        return field(14, VARINT, int(found))
    if isinstance(found, int):
        return field(10 if 0 <= found < 2**32 else 11, VARINT, found % 2**64)
    if isinstance(found, float):
        return field(13, EIGHT, struct.pack("<d", found))
    return field(15, BYTES, found.encode())


def properties(said: Mapping[str, str | int]) -> bytes:
    keys = b"".join(field(1, BYTES, key.encode()) for key in said)
    values = b"".join(
        field(2, BYTES, field(1, VARINT, STRING) + field(8, BYTES, one.encode()))
        if isinstance(one, str)
        else field(2, BYTES, field(1, VARINT, INT32) + field(3, VARINT, one))
        for one in said.values()
    )
    return keys + values


def metric(
    name: str | None = None,
    found: Any = None,
    *,
    alias: int | None = None,
    at_ms: int | None = None,
    datatype: int | None = None,
    historical: bool = False,
    null: bool = False,
    said: Mapping[str, str | int] | None = None,
) -> bytes:
    """One metric, to be given to `payload`. `said`: its properties."""
    written = b"" if name is None else field(1, BYTES, name.encode())
    for number, content in ((2, alias), (3, at_ms), (4, datatype)):
        written += b"" if content is None else field(number, VARINT, content)
    written += field(5, VARINT, 1) if historical else b""
    written += field(7, VARINT, 1) if null else b""
    written += field(9, BYTES, properties(said)) if said else b""
    return written + (b"" if found is None else value(found))


def payload(metrics: Sequence[bytes] = (), *, at_ms: int | None = None, seq: int | None = None) -> bytes:
    written = b"" if at_ms is None else field(1, VARINT, at_ms)
    written += b"".join(field(2, BYTES, one) for one in metrics)
    return written + (b"" if seq is None else field(3, VARINT, seq))
