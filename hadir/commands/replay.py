"""`hadir replay`: what happened, in event time, as JSON lines; no server needed."""

from __future__ import annotations

import argparse
import difflib
import gc
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from hadir.settings import Settings
from hadir.text_files import lines_of
from presence.errors import BadInput
from presence.instants import parse_instant

if TYPE_CHECKING:
    from presence.readings import Reading
    from presence.site import Site

NAME = "replay"
HELP = "what happened: intervals, alerts and ledger of a readings CSV, as JSON lines"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--site", required=True, metavar="FILE", help="the site file (YAML)")
    parser.add_argument(
        "--readings", required=True, metavar="CSV", help="time,sensor,quantity,value; .gz, or - for stdin"
    )
    parser.add_argument("--from", dest="from_", metavar="TIME", help="begin here; default: the first reading")
    parser.add_argument("--to", metavar="TIME", help="end here, exclusive; default: the last reading")


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    from hadir.commands.site import read_site_file
    from hadir.output import json_line, progress
    from presence.intervals import Span
    from presence.pipeline import replay
    from presence.readings_csv import read_csv
    from presence.site_file import parse_site

    # Nothing here is cyclic, and to look through a million readings again and again costs a third of the time.
    gc.disable()
    site = parse_site(read_site_file(Path(arguments.site)), arguments.site)
    with lines_of(arguments.readings) as lines:
        found = read_csv(progress(lines, f"{arguments.readings}: rows"), arguments.readings)
    for name, rows in found.unknown.items():
        print(f'{arguments.readings}: no quantity "{name}" is known; its {rows} rows are left out', file=sys.stderr)
    for notice in _unclaimed(site, found.readings, arguments.readings):
        print(notice, file=sys.stderr)
    start_ms = instant("--from", arguments.from_, found.first_ms)
    end_ms = instant("--to", arguments.to, found.last_ms)
    if start_ms is None or end_ms is None:
        raise BadInput(
            arguments.readings, "holds no readings", remedy="name a time with --from and --to, or another file"
        )
    if end_ms < start_ms:
        raise BadInput("--to", "lies before --from", remedy="exchange the two")
    for line in replay(site, found.readings, Span(start_ms, end_ms)).lines():
        print(json_line(line))
    return 0


def _unclaimed(site: Site, readings: Iterable[Reading], source: str) -> Iterator[str]:
    """What is said of sensors that the site does not know: their readings count for nothing."""
    known = [sensor.id for outlet in site.outlets for sensor in outlet.sensors]
    gateways = [gateway.id for gateway in site.gateways]
    for name, count in sorted(Counter(reading.sensor for reading in readings).items()):
        if name not in known and name not in gateways:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f'; did you mean "{close[0]}"?' if close else ""
            yield f'{source}: no sensor "{name}" is in the site file; its {count} readings count for nothing{hint}'


def instant(flag: str, text: str | None, default: int | None) -> int | None:
    """The instant that was given, or `default`. Raises BadInput naming the flag."""
    if text is None:
        return default
    try:
        return parse_instant(text)
    except ValueError as error:
        problem, _, remedy = str(error).partition("; ")
        raise BadInput(flag, problem, remedy=remedy or None) from None
