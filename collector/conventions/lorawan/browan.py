"""Browan (TABS): one frame a FPort, numbers little-endian.

    TBMS100, FPort 102: 01 | BB | 34 | 04 00 | DC 78 01
                        status bit 0 = occupied, battery, board temperature, minutes since the last motion, motions

The device itself says free 5 minutes after the last motion. Its battery is a voltage and its temperature that of the
board: neither is taken. A frame of zeros only is no status. Other FPorts (its settings) say nothing.

It reports at once when the status changes, every 10 min while occupied, every 60 min while free: `stale_after` of at
least 2.5 h.

Sources: TheThingsNetwork/lorawan-devices vendor/browan/tbms100 and tbhv110, TBMS100 Reference Manual BQW_02_0006.002.
"""

from __future__ import annotations

from collections.abc import Mapping

from collector.conventions.lorawan.uplink import PRESENCE, Profile, Uplink
from collector.conventions.payload import damaged

_TBMS100_PORT = 102
_TBMS100_BYTES = 8


def _tbms100(f_port: int, data: bytes) -> Uplink:
    uplink = Uplink()
    if f_port != _TBMS100_PORT:
        return uplink
    if len(data) != _TBMS100_BYTES:
        raise damaged(f"a status of {len(data)} bytes, not {_TBMS100_BYTES}", min(len(data), _TBMS100_BYTES))
    if any(data):
        uplink.verdict(PRESENCE, float(data[0] & 1))
    return uplink


PROFILES: Mapping[str, Profile] = {"browan-tbms100": Profile(_tbms100)}
# Profile -> why there is none.
REFUSED: Mapping[str, str] = {
    "browan-tbhv110": "measures air quality and has no motion sensor, its status bit says that something changed",
}
