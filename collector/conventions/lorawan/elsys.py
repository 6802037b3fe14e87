"""ELSYS (ERS, ERS Eye, ERS Desk, EMS Desk): type, data; numbers big-endian, any FPort (5 unless it was changed).

    07 0E 24 | 11 02      supply 3620 mV, occupied

| type | read |
|---|---|
| 11 | occupancy: 0 nobody, 2 occupied; 1 "pending", somebody enters or leaves, or PIR alone: unknown |
| 05 | motion: how often the PIR saw motion since the last uplink |
| 01, 02, 04, 06 | temperature 0.1 Cel, humidity %RH, light lx, CO2 ppm |

11 decides of the whole. Where a frame has none, 05 above 0 says that somebody was there since the last uplink; 05 = 0
does not say that nobody was, for who sits still moves nothing, and in front of an ERS Eye it is 11 that knows. Who has
a plain ERS, PIR only, and takes no motion for absence, claims it with `presence: motion`.
07 is the supply in mV: no percentage. What follows an unknown type cannot be located: reading ends there; a frame that
ends within a value is damaged as a whole.

The interval is a setting of the device, often 10 min: `stale_after` of at least 2.5 times as long.

Sources: ELSYS' generic decoder in TheThingsNetwork/lorawan-devices vendor/elsys/elsys.js @0a254aa; the words of 11:
allthingstalk/device-types ELSYS/ERS/Desk, ELSYS/EMS/Desk.
"""

from __future__ import annotations

from collections.abc import Mapping

from collector.conventions.lorawan.uplink import PRESENCE, Profile, Uplink
from collector.conventions.payload import damaged

_TEMPERATURE, _HUMIDITY, _LIGHT, _MOTION, _CO2, _OCCUPANCY = 0x01, 0x02, 0x04, 0x05, 0x06, 0x11
# Type -> how long its data is.
_LENGTHS: Mapping[int, int] = {
    _TEMPERATURE: 2,
    _HUMIDITY: 1,
    0x03: 3,
    _LIGHT: 2,
    _MOTION: 1,
    _CO2: 2,
    0x07: 2,
    0x08: 2,
    0x09: 6,
    0x0A: 2,
    0x0B: 4,
    0x0C: 2,
    0x0D: 1,
    0x0E: 2,
    0x0F: 1,
    0x10: 4,
    _OCCUPANCY: 1,
    0x12: 1,
    0x13: 65,
    0x14: 4,
    0x15: 2,
    0x16: 2,
    0x17: 4,
    0x18: 2,
    0x19: 2,
    0x1A: 1,
    0x1B: 4,
    0x1C: 2,
    0x3D: 4,
}
_OCCUPIED: Mapping[int, float] = {0: 0.0, 2: 1.0}
MOTION = "motion"


def _elsys(f_port: int, data: bytes) -> Uplink:
    uplink = Uplink()
    at, end = 0, len(data)
    while at < end:
        kind = data[at]
        length = _LENGTHS.get(kind)
        if length is None:
            break
        if at + 1 + length > end:
            raise damaged(f"the frame ends within type {kind:02x}", at)
        _read(kind, data[at + 1 : at + 1 + length], uplink)
        at += 1 + length
    if uplink.presences.get(MOTION) == 1.0 and not uplink.spoke_of(PRESENCE):
        uplink.verdict(PRESENCE, 1.0)
    return uplink


def _read(kind: int, data: bytes, uplink: Uplink) -> None:
    if kind == _OCCUPANCY:
        uplink.verdict(PRESENCE, _OCCUPIED.get(data[0]))
    elif kind == _MOTION:
        uplink.verdict(MOTION, float(data[0] > 0))
    elif kind == _TEMPERATURE:
        uplink.values["temperature"] = int.from_bytes(data, "big", signed=True) / 10
    elif kind == _HUMIDITY:
        if data[0] <= 100:
            uplink.values["humidity"] = float(data[0])
    elif kind == _LIGHT:
        uplink.values["illuminance"] = float(int.from_bytes(data, "big"))
    elif kind == _CO2:
        uplink.values["co2"] = float(int.from_bytes(data, "big"))


PROFILES: Mapping[str, Profile] = {"elsys": Profile(_elsys, frozenset((MOTION,)))}
