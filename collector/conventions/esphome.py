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
from collections.abc import Iterator, Sequence
from typing import ClassVar, Final, NamedTuple

from collector.conventions import discovery_config, payload
from collector.conventions.convention import Entry, Heard, Message, Question, Subscription
from collector.conventions.discovery_config import Availability, Entity
from collector.conventions.memory import Memory
from collector.conventions.whole import NOTHING, whole
from presence.errors import DamagedFrame
from presence.site import Source

MOST_NODES: Final = 2048
MOST_OBJECTS: Final = 64
MOST_CONFIGS: Final = 8192
LONGEST_STATE: Final = 64
SETTLED_AFTER_MS: Final = 60_000

_STATES = ("binary_sensor", "sensor")
_STATUS = "status"
# First levels that belong to others, which have topics of the same shape.
_OTHERS = frozenset(
    (
        *("hadir", "homeassistant", "zigbee2mqtt", "shellies", "tele", "stat", "cmnd", "tasmota", "spBv1.0", "homie"),
        *("home", "application", "gateway", "v3", "frigate", "rtl_433", "owntracks", "zwave", "valetudo"),
    )
)
_ONLINE: Final = {b"online": True, b"offline": False}
_ON_OFF: Final = {b"ON": 1.0, b"OFF": 0.0}
_UNKNOWN = frozenset(("nan", "none", "inf", "-inf", "+inf", "-nan", "unknown", "unavailable"))
_BY_UNIQUE_ID = re.compile(r"ESP(binary_)?sensor.*|[0-9a-f]{12}-(binary_)?sensor-[0-9a-f]{8}", re.ASCII | re.DOTALL)

_STRONG, _WEAK, _DETAIL = 2, 1, 0
_NAMED_STRONG = re.compile(r"(.*_)?(presence|occupancy|occupied|has_target)(_.*)?", re.ASCII)
_NAMED_WEAK = re.compile(r"(.*_)?(motion|pir)(_.*)?", re.ASCII)
# Parts of a radar's verdict, and other things that have a quantity of their own.
_TRUTHS = (
    (re.compile(r"(.*_)?out_pin(_.*)?", re.ASCII), "out_pin"),
    (re.compile(r"(.*_)?moving(_target)?", re.ASCII), "moving"),
    (re.compile(r"(.*_)?still(_target)?", re.ASCII), "still"),
)
_PART_OF_A_RADAR = re.compile(r"(?:.*_)?(?:(moving|still)_(distance|energy)|target_([123])_(x|y|speed|resolution))")
_OTHER_TARGETS = re.compile(r"(.*_)?(target_\d+_\w+|angle|(max|min)\w*)", re.ASCII)
_COUNT = re.compile(r"(.*_)?(?<!moving_)(?<!still_)target_count", re.ASCII)
# Device class -> unit -> what its numbers are divided by.
_DIVISORS: Final = {
    "distance": {"m": 1.0, "cm": 100.0, "mm": 1000.0},
    "speed": {"m/s": 1.0, "cm/s": 100.0, "mm/s": 1000.0},
    "energy": {"%": 1.0},
    "illuminance": {"lx": 1.0},
    "battery": {"%": 1.0},
    "temperature": {"°C": 1.0},
    "humidity": {"%": 1.0},
    "carbon_dioxide": {"ppm": 1.0},
}
_QUANTITIES: Final = {
    "distance": "distance",
    "illuminance": "illuminance",
    "battery": "battery",
    "temperature": "temperature",
    "humidity": "humidity",
    "carbon_dioxide": "co2",
}
_RANGES: Final = {"battery": (0.0, 100.0), "distance": (0.0, 1000.0), "illuminance": (0.0, 1e6)}


class _Place(NamedTuple):
    """A node's topic. `key`: `<type>/<object>`, or `status`."""

    prefix: str
    key: str


class _Config(NamedTuple):
    """A config message that was understood: of which object, and its seal."""

    place: _Place
    seal: bytes


class _Object:
    """What a single object of a node says.

    `quantity`: what its number is, or its verdict besides; `divisor`: of its number, for our unit; `strength`: how much
    of a verdict on occupancy it is; `topic`: as announced. `verdict`: its last word, None: not known; `heard`: whether
    it spoke since the node was born, as far as we know.
    """

    __slots__ = ("divisor", "heard", "quantity", "strength", "topic", "verdict")

    def __init__(self, key: str, announced: Entity | None = None) -> None:
        platform, name = key.split("/", 1)
        self.quantity: str | None = None
        self.divisor, self.strength = 1.0, _DETAIL
        if platform == "sensor":
            self.quantity, self.divisor = _measured(name, announced)
        else:
            self.quantity, self.strength = _judged(name, announced)
        self.topic = None if announced is None else announced.state_topic
        self.verdict: float | None = None
        self.heard = False


class _Node:
    __slots__ = ("availability", "born_ms", "deciding", "objects", "seems", "words")

    def __init__(self) -> None:
        self.objects: dict[str, _Object] = {}
        self.deciding: tuple[_Object, ...] = ()
        self.availability: str | None = None
        self.words = _ONLINE
        self.seems = "ESPHome"
        self.born_ms: int | None = None

    def add(self, key: str, one: _Object) -> None:
        if key in self.objects or len(self.objects) < MOST_OBJECTS:
            self.objects[key] = one
            self.decide()

    def learn(self, prefix: str, availabilities: Sequence[Availability]) -> None:
        """Take over where and in which words it says that it is there; the usual topic stands over an object's own."""
        usual = f"{prefix}/{_STATUS}"
        for one in availabilities[:1]:
            if one.topic == usual or self.availability != usual:
                self.availability = one.topic
                self.words = {one.online.encode(): True, one.offline.encode(): False}

    def decide(self) -> None:
        """Choose whose verdicts make that of the device: the strongest that there are."""
        most = max((one.strength for one in self.objects.values()), default=_DETAIL)
        self.deciding = tuple(one for one in self.objects.values() if one.strength == most > _DETAIL)

    def begin(self, born_ms: int | None) -> None:
        """Know no word of any object any more."""
        self.born_ms = born_ms
        for one in self.objects.values():
            one.verdict, one.heard = None, False

    def others(self, spoken: _Object, now_ms: int) -> Iterator[float | None]:
        """The last words of the deciding objects besides `spoken`."""
        settled = self.born_ms is not None and now_ms - self.born_ms > SETTLED_AFTER_MS
        for one in self.deciding:
            if one is not spoken and (one.heard or not settled):
                yield one.verdict


class Esphome:
    NAME: ClassVar[str] = "esphome"
    EXCLUSIVE: ClassVar[bool] = True

    def __init__(self) -> None:
        self._nodes: Memory[_Node] = Memory(MOST_NODES)
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
            node = _Node()
            self._nodes.put(prefix, node)
        one = node.objects.get(key)
        if one is None:
            one = _Object(key)
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
        quantity, divisor = (one.quantity, one.divisor) if one is not None else _measured(key[7:], None)
        if quantity is None:
            return (Heard(device=prefix, address=prefix, seems=seems),)
        value /= divisor
        least, most = _RANGES.get(quantity, (-1e9, 1e9))
        if not least <= value <= most:
            return self._rubbish(prefix, f"{quantity} out of its range")
        return (Heard(device=prefix, address=prefix, values={quantity: value}, seems=seems),)

    def _status(self, prefix: str, message: Message) -> Sequence[Heard]:
        node = self._nodes.get(prefix)
        online = (_ONLINE if node is None else node.words).get(message.payload)
        if online is None:
            return self._rubbish(prefix, "neither online nor offline")
        if node is not None and not online:
            node.begin(None)
        elif node is not None and not message.retain:
            node.begin(message.received_ms)
        return (Heard(device=prefix, address=prefix, online=online, seems=None if node is None else node.seems),)

    def _rubbish(self, prefix: str, reason: str) -> Sequence[Heard]:
        """Others have topics of this shape, too: only what we know as a node can send what is damaged."""
        if prefix in self._claimed or self._nodes.get(prefix) is not None:
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
            node = _Node()
            self._nodes.put(place.prefix, node)
        node.seems = f"ESPHome, {model}" if model else "ESPHome"
        before = node.objects.get(place.key)
        one = _Object(place.key, entity)
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


def _judged(name: str, announced: Entity | None) -> tuple[str | None, int]:
    """The quantity of a binary sensor beside its verdict, and how strong a verdict on occupancy it is."""
    for pattern, quantity in _TRUTHS:
        if pattern.fullmatch(name):
            return quantity, _DETAIL
    kind = None if announced is None else announced.kind
    if kind is not None:
        return None, _STRONG if kind in ("occupancy", "presence") else _WEAK if kind == "motion" else _DETAIL
    if _NAMED_STRONG.fullmatch(name):
        return None, _STRONG
    return None, _WEAK if _NAMED_WEAK.fullmatch(name) else _DETAIL


def _measured(name: str, announced: Entity | None) -> tuple[str | None, float]:
    """The quantity of a sensor and what its numbers are divided by; None: it has none, or its unit is not known."""
    if _COUNT.fullmatch(name):
        return "target_count", 1.0
    if announced is None or announced.unit is None:
        return None, 1.0
    kind = announced.kind or ""
    quantity = _QUANTITIES.get(kind)
    if part := _PART_OF_A_RADAR.fullmatch(name):
        what = part[2] or part[4]
        quantity = f"{part[1]}_{part[2]}" if part[1] else f"{part[4]}{part[3]}"
        kind = {"energy": "energy", "speed": "speed"}.get(what, "distance")
    elif kind == "distance" and _OTHER_TARGETS.fullmatch(name):
        quantity = None
    divisor = _DIVISORS.get(kind, {}).get(announced.unit)
    return (None, 1.0) if divisor is None else (quantity, divisor)
