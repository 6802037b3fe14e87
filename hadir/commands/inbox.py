"""`hadir inbox list|claim`: devices that nobody claimed, and how one of them becomes a sensor."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any, get_args

from hadir.output import json_line, table
from hadir.settings import Settings
from presence.errors import BadInput
from presence.foreign_text import printable
from presence.instants import rfc3339
from presence.quantities import quantity
from presence.site import SensorKind, ZoneName

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from presence.site import Sensor, Site
    from storage.record.aside import Waiting

NAME = "inbox"
HELP = "devices that nobody claimed: list them, make sensors of them"

_WIDEST = 48


def add_arguments(parser: argparse.ArgumentParser) -> None:
    words = parser.add_subparsers(dest="word", required=True, metavar="list|claim")
    listing = words.add_parser("list", help="the devices that send readings and are nobody's sensor")
    listing.add_argument("--json", action="store_true", help="one JSON object a line")
    # --heartbeat is here the sensor's own, and not the setting of the engine.
    claim = words.add_parser("claim", conflict_handler="resolve", help="make a device a sensor of an outlet")
    claim.add_argument("device", metavar="DEVICE", help="as `hadir inbox list` names it")
    claim.add_argument("--outlet", required=True, metavar="[SITE/]OUTLET", help="where it stands")
    claim.add_argument("--zone", required=True, choices=get_args(ZoneName), help="the side that it watches")
    claim.add_argument("--convention", metavar="C", help="needed where two conventions have a device of that name")
    claim.add_argument("--kind", choices=get_args(SensorKind), default="direct", help="what it is (%(default)s)")
    claim.add_argument("--sensor", metavar="ID", help="the sensor's id; default: made from the device's name")
    claim.add_argument("--presence", metavar="KEY", help="the key or object that tells presence, where it has several")
    claim.add_argument("--part", metavar="P", help="which part of it, where one device is several sensors")
    claim.add_argument("--profile", metavar="P", help="the payload profile of its model")
    claim.add_argument("--heartbeat", metavar="D", help="how often it reports at least, such as 30s or 1h")
    claim.add_argument("--stale-after", metavar="D", help="how long one report is taken for the present")
    claim.add_argument("--dry-run", action="store_true", help="only print what would change")


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    if arguments.word == "list":
        return _list(settings, as_json=arguments.json)
    return _claim(arguments, settings)


# list


def _list(settings: Settings, *, as_json: bool) -> int:
    from storage.record import Record
    from storage.record.aside import inbox

    with Record.open(settings.record_url(), create=False) as record, record.reading() as connection:
        waiting = inbox(connection)
    if as_json:
        for one in waiting:
            print(json_line(_line(one)))
    elif waiting:
        print(table(["device", "convention", "site", "seems", "heard", "last", "messages"], map(_row, waiting)))
    else:
        print("no device waits in the inbox")
    return 0


def _line(one: Waiting) -> dict[str, Any]:
    return {
        "device": one.device,
        "convention": one.convention,
        "site": one.site or None,
        "topic": one.topic,
        "seems": one.seems,
        "values": {name: _plain(name, value) for name, value in one.values.items()},
        "first": rfc3339(one.first_ms),
        "last": rfc3339(one.last_ms),
        "messages": one.messages,
    }


def _plain(name: str, value: float | None) -> bool | float | None:
    """What is no quantity is a key of presence."""
    known = quantity(name)
    return value if value is None or (known is not None and not known.truth) else bool(value)


def _row(one: Waiting) -> tuple[object, ...]:
    return (
        printable(one.device),
        one.convention,
        one.site,
        _short(one.seems or ""),
        _short(_heard(one)),
        rfc3339(one.last_ms),
        one.messages,
    )


def _heard(one: Waiting) -> str:
    """The keys of presence first: they are what somebody looks for."""
    said = {name: _plain(name, value) for name, value in one.values.items()}
    ordered = sorted(said, key=lambda name: name not in one.presences)
    return ", ".join(f"{name} {_word(said[name])}" for name in ordered)


def _word(value: bool | float | None) -> str:
    if value is None:
        return "unknown"
    return str(value).lower() if isinstance(value, bool) else f"{value:g}"


def _short(text: str) -> str:
    text = printable(text)
    return text if len(text) <= _WIDEST else text[: _WIDEST - 1] + "…"


# claim


def _claim(arguments: argparse.Namespace, settings: Settings) -> int:
    from hadir.claiming import Wanted, device_named, with_sensor
    from hadir.composition import now_ms
    from presence.site_inactive import inactive
    from storage.record import Record
    from storage.record.aside import forget_unclaimed, inbox
    from storage.record.registry import apply, plan

    wanted = Wanted(**{name: getattr(arguments, name) for name in Wanted._fields})
    site_id, _, outlet_id = arguments.outlet.rpartition("/")
    with (
        Record.open(settings.record_url(), create=False) as record,
        record.reading() if arguments.dry_run else record.writing() as connection,
    ):
        waiting = [one for one in inbox(connection) if not site_id or one.site in ("", site_id)]
        device = device_named(waiting, arguments.device, arguments.convention)
        stored = _site(connection, site_id or device.site, outlet_id)
        target, sensor = with_sensor(stored, outlet_id, device, wanted)
        if arguments.dry_run:
            changes = plan(stored, target, prune=False)
        else:
            changes = apply(connection, target, prune=False, now_ms=now_ms())
            forget_unclaimed(connection, device.site, device.convention, device.device)
    for change in changes:
        print(printable(str(change)))
    count = f"{len(changes):,} change{'' if len(changes) == 1 else 's'}"
    print(f"{target.id}: {count}{', nothing written (--dry-run)' if arguments.dry_run else ''}")
    without = set(inactive(stored))
    for sentence in (sentence for sentence in inactive(target) if sentence not in without):
        print(f"Without effect as it stands: {printable(sentence)}")
    _print_unheard(device, arguments.part or arguments.presence)
    _print_what_next(sensor, outlet_id)
    return 0


def _site(connection: Connection, site_id: str, outlet_id: str) -> Site:
    """The site of that id, else the one that has the outlet, else the only one. Raises BadInput."""
    from presence.site_values import did_you_mean
    from storage.record.registry import load_site, site_ids

    known = site_ids(connection)
    if not known:
        remedy = "apply one with `hadir site apply`"
        raise BadInput("hadir inbox claim", "the record has no site yet", field="--outlet", remedy=remedy)
    if site_id and site_id not in known:
        problem = f'no site "{printable(site_id)}"'
        raise BadInput("hadir inbox claim", problem, field="--outlet", remedy=did_you_mean(site_id, known))
    sites = [site for name in ([site_id] if site_id else known) if (site := load_site(connection, name)) is not None]
    having = [site for site in sites if any(outlet.id == outlet_id for outlet in site.outlets)]
    if len(having) == 1 or len(sites) == 1:
        return (having or sites)[0]
    names = ", ".join(f"{site.id}/{outlet_id}" for site in having)
    problem = f'several sites have an outlet "{outlet_id}"' if having else f'no site has an outlet "{outlet_id}"'
    remedy = f"write one of {names}" if having else f"write SITE/OUTLET, SITE one of {', '.join(known)}"
    raise BadInput("hadir inbox claim", printable(problem), field="--outlet", remedy=printable(remedy))


def _print_unheard(device: Waiting, key: str | None) -> None:
    """A key that was not heard may come yet; but it is more often a slip."""
    if key is not None and key not in device.values:
        heard = ", ".join(map(printable, device.presences)) or "none"
        print(f'"{printable(key)}" was not heard of it yet; of presence were heard: {heard}', file=sys.stderr)
    elif not device.presences:
        print("it has not spoken of presence yet: until it does, it is unknown", file=sys.stderr)


def _print_what_next(sensor: Sensor, outlet_id: str) -> None:
    from presence.site_file import dump_sensor

    print(f"Write it into the site file too, below `sensors:` of outlet {outlet_id}; else `hadir site apply --prune`")
    print("takes it out again:")
    print(f"      {dump_sensor(sensor)}")
