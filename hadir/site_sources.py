"""A site file, held to what its drivers and conventions know too: the only place that knows both."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from collector.conventions import CONVENTIONS
from firmware_bridge.drivers import DRIVERS
from presence.errors import BadInput, BadInputs
from presence.site import Site, Source
from presence.site_checks import Problem
from presence.site_file import ReadSite, SiteFileErrors, read_site


def read_served_site(text: str, source: str) -> ReadSite:
    """As `presence.site_file.read_site`; raises SiteFileErrors for what a source cannot say, too.

    A driver or convention that is not known is no error: a later version may have it, and it is told as what does not
    act yet.
    """
    read = read_site(text, source)
    if found := list(_problems(read, source)):
        raise SiteFileErrors(found)
    return read


def source_problems(site: Site) -> list[Problem]:
    """What the sources of `site` cannot say."""
    found = _problems(ReadSite(site, {}), "")
    return [
        Problem(one.field or "", one.problem if one.remedy is None else f"{one.problem}; {one.remedy}") for one in found
    ]


def _problems(read: ReadSite, source: str) -> Iterator[BadInput]:
    told: set[tuple[str, str]] = set()
    for o, outlet in enumerate(read.site.outlets):
        for s, sensor in enumerate(outlet.sensors):
            path = f"outlets[{o}].sensors[{s}].source"
            if sensor.source is not None and sensor.source.convention in CONVENTIONS:
                yield from _of_convention(sensor.source, path, read, source)
            if sensor.source is None or sensor.source.driver not in DRIVERS:
                continue
            config = sensor.source.config or _of_the_port(read.site, sensor.source.gateway, sensor.source.port)
            for problem in _of_config(sensor.source.driver, config):
                field = f"{path}.{problem.field}" if problem.field else path
                # Sensors of one port may have their config from one of them.
                once = (str(sensor.source.port), str(problem.field))
                if sensor.source.config or once not in told:
                    told.add(once)
                    line = read.lines.get(field) or read.lines.get(f"{path}.config") or read.lines.get(path)
                    yield BadInput(source, problem.problem, line=line, field=field, remedy=problem.remedy)


def _of_convention(of: Source, path: str, read: ReadSite, source: str) -> Iterator[BadInput]:
    try:
        CONVENTIONS[of.convention or ""]().address(of)
    except ValueError as error:
        yield BadInput(source, str(error), line=read.lines.get(path), field=path)


def _of_config(driver: str, config: dict[str, Any]) -> list[BadInput]:
    try:
        DRIVERS[driver].driver(config)
    except BadInputs as found:
        return list(found.problems)
    except BadInput as found:
        return [found]
    return []


def _of_the_port(site: Site, gateway: str | None, port: str | None) -> dict[str, Any]:
    """What another sensor of the same port says of it."""
    for outlet in site.outlets:
        for sensor in outlet.sensors:
            at = sensor.source
            if at is not None and (at.gateway, at.port) == (gateway, port) and at.config:
                return dict(at.config)
    return {}
