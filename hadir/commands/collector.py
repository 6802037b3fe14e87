"""`hadir collector run`: the collector by itself, as in production."""

from __future__ import annotations

import argparse
import signal

from hadir.settings import Settings
from hadir.stopping import stop_at

NAME = "collector"
HELP = "take readings from the broker into store and record"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    words = parser.add_subparsers(dest="word", required=True, metavar="run")
    words.add_parser("run", help="until it is stopped by SIGTERM or Ctrl-C")


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    from hadir.composition import run_collector

    stop = stop_at(signal.SIGTERM, signal.SIGINT)
    run_collector(settings, stop)
    return 0
