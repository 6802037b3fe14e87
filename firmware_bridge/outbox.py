"""Readings on their way to the broker: numbered, on disk, and kept until it is safe to forget them.

Each sensor's readings are numbered by `seq`, in an epoch `boot` that begins with the queue file, so that every hop can
count what is missing and know what came twice. A number is never given twice: before rows are dropped, the numbers
reached are noted in the same file, and at a restart the count goes on from that note and the rows behind it.
"""

from __future__ import annotations

import logging
from collections import Counter
from typing import Any

import msgspec

from firmware_bridge.clock import Stamp
from transport.disk_queue import DiskQueue, QueueFull

log = logging.getLogger("hadir.bridge")

# Readings that wait in memory when the disk takes no more; 100 sensors at 10 Hz for 20 s.
_WAITING_LIMIT = 20_000


class Row(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A reading as it stands in the queue. `stamp`: see `firmware_bridge.clock`."""

    sensor: str
    at_ms: int
    host_boot: str
    values: dict[str, Any]

    @property
    def stamp(self) -> Stamp:
        return Stamp(self.at_ms, self.host_boot)


class _Note(msgspec.Struct, frozen=True, array_like=True):
    """The highest number of each sensor in the rows up to and with id `through`."""

    through: int
    numbers: dict[str, int]


_ENCODER = msgspec.msgpack.Encoder()
_ROWS = msgspec.msgpack.Decoder(Row)
_NOTES = msgspec.msgpack.Decoder(_Note)
_BATCH = 1_000
# Rows that a restart must read at most to know the numbers, also after a week without a broker.
_NOTE_EVERY = 10_000


class Outbox:
    """Over one queue file.

    `epoch`: of a new file, a number that no earlier file had: seconds of the epoch.
    """

    def __init__(self, queue: DiskQueue, *, epoch: int) -> None:
        self._queue = queue
        if (kept := queue.meta_get("boot")) is None:
            kept = str(epoch).encode()
            queue.meta_put("boot", kept)
        self.boot = int(kept)
        self._noted = self._recover()
        self._noted_on_disk = self._noted.through
        self._numbers = dict(self._noted.numbers)
        self._waiting: list[tuple[str, int, bytes]] = []
        self._refused = False
        self.lost: Counter[str] = Counter()

    def _recover(self) -> _Note:
        noted = self._queue.meta_get("numbers")
        note = _NOTES.decode(noted) if noted else _Note(0, {})
        through, numbers = note.through, dict(note.numbers)
        while rows := self.read(through, _BATCH):
            for _, row in rows:
                numbers[row.sensor] = max(numbers.get(row.sensor, 0), row.values["seq"])
            through = rows[-1][0]
        return _Note(through, numbers)

    def number(self, sensor: str) -> int:
        """The last number that was given to a reading of `sensor`; 0 before the first."""
        return self._numbers.get(sensor, 0)

    def add(self, sensor: str, stamp: Stamp, values: dict[str, float]) -> None:
        """Numbers a reading; `commit` puts it on disk."""
        number = self._numbers.get(sensor, 0) + 1
        self._numbers[sensor] = number
        row = Row(sensor, stamp.at_ms, stamp.host_boot, {**values, "seq": number, "boot": self.boot})
        self._waiting.append((sensor, number, _ENCODER.encode(row)))

    @property
    def waiting(self) -> bool:
        return bool(self._waiting)

    def commit(self) -> bool:
        """Puts what was added on disk, at once; False when the disk takes nothing, and all of it still waits."""
        if not self._waiting:
            return True
        try:
            ids = self._queue.append([body for _, _, body in self._waiting])
        except QueueFull as full:
            self._give_up_oldest()
            if not self._refused:
                log.error("%s", full)
            self._refused = True
            return False
        numbers = self._noted.numbers
        for sensor, number, _ in self._waiting:
            numbers[sensor] = number
        self._noted = _Note(ids[-1], numbers)
        if ids[-1] - self._noted_on_disk >= _NOTE_EVERY:
            self._note()
        self._waiting.clear()
        if self._refused:
            log.warning("the queue takes readings again; %d were lost", self.lost.total())
        self._refused = False
        return True

    def _give_up_oldest(self) -> None:
        excess = len(self._waiting) - _WAITING_LIMIT
        if excess > 0:
            self.lost.update(sensor for sensor, _, _ in self._waiting[:excess])
            del self._waiting[:excess]

    @property
    def last_id(self) -> int:
        """Of the newest reading that was ever on disk."""
        return self._queue.last_id()

    def read(self, after_id: int, limit: int) -> list[tuple[int, Row]]:
        """The first `limit` readings behind `after_id`, oldest first."""
        return [(row_id, _ROWS.decode(body)) for row_id, body in self._queue.read(after_id, limit)]

    def drop_through(self, last_id: int) -> None:
        """Forgets the readings up to and with `last_id`, their numbers being noted first. Raises QueueFull."""
        self._note()
        self._queue.drop_through(last_id)

    def _note(self) -> None:
        self._queue.meta_put("numbers", _ENCODER.encode(self._noted))
        self._noted_on_disk = self._noted.through
