"""The words of `hadir bridge`: each is one module of this folder, named here.

A module keeps its heavy imports (paho, pyserial) inside `run`: `hadir --help` loads them all.
"""

from __future__ import annotations

import argparse
import importlib
from typing import Protocol, cast

from hadir.settings import Settings

WORDS: dict[str, str] = {
    "emulate": "hadir.commands.bridge_words.emulate",
    "identify": "hadir.commands.bridge_words.identify",
    "probe": "hadir.commands.bridge_words.probe",
    "record": "hadir.commands.bridge_words.record",
    "replay": "hadir.commands.bridge_words.replay",
    "run": "hadir.commands.bridge_words.run",
    "send": "hadir.commands.bridge_words.send",
    "stream": "hadir.commands.bridge_words.stream",
}


class Word(Protocol):
    """A word's module. `HELP`: one line."""

    HELP: str

    def add_arguments(self, parser: argparse.ArgumentParser) -> None: ...

    def run(self, arguments: argparse.Namespace, settings: Settings) -> int:
        """Do the work; the exit status: 0 done, 1 the work failed, 2 wrong use or bad input."""
        ...


def load(name: str) -> Word:
    return cast(Word, importlib.import_module(WORDS[name]))
