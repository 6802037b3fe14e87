from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

from storage.sqlite_lock import SqliteLock


def test_threads_take_turns(tmp_path: Path) -> None:
    lock = SqliteLock(tmp_path / "some.db")
    inside = most = 0

    def work() -> None:
        nonlocal inside, most
        for _ in range(50):
            with lock:
                inside += 1
                most = max(most, inside)
                inside -= 1

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (inside, most) == (0, 1)


def test_processes_take_turns(tmp_path: Path) -> None:
    """Each of three processes adds 1 to a number in a file, 100 times, by reading and writing it."""
    (tmp_path / "number").write_text("0")
    code = """
import sys
from pathlib import Path
from storage.sqlite_lock import SqliteLock
number = Path(sys.argv[1])
lock = SqliteLock(number)
for _ in range(100):
    with lock:
        number.write_text(str(int(number.read_text()) + 1))
"""
    children = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "number")]) for _ in range(3)]
    assert [child.wait(60) for child in children] == [0, 0, 0]
    assert (tmp_path / "number").read_text() == "300"


def test_a_lock_carried_over_a_fork_still_keeps_parent_and_child_apart(tmp_path: Path) -> None:
    code = """
import os, sys, threading
from pathlib import Path
from storage.sqlite_lock import SqliteLock
lock = SqliteLock(Path(sys.argv[1]))
with lock:
    pass
child_is_in, tell_parent = os.pipe()
may_leave, tell_child = os.pipe()
if os.fork() == 0:
    with lock:
        os.write(tell_parent, b".")
        os.read(may_leave, 1)
    os._exit(0)
os.read(child_is_in, 1)
parent_is_in = threading.Event()
def enter():
    with lock:
        parent_is_in.set()
thread = threading.Thread(target=enter)
thread.start()
assert not parent_is_in.wait(0.2)
os.write(tell_child, b".")
assert parent_is_in.wait(30)
thread.join()
assert os.wait()[1] == 0
"""
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path / "some.db")], timeout=60).returncode == 0
