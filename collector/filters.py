"""Topic filters of MQTT: which of them say the same as another, wider one."""

from __future__ import annotations

from collections.abc import Iterable


def widest(filters: Iterable[str]) -> list[str]:
    """`filters` without those that another of them covers: brokers deliver a message once for each that it matches."""
    kept: list[str] = []
    for one in sorted(set(filters), key=lambda text: (text.count("/"), not text.endswith("#"), "+" not in text, text)):
        levels = one.split("/")
        if not any(_covers(wide.split("/"), levels) for wide in kept):
            kept = [other for other in kept if not _covers(levels, other.split("/"))]
            kept.append(one)
    return sorted(kept)


def _covers(wide: list[str], narrow: list[str]) -> bool:
    """Whether every topic that `narrow` matches is matched by `wide` (MQTT 5, 4.7.1)."""
    for index, level in enumerate(wide):
        if level == "#":
            return True
        # "a/#" matches "a" too, "a/+" does not.
        if index >= len(narrow) or narrow[index] == "#" or (level != "+" and level != narrow[index]):
            return False
    return len(wide) == len(narrow)
