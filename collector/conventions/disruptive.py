"""Disruptive Technologies: events of small wireless sensors, which their cloud posts to us.

    hadir/1/{site}/webhook/disruptive    a body that came by HTTP
    disruptive/events                    the same from a bridge of one's own

    {"eventId":"9j53…","targetName":"projects/ci42…/devices/emuc…","eventType":"motion",
     "data":{"motion":{"state":"MOTION_DETECTED","updateTime":"2023-08-02T11:03:18.595777Z"}},"timestamp":"…"}

or that wrapped by a data connector: {"event":{…},"labels":{…},"metadata":{"deviceType":"motion"}}.

`motion` and `deskOccupancy` are verdicts of the whole and of their own name; any other state than the two each has is
unknown. `objectPresent` is a verdict of its name only: something lies before the sensor, a door as well as a person.
A touch, a contact and counters are no presence. `remarks` of a desk are not read: what they may say is not known.
`updateTime` is when it was observed. `networkStatus` says that the sensor lives, and through which cloud
connectors: its gateway is the only one that is not offline. `connectionStatus` OFFLINE means such a connector.

Events are delivered at least once: an eventId is said once. Bounded: the last 8,192 ids; 4,096 devices besides the
claimed ones, 4 connectors each; 1,024 connectors.
Source: disruptive-technologies/python-client, events.py and tests; akenza-io/device-type-library, desk.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, ClassVar, Final, NamedTuple

import msgspec

from collector.conventions.convention import Entry, Heard, Message, Question, Subscription
from collector.conventions.hearers import Hearers
from collector.conventions.memory import Memory
from collector.conventions.payload import damaged, instant_ms, typed, within
from presence.site import Source

MOST_EVENTS: Final = 8192
MOST_CONNECTORS: Final = 1024

_WEBHOOK = re.compile(r"hadir/1/[^/]+/webhook/disruptive")
_TOPICS = ("hadir/1/+/webhook/disruptive", "disruptive/events")
_TARGET = re.compile(r"projects/[A-Za-z0-9_-]{1,64}/devices/([A-Za-z0-9_-]{1,64})", re.ASCII)
_DEVICE = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_LONGEST_ID = 64

_STATES: Final[dict[str, dict[str, float]]] = {
    "motion": {"MOTION_DETECTED": 1.0, "NO_MOTION_DETECTED": 0.0},
    "deskOccupancy": {"OCCUPIED": 1.0, "NOT_OCCUPIED": 0.0},
    "objectPresent": {"PRESENT": 1.0, "NOT_PRESENT": 0.0},
}
_OF_A_PART = "objectPresent"
_CONNECTIONS = {"ETHERNET": True, "CELLULAR": True, "OFFLINE": False}


class _Told(msgspec.Struct, gc=False):
    """What stands under the name of the event type; of all types together."""

    updateTime: Any = None  # noqa: N815
    state: Any = None
    percentage: Any = None
    value: Any = None
    temperature: Any = None
    relativeHumidity: Any = None  # noqa: N815
    ppm: Any = None
    connection: Any = None
    cloudConnectors: Any = None  # noqa: N815


class _Data(msgspec.Struct, gc=False):
    motion: _Told | None = None
    deskOccupancy: _Told | None = None  # noqa: N815
    objectPresent: _Told | None = None  # noqa: N815
    batteryStatus: _Told | None = None  # noqa: N815
    networkStatus: _Told | None = None  # noqa: N815
    connectionStatus: _Told | None = None  # noqa: N815
    temperature: _Told | None = None
    humidity: _Told | None = None
    co2: _Told | None = None
    touch: _Told | None = None


class _Event(msgspec.Struct, gc=False):
    eventId: str = ""  # noqa: N815
    targetName: str = ""  # noqa: N815
    eventType: str = ""  # noqa: N815
    timestamp: Any = None
    data: _Data | None = None


class _Metadata(msgspec.Struct, gc=False):
    deviceType: Any = None  # noqa: N815


class _Body(_Event, gc=False):
    """An event, or one in its wrapping."""

    event: _Event | None = None
    metadata: _Metadata | None = None


class _Connection(NamedTuple):
    """What a connector said last of itself: the newest counts, in whatever order events come."""

    online: bool
    at_ms: int


_BODY = msgspec.json.Decoder(_Body)
_NOTHING_TOLD = _Told()


class Disruptive:
    """Decodes events; it knows which came already, and who hears whom."""

    NAME: ClassVar[str] = "disruptive"
    EXCLUSIVE: ClassVar[bool] = True

    def __init__(self) -> None:
        self._events: Memory[bool] = Memory(MOST_EVENTS)
        self._hearers = Hearers()
        self._connections: Memory[_Connection] = Memory(MOST_CONNECTORS)
        self._topics: frozenset[str] = frozenset()

    def address(self, source: Source) -> str:
        """The device's id, the last part of its targetName, which `device` may be as well. Raises ValueError."""
        if source.config or source.profile is not None:
            raise ValueError("knows neither profile nor config; leave them out")
        if source.device is None:
            raise ValueError("names no device; write its id, device: emucj4fj3epdjrin69t0v80")
        if source.topic is not None and ("#" in source.topic or "+" in source.topic):
            raise ValueError(f'"{source.topic}" is no topic of a message; write it without wildcards')
        found = _TARGET.fullmatch(source.device)
        device = source.device if found is None else found[1]
        if not _DEVICE.fullmatch(device):
            raise ValueError(f'"{source.device}" is no id of a device; write it as emucj4fj3epdjrin69t0v80')
        return device

    def source(self, address: str) -> dict[str, str]:
        """`device` alone."""
        return {"device": address}

    def follow(self, entries: Sequence[Entry]) -> None:
        """Listen to the entries' topics, too."""
        self._hearers.pin({entry.address for entry in entries})
        self._topics = frozenset(entry.topic for entry in entries if entry.topic and not _usual(entry.topic))

    def subscriptions(self) -> Sequence[Subscription]:
        """Kept while we are away: events are dated."""
        return [Subscription(topic, 1) for topic in (*_TOPICS, *sorted(self._topics))]

    def owns(self, topic: str) -> bool:
        """Whether it is one of those topics."""
        return _usual(topic) or topic in self._topics

    def decode(self, message: Message) -> Sequence[Heard]:
        """What one event says, unless it was said already. Raises DamagedFrame."""
        if not message.payload:
            return ()
        body = typed(_BODY, message.payload)
        event = body if body.event is None else body.event
        target = _TARGET.fullmatch(event.targetName)
        if target is None:
            raise damaged("names no device: targetName is not as projects/x/devices/y")
        if len(event.eventId) > _LONGEST_ID:
            raise damaged(f"an eventId of more than {_LONGEST_ID} characters")
        if event.eventId and self._events.get(event.eventId):
            return ()
        heard = self._heard(target[1], event, message)
        if event.eventId:
            self._events.put(event.eventId, True)
        seems = body.metadata.deviceType if body.metadata is not None else None
        if isinstance(seems, str) and seems:
            return (msgspec.structs.replace(heard, seems=seems[:_LONGEST_ID]),)
        return (heard,)

    def gateway_of(self, address: str) -> str | None:
        """The only cloud connector that hears the device; None when there are none or several."""
        return self._hearers.gateway_of(address)

    def ask(self, address: str, now_ms: int) -> Sequence[Question]:
        """Nothing: the cloud takes no questions here."""
        return ()

    def questions(self, now_ms: int) -> Sequence[Question]:
        """Nothing."""
        return ()

    def missed(self, now_ms: int) -> None:
        """Nothing: events are kept for us while we are away, and no verdict is remembered."""

    def _heard(self, device: str, event: _Event, message: Message) -> Heard:
        kind = event.eventType
        told = getattr(event.data, kind, None) if kind in _Data.__struct_fields__ else None
        if told is None:
            if kind in _STATES or kind == "connectionStatus":
                raise damaged("holds nothing under the name of its eventType")
            told = _NOTHING_TOLD
        at_ms = instant_ms(told.updateTime)
        if at_ms is None:
            at_ms = instant_ms(event.timestamp)
        if (states := _STATES.get(kind)) is not None:
            return _verdict(device, kind, states.get(told.state) if isinstance(told.state, str) else None, at_ms)
        if kind == "connectionStatus":
            return self._connection(device, told.connection, at_ms, message.received_ms)
        if kind == "networkStatus":
            self._heard_by(device, told.cloudConnectors, message.received_ms)
        return Heard(device=device, address=device, at_ms=at_ms, values=_values(kind, told))

    def _connection(self, connector: str, connection: object, at_ms: int | None, received_ms: int) -> Heard:
        online = _CONNECTIONS.get(connection) if isinstance(connection, str) else None
        if online is None:
            raise damaged("a connection that is neither ETHERNET, CELLULAR nor OFFLINE")
        said_ms = received_ms if at_ms is None else at_ms
        last = self._connections.get(connector)
        historical = last is not None and last.at_ms > said_ms
        if not historical:
            self._connections.put(connector, _Connection(online, said_ms))
            self._hearers.said(connector, online)
        return Heard(
            device=connector,
            address=connector,
            at_ms=at_ms,
            online=None if historical else online,
            historical=historical,
            scope="gateway",
        )

    def _heard_by(self, device: str, connectors: object, received_ms: int) -> None:
        if not isinstance(connectors, list):
            return
        for connector in connectors[:16]:
            name = connector.get("id") if isinstance(connector, dict) else None
            if isinstance(name, str) and _DEVICE.fullmatch(name):
                self._hearers.heard(device, name, received_ms)


def _usual(topic: str) -> bool:
    return topic == "disruptive/events" or _WEBHOOK.fullmatch(topic) is not None


def _verdict(device: str, kind: str, state: float | None, at_ms: int | None) -> Heard:
    whole = kind != _OF_A_PART
    if state is None:
        unknown = frozenset(("presence", kind)) if whole else frozenset((kind,))
        return Heard(device=device, address=device, at_ms=at_ms, unknown=unknown)
    values = {"presence": state} if whole else {}
    return Heard(device=device, address=device, at_ms=at_ms, values=values, presences={kind: state})


def _values(kind: str, told: _Told) -> dict[str, float]:
    found: dict[str, float | None] = {}
    if kind == "batteryStatus":
        found["battery"] = within(told.percentage, 0, 100)
    elif kind == "temperature":
        found["temperature"] = within(told.value, -273.15, 1000)
    elif kind == "humidity":
        found["temperature"] = within(told.temperature, -273.15, 1000)
        found["humidity"] = within(told.relativeHumidity, 0, 100)
    elif kind == "co2":
        found["co2"] = within(told.ppm, 0, 1_000_000)
    return {quantity: value for quantity, value in found.items() if value is not None}
