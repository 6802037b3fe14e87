"""The command line of an emulated DFRobot radar: echo, answer, prompt; what is set, saved, and lost without saving.

What it answers: `firmware_bridge.dfrobot`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from firmware_bridge.dfrobot import MAGIC, START_LINE

RESTART_MS = 1_000
_LONGEST_LINE = 160
_NUMBER = re.compile(r"\d+(\.\d+)?", re.ASCII)
_STOPPED_ONLY = "sensor is not stopped"


class Console:
    """`save`: the command that saves. `delivered`: word after `set` and `get` -> its values as delivered.

    `understood`: the words of a command -> those of the one that it stands for. `saves`: writings of its flash.
    """

    def __init__(
        self,
        prompt: str,
        save: str,
        delivered: Mapping[str, Sequence[str]],
        understood: Callable[[Sequence[str]], Sequence[str]] = lambda words: words,
    ) -> None:
        self.running = True
        self.saves = 0
        self.settings = dict(delivered)
        self._prompt = prompt
        self._save = save
        self._delivered = delivered
        self._understood = understood
        self._saved = dict(delivered)
        self._unread = b""
        self._restarting = False
        self._quiet_until_ms: int | None = None

    def quiet(self, at_ms: int) -> bool:
        """Whether the radar says nothing at `at_ms`: stopped, or just restarted."""
        if self._restarting:
            self._restarting = False
            self._quiet_until_ms = at_ms + RESTART_MS
        return not self.running or (self._quiet_until_ms is not None and at_ms < self._quiet_until_ms)

    def receive(self, data: bytes) -> bytes:
        """What it answers to these bytes of its host; lines may come in pieces."""
        *lines, rest = re.split(rb"[\r\n]+", self._unread + data)
        self._unread = rest[-_LONGEST_LINE:]
        return b"".join(self._answer(line.decode("ascii", "replace")) for line in lines if line)

    def restart(self) -> None:
        """As after a power cut."""
        self.settings = dict(self._saved)
        self.running = self._restarting = True

    def _answer(self, line: str) -> bytes:
        said = "\r\n".join([line, *self._obey(self._understood(line.split(" ")), line)])
        return f"{said}\r\n{self._prompt}".encode("ascii", "replace")

    def _obey(self, words: Sequence[str], line: str) -> Sequence[str]:
        match line:
            case "sensorStop":
                was, self.running = self.running, False
                return ("Done",) if was else ("sensor stopped already",)
            case "resetSystem":
                self.restart()
                return ()
            case _ if line == START_LINE.decode().strip():
                return self._start()
        if line in (f"{self._save} {MAGIC}", f"factoryReset {MAGIC}"):
            return self._keep(reset=words[0] == "factoryReset")
        kind, setting = words[0][:3], words[0][3:]
        if setting in self.settings and kind == "get":
            return f"Response {' '.join(self.settings[setting])}", "Done"
        if setting in self.settings and kind == "set":
            return self._set(setting, words[1:])
        return (f"'{words[0]}' is not recognized as a CLI command",)

    def _start(self) -> Sequence[str]:
        if self.running:
            return ("sensor started already",)
        if self.settings != self._saved:
            return ("new parameter isn't save, can't startSensor",)
        self.running = True
        return ("Done",)

    def _keep(self, *, reset: bool) -> Sequence[str]:
        if self.running:
            return (_STOPPED_ONLY,)
        if reset:
            self.settings = dict(self._delivered)
        elif self.settings == self._saved:
            return ("no parameter has changed",)
        self._saved = dict(self.settings)
        self.saves += 1
        return ("Done",)

    def _set(self, setting: str, values: Sequence[str]) -> Sequence[str]:
        if self.running:
            return (_STOPPED_ONLY,)
        if len(values) != len(self.settings[setting]) or not all(_NUMBER.fullmatch(value) for value in values):
            return ("Error",)
        self.settings[setting] = tuple(values)
        return ("Done",)
