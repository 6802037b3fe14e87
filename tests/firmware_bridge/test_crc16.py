"""The checksum of Modbus, against its check value and a frame of a data sheet."""

from __future__ import annotations

import pytest

from firmware_bridge.crc16 import crc16


@pytest.mark.parametrize(
    ("data", "expected"), [(b"", 0xFFFF), (b"123456789", 0x4B37), (bytes.fromhex("500302070b"), 0x7F06)]
)
def test_the_checksum_is_that_of_modbus(data: bytes, expected: int) -> None:
    assert crc16(data) == expected
