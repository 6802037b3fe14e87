"""docs/bridge-tools.md: every command in it is one, and the examples print what stands there."""

from __future__ import annotations

import argparse
import os
import re
import shlex
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from hadir.commands import load
from hadir.commands.bridge_words import WORDS
from tests.fixtures.hadir_command import HADIR, eventually

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "docs" / "bridge-tools.md").read_text(encoding="utf-8")
SELF_DESCRIBED = {"run", "send"}  # each has a page of its own


def commands() -> list[str]:
    return re.findall(r"^(?:    )?(hadir bridge .+)$", TEXT, re.MULTILINE)


def examples() -> Iterator[tuple[str, list[str]]]:
    for command, shown in re.findall(r"```sh\n([^\n]+)\n```\n```\n(.*?)```\n", TEXT, re.DOTALL):
        yield command, shown.splitlines()


@pytest.mark.parametrize("command", commands())
def test_each_command_of_the_page_is_understood(command: str) -> None:
    parser = argparse.ArgumentParser(exit_on_error=False)
    load("bridge").add_arguments(parser)
    _, _, *words = shlex.split(command)
    assert parser.parse_args(words).word == words[0]


def test_the_page_has_every_word() -> None:
    assert {command.split()[2] for command in commands()} == set(WORDS) - SELF_DESCRIBED


def test_the_examples_print_what_the_page_says(tmp_path: Path) -> None:
    environment = {"PATH": f"{HADIR.parent}:{os.environ['PATH']}", "HOME": str(tmp_path)}
    (emulate, ports), *others = examples()
    assert len(others) == 5
    emulated = subprocess.Popen(
        ["sh", "-c", f"exec {emulate}"], cwd=tmp_path, env=environment, stdout=subprocess.DEVNULL
    )
    try:
        eventually(lambda: all((tmp_path / port).is_symlink() for port in ports))
        for command, shown in others:
            ran = subprocess.run(
                ["sh", "-euc", command], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60
            )
            assert ran.returncode == 0, ran.stderr
            printed = ran.stdout.splitlines()
            for line in shown:
                wanted = ".*".join(map(re.escape, line.split("…")))
                assert any(re.fullmatch(wanted, each) for each in printed), (line, ran.stdout[:2000])
    finally:
        emulated.send_signal(signal.SIGINT)
        assert emulated.wait(30) == 0
