"""Long lists of values, in portions that one statement takes."""

from __future__ import annotations

from collections.abc import Collection, Iterator


def in_batches(values: Collection[str]) -> Iterator[list[str]]:
    """SQLite before 3.32 takes 999 values in one statement."""
    left = list(values)
    for at in range(0, len(left), 500):
        yield left[at : at + 500]
