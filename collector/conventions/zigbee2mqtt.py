"""Zigbee2MQTT: Zigbee sensors behind a coordinator, everything under one base topic.

    zigbee2mqtt/bridge/state               {"state":"online"}, before 2.0 `online`; retained; its will says offline
    zigbee2mqtt/bridge/devices             what the devices are (`zigbee2mqtt_devices`); retained
    zigbee2mqtt/bridge/event               {"type":"device_leave","data":{"friendly_name":"counter-2"}}
    zigbee2mqtt/counter-2                  {"occupancy":true,"illuminance":7,"battery":97,"last_seen":1760601600123}
    zigbee2mqtt/counter-2/availability     {"state":"online"}, before 2.0 `online`; empty: the name is given up
    zigbee2mqtt/counter-2/occupancy        `true`: output of single attributes, each on a topic of its own; empty: null
    zigbee2mqtt/counter-2/get              {"occupancy":""} asks for the state

A friendly name may hold `/`. States are QoS 0, not retained, and the merged cache: what of them is evidence is decided
in `zigbee2mqtt_evidence`. Address = `<base>/<friendly name>`, or `<base>/<IEEE address>`, which a rename leaves as it
is; of the bridge: its base. In `Heard.presences` stand the keys: `presence`, `occupancy_2`, `presence_state` …

Memory: `MOST_KNOWN` devices (and the claimed ones) with at most 27 + `MOST_KEYS` verdicts, 3 quantities, a date and a
question each; `MOST_DEFINED` definitions, those of one base being no more than one list of 4 MiB can say; a few
numbers a base, and one birth.

Source: zigbee2mqtt @6835cbf (2.12.1): mqtt.ts, controller.ts, extension/bridge.ts, extension/availability.ts.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from collector.conventions.convention import ANY, Entry, Heard, Message, Question, Subscription
from collector.conventions.memory import Memory
from collector.conventions.payload import (
    LARGEST_PAYLOAD,
    LONGEST_TOPIC,
    availability,
    damaged,
    instant_ms,
    json_object,
    levels,
    number,
    text,
)
from collector.conventions.zigbee2mqtt_devices import (
    DISTANCES,
    IEEE,
    UNDEFINED,
    Definition,
    definitions,
    measures,
    verdict,
)
from collector.conventions.zigbee2mqtt_evidence import Bridge, Known, Told, weigh
from presence.errors import DamagedFrame
from presence.site import Source

BASE = "zigbee2mqtt"
MOST_KNOWN = 4096
MOST_DEFINED = 4096

_BIRTH_TOPIC = "homeassistant/status"
_MEASURES = frozenset((*DISTANCES, "illuminance", "illuminance_lux", "battery"))
_LONGEST_ATTRIBUTE = 64
# Of a device about whose keys nothing is known; Zigbee2MQTT logs those that it has not.
_USUAL_QUESTION = frozenset(("occupancy", "presence"))
_LATEST_MS = 10**15
_WORDS = {"true": True, "false": False, "": None}
# Of a name that another device had, or of a device that had another name, the cached copy comes first.
_AWAITED = -1


class Zigbee2mqtt:
    """See the module."""

    NAME: ClassVar[str] = "zigbee2mqtt"
    EXCLUSIVE: ClassVar[bool] = True

    def __init__(self) -> None:
        self._prefixes: tuple[tuple[str, str], ...] = ((BASE, f"{BASE}/"),)
        self._claimed: frozenset[str] = frozenset()
        self._claims: dict[str, tuple[str, ...]] = {}  # topic of a state -> the addresses that claim its device
        self._topics: dict[str, str] = {}  # claimed address -> topic of its state, where they differ
        self._bridges: dict[str, Bridge] = {BASE: Bridge()}
        self._known: Memory[Known] = Memory(MOST_KNOWN)  # by the topic of the state, as the definitions
        self._definitions: Memory[Definition] = Memory(MOST_DEFINED)
        self._birth_ms: int | None = None

    def address(self, source: Source) -> str:
        if source.profile is not None:
            raise ValueError("profile means nothing to zigbee2mqtt; leave it out")
        base = _configured_base(source.config or {})
        if source.topic is None and source.device is None:
            raise ValueError("names no device; write topic: zigbee2mqtt/NAME, or device: 0x and 16 hex digits")
        if source.topic is not None:
            base = _checked_topic(source.topic, base)
        if source.device is None:
            return str(source.topic)
        ieee = source.device.lower()
        if not IEEE.fullmatch(ieee):
            raise ValueError("device is no IEEE address; write 0x and 16 hex digits, or the friendly name in topic")
        return f"{base or BASE}/{ieee}"

    def source(self, address: str) -> dict[str, str]:
        return {"topic": address}

    def follow(self, entries: Sequence[Entry]) -> None:
        bases = {BASE}
        for entry in entries:
            given = (entry.config or {}).get("base")
            if isinstance(given, str) and given:
                bases.add(given)
            elif entry.address != ANY:
                bases.add(entry.address.partition("/")[0])
        # The longest first: one base may lie below another.
        self._prefixes = tuple((base, f"{base}/") for base in sorted(bases, key=len, reverse=True))
        self._bridges = {base: self._bridges.get(base) or Bridge() for base in bases}
        self._claimed = frozenset(entry.address for entry in entries if entry.address != ANY)
        self._link()

    def subscriptions(self) -> Sequence[Subscription]:
        # QoS 0 also where Zigbee2MQTT publishes with 1: a state that waited in the broker looks like a live one.
        return (*(Subscription(f"{prefix}#", 0) for _, prefix in self._prefixes), Subscription(_BIRTH_TOPIC, 0))

    def owns(self, topic: str) -> bool:
        return topic == _BIRTH_TOPIC or self._base_of(topic) is not None

    def decode(self, message: Message) -> Sequence[Heard]:
        topic = message.topic
        base = self._base_of(topic)
        if base is None:
            if topic == _BIRTH_TOPIC:
                self._hear_birth(message)
            return ()
        levels(topic)
        rest = topic[len(base) + 1 :]
        if rest.startswith("bridge/"):
            return self._of_bridge(base, rest[7:], message)
        name, _, last = rest.rpartition("/")
        if last == "availability" and "/" in rest:
            return self._of_availability(base, name, message)
        if name and (last in ("set", "get") or name.endswith(("/set", "/get"))):
            return ()
        if not rest:
            raise damaged("a topic without a device")
        payload = message.payload
        if payload[:1] == b"{" or payload[:LARGEST_PAYLOAD].lstrip()[:1] == b"{":
            return self._of_state(base, rest, message)
        if not payload and not name:
            raise damaged("empty: a retained state was taken back")
        return self._of_attribute(base, name, last, message)

    def gateway_of(self, address: str) -> str | None:
        return self._base_of(address)

    def ask(self, address: str, now_ms: int) -> Sequence[Question]:
        base = self._base_of(address)
        if base is None or self._bridges[base].offline:
            return ()
        topic = self._topics.get(address, address)
        definition = self._definitions.get(topic) or UNDEFINED
        keys = _USUAL_QUESTION if definition.readable is None else definition.readable
        # What runs on a battery sleeps, and would be asked in vain.
        if definition.battery or not keys:
            return ()
        known = self._known.get(topic) or Known()
        known.asked, known.asked_ms = keys, now_ms
        self._known.put(topic, known)
        return (Question(f"{topic}/get", json.dumps(dict.fromkeys(sorted(keys), "")).encode()),)

    def questions(self, now_ms: int) -> Sequence[Question]:
        return ()

    def missed(self, now_ms: int) -> None:
        """As the convention says; from where on changes count stays: what is cached is no evidence afterwards."""
        for known in self._known.values():
            known.doubt()

    def _base_of(self, topic: str) -> str | None:
        for base, prefix in self._prefixes:
            if topic.startswith(prefix):
                return base
        return None

    def _link(self) -> None:
        """Find the devices of the claimed addresses by what `bridge/devices` said."""
        claims = {address: [address] for address in self._claimed}
        self._topics = {}
        for topic, definition in self._definitions.items():
            base = self._base_of(topic)
            address = f"{base}/{definition.ieee}"
            if base is not None and address in self._claimed and address != topic:
                claims.setdefault(topic, []).append(address)
                self._topics[address] = topic
        self._claims = {topic: tuple(addresses) for topic, addresses in claims.items()}
        self._known.pin(self._claims)
        self._definitions.pin(self._claims)

    def _hear_birth(self, message: Message) -> None:
        if not message.retain and message.payload[:16].strip().lower() == b"online":
            self._birth_ms = message.received_ms

    def _of_bridge(self, base: str, what: str, message: Message) -> Sequence[Heard]:
        if what == "state":
            return self._of_bridge_state(base, message)
        if what == "devices" and message.payload:
            self._take_over(base, definitions(message.payload))
            return (Heard(device=base, address=base, scope="gateway"),)
        if what == "event":
            return self._of_event(base, message)
        return ()

    def _of_bridge_state(self, base: str, message: Message) -> Sequence[Heard]:
        if not message.payload:
            return ()
        online = availability(message.payload)
        if online is None:
            raise damaged("bridge/state is neither online nor offline")
        bridge = self._bridges[base]
        if not online:
            bridge.went()
        elif bridge.offline or not message.retain:
            bridge.came(message.received_ms)
        return (Heard(device=base, address=base, scope="gateway", online=online),)

    def _of_event(self, base: str, message: Message) -> Sequence[Heard]:
        event = json_object(message.payload)
        data = event.get("data")
        if event.get("type") != "device_leave" or not isinstance(data, dict):
            return ()
        name = data.get("friendly_name")
        if not isinstance(name, str) or not 0 < len(name) <= LONGEST_TOPIC:
            raise damaged("a device without a name left")
        topic = f"{base}/{name}"
        known = self._known.get(topic)
        # Whether it will be there again nobody says: what it told last is not known any more, that is all.
        not_known = frozenset({"presence", *(known.verdicts if known is not None else ())})
        self._doubt(topic)
        return [Heard(device=name, address=one, unknown=not_known) for one in self._claims.get(topic, (topic,))]

    def _of_availability(self, base: str, name: str, message: Message) -> Sequence[Heard]:
        if not name:
            raise damaged("availability of a device without a name")
        online = availability(message.payload) if message.payload else None
        if online is None and message.payload:
            raise damaged("availability is neither online nor offline")
        if not online:
            self._doubt(f"{base}/{name}")
        return self._say(base, name, online=online)

    def _doubt(self, topic: str) -> None:
        """Nothing that was told by a device holds any longer; from where on changes count stays."""
        if (known := self._known.get(topic)) is not None:
            known.doubt()

    def _take_over(self, base: str, found: dict[str, Definition]) -> None:
        """Know the devices of one base by `found`; what is known of one that has a new name goes with it."""
        before = {topic: one for topic, one in self._definitions.items() if self._base_of(topic) == base}
        moved = self._moved(before, {f"{base}/{name}": one for name, one in found.items()})
        for topic in before:
            self._definitions.forget(topic)
        for name, definition in found.items():
            topic = f"{base}/{name}"
            self._definitions.put(topic, definition)
            if (known := moved.get(topic) or self._known.get(topic)) is not None:
                known.keep(definition.keys)
        self._link()
        for topic, known in moved.items():
            self._known.put(topic, known)

    def _moved(self, before: dict[str, Definition], now: dict[str, Definition]) -> dict[str, Known]:
        """What is known of the devices whose names were others, or another's, by their new topics."""
        topics = {one.ieee: topic for topic, one in before.items() if one.ieee is not None}
        moved: dict[str, Known] = {}
        left: set[str] = set()
        for topic, definition in now.items():
            old = topics.get(definition.ieee) if definition.ieee is not None else topic
            if old is not None and old != topic:
                moved[topic] = self._known.get(old) or Known(turns=_AWAITED)
                left.add(old)
            elif old is None and topic in before and before[topic].ieee is not None:
                moved[topic] = Known(turns=_AWAITED)
        for old in left:
            self._known.forget(old)
        return moved

    def _of_state(self, base: str, name: str, message: Message) -> Sequence[Heard]:
        topic = message.topic
        document = json_object(message.payload)
        definition = self._definitions.get(topic) or UNDEFINED
        keys = definition.keys.intersection(document)
        _refuse_doubles(message.payload, keys)
        told = Told(
            {key: verdict(key, document[key], definition) for key in keys},
            measures(document, definition),
            _last_seen_ms(document.get("last_seen")),
            message.retain,
            message.received_ms,
        )
        return self._weighed(base, name, told, definition)

    def _of_attribute(self, base: str, name: str, key: str, message: Message) -> Sequence[Heard]:
        """What is no object: the value of one key, a key that is of no interest, or damage."""
        topic = f"{base}/{name}"
        definition = self._definitions.get(topic) or UNDEFINED
        if name and (key in definition.keys or key in _MEASURES):
            word = text(message.payload, _LONGEST_ATTRIBUTE)
            value = _WORDS.get(word, word)
            verdicts = {key: verdict(key, value, definition)} if key in definition.keys else {}
            told = Told(verdicts, measures({key: value}, definition), None, message.retain, message.received_ms, key)
            return self._weighed(base, name, told, definition)
        expected = not name or message.topic in self._claims or self._definitions.get(message.topic) is not None
        # Empty is what is left of a state that was retained.
        if expected and message.payload:
            raise damaged("no JSON object")
        return ()

    def _weighed(self, base: str, name: str, told: Told, definition: Definition) -> Sequence[Heard]:
        topic = f"{base}/{name}"
        known = self._known.get(topic)
        if known is None:
            if not told.verdicts and not told.measures and topic not in self._claims:
                return ()  # a lamp, a plug, a group: nobody's sensor
            known = Known()
            self._known.put(topic, known)
        values, presences, unknown, at_ms = weigh(told, known, self._bridges[base], self._birth_ms)
        return [
            Heard(
                device=name,
                address=address,
                values=values,
                presences=presences,
                unknown=unknown,
                at_ms=at_ms,
                seems=definition.seems,
            )
            for address in self._claims.get(topic, (topic,))
        ]

    def _say(self, base: str, name: str, online: bool | None) -> Sequence[Heard]:
        topic = f"{base}/{name}"
        return [Heard(device=name, address=address, online=online) for address in self._claims.get(topic, (topic,))]


def _configured_base(config: dict[str, Any]) -> str | None:
    for key in config.keys() - {"base"}:
        raise ValueError(f'config.{key} is not known; zigbee2mqtt has "base" only, for a base topic with a slash')
    base = config.get("base")
    if base is None:
        return None
    if not isinstance(base, str) or not base or base != base.strip("/") or not _is_topic(base):
        raise ValueError("config.base is no topic; write it as in Zigbee2MQTT's base_topic, such as hall/zigbee2mqtt")
    return base


def _checked_topic(topic: str, base: str | None) -> str:
    """The base of a device's topic. Raises ValueError."""
    found = base or topic.partition("/")[0]
    name = topic.removeprefix(f"{found}/")
    if not found or not name or name == topic or not _is_topic(topic):
        wanted = f"{base or BASE}/NAME"
        raise ValueError(f"topic is none of a device; write {wanted}, NAME being its friendly name")
    if name.startswith("bridge/"):
        raise ValueError("topic is one of Zigbee2MQTT itself; write the one of a device, zigbee2mqtt/NAME")
    return found


def _is_topic(topic: str) -> bool:
    try:
        levels(topic)
    except DamagedFrame:
        return False
    return True


def _last_seen_ms(value: object) -> int | None:
    """Epoch ms of a last_seen: ISO 8601 with an offset, or epoch ms; the older "relative" text says nothing."""
    if isinstance(value, str):
        return instant_ms(value)
    found = number(value)
    return int(found) if found is not None and abs(found) <= _LATEST_MS else None


def _refuse_doubles(payload: bytes, keys: Iterable[str]) -> None:
    """Raise DamagedFrame when one of `keys` stands there twice: one reader takes the first, another the last."""
    suspect = b"\\" in payload  # a name may be written in escapes
    for key in keys:
        suspect = suspect or payload.count(f'"{key}"'.encode()) > 1
    if not suspect:
        return
    try:
        pairs = json.loads(payload, object_pairs_hook=list)
    except (ValueError, RecursionError):
        raise damaged("no JSON that can be read") from None
    names = [name for name, _ in pairs]
    for key in keys:
        if names.count(key) > 1:
            raise damaged(f"{key} stands there twice")
