"""Keeps the processes of `hadir up` alive: forks them, starts again what ended, stops them in order.

The supervisor has one thread and no open database, so that it may fork at any time; what it has imported, its children
share with it (copy on write) and need not load again.
"""

from __future__ import annotations

import ctypes
import gc
import logging
import os
import select
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Protocol

from hadir.stopping import stop_at
from hadir.traces import kept
from presence.errors import BadInput, HadirError

log = logging.getLogger("hadir.up")

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0
HEALTHY_AFTER_S = 60.0
STOP_WITHIN_S = 10.0
_STEP_S = 0.02
MISUSED = 2
_HEEDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_PR_SET_PDEATHSIG = 1  # linux/prctl.h

Work = Callable[[threading.Event], None]
"""What a process does until the event is set. BadInput ends it with status 2, other errors with 1."""


class Process(Protocol):
    """A running process of ours."""

    @property
    def pid(self) -> int: ...
    def poll(self) -> int | None:
        """None while it runs; then its exit status, negative for the signal that ended it."""
        ...

    def stop(self, within_s: float) -> None:
        """End it: politely, and by force when it is still there after `within_s`."""
        ...


class Forked:
    """A child that does `work` in a copy of this process, named `name` in lists of processes.

    `traces`: the folder for the details of its internal errors.
    """

    def __init__(self, name: str, work: Work, traces: Path | None = None) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        parent = os.getpid()
        self._status: int | None = None
        # Held back until the child has its own answer to them; our handler, in its copy, would swallow a SIGTERM.
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, _HEEDED)
        self.pid = os.fork()
        if self.pid == 0:
            _live(name, work, parent, mask, traces)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)

    def poll(self) -> int | None:
        if self._status is None:
            try:
                ended, status = os.waitpid(self.pid, os.WNOHANG)
            except ChildProcessError:
                ended, status = self.pid, 0
            if ended:
                self._status = os.waitstatus_to_exitcode(status)
        return self._status

    def wait(self) -> int:
        """Its exit status, when it has ended."""
        if self._status is None:
            self._status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self._status

    def stop(self, within_s: float) -> None:
        for number, seconds in ((signal.SIGTERM, within_s), (signal.SIGKILL, 2.0)):
            if self.poll() is not None:
                return
            os.kill(self.pid, number)
            give_up_at = time.monotonic() + seconds
            while self.poll() is None and time.monotonic() < give_up_at:
                time.sleep(0.01)


def _live(name: str, work: Work, parent: int, mask: set[int | signal.Signals], traces: Path | None) -> None:
    """The whole life of a child; does not return. `mask`: the signals to be blocked, as before the fork."""
    status = 1
    own_log = logging.getLogger(f"hadir.{name}")
    try:
        signal.set_wakeup_fd(-1)
        # Ctrl-C and a closed terminal reach the whole group; the supervisor alone decides the order of the end.
        for ignored in (signal.SIGINT, signal.SIGHUP):
            signal.signal(ignored, signal.SIG_IGN)
        for usual in (signal.SIGTERM, signal.SIGCHLD):
            signal.signal(usual, signal.SIG_DFL)
        if sys.platform == "linux":
            # Whoever kills the supervisor leaves nobody behind.
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != parent:
                os._exit(1)
            Path("/proc/self/comm").write_bytes(f"hadir-{name}".encode())
        stop = stop_at(signal.SIGTERM)
        signal.pthread_sigmask(signal.SIG_SETMASK, {*mask, signal.SIGTERM})
        work(stop)
        status = 0
    except BadInput as error:
        own_log.error("%s", error)
        status = MISUSED
    except HadirError as error:
        own_log.error("%s", error)
    except BaseException as error:  # noqa: BLE001  (the top of the process: nobody sees a traceback)
        own_log.error("%s", kept(error, traces))
    finally:
        sys.stdout.flush()
        os._exit(status)


@dataclass(kw_only=True)
class _Part:
    name: str
    start: Callable[[], Process]
    vital: bool
    process: Process | None = None
    pid: int = 0
    started_s: float = 0.0
    due_s: float = 0.0
    pause_s: float = FIRST_PAUSE_S
    starts: int = 0


class Supervisor:
    """Keeps parts running in the order in which they were added; ends them in the reverse one.

    `changed` is told the pids whenever they are others than before. `traces`: the folder for the details of internal
    errors. `stop_within_s`: for all parts together.
    """

    def __init__(
        self,
        changed: Callable[[Mapping[str, int]], None],
        *,
        traces: Path | None = None,
        stop_within_s: float = STOP_WITHIN_S,
    ) -> None:
        self._changed = changed
        self._traces = traces
        self._stop_within_s = stop_within_s
        self._parts: list[_Part] = []
        self._told: dict[str, int] = {}
        self._stopping = False
        self._wake, wake = socket.socketpair()
        self._wake.setblocking(False)
        wake.setblocking(False)
        self._written_by_signals = wake
        signal.set_wakeup_fd(wake.fileno(), warn_on_full_buffer=False)
        self._handlers = {number: signal.getsignal(number) for number in _HEEDED}
        for number in _HEEDED:
            # `nohup` ignores SIGHUP, to be obeyed; shells ignore SIGINT after `&`, though Ctrl-C is promised.
            if number != signal.SIGHUP or self._handlers[number] != signal.SIG_IGN:
                signal.signal(number, self._asked_to_stop)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # only to be woken

    def _asked_to_stop(self, number: int, frame: FrameType | None) -> None:
        self._stopping = True

    @property
    def stopping(self) -> bool:
        return self._stopping

    def add(self, name: str, start: Callable[[], Process], *, vital: bool = False) -> None:
        """Start a part and keep it running. Raises what `start` raises the first time.

        `vital`: when it cannot use what it is given, right at its first start, all ends.
        """
        part = _Part(name=name, start=start, vital=vital)
        self._parts.append(part)
        self._start(part)

    def names(self) -> list[str]:
        return [part.name for part in self._parts]

    def fork(self, name: str, work: Work, *, vital: bool = False) -> None:
        """As `add`, for work that is done in a copy of this process."""
        self.add(name, lambda: Forked(name, work, self._traces), vital=vital)

    def watch(self, *, for_s: float | None = None) -> None:
        """Start again what ends, until a signal asks to stop, or for `for_s`.

        Raises GaveUp when a vital part cannot use what it was given.
        """
        until_s = None if for_s is None else time.monotonic() + for_s
        while not self._stopping:
            now_s = time.monotonic()
            if until_s is not None and now_s >= until_s:
                return
            for part in self._parts:
                self._look_after(part, now_s)
            due = [part.due_s for part in self._parts if part.process is None]
            due += [] if until_s is None else [until_s]
            select.select([self._wake], [], [], max(0.0, min(due) - now_s) if due else None)
            self._forget_wakes()

    def watch_until(self, condition: Callable[[], bool], within_s: float) -> bool:
        """As `watch`, until `condition` holds; False when it does not in time, or a signal asks to stop."""
        give_up_at = time.monotonic() + within_s
        while not condition():
            if self._stopping or time.monotonic() >= give_up_at:
                return False
            self.watch(for_s=_STEP_S)
        return True

    def _look_after(self, part: _Part, now_s: float) -> None:
        if part.process is None:
            if now_s >= part.due_s:
                self._start(part)
            return
        status = part.process.poll()
        if status is None:
            return
        was_healthy = now_s - part.started_s >= HEALTHY_AFTER_S
        if part.vital and status == MISUSED and part.starts == 1 and not was_healthy:
            raise GaveUp(f"{part.name} cannot work with what it was given")
        part.process = None
        if was_healthy:
            part.pause_s = FIRST_PAUSE_S
        part.due_s = now_s + part.pause_s
        how = f"by {signal.Signals(-status).name}" if status < 0 else f"with status {status}"
        log.warning("%s ended %s; it starts again in %g s", part.name, how, part.pause_s)
        part.pause_s = min(2 * part.pause_s, LONGEST_PAUSE_S)

    def _start(self, part: _Part) -> None:
        part.started_s = time.monotonic()
        part.starts += 1
        try:
            part.process = part.start()
            part.pid = part.process.pid
        except HadirError as error:
            if part.starts == 1:
                raise
            part.due_s = part.started_s + part.pause_s
            log.warning("%s cannot start: %s; again in %g s", part.name, error, part.pause_s)
            part.pause_s = min(2 * part.pause_s, LONGEST_PAUSE_S)
            return
        if part.starts > 1:
            log.info("%s runs again", part.name, extra={"pid": part.pid})
        self._tell()

    def _tell(self) -> None:
        # One that is about to start again keeps its place under its old pid.
        pids = {part.name: part.pid for part in self._parts}
        if pids != self._told:
            self._told = pids
            self._changed(pids)

    def _forget_wakes(self) -> None:
        try:
            while self._wake.recv(4096):
                pass
        except BlockingIOError:
            pass

    def stop(self) -> None:
        """End all parts, the last first; then signals do again what they did before."""
        give_up_at = time.monotonic() + self._stop_within_s
        for part in reversed(self._parts):
            if part.process is not None:
                part.process.stop(max(0.1, give_up_at - time.monotonic()))
        self._parts.clear()
        signal.set_wakeup_fd(-1)
        for number in _HEEDED:
            signal.signal(number, self._handlers[number])
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        self._wake.close()
        self._written_by_signals.close()


class GaveUp(HadirError):
    """A part cannot work with what it was given and has said so itself; trying again would not help."""


def settle_for_forks() -> None:
    """Put what is in memory out of the garbage collector's way: it would write to, and so copy, each shared page."""
    gc.collect()
    gc.freeze()
