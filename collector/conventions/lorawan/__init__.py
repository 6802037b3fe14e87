"""The profiles of LoRaWAN devices, and what a source in the site file may say of them.

A server passes on the bytes that a device sent, and perhaps what a codec of its operator made of them. Codecs differ in
names, words and units for the same frame, so the bytes are read here, by profile.
"""

from __future__ import annotations

from collections.abc import Mapping

from collector.conventions.lorawan import browan, codec, elsys, milesight
from collector.conventions.lorawan.uplink import PRESENCE, Profile
from presence.site import Source

PROFILES: Mapping[str, Profile] = {**milesight.PROFILES, **browan.PROFILES, **elsys.PROFILES}
_REFUSED: Mapping[str, str] = browan.REFUSED


def check(source: Source) -> None:
    """Raises ValueError when profile, config, presence or part of a source cannot be, with what to write."""
    if source.config:
        raise ValueError("has a config, and a LoRaWAN device has no settings here; leave `config` out")
    parts = codec.NAMES
    if source.profile is not None:
        if why := _REFUSED.get(source.profile):
            raise ValueError(f'has the profile "{source.profile}", which {why}; claim another device')
        if source.profile not in PROFILES:
            raise ValueError(f'has the unknown profile "{source.profile}"; write one of {", ".join(sorted(PROFILES))}')
        parts = PROFILES[source.profile].parts
    for key in ("presence", "part"):
        name = getattr(source, key)
        if name is not None and name != PRESENCE and name not in parts:
            known = ", ".join(sorted(parts)) or "nothing but the whole"
            raise ValueError(f'has the {key} "{name}", and the device speaks of {known}; write one, or leave it out')
