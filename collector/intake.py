"""MQTT to spool: a message is acknowledged when it is on disk, not before."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import msgspec

from collector.conventions.convention import Message
from presence.readings import Reading
from transport.disk_queue import DiskQueue, QueueFull
from transport.session import Received

_log = logging.getLogger("hadir.collector.intake")

_BATCH = 2_000
# Some seconds of a nation's messages; with QoS 1 the broker itself waits for us.
_MOST_WAITING = 100_000
# Under load a commit is worth waiting for: the network thread fills it while we let it run.
_LOAD, _WORTH_A_COMMIT, _GATHER_S, _GATHER_STEP_S = 20, 500, 0.02, 0.002


class _Spooled(msgspec.Struct, array_like=True):
    """One row of the spool: a native message as it came, or readings, in which `topic` is their site."""

    received_ms: int
    topic: str
    payload: bytes
    content_type: str | None
    expiry_s: int | None
    retain: bool
    readings: list[Reading] | None = None


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(_Spooled)


class Own(NamedTuple):
    """Readings that are known as such already: of other conventions, of down time, of a gateway that is gone."""

    site: str
    readings: Sequence[Reading]


# What is to be kept of something that happened between two messages; asked in the collector's thread, in its turn.
Note = Callable[[], Sequence[Own]]


class SpoolRow(NamedTuple):
    id: int
    content: Message | Own


def read_row(row_id: int, data: bytes) -> SpoolRow:
    """A row of the spool again."""
    one = _DECODER.decode(data)
    if one.readings is not None:
        return SpoolRow(row_id, Own(one.topic, one.readings))
    return SpoolRow(
        row_id, Message(one.topic, one.payload, one.content_type, one.expiry_s, one.retain, one.received_ms)
    )


class Intake:
    """What the network threads have received, and the spool that it goes to.

    `receive` and `note` are called in the network threads; everything else in the collector's.
    """

    def __init__(
        self,
        spool: DiskQueue,
        acknowledge: Callable[[Sequence[Received]], None],
        prepare: Callable[[Message], Sequence[Message | Own]],
        let_go: Callable[[int, int], Sequence[Own]],
    ) -> None:
        """`prepare`: what of a message is to be kept; `let_go`: the same of those lost between two times, epoch ms."""
        self._spool = spool
        self._acknowledge = acknowledge
        self._prepare = prepare
        self._let_go = let_go
        self._arrived: deque[tuple[Received | Note, int]] = deque()
        self._prepared: list[Message | Own] = []  # of what was taken: it is prepared once
        self._taken: list[Received] = []
        self._taken_ms: int | None = None  # when the first arrived of what was taken and is not on disk
        self._waiting = threading.Event()
        self._last_batch = 0
        self._overrun = 0
        self._overrun_ms = (0, 0)  # when the first and the last of them came
        self.full = False

    def receive(self, received: Received, now_ms: int) -> None:
        """Take a message from the network. What nobody repeats is let go when too much of it waits."""
        if received.qos == 0 and len(self._arrived) >= _MOST_WAITING:
            if not self._overrun:
                _log.error("%d messages wait to be read; those of QoS 0 are let go until there are less", _MOST_WAITING)
                self._overrun_ms = (now_ms, now_ms)
            self._overrun += 1
            self._overrun_ms = (self._overrun_ms[0], now_ms)
            return
        self._arrived.append((received, now_ms))
        self._waiting.set()

    def note(self, note: Note, now_ms: int) -> None:
        """Take down what happened to a session, between the messages before it and those after it."""
        self._arrived.append((note, now_ms))
        self._waiting.set()

    def wake(self) -> None:
        """Let `wait` return."""
        self._waiting.set()

    def wait(self, timeout_s: float) -> None:
        """Until something has arrived, or `timeout_s` is over; under load until there is enough for a commit."""
        if not self._arrived:
            self._waiting.wait(timeout_s)
        self._waiting.clear()
        if self._last_batch >= _LOAD:
            deadline = time.monotonic() + _GATHER_S
            while len(self._arrived) < _WORTH_A_COMMIT and time.monotonic() < deadline:
                time.sleep(_GATHER_STEP_S)

    @property
    def oldest_ms(self) -> int | None:
        """When the oldest message arrived that is not on disk yet; None when all are."""
        if self._taken_ms is not None:
            return self._taken_ms
        return self._arrived[0][1] if self._arrived else None

    def spool(self) -> list[SpoolRow]:
        """Put what has arrived on disk, then acknowledge it; the rows. Nothing when the disk takes no more."""
        if self._taken_ms is None:
            self._take()
        self._last_batch = len(self._taken)
        if self._taken_ms is None:
            return []
        prepared = self._prepared
        ids = self._append([_encoded(one) for one in prepared]) if prepared else ()
        if ids is None:
            return []
        taken, self._taken, self._prepared, self._taken_ms = self._taken, [], [], None
        self._acknowledge(taken)
        return [SpoolRow(row_id, one) for row_id, one in zip(ids, prepared, strict=True)]

    def _take(self) -> None:
        while self._arrived and len(self._taken) < _BATCH:
            one, now_ms = self._arrived.popleft()
            self._taken_ms = now_ms if self._taken_ms is None else self._taken_ms
            if not isinstance(one, Received):
                self._prepared.extend(one())
                continue
            self._taken.append(one)
            message = Message(one.topic, one.payload, one.content_type, one.expiry_s, one.retain, now_ms)
            self._prepared.extend(self._prepare(message))
        if self._overrun and len(self._arrived) < _MOST_WAITING // 2:
            _log.warning("%d messages of QoS 0 were let go: whom they may have been of is unknown", self._overrun)
            # Behind all that waits: what came between two that were let go is heard before.
            self._arrived.append((partial(self._let_go, *self._overrun_ms), self._overrun_ms[1]))
            self._overrun = 0

    def write_down(self, own: Sequence[Own]) -> list[SpoolRow]:
        """Put readings of our own on disk; the rows. Nothing when the disk takes no more: try again."""
        rows = [_encoded(one) for one in own]
        ids = self._append(rows) if rows else None
        return [] if ids is None else [SpoolRow(row_id, one) for row_id, one in zip(ids, own, strict=True)]

    def _append(self, rows: Sequence[bytes]) -> Sequence[int] | None:
        try:
            ids = self._spool.append(rows)
        except QueueFull as error:
            if not self.full:
                _log.error("%s; messages stay with the broker until there is room", error)
            self.full = True
            return None
        if self.full:
            _log.warning("the spool takes messages again")
        self.full = False
        return ids


def _encoded(message: Message | Own) -> bytes:
    if isinstance(message, Own):
        return _ENCODER.encode(_Spooled(0, message.site, b"", None, None, False, list(message.readings)))
    return _ENCODER.encode(
        _Spooled(
            message.received_ms,
            message.topic,
            message.payload,
            message.content_type,
            message.expiry_s,
            message.retain,
        )
    )
