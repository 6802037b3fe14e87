"""Tasmota: telemetry, change events, answers and discovery of one firmware on many boards.

    tele/<t>/SENSOR     {"Time":…,"Switch1":"ON",
                         "LD2410":{"Distance":[moving,static,detection],"Energy":[moving,static]},
                         "LD2410S":{"Distance":196.0,"People":2}}  People 0, 1 nobody, 2, 3 somebody: no head count
    stat/<t>/RESULT     {"Switch1":{"Action":"ON"}}
    stat/<t>/STATUS10   {"StatusSNS":{…as SENSOR…}}, the answer to `cmnd/<t>/STATUS` 10
    stat/<t>/PIR1       ON, from a rule
    tele/<t>/LWT        Online | Offline
    tele/<t>/STATE      every TelePeriod: it lives
    tasmota/discovery/<MAC>/config | sensors, retained

Distances are cm, energies %. Which level of a topic is what says the device's FullTopic, `%prefix%/%topic%/` unless
discovery or `config: {full_topic: …}` tells another; words of states and of the last will, and names of switches come
from discovery (`tasmota_discovery`). An address is the device's topic, `<t>`. `Time` is local; with an offset
(SetOption52) it is an instant.

The device as a whole: its LD2410 or LD2410S; where it has none, its first switch (Switch1, unless discovery tells that
there is none), or a rule's PIR. POWER is a relay. A switch of
mode 13 or 14 never sends OFF: its ON is evidence at its time, and nothing is made of the silence after it.

Memory: 1024 unclaimed devices and MAC addresses besides the claimed, at most some 6 KiB each.

Source: tasmota/docs @9849ab9, Tasmota xsns_102_ld2410.ino @069f59d, hatasmota @ee69941.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final, NamedTuple

import msgspec

from collector.conventions.convention import ANY, Entry, Heard, Message, Onboard, Question, Subscription
from collector.conventions.memory import Memory
from collector.conventions.payload import (
    LONGEST_TOPIC,
    damaged,
    instant_ms,
    json_object,
    levels,
    number,
    text,
    truth,
    within,
)
from collector.conventions.tasmota_discovery import (
    CMND,
    LONGEST_NAME,
    STAT,
    TELE,
    UNKNOWN,
    USUAL,
    Device,
    announced,
    config_of,
    filled,
    is_topic,
    learnt,
    template,
)
from presence.site import Source

_DEVICES: Final = 1024
_KINDS: Final = frozenset((TELE, STAT, CMND))
_TURNED: Final = "%topic%/%prefix%/"
_DISCOVERY: Final = "tasmota/discovery/"
_SUBSCRIPTIONS: Final = ("tele/+/#", "stat/+/#", "+/tele/#", "+/stat/#", _DISCOVERY + "#")

_RADARS: Final = ("LD2410", "LD2410S")
_SWITCH: Final = re.compile(r"Switch\d{1,2}")
_RULE_PIR: Final = re.compile(r"PIR\d{0,2}", re.IGNORECASE)
_LONGEST_LOCAL_TIME: Final = len("2024-09-20T22:40:31")
_FARTHEST_CM: Final = 10_000.0
_FULL_TOPIC: Final = "full_topic"


class _Route(NamedTuple):
    address: str
    kind: str
    leaf: str


class Tasmota:
    """Devices by their topic, `<t>`."""

    NAME: ClassVar[str] = "tasmota"
    EXCLUSIVE: ClassVar[bool] = True

    def __init__(self) -> None:
        self._devices: Memory[Device] = Memory(_DEVICES)
        self._macs: Memory[str] = Memory(_DEVICES)
        self._claimed: dict[str, str | None] = {}  # address -> its configured FullTopic
        self._bases: dict[str, tuple[str, str]] = {}  # topic up to its last level -> address, kind

    def address(self, source: Source) -> str:
        topic = source.topic
        if topic is None:
            raise ValueError('has no topic; write the device\'s own, as in "topic: tasmota_26A908"')
        if not is_topic(topic):
            raise ValueError(f'topic "{topic}" is none of a device; write its own, as in "topic: tasmota_26A908"')
        if _KINDS & set(topic.split("/")):
            raise ValueError(f'topic "{topic}" is that of a message; write the device\'s own, without tele, stat, cmnd')
        if source.device is not None or source.profile is not None:
            raise ValueError("device and profile mean nothing here; leave them out")
        for key, value in (source.config or {}).items():
            if key != _FULL_TOPIC:
                raise ValueError(f'config.{key} is not known; only "{_FULL_TOPIC}" is')
            if not isinstance(value, str) or template(value) is None:
                raise ValueError(f'config.{_FULL_TOPIC} "{value}" needs %topic% and %prefix%; write "{_TURNED}"')
        return topic

    def source(self, address: str) -> dict[str, str]:
        return {"topic": address}

    def follow(self, entries: Sequence[Entry]) -> None:
        given = {entry.address: _configured(entry) for entry in entries if _configured(entry) is not None}
        everywhere = given.get(ANY)
        self._claimed = {entry.address: given.get(entry.address, everywhere) for entry in entries if entry.address}
        self._devices.pin(self._claimed)
        self._find_bases()

    def subscriptions(self) -> Sequence[Subscription]:
        filters = dict.fromkeys(_SUBSCRIPTIONS)
        for base, (address, kind) in self._bases.items():
            if kind != CMND and address in self._claimed and not _is_covered(base):
                filters[base + "/#"] = None
        return [Subscription(topic_filter, 0) for topic_filter in filters]

    def owns(self, topic: str) -> bool:
        return topic.startswith(_DISCOVERY) or self._route(topic) is not None

    def decode(self, message: Message) -> Sequence[Heard]:
        levels(message.topic)
        if message.topic.startswith(_DISCOVERY):
            return self._discovered(message)
        route = self._route(message.topic)
        if route is None or route.kind == CMND or not message.payload:
            return ()
        address, kind, leaf = route
        device = self._devices.get(address) or UNKNOWN
        if leaf == "SENSOR" and kind == TELE:
            return self._measured(address, device, json_object(message.payload))
        if leaf == "LWT" and kind == TELE:
            return (Heard(device=address, address=address, online=_is_online(device, message.payload)),)
        if kind == STAT:
            return self._answered(address, device, leaf, message.payload)
        return (Heard(device=address, address=address),)

    def gateway_of(self, address: str) -> str | None:
        return None

    def ask(self, address: str, now_ms: int) -> Sequence[Question]:
        device = self._devices.get(address) or UNKNOWN
        return [
            Question(f"{filled(full_topic, device.cmnd, address)}/STATUS", b"10")
            for full_topic in self._full_topics(address, device)
        ]

    def questions(self, now_ms: int) -> Sequence[Question]:
        return ()

    def missed(self, now_ms: int) -> None:
        """Nothing: no verdict is remembered; one part speaks for the device, whatever another said before."""

    def _route(self, topic: str) -> _Route | None:
        base, _, leaf = topic.rpartition("/")
        if (known := self._bases.get(base)) is not None:
            return _Route(*known, leaf)
        first, _, rest = base.partition("/")
        if first in _KINDS and rest:
            return _Route(rest, first, leaf)
        return _Route(first, rest, leaf) if rest in _KINDS and first else None

    def _full_topics(self, address: str, device: Device) -> Sequence[str]:
        """As learnt, and as configured; where nothing is known, as it may be."""
        known = (device.full_topic, self._claimed.get(address))
        return list(dict.fromkeys(one for one in known if one is not None)) or (USUAL, _TURNED)

    def _find_bases(self) -> None:
        """All of them anew: those of claimed devices, and of others what was learnt."""
        self._bases = {}
        for address, device in self._devices.items():
            self._add_bases(address, device)
        for address in self._claimed:
            self._add_bases(address, self._devices.get(address) or UNKNOWN)

    def _add_bases(self, address: str, device: Device) -> None:
        if device.full_topic is None and address not in self._claimed:
            return
        for full_topic in self._full_topics(address, device):
            for base, kind in device.bases(full_topic, address).items():
                self._bases[base] = (address, kind)

    def _know(self, address: str, device: Device) -> None:
        before = self._devices.get(address)
        self._devices.put(address, device)
        if before is not None and before.full_topic is not None:
            for base in before.bases(before.full_topic, address):
                self._bases.pop(base, None)
        self._add_bases(address, device)
        # Three of a device, six of a claimed one of which nothing is learnt; as many again of those that are forgotten.
        if len(self._bases) > 2 * (3 * _DEVICES + 6 * len(self._claimed)):
            self._find_bases()

    def _measured(self, address: str, device: Device, body: Mapping[str, Any]) -> Sequence[Heard]:
        """Of the body of SENSOR."""
        presences: dict[str, float] = {}
        unknown: set[str] = set()
        values: dict[str, float] = {}
        for name, value in body.items():
            if isinstance(value, str):
                _add_switch(presences, unknown, device, name, value)
            elif isinstance(value, dict):
                if name in _RADARS:
                    presences[name] = _add_radar(values, name, value)
                elif not name.startswith("ESP"):  # the temperature of the chip itself
                    _add_surroundings(values, value, body.get("TempUnit"))
        radar = next((name for name in _RADARS if name in presences), None)
        if radar is not None and not device.radar:
            self._know(address, msgspec.structs.replace(device, radar=True))
        whole = radar or (None if device.radar else device.first_switch)
        return (_heard(address, whole, presences, unknown, values, _instant(body.get("Time"))),)

    def _answered(self, address: str, device: Device, leaf: str, payload: bytes) -> Sequence[Heard]:
        """Of a message of kind `stat`."""
        if leaf in ("STATUS10", "STATUS8"):
            measured = json_object(payload).get("StatusSNS")
            if not isinstance(measured, dict):
                raise damaged(f"{leaf} without StatusSNS")
            return self._measured(address, device, measured)
        presences: dict[str, float] = {}
        unknown: set[str] = set()
        whole = None if device.radar else device.first_switch
        if leaf == "RESULT":
            for name, value in json_object(payload).items():
                _add_event(presences, unknown, device, name, value)
        elif _RULE_PIR.fullmatch(leaf):
            word = text(payload, LONGEST_TOPIC).strip()
            said = device.words.get(word.lower(), truth(word))
            whole = None if device.radar else leaf
            _add(presences, unknown, leaf, said)
        elif len(payload) <= LONGEST_NAME and not leaf.startswith("POWER"):
            said = device.words.get(payload.decode(errors="replace").strip().lower())
            if said is not None:
                presences[leaf] = said
        return (_heard(address, whole, presences, unknown, {}, None),)

    def _discovered(self, message: Message) -> Sequence[Heard]:
        mac, _, leaf = message.topic[len(_DISCOVERY) :].partition("/")
        if leaf == "sensors" and message.payload:
            return self._sensors_discovered(mac, json_object(message.payload))
        if leaf != "config":
            return ()
        before = self._macs.get(mac)
        if not message.payload:
            self._macs.forget(mac)
            return () if before is None else (Heard(device=before, address=before, announced=True),)
        config = config_of(json_object(message.payload))
        device = learnt(config, self._devices.get(config.t) or UNKNOWN)
        self._macs.put(mac, config.t)
        self._know(config.t, device)
        renamed = [Heard(device=before, address=before, announced=True)] if before not in (None, config.t) else []
        return [*renamed, *announced(config, device)]

    def _sensors_discovered(self, mac: str, body: Mapping[str, Any]) -> Sequence[Heard]:
        """What sensors there are; their values there are as old as the discovery."""
        address, sensors = self._macs.get(mac), body.get("sn")
        if address is None or not isinstance(sensors, dict):
            return ()
        device = self._devices.get(address) or UNKNOWN
        radars = [name for name in _RADARS if name in sensors]
        if radars and not device.radar:
            device = msgspec.structs.replace(device, radar=True)
            self._know(address, device)
        return [
            Heard(
                device=address,
                address=address,
                announced=True,
                onboard=Onboard(
                    state_topic=f"{filled(device.full_topic or USUAL, device.tele, address)}/SENSOR",
                    kind="occupancy",
                    json_key=name,
                    availability_topic=f"{filled(device.full_topic or USUAL, device.tele, address)}/LWT",
                ),
            )
            for name in radars
        ]


def _heard(
    address: str,
    whole: str | None,
    presences: Mapping[str, float],
    unknown: set[str],
    values: dict[str, float],
    at_ms: int | None,
) -> Heard:
    """`whole`: the name whose verdict is that of the device as a whole."""
    if whole is not None and whole in presences:
        values["presence"] = presences[whole]
    elif whole is not None and whole in unknown:
        unknown.add("presence")
    return Heard(
        device=address,
        address=address,
        values=values,
        presences=presences,
        unknown=frozenset(unknown),
        at_ms=at_ms,
    )


def _add(presences: dict[str, float], unknown: set[str], name: str, said: float | None) -> None:
    if said is None:
        unknown.add(name)
    else:
        presences[name] = said


def _add_switch(presences: dict[str, float], unknown: set[str], device: Device, name: str, value: str) -> None:
    """A text of SENSOR: a switch by its name, or by its words; the units and the time are neither."""
    said = device.words.get(value.lower())
    canonical = device.switches.get(name)
    if said is None and canonical is None and not _SWITCH.fullmatch(name):
        return
    _add(presences, unknown, name, said)
    if canonical is not None and canonical != name:
        _add(presences, unknown, canonical, said)


def _add_event(presences: dict[str, float], unknown: set[str], device: Device, name: str, value: object) -> None:
    """A key of RESULT: the event of a switch. Answers to commands (`{"LedState":"ON"}`) come there, too."""
    canonical = device.switches.get(name)
    is_switch = canonical is not None or _SWITCH.fullmatch(name) is not None
    if isinstance(value, dict):
        value = value.get("Action")
    elif not is_switch:
        return
    if not isinstance(value, str) or name.startswith(("Button", "POWER")):
        return
    said = device.words.get(value.lower())
    # A toggle tells that the switch is no longer what it was, not what it is; HOLD, CLEAR … tell of fingers.
    if said is None and not (is_switch and value == "TOGGLE"):
        return
    _add(presences, unknown, name, said)
    if canonical is not None and canonical != name:
        _add(presences, unknown, canonical, said)


def _add_radar(values: dict[str, float], name: str, said: Mapping[str, Any]) -> float:
    """The verdict of an LD2410 or LD2410S. Raises DamagedFrame."""
    return _add_ld2410s(values, said) if name == "LD2410S" else _add_ld2410(values, said)


def _add_ld2410(values: dict[str, float], said: Mapping[str, Any]) -> float:
    """Where nobody is the driver writes zeros, and only there."""
    distances, energies = said.get("Distance"), said.get("Energy")
    if not isinstance(distances, list) or not isinstance(energies, list) or (len(distances), len(energies)) != (3, 2):
        raise damaged("LD2410 has no three distances and two energies")
    moving, still, detection = (_within(value, _FARTHEST_CM, "distance") for value in distances)
    moving_energy, still_energy = (_within(value, 100.0, "energy") for value in energies)
    values["moving_energy"] = moving_energy
    values["still_energy"] = still_energy
    if not (moving or still or detection or moving_energy or still_energy):
        return 0.0
    for quantity, cm in (("moving_distance", moving), ("still_distance", still), ("distance", detection)):
        if cm:
            values[quantity] = cm / 100
    return 1.0


def _add_ld2410s(values: dict[str, float], said: Mapping[str, Any]) -> float:
    people = said.get("People")
    if people not in (0, 1, 2, 3) or isinstance(people, bool):
        raise damaged("People of the LD2410S is not 0, 1, 2 or 3")
    if people < 2:
        return 0.0
    cm = _within(said.get("Distance"), _FARTHEST_CM, "distance")
    if cm:
        values["distance"] = cm / 100
    return 1.0


def _within(value: object, most: float, what: str) -> float:
    found = None if isinstance(value, str) else within(value, 0.0, most)
    if found is None:
        raise damaged(f"{what} of the radar is no number from 0 to {most:g}")
    return found


def _add_surroundings(values: dict[str, float], said: Mapping[str, Any], temperature_unit: object) -> None:
    """Light and air, of the first sensor that measures them."""
    if (illuminance := within(said.get("Illuminance"), 0.0, 200_000.0)) is not None:
        values.setdefault("illuminance", illuminance)
    if (temperature := number(said.get("Temperature"))) is not None and temperature_unit in ("C", "F"):
        values.setdefault("temperature", temperature if temperature_unit == "C" else (temperature - 32) / 1.8)
    if (humidity := within(said.get("Humidity"), 0.0, 100.0)) is not None:
        values.setdefault("humidity", humidity)
    if (co2 := within(said.get("CarbonDioxide"), 0.0, 100_000.0)) is not None:
        values.setdefault("co2", co2)


def _instant(time: object) -> int | None:
    """Epoch ms of a `Time` with an offset; None for local time."""
    return instant_ms(time) if isinstance(time, str) and len(time) > _LONGEST_LOCAL_TIME else None


def _is_online(device: Device, payload: bytes) -> bool:
    online = device.online.get(text(payload, LONGEST_TOPIC).strip().lower())
    if online is None:
        raise damaged("LWT is neither of its two words")
    return online


def _is_covered(base: str) -> bool:
    """Whether what comes below `base` comes by the usual subscriptions already."""
    first, _, rest = base.partition("/")
    return (first in (TELE, STAT) and rest != "") or rest in (TELE, STAT)


def _configured(entry: Entry) -> str | None:
    full_topic = (entry.config or {}).get(_FULL_TOPIC)
    return template(full_topic) if isinstance(full_topic, str) else None
