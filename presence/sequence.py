"""A sensor's running number: which readings came again, and which never came."""

from __future__ import annotations

import msgspec

_HOLES_KEPT = 256
_Dumped = tuple[int, int, int, list[tuple[int, int]], int, int]
_DECODER = msgspec.msgpack.Decoder(_Dumped)


class Sequence:
    """What has been taken of one sensor: `seq` counts up by one within an epoch `boot`, both given by its bridge.

    A lower epoch than the newest speaks of before the bridge lost its queue: its numbers can no longer be told apart,
    so its readings are taken as new. Of more than 256 holes the oldest are forgotten, but stay counted.
    """

    __slots__ = ("_boot", "_first", "_forgotten", "_holes", "_last", "_lost")

    def __init__(self) -> None:
        self._boot = -1
        self._first = 0
        self._last = 0
        self._holes: list[tuple[int, int]] = []  # [first, last] of what is missing, in order
        self._lost = 0
        self._forgotten = -1  # the last number of the newest hole that is no longer kept

    @property
    def missing(self) -> int:
        """How many readings of the running epochs have not come."""
        return self._lost + sum(last - first + 1 for first, last in self._holes)

    def take(self, boot: int, seq: int) -> bool:
        """Note reading `seq` of epoch `boot`; False when it was here before."""
        if boot != self._boot:
            if boot < self._boot:
                return True
            self._lost = self.missing if self._boot >= 0 else 0
            self._boot, self._holes, self._forgotten = boot, [], -1
            self._first = self._last = seq
            return True
        if seq == self._last + 1:
            self._last = seq
            return True
        if seq > self._last:
            self._holes.append((self._last + 1, seq - 1))
            self._last = seq
            if len(self._holes) > _HOLES_KEPT:
                first, last = self._holes.pop(0)
                self._lost += last - first + 1
                self._forgotten = last
            return True
        if seq < self._first:
            if seq < self._first - 1:
                self._holes.insert(0, (seq + 1, self._first - 1))
            self._first = seq
            return True
        return self._fill(seq) or seq <= self._forgotten

    def _fill(self, seq: int) -> bool:
        for place, (first, last) in enumerate(self._holes):
            if first <= seq <= last:
                parts = [(first, seq - 1), (seq + 1, last)]
                self._holes[place : place + 1] = [part for part in parts if part[0] <= part[1]]
                return True
        return False

    def dump(self) -> bytes:
        return msgspec.msgpack.encode((self._boot, self._first, self._last, self._holes, self._lost, self._forgotten))

    @classmethod
    def load(cls, dumped: bytes) -> Sequence:
        sequence = cls()
        sequence._boot, sequence._first, sequence._last, holes, sequence._lost, sequence._forgotten = _DECODER.decode(
            dumped
        )
        sequence._holes = holes
        return sequence
