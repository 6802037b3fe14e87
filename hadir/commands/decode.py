"""`hadir decode`: what sensors say, decoded by hand, in the words of `hadir.commands.decode_words`."""

from __future__ import annotations

import argparse

from hadir.commands.decode_words import WORDS, load
from hadir.settings import Settings

NAME = "decode"
HELP = "bytes and messages of sensors in, readings out; commands to bytes and replies to words"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    kinds = parser.add_subparsers(dest="kind", metavar="KIND", required=True)
    for name in WORDS:
        word = load(name)
        word.add_arguments(kinds.add_parser(name, help=word.HELP, description=word.HELP))


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    return load(arguments.kind).run(arguments, settings)
