"""What Zigbee2MQTT's `bridge/devices` says of its devices: units, and which keys speak of presence in what words.

    [{"ieee_address":"0xb0c7defffe7e1b2c","friendly_name":"linptech","power_source":"Mains (single phase)",
      "definition":{"model":"ES1ZZ(TY)","vendor":"Linptech","exposes":[
        {"type":"binary","name":"occupancy","property":"occupancy","access":1,"value_on":true,"value_off":false},
        {"type":"numeric","name":"target_distance","property":"target_distance","access":1,"unit":"cm"}]}}, …]

It is retained, and the only place where units and the meaning of words stand. Of a list at most `LARGEST_LIST` bytes
are read and `MOST_DEVICES` devices taken, of a device `MOST_KEYS` keys of presence with 16 words of 64 letters each.

Source: zigbee2mqtt @6835cbf (2.12.1) bridge.ts publishDevices; keys of zigbee-herdsman-converters 26.112.0.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from collector.conventions.payload import LONGEST_TOPIC, damaged, truth, within

LARGEST_LIST = 4 * 1024 * 1024
MOST_DEVICES = 1000
MOST_KEYS = 32
_MOST_WORDS = 16
_LONGEST_WORD = 64

IEEE = re.compile(r"0x[0-9a-f]{16}", re.ASCII)

# Truth values that speak of presence. With several zones each has its own.
_TRUTHS = frozenset(
    (
        "presence",
        "occupancy",
        *(f"occupancy_{word}" for word in ("in", "out", "or", "and")),
        *(f"occupancy_{n}" for n in range(1, 11)),
        *(f"mmwave_area{n}_occupancy" for n in range(1, 11)),
    )
)
# Words that speak of presence; `state` is a relay (ON, OFF) unless its device lists `none` among its words.
_ENUM = "presence_state"
_NOBODY = "none"
_SOMEBODY = frozenset(
    ("presence", "motion", "stationary", "move", "moving", "static", "small_movement", "large_movement")
)
_NAMES_OF_PRESENCE = frozenset(("presence", "occupancy", _ENUM, "state"))
KEYS = _TRUTHS | {_ENUM}

_METRES = {"m": 1.0, "cm": 0.01, "mm": 0.001}
# Names of the distance of a target; the first that stands in a message is taken.
_TARGETS = ("target_distance", "target_distance_closest", "closest_target_distance")
# These are settings or other things in many devices, and distances of a target only where the device says so.
DISTANCES = (*_TARGETS, "distance", "detection_distance")
_FARTHEST_M = 100.0
# The radars of this dialect see 12 m at most, and those that speak of cm tell whole ones.
_FARTHEST_FRACTION_M = 12.0
_BRIGHTEST_LX = 200_000.0

_SET, _GET = 2, 4


@dataclass(frozen=True, slots=True)
class Definition:
    """What is known of a device beyond its messages.

    `keys`: those that speak of presence. `words`: key -> its values for on and off, where they are not true and false.
    `enums`: key -> the words that it says, in small letters. `metres`: key of a distance -> its unit in metres, None
    where it has none that is known. `readable`: the keys for which the device can be asked; None: not told.
    `lux`: illuminance is in lx, as far as is told.
    """

    ieee: str | None = None
    seems: str | None = None
    battery: bool = False
    keys: frozenset[str] = KEYS
    words: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)
    enums: Mapping[str, frozenset[str]] = field(default_factory=dict)
    metres: Mapping[str, float | None] = field(default_factory=dict)
    readable: frozenset[str] | None = None
    lux: bool = True


UNDEFINED = Definition()


class _Expose(msgspec.Struct, gc=False):
    type: str = ""
    name: str | None = None
    property: str | None = None
    unit: str | None = None
    access: int = 0
    value_on: Any = True
    value_off: Any = False
    values: Any = None
    features: list[_Expose] | None = None


class _Model(msgspec.Struct):
    model: str | None = None
    vendor: str | None = None
    exposes: list[_Expose] = []


class _Device(msgspec.Struct):
    friendly_name: str
    ieee_address: str | None = None
    power_source: str | None = None
    definition: _Model | None = None


_LIST = msgspec.json.Decoder(list[msgspec.Raw])
_DEVICE = msgspec.json.Decoder(_Device)


def definitions(payload: bytes) -> dict[str, Definition]:
    """Friendly name -> what is known, of the first `MOST_DEVICES`; a device that cannot be read is left out.

    Raises DamagedFrame for what is no list.
    """
    if len(payload) > LARGEST_LIST:
        raise damaged(f"{len(payload)} bytes, more than {LARGEST_LIST}")
    try:
        listed = _LIST.decode(payload)
    except (ValueError, RecursionError):
        raise damaged("no JSON list of devices") from None
    found: dict[str, Definition] = {}
    for raw in listed[:MOST_DEVICES]:
        try:
            device = _DEVICE.decode(raw)
        except (ValueError, RecursionError):
            continue
        if 0 < len(device.friendly_name) <= LONGEST_TOPIC:
            found[device.friendly_name] = _definition(device)
    return found


def _definition(device: _Device) -> Definition:
    ieee = (device.ieee_address or "").lower()
    known = ieee if IEEE.fullmatch(ieee) else None
    battery = device.power_source == "Battery"
    model = device.definition
    if model is None:
        return Definition(known, battery=battery)
    exposes = list(_flat(model.exposes))
    names = {one.property: one for one in exposes if _speaks_of_presence(one) and one.property is not None}
    names = dict(list(names.items())[:MOST_KEYS])
    seems = " ".join(word for word in (model.vendor, model.model) if word)[:_LONGEST_WORD]
    return Definition(
        ieee=known,
        seems=seems or None,
        battery=battery,
        keys=KEYS | names.keys() if names.keys() - KEYS else KEYS,
        words={key: one_words for key, one in names.items() if (one_words := _words(one))},
        enums={key: _enum(one) for key, one in names.items() if one.type == "enum"},
        metres={one.property: _metres(one) for one in exposes if one.property in DISTANCES},
        readable=frozenset(key for key, one in names.items() if one.access & _GET),
        lux=_tells_lux(exposes),
    )


def _flat(exposes: list[_Expose]) -> Iterator[_Expose]:
    """The exposed keys themselves, also those within a switch, a light; deeper ones are parts of a value."""
    for one in exposes:
        if one.property is not None:
            yield one
        else:
            yield from (within_it for within_it in one.features or () if within_it.property is not None)


def _speaks_of_presence(one: _Expose) -> bool:
    if one.property is None or len(one.property) > _LONGEST_WORD:
        return False
    if one.type == "enum":
        return bool({one.name, one.property} & _NAMES_OF_PRESENCE) and _NOBODY in _enum(one)
    # A zone may be an endpoint of a plain `occupancy`: its property has the endpoint's name, `occupancy_left`.
    return one.type == "binary" and (one.property in _TRUTHS or one.name in ("presence", "occupancy"))


def _enum(one: _Expose) -> frozenset[str]:
    words = one.values if isinstance(one.values, list) else []
    return frozenset(
        word.lower() for word in words[:_MOST_WORDS] if isinstance(word, str) and len(word) <= _LONGEST_WORD
    )


def _words(one: _Expose) -> tuple[Any, Any] | None:
    """The values for on and off of a truth key; None when they are true and false, or cannot be told apart."""
    on, off = one.value_on, one.value_off
    if one.type != "binary" or (on is True and off is False):
        return None
    if not all(isinstance(word, bool | int | str) and len(str(word)) <= _LONGEST_WORD for word in (on, off)):
        return None
    return None if on == off else (on, off)


def _metres(one: _Expose) -> float | None:
    if one.property == "detection_distance" and one.access & _SET:
        return None  # how far it is to look
    return _METRES.get(one.unit or "")


def _tells_lux(exposes: list[_Expose]) -> bool:
    """Whether `illuminance` is in lx: before 2.0 it was a raw number, and `illuminance_lux` stood beside it."""
    units = [one.unit for one in exposes if one.property == "illuminance"]
    return all(unit in ("lx", None) for unit in units) and all(one.property != "illuminance_lux" for one in exposes)


def verdict(key: str, value: object, definition: Definition) -> float | None:
    """1.0 or 0.0 of what `key` says of presence; None: it says what is not known."""
    if value is True and not definition.words:
        return 1.0
    if value is False and not definition.words:
        return 0.0
    if key == _ENUM or key in definition.enums:
        return _verdict_of_word(value, definition.enums.get(key, _SOMEBODY))
    if (words := definition.words.get(key)) is not None:
        on, off = words
        if type(value) is type(on) and value == on:
            return 1.0
        if type(value) is type(off) and value == off:
            return 0.0
    return truth(value)


def _verdict_of_word(value: object, known: frozenset[str]) -> float | None:
    if not isinstance(value, str) or len(value) > _LONGEST_WORD:
        return None
    word = value.lower()
    return 0.0 if word == _NOBODY else 1.0 if word in _SOMEBODY or word in known else None


def distance_m(key: str, value: object, definition: Definition) -> float | None:
    """Metres of a distance of a target, 0 to 100; None when it is none or its unit is not known.

    Without `bridge/devices` a fraction below 12 is metres: no radar that speaks of cm tells fractions of one. A whole
    number might be both, and is none.
    """
    if key in definition.metres:
        metres = definition.metres[key]
        found = None if metres is None else _between(value, _FARTHEST_M / metres)
        return None if found is None or metres is None else found * metres
    if key not in _TARGETS:
        return None
    fraction = within(value, 0, _FARTHEST_FRACTION_M)
    return fraction if fraction is not None and not fraction.is_integer() else None


def measures(document: Mapping[str, Any], definition: Definition) -> dict[str, float]:
    """The quantities besides presence, in their units, that a state tells."""
    found: dict[str, float] = {}
    for key in DISTANCES:
        if key in document and (distance := distance_m(key, document[key], definition)) is not None:
            found["distance"] = distance
            break
    key = "illuminance_lux" if "illuminance_lux" in document else "illuminance"
    if (key != "illuminance" or definition.lux) and (lux := _between(document.get(key), _BRIGHTEST_LX)) is not None:
        found["illuminance"] = lux
    if (battery := _between(document.get("battery"), 100.0)) is not None:
        found["battery"] = battery
    return found


def _between(value: object, most: float) -> float | None:
    """As `within` from 0 on, quickly for what a state usually has: a number, or nothing."""
    if value is None:
        return None
    if type(value) is float or type(value) is int:
        return float(value) if 0 <= value <= most else None
    return within(value, 0, most)
