"""The words of `hadir decode`: each is one module of this folder, named here.

A module keeps its heavy imports inside `run`: `hadir --help` loads them all.
"""

from __future__ import annotations

import argparse
import importlib
from typing import Protocol, cast

from hadir.settings import Settings

WORDS: dict[str, str] = {
    "serial": "hadir.commands.decode_words.serial",
    "command": "hadir.commands.decode_words.command",
    "mqtt": "hadir.commands.decode_words.mqtt",
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
