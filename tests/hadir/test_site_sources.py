"""A site file is held to what its drivers know: their configurations, with the line."""

from __future__ import annotations

import pytest

from hadir.site_sources import read_served_site
from presence.site_file import SiteFileErrors

SITE = """
site: {id: s, name: S, timezone: Asia/Jakarta, country: ID, service_hours: "24/7"}
gateways: [{id: gw}]
agencies: [{id: d, name: D}]
outlets:
  - id: o
    name: O
    agency: d
    sensors:
"""
SENSOR = (
    "      - {{id: {id}, kind: mmwave, zone: staff, "
    "source: {{gateway: gw, driver: {driver}, port: /dev/{port}{more}}}}}\n"
)
UNIT = "unit: 1, function: 4, address: 0, count: 1, map: {presence: {register: 0, type: bool}}"


def sensor(name: str, driver: str, more: str = "", port: str = "a") -> str:
    return SENSOR.format(id=name, driver=driver, port=port, more=more)


def told(*sensors: str) -> list[str]:
    with pytest.raises(SiteFileErrors) as errors:
        read_served_site(SITE + "".join(sensors), "site.yaml")
    return [str(problem) for problem in errors.value.problems]


def test_a_configuration_that_the_driver_does_not_know_is_told_with_its_line() -> None:
    assert told(sensor("a", "ld2410", ", config: {foo: 1}"), sensor("b", "ld2410", port="b")) == [
        "site.yaml:10: outlets[0].sensors[0].source.config.foo: not known; known: engineering"
    ]


def test_a_configuration_that_is_missing_is_told() -> None:
    missing = told(sensor("a", "modbus", ", part: x"))
    assert missing[0] == (
        "site.yaml:10: outlets[0].sensors[0].source.config.unit: is missing; give a whole number from 1 to 247"
    )


def test_sensors_of_one_port_have_their_configuration_from_one_of_them() -> None:
    units = f", config: {{units: {{left: {{{UNIT}}}, right: {{{UNIT.replace('unit: 1', 'unit: 2')}}}}}}}"
    text = SITE + sensor("a", "modbus", ", part: left" + units) + sensor("b", "modbus", ", part: right")
    assert len(read_served_site(text, "site.yaml").site.outlets[0].sensors) == 2


def test_a_driver_of_a_later_version_is_kept() -> None:
    read = read_served_site(SITE + sensor("a", "ld9999", ", config: {foo: 1}"), "site.yaml")
    assert read.site.outlets[0].sensors[0].id == "a"
