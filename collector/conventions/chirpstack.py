"""ChirpStack v4: LoRaWAN devices through one's own network server.

    application/<application>/device/<devEui>/event/up
    {"deduplicationId":"3ac7…","time":"2022-07-18T09:34:15.775023242+00:00",
     "deviceInfo":{"deviceName":"desk 4","deviceProfileName":"VS330","devEui":"24e124fffe123456"},
     "fPort":85,"data":"AXViAoIPAAOOAQ==","object":{…}}

| event | says |
|---|---|
| up | what the profile reads in `data`; without a profile what `codec` takes of `object`; else that it is alive |
| join | it restarted: unknown until the next uplink |
| status | battery in %, unless it has external power or cannot tell |
| ack, txack, log, location, integration | nothing |

Protobuf's JSON leaves out what is zero, false or empty. `time` is that of the evidence: GPS time or the clock of a
gateway that received it, which therefore needs NTP, else that of the server. The devEui of the topic, which access
rules guard, must be that of the body. Nothing is retained, no device can be asked, none says that it is gone: silence
is told by the sensor's `stale_after` alone. A message that comes twice, by its `deduplicationId`, counts once.

Memory: the last RECENT to 2 * RECENT deduplication ids of at most LONGEST_ID characters, less than 2 MB; of devices
what the registry claims.

Sources: chirpstack/chirpstack @d77207c (the time: uplink/helpers.rs),
www.chirpstack.io/docs/chirpstack/integrations/events.html.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import ClassVar, NamedTuple

import msgspec

from collector.conventions import lorawan
from collector.conventions.convention import Entry, Heard, Message, Question, Subscription
from collector.conventions.lorawan.devices import Devices, Told, seems, uplink_of
from collector.conventions.lorawan.uplink import Uplink
from collector.conventions.payload import LONGEST_TOPIC, damaged, instant_ms, typed, within
from presence.site import Source

RECENT = 4096
LONGEST_ID = 64

_EUI = re.compile(r"[0-9a-f]{16}", re.ASCII)
_SUBSCRIPTIONS = (Subscription("application/+/device/+/event/+", 1),)


class _DeviceInfo(msgspec.Struct, rename="camel", gc=False):
    dev_eui: str
    device_name: str = ""
    device_profile_name: str = ""


class _Event(msgspec.Struct, rename="camel"):
    """Of all events what is wanted of any."""

    device_info: _DeviceInfo
    deduplication_id: str = ""
    time: str | None = None
    f_port: int = 0
    data: bytes = b""
    object: msgspec.Raw = msgspec.Raw()
    battery_level: float | None = None
    external_power_source: bool = False
    battery_level_unavailable: bool = False


_EVENT = msgspec.json.Decoder(_Event)
_TELLING = frozenset(("up", "join", "status"))


class _Place(NamedTuple):
    eui: str
    event: str


def _place(topic: str) -> _Place | None:
    """Whose event a topic tells; None when it is no topic of ChirpStack."""
    if len(topic) > LONGEST_TOPIC:
        return None
    levels = topic.split("/")
    if len(levels) != 6 or (levels[0], levels[2], levels[4]) != ("application", "device", "event"):
        return None
    eui = levels[3].lower()
    return _Place(eui, levels[5]) if _EUI.fullmatch(eui) else None


def _of_topic(topic: str) -> str | None:
    """The devEui in a topic of a device, with or without what comes after it."""
    levels = topic.split("/")
    place = _place("/".join((*levels[:4], "event", "up"))) if len(levels) >= 4 else None
    return None if place is None else place.eui


def _status(event: _Event) -> Uplink:
    """The battery. Zero is left out by Protobuf, and so is what is not known: nothing is said then."""
    uplink = Uplink()
    level = within(event.battery_level, 0, 100)
    if level is not None and not event.external_power_source and not event.battery_level_unavailable:
        uplink.values["battery"] = level
    return uplink


class Chirpstack:
    NAME: ClassVar[str] = "chirpstack"
    EXCLUSIVE: ClassVar[bool] = True

    def __init__(self) -> None:
        self._devices = Devices()
        self._recent: set[str] = set()
        self._before: set[str] = set()

    def address(self, source: Source) -> str:
        """The devEui, 16 lower-case hexadecimal digits."""
        lorawan.check(source)
        of_topic = None if source.topic is None else _of_topic(source.topic)
        if source.topic is not None and of_topic is None:
            raise ValueError("has a topic of no device; write its devEui as `device`, and leave `topic` out")
        written = of_topic if source.device is None else re.sub("[-: ]", "", source.device).lower()
        if written is None or not _EUI.fullmatch(written):
            raise ValueError(f'has the device "{source.device}", no devEui; write its 16 hexadecimal digits')
        if of_topic not in (None, written):
            raise ValueError("has a device and a topic of another; leave `topic` out, the devEui is enough")
        return written

    def source(self, address: str) -> dict[str, str]:
        return {"device": address}

    def follow(self, entries: Sequence[Entry]) -> None:
        self._devices.follow(entries)

    def subscriptions(self) -> Sequence[Subscription]:
        return _SUBSCRIPTIONS

    def owns(self, topic: str) -> bool:
        return _place(topic) is not None

    def decode(self, message: Message) -> Sequence[Heard]:
        place = _place(message.topic)
        if place is None or place.event not in _TELLING:
            return ()
        event = typed(_EVENT, message.payload)
        info = event.device_info
        if info.dev_eui.lower() != place.eui:
            raise damaged("the devEui of the body is not that of the topic")
        told = Told(place.eui, place.eui, instant_ms(event.time), seems(info.device_name, info.device_profile_name))
        heard = self._heard(place.event, event, told)
        return () if self._again(place, event.deduplication_id) else heard

    def _heard(self, name: str, event: _Event, told: Told) -> Sequence[Heard]:
        device = self._devices.of(told.address)
        if name == "up":
            return told.heard(uplink_of(device, event.f_port, event.data, event.object))
        if name == "join":
            return told.joined(device.names)
        return told.heard(_status(event))

    def _again(self, place: _Place, identity: str) -> bool:
        """Whether this event was heard before. One id may stand in an `up` and in a `status`, of one frame."""
        if not 0 < len(identity) <= LONGEST_ID:
            return False
        key = f"{place.eui}{place.event}{identity}"
        if key in self._recent or key in self._before:
            return True
        if len(self._recent) >= RECENT:
            self._before, self._recent = self._recent, set()
        self._recent.add(key)
        return False

    def gateway_of(self, address: str) -> str | None:
        """None: any gateway in reach may hear a device."""
        return None

    def ask(self, address: str, now_ms: int) -> Sequence[Question]:
        """Nothing: a class A device listens only after it spoke."""
        return ()

    def questions(self, now_ms: int) -> Sequence[Question]:
        return ()

    def missed(self, now_ms: int) -> None:
        """Nothing: events are kept for us while we are away, and no verdict is remembered."""
