"""`hadir bridge run`: the serial sensors of one gateway to the broker."""

from __future__ import annotations

import argparse
import signal
from pathlib import Path
from typing import TYPE_CHECKING

from hadir.settings import Settings
from presence.errors import BadInput

if TYPE_CHECKING:
    from presence.gateway_settings import GatewaySettings

HELP = "read the ports of a gateway until it is stopped"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--gateway", required=True, metavar="ID", help="which gateway of the site this host is")
    parser.add_argument(
        "--site", metavar="FILE", help="take the ports from this site file; default: what the broker keeps for ID"
    )
    parser.add_argument(
        "--no-clock",
        action="store_true",
        help="this host's date is wrong after a power cut (no clock chip, no NTP): send ages of readings, not dates",
    )


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    from firmware_bridge.bridge import run_bridge
    from hadir.stopping import stop_at

    fixed = _from_site(arguments.site, arguments.gateway) if arguments.site else None
    run_bridge(
        gateway=arguments.gateway,
        address=settings.broker_address(),
        data=settings.data,
        stop=stop_at(signal.SIGTERM, signal.SIGINT),
        settings=fixed,
        dated=not arguments.no_clock,
    )
    return 0


def _from_site(file: str, gateway: str) -> GatewaySettings:
    import msgspec

    from hadir.commands.site import read_site_file
    from presence.gateway_settings import GatewaySettings, gateway_settings
    from presence.site_file import parse_site

    site = parse_site(read_site_file(Path(file)), file)
    try:
        return msgspec.convert(gateway_settings(site, gateway), GatewaySettings)
    except LookupError:
        known = ", ".join(each.id for each in site.gateways) or "none"
        raise BadInput(file, f'no gateway "{gateway}"', field="gateways", remedy=f"known: {known}") from None
