"""Devices that announce themselves to Home Assistant by MQTT discovery, whatever they speak themselves.

    homeassistant/<platform>/[<node>/]<object>/config, homeassistant/device/…   `collector.conventions.discovery_config`
    <state topic>          as announced: a bare word or number, or JSON with the value in one of its keys
    <availability topics>  as announced: words; `all`, `any` or the `latest` of them counts

A device is its first identifier, else its first connection (a MAC), else the node or object of the config topic.
Its single entities are `<platform>/<object or component>`, as its config topics say: `binary_sensor/occupancy`.
Occupancy is what the class occupancy or presence has; motion where a device has neither. The device as a whole:
`collector.conventions.whole`. Distance (m, cm, mm), illuminance (lx) and battery (%) are understood in these units.

Only claimed devices are listened to, on the exact topics that they announced. A bare word is evidence each time it is
heard live; so is JSON of one key. JSON of several repeats what is known with each message: there a key is evidence when
it changed, or is heard for the first time. `expire_after` is not looked at: a sensor's `stale_after` says it here.
`off_delay` is told and not acted on. Hadir's own announcements are nobody's device.

Memory: 2,048 devices besides the claimed ones, 32 entities each (1 kB an entity, 4 kB at worst) and 32 topics, 8,192
config topics.

Source: homeassistant 2025.4.4, components/mqtt; payloads of Zigbee2MQTT, ESPHome and Shelly announcements.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import ClassVar, Final, NamedTuple

from collector.conventions import discovery_config, payload
from collector.conventions.convention import Entry, Heard, Message, Question, Subscription
from collector.conventions.discovery_config import Announcement, Availability, ConfigTopic, Entity
from collector.conventions.memory import Memory
from collector.conventions.whole import whole
from presence.errors import DamagedFrame
from presence.site import Source

MOST_DEVICES: Final = 2048
MOST_ENTITIES: Final = 32
MOST_TOPICS: Final = 32
MOST_CONFIGS: Final = 8192
LONGEST_STATE: Final = 64 * 1024

_STRONG, _WEAK = 2, 1
_VERDICTS: Final = {"occupancy": _STRONG, "presence": _STRONG, "motion": _WEAK}
# Device class -> unit -> what numbers are divided by; the quantities have the same names.
_DIVISORS: Final = {
    "distance": {"m": 1.0, "cm": 100.0, "mm": 1000.0},
    "illuminance": {"lx": 1.0},
    "battery": {"%": 1.0},
}
_KINDS = _VERDICTS.keys() | _DIVISORS.keys()
_RANGES: Final = {"distance": (0.0, 1000.0), "illuminance": (0.0, 1e6), "battery": (0.0, 100.0)}
_UNKNOWN = frozenset(("None", "none", "null", "unknown", "unavailable", "nan", "NaN"))
_KEY = re.compile(r"binary_sensor/[^/+#]{1,128}")
_NEVER: Final = object()
# What a state topic looks like -> whose it is.
_SPEAKERS = (
    (re.compile(r"zigbee2mqtt/"), "zigbee2mqtt"),
    (re.compile(r"(tele|stat)/|.*/(tele|stat)/"), "tasmota"),
    (re.compile(r".+/(binary_sensor|sensor)/[^/]+/state"), "esphome"),
    (re.compile(r"shellies/|.+/events/rpc"), "shelly"),
    (re.compile(r"home/[^/]+/BTtoMQTT/"), "theengs"),
    (re.compile(r"homie/"), "homie"),
)


class _Kept:
    """An entity, and what it last said. `said`: as it was written; `verdict`: what that means, None: not known."""

    __slots__ = ("config", "entity", "said", "verdict")

    def __init__(self, entity: Entity, config: str) -> None:
        self.entity, self.config = entity, config
        self.said: object = _NEVER
        self.verdict: float | None = None

    def become(self, entity: Entity, config: str) -> None:
        """Be announced anew; with another topic, place or word, nothing that was said counts any more."""
        before, self.entity, self.config = self.entity, entity, config
        if (before.state_topic, before.path, before.on, before.off) != (
            *(entity.state_topic, entity.path),
            *(entity.on, entity.off),
        ):
            self.said, self.verdict = _NEVER, None

    def has_said(self, said: object) -> bool:
        return type(said) is type(self.said) and said == self.said


class _Device:
    """`there`: the last word of each of its availability topics."""

    __slots__ = ("entities", "seems", "there")

    def __init__(self) -> None:
        self.entities: dict[str, _Kept] = {}
        self.there: dict[str, bool] = {}
        self.seems: str | None = None

    def deciding(self) -> list[_Kept]:
        """Whose verdicts make that of the device: the strongest that there are."""
        most = max((_strength(one.entity) for one in self.entities.values()), default=0)
        return [one for one in self.entities.values() if _strength(one.entity) == most > 0]

    def topics(self) -> Iterator[str]:
        """The topics to listen to: those of verdicts first."""
        for one in sorted(self.entities.values(), key=lambda one: -_strength(one.entity)):
            if one.entity.state_topic is not None:
                yield one.entity.state_topic
            yield from (each.topic for each in one.entity.availabilities)


class _Config(NamedTuple):
    """A config message that was understood: of which device, its seal, and what was heard in it."""

    address: str
    seal: bytes
    heard: Sequence[Heard]


class _Spoken:
    """The payload of a state or availability topic; its JSON is read when it is first asked for."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self.word = payload.text(body, LONGEST_STATE).strip()
        self._document: object = _NEVER

    def at(self, path: Sequence[str]) -> object:
        """The value at `path`, `_NEVER` when there is none. Raises DamagedFrame when it is to be JSON and is none."""
        if not path:
            return self.word
        if self._document is _NEVER:
            self._document = payload.json_value(self._body)
        is_there, value = discovery_config.found_at(self._document, path)
        return value if is_there else _NEVER

    def repeats(self, path: Sequence[str]) -> bool:
        """Whether it may tell old values with new ones: it holds more than the value at `path`."""
        inner = self._document
        for step in path:
            if not isinstance(inner, dict) or len(inner) > 1:
                return True
            inner = inner[step]
        return False


class HaDiscovery:
    NAME: ClassVar[str] = "ha_discovery"
    EXCLUSIVE: ClassVar[bool] = False

    def __init__(self) -> None:
        self._devices: Memory[_Device] = Memory(MOST_DEVICES)
        self._configs: Memory[_Config] = Memory(MOST_CONFIGS)  # by its topic
        self._claimed: frozenset[str] = frozenset()
        self._heard_on: dict[str, tuple[str, ...]] = {}  # address -> topics
        self._listeners: dict[str, tuple[str, ...]] = {}  # topic -> addresses
        self._wanted: dict[str, Subscription] = {}
        self._subscriptions: Sequence[Subscription] = discovery_config.SUBSCRIPTIONS

    def address(self, source: Source) -> str:
        if not source.device:
            raise ValueError("needs device: its identifier, as the inbox shows it")
        if source.topic or source.profile or source.config:
            raise ValueError("has topic, profile or config, which are not used here; write device and presence only")
        for said in (source.presence, source.part):
            if said and not _KEY.fullmatch(said):
                raise ValueError(f'"{said[:40]}" is no entity; write binary_sensor/ and the object of its config topic')
        return source.device

    def source(self, address: str) -> dict[str, str]:
        return {"device": address}

    def follow(self, entries: Sequence[Entry]) -> None:
        self._claimed = frozenset(entry.address for entry in entries if entry.address)
        self._devices.pin(self._claimed)
        for address in sorted(self._claimed | self._heard_on.keys()):
            self._listen_to(address)

    def subscriptions(self) -> Sequence[Subscription]:
        return self._subscriptions

    def owns(self, topic: str) -> bool:
        return topic in self._listeners or discovery_config.config_topic(topic) is not None

    def decode(self, message: Message) -> Sequence[Heard]:
        if (addresses := self._listeners.get(message.topic)) is not None:
            return self._spoken(message, addresses)
        at = discovery_config.config_topic(message.topic)
        return () if at is None else self._announced(at, message)

    def gateway_of(self, address: str) -> str | None:
        return None

    def ask(self, address: str, now_ms: int) -> Sequence[Question]:
        return ()  # an announcement names no topic on which a state is asked for

    def questions(self, now_ms: int) -> Sequence[Question]:
        return ()

    def _announced(self, at: ConfigTopic, message: Message) -> Sequence[Heard]:
        if at.platform not in ("binary_sensor", "sensor", "device"):
            return ()
        seal = discovery_config.seal(message.payload)
        before = self._configs.get(message.topic)
        if before is not None and before.seal == seal and self._stands(before, message.topic):
            return before.heard
        told = discovery_config.read(at, message.payload, _KINDS)
        if told.ours:
            return ()
        ours = _understood(told)
        former = None if before is None else before.address
        address = told.device or former or at.node or at.thing
        taken = self._take_back(former or address, message.topic, at, told, ours)
        if not ours:
            self._configs.forget(message.topic)
            return self._left(address, taken=taken)
        device = self._know(address, ours, told, message.topic)
        heard = _announcements(address, device, ours)
        self._configs.put(message.topic, _Config(address, seal, heard))
        return heard

    def _stands(self, config: _Config, topic: str) -> bool:
        """Whether what a message announced is still known."""
        device = self._devices.get(config.address)
        return device is not None and any(one.config == topic for one in device.entities.values())

    def _left(self, address: str, *, taken: bool) -> Sequence[Heard]:
        """What is announced of a device after a message without entities for us."""
        device = self._devices.get(address)
        if device is None:
            return (Heard(device=address, address=address, announced=True),)
        return _announcements(address, device, [one.entity for one in device.entities.values()]) if taken else ()

    def _know(self, address: str, ours: Sequence[Entity], told: Announcement, config: str) -> _Device:
        device = self._devices.get(address)
        if device is None:
            device = _Device()
            self._devices.put(address, device)
        for entity in ours:
            kept = device.entities.get(entity.key)
            if kept is None and len(device.entities) < MOST_ENTITIES:
                device.entities[entity.key] = _Kept(entity, config)
            elif kept is not None:
                kept.become(entity, config)
        device.seems = _seems(told, max(ours, key=_strength))
        self._listen_to(address)
        return device

    def _take_back(
        self, address: str, config: str, at: ConfigTopic, told: Announcement, ours: Sequence[Entity]
    ) -> bool:
        """Forget the entities of a config topic that are no more; whether there were any.

        A message of a whole device leaves those that it does not name; a device of another name leaves none.
        """
        device = self._devices.get(address)
        if device is None:
            return False
        stay = {one.key for one in ours} if told.device in (None, address) else frozenset()
        named = {*told.others, *(one.key for one in told.entities)}
        everything = told.gone or at.platform != "device" or told.device not in (None, address)
        taken = [
            key
            for key, one in device.entities.items()
            if one.config == config and key not in stay and (everything or key in named)
        ]
        for key in taken:
            del device.entities[key]
        if taken:
            self._listen_to(address)
        if not device.entities:
            self._devices.forget(address)
        return bool(taken)

    def _listen_to(self, address: str) -> None:
        """Listen to the topics of a device, if it is claimed."""
        device = self._devices.get(address) if address in self._claimed else None
        topics = () if device is None else tuple(dict.fromkeys(device.topics()))[:MOST_TOPICS]
        if device is not None:
            device.there = {topic: word for topic, word in device.there.items() if topic in topics}
        before = self._heard_on.get(address, ())
        if topics == before:
            return
        for topic in before:
            others = tuple(one for one in self._listeners[topic] if one != address)
            if others:
                self._listeners[topic] = others
            else:
                del self._listeners[topic], self._wanted[topic]
        for topic in topics:
            self._listeners[topic] = (*self._listeners.get(topic, ()), address)
            # Quality 0: what a broker kept for us while we were away would pass for said just now.
            self._wanted[topic] = Subscription(topic, 0)
        if topics:
            self._heard_on[address] = topics
        else:
            self._heard_on.pop(address, None)
        self._subscriptions = (*discovery_config.SUBSCRIPTIONS, *self._wanted.values())

    def _spoken(self, message: Message, addresses: Sequence[str]) -> Sequence[Heard]:
        spoken = _Spoken(message.payload)
        if not spoken.word:
            return ()
        heard: list[Heard] = []
        damage: DamagedFrame | None = None
        for address in addresses:
            device = self._devices.get(address)
            if device is None:
                continue
            try:
                heard += _state(address, device, message.topic, spoken)
            except DamagedFrame as error:
                damage = error
            heard += _presence_of_itself(address, device, message.topic, spoken)
        if damage is not None and not heard:
            raise damage
        return heard


def _announcements(address: str, device: _Device, entities: Sequence[Entity]) -> Sequence[Heard]:
    """An announcement of each entity, those of verdicts last."""
    return tuple(
        Heard(device=address, address=address, announced=True, onboard=one.onboard, seems=device.seems)
        for one in sorted(entities, key=_strength)
    )


def _state(address: str, device: _Device, topic: str, spoken: _Spoken) -> Sequence[Heard]:
    """What a device says of its entities. Raises DamagedFrame when nothing can be understood."""
    understood: list[tuple[_Kept, object, float | None]] = []
    damage: DamagedFrame | None = None
    for kept in device.entities.values():
        if kept.entity.state_topic != topic:
            continue
        try:
            said = spoken.at(kept.entity.path or ())
            if said is not _NEVER and not (kept.has_said(said) and spoken.repeats(kept.entity.path or ())):
                understood.append((kept, said, _value(kept.entity, said)))
        except DamagedFrame as error:
            damage = error
    if damage is not None and not understood:
        raise damage
    return _heard(address, device, understood) if understood else ()


def _heard(address: str, device: _Device, understood: Sequence[tuple[_Kept, object, float | None]]) -> Sequence[Heard]:
    values: dict[str, float] = {}
    presences: dict[str, float] = {}
    unknown: set[str] = set()
    for kept, said, value in understood:
        kept.said = said
        if not _strength(kept.entity):
            if value is not None:
                values[kept.entity.kind or ""] = value
            continue
        kept.verdict = value
        if value is None:
            unknown.add(kept.entity.key)
        else:
            presences[kept.entity.key] = value
    deciding = device.deciding()
    spoke = [kept for kept, _, _ in understood]
    all_in_all = whole(
        [one.verdict for one in deciding if one in spoke], [one.verdict for one in deciding if one not in spoke]
    )
    return (
        Heard(
            device=address,
            address=address,
            values={**values, **all_in_all.values},
            presences=presences,
            unknown=all_in_all.unknown.union(unknown),
            seems=device.seems,
        ),
    )


def _presence_of_itself(address: str, device: _Device, topic: str, spoken: _Spoken) -> Sequence[Heard]:
    """What an availability topic says of a device: there, gone, or some of its entities not known any more."""
    listed = [
        (kept, one) for kept in device.entities.values() for one in kept.entity.availabilities if one.topic == topic
    ]
    words = (_there(one, spoken) for _, one in listed)
    word = next((one for one in words if one is not None), None)
    if word is None:
        return ()
    device.there[topic] = word
    states = [(kept, _available(kept.entity, device.there, word)) for kept, _ in listed]
    gone = [kept for kept, is_there in states if is_there is False]
    for kept in gone:
        kept.verdict = None
    if any(is_there for _, is_there in states):
        lost = frozenset(kept.entity.key for kept in gone if _strength(kept.entity))
        return (Heard(device=address, address=address, online=True, unknown=lost, seems=device.seems),)
    if len(gone) == len(states):
        return (Heard(device=address, address=address, online=False, seems=device.seems),)
    return ()


def _available(entity: Entity, there: dict[str, bool], latest: bool) -> bool | None:
    words = [there.get(one.topic) for one in entity.availabilities]
    if entity.mode == "latest":
        return latest
    decisive = entity.mode == "any"
    if decisive in words:
        return decisive
    return None if None in words else not decisive


def _there(one: Availability, spoken: _Spoken) -> bool | None:
    try:
        said = spoken.at(one.path)
    except DamagedFrame:
        return None
    word = discovery_config.rendered(said)
    if word == one.online:
        return True
    if word == one.offline:
        return False
    # Zigbee2MQTT 2 says {"state":"online"} also to those that were told of a bare word by an older one.
    return payload.availability(spoken.word.encode()) if not one.path and one.online == "online" else None


def _value(entity: Entity, said: object) -> float | None:
    """The verdict or the number in our unit; None: not known. Raises DamagedFrame."""
    word = discovery_config.rendered(said)
    if word is None:
        raise payload.damaged("neither a word nor a number")
    if _strength(entity):
        if word in (entity.on, entity.off) and entity.on != entity.off:
            return 1.0 if word == entity.on else 0.0
        if word in _UNKNOWN:
            return None
        raise payload.damaged("neither of the words that were announced for on and off")
    divisor = _DIVISORS[entity.kind or ""].get(entity.unit or "")
    number = payload.number(said)
    if number is None and word not in _UNKNOWN and word.lstrip("+-") != "inf":
        raise payload.damaged("no number")
    if number is None or divisor is None:
        return None
    if (found := payload.within(number / divisor, *_RANGES[entity.kind or ""])) is None:
        raise payload.damaged(f"{entity.kind} out of its range")
    return found


def _strength(entity: Entity) -> int:
    """How much of a verdict on occupancy an entity is; 0: none."""
    return _VERDICTS.get(entity.kind or "", 0)


def _understood(told: Announcement) -> list[Entity]:
    """The entities that are for us. Raises DamagedFrame when there are such, and none can be listened to."""
    found: list[Entity] = []
    reason: str | None = None
    for one in told.entities:
        kinds = _VERDICTS if one.key.startswith("binary_sensor/") else _DIVISORS
        if one.kind not in kinds:
            continue
        if one.state_topic is None:
            reason = "no state topic of one device"
        elif one.path is None:
            reason = "a template that is not run; only {{ value_json.KEY }} is understood"
        else:
            found.append(one)
    if reason is not None and not found:
        raise payload.damaged(reason)
    return found


def _seems(told: Announcement, entity: Entity) -> str:
    words = [told.model or "device"]
    if told.name:
        words.append(f"({told.name.strip()})")
    speaker = next((name for shape, name in _SPEAKERS if shape.match(entity.state_topic or "")), None)
    return " ".join(words) + (f", which speaks {speaker}" if speaker else "")
