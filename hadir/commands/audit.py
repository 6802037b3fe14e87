"""`hadir audit verify`: whether the audit log is whole."""

from __future__ import annotations

import argparse
import sys

from hadir.output import json_line
from hadir.settings import Settings

NAME = "audit"
HELP = "check that nothing in the audit log was changed or taken out"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    words = parser.add_subparsers(dest="word", required=True, metavar="verify")
    verify = words.add_parser("verify", help="compute the chain of hashes anew")
    verify.add_argument("--json", action="store_true", help="the answer as one JSON object")


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    from storage.record import Record, audit

    with Record.open(settings.record_url(), create=False) as record, record.reading() as connection:
        found = audit.verify(connection)
    whole = isinstance(found, int)
    if arguments.json:
        print(
            json_line({"whole": True, "rows": found} if isinstance(found, int) else {"whole": False, **found._asdict()})
        )
    elif isinstance(found, int):
        print(f"the audit log is whole: {found:,} rows")
    else:
        print(f"the audit log was tampered with: row {found.row}: {found.problem}", file=sys.stderr)
    return 0 if whole else 1
