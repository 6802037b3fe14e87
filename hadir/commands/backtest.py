"""`hadir backtest`: other rules or hours on stored history: what the alerts would have been, beside what they were."""

from __future__ import annotations

import argparse
import csv
import gc
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hadir.settings import Settings
from presence.errors import BadInput

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from presence.backtest import Recorded, SweepPoint
    from presence.hours_history import Hours
    from presence.intervals import Span
    from presence.obligations import Obligations
    from presence.pipeline import Lines
    from presence.rule_changes import RuleChange, Sweep
    from presence.site import Site

NAME = "backtest"
HELP = "other rules or hours on stored history: what the alerts would have been, beside what they were"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--site",
        metavar="FILE",
        help="the site as it would be (YAML): other rules, hours, duties; default: as it is in the record",
    )
    parser.add_argument("--from", dest="from_", metavar="TIME", help="begin here; default: where the history begins")
    parser.add_argument("--to", metavar="TIME", help="end here, exclusive; default: as far as the collector has come")
    parser.add_argument(
        "--rule",
        action="append",
        default=[],
        metavar="KIND.KEY=VALUE",
        help="set a rule for all outlets, such as vacancy.after=5m or vacancy=off; may be repeated",
    )
    parser.add_argument(
        "--sweep", metavar="KIND.KEY=A..B[:STEP]", help="count the alerts at each value, such as vacancy.after=1m..30m"
    )
    parser.add_argument("--csv", metavar="FILE", type=Path, help="write the numbers of the sweep to this file as well")
    parser.add_argument("--json", action="store_true", help="JSON lines in place of a table")


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    from presence.backtest import around, around_sweep
    from presence.rule_changes import parse_rule, parse_sweep
    from storage.record import Record

    # Nothing here is cyclic, and to look through a million intervals again and again costs a third of the time.
    gc.disable()
    changes = [parse_rule(text) for text in arguments.rule]
    sweep = None if arguments.sweep is None else parse_sweep(arguments.sweep)
    if arguments.csv is not None and sweep is None:
        raise BadInput("--csv", "holds the numbers of a sweep", remedy="name one with --sweep, or use --json")
    if arguments.csv is not None and not arguments.csv.absolute().parent.is_dir():
        raise BadInput(str(arguments.csv), "its folder is not there", remedy="make it, or name another file")
    with Record.open(settings.record_url(), create=False) as record, record.reading() as connection:
        site, hours = _site(connection, arguments.site, changes)
        first_ms, until_ms = _history(connection, site)
        horizon = _horizon(arguments, site, first_ms, until_ms)
        reach = around(site, horizon) if sweep is None else around_sweep(site, sweep, horizon)
        past = _past(connection, site, hours, horizon, reach, first_ms, until_ms)
    return _compare(arguments, past) if sweep is None else _sweep(arguments, past, sweep)


@dataclass(frozen=True, slots=True)
class _Past:
    """What the record knows, and the site by which it is judged. `judged` reaches over `horizon` on both sides."""

    site: Site
    horizon: Span
    judged: Span
    lines: Lines
    obligations: Obligations
    record: Sequence[Recorded]


def _site(connection: Connection, file: str | None, changes: Iterable[RuleChange]) -> tuple[Site, dict[str, Hours]]:
    """The site as it would be, and the hours to which its outlets would have been held.

    What people declared counts, whatever the file says. Hours that are as in the registry are those of the time; others
    hold for all of it.
    """
    from hadir.commands.site import read_site_file
    from presence.hours_history import hours_by, schedule_of
    from presence.rule_changes import with_rule
    from presence.site_changes import merged
    from presence.site_file import parse_site
    from presence.site_values import did_you_mean
    from storage.record.hours import hours_history
    from storage.record.registry import EVER, load_site, site_ids

    known = site_ids(connection)
    wanted = None if file is None else parse_site(read_site_file(Path(file)), file)
    if wanted is None and len(known) != 1:
        problem = f"knows several sites, {', '.join(known)}" if known else "knows no site"
        raise BadInput("the record", problem, remedy="name a site file with --site FILE, or another --data")
    site_id = known[0] if wanted is None else wanted.id
    stored = load_site(connection, site_id, declared_from_ms=EVER)
    if stored is None:
        remedy = did_you_mean(site_id, known) if known else "name another --data"
        raise BadInput(file or "the record", f'the record knows no site "{site_id}"', remedy=remedy)
    site = stored if wanted is None else merged(stored, wanted, prune=True)
    present = {outlet.id: schedule_of(stored, outlet) for outlet in stored.outlets}
    then = hours_history(connection, stored)
    hours: dict[str, Hours] = {}
    for outlet in site.outlets:
        schedule = schedule_of(site, outlet)
        hours[outlet.id] = then[outlet.id] if present.get(outlet.id) == schedule else hours_by(schedule)
    for change in changes:
        site = with_rule(site, change)
    return site, hours


def _history(connection: Connection, site: Site) -> tuple[int, int]:
    """From when to when the record knows something of the site."""
    from storage.record.intervals import progress
    from storage.record.site_lines import first_of_site

    first_ms, until_ms = first_of_site(connection, site.id), progress(connection, site.id)
    if first_ms is None or until_ms is None or until_ms <= first_ms:
        raise BadInput(
            f"site {site.id}", "the record holds no history of it", remedy="let a collector run, or name another --data"
        )
    return first_ms, until_ms


def _horizon(arguments: argparse.Namespace, site: Site, first_ms: int, until_ms: int) -> Span:
    """The stretch that was asked for, as far as there is history; what is cut off is said."""
    from hadir.commands.replay import instant
    from presence.instants import rfc3339
    from presence.intervals import Span

    start_ms = instant("--from", arguments.from_, first_ms)
    end_ms = instant("--to", arguments.to, until_ms)
    assert start_ms is not None
    assert end_ms is not None
    if end_ms <= start_ms:
        raise BadInput("--to", "lies not after --from", remedy="exchange the two")
    if start_ms >= until_ms:
        raise BadInput("--from", f"the record ends {rfc3339(until_ms)}", remedy="name an earlier time")
    if end_ms <= first_ms:
        raise BadInput("--to", f"the record begins {rfc3339(first_ms)}", remedy="name a later time")
    if start_ms < first_ms:
        _say(f"--from: the history of {site.id} begins {rfc3339(first_ms)}; nothing is known before")
    if end_ms > until_ms:
        _say(f"--to: the history of {site.id} ends {rfc3339(until_ms)}; nothing is known after")
    return Span(max(start_ms, first_ms), min(end_ms, until_ms))


def _say(line: str) -> None:
    print(line, file=sys.stderr)


def _past(
    connection: Connection,
    site: Site,
    hours: dict[str, Hours],
    horizon: Span,
    reach: Span,
    first_ms: int,
    until_ms: int,
) -> _Past:
    from presence.alerts.subjects import subjects
    from presence.backtest import Recorded, recorded_within
    from presence.intervals import Span
    from presence.obligations import Obligations
    from storage.record.alerts import fired_within
    from storage.record.site_lines import read_lines

    judged = Span(max(reach.start_ms, first_ms), min(reach.end_ms, until_ms))
    agency_of = {(subject.kind, subject.id): subject.agency for subject in subjects(site)}
    stored = fired_within(connection, site.id, *horizon)
    record = [
        Recorded(one.alert, agency_of.get((one.alert.kind, one.alert.subject), ""), one.disproved_ms) for one in stored
    ]
    return _Past(
        site,
        horizon,
        judged,
        read_lines(connection, site, first_ms, *judged),
        Obligations(site, hours),
        recorded_within(record, horizon),
    )


def _compare(arguments: argparse.Namespace, past: _Past) -> int:
    from hadir.backtest_text import comparison, json_lines
    from hadir.output import json_line, progress
    from presence.alerts.subjects import subjects
    from presence.backtest import compare, summaries, would_have_been
    from presence.pipeline import ledger_of
    from presence.zones import zones

    site, horizon, end_ms = past.site, past.horizon, past.horizon.end_ms
    every = subjects(site)
    of = progress(every, "backtest: judged", len(every))
    backtest = would_have_been(site, past.lines, past.obligations, past.judged, horizon, of)
    compared = compare(site, backtest, past.record)
    known = {key: past.lines.zone(key, *horizon) for key in zones(site)}
    by_agency = summaries(site, compared, ledger_of(site, known, horizon, past.obligations), end_ms)
    if arguments.json:
        for line in json_lines(site, horizon, compared, by_agency):
            print(json_line(line))
    else:
        print(comparison(site, horizon, compared, by_agency))
    return 0


def _sweep(arguments: argparse.Namespace, past: _Past, sweep: Sweep) -> int:
    from hadir.backtest_text import curve, sweep_json
    from hadir.output import json_line, progress
    from presence.backtest import swept

    site, horizon = past.site, past.horizon
    points = list(
        progress(
            swept(site, sweep, past.lines, past.obligations, past.judged, horizon),
            f"backtest: values of {sweep.name}",
            len(sweep.values_ms),
        )
    )
    if arguments.csv is not None:
        _write(arguments.csv, points)
    if arguments.json:
        for point in points:
            print(json_line(sweep_json(sweep, point)))
    else:
        print(curve(site, horizon, sweep, points, past.record))
    return 0


def _write(file: Path, points: Iterable[SweepPoint]) -> None:
    with file.open("w", encoding="utf-8", newline="") as opened:
        rows = csv.writer(opened, lineterminator="\n")
        rows.writerow(["value_s", "alerts", "alert_minutes"])
        for point in points:
            rows.writerow([point.value_ms / 1000, point.alerts, round(point.standing_ms / 60_000, 3)])
