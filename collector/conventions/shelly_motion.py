"""What two small Shelly dialects say: the Gen1 Motion, and BLU sensors through the script universal-blu-to-mqtt.

    shellies/<id>/status   {"motion":true,"timestamp":1622300251,"active":true,"vibration":false,"lux":2063,"bat":97}
    shellies/<id>/info     {"sensor":{"motion","timestamp","active","is_valid"},"lux":{"value","is_valid"},
                            "tmp":{"value","units","is_valid"},"bat":{"value"},"unixtime":1720449781}
    <MAC>                  {"addr","rssi","service_data":{"encryption":false,"pid":2,"battery":100,"motion":1}}

`timestamp` is the last motion, s, also while there is none: it dates a `motion` that is true, never one that is false.
-1 is not known; `active` false: the detector is switched off. A BLU broadcast comes several times with its one `pid`.

Source: Shelly Gen1 API; ALLTERCO/shelly-script-examples universal-blu-to-mqtt.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from collector.conventions.payload import number, truth, within
from collector.conventions.whole import whole

_BRIGHTEST_LX: Final = 200_000.0
_LAST_S: Final = 1e11
_BLU_KEYS: Final = ("motion", "occupancy", "presence")


class Said(NamedTuple):
    """Of one device in one message; as in `Heard`."""

    values: dict[str, float]
    presences: dict[str, float]
    unknown: set[str]
    at_ms: int | None


def seconds_ms(value: object) -> int | None:
    """Epoch ms of epoch seconds; None for what is no time: null, 0, -1 …"""
    found = within(value, 0.0, _LAST_S)
    return round(found * 1000) if found else None


def put(values: dict[str, float], quantity: str, value: object, least: float, most: float) -> None:
    """Say `quantity`, if `value` can be one and no other has been said."""
    found = within(value, least, most)
    if found is not None:
        values.setdefault(quantity, found)


def put_light(values: dict[str, float], value: object) -> None:
    put(values, "illuminance", value, 0.0, _BRIGHTEST_LX)


def put_battery(values: dict[str, float], value: object) -> None:
    put(values, "battery", value, 0.0, 100.0)


def status(body: Mapping[str, Any]) -> Said:
    """Of the body of `shellies/<id>/status`."""
    said = _motion(body, None)
    put_light(said.values, body.get("lux"))
    put_battery(said.values, body.get("bat"))
    return said


def info(body: Mapping[str, Any]) -> Said:
    """Of the body of `shellies/<id>/info`."""
    said = _motion(_part(body, "sensor"), seconds_ms(body.get("unixtime")))
    lux, air = _part(body, "lux"), _part(body, "tmp")
    if lux.get("is_valid") is not False:
        put_light(said.values, lux.get("value"))
    degrees = number(air.get("value"))
    if degrees is not None and air.get("is_valid") is not False and air.get("units") in ("C", "F"):
        said.values["temperature"] = degrees if air["units"] == "C" else (degrees - 32) / 1.8
    put_battery(said.values, _part(body, "bat").get("value"))
    return said


def _motion(sensor: Mapping[str, Any], now_ms: int | None) -> Said:
    """`now_ms`: of the device, None when it does not tell."""
    if "motion" not in sensor:
        return Said({}, {}, set(), now_ms)
    moved = truth(sensor["motion"])
    if moved is None or truth(sensor.get("active")) == 0.0 or sensor.get("is_valid") is False:
        return Said({}, {}, {"motion", "presence"}, None)
    at_ms = seconds_ms(sensor.get("timestamp")) if moved else now_ms
    return Said({"presence": moved}, {"motion": moved}, set(), at_ms)


def blu(service_data: Mapping[str, Any]) -> Said:
    """Of the `service_data` of a BLU sensor. Whoever of its detectors sees somebody speaks for the whole."""
    said = Said({}, {}, set(), None)
    if service_data.get("encryption") is True:
        return said
    for key in _BLU_KEYS:
        if key in service_data:
            seen = truth(service_data[key])
            if seen is None:
                said.unknown.add(key)
            else:
                said.presences[key] = seen
    all_in_all = whole([*said.presences.values(), *(None for _ in said.unknown)], ())
    said.values.update(all_in_all.values)
    said.unknown.discard("presence")  # the detector of that name, where another sees somebody
    said.unknown.update(all_in_all.unknown)
    put_light(said.values, service_data.get("illuminance"))
    put_battery(said.values, service_data.get("battery"))
    put(said.values, "temperature", service_data.get("temperature"), -100.0, 200.0)
    put(said.values, "humidity", service_data.get("humidity"), 0.0, 100.0)
    return said


def _part(body: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = body.get(key)
    return found if isinstance(found, dict) else {}
