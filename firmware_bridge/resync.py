"""What drivers share by calling it: their results, and the way to the next header.

A decoder keeps unfinished bytes, never more than one maximal frame, and when a candidate fails it drops one byte of it
and searches on: a good frame may lie inside the span that the bad one claimed.
"""

from __future__ import annotations

import re

import msgspec


class Decoded(msgspec.Struct, frozen=True, gc=False):
    """What one frame said.

    `values`: as in `presence.readings.Reading`. `part`: which sensor, on a line that carries several.
    """

    values: dict[str, float]
    part: str | None = None


class Damage(msgspec.Struct, frozen=True, gc=False):
    """A candidate frame that failed. `offset`: of its first byte, counted from the first byte ever fed."""

    offset: int
    reason: str


class Answer(msgspec.Struct, frozen=True, gc=False):
    """A whole, undamaged answer of the device to a command; what it says is read by the command (`commands.py`)."""

    whole: bytes


class Gap(msgspec.Struct, frozen=True, gc=False):
    """So many reports of the device never arrived whole, as its own running number shows; damaged ones among them."""

    lost: int


Result = Decoded | Damage | Answer | Gap


def headers(*marks: bytes) -> re.Pattern[bytes]:
    """What `next_header` searches for; all marks of one length."""
    return re.compile(b"|".join(re.escape(mark) for mark in marks))


def next_header(wanted: re.Pattern[bytes], length: int, buffer: bytes, start: int) -> int:
    """Where the first header at or after `start` begins; without one, from where on bytes may still become one.

    `length`: of a header, so that at most `length - 1` bytes are kept of pure noise.
    """
    if found := wanted.search(buffer, start):
        return found.start()
    return max(start, len(buffer) - length + 1)
