"""The form of a port's name is judged where it is written: in the site file, long before a bridge opens it."""

from __future__ import annotations

import pytest

from presence.port_names import port_problem
from presence.site_file import SiteFileErrors, parse_site


@pytest.mark.parametrize(
    "name",
    [
        "/dev/ttyUSB0",
        "/dev/serial/by-path/pci-0000:00:14.0-usb-0:2:1.0-port0",
        "socket://10.0.0.7:5003",
        "rfc2217://moxa-3.local:4001",
        "rfc2217://[fe80::1]:4001",
        "rfc2217://moxa:4001?timeout=10",
    ],
)
def test_a_right_name(name: str) -> None:
    assert port_problem(name) is None


@pytest.mark.parametrize(
    ("name", "says"),
    [
        (" ", "is empty; write the port, such as /dev/serial/by-path/…"),
        ("ttyUSB0", '"ttyUSB0" is no path; write /dev/ttyUSB0, or better its name below /dev/serial/by-path'),
        ("dev/ttyUSB0", '"dev/ttyUSB0" does not begin with /; write the whole path'),
        ("socket:/x", '"socket:/x" is no URL: two slashes come after the colon; write socket://HOST:PORT'),
        ("rfc2217://nohost", '"rfc2217://nohost" names no TCP port; write rfc2217://HOST:PORT'),
        ("socket://:4001", '"socket://:4001" names no host; write socket://HOST:PORT'),
        ("socket://h:", '"socket://h:" names no TCP port; write socket://HOST:PORT'),
        ("socket://h:telnet", '"telnet" in "socket://h:telnet" is no TCP port; write a number from 1 to 65535'),
        ("socket://h:70000", '"70000" in "socket://h:70000" is no TCP port; write a number from 1 to 65535'),
        ("sokcet://h:1", '"sokcet:" is not known for ports; did you mean "socket"?'),
        ("tcp://h:1", '"tcp:" is not known for ports; write one of socket, rfc2217'),
    ],
)
def test_a_wrong_name(name: str, says: str) -> None:
    assert port_problem(name) == says


SITE = """\
site: {id: mpp, name: MPP, timezone: Asia/Jakarta, country: ID, service_hours: "24/7"}
gateways: [{id: gw}, {id: gw-2}]
agencies: [{id: dinas, name: Dinas}]
outlets:
  - id: a-1
    name: Loket 1
    agency: dinas
    sensors:
      - {id: one, kind: mmwave, zone: staff, source: {gateway: gw, driver: ld2410, port: /dev/ttyUSB0, baud: 115200}}
"""


def said(*sources: str) -> list[str]:
    """What is said of sensors `s-0`, `s-1` … beside the one above, each on a line of its own, from line 10 on."""
    lines = [f"      - {{id: s-{n}, kind: mmwave, zone: staff, source: {each}}}\n" for n, each in enumerate(sources)]
    try:
        parse_site(SITE + "".join(lines), "site.yaml")
    except SiteFileErrors as errors:
        return [line.removeprefix("site.yaml:").replace("outlets[0].sensors", "") for line in str(errors).splitlines()]
    return []


def test_a_port_has_one_driver_one_rate_and_one_sensor_for_each_part() -> None:
    assert said(
        "{gateway: gw, driver: ld2410, port: /dev/ttyUSB0}",
        "{gateway: gw, driver: ld2450, port: /dev/ttyUSB0, part: a}",
        "{gateway: gw, driver: ld2410, port: /dev/ttyUSB0, part: b, baud: 9600}",
        "{gateway: gw, driver: ld2410, port: /dev/ttyUSB0, part: b}",
        "{gateway: gw, driver: ld2410, port: socket:/x}",
    ) == [
        '10: [1].source.port: is the port of sensor "one" too; tell them apart by port or part',
        '11: [2].source.driver: "ld2450", but sensor "one" on the same port has "ld2410"; one port has one driver',
        '12: [3].source.baud: "9600", but sensor "one" on the same port has "115200"; one port has one baud',
        '13: [4].source.port: is the part "b" of the port of sensor "s-2" too; tell them apart by port or part',
        '14: [5].source.port: "socket:/x" is no URL: two slashes come after the colon; write socket://HOST:PORT',
    ]


def test_ports_of_several_gateways_and_parts_of_one_port_are_several() -> None:
    assert (
        said(
            "{gateway: gw-2, driver: ld2450, port: /dev/ttyUSB0}",
            "{gateway: gw, driver: mysensors, port: /dev/ttyUSB1, part: 1/1}",
            "{gateway: gw, driver: mysensors, port: /dev/ttyUSB1, part: 1/2}",
        )
        == []
    )
