"""`hadir bridge run`: the serial sensors of one gateway to the broker."""

from __future__ import annotations

import argparse
import re
import signal

from hadir.settings import Settings
from presence.errors import BadInput

HELP = "read the ports of a gateway until it is stopped"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--gateway", required=True, metavar="ID", help="which gateway of the site this host is")
    parser.add_argument(
        "--site", metavar="FILE", help="take the ports from this site file; default: what the broker keeps for ID"
    )
    when = parser.add_mutually_exclusive_group()
    when.add_argument(
        "--clock",
        choices=("auto", "dated", "ages"),
        default="auto",
        help="dated: this host's date is right and goes with readings; ages: it is wrong after a power cut (no clock "
        "chip, no NTP), so that ages go with them; auto (default): as this host's kernel says",
    )
    when.add_argument("--no-clock", dest="clock", action="store_const", const="ages", help="the same as --clock ages")
    parser.add_argument(
        "--queue-size",
        type=size,
        default="2GiB",
        metavar="SIZE",
        help="what waits for the broker at most, from 16MiB on; when it is full the oldest is lost; default 2GiB",
    )


_SIZE = re.compile(r"(\d{1,9}) ?([KMGT])i?B?", re.IGNORECASE)
_SMALLEST = 16 * 1024**2


def size(text: str) -> int:
    """Bytes of `500MiB`. Raises ArgumentTypeError."""
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        raise argparse.ArgumentTypeError(f'"{text}" is no size; write 16MiB or more, as 500MiB or 2GiB')
    count: int = int(found[1]) * 1024 ** (1 + "KMGT".index(found[2].upper()))
    if count < _SMALLEST:
        raise argparse.ArgumentTypeError(f'"{text}" is too small; write 16MiB or more')
    return count


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    from firmware_bridge.bridge import run_bridge
    from hadir.gateways import from_site_file
    from hadir.stopping import stop_at

    try:
        settings.data.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        problem = f"cannot be the data directory: {error.strerror}"
        raise BadInput(str(settings.data), problem, remedy="name a folder that can be written, with --data") from None
    fixed = from_site_file(arguments.site, arguments.gateway) if arguments.site else None
    run_bridge(
        gateway=arguments.gateway,
        address=settings.broker_address(),
        data=settings.data,
        stop=stop_at(signal.SIGTERM, signal.SIGINT),
        settings=fixed,
        clock=arguments.clock,
        queue_bytes=arguments.queue_size,
    )
    return 0
