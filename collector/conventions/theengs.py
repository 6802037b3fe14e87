"""Theengs Gateway and OpenMQTTGateway: broadcasts of Bluetooth devices, read by a gateway.

    home/{gateway}/BTtoMQTT/{MAC}   {"id":"60:EF:AB:AA:BB:CC","rssi":-71,"brand":"Shelly","model_id":"SBMO-003Z",
                                     "packet":2,"batt":100,"lux":132,"motion":true}
    home/{gateway}/LWT              online | offline, retained: the gateway's will

`motion` alone is evidence, under that name. `presence` (present, absent) says that a tag was seen lately and `distance`
is guessed from the signal: a tag tells who it is, not that somebody stands at the counter. `rssi` is told beside
evidence only: alone it would keep a dead state fresh. Numbers may be text; temperatures are taken in Celsius only.

A device is repeated by itself under one `packet` number, and by every gateway that hears it: the same number with the
same motion is said once in 60 s. Its gateway is the only one that heard it within the last 120 s of its broadcasts; of
several none, so that one of them may go without the device being lost; when the last of them goes, that one.

Everything in range is told, phones with changing addresses among it: a Heard without values is no candidate for a
sensor. Bounded: 4,096 devices besides the claimed ones, each a number and 4 gateways,
thus some 3 KiB; 1,024 gateways.
Source: theengs/gateway and theengs/decoder, docs/use; 1technophile/OpenMQTTGateway, docs/use/ble.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Final, NamedTuple

import msgspec
from msgspec import UNSET

from collector.conventions.bluetooth_address import bluetooth_address, required_address
from collector.conventions.convention import Entry, Heard, Message, Question, Subscription
from collector.conventions.hearers import Hearers
from collector.conventions.memory import Memory
from collector.conventions.payload import availability, damaged, levels, truth, typed, within
from presence.site import Source

MOST_DEVICES: Final = 4096
SAME_BROADCAST_MS: Final = 60_000

_BASE = "home"
_DEVICES, _WILL = "BTtoMQTT", "LWT"
_LONGEST_NAME = 64
_MOTION = "motion"
_NOT_KNOWN = frozenset(("presence", _MOTION))
_ENDLESS = float("inf")


class _Broadcast(msgspec.Struct, gc=False):
    """The fields that count; strings of strangers, so of any type."""

    id: Any = None
    brand: Any = None
    model_id: Any = None
    packet: Any = None
    rssi: Any = None
    motion: Any = UNSET
    batt: Any = None
    lux: Any = None
    tempc: Any = None
    hum: Any = None
    co2: Any = None


class _Said(NamedTuple):
    packet: float | str
    motion: float
    at_ms: int


_BROADCAST = msgspec.json.Decoder(_Broadcast)


class Theengs:
    """Decodes what gateways read; it knows who hears whom, and the last numbered evidence of each device."""

    NAME: ClassVar[str] = "theengs"
    EXCLUSIVE: ClassVar[bool] = True

    def __init__(self) -> None:
        self._hearers = Hearers()
        self._said: Memory[_Said] = Memory(MOST_DEVICES)
        self._bases: frozenset[str] = frozenset((_BASE,))

    def address(self, source: Source) -> str:
        """12 upper case hexadecimal digits, of `device` or {base}/{gateway}/BTtoMQTT/{MAC}. Raises ValueError."""
        if source.config or source.profile is not None:
            raise ValueError("knows neither profile nor config; leave them out")
        if source.topic is None:
            return required_address(source.device)
        parts = source.topic.split("/")
        if len(parts) < 4 or parts[-2] != _DEVICES or "#" in source.topic or "+" in source.topic:
            raise ValueError(f'"{source.topic}" is not as {_BASE}/OpenMQTTGateway/{_DEVICES}/A4C1385D16F7')
        return required_address(parts[-1] if source.device is None else source.device)

    def source(self, address: str) -> dict[str, str]:
        """`device` alone."""
        return {"device": address}

    def follow(self, entries: Sequence[Entry]) -> None:
        """Listen below the bases of the entries' topics, too."""
        claimed = {entry.address for entry in entries}
        self._hearers.pin(claimed)
        self._said.pin(claimed)
        self._bases = frozenset((_BASE, *(entry.topic.rsplit("/", 3)[0] for entry in entries if entry.topic)))

    def subscriptions(self) -> Sequence[Subscription]:
        """Devices and wills of all gateways, of the present only: a broadcast has no date."""
        return [
            Subscription(topic_filter, 0)
            for base in sorted(self._bases)
            for topic_filter in (f"{base}/+/{_DEVICES}/+", f"{base}/+/{_WILL}")
        ]

    def owns(self, topic: str) -> bool:
        """Whether it is {base}/{gateway}/BTtoMQTT/{device} or {base}/{gateway}/LWT."""
        above, _, last = topic.rpartition("/")
        if last != _WILL:
            above, _, kind = above.rpartition("/")
            if kind != _DEVICES:
                return False
        return above.rpartition("/")[0] in self._bases

    def decode(self, message: Message) -> Sequence[Heard]:
        """What one device broadcast, or that a gateway is there or gone. Raises DamagedFrame."""
        parts = levels(message.topic)
        if parts[-1] == _WILL:
            return self._will(message)
        if not message.payload:
            return ()
        said = typed(_BROADCAST, message.payload)
        name, address = _device(parts[-1], said.id)
        if not message.retain:
            self._hearers.heard(address, message.topic.rsplit("/", 2)[0], message.received_ms)
        motion = None if said.motion is UNSET else truth(said.motion)
        if (
            motion is not None
            and not message.retain
            and self._repeated(address, said.packet, motion, message.received_ms)
        ):
            return ()
        return (
            Heard(
                device=name,
                address=address,
                values=_values(said, motion),
                presences={} if motion is None else {_MOTION: motion},
                unknown=_NOT_KNOWN if motion is None and said.motion is not UNSET else frozenset(),
                seems=_seems(said),
            ),
        )

    def gateway_of(self, address: str) -> str | None:
        """The only gateway that hears the device, {base}/{gateway}; None when there are none or several."""
        return self._hearers.gateway_of(address)

    def ask(self, address: str, now_ms: int) -> Sequence[Question]:
        """Nothing: devices only broadcast."""
        return ()

    def questions(self, now_ms: int) -> Sequence[Question]:
        """Nothing."""
        return ()

    def missed(self, now_ms: int) -> None:
        """Nothing: of what was said only a number is kept, by which a repetition is no evidence afterwards either."""

    def _will(self, message: Message) -> Sequence[Heard]:
        if not message.payload:
            return ()
        gateway = message.topic.rpartition("/")[0]
        online = availability(message.payload)
        if online is None:
            raise damaged("a will that says neither online nor offline")
        self._hearers.said(gateway, online)
        return (Heard(device=gateway.rpartition("/")[2], address=gateway, online=online, scope="gateway"),)

    def _repeated(self, address: str, packet: object, motion: float, received_ms: int) -> bool:
        """Whether this evidence was said already, be it through another gateway."""
        if not isinstance(packet, int | float | str) or (isinstance(packet, str) and len(packet) > _LONGEST_NAME):
            return False
        last = self._said.get(address)
        same = last is not None and last.packet == packet and last.motion == motion
        # Counted from the first time: a device whose number stands still is heard again after a while.
        if same and last is not None and 0 <= received_ms - last.at_ms < SAME_BROADCAST_MS:
            return True
        self._said.put(address, _Said(packet, motion, received_ms))
        return False


def _device(level: str, said_id: object) -> tuple[str, str]:
    """Name as the gateway writes it, and address. Raises DamagedFrame when topic and payload name two, or none."""
    by_topic = bluetooth_address(level)
    by_id = bluetooth_address(said_id) if isinstance(said_id, str) else None
    if by_topic is not None and by_id is not None and by_topic != by_id:
        raise damaged("id is another device than that of the topic")
    address = by_topic or by_id
    if address is None:
        raise damaged("names no Bluetooth address")
    return (said_id if by_id is not None and isinstance(said_id, str) else level), address


def _values(said: _Broadcast, motion: float | None) -> dict[str, float]:
    values: dict[str, float] = {}
    if motion is not None:
        values["presence"] = motion
        if said.rssi is not None and (rssi := within(said.rssi, -200, 0)) is not None:
            values["rssi"] = rssi
    if said.batt is not None and (battery := within(said.batt, 0, 100)) is not None:
        values["battery"] = battery
    if said.lux is not None and (illuminance := within(said.lux, 0, _ENDLESS)) is not None:
        values["illuminance"] = illuminance
    if said.tempc is not None and (temperature := within(said.tempc, -273.15, _ENDLESS)) is not None:
        values["temperature"] = temperature
    if said.hum is not None and (humidity := within(said.hum, 0, 100)) is not None:
        values["humidity"] = humidity
    if said.co2 is not None and (co2 := within(said.co2, 0, _ENDLESS)) is not None:
        values["co2"] = co2
    return values


def _seems(said: _Broadcast) -> str | None:
    words = [word[:_LONGEST_NAME] for word in (said.brand, said.model_id) if isinstance(word, str) and word]
    return " ".join(words) or None
