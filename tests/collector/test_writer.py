"""The writer: every row in its order, whatever the store does, and never a thread that is dead without a word."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import pytest

from collector.writer import Row, Writer
from presence.readings import Reading
from storage.timeseries import Point, Refused, Series, StoreUnavailable
from tests.fixtures.hadir_command import eventually

SERIES = Series("balai", "a-1", "staff", "s")


def row(number: int) -> Row:
    return Row(number, [Point(SERIES, number, {"seq": float(number)})])


class Memory:
    """A store in memory that can be away, or broken."""

    def __init__(self) -> None:
        self.points: list[int] = []
        self.writes: list[int] = []  # how many points each had
        self.error: Exception | None = None

    def write(self, points: Sequence[Point]) -> list[Refused]:
        if self.error is not None:
            raise self.error
        self.points += [point.at_ms for point in points]
        self.writes.append(len(points))
        return []

    def read(self, series: object, from_ms: int, to_ms: int) -> list[Reading]:
        return []

    def seal(self, now_ms: int) -> int:
        return 0

    def check(self) -> str:
        return "memory"

    def close(self) -> None:
        pass


@pytest.fixture
def store() -> Memory:
    return Memory()


@pytest.fixture
def spool() -> list[Row]:
    return []


@pytest.fixture
def writer(store: Memory, spool: list[Row]) -> Iterator[Writer]:
    read: Callable[[int], list[Row]] = lambda after: [one for one in spool if one.id > after][:50]  # noqa: E731
    writer = Writer(store, read, lambda refused: None, lambda points: None, lambda: 0, done_id=0, last_id=0)
    writer.start()
    yield writer
    writer.stop()


def test_what_the_store_missed_is_read_from_the_spool_again(writer: Writer, store: Memory, spool: list[Row]):
    store.error = StoreUnavailable("away")
    for number in range(1, 200):
        spool.append(row(number))
        writer.offer(spool[-1:])
    eventually(lambda: writer.trouble)
    store.error = None
    assert writer.reached(199, 60)
    assert store.points == list(range(1, 200))


def test_memory_lets_go_and_nothing_is_missed(
    writer: Writer, store: Memory, spool: list[Row], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("collector.writer._KEPT_POINTS", 20)
    store.error = StoreUnavailable("away")
    for number in range(1, 300):
        spool.append(row(number))
        writer.offer(spool[-1:])
    store.error = None
    assert writer.reached(299, 60)
    assert store.points == list(range(1, 300))


def test_a_fault_that_ends_it_is_told(writer: Writer, store: Memory):
    store.error = RuntimeError("a bug")
    writer.offer([row(1)])

    def told() -> bool:
        try:
            writer.check()
        except RuntimeError:
            return True
        return False

    eventually(told)


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows wait for company as long as nothing hurries."""
    monkeypatch.setattr("collector.writer._GATHER_S", 600.0)
    monkeypatch.setattr("collector.writer._ENOUGH_POINTS", 5)


def test_what_comes_one_after_the_other_is_written_together(patient: None, writer: Writer, store: Memory):
    for number in range(1, 4):
        writer.offer([row(number)])
    assert store.writes == []
    assert writer.reached(3, 60)
    assert store.writes == [3]


def test_what_is_much_does_not_wait(patient: None, writer: Writer, store: Memory):
    for number in range(1, 6):
        writer.offer([row(number)])
    eventually(lambda: store.points == [1, 2, 3, 4, 5])
    assert store.writes == [5]


def test_what_waits_at_the_end_is_left_to_the_spool(patient: None, writer: Writer, store: Memory):
    writer.offer([row(1)])
    writer.stop(60)
    assert (store.points, writer.done_id) == ([], 0)
