"""What a convention remembers of devices, bounded: the longest unused is forgotten first, a claimed one never."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


class Memory(Generic[T]):
    """At most `most` values by key, besides those that are pinned."""

    def __init__(self, most: int) -> None:
        self._most = most
        # In the order of their use; a plain dict walks over all that was taken from its front to find its first.
        self._kept: OrderedDict[str, T] = OrderedDict()
        self._pinned: dict[str, T] = {}
        self._pins: frozenset[str] = frozenset()

    def pin(self, keys: Collection[str]) -> None:
        """Never forget what is known, or will be, of `keys`; others may be forgotten from now on."""
        self._pins = frozenset(keys)
        for key in self._pinned.keys() - self._pins:
            self._keep(key, self._pinned.pop(key))
        for key in self._pins & self._kept.keys():
            self._pinned[key] = self._kept.pop(key)

    def get(self, key: str) -> T | None:
        """What is known of `key`, which is thereby used."""
        if (pinned := self._pinned.get(key)) is not None:
            return pinned
        if (found := self._kept.get(key)) is not None:
            self._kept.move_to_end(key)
        return found

    def put(self, key: str, value: T) -> None:
        """Know `value` of `key`."""
        if key in self._pins:
            self._pinned[key] = value
        else:
            self._keep(key, value)

    def forget(self, key: str) -> None:
        """Know nothing of `key` any more."""
        self._pinned.pop(key, None)
        self._kept.pop(key, None)

    def _keep(self, key: str, value: T) -> None:
        self._kept[key] = value
        self._kept.move_to_end(key)
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)

    def items(self) -> Iterator[tuple[str, T]]:
        """All that is known, the longest unused first."""
        yield from list(self._kept.items())
        yield from list(self._pinned.items())

    def values(self) -> Iterator[T]:
        """As `items`, without the keys."""
        yield from list(self._kept.values())
        yield from list(self._pinned.values())

    def __len__(self) -> int:
        return len(self._kept) + len(self._pinned)
