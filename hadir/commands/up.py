"""`hadir up`: everything on one machine, kept running; `--demo` brings a simulated site."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from hadir.commands.site import read_site_file
from hadir.data_directory import DataDirectory
from hadir.listening import listen, page_address
from hadir.settings import OIDC, Settings, add_flags
from hadir.supervisor import GaveUp

if TYPE_CHECKING:
    from hadir.installation import Applied, Installation, SiteFile

NAME = "up"
HELP = "everything on one machine: broker, collector, engine, web, bridges; --demo simulates a site"

_DEMO_FILE = "demo.yaml"
_FORETOLD_S = 120.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--site", metavar="FILE", type=Path, help="a site file, applied when it has changed since")
    which.add_argument("--demo", action="store_true", help="a simulated site, its data kept apart")
    add_flags(parser, "host", "port", "mqtt_port", *OIDC)


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    from hadir.installation import PORTS, Installation

    demo: bool = arguments.demo
    if demo and not settings.data_named:
        settings = dataclasses.replace(settings, data=settings.data / "demo")
    with (
        DataDirectory(settings.data) as data,
        contextlib.closing(listen(settings.host, settings.port)) as pages,
    ):
        settings = dataclasses.replace(settings, data=data.path, port=pages.getsockname()[1])
        site_file = _site_file(arguments.site, demo, data.path / PORTS)
        try:
            with Installation(settings, data, pages, simulated=demo) as installation:
                applied = installation.start(site_file)
                if not installation.stopping:
                    print(_said(settings, installation, applied, demo=demo), flush=True)
                installation.run()
        except GaveUp:
            return 2
    return 0


def _site_file(named: Path | None, demo: bool, ports: Path) -> SiteFile | None:
    from hadir.installation import SiteFile

    if demo:
        text = (resources.files("hadir.simulation") / _DEMO_FILE).read_text(encoding="utf-8")
        return SiteFile(_DEMO_FILE, text.replace("{ports}", str(ports)))
    return None if named is None else SiteFile(str(named), read_site_file(named))


def _said(settings: Settings, installation: Installation, applied: Applied | None, *, demo: bool) -> str:
    page, broker = page_address(settings.host, settings.port), installation.broker
    lines = [
        f"Pages:  {page}",
        f"Broker: {installation.broker_url} ({broker.kind if broker else 'as named'})",
        f"Data:   {settings.data}",
    ]
    if broker and broker.remark:
        lines.append(f"Note:   {broker.remark}")
    lines += _applied(applied) if applied else []
    if warnings := installation.hours_warnings():
        lines += ["Service hours to look at:", *(f"  {warning}" for warning in warnings)]
    if link := installation.log_in_link():
        lines.append(f"The administrator logs in, once and within the hour, at {page}{link}")
    if demo:
        lines += _foretold()
    elif not installation.has_site():
        lines.append("There is no site yet: `hadir site apply FILE` takes one over; the page tells how to begin.")
    lines.append("Ctrl-C ends it.")
    return "\n".join(lines)


def _applied(applied: Applied) -> list[str]:
    lines = [f"Site:   {applied.site}, {applied.changes:,} changes taken over"]
    if applied.inactive:
        lines.append("Without effect as it stands:")
    return lines + [f"  {sentence}" for sentence in applied.inactive]


def _foretold() -> list[str]:
    """What the simulation shows in its first two minutes."""
    from hadir.simulation import officers

    lines = [
        "",
        "This is a simulation: the counters and their officers are invented, their radars emulated. What happens:",
    ]
    for absence in officers.absences(0, _FORETOLD_S):
        who, after_s, for_s = absence.counter + 1, absence.start_s, absence.end_s - absence.start_s
        lines.append(
            f"  Loket {who} is left alone after {after_s:.0f} s, for {for_s:.0f} s: an alert till somebody is back"
        )
    return [
        *lines,
        "  Then others are left alone in turn",
        f"  The radar of Loket {officers.FAILING + 1} fails after {officers.FAILS_AT_S:.0f} s: not known is not vacant",
        "  Elsewhere somebody is away for a few seconds now and then: no alert",
        "",
    ]
