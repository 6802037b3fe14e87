"""A gateway's settings are made from the registry, and read back by its bridge as they were written."""

from __future__ import annotations

import json
from typing import Any

import pytest

from presence.errors import BadInput
from presence.gateway_settings import GatewaySettings, SensorPort, gateway_settings, parse_gateway_settings
from presence.site import Gateway, Outlet, Sensor, Site, Source


def site(*sensors: Sensor) -> Site:
    outlet = Outlet(id="loket-1", name="Loket 1", agency="dukcapil", sensors=sensors)
    gateways = (Gateway(id="gw-1", thinning_ms=1_000), Gateway(id="gw-2"))
    return Site(
        id="mpp", name="MPP", timezone="Asia/Jakarta", country="ID", service_hours="24/7", gateways=gateways,
        outlets=(outlet,),
    )  # fmt: skip


def sensor(name: str, **source: Any) -> Sensor:
    return Sensor(id=name, kind="mmwave", zone="staff", source=Source(**source) if source else None)


def test_a_gateway_gets_its_own_ports_and_no_others() -> None:
    radar = {"driver": "ld2410", "port": "/dev/ttyUSB0", "baud": 115200, "config": {"engineering": True}}
    registry = site(
        sensor("a", gateway="gw-1", thinning_ms=500, **radar),
        sensor("b", gateway="gw-2", **radar),
        sensor("c"),
        sensor("d", convention="zigbee2mqtt", topic="z/d"),
        sensor("e", gateway="gw-1", driver="mysensors", port="socket://h:5003", part="12/1"),
    )
    settings = parse_gateway_settings(json.dumps(gateway_settings(registry, "gw-1")).encode(), "topic")
    place = {"outlet": "loket-1", "zone": "staff", "name": "Loket 1"}
    assert settings == GatewaySettings(
        version=1,
        site="mpp",
        gateway="gw-1",
        thinning_ms=1_000,
        sensors=(
            SensorPort(id="a", thinning_ms=500, **radar, **place),
            SensorPort(id="e", driver="mysensors", port="socket://h:5003", part="12/1", **place),
        ),
    )


def test_settings_of_an_older_api_do_not_tell_where_a_sensor_is() -> None:
    old = b'{"version":1,"site":"mpp","gateway":"gw-1","sensors":[{"id":"a","driver":"ld2410","port":"/dev/ttyUSB0"}]}'
    (only,) = parse_gateway_settings(old, "topic").sensors
    assert (only.outlet, only.zone, only.name) == (None, None, None)


def test_an_unknown_gateway_has_no_settings() -> None:
    with pytest.raises(LookupError):
        gateway_settings(site(), "gw-3")


@pytest.mark.parametrize(
    ("payload", "said"),
    [
        (b"{", "topic: no gateway settings: "),
        (b'{"version":1,"site":"s"}', "topic: no gateway settings: Object missing required field `gateway`"),
        (b'{"version":2,"site":"s","gateway":"g"}', "topic: form 2 is not known here; "),
        (b'{"version":1,"site":"s/x","gateway":"g"}', 'topic: "s/x" is no id; '),
    ],
)
def test_settings_that_cannot_be_used_say_why(payload: bytes, said: str) -> None:
    with pytest.raises(BadInput) as wrong:
        parse_gateway_settings(payload, "topic")
    assert str(wrong.value).startswith(said)
