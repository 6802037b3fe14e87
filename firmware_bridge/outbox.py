"""Readings on their way to the broker: numbered, on disk, and kept until it is safe to forget them.

Each sensor's readings are numbered by `seq`, in an epoch `boot` that begins with the queue file, so that every hop can
count what is missing and know what came twice. A number is never given twice: before rows are dropped, the numbers
reached are noted in the same file, and at a restart the count goes on from that note and the rows behind it.

When the queue is full the newest is taken all the same: what the broker has goes first, then the oldest of what was
never sent, which is lost and counted, in the same transaction. What was sent and not acknowledged goes last, for nobody
knows whether it arrived, and every number is to be either delivered or lost.
"""

from __future__ import annotations

import contextlib
import logging
from collections import Counter
from collections.abc import Sequence
from typing import Any

import msgspec

from firmware_bridge.clock import Stamp
from transport.disk_queue import DiskQueue, QueueFull

log = logging.getLogger("hadir.bridge")

# Readings that wait in memory when the disk takes no more; 100 sensors at 10 Hz for 20 s.
_WAITING_LIMIT = 20_000


class Row(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A reading as it stands in the queue. Its stamp: see `firmware_bridge.clock`; `up_ms` of dated ones only, of the
    start of the host in which they were queued.
    """

    sensor: str
    at_ms: int
    host_boot: str
    values: dict[str, Any]
    up_ms: int = 0


class _Note(msgspec.Struct, frozen=True, array_like=True):
    """The highest number of each sensor in the rows up to and with id `through`."""

    through: int
    numbers: dict[str, int]


class _Start(msgspec.Struct, frozen=True, array_like=True):
    """The rows behind id `after` were queued in this start of the host."""

    host_boot: str
    after: int


class _Fate(msgspec.Struct, frozen=True, array_like=True):
    """Readings of this epoch that were lost, by sensor; no row above `sent_through` was ever sent."""

    lost: dict[str, int]
    sent_through: int


_ENCODER = msgspec.msgpack.Encoder()
_ROWS = msgspec.msgpack.Decoder(Row)
_NOTES = msgspec.msgpack.Decoder(_Note)
_STARTS = msgspec.msgpack.Decoder(_Start)
_FATES = msgspec.msgpack.Decoder(_Fate)
_BATCH = 1_000
# Of what waits in memory, so much is put on disk in one transaction.
_AT_ONCE = 500
# What a full queue loses at once.
_LOST_AT_ONCE = 1_000
# Rows by which the note of what was sent runs ahead, so that it need not be written at each sending.
_SENT_AHEAD = 10_000
# Rows that a restart must read at most to know the numbers, also after a week without a broker.
_NOTE_EVERY = 10_000


class Outbox:
    """Over one queue file.

    `epoch`: of a new file, a number that no earlier file had: seconds of the epoch. `host_boot`: names this start of
    the host.
    """

    def __init__(self, queue: DiskQueue, *, epoch: int, host_boot: str = "") -> None:
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
        self._losing_until = 0
        fate = queue.meta_get("fate")
        kept_fate = _FATES.decode(fate) if fate else _Fate({}, 0)
        self.lost: Counter[str] = Counter(kept_fate.lost)
        # Of them those that were never on disk, and whose numbers nobody knows before later ones are.
        self._given_up: Counter[str] = Counter()
        self._sent_noted = min(kept_fate.sent_through, queue.last_id())
        self._sent_through = self._sent_noted
        self._delivered_through = 0
        self._host_boot = host_boot
        self._of_earlier_starts = self._begin(host_boot)

    def _begin(self, host_boot: str) -> int:
        """The last row that was queued before this start of the host."""
        kept = self._queue.meta_get("start")
        start = _STARTS.decode(kept) if kept else None
        if start is None or start.host_boot != host_boot:
            start = _Start(host_boot, self._queue.last_id())
            self._queue.meta_put("start", _ENCODER.encode(start))
        return start.after

    def stamp(self, row_id: int, row: Row) -> Stamp:
        """When the reading was; with its uptime, if that is of this start of the host."""
        if row.host_boot:
            return Stamp(row.at_ms, row.host_boot, row.at_ms if row.host_boot == self._host_boot else 0)
        return Stamp(row.at_ms, "", row.up_ms if row_id > self._of_earlier_starts else 0)

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
        up_ms = 0 if stamp.host_boot else stamp.up_ms
        row = Row(sensor, stamp.at_ms, stamp.host_boot, {**values, "seq": number, "boot": self.boot}, up_ms)
        self._waiting.append((sensor, number, _ENCODER.encode(row)))

    @property
    def waiting(self) -> bool:
        return bool(self._waiting)

    def commit(self) -> bool:
        """Puts what was added on disk, at once; False when the disk takes nothing, and all of it still waits."""
        while self._waiting:
            batch = self._waiting[:_AT_ONCE]
            try:
                ids = self._append([body for _, _, body in batch])
            except QueueFull as full:
                self._give_up_oldest()
                if not self._refused:
                    log.error("%s", full)
                self._refused = True
                return False
            numbers = self._noted.numbers
            for sensor, number, _ in batch:
                numbers[sensor] = number
            self._noted = _Note(ids[-1], numbers)
            if ids[-1] - self._noted_on_disk >= _NOTE_EVERY:
                with contextlib.suppress(QueueFull):  # the rows themselves tell their numbers, only slower
                    self._note()
            del self._waiting[:_AT_ONCE]
        if self._refused:
            log.warning("the queue takes readings again; %d were lost", self.lost.total())
        self._refused = False
        return True

    def _append(self, bodies: Sequence[bytes]) -> range:
        """Their ids; for them others are forgotten as long as that helps. Raises QueueFull when it does not."""
        while True:
            note = ("fate", self._fate(self.lost)) if self._given_up else None
            try:
                ids = self._queue.append(bodies, note=note, reuse=True)
            except QueueFull as full:
                if not full.dropping_helps or not self._make_room(full):
                    raise
            else:
                self._given_up.clear()
                return ids

    def _make_room(self, full: QueueFull) -> bool:
        """Forgets the rows that are needed least; whether there were any. Raises QueueFull."""
        if self._delivered_through:
            through, self._delivered_through = self._delivered_through, 0
            self.drop_through(through)
            return True
        rows = self.read(self._sent_through, _LOST_AT_ONCE) or self.read(0, _LOST_AT_ONCE)
        self.lose(rows)
        if rows and not self._losing_until:
            log.error("%s; till it is emptied the oldest readings are lost, and counted", full.found)
        self._losing_until = self.last_id
        return bool(rows)

    def _give_up_oldest(self) -> None:
        excess = len(self._waiting) - _WAITING_LIMIT
        if excess > 0:
            given_up = Counter(sensor for sensor, _, _ in self._waiting[:excess])
            self.lost += given_up
            self._given_up += given_up
            del self._waiting[:excess]

    @property
    def last_id(self) -> int:
        """Of the newest reading that was ever on disk."""
        return self._queue.last_id()

    def read(self, after_id: int, limit: int) -> list[tuple[int, Row]]:
        """The first `limit` readings behind `after_id`, oldest first."""
        return [(row_id, _ROWS.decode(body)) for row_id, body in self._queue.read(after_id, limit)]

    def sending_through(self, last_id: int) -> None:
        """To be called before rows up to and with `last_id` are sent."""
        self._sent_through = max(self._sent_through, last_id)
        if self._sent_through > self._sent_noted:
            before, self._sent_noted = self._sent_noted, self._sent_through + _SENT_AHEAD
            try:
                self._queue.meta_put("fate", self._fate(self.lost - self._given_up))
            except QueueFull:  # sending is what makes room
                self._sent_noted = before

    def delivered_through(self, last_id: int) -> None:
        """The broker has all rows up to and with `last_id`, as far as it said; 0: nobody knows any more."""
        self._delivered_through = last_id

    def lose(self, rows: Sequence[tuple[int, Row]]) -> None:
        """Forgets `rows`, and counts them as lost. Raises QueueFull."""
        self._note()
        lost = self.lost + Counter(row.sensor for _, row in rows)
        self._queue.drop([row_id for row_id, _ in rows], note=("fate", self._fate(lost - self._given_up)))
        self.lost = lost

    def _fate(self, lost: Counter[str]) -> bytes:
        return _ENCODER.encode(_Fate(dict(lost), self._sent_noted))

    def drop_through(self, last_id: int) -> None:
        """Forgets the readings up to and with `last_id`, their numbers being noted first. Raises QueueFull."""
        self._note()
        self._queue.drop_through(last_id)
        if 0 < self._losing_until <= last_id:
            self._losing_until = 0
            log.warning("the queue is emptied again; %d readings were lost in all", self.lost.total())

    def _note(self) -> None:
        self._queue.meta_put("numbers", _ENCODER.encode(self._noted))
        self._noted_on_disk = self._noted.through
