from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.conventions.payload import LARGEST_PAYLOAD
from collector.conventions.protobuf_wire import BOOLEAN, Metric, Payload, property_of, read, rebirth_request
from presence.errors import DamagedFrame
from tests.collector.conventions import sparkplug_encoder as write
from tests.collector.conventions.payload_vectors import BY_ID, payload_of

UINT64 = st.integers(0, 2**64 - 1)
VALUES = st.none() | st.booleans() | UINT64 | st.floats(allow_nan=False) | st.text(max_size=20)
METRICS = st.fixed_dictionaries(
    {
        "name": st.none() | st.text(max_size=20),
        "found": VALUES,
        "alias": st.none() | UINT64,
        "at_ms": st.none() | UINT64,
        "datatype": st.none() | st.integers(0, 34),
        "historical": st.booleans(),
        "null": st.booleans(),
    }
)


def outcome(decode: Callable[..., Any], *given: bytes) -> tuple[DamagedFrame | None, Any]:
    """What `decode` raised, and what it gave; anything but DamagedFrame is a failure."""
    try:
        return None, decode(*given)
    except DamagedFrame as damage:
        return damage, None


def read_metric(written: bytes) -> Metric:
    return read(write.payload([written])).metrics[0]


@given(st.lists(METRICS, max_size=5), st.none() | UINT64, st.none() | st.integers(0, 255))
def test_what_is_written_is_read(metrics, at_ms, seq):
    found = read(write.payload([write.metric(**one) for one in metrics], at_ms=at_ms, seq=seq))
    assert (found.at_ms, found.seq) == (at_ms, seq)
    for one, said in zip(found.metrics, metrics, strict=True):
        value = one.value.decode() if isinstance(one.value, bytes) else one.value
        name = None if one.name is None else one.name.decode()
        assert said == {
            "name": name,
            "found": value,
            "alias": one.alias,
            "at_ms": one.at_ms,
            "datatype": one.datatype,
            "historical": one.historical,
            "null": one.null,
        }
        assert type(value) is type(said["found"])


@given(st.binary(max_size=200))
def test_any_bytes_are_a_payload_or_damaged(data):
    damage, found = outcome(read, data)
    if damage is None:
        assert len(found.metrics) <= len(data)
    else:
        assert 0 <= damage.offset <= len(data)
        assert len(damage.reason) < 80


@given(st.binary(max_size=60), st.binary(max_size=10))
def test_any_bytes_are_properties_or_damaged(data, name):
    damage, _ = outcome(property_of, data, name)
    assert damage is None or 0 <= damage.offset <= len(data)


@given(st.integers(0, 199), st.integers(0, 255))
def test_a_byte_that_turned_over_is_read_or_damaged(at, byte):
    data = bytearray(payload_of(BY_ID["spb-006"]))
    data[at % len(data)] = byte
    outcome(read, bytes(data))


def test_what_is_cut_short_inside_a_field_is_damaged():
    whole = payload_of(BY_ID["spb-007"])
    ends = {0, 7, 20, 36, 38}  # between the fields of the payload: what is there is whole
    for end in range(len(whole)):
        if end in ends:
            read(whole[:end])
        else:
            with pytest.raises(DamagedFrame):
                read(whole[:end])


def test_the_bytes_of_the_official_encoder_are_read():
    found = read(payload_of(BY_ID["spb-006"]))
    assert (found.at_ms, found.seq, len(found.metrics)) == (1_760_601_600_000, 1, 4)
    occupied, distance, battery, _ = found.metrics
    assert (occupied.name, occupied.alias, occupied.datatype, occupied.value) == (
        b"Presence/Occupied",
        10,
        BOOLEAN,
        False,
    )
    assert property_of(distance.properties, b"engUnit") == b"cm"
    assert (battery.datatype, battery.value, property_of(battery.properties, b"engUnit")) == (1, 88, b"%")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ("12ffffffffffffffff7f", "where 0 are left"),
        ("08ffffffffffffffffffff01", "more than ten bytes"),
        ("0b", "wire type 3"),
        ("0c", "wire type 4"),
        ("0f", "wire type 7"),
        ("0001", "without a number"),
        ("808080808001", "without a number"),
        ("8880808080808001", "without a number"),
        ("6500", "4 bytes where 1 are left"),
        ("08", "cut short"),
        ("12021880", "cut short"),
    ],
)
def test_damage_says_what_is_wrong(data, reason):
    with pytest.raises(DamagedFrame, match=reason):
        read(bytes.fromhex(data))


def test_a_payload_that_is_too_large_is_damaged():
    with pytest.raises(DamagedFrame, match="more than"):
        read(bytes(LARGEST_PAYLOAD + 1))


def test_a_compressed_payload_is_refused_not_taken_for_an_empty_one():
    with pytest.raises(DamagedFrame, match="compressed"):
        read(write.field(4, write.BYTES, b"SPBV1.0_COMPRESSED") + write.field(5, write.BYTES, b"\x1f\x8b"))


def test_unknown_fields_and_those_of_another_wire_type_are_passed_over():
    strange = write.field(100, write.BYTES, b"x" * 300) + write.field(99, write.FOUR, b"1234")
    bent = write.field(2, write.BYTES, b"no alias") + write.field(14, write.EIGHT, bytes(8))
    assert read_metric(strange + bent + write.metric("a", True)).value is True
    assert read_metric(bent).alias is None
    assert read_metric(bent).value is None


def test_the_last_field_stands():
    twice = write.field(2, write.VARINT, 1) + write.field(2, write.VARINT, 7)
    assert read_metric(twice).alias == 7
    other = write.value(True) + write.value("on") + write.value(2.5)
    assert read_metric(other).value == 2.5
    assert read_metric(write.value(False) + write.value(1) + write.value(False)).value is False


def test_a_number_of_more_bits_than_its_field_is_cut_as_protobuf_does():
    assert read_metric(write.field(10, write.VARINT, 2**40 + 5)).value == 5
    assert read(bytes.fromhex("08ffffffffffffffffff7f")).at_ms == 2**64 - 1
    assert read(bytes.fromhex("08858000")).at_ms == 5


def test_floats_of_both_widths_are_read():
    assert read_metric(write.field(12, write.FOUR, struct.pack("<f", 82.0))).value == 82.0
    assert read_metric(write.field(13, write.EIGHT, struct.pack("<d", 0.1))).value == 0.1


def test_a_property_without_a_value_or_of_no_scalar_is_none():
    one_key_more = write.properties({"engUnit": "cm"}) + write.field(1, write.BYTES, b"Quality")
    assert property_of(one_key_more, b"engUnit") == b"cm"
    assert property_of(one_key_more, b"Quality") is None
    nested = write.field(1, write.BYTES, b"engUnit") + write.field(2, write.BYTES, write.field(9, write.BYTES, b""))
    assert property_of(nested, b"engUnit") is None
    assert property_of(None, b"engUnit") is None


def test_a_rebirth_request_is_what_the_specification_says():
    at_ms = 1_795_000_000_000
    assert read(rebirth_request(at_ms)) == Payload(
        at_ms, None, [Metric(b"Node Control/Rebirth", None, at_ms, BOOLEAN, False, False, None, True)]
    )
    assert rebirth_request(at_ms) == write.payload(
        [write.metric("Node Control/Rebirth", True, at_ms=at_ms, datatype=BOOLEAN)], at_ms=at_ms
    )
