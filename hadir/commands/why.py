"""`hadir why`: why an outlet had an alert at an instant, or had none, from the record."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, cast, get_args

from hadir.output import json_line
from hadir.settings import Settings
from presence.errors import BadInput
from presence.instants import parse_instant
from presence.site import AlertKind

if TYPE_CHECKING:
    from presence.alerts.texts import Language
    from storage.record import Record

NAME = "why"
HELP = "why an outlet had an alert at an instant, or had none"

_MARKS = {"passed": "✓", "stopped": "✗", "not_reached": "·"}
_BOLD, _PLAIN = "\x1b[1m", "\x1b[0m"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--outlet", required=True, metavar="ID", help="the outlet")
    parser.add_argument("--at", metavar="TIME", help="2026-11-24T09:58:00+07:00, or today's 09.58; default: now")
    parser.add_argument("--site", metavar="ID", help="its site; needed where the record has several")
    parser.add_argument("--kind", choices=get_args(AlertKind), help="only this kind of alert, with all checks")
    parser.add_argument("--lang", choices=("id", "en"), default="id", help="language of the sentences (%(default)s)")
    parser.add_argument("--json", action="store_true", help="everything as one JSON object")


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    from api.why import explain
    from storage.record import Record
    from storage.record.refusals import NotThere

    with Record.open(settings.record_url(), create=False) as record:
        site = arguments.site or _only_site(record)
        try:
            with record.reading() as connection:
                told = explain(
                    connection,
                    site,
                    arguments.outlet,
                    at=arguments.at,
                    kind=arguments.kind,
                    now_ms=time.time_ns() // 1_000_000,
                )
        except NotThere as error:
            problem, _, remedy = str(error).partition("; ")
            raise BadInput("hadir why", problem, remedy=remedy or None) from None
        except ValueError as error:
            problem, _, remedy = str(error).partition("; ")
            raise BadInput("--at", problem, remedy=remedy or None) from None
    if arguments.json:
        print(json_line(told))
    else:
        lines = _lines(told, arguments.lang, whole=arguments.kind is not None, bold=sys.stdout.isatty())
        print("\n".join(lines))
    return 0


def _only_site(record: Record) -> str:
    from storage.record.registry import site_ids

    with record.reading() as connection:
        known = site_ids(connection)
    if not known:
        raise BadInput("--site", "the record has no site yet", remedy="apply one with `hadir site apply`")
    if len(known) > 1:
        raise BadInput("--site", "the record has several sites", remedy=f"name one of {', '.join(known)}")
    return known[0]


def _lines(told: dict[str, Any], language: Language, *, whole: bool, bold: bool) -> Iterator[str]:
    """The kinds about people check by check, the technical ones in a line each unless `whole`."""
    from presence.alerts.subjects import group_of
    from presence.alerts.why_words import instant_text

    yield f"{told['outlet']}, {instant_text(parse_instant(told['at']), told['timezone'], language)}"
    for kind in told["kinds"]:
        subject = next(kind[name] for name in ("outlet", "duty", "sensor", "gateway", "site") if name in kind)
        name = "" if subject == told["outlet"] else f"{subject}: "
        full = whole or group_of(cast(AlertKind, kind["kind"])) == "people"
        if full:
            yield ""
        yield f"{name}{kind['text'][language]}"
        if full:
            yield from _checks(kind, language, bold=bold)
        yield from (f"  ! {note['text'][language]}" for note in kind["notes"])


def _checks(kind: dict[str, Any], language: Language, *, bold: bool) -> Iterator[str]:
    for check in kind["checks"]:
        line = f"  {_MARKS[check['result']]} {check['text'][language]}"
        yield f"{_BOLD}{line}{_PLAIN}" if bold and check["result"] == "stopped" else line
