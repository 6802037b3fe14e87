import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

# The supervisor forks: it is tried in a process of its own, which tells what happens, a line each.
PROGRAM = """
import json, logging, os, signal, sys, threading, time
from pathlib import Path
from hadir.supervisor import GaveUp, Supervisor
from presence.errors import BadInput

def say(**what):
    os.write(1, (json.dumps(what) + "\\n").encode())

def obedient(name):
    def work(stop):
        say(began=name, pid=os.getpid())
        stop.wait()
        say(ended=name)
    return work

def stubborn(stop):
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    say(began="stubborn", pid=os.getpid())
    while True:
        time.sleep(1)

def refusing(stop):
    say(began="refusing", pid=os.getpid())
    raise BadInput("store", "no such store")

def failing(stop):
    raise KeyError("surprise")

logging.basicConfig(format="%(message)s")
folder, *names = sys.argv[1:]
supervisor = Supervisor(
    lambda pids: say(pids=dict(pids)), traces=Path(folder), stop_within_s=1.0 if "stubborn" in names else 10.0
)
try:
    for name in names:
        kind = {"stubborn": stubborn, "refusing": refusing, "optional": refusing, "failing": failing}
        supervisor.fork(name, kind.get(name) or obedient(name), vital=name == "refusing")
    supervisor.watch()
except GaveUp as error:
    say(gave_up=str(error))
finally:
    supervisor.stop()
    say(over=True)
"""


class Program:
    def __init__(self, folder: Path, *names: str) -> None:
        self.child = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(folder), *names],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.said: list[dict[str, object]] = []

    def until(self, condition: Callable[[], bool]) -> None:
        """Take down what it says until `condition` holds."""
        assert self.child.stdout is not None
        while not condition():
            line = self.child.stdout.readline()
            assert line, f"ended after {self.said}: {self.errors()}"
            self.said.append(json.loads(line))

    def all(self, key: str) -> list[Any]:
        return [told[key] for told in self.said if key in told]

    def running(self, *names: str) -> dict[str, int]:
        """The pids, when all of `names` are at work and the supervisor has told so."""
        began = {told["pid"]: told["began"] for told in self.said if "began" in told}
        pids: dict[str, int] = {}

        def at_work() -> bool:
            began.update({told["pid"]: told["began"] for told in self.said if "began" in told})
            pids.clear()
            pids.update((self.all("pids") or [{}])[-1])
            return set(pids) == set(names) and all(began.get(pid) == name for name, pid in pids.items())

        self.until(at_work)
        return dict(pids)

    def over(self) -> list[str]:
        """Who ended, in their order, when all is over."""
        self.until(lambda: bool(self.all("over")))
        return self.all("ended")

    def errors(self) -> str:
        assert self.child.stderr is not None
        return self.child.stderr.read()

    def close(self) -> None:
        if self.child.poll() is None:
            os.killpg(self.child.pid, signal.SIGKILL)
        for stream in (self.child.stdout, self.child.stderr):
            assert stream is not None
            stream.close()
        self.child.wait()


@pytest.fixture
def programs() -> Iterator[list[Program]]:
    started: list[Program] = []
    yield started
    for program in started:
        program.close()


def ended(pid: int) -> bool:
    """Whether the process ends within the minute."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([handle], [], [], 60)[0])
    finally:
        os.close(handle)


def test_what_is_killed_runs_again_under_a_new_pid_and_the_others_stay(programs: list[Program], tmp_path: Path):
    programs.append(program := Program(tmp_path, "first", "second"))
    before = program.running("first", "second")
    os.kill(before["first"], signal.SIGKILL)
    program.until(lambda: len(program.all("pids")) > 2)
    after = program.running("first", "second")
    assert after["first"] != before["first"]
    assert after["second"] == before["second"]
    program.child.terminate()
    program.over()
    assert program.errors() == "first ended by SIGKILL; it starts again in 0.5 s\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_to_the_whole_group_ends_the_last_part_first(
    number: signal.Signals, programs: list[Program], tmp_path: Path
):
    programs.append(program := Program(tmp_path, "first", "second", "third"))
    program.running("first", "second", "third")
    if number == signal.SIGTERM:
        program.child.terminate()
    else:
        os.killpg(program.child.pid, number)
    assert program.over() == ["third", "second", "first"]
    assert program.child.wait() == 0


def test_ctrl_c_is_heeded_where_a_shell_had_it_ignored(programs: list[Program], tmp_path: Path):
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # children inherit it, as from `sh -c "hadir up &"`
    try:
        programs.append(program := Program(tmp_path, "first"))
    finally:
        signal.signal(signal.SIGINT, before)
    program.running("first")
    program.child.send_signal(signal.SIGINT)
    assert program.over() == ["first"]


def test_one_that_does_not_stop_is_killed_and_the_rest_ends_in_order(programs: list[Program], tmp_path: Path):
    programs.append(program := Program(tmp_path, "first", "stubborn"))
    stubborn = program.running("first", "stubborn")["stubborn"]
    program.child.terminate()
    assert program.over() == ["first"]
    assert ended(stubborn)


def test_when_the_supervisor_is_killed_nobody_is_left(programs: list[Program], tmp_path: Path):
    programs.append(program := Program(tmp_path, "first", "stubborn"))
    pids = program.running("first", "stubborn")
    program.child.kill()
    assert all(ended(pid) for pid in pids.values())


def test_bad_input_at_the_first_start_ends_everything_and_is_said_once(programs: list[Program], tmp_path: Path):
    programs.append(program := Program(tmp_path, "first", "refusing"))
    assert program.over() == ["first"]
    assert program.all("gave_up") == ["refusing cannot work with what it was given"]
    assert program.errors() == "store: no such store\n"


def test_bad_input_of_a_part_that_is_not_vital_ends_nothing(programs: list[Program], tmp_path: Path):
    programs.append(program := Program(tmp_path, "first", "optional"))
    program.until(lambda: program.all("began").count("refusing") == 2)
    program.child.terminate()
    assert program.over() == ["first"]
    assert program.all("gave_up") == []


def test_an_internal_error_is_one_line_and_its_details_are_in_one_file(programs: list[Program], tmp_path: Path):
    programs.append(program := Program(tmp_path, "first", "failing"))
    program.until(lambda: len(program.all("pids")) > 3)
    program.child.terminate()
    program.over()
    [file] = tmp_path.iterdir()
    assert "Traceback" in file.read_text()
    said = program.errors().splitlines()
    assert said[:2] == [
        f"internal error: KeyError: 'surprise'; details are in {file}",
        "failing ended with status 1; it starts again in 0.5 s",
    ]


def test_processes_are_told_apart_by_their_names(programs: list[Program], tmp_path: Path):
    programs.append(program := Program(tmp_path, "first"))
    assert Path(f"/proc/{program.running('first')['first']}/comm").read_text() == "hadir-first\n"
