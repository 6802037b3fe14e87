"""Topic filters of MQTT: which of them say the same as another, wider one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

_Tree = dict[str | None, Any]  # level -> what may follow it; None: a filter ends here


def widest(filters: Iterable[str]) -> list[str]:
    """`filters` without those that another of them covers: brokers deliver a message once for each that it matches."""
    split = {one: one.split("/") for one in filters}
    tree: _Tree = {}
    for levels in split.values():
        node = tree
        for level in levels:
            node = node.setdefault(level, {})
        node[None] = True
    return sorted(one for one, levels in split.items() if not _is_covered(tree, levels))


def _is_covered(tree: _Tree, levels: Sequence[str]) -> bool:
    """Whether a filter in `tree` other than `levels` matches every topic that `levels` matches (MQTT 5, 4.7.1)."""
    ways = [(tree, True)]  # where filters that match so far go on; whether that is `levels` itself
    for level in levels:
        onwards: list[tuple[_Tree, bool]] = []
        for node, itself in ways:
            if "#" in node and not (itself and level == "#"):
                return True
            if level != "#":
                onwards += [(node[name], itself and name == level) for name in {level, "+"} if name in node]
        ways = onwards
    # "a/#" matches "a" too, "a/+" does not.
    return any("#" in node or (None in node and not itself) for node, itself in ways)
