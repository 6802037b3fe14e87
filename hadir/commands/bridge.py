"""`hadir bridge`: the serial sensors of one gateway, in the words of `hadir.commands.bridge_words`."""

from __future__ import annotations

import argparse

from hadir.commands.bridge_words import WORDS, load
from hadir.settings import Settings

NAME = "bridge"
HELP = "serial sensors of a gateway to MQTT"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    words = parser.add_subparsers(dest="word", metavar="WORD", required=True)
    for name in WORDS:
        word = load(name)
        word.add_arguments(words.add_parser(name, help=word.HELP, description=word.HELP))


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    return load(arguments.word).run(arguments, settings)
