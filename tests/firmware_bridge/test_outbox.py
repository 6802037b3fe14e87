"""The outbox never gives a number twice, whatever ends the process, and keeps what the disk refuses for a while."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_bridge import outbox as module
from firmware_bridge.clock import Stamp
from firmware_bridge.outbox import Outbox
from transport.disk_queue import DiskQueue

BOOT = 1_790_000_000


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Callable[[], Outbox]]:
    """Opens the outbox of one file, each time as after a crash: nothing was noted at the end."""
    queues: list[DiskQueue] = []

    def open_again() -> Outbox:
        for queue in queues:
            queue.close()
        queues.append(DiskQueue(tmp_path / "bridge-gw.db", ballast_bytes=0))
        return Outbox(queues[-1], epoch=BOOT + len(queues))

    yield open_again
    for queue in queues:
        queue.close()


def add(outbox: Outbox, sensor: str, count: int = 1) -> None:
    for _ in range(count):
        outbox.add(sensor, Stamp(1000), {"presence": 1.0})
    assert outbox.commit()


def numbers(outbox: Outbox) -> list[tuple[str, int]]:
    return [(row.sensor, row.values["seq"]) for _, row in outbox.read(0, 1000)]


def test_readings_are_numbered_by_sensor_in_the_epoch_of_the_file(opened: Callable[[], Outbox]) -> None:
    outbox = opened()
    add(outbox, "a", 2)
    add(outbox, "b")
    assert numbers(outbox) == [("a", 1), ("a", 2), ("b", 1)]
    assert outbox.read(0, 1)[0][1].values == {"presence": 1.0, "seq": 1, "boot": BOOT + 1}
    assert (outbox.number("a"), outbox.number("c")) == (2, 0)


def test_numbers_go_on_after_a_restart_in_the_same_epoch(opened: Callable[[], Outbox]) -> None:
    first = opened()
    add(first, "a", 2)
    first.drop_through(first.read(0, 10)[-1][0])
    add(first, "a", 3)
    add(first, "b")
    again = opened()
    add(again, "a")
    add(again, "b")
    assert again.boot == first.boot
    assert numbers(again) == [("a", 3), ("a", 4), ("a", 5), ("b", 1), ("a", 6), ("b", 2)]


def test_a_new_file_is_a_new_epoch(opened: Callable[[], Outbox], tmp_path: Path) -> None:
    first = opened().boot
    with closing(DiskQueue(tmp_path / "other.db", ballast_bytes=0)) as queue:
        assert Outbox(queue, epoch=first + 1).boot == first + 1


@settings(deadline=None)
@given(st.lists(st.sampled_from(["add a", "add b", "drop one", "drop all", "restart"]), max_size=30))
def test_no_number_is_ever_given_twice_or_left_out(tmp_path_factory: pytest.TempPathFactory, steps: list[str]) -> None:
    path = tmp_path_factory.mktemp("outbox") / "bridge-gw.db"
    queue = DiskQueue(path, ballast_bytes=0)
    outbox = Outbox(queue, epoch=BOOT)
    given_out = {"a": 0, "b": 0}
    for step in steps:
        match step.split():
            case ["add", sensor]:
                add(outbox, sensor)
                given_out[sensor] += 1
                assert numbers(outbox)[-1] == (sensor, given_out[sensor])
            case ["drop", what] if rows := outbox.read(0, 1000):
                outbox.drop_through(rows[0 if what == "one" else -1][0])
            case ["restart"]:
                queue.close()
                queue = DiskQueue(path, ballast_bytes=0)
                outbox = Outbox(queue, epoch=BOOT + 1)
    queue.close()


def test_a_restart_after_a_long_outage_need_not_read_the_whole_queue(
    opened: Callable[[], Outbox], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_NOTE_EVERY", 10)
    first = opened()
    for _ in range(5):
        add(first, "a", 5)
    # Gone without a note of ours: only what lies behind the last note was looked at.
    first._queue.drop_through(20)
    assert opened().number("a") == 25
