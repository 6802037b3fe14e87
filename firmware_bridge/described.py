"""What a command's arguments may be, in words: its request is made once with a recorder in place of arguments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from firmware_bridge.commands import Arguments, Command
from presence.errors import BadInput


class _Recorder:
    """Has the methods of every driver's `Arguments`, gives what each would take, and keeps what that is."""

    def __init__(self) -> None:
        self.found: dict[str, str] = {}

    def given(self, _: str) -> bool:
        """As if everything were there: what it may be is told when it is taken."""
        return True

    def number(self, name: str, low: int, high: int) -> int:
        self.found[name] = f"a whole number from {low} to {high}"
        return low

    def decimal(self, name: str, low: float, high: float) -> float:
        self.found[name] = f"a number from {low:g} to {high:g}"
        return low

    def numbers(self, name: str, count: int, low: int, high: int) -> list[int]:
        self.found[name] = f"a list of {count} whole numbers from {low} to {high}"
        return [low] * count

    def rows(self, name: str, count: int, length: int, low: float, high: float) -> list[list[float]]:
        self.found[name] = f"{count} lists of {length} numbers from {low:g} to {high:g}"
        return [[low] * length] * count

    def choice(self, name: str, choices: Mapping[Any, int]) -> int:
        self.found[name] = "one of " + ", ".join(str(known).lower() for known in choices)
        return next(iter(choices.values()))

    def ascii(self, name: str, shortest: int, longest: int) -> bytes:
        length = f"{shortest}" if shortest == longest else f"{shortest} to {longest}"
        self.found[name] = f"{length} printable ASCII characters"
        return b"0" * shortest


def arguments_of(command: Command) -> dict[str, str]:
    """What each argument of `command` may be; of a command that wants some only beside others, those seen first."""
    recorder = _Recorder()
    try:
        command.request(cast(Arguments, recorder))
    except BadInput:
        # What was recorded does not fit together, as two bounds of a range; it is known all the same.
        return recorder.found
    return recorder.found
