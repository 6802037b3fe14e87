"""ESPHome nodes over MQTT: a word a topic, most of them retained, none dated.

    <prefix>/binary_sensor/<object>/state   ON | OFF
    <prefix>/sensor/<object>/state          decimal text; nan or None: unknown
    <prefix>/status                         online | offline: birth, last will
    homeassistant/<type>/<node>/<object>/config   device class, unit, and topics that were chosen otherwise

A device is its prefix, by default the node's name; it may hold slashes. Single objects are `binary_sensor/<object>`.
What is occupancy is known from the device class (occupancy, presence; motion where there is neither), and without
discovery from the object's name (has_target, presence, occupancy …; pir and motion). Of a radar's three only
`has_target` is; moving and still are detail. The device as a whole: `collector.conventions.whole`; an object counts
there from when it was announced or first spoke. Each `online` that is heard live begins anew: the node then sends all
that it has, and what is silent for a minute is no object of it any more. Units are never guessed: without discovery
numbers that have one are left out.

Every live message is evidence: a node speaks when a state changes, and tells all of them when it connects.

Memory: 2,048 nodes besides the claimed ones, 64 objects each (250 bytes an object), 8,192 config topics.
`<prefix>/debug` and what is no state is not listened to; topics chosen otherwise are, for claimed nodes only.

Source: esphome 2026.10.0, components/mqtt, ld2410, ld2450; docs @bac5e2a; mqtt_component.cpp @0117519.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import ClassVar, Final, NamedTuple

from collector.conventions import discovery_config, payload
from collector.conventions.convention import Entry, Heard, Message, Question, Subscription
from collector.conventions.discovery_config import Entity
from collector.conventions.esphome_node import ONLINE, Node, Object, measured
from collector.conventions.memory import Memory
from collector.conventions.whole import NOTHING, whole
from presence.errors import DamagedFrame
from presence.site import Source

MOST_NODES: Final = 2048
MOST_CONFIGS: Final = 8192
LONGEST_STATE: Final = 64

_STATES = ("binary_sensor", "sensor")
_STATUS = "status"
# First levels that belong to others, which have topics of the same shape.
_OTHERS = frozenset(
    (
        *("hadir", "homeassistant", "zigbee2mqtt", "shellies", "tele", "stat", "cmnd", "tasmota", "spBv1.0", "homie"),
        *("home", "application", "gateway", "v3", "frigate", "rtl_433", "owntracks", "zwave", "valetudo"),
    )
)
_RANGES: Final = {"battery": (0.0, 100.0), "distance": (0.0, 1000.0), "illuminance": (0.0, 1e6)}
_ON_OFF: Final = {b"ON": 1.0, b"OFF": 0.0}
_UNKNOWN = frozenset(("nan", "none", "inf", "-inf", "+inf", "-nan", "unknown", "unavailable"))
_BY_UNIQUE_ID = re.compile(r"ESP(binary_)?sensor.*|[0-9a-f]{12}-(binary_)?sensor-[0-9a-f]{8}", re.ASCII | re.DOTALL)


class _Place(NamedTuple):
    """A node's topic. `key`: `<type>/<object>`, or `status`."""

    prefix: str
    key: str


class _Config(NamedTuple):
    """A config message that was understood: of which object, and its seal."""

    place: _Place
    seal: bytes


class Esphome:
    NAME: ClassVar[str] = "esphome"
    EXCLUSIVE: ClassVar[bool] = True

    def __init__(self) -> None:
        self._nodes: Memory[Node] = Memory(MOST_NODES)
        self._configs: Memory[_Config] = Memory(MOST_CONFIGS)  # by its topic
        self._claimed: frozenset[str] = frozenset()
        self._custom: dict[str, _Place] = {}
        self._subscriptions: Sequence[Subscription] = ()
        self._listen()

    def address(self, source: Source) -> str:
        prefix = source.topic
        if not prefix:
            raise ValueError("needs topic: the node's topic prefix, such as esp-im1")
        if source.device or source.profile or source.config:
            raise ValueError("has device, profile or config, which an ESPHome node has not; write topic: its prefix")
        if "+" in prefix or "#" in prefix or prefix.startswith("$") or "" in prefix.split("/"):
            raise ValueError(f'topic "{prefix[:40]}" is no prefix; write what its topics begin with, such as esp-im1')
        if prefix.endswith(("/state", "/status")):
            raise ValueError(f'topic "{prefix[:40]}" is one topic of the node; write its prefix, what all begin with')
        for said in (source.presence, source.part):
            if said and not re.fullmatch(r"binary_sensor/[^/+#]+", said):
                raise ValueError(f'"{said[:40]}" is no object; write binary_sensor/ and its object id')
        return prefix

    def source(self, address: str) -> dict[str, str]:
        return {"topic": address}

    def follow(self, entries: Sequence[Entry]) -> None:
        self._claimed = frozenset(entry.address for entry in entries if entry.address)
        self._nodes.pin(self._claimed)
        self._listen()

    def subscriptions(self) -> Sequence[Subscription]:
        return self._subscriptions

    def owns(self, topic: str) -> bool:
        if topic in self._custom:
            return True
        if (config := discovery_config.config_topic(topic)) is not None:
            return config.platform in _STATES and config.node is not None
        place = _place(topic)
        if place is None or len(topic) > payload.LONGEST_TOPIC or "+" in topic or "#" in topic or "\0" in topic:
            return False
        if place.prefix in self._claimed:
            return True
        root, _, deeper = place.prefix.partition("/")
        return bool(root) and root not in _OTHERS and root[0] != "$" and not (deeper and place.key == _STATUS)

    def decode(self, message: Message) -> Sequence[Heard]:
        place = self._custom.get(message.topic) if self._custom else None
        place = place or _place(message.topic)
        if place is None:
            self._learn(message)
            return ()
        if not message.payload:
            return ()
        if place.key == _STATUS:
            return self._status(place.prefix, message)
        if place.key.startswith("sensor/"):
            return self._number(place, message)
        return self._verdict(place, message)

    def gateway_of(self, address: str) -> str | None:
        return None

    def ask(self, address: str, now_ms: int) -> Sequence[Question]:
        return ()  # a node tells all that it has when it connects, and cannot be asked

    def questions(self, now_ms: int) -> Sequence[Question]:
        return ()

    def missed(self, now_ms: int) -> None:
        """As the convention says; what is retained is told again, and whatever else a node has is waited for."""
        for node in self._nodes.values():
            node.begin(None)

    def _verdict(self, place: _Place, message: Message) -> Sequence[Heard]:
        verdict = _ON_OFF.get(message.payload)
        if verdict is None:
            word = _word(message.payload)
            verdict = None if word is None else payload.truth(word)
            if verdict is None and (word is None or word.lower() not in _UNKNOWN):
                return self._rubbish(place.prefix, "neither ON nor OFF")
        prefix, key = place
        node = self._nodes.get(prefix)
        if node is None:
            node = Node()
            self._nodes.put(prefix, node)
        one = node.objects.get(key)
        if one is None:
            one = Object(key)
            node.add(key, one)
        one.verdict, one.heard = verdict, True
        said = NOTHING
        if one in node.deciding:
            said = whole((verdict,), node.others(one, message.received_ms))
        if verdict is None:
            return (Heard(device=prefix, address=prefix, unknown=said.unknown | {key}, seems=node.seems),)
        values = said.values if one.quantity is None else {**said.values, one.quantity: verdict}
        return (
            Heard(
                device=prefix,
                address=prefix,
                values=values,
                presences={key: verdict},
                unknown=said.unknown,
                seems=node.seems,
            ),
        )

    def _number(self, place: _Place, message: Message) -> Sequence[Heard]:
        prefix, key = place
        word = _word(message.payload)
        value = payload.number(word)
        if value is None and (word is None or word.lower() not in _UNKNOWN):
            return self._rubbish(prefix, "no number")
        node = self._nodes.get(prefix)
        one = None if node is None else node.objects.get(key)
        seems = None if node is None else node.seems
        if value is None:
            return (Heard(device=prefix, address=prefix, seems=seems),)
        quantity, divisor = (one.quantity, one.divisor) if one is not None else measured(key[7:], None)
        if quantity is None:
            return (Heard(device=prefix, address=prefix, seems=seems),)
        value /= divisor
        least, most = _RANGES.get(quantity, (-1e9, 1e9))
        if not least <= value <= most:
            return self._rubbish(prefix, f"{quantity} out of its range")
        return (Heard(device=prefix, address=prefix, values={quantity: value}, seems=seems),)

    def _status(self, prefix: str, message: Message) -> Sequence[Heard]:
        node = self._nodes.get(prefix)
        online = (ONLINE if node is None else node.words).get(message.payload)
        if online is None:
            return self._rubbish(prefix, "neither online nor offline")
        if node is not None and not online:
            node.begin(None)
        elif node is not None and not message.retain:
            node.begin(message.received_ms)
        return (Heard(device=prefix, address=prefix, online=online, seems=None if node is None else node.seems),)

    def _rubbish(self, prefix: str, reason: str) -> Sequence[Heard]:
        """Others have topics of this shape, too: only a node that is claimed or was announced can send damage."""
        node = self._nodes.get(prefix)
        if prefix in self._claimed or (node is not None and node.is_announced()):
            raise payload.damaged(reason)
        return ()

    def _learn(self, message: Message) -> None:
        at = discovery_config.config_topic(message.topic)
        if at is None or at.platform not in _STATES or at.node is None:
            return
        seal = discovery_config.seal(message.payload)
        before = self._configs.get(message.topic)
        if before is not None and before.seal == seal and self._nodes.get(before.place.prefix) is not None:
            return
        try:
            announcement = discovery_config.read(at, message.payload)
        except DamagedFrame:
            return  # whose business it is to say so is `ha_discovery`'s
        if announcement.gone:
            self._forget(message.topic)
            return
        for entity in announcement.entities:
            place = _place_of(entity, at)
            if before is not None and before.place != place:
                self._forget(message.topic)
            if place is not None and not announcement.ours:
                self._configs.put(message.topic, _Config(place, seal))
                self._know(place, entity, announcement.model)

    def _know(self, place: _Place, entity: Entity, model: str | None) -> None:
        node = self._nodes.get(place.prefix)
        if node is None:
            node = Node()
            self._nodes.put(place.prefix, node)
        node.seems = f"ESPHome, {model}" if model else "ESPHome"
        before = node.objects.get(place.key)
        one = Object(place.key, entity)
        usual = {f"{place.prefix}/{_STATUS}", f"{place.prefix}/{place.key}/state", None}
        chosen = {node.availability, None if before is None else before.topic} - usual
        node.learn(place.prefix, entity.availabilities)
        if before is not None:
            one.verdict, one.heard = before.verdict, before.heard
        node.add(place.key, one)
        if place.prefix in self._claimed and {node.availability, one.topic} - usual != chosen:
            self._listen()

    def _forget(self, config: str) -> None:
        """An entity was taken back."""
        known = self._configs.get(config)
        if known is None:
            return
        self._configs.forget(config)
        place, _ = known
        node = self._nodes.get(place.prefix)
        if node is None:
            return
        if (taken := node.objects.pop(place.key, None)) is not None:
            node.decide()
            if taken.topic in self._custom:
                self._listen()

    def _listen(self) -> None:
        """Find out which topics are needed."""
        custom: dict[str, _Place] = {}
        filters = ["+/binary_sensor/+/state", "+/sensor/+/state", "+/status"]
        for prefix in sorted(self._claimed):
            if "/" in prefix:
                filters += (f"{prefix}/binary_sensor/+/state", f"{prefix}/sensor/+/state", f"{prefix}/status")
            node = self._nodes.get(prefix)
            if node is None:
                continue
            if node.availability is not None and node.availability != f"{prefix}/status":
                custom[node.availability] = _Place(prefix, _STATUS)
            for key, one in node.objects.items():
                if one.topic is not None and one.topic not in (f"{prefix}/{key}/state", node.availability):
                    custom[one.topic] = _Place(prefix, key)
        self._custom = custom
        wanted = [Subscription(one, 0) for one in (*filters, *custom)]
        self._subscriptions = (*wanted, discovery_config.SUBSCRIPTIONS[1])


def _place(topic: str) -> _Place | None:
    """The node and object of a topic of the usual form."""
    levels = topic.rsplit("/", 3)
    if len(levels) == 4 and levels[3] == "state" and levels[1] in _STATES and levels[0] and levels[2]:
        return _Place(levels[0], f"{levels[1]}/{levels[2]}")
    if topic.endswith("/status"):
        return _Place(topic[:-7], _STATUS)
    return None


def _place_of(entity: Entity, at: discovery_config.ConfigTopic) -> _Place | None:
    """The node and object that an announced entity is, when ESPHome announced it."""
    if entity.state_topic is None or entity.path != ():
        return None
    place = _place(entity.state_topic)
    if place is not None and place.key == f"{at.platform}/{at.thing}":
        return place
    if not _BY_UNIQUE_ID.fullmatch(entity.unique_id or "") or at.node is None:
        return None
    # The topic was chosen by hand; the node's own still names its prefix, unless that was chosen, too.
    status = _place(entity.availabilities[0].topic) if entity.availabilities else None
    prefix = status.prefix if status is not None and status.key == _STATUS else at.node
    return _Place(prefix, f"{at.platform}/{at.thing}")


def _word(body: bytes) -> str | None:
    """A state as text without blanks around it; None when it is none."""
    if len(body) > LONGEST_STATE:
        return None
    try:
        return body.decode().strip()
    except UnicodeDecodeError:
        return None
