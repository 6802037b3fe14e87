"""CRC-16/MODBUS: polynomial 8005 reflected (A001), start FFFF. Source: Modbus over serial line V1.02, 6.2.2."""

from __future__ import annotations


def _of_byte(byte: int) -> int:
    for _ in range(8):
        byte = byte >> 1 ^ (0xA001 if byte & 1 else 0)
    return byte


_TABLE = tuple(_of_byte(byte) for byte in range(256))


def crc16(data: bytes) -> int:
    """The checksum of `data`; of "123456789" it is 4B37."""
    crc = 0xFFFF
    for byte in data:
        crc = crc >> 8 ^ _TABLE[(crc ^ byte) & 0xFF]
    return crc
