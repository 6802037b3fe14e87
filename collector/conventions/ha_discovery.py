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
it changed, or is heard for the first time; who was gone and repeats an old value has said nothing. `expire_after` is
not looked at: a sensor's `stale_after` says it here. `off_delay` is told and not acted on. Hadir's own announcements
are nobody's device.

Memory: 2,048 devices besides the claimed ones, 32 entities each (1 kB an entity, 4 kB at worst) and 32 topics, 8,192
config topics.

Source: homeassistant 2025.4.4, components/mqtt; payloads of Zigbee2MQTT, ESPHome and Shelly announcements.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import ClassVar, Final, NamedTuple

from collector.conventions import discovery_config, payload
from collector.conventions.convention import Entry, Heard, Message, Question, Subscription
from collector.conventions.discovered_device import (
    DIVISORS,
    KINDS,
    VERDICTS,
    Device,
    Kept,
    Spoken,
    presence_of_itself,
    state,
    strength,
)
from collector.conventions.discovery_config import Announcement, ConfigTopic, Entity
from collector.conventions.memory import Memory
from presence.errors import DamagedFrame
from presence.site import Source

MOST_DEVICES: Final = 2048
MOST_ENTITIES: Final = 32
MOST_TOPICS: Final = 32
MOST_CONFIGS: Final = 8192
_KEY = re.compile(r"binary_sensor/[^/+#]{1,128}")
# What a state topic looks like -> whose it is.
_SPEAKERS = (
    (re.compile(r"zigbee2mqtt/"), "zigbee2mqtt"),
    (re.compile(r"(tele|stat)/|.*/(tele|stat)/"), "tasmota"),
    (re.compile(r".+/(binary_sensor|sensor)/[^/]+/state"), "esphome"),
    (re.compile(r"shellies/|.+/events/rpc"), "shelly"),
    (re.compile(r"home/[^/]+/BTtoMQTT/"), "theengs"),
    (re.compile(r"homie/"), "homie"),
)


class _Config(NamedTuple):
    """A config message that was understood: of which device, its seal, and what was heard in it."""

    address: str
    seal: bytes
    heard: Sequence[Heard]


class HaDiscovery:
    NAME: ClassVar[str] = "ha_discovery"
    EXCLUSIVE: ClassVar[bool] = False

    def __init__(self) -> None:
        self._devices: Memory[Device] = Memory(MOST_DEVICES)
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

    def missed(self, now_ms: int) -> None:
        """As the convention says; what was last said stays the one against which JSON of several keys is held."""
        for device in self._devices.values():
            device.lose()

    def _announced(self, at: ConfigTopic, message: Message) -> Sequence[Heard]:
        if at.platform not in ("binary_sensor", "sensor", "device"):
            return ()
        seal = discovery_config.seal(message.payload)
        before = self._configs.get(message.topic)
        if before is not None and before.seal == seal and self._stands(before, message.topic):
            return before.heard
        told = discovery_config.read(at, message.payload, KINDS)
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

    def _know(self, address: str, ours: Sequence[Entity], told: Announcement, config: str) -> Device:
        device = self._devices.get(address)
        if device is None:
            device = Device()
            self._devices.put(address, device)
        for entity in ours:
            kept = device.entities.get(entity.key)
            if kept is None and len(device.entities) < MOST_ENTITIES:
                device.entities[entity.key] = Kept(entity, config)
            elif kept is not None:
                kept.become(entity, config)
        device.seems = _seems(told, max(ours, key=strength))
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
        spoken = Spoken(message.payload)
        if not spoken.word:
            return ()
        heard: list[Heard] = []
        damage: DamagedFrame | None = None
        for address in addresses:
            device = self._devices.get(address)
            if device is None:
                continue
            try:
                heard += state(address, device, message.topic, spoken)
            except DamagedFrame as error:
                damage = error
            heard += presence_of_itself(address, device, message.topic, spoken)
        if damage is not None and not heard:
            raise damage
        return heard


def _announcements(address: str, device: Device, entities: Sequence[Entity]) -> Sequence[Heard]:
    """An announcement of each entity, those of verdicts last."""
    return tuple(
        Heard(device=address, address=address, announced=True, onboard=one.onboard, seems=device.seems)
        for one in sorted(entities, key=strength)
    )


def _understood(told: Announcement) -> list[Entity]:
    """The entities that are for us. Raises DamagedFrame when one is a verdict, and none can be listened to."""
    found: list[Entity] = []
    reason: str | None = None
    for one in told.entities:
        kinds = VERDICTS if one.key.startswith("binary_sensor/") else DIVISORS
        if one.kind not in kinds:
            continue
        if one.state_topic is not None and one.path is not None:
            found.append(one)
        elif kinds is DIVISORS:
            continue  # a battery or a distance alone is nobody's loss, and whole halls announce such
        elif one.state_topic is None:
            reason = "no state topic of one device"
        else:
            reason = "a template that is not run; only {{ value_json.KEY }} is understood"
    if reason is not None and not found:
        raise payload.damaged(reason)
    return found


def _seems(told: Announcement, entity: Entity) -> str:
    words = [told.model or "device"]
    if told.name:
        words.append(f"({told.name.strip()})")
    speaker = next((name for shape, name in _SPEAKERS if shape.match(entity.state_topic or "")), None)
    return " ".join(words) + (f", which speaks {speaker}" if speaker else "")
