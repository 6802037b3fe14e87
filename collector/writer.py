"""Spool to store: what was received reaches the store exactly as it came, however long the store is away."""

from __future__ import annotations

import logging
import random
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

from storage.timeseries import Point, Refused, Store, StoreUnavailable

_log = logging.getLogger("hadir.collector.writer")

_BATCH_POINTS = 5_000
_KEPT_POINTS = 100_000
# A transaction costs as much as a hundred points. What is in the spool is safe: it waits a little for company.
_GATHER_S, _ENOUGH_POINTS = 0.5, 500
_SEAL_EVERY_MS, _SEAL_PAUSE_MS = 300_000, 200
_SHORTEST_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 60.0
_SAY_AGAIN_AFTER = 10


class Row(NamedTuple):
    """One row of the spool with the points that it holds, none when it holds nothing for the store."""

    id: int
    points: Sequence[Point]


class _Batch(NamedTuple):
    """Rows that follow row `after_id`, without a gap."""

    after_id: int
    rows: Sequence[Row]


class Writer:
    """Writes rows to the store in the order of their ids, in a thread of its own.

    Rows come from memory (`offer`) as long as the store keeps pace. When more than 100,000 points wait, memory lets go
    of them, and they are read again from the spool: `read_rows` gives some of the rows after an id.
    `done_id`: the last row that the store has, and all before it.
    """

    def __init__(
        self,
        store: Store,
        read_rows: Callable[[int], Sequence[Row]],
        refused: Callable[[list[Refused]], None],
        stored: Callable[[Sequence[Point]], None],
        clock: Callable[[], int],
        done_id: int,
        last_id: int,
    ) -> None:
        self._store = store
        self._read_rows = read_rows
        self._refused = refused
        self._stored = stored
        self._clock = clock
        self._sealed_ms = 0
        self._memory: deque[_Batch] = deque()
        self._points = 0
        self._last_id = last_id
        self._changed = threading.Condition()
        self._stopping = False
        self._hurry = False  # somebody waits for what is not stored yet
        self._failures = 0
        self.done_id = done_id
        self._failed: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="store writer", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout_s: float = 10.0) -> None:
        """End after the batch that is under way; the rest is in the spool."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        self._thread.join(timeout_s)

    @property
    def trouble(self) -> bool:
        """Whether the last try to write failed."""
        return self._failures > 0

    def offer(self, rows: Sequence[Row]) -> None:
        """Take `rows`, which follow those offered before."""
        with self._changed:
            idle = self.done_id == self._last_id
            if self._points > _KEPT_POINTS:
                self._memory.clear()
                self._points = 0
            self._memory.append(_Batch(self._last_id, rows))
            self._points += sum(len(row.points) for row in rows)
            self._last_id = rows[-1].id
            if idle or self._points >= _ENOUGH_POINTS:
                self._changed.notify_all()

    def reached(self, row_id: int, timeout_s: float) -> bool:
        """Whether the store has all rows up to `row_id`, waiting a little for it."""
        with self._changed:
            self._hurry = True
            self._changed.notify_all()
            return self._changed.wait_for(lambda: self.done_id >= row_id, timeout_s)

    def check(self) -> None:
        """Raises what ended the thread, if something did: nothing would be stored any more, and nobody told."""
        if self._failed is not None:
            raise self._failed

    def _run(self) -> None:
        try:
            self._work()
        except Exception as error:  # noqa: BLE001  (raised by `check` in the collector's thread)
            self._failed = error

    def _work(self) -> None:
        while (rows := self._next_rows()) is not None:
            if not rows:
                self._seal()
                continue
            points = [point for row in rows for point in row.points]
            if not points or self._write(points):
                with self._changed:
                    self.done_id = rows[-1].id
                    self._changed.notify_all()

    def _next_rows(self) -> Sequence[Row] | None:
        """The rows after `done_id`; none when it is time to seal instead; None at the end."""
        with self._changed:
            until_seal_s = max(0.0, (self._sealed_ms + _SEAL_EVERY_MS - self._clock()) / 1000)
            come = self._changed.wait_for(lambda: self._stopping or self.done_id < self._last_id, until_seal_s)
            due = come and until_seal_s > 0
            if due:
                self._changed.wait_for(self._is_worth_a_transaction, _GATHER_S)
            if self._stopping:
                return None
            if not due:
                return ()
            self._hurry = False
            if rows := self._from_memory():
                return rows
        return self._read_rows(self.done_id)

    def _is_worth_a_transaction(self) -> bool:
        """Whether what waits should not wait longer: there is much, or memory has let go of some, or somebody waits."""
        overtaken = not self._memory or self._memory[0].after_id > self.done_id
        return self._stopping or self._hurry or overtaken or self._points >= _ENOUGH_POINTS

    def _seal(self) -> None:
        """One slice of older readings into their lasting form; the next at once when there is more."""
        try:
            more = self._store.seal(self._clock()) > 0
        except StoreUnavailable:
            more = False
        self._sealed_ms = self._clock() - (_SEAL_EVERY_MS - _SEAL_PAUSE_MS if more else 0)

    def _from_memory(self) -> list[Row]:
        """Rows that follow `done_id`; none when memory has let go of the next one."""
        rows: list[Row] = []
        points = 0
        taken_id = self.done_id
        while self._memory and self._memory[0].after_id <= taken_id and points < _BATCH_POINTS:
            batch = self._memory.popleft()
            rows += (row for row in batch.rows if row.id > self.done_id)
            points += sum(len(row.points) for row in batch.rows)
            taken_id = max(taken_id, batch.rows[-1].id)
        self._points -= points
        return rows

    def _write(self, points: list[Point]) -> bool:
        """Whether the store has them now. If not, they are read from the spool again, with what has come since."""
        try:
            refused = self._store.write(points)
        except StoreUnavailable as error:
            self._wait(error)
            return False
        if self._failures:
            _log.warning("the store takes readings again")
        self._failures = 0
        if refused:
            self._refused(refused)
        self._stored(points)
        return True

    def _wait(self, error: StoreUnavailable) -> None:
        self._failures += 1
        if self._failures == 1 or self._failures % _SAY_AGAIN_AFTER == 0:
            _log.warning("%s; readings wait in the spool, nothing is lost", error)
        ceiling = min(_LONGEST_PAUSE_S, _SHORTEST_PAUSE_S * 2 ** min(self._failures, 10))
        pause_s = max(random.uniform(_SHORTEST_PAUSE_S, ceiling), error.retry_after_s or 0)  # noqa: S311  (jitter)
        with self._changed:
            self._changed.wait_for(lambda: self._stopping, pause_s)
