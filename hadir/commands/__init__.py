"""The commands: each is one module, named here, loaded when it is called.

A module keeps its heavy imports (sqlalchemy, paho, fastapi) inside `run`: `hadir --help` loads them all.
"""

from __future__ import annotations

import argparse
import importlib
from typing import Protocol, cast

from hadir.settings import Settings

COMMANDS: dict[str, str] = {
    "up": "hadir.commands.up",
    "bridge": "hadir.commands.bridge",
    "collector": "hadir.commands.collector",
    "api": "hadir.commands.api",
    "site": "hadir.commands.site",
    "hours": "hadir.commands.hours",
    "decode": "hadir.commands.decode",
    "replay": "hadir.commands.replay",
    "why": "hadir.commands.why",
    "backtest": "hadir.commands.backtest",
    "inbox": "hadir.commands.inbox",
    "dead-letter": "hadir.commands.dead_letter",
    "user": "hadir.commands.user",
    "audit": "hadir.commands.audit",
    "doctor": "hadir.commands.doctor",
}


class Command(Protocol):
    """A command module. `HELP`: one line. Nested words (`site check`) are subparsers that `add_arguments` makes."""

    NAME: str
    HELP: str

    def add_arguments(self, parser: argparse.ArgumentParser) -> None: ...

    def run(self, arguments: argparse.Namespace, settings: Settings) -> int:
        """Do the work; the exit status: 0 done, 1 the work failed, 2 wrong use or bad input."""
        ...


def load(name: str) -> Command:
    return cast(Command, importlib.import_module(COMMANDS[name]))
