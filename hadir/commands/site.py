"""`hadir site check|apply|export`: a site file checked, taken over into the record, written out of it."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hadir.settings import Settings
from presence.errors import BadInput
from presence.site import SLUG

if TYPE_CHECKING:
    from presence.site import Site
    from presence.site_file import ReadSite

NAME = "site"
HELP = "check a site file, apply it, or write one out"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    words = parser.add_subparsers(dest="word", required=True, metavar="check|apply|export")

    check = words.add_parser("check", help="tell all that is wrong with a site file, and what of it does not act yet")
    check.add_argument("file", metavar="FILE", type=Path, nargs="?", help="the site file")
    check.add_argument("--json", action="store_true", help="the answer as one JSON object")
    check.add_argument("--schema", action="store_true", help="print the JSON Schema of site files instead")

    apply = words.add_parser("apply", help="take a site file over into the record and print what changed")
    apply.add_argument("file", metavar="FILE", type=Path, help="the site file")
    apply.add_argument("--dry-run", action="store_true", help="only print what would change")
    apply.add_argument(
        "--prune",
        action="store_true",
        help="also remove what the file does not name; never what people declared, nor any history",
    )

    export = words.add_parser("export", help="write a site of the record as a site file")
    export.add_argument(
        "names",
        metavar="[SITE] [FILE]",
        nargs="*",
        help="which site, where the record has several; the file to write, else standard output",
    )


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    match arguments.word:
        case "check":
            return _check(arguments)
        case "apply":
            return _apply(arguments, settings)
        case _:
            return _export(arguments, settings)


def read_site_file(path: Path) -> str:
    """The text of a site file. Raises BadInput when it cannot be read as text."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        line = path.read_bytes().count(b"\n", 0, error.start) + 1
        raise BadInput(str(path), "is not UTF-8 text", line=line, remedy="save it as UTF-8") from error
    except OSError as error:
        raise BadInput(str(path), f"cannot be read: {error.strerror}", remedy="name a site file (YAML)") from error


def _check(arguments: argparse.Namespace) -> int:
    from hadir.site_sources import read_served_site
    from presence.site_file import SiteFileErrors, inactive, json_schema

    if arguments.schema:
        print(json.dumps(json_schema(), indent=2, ensure_ascii=False))
        return 0
    if arguments.file is None:
        raise BadInput("hadir site check", "names no file", remedy="write `hadir site check FILE`")
    path: Path = arguments.file
    text = read_site_file(path)
    try:
        read = read_served_site(text, str(path))
    except SiteFileErrors as errors:
        if not arguments.json:
            raise
        print(_json({"file": str(path), "right": False, "problems": [_problem(error) for error in errors.problems]}))
        return 2
    site, kept, warnings = read.site, inactive(read.site), _warnings(read, path)
    if arguments.json:
        answer = {
            "file": str(path), "right": True, "problems": [], "site": site.id, **_counts(site), "inactive": kept,
            "warnings": [_problem(warning) for warning in warnings],
        }  # fmt: skip
        print(_json(answer))
        return 0
    print(f"{path}: {_counted(site)}: right")
    _print_inactive(kept)
    _print_warnings(warnings)
    return 0


def _warnings(read: ReadSite, path: Path) -> list[BadInput]:
    """What is hardly meant in the hours of a right file, with its line."""
    from hadir.composition import now_ms
    from presence.hours_lint import hours_warnings

    found = [
        BadInput(str(path), warning.says, line=read.lines[warning.path], field=warning.path)
        for warning in hours_warnings(read.site, now_ms())
    ]
    return sorted(found, key=lambda warning: warning.line or 0)


def _problem(error: BadInput) -> dict[str, Any]:
    problem = error.problem if error.remedy is None else f"{error.problem}; {error.remedy}"
    return {"line": error.line, "field": error.field, "problem": problem}


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _counts(site: Site) -> dict[str, int]:
    return {
        "outlets": len(site.outlets),
        "agencies": len(site.agencies),
        "sensors": sum(len(outlet.sensors) for outlet in site.outlets),
        "gateways": len(site.gateways),
        "duties": len(site.duties),
    }


_ONE = {"outlets": "outlet", "agencies": "agency", "sensors": "sensor", "gateways": "gateway", "duties": "duty"}


def _counted(site: Site) -> str:
    return ", ".join(f"{count:,} {_ONE[name] if count == 1 else name}" for name, count in _counts(site).items())


def _print_inactive(sentences: list[str]) -> None:
    if sentences:
        print("Without effect as it stands:")
    for sentence in sentences:
        print(f"  {sentence}")


def _print_warnings(warnings: list[BadInput]) -> None:
    if warnings:
        print("Service hours to look at:")
    for warning in warnings:
        print(f"  {warning}")


def _apply(arguments: argparse.Namespace, settings: Settings) -> int:
    from hadir.composition import now_ms
    from hadir.site_sources import read_served_site
    from presence.site_file import inactive
    from storage.record import Record
    from storage.record.registry import EVER, apply, load_site, plan

    read = read_served_site(read_site_file(arguments.file), str(arguments.file))
    wanted = read.site
    url = settings.record_url()
    stored = None
    if not arguments.dry_run:
        with Record.open(url) as record, record.writing() as connection:
            stored = load_site(connection, wanted.id, declared_from_ms=EVER)
            changes = apply(connection, wanted, prune=arguments.prune, now_ms=now_ms())
    else:
        if Record.exists(url):
            with Record.open(url) as record, record.reading() as connection:
                stored = load_site(connection, wanted.id, declared_from_ms=EVER)
        changes = plan(stored, wanted, prune=arguments.prune)
    for change in changes:
        print(change)
    unsaid = [change for change in plan(stored, wanted, prune=True) if change.action == "remove"]
    if unsaid and not arguments.prune:
        names = ", ".join(f"{change.kind} {change.id}" for change in unsaid)
        print(f"kept, though not in the file: {names} (--prune removes what is not in it)")
    count = f"{len(changes):,} change{'' if len(changes) == 1 else 's'}" if changes else "nothing to change"
    print(f"{wanted.id}: {count}{', nothing written (--dry-run)' if changes and arguments.dry_run else ''}")
    if changes:
        _print_inactive(inactive(wanted))
        _print_warnings(_warnings(read, arguments.file))
    return 0


def _export(arguments: argparse.Namespace, settings: Settings) -> int:
    from presence.site_file import dump_site
    from storage.record import Record
    from storage.record.registry import EVER, load_site, site_ids

    wanted, to = _site_and_file(arguments.names)
    with Record.open(settings.record_url(), create=False) as record, record.reading() as connection:
        known = site_ids(connection)
        if wanted is None and len(known) == 1:
            wanted = known[0]
        site = None if wanted is None else load_site(connection, wanted, declared_from_ms=EVER)
    if site is None:
        found = f'holds no site "{wanted}"' if wanted else "holds several sites" if known else "holds no site"
        remedy = f"name one of {', '.join(known)}" if known else "load one with `hadir site apply FILE`"
        raise BadInput(record.name, found, remedy=remedy)
    text = dump_site(site)
    if to is None:
        sys.stdout.write(text)
        return 0
    _write(to, text)
    print(f"{to}: {_counted(site)}")
    return 0


def _site_and_file(names: list[str]) -> tuple[str | None, Path | None]:
    """One name alone is a site when it looks like an id, else a file; `-` is standard output."""
    if len(names) > 2:
        raise BadInput("hadir site export", "takes a site and a file", remedy="leave the other words out")
    if len(names) == 1:
        names = [*names, "-"] if SLUG.fullmatch(names[0]) else ["", *names]
    site, file = names or ["", "-"]
    return site or None, None if file == "-" else Path(file)


def _write(path: Path, text: str) -> None:
    """Whole or not at all."""
    handle, unfinished = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with open(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(unfinished, 0o644)
        os.replace(unfinished, path)
    except OSError:
        os.unlink(unfinished)
        raise
