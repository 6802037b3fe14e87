"""What is on the ports of a gateway, by its settings, and which of its sensors cannot be served."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from firmware_bridge.drivers import DRIVERS
from presence.errors import BadInput, BadInputs
from presence.gateway_settings import GatewaySettings, SensorPort
from presence.port_names import port_problem
from presence.site_values import did_you_mean


class LineSpec(msgspec.Struct, frozen=True):
    """What is on a port. `sensors`: part -> sensor and its thinning in ms; None for a port with one sensor."""

    port: str
    driver: str
    baud: int
    config: dict[str, Any]
    sensors: dict[str | None, tuple[str, int | None]]

    @property
    def wiring(self) -> bytes:
        """All but the thinnings: where it is the same, the port need not be opened anew."""
        parts = sorted((part or "", sensor) for part, (sensor, _) in self.sensors.items())
        return msgspec.json.encode([self.port, self.driver, self.baud, self.config, parts], order="sorted")


class Unserved(NamedTuple):
    """A sensor that cannot be served, and one thing that is wrong with it."""

    sensor: SensorPort
    problem: BadInput


def line_specs(settings: GatewaySettings, source: str) -> tuple[list[LineSpec], list[Unserved]]:
    """The lines of a gateway, and for each sensor that cannot be served why; `source`: where the settings are from."""
    specs: dict[str, LineSpec] = {}
    unserved: list[Unserved] = []
    for sensor in settings.sensors:
        config = sensor.config or _said_of_port(settings, sensor, "config") or {}
        problems = _problems(sensor, config, source)
        if not problems:
            module = DRIVERS[sensor.driver]
            baud = sensor.baud or _said_of_port(settings, sensor, "baud") or module.BAUD
            wanted = LineSpec(sensor.port, sensor.driver, baud, config, {})
            spec = specs.setdefault(sensor.port, wanted)
            if clash := _clash(sensor, wanted, spec, source):
                problems = [clash]
            else:
                thinning = settings.thinning_ms if sensor.thinning_ms is None else sensor.thinning_ms
                spec.sensors[sensor.part] = sensor.id, thinning
        unserved += [Unserved(sensor, problem) for problem in problems]
    return list(specs.values()), unserved


def _problems(sensor: SensorPort, config: dict[str, Any], source: str) -> list[BadInput]:
    """What is wrong with a sensor by itself."""
    field = f"sensor {sensor.id}"
    if sensor.driver not in DRIVERS:
        remedy = did_you_mean(sensor.driver, DRIVERS)
        return [BadInput(source, f'no driver "{sensor.driver}"', field=field, remedy=remedy)]
    if says := port_problem(sensor.port):
        return [BadInput(source, says, field=f"{field} port")]
    try:
        DRIVERS[sensor.driver].driver(config)
    except BadInput as problem:
        found = problem.problems if isinstance(problem, BadInputs) else [problem]
        return [BadInput(source, p.problem, field=f"{field} {p.field}", remedy=p.remedy) for p in found]
    return []


def _clash(sensor: SensorPort, wanted: LineSpec, spec: LineSpec, source: str) -> BadInput | None:
    """What is wrong with a sensor beside those that `spec`, of the same port, has already."""
    field = f"sensor {sensor.id}"
    if msgspec.structs.replace(spec, sensors={}) != wanted:
        other = next(iter(spec.sensors.values()))[0]
        says = f"{sensor.port} is read for {other} as {spec.driver} at {spec.baud} baud, otherwise than here"
        return BadInput(source, says, field=field, remedy="one port has one driver, baud and config")
    if sensor.part in spec.sensors:
        taken = spec.sensors[sensor.part][0]
        part = "" if sensor.part is None else f'part "{sensor.part}" of '
        remedy = "tell them apart by port or part"
        return BadInput(source, f"{part}{sensor.port} is {taken}'s already", field=field, remedy=remedy)
    return None


def _said_of_port(settings: GatewaySettings, sensor: SensorPort, field: str) -> Any:
    """What another sensor of the same line says of it; None when none does."""
    said = (getattr(each, field) for each in settings.sensors if each.port == sensor.port and each.part != sensor.part)
    return next((found for found in said if found is not None), None)
