"""Settings that an emulated device keeps by number: written as `number LE16, value LE32` each, asked for by number."""

from __future__ import annotations

import struct


def written(kept: dict[int, int], value: bytes, mask: int = 0xFFFFFFFF) -> bytes | None:
    """Keeps what a command writes, cut to the bits of `mask`; the value of its answer, None to refuse it."""
    if len(value) % 6:
        return None
    pairs = list(struct.iter_unpack("<HI", value))
    if any(number not in kept for number, _ in pairs):
        return None
    kept.update({number: each & mask for number, each in pairs})
    return b""


def told(kept: dict[int, int], value: bytes) -> bytes | None:
    """What is kept under the numbers asked for, LE32 each; None to refuse what is not known."""
    numbers = [int.from_bytes(value[at : at + 2], "little") for at in range(0, len(value), 2)]
    if any(number not in kept for number in numbers):
        return None
    return struct.pack(f"<{len(numbers)}I", *(kept[number] for number in numbers))
