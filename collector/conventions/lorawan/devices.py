"""What the registry says of LoRaWAN devices, and what is heard of one, whichever server tells it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from collector.conventions.convention import ANY, Entry, Heard
from collector.conventions.lorawan import PROFILES, codec
from collector.conventions.lorawan.uplink import PRESENCE, Decode, Uplink

_WHOLE = frozenset((PRESENCE,))
_LONGEST_SEEMS = 80


class Device(NamedTuple):
    """How to read a device. `decode`: None when it has no profile; `names`: what is claimed of it, the whole always."""

    decode: Decode | None = None
    names: frozenset[str] = _WHOLE


class Devices:
    """The devices of the registry by address; as many as there are claims."""

    def __init__(self) -> None:
        self._claimed: dict[str, Device] = {}
        self._others = Device()

    def follow(self, entries: Sequence[Entry]) -> None:
        """As of a convention."""
        found: dict[str, Device] = {}
        for entry in entries:
            known = found.get(entry.address, Device())
            decode = _decode(entry.profile) if entry.profile is not None else known.decode
            found[entry.address] = Device(decode, known.names | {entry.key or PRESENCE})
        self._others = found.pop(ANY, Device())
        self._claimed = found

    def __contains__(self, address: str) -> bool:
        return address in self._claimed

    def of(self, address: str) -> Device:
        """What is said of `address`, or of all that have no entry."""
        return self._claimed.get(address, self._others)


def _decode(profile: str) -> Decode:
    known = PROFILES.get(profile)
    return _nothing if known is None else known.decode


def _nothing(f_port: int, data: bytes) -> Uplink:
    """A profile that is not known says nothing, and neither does a codec in its place."""
    return Uplink()


class Told(NamedTuple):
    """Who an uplink is from, and when: what all that is heard in it has in common."""

    device: str
    address: str
    at_ms: int | None
    seems: str | None = None

    def heard(self, uplink: Uplink) -> list[Heard]:
        """The records of the past, then the present, if only that the device is alive."""
        heard = [self._past(record.values, record.at_ms) for record in uplink.past]
        heard.append(
            Heard(
                device=self.device,
                address=self.address,
                values=uplink.values,
                presences=uplink.presences,
                unknown=frozenset(uplink.unknown),
                at_ms=self.at_ms,
                seems=self.seems,
                candidate=not (uplink.values or uplink.presences),  # without a profile nobody knows what it measures
            )
        )
        return heard

    def _past(self, values: dict[str, float], at_ms: int) -> Heard:
        return Heard(
            device=self.device, address=self.address, values=values, at_ms=at_ms, historical=True, seems=self.seems
        )

    def joined(self, names: frozenset[str]) -> list[Heard]:
        """It restarted, or lost the network: of `names` nothing is known until it speaks of them."""
        return [Heard(device=self.device, address=self.address, unknown=names, at_ms=self.at_ms, seems=self.seems)]


def uplink_of(device: Device, f_port: int, data: bytes, made: msgspec.Raw) -> Uplink:
    """What `data` says by the device's profile, without one what the codec `made` of it. Raises DamagedFrame."""
    if device.decode is None:
        return codec.read(made)
    # FPort 0 is for the network, and a frame may be empty.
    return device.decode(f_port, data) if f_port and data else Uplink()


def seems(name: str, kind: str) -> str | None:
    """What people call the device, and its kind, as the server has them."""
    said = f"{name} ({kind})" if name and kind else name or kind
    return said[:_LONGEST_SEEMS] or None
