"""A device that was announced: what its entities last said, and what a payload on one of its topics means for it.

Source: homeassistant 2025.4.4, components/mqtt (binary_sensor, sensor, availability).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from collector.conventions import discovery_config, payload
from collector.conventions.convention import Heard
from collector.conventions.discovery_config import Availability, Entity
from collector.conventions.whole import Whole, whole
from presence.errors import DamagedFrame

LONGEST_STATE: Final = 64 * 1024

_STRONG, _WEAK = 2, 1
VERDICTS: Final = {"occupancy": _STRONG, "presence": _STRONG, "motion": _WEAK}
# Device class -> unit -> what numbers are divided by; the quantities have the same names.
DIVISORS: Final = {
    "distance": {"m": 1.0, "cm": 100.0, "mm": 1000.0},
    "illuminance": {"lx": 1.0},
    "battery": {"%": 1.0},
}
KINDS = VERDICTS.keys() | DIVISORS.keys()
_RANGES: Final = {"distance": (0.0, 1000.0), "illuminance": (0.0, 1e6), "battery": (0.0, 100.0)}
_UNKNOWN = frozenset(("None", "none", "null", "unknown", "unavailable", "nan", "NaN"))
_NEVER: Final = object()


class Kept:
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


class Device:
    """`there`: the last word of each of its availability topics."""

    __slots__ = ("entities", "seems", "there")

    def __init__(self) -> None:
        self.entities: dict[str, Kept] = {}
        self.there: dict[str, bool] = {}
        self.seems: str | None = None

    def lose(self) -> None:
        """Know no verdict any more, nor what its availability topics said."""
        self.there.clear()
        for one in self.entities.values():
            one.verdict = None

    def whole(self, spoke: Sequence[Kept]) -> Whole:
        """What those that `spoke` say of the device: the strongest verdicts that there are make that of the whole."""
        most = max((strength(one.entity) for one in self.entities.values()), default=0)
        deciding = [one for one in self.entities.values() if strength(one.entity) == most > 0]
        return whole(
            [one.verdict for one in deciding if one in spoke], [one.verdict for one in deciding if one not in spoke]
        )

    def topics(self) -> Iterator[str]:
        """The topics to listen to: those of verdicts first."""
        for one in sorted(self.entities.values(), key=lambda one: -strength(one.entity)):
            if one.entity.state_topic is not None:
                yield one.entity.state_topic
            yield from (each.topic for each in one.entity.availabilities)


class Spoken:
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


def state(address: str, device: Device, topic: str, spoken: Spoken) -> Sequence[Heard]:
    """What a device says of its entities. Raises DamagedFrame when nothing can be understood."""
    understood: list[tuple[Kept, object, float | None]] = []
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


def _heard(address: str, device: Device, understood: Sequence[tuple[Kept, object, float | None]]) -> Sequence[Heard]:
    values: dict[str, float] = {}
    presences: dict[str, float] = {}
    unknown: set[str] = set()
    for kept, said, value in understood:
        kept.said = said
        if not strength(kept.entity):
            if value is not None:
                values[kept.entity.kind or ""] = value
            continue
        kept.verdict = value
        if value is None:
            unknown.add(kept.entity.key)
        else:
            presences[kept.entity.key] = value
    all_in_all = device.whole([kept for kept, _, _ in understood])
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


def presence_of_itself(address: str, device: Device, topic: str, spoken: Spoken) -> Sequence[Heard]:
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
        lost = device.whole(gone).unknown.union(kept.entity.key for kept in gone if strength(kept.entity))
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


def _there(one: Availability, spoken: Spoken) -> bool | None:
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
    if strength(entity):
        if word in (entity.on, entity.off) and entity.on != entity.off:
            return 1.0 if word == entity.on else 0.0
        if word in _UNKNOWN:
            return None
        raise payload.damaged("neither of the words that were announced for on and off")
    divisor = DIVISORS[entity.kind or ""].get(entity.unit or "")
    number = payload.number(said)
    if number is None and word not in _UNKNOWN and word.lstrip("+-") != "inf":
        raise payload.damaged("no number")
    if number is None or divisor is None:
        return None
    if (found := payload.within(number / divisor, *_RANGES[entity.kind or ""])) is None:
        raise payload.damaged(f"{entity.kind} out of its range")
    return found


def strength(entity: Entity) -> int:
    """How much of a verdict on occupancy an entity is; 0: none."""
    return VERDICTS.get(entity.kind or "", 0)
