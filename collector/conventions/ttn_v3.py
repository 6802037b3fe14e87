"""The Things Stack v3 (The Things Network, The Things Industries): LoRaWAN devices through a server of others.

    v3/<application>[@<tenant>]/devices/<device id>/up
    {"end_device_ids":{"device_id":"counter-11","application_ids":{"application_id":"outlets"}},
     "received_at":"…","uplink_message":{"f_port":102,"frm_payload":"Abs0BADceAE=","decoded_payload":{…},
     "received_at":"2026-03-02T02:15:45.787Z","rx_metadata":[{"time":"…"}]}}
    v3/…/join     {"end_device_ids":{…},"join_accept":{"received_at":"…"}}

| topic | says |
|---|---|
| up | what the profile reads in `frm_payload`; without a profile what `codec` takes of `decoded_payload`; else alive |
| join | it restarted: unknown until the next uplink |
| down/…, service/data, location/solved, a simulated uplink | nothing |

Empty fields are left out. The time of the evidence is when the network received it (`received_at`, the inner one
first), else the clock of the first gateway that tells one; `timestamp` there is a counter of ticks. The ids of the body
must be those of the topic. MQTT 3.1.1, QoS 0, nothing retained: what was sent while we were away is lost here. No
device can be asked and none says that it is gone: silence is told by `stale_after` alone.

A device id is unique within its application only. The address of a device is therefore its topic without the last
level, which a source names by `topic`; where an entry has the bare device id, that is the address instead, for the
first application in which it is heard: another's device of the same id stays apart, under its topic.

Memory: an application for each claim by a bare device id.

Sources: TheThingsIndustries/lorawan-stack-docs @a189a52, www.thethingsindustries.com/docs (MQTT Server, Data Formats).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import ClassVar, NamedTuple

import msgspec

from collector.conventions import lorawan
from collector.conventions.convention import Entry, Heard, Message, Question, Subscription
from collector.conventions.lorawan.devices import Devices, Told, uplink_of
from collector.conventions.payload import LONGEST_TOPIC, damaged, instant_ms, typed
from presence.errors import DamagedFrame
from presence.site import Source

_DEVICE_ID = re.compile(r"[a-z0-9](?:-?[a-z0-9]){1,35}", re.ASCII)
_APPLICATION = re.compile(r"[a-z0-9](?:-?[a-z0-9]){1,35}(?:@[a-z0-9](?:-?[a-z0-9]){1,35})?", re.ASCII)
# It speaks under QoS 0 only.
_SUBSCRIPTIONS = (Subscription("v3/+/devices/+/up", 0), Subscription("v3/+/devices/+/join", 0))
_TELLING = frozenset(("up", "join"))


class _ApplicationIds(msgspec.Struct, gc=False):
    application_id: str


class _EndDeviceIds(msgspec.Struct, gc=False):
    device_id: str
    application_ids: _ApplicationIds


class _Gateway(msgspec.Struct, gc=False):
    time: str | None = None


class _UplinkMessage(msgspec.Struct):
    f_port: int = 0
    frm_payload: bytes = b""
    decoded_payload: msgspec.Raw = msgspec.Raw()
    received_at: str | None = None
    rx_metadata: msgspec.Raw = msgspec.Raw()


class _JoinAccept(msgspec.Struct, gc=False):
    received_at: str | None = None


class _Up(msgspec.Struct):
    """Of an uplink or a join what is wanted of any."""

    end_device_ids: _EndDeviceIds
    received_at: str | None = None
    simulated: bool = False
    uplink_message: _UplinkMessage | None = None
    join_accept: _JoinAccept | None = None


_UP = msgspec.json.Decoder(_Up)
_GATEWAYS = msgspec.json.Decoder(list[_Gateway])


class _Place(NamedTuple):
    """`base`: the topic of the device; `kind`: what comes after it."""

    base: str
    application: str
    device: str
    kind: str


def _place(topic: str) -> _Place | None:
    """Whose message a topic tells; None when it is no topic of The Things Stack."""
    if len(topic) > LONGEST_TOPIC:
        return None
    levels = topic.split("/", 4)
    if len(levels) != 5 or levels[0] != "v3" or levels[2] != "devices":
        return None
    if not _APPLICATION.fullmatch(levels[1]) or not _DEVICE_ID.fullmatch(levels[3]):
        return None
    return _Place(topic[: -len(levels[4]) - 1], levels[1], levels[3], levels[4])


class TtnV3:
    NAME: ClassVar[str] = "ttn_v3"
    EXCLUSIVE: ClassVar[bool] = True

    def __init__(self) -> None:
        self._devices = Devices()
        self._applications: dict[str, str] = {}  # of devices that are claimed by their bare id

    def address(self, source: Source) -> str:
        """`v3/<application>/devices/<device id>` of a source with a topic, else the device id."""
        lorawan.check(source)
        if source.topic is None:
            device = source.device or ""
            if not _DEVICE_ID.fullmatch(device):
                raise ValueError(f'has the device "{device}", no device id; write it as in the console of the stack')
            return device
        place = _place(source.topic) or _place(f"{source.topic}/up")
        if place is None or place.kind not in ("up", "join", "+", "#"):
            raise ValueError("has a topic of no device; write v3/<application>@<tenant>/devices/<device id>")
        if source.device not in (None, place.device):
            raise ValueError(f'has the device "{source.device}" and a topic of another; leave one of them out')
        return place.base

    def source(self, address: str) -> dict[str, str]:
        return {"topic" if "/" in address else "device": address}

    def follow(self, entries: Sequence[Entry]) -> None:
        self._devices.follow(entries)
        self._applications = {device: where for device, where in self._applications.items() if device in self._devices}

    def subscriptions(self) -> Sequence[Subscription]:
        return _SUBSCRIPTIONS

    def owns(self, topic: str) -> bool:
        return _place(topic) is not None

    def decode(self, message: Message) -> Sequence[Heard]:
        place = _place(message.topic)
        if place is None or place.kind not in _TELLING:
            return ()
        up = typed(_UP, message.payload)
        ids = up.end_device_ids
        if ids.device_id != place.device or ids.application_ids.application_id != place.application.partition("@")[0]:
            raise damaged("the ids of the body are not those of the topic")
        if up.simulated:
            return ()
        heard = self._heard(place, up)
        if heard and heard[0].address == place.device:
            self._applications[place.device] = place.application
        return heard

    def _heard(self, place: _Place, up: _Up) -> Sequence[Heard]:
        address = self._address(place)
        device = self._devices.of(address)
        told = Told(place.device, address, _at_ms(up))
        if place.kind == "join":
            return told.joined(device.names)
        uplink = up.uplink_message
        if uplink is None:
            raise damaged("an uplink without uplink_message")
        return told.heard(uplink_of(device, uplink.f_port, uplink.frm_payload, uplink.decoded_payload))

    def _address(self, place: _Place) -> str:
        bare = place.base not in self._devices and place.device in self._devices
        if bare and self._applications.get(place.device, place.application) == place.application:
            return place.device
        return place.base

    def gateway_of(self, address: str) -> str | None:
        """None: any gateway in reach may hear a device."""
        return None

    def ask(self, address: str, now_ms: int) -> Sequence[Question]:
        """Nothing: a class A device listens only after it spoke."""
        return ()

    def questions(self, now_ms: int) -> Sequence[Question]:
        return ()

    def missed(self, now_ms: int) -> None:
        """Nothing: an uplink tells all that its device knows, no verdict is remembered."""


def _at_ms(up: _Up) -> int | None:
    inner = up.uplink_message or up.join_accept
    if inner is not None and (at_ms := instant_ms(inner.received_at)) is not None:
        return at_ms
    if (at_ms := instant_ms(up.received_at)) is not None:
        return at_ms
    if up.uplink_message is None or not up.uplink_message.rx_metadata:
        return None
    try:
        gateways = typed(_GATEWAYS, up.uplink_message.rx_metadata)
    except DamagedFrame:
        return None  # without a time the reading still counts
    return next((at_ms for gateway in gateways if (at_ms := instant_ms(gateway.time)) is not None), None)
