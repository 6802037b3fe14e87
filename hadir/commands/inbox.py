"""`hadir inbox list|claim`: devices that nobody claimed, and how one of them becomes a sensor."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any, get_args

from hadir.output import json_line, table
from hadir.settings import Settings
from hadir.source_config import source_config
from presence.errors import BadInput
from presence.foreign_text import printable
from presence.instants import rfc3339
from presence.quantities import quantity
from presence.site import SensorKind, ZoneName

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from hadir.claiming import Device
    from presence.site import Sensor, Site
    from storage.record.aside import Waiting

NAME = "inbox"
HELP = "devices that nobody claimed: list them, make sensors of them"

_WHERE = "hadir inbox claim"
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
    claim.add_argument("--source-config", metavar="JSON", help="the `config` of its source, such as a Shelly input's")
    claim.add_argument("--heartbeat", metavar="D", help="how often it reports at least, such as 30s or 1h")
    claim.add_argument(
        "--stale-after",
        metavar="D",
        help="how long one report is taken for the present; default, without --heartbeat: 1h, on native topics 90s",
    )
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

    if arguments.source_config is not None:
        arguments.source_config = source_config(arguments.source_config, _WHERE)
    wanted = Wanted(**{name: getattr(arguments, name) for name in Wanted._fields})
    site_id, _, outlet_id = arguments.outlet.rpartition("/")
    with (
        Record.open(settings.record_url(), create=False) as record,
        record.reading() if arguments.dry_run else record.writing() as connection,
    ):
        sites = _sites(connection, site_id)
        waiting = [one for one in inbox(connection) if not site_id or one.site in ("", site_id)]
        device = device_named(waiting, sites, arguments.device, arguments.convention)
        stored = _site(sites, site_id or device.site, outlet_id)
        target, sensor = with_sensor(sites, stored, outlet_id, device, wanted)
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
    _print_unheard(device, sensor)
    _print_what_next(sensor, outlet_id)
    return 0


def _sites(connection: Connection, site_id: str) -> list[Site]:
    """All sites of the record. Raises BadInput when `site_id` is none of them."""
    from presence.site_values import did_you_mean
    from storage.record.registry import load_site, site_ids

    known = site_ids(connection)
    if not known:
        raise BadInput(_WHERE, "the record has no site yet", field="--outlet", remedy="apply one: `hadir site apply`")
    if site_id and site_id not in known:
        problem = f'no site "{printable(site_id)}"'
        raise BadInput(_WHERE, problem, field="--outlet", remedy=did_you_mean(site_id, known))
    return [site for name in known if (site := load_site(connection, name, declared_from_ms=None)) is not None]


def _site(sites: Sequence[Site], site_id: str, outlet_id: str) -> Site:
    """The site of that id, else the one that has the outlet, else the only one. Raises BadInput."""
    known = [site.id for site in sites]
    sites = [site for site in sites if site_id in ("", site.id)]
    having = [site for site in sites if any(outlet.id == outlet_id for outlet in site.outlets)]
    if len(having) == 1 or len(sites) == 1:
        return (having or sites)[0]
    names = ", ".join(f"{site.id}/{outlet_id}" for site in having)
    problem = f'several sites have an outlet "{outlet_id}"' if having else f'no site has an outlet "{outlet_id}"'
    remedy = f"write one of {names}" if having else f"write SITE/OUTLET, SITE one of {', '.join(known)}"
    raise BadInput(_WHERE, printable(problem), field="--outlet", remedy=printable(remedy))


def _print_unheard(device: Device, sensor: Sensor) -> None:
    """A key that was not heard may come yet; but it is more often a slip."""
    from collector.claims import key_of

    key = None if sensor.source is None else key_of(sensor.source)
    if device.waiting is None:
        said = "it is a sensor already, and what a claimed device says is not kept in the inbox: see that the name is"
        print(f'{said} one of its own: "{printable(key or "presence")}"', file=sys.stderr)
        return
    heard, presences = device.waiting.values, device.waiting.presences
    names = ", ".join(map(printable, presences)) or "none"
    if key is not None and key not in presences:
        said = "tells no presence" if key in heard else "was not heard of it yet"
        print(f'"{printable(key)}" {said}; of presence were heard: {names}', file=sys.stderr)
    elif not presences:
        print("it has not spoken of presence yet: until it does, it is unknown", file=sys.stderr)
    elif (name := key or "presence") not in presences:
        said = "of the device as a whole no presence was heard yet: until it is, it is unknown; it speaks of"
        print(f"{said} {names}: one of them by --presence or --part?", file=sys.stderr)
    elif heard[name] is None:
        print(
            f'it says of "{printable(name)}" that it is unknown: until it says more, so is the sensor', file=sys.stderr
        )


def _print_what_next(sensor: Sensor, outlet_id: str) -> None:
    from presence.site_file import dump_sensor

    print(f"Write it into the site file too, below `sensors:` of outlet {outlet_id}; else `hadir site apply --prune`")
    print("takes it out again:")
    print(f"      {dump_sensor(sensor)}")
