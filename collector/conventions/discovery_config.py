"""Home Assistant's MQTT discovery messages, read: which entities a device announces, where and how they speak.

    homeassistant/<platform>/[<node>/]<object>/config   one entity; empty payload: it is gone
    {"dev_cla":"occupancy","stat_t":"~/state","avty_t":"~/status","uniq_id":"…","~":"desk7","dev":{"ids":"a4cf12fafd24"}}

    homeassistant/device/[<node>/]<object>/config       all entities of a device; "cmps" by name, `{"p":…}` alone: gone
    {"dev":{"ids":["x1"]},"o":{"name":"…"},"avty_t":"…","cmps":{"desk":{"p":"binary_sensor","dev_cla":"occupancy",…}}}

Short keys and long ones mean the same. `~` at an end of a topic stands for the message's `~`. Templates are never run:
`{{ value }}`, `{{ value_json.a.b }}` and `{{ value_json["a"] }}` are recognised as the place of a value, no others;
`| is_defined` behind it, as Theengs and OpenMQTTGateway write, says only that a message without the value is none.

Source: homeassistant 2025.4.4, components/mqtt (discovery, abbreviations, schemas), read with 2026.2.3.
"""

from __future__ import annotations

import re
from collections.abc import Container, Mapping, Sequence
from hashlib import blake2b
from typing import Any, NamedTuple

import msgspec

from collector.conventions import payload
from collector.conventions.convention import Onboard, Subscription

ROOT = "homeassistant/"
# What brokers keep of announcements is delivered whatever the quality; 1, so that none of the live ones is lost.
SUBSCRIPTIONS = (Subscription(f"{ROOT}+/+/config", 1), Subscription(f"{ROOT}+/+/+/config", 1))

LARGEST = 64 * 1024
MOST_COMPONENTS = 256
MOST_AVAILABILITIES = 8
LONGEST_WORD = 64
LONGEST_NAME = 128

_READ = frozenset(("binary_sensor", "sensor"))
_LEVEL = r"([A-Za-z0-9_-]{1,128})"
_CONFIG = re.compile(rf"{ROOT}{_LEVEL}/(?:{_LEVEL}/)?{_LEVEL}/config", re.ASCII)
_WHOLE = re.compile(r"\s*\{\{-?\s*value\s*-?\}\}\s*", re.ASCII)
_STEP = r"""(?:\.[A-Za-z_]\w{0,63}|\[\s*(?:"[^"\\\[\]]{1,64}"|'[^'\\\[\]]{1,64}')\s*\])"""
_PLACE = re.compile(rf"\s*\{{\{{-?\s*value_json({_STEP}{{1,8}})\s*(?:\|\s*is_defined\s*)?-?\}}\}}\s*", re.ASCII)
_STEPS = re.compile(r"""\.(\w+)|\[\s*["']([^"']+)["']\s*\]""", re.ASCII)
_LONGEST_TEMPLATE = 256
_AVAILABILITY = ("avty", "availability", "avty_t", "availability_topic")
_OF_AVAILABILITY = (
    *_AVAILABILITY,
    *("avty_tpl", "availability_template", "avty_mode", "availability_mode"),
    *("pl_avail", "payload_available", "pl_not_avail", "payload_not_available"),
)
_OF_STATE = ("stat_t", "state_topic")
_MODES = frozenset(("all", "any", "latest"))

Config = Mapping[str, Any]


class ConfigTopic(NamedTuple):
    """What a config topic names. `node`: None where the topic leaves it out."""

    platform: str
    node: str | None
    thing: str


class Availability(NamedTuple):
    """A topic that says whether an entity is there. `path`: where in its JSON; empty: the payload itself."""

    topic: str
    path: tuple[str, ...]
    online: str
    offline: str


class Entity(msgspec.Struct, frozen=True, kw_only=True):
    """A binary sensor or a sensor as it was announced.

    `key`: `<platform>/<object or component>`, of the config topic. `path`: where in the JSON of `state_topic` the value
    stands, empty: the payload itself; None: only a template tells, and templates are not run. `on`, `off`: the words
    as Home Assistant compares them. `state_topic` is None when there is none that one may listen to.
    """

    key: str
    unique_id: str | None
    kind: str | None
    unit: str | None
    state_topic: str | None
    path: tuple[str, ...] | None
    on: str
    off: str
    availabilities: tuple[Availability, ...]
    mode: str
    onboard: Onboard


class Announcement(msgspec.Struct, frozen=True, kw_only=True):
    """What a discovery message says.

    `device`: its id, None when it tells none; `gone`: all of it is taken back; `others`: the keys of its components
    that are taken back, or are not of a wanted class; `ours`: Hadir's own announcement of an outlet.
    """

    device: str | None = None
    name: str | None = None
    model: str | None = None
    entities: Sequence[Entity] = ()
    others: Sequence[str] = ()
    gone: bool = False
    ours: bool = False


def config_topic(topic: str) -> ConfigTopic | None:
    """The parts of a discovery topic; None for any other."""
    parts = _CONFIG.fullmatch(topic)
    return None if parts is None else ConfigTopic(parts[1], parts[2], parts[3])


def read(at: ConfigTopic, body: bytes, kinds: Container[str] | None = None) -> Announcement:
    """What the message on a config topic says of entities whose device class is one of `kinds`; None: of all.

    Raises DamagedFrame when it is no JSON object, or a device without components.
    """
    if not body:
        return Announcement(gone=True, ours=_ours(at, None, ()))
    config = payload.json_object(body, LARGEST)
    device = _mapping(_get(config, "dev", "device"))
    address = _device_id(device)
    entities: list[Entity] = []
    others: list[str] = []
    for key, platform, one in _components(at, config):
        kind = _word(_get(one, "dev_cla", "device_class"))
        if platform in _READ and len(one) > 1 and (kinds is None or kind in kinds):
            entities.append(_entity(key, platform, kind, one))
        else:
            others.append(key)
    return Announcement(
        device=address,
        name=_word(_get(device, "name", "name"), LONGEST_NAME),
        model=_model(device),
        entities=entities,
        others=others,
        ours=_ours(at, address, entities),
    )


def _ours(at: ConfigTopic, address: str | None, entities: Sequence[Entity]) -> bool:
    if at.platform == "device" and at.node is not None and at.node.startswith("hadir-"):
        return True
    return (address or "").startswith("hadir.") or any((one.unique_id or "").startswith("hadir.") for one in entities)


def seal(body: bytes) -> bytes:
    """What tells whether a message is the one that was read before: 16 bytes."""
    return blake2b(body, digest_size=16, usedforsecurity=False).digest()


def rendered(value: object) -> str | None:
    """How Home Assistant writes a JSON value or a configured word before it compares them; None: no short scalar."""
    if isinstance(value, str):
        return value if len(value) <= LONGEST_WORD else None
    if value is None or isinstance(value, bool | float):
        return str(value)
    if isinstance(value, int) and abs(value) < 10**LONGEST_WORD:
        return str(value)
    return None


def found_at(document: object, path: Sequence[str]) -> tuple[bool, object]:
    """Whether a value stands at `path`, and the value."""
    for step in path:
        if not isinstance(document, dict) or step not in document:
            return False, None
        document = document[step]
    return True, document


def listenable(topic: object) -> bool:
    """Whether one may subscribe to `topic` and hear that one topic of a device only."""
    return (
        isinstance(topic, str)
        and 0 < len(topic) <= payload.LONGEST_TOPIC
        and "\0" not in topic
        and config_topic(topic) is None
        and not topic.startswith(("$", "hadir/"))
        and "+" not in topic
        and "#" not in topic
    )


def _components(at: ConfigTopic, config: Config) -> list[tuple[str, str, Config]]:
    if at.platform != "device":
        return [(f"{at.platform}/{at.thing}", at.platform, config)]
    components = _mapping(_get(config, "cmps", "components"))
    if not 0 < len(components) <= MOST_COMPONENTS:
        raise payload.damaged(f"{len(components)} components, not 1 to {MOST_COMPONENTS}")
    found = []
    for name, given in components.items():
        one = _mapping(given)
        platform = _word(_get(one, "p", "platform")) or ""
        if len(one) > 1:
            one = {**_inherited(config, one, _AVAILABILITY, _OF_AVAILABILITY), **one}
            one = {**_inherited(config, one, _OF_STATE, _OF_STATE), **one}
        found.append((f"{platform}/{name[:LONGEST_NAME]}", platform, one))
    return found


def _inherited(config: Config, component: Config, unless: Sequence[str], names: Sequence[str]) -> Config:
    """What a component takes over from its message, unless it says that itself."""
    if any(name in component for name in unless):
        return {}
    return {name: config[name] for name in names if name in config}


def _entity(key: str, platform: str, kind: str | None, config: Config) -> Entity:
    state_topic = _topic(config.get("~"), _get(config, "stat_t", "state_topic"))
    path = _path(_get(config, "val_tpl", "value_template"))
    unit = _word(_get(config, "unit_of_meas", "unit_of_measurement"))
    binary = platform == "binary_sensor"
    on, off = _scalar(config, "pl_on", "payload_on", "ON"), _scalar(config, "pl_off", "payload_off", "OFF")
    availabilities = _availabilities(config)
    mode = _word(_get(config, "avty_mode", "availability_mode"))
    # A bridge's own topic comes first where several are listed: the last one is the device's.
    last = availabilities[-1] if availabilities else None
    return Entity(
        key=key,
        unique_id=_word(_get(config, "uniq_id", "unique_id"), LONGEST_NAME),
        kind=kind,
        unit=unit,
        state_topic=state_topic,
        path=path,
        on=rendered(on) or "ON",
        off=rendered(off) or "OFF",
        availabilities=availabilities,
        mode=mode if mode in _MODES else "latest",
        onboard=Onboard(
            state_topic=state_topic or "",
            kind=kind,
            unit=unit,
            json_key=".".join(path) if path else None,
            payload_on=on if binary else None,
            payload_off=off if binary else None,
            availability_topic=last and last.topic,
            availability_mode=mode if mode in _MODES else None,
            payload_online=last and last.online,
            off_delay_s=payload.within(_get(config, "off_dly", "off_delay"), 0, 1e9),
        ),
    )


def _availabilities(config: Config) -> tuple[Availability, ...]:
    listed = _get(config, "avty", "availability")
    if listed is None:
        listed = {
            "t": _get(config, "avty_t", "availability_topic"),
            "val_tpl": _get(config, "avty_tpl", "availability_template"),
        }
    base = config.get("~")
    usual_online = _scalar(config, "pl_avail", "payload_available", "online")
    usual_offline = _scalar(config, "pl_not_avail", "payload_not_available", "offline")
    found = []
    for one in (listed if isinstance(listed, list) else [listed])[:MOST_AVAILABILITIES]:
        entry = _mapping(one)
        topic = _topic(entry.get("~", base), _get(entry, "t", "topic"))
        path = _path(_get(entry, "val_tpl", "value_template"))
        if topic is not None and path is not None:
            online = _scalar(entry, "pl_avail", "payload_available", usual_online)
            offline = _scalar(entry, "pl_not_avail", "payload_not_available", usual_offline)
            found.append(Availability(topic, path, rendered(online) or "", rendered(offline) or ""))
    return tuple(found)


def _topic(base: object, topic: object) -> str | None:
    """A configured topic with its `~` replaced by `base`, when one may listen to it."""
    if isinstance(topic, str) and isinstance(base, str):
        if topic.startswith("~"):
            topic = base + topic[1:]
        elif topic.endswith("~"):
            topic = topic[:-1] + base
    return topic if isinstance(topic, str) and listenable(topic) else None


def _path(template: object) -> tuple[str, ...] | None:
    if template is None:
        return ()
    if not isinstance(template, str) or len(template) > _LONGEST_TEMPLATE:
        return None
    if _WHOLE.fullmatch(template):
        return ()
    place = _PLACE.fullmatch(template)
    return None if place is None else tuple(plain or quoted for plain, quoted in _STEPS.findall(place[1]))


def _device_id(device: Config) -> str | None:
    ids = _get(device, "ids", "identifiers")
    for one in ids if isinstance(ids, list) else [ids]:
        if (found := _word(one, LONGEST_NAME)) is not None:
            return found
    connections = _get(device, "cns", "connections")
    for pair in connections if isinstance(connections, list) else []:
        if isinstance(pair, list) and len(pair) == 2 and (found := _word(pair[1], LONGEST_NAME)) is not None:
            return found
    return None


def _model(device: Config) -> str | None:
    words = (_word(_get(device, "mf", "manufacturer"), LONGEST_NAME), _word(_get(device, "mdl", "model"), LONGEST_NAME))
    return " ".join(word for word in words if word) or None


def _get(config: Config, short: str, long: str) -> Any:
    found = config.get(short)
    return config.get(long) if found is None else found


def _mapping(value: object) -> Config:
    return value if isinstance(value, dict) else {}


def _word(value: object, longest: int = LONGEST_WORD) -> str | None:
    return value if isinstance(value, str) and 0 < len(value) <= longest else None


def _scalar(config: Config, short: str, long: str, otherwise: str | bool | float) -> str | bool | float:
    found = _get(config, short, long)
    return found if isinstance(found, str | bool | int | float) and rendered(found) else otherwise
