"""What an operator's codec made of a frame: a fallback for devices without a profile.

Only what needs no unit and means one thing whoever wrote the codec: presence, by well-known keys at the top, as true or
false or in the words of the makers' own codecs. Numbers are not taken: `occupancy` 1 is "pending" of one maker and
"occupied" of another, `battery` 3.6 is a voltage, `motion` may be a count. Keys that contradict each other: unknown.

Sources: Milesight-IoT/SensorDecoders (occupancy: occupied, vacant; pir: trigger, normal), akenza-io/device-type-library
(occupied, motion: true, false).
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from collector.conventions.lorawan.uplink import PRESENCE, Uplink
from collector.conventions.payload import damaged

_WORDS: Mapping[object, float] = {"occupied": 1.0, "vacant": 0.0}
_VERDICTS: Mapping[str, Mapping[object, float]] = {
    "occupancy": _WORDS,
    "presence": _WORDS,
    "occupied": {},
    "motion": {},
    "pir": {"trigger": 1.0, "normal": 0.0},
}
# `presence` names the whole.
NAMES = frozenset(_VERDICTS) - {PRESENCE}


def read(made: msgspec.Raw) -> Uplink:
    """What the object `made` says of presence; nothing when there is no object. Raises DamagedFrame."""
    uplink = Uplink()
    try:
        found = msgspec.json.decode(made) if made else None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise damaged(f"what the codec made is no JSON: {type(error).__name__}") from None
    if not isinstance(found, dict):
        return uplink
    verdicts = {key: verdict for key in _VERDICTS if (verdict := _verdict(key, found.get(key))) is not None}
    for key in verdicts.keys() & NAMES:
        uplink.verdict(key, verdicts[key])
    if verdicts:
        agreed = set(verdicts.values())
        uplink.verdict(PRESENCE, agreed.pop() if len(agreed) == 1 else None)
    return uplink


def _verdict(key: str, found: object) -> float | None:
    if found is True or found is False:
        return float(found)
    return _VERDICTS[key].get(found) if isinstance(found, str) else None
