"""A queue that is full takes the newest, loses the oldest and counts it: numbered = delivered + lost, always."""

from __future__ import annotations

import subprocess
import sys
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

REPOSITORY = Path(__file__).parents[2]
BOUND = 64 * 1024


@pytest.fixture
def opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], Outbox]]:
    """Opens the small outbox of one file, each time as after a crash."""
    monkeypatch.setattr(module, "_LOST_AT_ONCE", 50)
    monkeypatch.setattr(module, "_SENT_AHEAD", 0)
    queues: list[DiskQueue] = []

    def open_again() -> Outbox:
        for queue in queues:
            queue.close()
        queues.append(DiskQueue(tmp_path / "bridge-gw.db", ballast_bytes=0, max_bytes=BOUND))
        return Outbox(queues[-1], epoch=1)

    yield open_again
    for queue in queues:
        queue.close()


def add(outbox: Outbox, sensor: str, count: int) -> None:
    for _ in range(count):
        outbox.add(sensor, Stamp(1000 + outbox.number(sensor)), {"presence": 1.0})
        if outbox.number(sensor) % 10 == 0:
            assert outbox.commit()
    assert outbox.commit()


def waiting(outbox: Outbox, sensor: str) -> list[int]:
    return [row.values["seq"] for _, row in outbox.read(0, 100_000) if row.sensor == sensor]


def test_the_oldest_are_lost_and_counted_by_sensor_also_over_a_restart(
    opened: Callable[[], Outbox], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    outbox = opened()
    add(outbox, "once", 10)
    add(outbox, "a", 3_000)
    kept = waiting(outbox, "a")
    assert kept == list(range(3_001 - len(kept), 3_001))
    assert (outbox.lost["once"], outbox.lost["a"]) == (10, 3_000 - len(kept))
    assert len(kept) > 300
    outbox = opened()
    assert (outbox.lost["once"], outbox.lost["a"]) == (10, 3_000 - len(kept))
    assert (outbox.number("once"), outbox.number("a")) == (10, 3_000)
    assert [message.partition("; ") for message in caplog.messages] == [
        (
            f"{tmp_path}/bridge-gw.db: has reached its bound of {BOUND} bytes",
            "; ",
            "till it is emptied the oldest readings are lost, and counted",
        )
    ]
    outbox.drop_through(outbox.last_id)


def test_what_the_broker_has_goes_first_and_is_not_lost(opened: Callable[[], Outbox]) -> None:
    outbox = opened()
    add(outbox, "a", 500)
    outbox.sending_through(500)
    outbox.delivered_through(400)
    while waiting(outbox, "a")[0] == 1:
        add(outbox, "a", 1)
    assert outbox.lost.total() == 0
    assert waiting(outbox, "a")[0] == 401


def test_of_what_may_have_arrived_nothing_is_lost_before_what_was_never_sent(opened: Callable[[], Outbox]) -> None:
    outbox = opened()
    add(outbox, "a", 200)
    outbox.sending_through(120)
    add(outbox, "a", 2_000)
    kept = waiting(outbox, "a")
    assert kept[:120] == list(range(1, 121))
    assert kept[120:] == list(range(2_201 - len(kept[120:]), 2_201))
    assert outbox.lost["a"] == 2_200 - len(kept)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.sampled_from(["add a", "add b", "send", "deliver", "cut", "restart"]), max_size=25))
def test_numbered_is_delivered_and_waiting_and_lost(tmp_path_factory: pytest.TempPathFactory, steps: list[str]) -> None:
    """At most 300 of the 900 or so that have room are on their way at a time."""
    path = tmp_path_factory.mktemp("outbox") / "bridge-gw.db"
    queue = DiskQueue(path, ballast_bytes=0, max_bytes=BOUND)
    outbox = Outbox(queue, epoch=1)
    numbered = {"a": 0, "b": 0}
    arrived: dict[str, set[int]] = {"a": set(), "b": set()}
    sent_through = 0
    on_their_way: set[int] = set()
    for step in steps:
        match step.split():
            case ["add", sensor]:
                add(outbox, sensor, 300)
                numbered[sensor] += 300
            case ["send"] if rows := outbox.read(sent_through, 300)[: 300 - len(on_their_way)]:
                sent_through = rows[-1][0]
                on_their_way |= {row_id for row_id, _ in rows}
                outbox.sending_through(sent_through)
                for _, row in rows:
                    arrived[row.sensor].add(row.values["seq"])
            case ["deliver"] if sent_through:
                on_their_way.clear()
                outbox.delivered_through(sent_through)
            case ["cut"]:
                outbox.delivered_through(0)
                sent_through = 0
            case ["restart"]:
                sent_through = 0
                queue.close()
                queue = DiskQueue(path, ballast_bytes=0, max_bytes=BOUND)
                outbox = Outbox(queue, epoch=1)
        for sensor, number in numbered.items():
            assert len(arrived[sensor] | set(waiting(outbox, sensor))) + outbox.lost[sensor] == number
    queue.close()


def test_when_the_disk_refuses_all_the_newest_wait_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "_WAITING_LIMIT", 3)
    with closing(DiskQueue(tmp_path / "q.db", ballast_bytes=0)) as queue:
        outbox = Outbox(queue, epoch=1)
        add(outbox, "a", 1)
        pages = queue._database.execute("PRAGMA page_count").fetchone()[0]
        queue._database.execute(f"PRAGMA max_page_count = {pages}")
        while outbox.commit():
            outbox.add("a", Stamp(1000), {"presence": 1.0})
        first_refused = outbox.number("a")
        for _ in range(4):
            outbox.add("a", Stamp(1000), {"presence": 1.0})
            assert not outbox.commit()
        assert outbox.lost == {"a": 2}
        queue._database.execute("PRAGMA max_page_count = 100000")
        assert outbox.commit()
        assert waiting(outbox, "a")[-3:] == [first_refused + n for n in (2, 3, 4)]
        assert Outbox(queue, epoch=1).lost == {"a": 2}
    assert caplog.messages == [
        f"{tmp_path}/q.db: the disk is full, or nearly so; make room, what comes now must wait",
        "the queue takes readings again; 2 were lost",
    ]


ON_A_SMALL_DISK = 'mount -t tmpfs -o size=60m none "$1" && "$2" -W error -c "$3" "$1"'
FILLS_THE_DISK = """
import os, sys
from pathlib import Path
from firmware_bridge.clock import Stamp
from firmware_bridge.outbox import Outbox
from transport.disk_queue import DiskQueue
queue = DiskQueue(Path(sys.argv[1]) / "queue.db", ballast_bytes=16 << 20)
outbox = Outbox(queue, epoch=1)
refused = 0
for _ in range(400):
    for _ in range(1000):
        outbox.add("a", Stamp(1), {f"moving_energy_g{gate}": float(outbox.number("a")) for gate in range(8)})
    refused += not outbox.commit()
rows = outbox.read(0, 10**6)
seqs = [row.values["seq"] for _, row in rows]
assert seqs == list(range(400_001 - len(seqs), 400_001)), (seqs[0], seqs[-1], len(seqs))
assert outbox.lost["a"] == 400_000 - len(seqs) > 0
queue.close()
print(len(seqs), refused)
"""


def test_a_full_disk_loses_the_oldest_too(tmp_path: Path) -> None:
    if subprocess.run(["unshare", "-rm", "true"], capture_output=True, check=False).returncode:
        pytest.skip("no file system of its own can be made here (unshare -rm)")
    result = subprocess.run(
        ["unshare", "-rm", "sh", "-c", ON_A_SMALL_DISK, "-", tmp_path, sys.executable, FILLS_THE_DISK],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    kept, refused = result.stdout.split()
    assert (int(kept) > 100_000, refused) == (True, "0")


def test_what_memory_gave_up_is_counted_only_with_a_number_behind_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_WAITING_LIMIT", 0)
    with closing(DiskQueue(tmp_path / "q.db", ballast_bytes=0)) as queue:
        outbox = Outbox(queue, epoch=1)
        add(outbox, "a", 5)
        pages = queue._database.execute("PRAGMA page_count").fetchone()[0]
        queue._database.execute(f"PRAGMA max_page_count = {pages}")
        for _ in range(5):
            outbox.add("a", Stamp(1000), {f"moving_energy_g{gate}": 1.0 for gate in range(500)})
            outbox.commit()
        queue._database.execute("PRAGMA max_page_count = 100000")
        assert outbox.lost["a"] > 0
        outbox.sending_through(5)
        # Killed now, the process leaves nothing of those: their numbers are given again.
        again = Outbox(queue, epoch=1)
        assert (again.number("a"), again.lost) == (10 - outbox.lost["a"], {})
