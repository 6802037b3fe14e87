"""`hadir api run`: the alert engine and the pages, as in production; each alone with `--only`."""

from __future__ import annotations

import argparse
import contextlib
import signal

from hadir.listening import listen, page_address
from hadir.settings import OIDC, Settings, add_flags
from hadir.stopping import stop_at

NAME = "api"
HELP = "serve the pages and watch for alerts"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    words = parser.add_subparsers(dest="word", required=True, metavar="run")
    work = words.add_parser("run", help="until it is stopped by SIGTERM or Ctrl-C")
    work.add_argument("--only", choices=("web", "engine"), help="the pages alone, or the alerts alone")
    add_flags(work, "host", "port", *OIDC)


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    from hadir.composition import run_engine, run_web, run_web_and_engine

    if arguments.only == "engine":
        run_engine(settings, stop_at(signal.SIGTERM, signal.SIGINT))
        return 0
    with contextlib.closing(listen(settings.host, settings.port)) as pages:
        stop = stop_at(signal.SIGTERM, signal.SIGINT)
        print(f"pages: {page_address(settings.host, pages.getsockname()[1])}", flush=True)
        (run_web if arguments.only == "web" else run_web_and_engine)(settings, pages, stop)
    return 0
