"""`hadir dead-letter list|retry`: messages that could not be used, and another try of them."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from hadir.output import json_line, table
from hadir.settings import Settings
from presence.errors import BadInput
from presence.foreign_text import printable
from presence.instants import rfc3339, rfc3339_or_none

if TYPE_CHECKING:
    from hadir.retrying import Outcome
    from storage.record.aside import Letter

NAME = "dead-letter"
HELP = "messages that could not be used: list them, try them again"

_WHERE = "hadir dead-letter retry"
_ID_SHOWN = 12
_WIDEST = 60


def add_arguments(parser: argparse.ArgumentParser) -> None:
    words = parser.add_subparsers(dest="word", required=True, metavar="list|retry")
    listing = words.add_parser("list", help="what could not be used, and why; those that are alike in one line")
    listing.add_argument("--json", action="store_true", help="one JSON object a line, with the payload")
    retry = words.add_parser("retry", help="have the collector try letters again, and say what became of them")
    retry.add_argument("ids", nargs="*", metavar="ID", help="as `hadir dead-letter list` names it, or its beginning")
    retry.add_argument("--all", action="store_true", help="all that can be tried again")


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    if arguments.word == "list":
        return _list(settings, as_json=arguments.json)
    if bool(arguments.ids) == arguments.all:
        problem = "names letters and --all" if arguments.all else "names no letter"
        raise BadInput(_WHERE, problem, remedy="give IDs, or --all")
    return _retry(arguments.ids, settings)


# list


def _list(settings: Settings, *, as_json: bool) -> int:
    from storage.record import Record
    from storage.record.aside import letters

    with Record.open(settings.record_url(), create=False) as record, record.reading() as connection:
        kept = letters(connection)
    if as_json:
        for letter in kept:
            print(json_line(_line(letter)))
    elif kept:
        print(table(["id", "times", "last", "bytes", "topic", "why"], map(_row, kept)))
    else:
        print("there is no dead letter")
    return 0


def _line(letter: Letter) -> dict[str, Any]:
    """`topic` and `payload` as `hadir decode mqtt --batch` takes them."""
    try:
        payload: str | dict[str, str] = letter.payload.decode()
    except UnicodeDecodeError:
        payload = {"hex": letter.payload.hex()}
    return {
        "id": letter.id,
        "topic": letter.topic,
        "payload": payload,
        "retain": letter.retain,
        "why": letter.why,
        "first": rfc3339(letter.first_ms),
        "last": rfc3339(letter.last_ms),
        "count": letter.times,
        "whole": letter.whole,
        "retry": rfc3339_or_none(letter.retry_ms),
    }


def _row(letter: Letter) -> tuple[object, ...]:
    size = f"{len(letter.payload):,}{'' if letter.whole else '+'}"
    why = letter.why if letter.retry_ms is None else f"(to be tried again) {letter.why}"
    return letter.id[:_ID_SHOWN], letter.times, rfc3339(letter.last_ms), size, _short(letter.topic), _short(why)


def _short(text: str) -> str:
    text = printable(text)
    return text if len(text) <= _WIDEST else text[: _WIDEST - 1] + "…"


# retry


def _retry(named: Sequence[str], settings: Settings) -> int:
    from hadir.composition import now_ms, pace_ms
    from hadir.retrying import outcome
    from storage.record import Record
    from storage.record.aside import ask_retry, letters

    with Record.open(settings.record_url(), create=False) as record:
        with record.reading() as connection:
            kept = {letter.id: letter for letter in letters(connection)}
        chosen = [_letter(name, kept) for name in named] or [letter for letter in kept.values() if letter.whole]
        with record.writing() as connection:
            asked = ask_retry(connection, dict.fromkeys(letter.id for letter in chosen), now_ms())
        cut = len(kept) - len(asked) if not named else 0
        if cut:
            print(f"{cut:,} are too large to be kept whole, and cannot be tried again")
        if not asked:
            print("there is no dead letter to try again")
            return 0
        _print_outcome(found := outcome(record, asked, pace_ms, time.sleep), kept)
    return 1 if found.refused else 0


def _letter(name: str, kept: dict[str, Letter]) -> Letter:
    """The letter whose id is, or begins with, `name`. Raises BadInput."""
    found = [letter for letter in kept.values() if letter.id.startswith(name.lower())]
    shown = printable(name)
    if not name or not found:
        raise BadInput(_WHERE, f'no dead letter "{shown}"', remedy="see `hadir dead-letter list`")
    if len(found) > 1:
        raise BadInput(_WHERE, f'"{shown}" is the beginning of {len(found)} letters', remedy="write more of the id")
    if not found[0].whole:
        problem = f"{found[0].id[:_ID_SHOWN]} is not kept whole, and cannot be tried again"
        raise BadInput(_WHERE, problem, remedy="have the device send it once more")
    return found[0]


def _print_outcome(found: Outcome, kept: dict[str, Letter]) -> None:
    if found.understood:
        print(f"understood: {len(found.understood):,}")
    if found.refused:
        print(f"still not understood: {len(found.refused):,}")
    for letter, why in found.refused.items():
        print(f"  {letter[:_ID_SHOWN]}  {_short(kept[letter].topic)}: {printable(why)}")
    if found.waiting:
        print(f"no collector runs, or it is very busy: {len(found.waiting):,} are tried at its next start")
