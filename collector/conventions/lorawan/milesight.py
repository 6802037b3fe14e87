"""Milesight: frames of channels, any FPort (85 unless it was changed), numbers little-endian.

    01 75 62 | 02 82 0F 00 | 03 8E 01 | …      id, type, data; how long the data is, id and type tell together

What follows a channel that the table does not know cannot be located, so reading ends there; a frame that ends within a
channel is damaged as a whole. Settings that a device repeats (FE, FF, F8, F9) say nothing of presence.

| profile | channels that are read |
|---|---|
| milesight-vs330 | 02 82 distance mm, 03 8E occupancy 0, 1 (others: it has not learnt the room, unknown) |
| milesight-vs340, -vs341, -vs370, -ws202 | 03 00 occupancy or PIR 0, 1 |
| milesight-ws203 | 05 00 occupancy, 03 67 and 83 67 temperature 0.1 Cel, 04 68 humidity 0.5 %RH, 20 CE records |
| milesight-vs121 | 04 C9 people, regions, mask (big-endian); 07 D5 and 08 D5 people in region 1–8, 9–16 |
| milesight-vs373 | 03 F8 or 07 B0 room, 04 F9 (0 = occupied) or 0A B3 (bit 1 = occupied) regions, 06 FB events, 20 CE |

Names besides the whole: `region_1` to `region_16` of the VS121, `region_1` to `region_6` of the VS373.

VS373: the room decides of the whole, the regions only that somebody is there, never that nobody is: they need not cover
the room, and unset ones read as empty. "Out of bed" says not where the person went: unknown, unless a region knows.
VS121 likewise when it counts people in regions only; its total decides.

How often they report unless set otherwise, for `stale_after` (at least 2.5 times as long): WS203 30 min; VS370 24 h, to
be shortened; vacancy of WS203 after 5 min without motion. The others: as the device's app shows it.

Sources: Milesight-IoT/SensorDecoders @e79c9d8 and later (READMEs, decoders), www.milesight.com/products/docs vs34x,
vs370 and vs373 "Uplink Packets", milesight.com/docs development platform "WS203", "VS370 Configurable Properties".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from collector.conventions.lorawan.uplink import PRESENCE, Past, Profile, Uplink
from collector.conventions.payload import damaged

_REGIONS = tuple(f"region_{n}" for n in range(1, 17))
_VS373_REGIONS = 6
_NO_DISTANCE = 0xFFFF
_RECORD_BYTES = 9


class _Channel(NamedTuple):
    """`length` of the data; `read` it from an offset on, None: it says nothing that is wanted."""

    length: int
    read: Callable[[bytes, int, Uplink], None] | None = None


def _read(channels: Mapping[int, _Channel], data: bytes) -> Uplink:
    uplink = Uplink()
    at, end = 0, len(data)
    while at < end:
        if at + 1 == end:
            raise damaged("the frame ends within the name of a channel", at)
        channel = channels.get(data[at] << 8 | data[at + 1])
        if channel is None:
            break
        length, read = channel
        if at + 2 + length > end:
            raise damaged(f"the frame ends within channel {data[at : at + 2].hex(' ')}", at)
        if read is not None:
            read(data, at + 2, uplink)
        at += 2 + length
    return uplink


def _truth(found: int) -> float | None:
    return float(found) if found <= 1 else None


def _int16(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 2], "little", signed=True)


def _battery(data: bytes, at: int, uplink: Uplink) -> None:
    if data[at] <= 100:
        uplink.values["battery"] = float(data[at])


def _occupancy(data: bytes, at: int, uplink: Uplink) -> None:
    uplink.verdict(PRESENCE, _truth(data[at]))


def _distance(data: bytes, at: int, uplink: Uplink) -> None:
    found = data[at] | data[at + 1] << 8
    if found != _NO_DISTANCE:
        uplink.values["distance"] = found / 1000


def _temperature(data: bytes, at: int, uplink: Uplink) -> None:
    uplink.values["temperature"] = _int16(data, at) / 10


def _humidity(data: bytes, at: int, uplink: Uplink) -> None:
    if data[at] <= 200:
        uplink.values["humidity"] = data[at] / 2


def _ws203_record(data: bytes, at: int, uplink: Uplink) -> None:
    """Time s u32, kind of report, occupancy, temperature, humidity: what the device stored while it was not heard."""
    kept = Uplink()
    _occupancy(data, at + 5, kept)
    _temperature(data, at + 6, kept)
    _humidity(data, at + 8, kept)
    uplink.past.append(Past(int.from_bytes(data[at : at + 4], "little") * 1000, kept.values))


def _people(data: bytes, at: int, uplink: Uplink) -> None:
    people, regions, mask = data[at], data[at + 1], data[at + 2] << 8 | data[at + 3]
    uplink.values["target_count"] = float(people)
    uplink.verdict(PRESENCE, float(people > 0 or mask > 0))
    for n, region in enumerate(_REGIONS[:regions]):
        uplink.verdict(region, float(mask >> n & 1))


def _people_in(regions: Sequence[str]) -> Callable[[bytes, int, Uplink], None]:
    def read(data: bytes, at: int, uplink: Uplink) -> None:
        for n, region in enumerate(regions):
            uplink.verdict(region, float(data[at + n] > 0))

    return read


# 0 normal, 1 vacant, 2 in bed, 3 out of bed, 4 fallen.
_ROOM = {0: 1.0, 1: 0.0, 2: 1.0, 4: 1.0}
# Events of the room, and what status they have when they begin or are told again: 1 triggered, 4 status.
_ROOM_EVENTS = {4: 1.0, 5: 0.0}
_BEGUN = (1, 4)


def _room(data: bytes, at: int, uplink: Uplink) -> None:
    uplink.verdict(PRESENCE, _ROOM.get(data[at]))


def _room_event(data: bytes, at: int, uplink: Uplink) -> None:
    """Id u16, kind, status, region."""
    if data[at + 3] in _BEGUN and data[at + 2] in _ROOM_EVENTS:
        uplink.verdict(PRESENCE, _ROOM_EVENTS[data[at + 2]])


def _vs373_record(data: bytes, at: int, uplink: Uplink) -> None:
    """Time s u32, then an event as above."""
    kept = Uplink()
    _room_event(data, at + 4, kept)
    uplink.past.append(Past(int.from_bytes(data[at : at + 4], "little") * 1000, kept.values))


def _regions_inverted(data: bytes, at: int, uplink: Uplink) -> None:
    """A byte a region, 0 = occupied: firmware 1.0.1."""
    for n, region in enumerate(_REGIONS[:4]):
        found = _truth(data[at + n])
        uplink.verdict(region, None if found is None else 1.0 - found)


def _regions(data: bytes, at: int, uplink: Uplink) -> None:
    """How many, then a bit a region, 1 = occupied."""
    for n, region in enumerate(_REGIONS[: min(data[at], _VS373_REGIONS)]):
        uplink.verdict(region, float(data[at + 1] >> n & 1))


_DEVICE: Mapping[int, _Channel] = {
    0xFF01: _Channel(1),
    0xFF09: _Channel(2),
    0xFF0A: _Channel(2),
    0xFF0B: _Channel(1),
    0xFF0F: _Channel(1),
    0xFF16: _Channel(8),
    0xFFFE: _Channel(1),
    0xFFFF: _Channel(2),
    0x0175: _Channel(1, _battery),
}
_VS330 = {
    **_DEVICE,
    0x0282: _Channel(2, _distance),
    0x02A5: _Channel(8),
    0x038E: _Channel(1, _occupancy),
    0x048E: _Channel(1),
    0x04A8: _Channel(1),
    0x06A6: _Channel(4),
    0x08A8: _Channel(1),
    0x09A9: _Channel(4),
}
_VS34X = {**_DEVICE, 0x0300: _Channel(1, _occupancy)}
_VS370 = {**_VS34X, 0x0400: _Channel(1)}  # dim, bright or not measured: never lux
_WS202 = {**_VS370, 0xFF08: _Channel(6)}
_WS203 = {
    **_DEVICE,
    0x0367: _Channel(2, _temperature),
    0x0468: _Channel(1, _humidity),
    0x0500: _Channel(1, _occupancy),
    0x8367: _Channel(3, _temperature),
    0x20CE: _Channel(_RECORD_BYTES, _ws203_record),
}
_VS121 = {
    **_DEVICE,
    0xFF1F: _Channel(4),
    0x04C9: _Channel(4, _people),
    0x05CC: _Channel(4),
    0x06CD: _Channel(1),
    0x07D5: _Channel(8, _people_in(_REGIONS[:8])),
    0x08D5: _Channel(8, _people_in(_REGIONS[8:])),
    0x09DA: _Channel(8),
    0x0ADA: _Channel(8),
    0x0BDA: _Channel(8),
    0x0CDA: _Channel(8),
    0x0DCC: _Channel(4),
    0x0EE4: _Channel(5),
    0x0F85: _Channel(4),
    0x10F7: _Channel(4),
}
_VS373 = {
    **_DEVICE,
    0x03F8: _Channel(6, _room),
    0x04F9: _Channel(4, _regions_inverted),
    0x05FA: _Channel(8),
    0x06FB: _Channel(5, _room_event),
    0x07B0: _Channel(8, _room),
    0x08B1: _Channel(3),
    0x09B2: _Channel(6),
    0x0AB3: _Channel(5, _regions),
    0x0BB4: _Channel(9),
    0x0CB4: _Channel(9),
    0x20CE: _Channel(_RECORD_BYTES, _vs373_record),
}


def _of(channels: Mapping[int, _Channel], regions: int = 0) -> Profile:
    def decode(f_port: int, data: bytes) -> Uplink:
        uplink = _read(channels, data)
        if PRESENCE not in uplink.values and 1.0 in uplink.presences.values():
            uplink.verdict(PRESENCE, 1.0)
        return uplink

    return Profile(decode, frozenset(_REGIONS[:regions]))


PROFILES: Mapping[str, Profile] = {
    "milesight-vs121": _of(_VS121, len(_REGIONS)),
    "milesight-vs330": _of(_VS330),
    "milesight-vs340": _of(_VS34X),
    "milesight-vs341": _of(_VS34X),
    "milesight-vs370": _of(_VS370),
    "milesight-vs373": _of(_VS373, _VS373_REGIONS),
    "milesight-ws202": _of(_WS202),
    "milesight-ws203": _of(_WS203),
}
