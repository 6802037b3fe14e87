"""The Payload of Sparkplug B on the wire (protobuf, proto2), as far as a listener needs it; and a rebirth request.

    Payload        1 timestamp ms, 2 metrics, 3 seq, 4 uuid, 5 body
    Metric         1 name, 2 alias, 3 timestamp ms, 4 datatype, 5 is_historical, 7 is_null, 9 properties;
                   value: 10 int (uint32), 11 long (uint64), 12 float, 13 double, 14 boolean, 15 string
    PropertySet    1 keys, 2 values, as many of the one as of the other
    PropertyValue  2 is_null; value: 3 int, 4 long, 8 string

A field is a tag (number << 3 | wire type) and a varint (type 0), 8 bytes (1), length and bytes (2) or 4 bytes (5);
groups (3, 4) are taken for damage. A later field of a number stands over an earlier one; unknown ones, and known ones
of another wire type, are passed over. Nothing is entered deeper than PropertyValue, so that no nesting can hurt.

Source: sparkplug_b.proto, eclipse-tahu @5736e40; protobuf.dev, Encoding.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from struct import Struct
from typing import Any

import msgspec

from collector.conventions.payload import LARGEST_PAYLOAD, damaged

# What Tahu writes into `uuid` when `body` is a Payload that was compressed.
_COMPRESSED = b"SPBV1.0_COMPRESSED"
_LARGEST_TAG = 0xFFFFFFFF
_UINT64 = 0xFFFFFFFFFFFFFFFF
_UINT32 = 0xFFFFFFFF
_VARINT_BITS = 70
_float, _double = Struct("<f").unpack, Struct("<d").unpack

# Tags: number << 3 | wire type.
_PAYLOAD_AT, _METRIC, _SEQ, _UUID = 0x08, 0x12, 0x18, 0x22
_NAME, _ALIAS, _AT, _DATATYPE, _HISTORICAL, _NULL, _PROPERTIES = 0x0A, 0x10, 0x18, 0x20, 0x28, 0x38, 0x4A
_INT, _LONG, _FLOAT, _DOUBLE, _BOOLEAN, _STRING = 0x50, 0x58, 0x65, 0x69, 0x70, 0x7A
_VALUES: Mapping[int, Callable[[Any], bool | int | float | bytes]] = {
    _INT: lambda raw: int(raw & _UINT32),
    _LONG: int,
    _FLOAT: lambda raw: float(_float(raw)[0]),
    _DOUBLE: lambda raw: float(_double(raw)[0]),
    _BOOLEAN: bool,
    _STRING: bytes,
}
_KEY, _VALUE = 0x0A, 0x12
_PROPERTY_INT, _PROPERTY_LONG, _PROPERTY_STRING = 0x18, 0x20, 0x42

BOOLEAN = 11  # the datatype
_REBIRTH = b"Node Control/Rebirth"


class Metric(msgspec.Struct, gc=False):
    """One metric. `at_ms`: its own timestamp, epoch ms; `value`: None when it has none, or one that is no scalar.

    `value` has the type of the field that it came in: bool, int (unsigned; `datatype` of the birth says how it is
    meant), float, or the bytes of a string. `properties`: of `property_of`.
    """

    name: bytes | None = None
    alias: int | None = None
    at_ms: int | None = None
    datatype: int | None = None
    historical: bool = False
    null: bool = False
    properties: bytes | None = None
    value: bool | int | float | bytes | None = None


class Payload(msgspec.Struct, gc=False):
    """What one message holds. `at_ms`: when it was sent, epoch ms; `seq`: as it is written, 0 to 255 when right."""

    at_ms: int | None
    seq: int | None
    metrics: list[Metric]


def read(data: bytes) -> Payload:
    """The Payload that `data` is. Raises DamagedFrame, its offset counted from the start of the payload or metric."""
    if len(data) > LARGEST_PAYLOAD:
        raise damaged(f"{len(data)} bytes, more than {LARGEST_PAYLOAD}")
    payload = Payload(None, None, [])
    for tag, value in _fields(data):
        if tag == _METRIC:
            payload.metrics.append(_metric(value))
        elif tag == _PAYLOAD_AT:
            payload.at_ms = value
        elif tag == _SEQ:
            payload.seq = value
        elif tag == _UUID and value == _COMPRESSED:
            raise damaged("a compressed payload, which is not understood")
    return payload


def property_of(properties: bytes | None, name: bytes) -> int | bytes | None:
    """The property called `name`: a whole number, or a string's bytes; None: there is none. Raises DamagedFrame."""
    if not properties:
        return None
    keys: list[bytes] = []
    values: list[bytes] = []
    for tag, value in _fields(properties):
        if tag == _KEY:
            keys.append(value)
        elif tag == _VALUE:
            values.append(value)
    for key, value in zip(keys, values, strict=False):
        if key == name:
            for tag, found in _fields(value):
                if tag in (_PROPERTY_INT, _PROPERTY_LONG, _PROPERTY_STRING):
                    return found  # type: ignore[no-any-return]
    return None


def rebirth_request(now_ms: int) -> bytes:
    """The payload of an NCMD that asks an edge node for its births."""
    at = _written(now_ms)
    metric = (
        bytes((_NAME, len(_REBIRTH))) + _REBIRTH
        + bytes((_AT,)) + at
        + bytes((_DATATYPE, BOOLEAN))
        + bytes((_BOOLEAN, 1))
    )  # fmt: skip
    return bytes((_PAYLOAD_AT,)) + at + bytes((_METRIC, len(metric))) + metric


def _metric(data: bytes) -> Metric:
    metric = Metric()
    for tag, raw in _fields(data):
        # The most frequent first: DATA have an alias, a timestamp and a value.
        if tag == _ALIAS:
            metric.alias = raw
        elif tag == _AT:
            metric.at_ms = raw
        elif tag == _NAME:
            metric.name = raw
        elif tag == _DATATYPE:
            metric.datatype = raw & _UINT32
        elif tag == _HISTORICAL:
            metric.historical = raw != 0
        elif tag == _NULL:
            metric.null = raw != 0
        elif tag == _PROPERTIES:
            metric.properties = raw
        elif (value_of := _VALUES.get(tag)) is not None:
            metric.value = value_of(raw)  # of the fields of a oneof the last stands
    return metric


def _fields(data: bytes) -> list[tuple[int, Any]]:
    """Tag and raw value of every field, in order: an int of a varint, else bytes. Raises DamagedFrame."""
    found: list[tuple[int, Any]] = []
    at, end = 0, len(data)
    try:
        while at < end:
            tag = data[at]
            at += 1
            if tag > 0x7F:
                tag, at = _varint(data, at - 1)
            kind = tag & 7
            if not 8 <= tag <= _LARGEST_TAG:
                raise damaged("a field without a number", at - 1)
            if kind in (0, 2):
                value = data[at]
                at += 1
                if value > 0x7F:
                    value, at = _varint(data, at - 1)
                if kind == 0:
                    found.append((tag, value))
                    continue
            elif kind in (1, 5):
                value = 8 if kind == 1 else 4
            else:
                raise damaged(f"wire type {kind}, which Sparkplug does not have", at - 1)
            start = at
            at += value
            if at > end:
                raise damaged(f"a field of {value} bytes where {end - start} are left", start)
            found.append((tag, data[start:at]))
    except IndexError:
        raise damaged("cut short", end) from None
    return found


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """The number that begins at `at`, and where the next byte is. Raises IndexError when it is cut short."""
    value = shift = 0
    while shift < _VARINT_BITS:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & _UINT64, at
        shift += 7
    raise damaged("a number of more than ten bytes", at)


def _written(number: int) -> bytes:
    """`number` as a varint; a negative one as 0."""
    number = max(number, 0)
    written = bytearray()
    while number > 0x7F:
        written.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes((*written, number))
