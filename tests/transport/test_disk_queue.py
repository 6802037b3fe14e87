import random
import signal
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from presence.errors import BadInput
from transport.disk_queue import DiskQueue, QueueDamaged, QueueFull, QueueHeld

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "queue.db"


@pytest.fixture
def queue(path):
    queue = DiskQueue(path, ballast_bytes=0)
    yield queue
    queue.close()


def test_rows_come_back_in_order_with_the_ids_that_append_gave(queue):
    assert queue.append([b"a", b"b"]) == range(1, 3)
    assert queue.append([b"", b"\0\xff"]) == range(3, 5)
    assert queue.read(0, 10) == [(1, b"a"), (2, b"b"), (3, b""), (4, b"\0\xff")]
    assert queue.read(1, 2) == [(2, b"b"), (3, b"")]
    assert (len(queue), queue.oldest_id(), queue.last_id()) == (4, 1, 4)


def test_an_id_is_never_given_twice_even_when_the_queue_was_emptied_and_opened_again(path):
    queue = DiskQueue(path, ballast_bytes=0)
    queue.append([b"a", b"b", b"c"])
    queue.drop_through(3)
    queue.close()
    queue = DiskQueue(path, ballast_bytes=0)
    assert (len(queue), queue.oldest_id(), queue.last_id()) == (0, None, 3)
    assert queue.append([b"d"]) == range(4, 5)
    queue.close()


def test_nothing_appended_commits_nothing(queue):
    assert list(queue.append([])) == []
    assert (queue.last_id(), queue.read(0, 1)) == (0, [])


def test_rows_dropped_out_of_order_leave_the_others(queue):
    queue.append([b"a", b"b", b"c", b"d"])
    queue.drop([3, 1, 99])
    queue.drop([])
    assert (queue.read(0, 10), len(queue), queue.oldest_id()) == ([(2, b"b"), (4, b"d")], 2, 2)


def test_identity_and_meta_stay_with_the_file(path, tmp_path):
    queue = DiskQueue(path, ballast_bytes=0)
    identity = queue.identity
    assert queue.meta_get("cursor") is None
    queue.meta_put("cursor", b"1")
    queue.meta_put("cursor", b"2")
    queue.close()
    queue = DiskQueue(path, ballast_bytes=0)
    other = DiskQueue(tmp_path / "other.db", ballast_bytes=0)
    assert (queue.identity, queue.meta_get("cursor")) == (identity, b"2")
    assert len(identity) == 16
    assert other.identity != identity
    queue.close()
    other.close()


def test_a_file_has_one_process(path, queue):
    with pytest.raises(QueueHeld, match=r"queue\.db: another process has it open"):
        DiskQueue(path)


def test_a_file_that_is_no_queue_is_told_and_left_alone(path):
    path.write_bytes(b"no database " * 1000)
    with pytest.raises(QueueDamaged, match="move it away"):
        DiskQueue(path)
    assert path.read_bytes().startswith(b"no database")


def test_a_folder_that_does_not_exist_is_bad_input(tmp_path):
    with pytest.raises(BadInput, match="--data"):
        DiskQueue(tmp_path / "none" / "queue.db")


def test_at_its_bound_a_queue_refuses_whole_appends_until_some_is_dropped(path):
    queue = DiskQueue(path, max_bytes=1024 * 1024, ballast_bytes=0)
    row = b"x" * 10_000
    while queue.bytes() < 1024 * 1024 - 30_000:
        queue.append([row, row])
    appended = len(queue)
    with pytest.raises(QueueFull, match="bound of 1048576 bytes"):
        queue.append([row] * 3)
    assert queue.read(0, 1000) == [(n, row) for n in range(1, appended + 1)]
    assert queue.bytes() <= 1024 * 1024
    queue.drop_through(appended // 2)
    assert queue.append([row]) == range(appended + 1, appended + 2)
    queue.close()


def test_an_emptied_queue_gives_the_disk_back(path):
    queue = DiskQueue(path, ballast_bytes=0)
    for _ in range(20):
        queue.append([b"x" * 1_000_000])
    queue.drop_through(queue.last_id())
    queue.close()
    assert path.stat().st_size < 1_000_000


def test_threads_get_ids_of_their_own(queue):
    given: list[range] = []

    def append(name: bytes) -> None:
        given.extend(queue.append([name] * n) for n in range(1, 20))

    threads = [threading.Thread(target=append, args=(name,)) for name in (b"a", b"b", b"c")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(n for ids in given for n in ids) == list(range(1, 571))
    assert len(queue) == 570


@settings(max_examples=20, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("append"), st.lists(st.binary(max_size=20), max_size=5)),
            st.tuples(st.just("drop_through"), st.integers(0, 40)),
            st.tuples(st.just("drop"), st.lists(st.integers(0, 40), max_size=5)),
        ),
        max_size=15,
    ),
    st.booleans(),
)
def test_any_history_leaves_what_was_appended_and_not_dropped(tmp_path_factory, history, reopened):
    path = tmp_path_factory.mktemp("history") / "queue.db"
    queue = DiskQueue(path, ballast_bytes=0)
    expected: dict[int, bytes] = {}
    for action, argument in history:
        if action == "append":
            expected.update(zip(queue.append(argument), argument, strict=True))
        elif action == "drop_through":
            queue.drop_through(argument)
            expected = {n: row for n, row in expected.items() if n > argument}
        else:
            queue.drop(argument)
            expected = {n: row for n, row in expected.items() if n not in argument}
        assert len(queue) == len(expected)
    if reopened:
        queue.close()
        queue = DiskQueue(path, ballast_bytes=0)
    assert dict(queue.read(0, 1000)) == expected
    assert (len(queue), queue.oldest_id()) == (len(expected), min(expected, default=None))
    queue.close()


APPENDS_UNTIL_KILLED = """
import sys
from pathlib import Path
from transport.disk_queue import DiskQueue
queue = DiskQueue(Path(sys.argv[1]), ballast_bytes=0)
while True:
    ids = queue.append([b"%d" % n for n in range(queue.last_id() + 1, queue.last_id() + 4)])
    sys.stdout.write(f"{ids[-1]}\\n")
    sys.stdout.flush()
    if ids[-1] % 5 == 0:
        queue.drop_through(ids[-1] - 30)
"""


def test_what_append_returned_is_there_after_a_kill_at_any_point(path):
    returned = 0
    for _ in range(6):
        child = subprocess.Popen(
            [sys.executable, "-c", APPENDS_UNTIL_KILLED, path], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True
        )
        assert child.stdout is not None
        for _ in range(random.randint(1, 60)):
            returned = int(child.stdout.readline())
        child.send_signal(signal.SIGKILL)
        # What it had still said before it died counts as well.
        returned = max([returned, *map(int, child.stdout.read().split("\n")[:-1])])
        child.wait()
        child.stdout.close()
        queue = DiskQueue(path, ballast_bytes=0)
        rows = queue.read(0, 1_000_000)
        assert queue.last_id() >= returned
        assert rows == [(n, b"%d" % n) for n in range(queue.oldest_id(), queue.last_id() + 1)]
        assert queue.oldest_id() <= max(1, returned - 29)
        queue.close()


ON_A_SMALL_DISK = 'mount -t tmpfs -o size=60m none "$1" && "$2" -W error -c "$3" "$1"'
FILLS_THE_DISK = """
import os, sys
from pathlib import Path
from transport.disk_queue import DiskQueue, QueueFull
folder = Path(sys.argv[1])
queue = DiskQueue(folder / "queue.db", ballast_bytes=16 << 20)
ballast = folder / "queue.db.ballast"
assert ballast.stat().st_size == 16 << 20
try:
    while True:
        queue.append([os.urandom(100_000)])
except QueueFull as error:
    assert "disk is full" in str(error), error
assert not ballast.exists()
waiting = len(queue)
try:
    queue.append([b"x"])
    raise SystemExit("appended on a full disk")
except QueueFull:
    pass
assert len(queue.read(0, 10_000)) == waiting
queue.meta_put("cursor", b"1")
queue.drop_through(queue.last_id())
queue.drop_through(queue.last_id())
assert queue.append([b"again"]) == range(waiting + 1, waiting + 2)
assert ballast.exists()
queue.close()
print("drained", waiting)
"""


def test_a_full_disk_refuses_appends_but_can_be_drained_in_the_room_of_the_ballast(tmp_path):
    if subprocess.run(["unshare", "-rm", "true"], capture_output=True, check=False).returncode:
        pytest.skip("no file system of its own can be made here (unshare -rm)")
    result = subprocess.run(
        ["unshare", "-rm", "sh", "-c", ON_A_SMALL_DISK, "-", tmp_path, sys.executable, FILLS_THE_DISK],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (result.returncode, result.stdout.split()[:1], result.stderr) == (0, ["drained"], "")


def test_nobody_else_may_read_what_waits(tmp_path):
    with closing(DiskQueue(tmp_path / "q.db", ballast_bytes=1024 * 1024)) as queue:
        queue.append([b"x"])
        rights = {file.name: file.stat().st_mode & 0o777 for file in tmp_path.iterdir()}
    assert set(rights.values()) == {0o600}
    assert {"q.db", "q.db-wal", "q.db.ballast"} <= rights.keys()
