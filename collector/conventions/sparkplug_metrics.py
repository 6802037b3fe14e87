"""What the metrics of a Sparkplug birth are, and what a payload says by them.

Of a birth those are remembered: boolean metrics, but not what every node has to control it; those that a claim names,
whatever their type; distance, battery and illuminance, told by the last part of the name, when the property `engUnit`
has a unit of theirs.

The device as a whole is what its metrics say that are called presence (the last part of their name), or else occupancy,
or else occupied, or else motion. Several of the widest word are parts of it: occupied when one says so, vacant when all
have said so; a message that leaves that open makes the whole unknown, unless a part is known to be occupied.

A value of another type than its birth gave is not taken. `is_null`, and a property Quality of bad or stale, are
unknown.

Source: eclipse-sparkplug @e45b610, Payloads; `engUnit` is a custom of Ignition and Tahu.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec

from collector.conventions.convention import Heard
from collector.conventions.payload import damaged, truth, within
from collector.conventions.protobuf_wire import BOOLEAN, Metric, Payload, property_of
from collector.conventions.whole import VERDICTS, whole

METRICS_KEPT = 32
LONGEST_NAME = 128

_PER_UNIT: Mapping[str, Mapping[int | bytes | None, float]] = {
    "distance": {b"m": 1, b"cm": 100, b"mm": 1000},
    "battery": {b"%": 1},
    "illuminance": {b"lx": 1, b"lux": 1},
}
_MOST = {"distance": 1_000.0, "battery": 100.0, "illuminance": 1_000_000.0}
_SIGNED_BITS = {1: 8, 2: 16, 3: 32, 4: 64}  # Int8, Int16, Int32, Int64: they come unsigned
_BAD_QUALITIES = frozenset((0, 500))  # bad, stale; 192 is good
_NAMES_SHOWN = 3
_CONTROLS = ("Node Control/", "Device Control/")  # rebirth and the like, true and false, and nobody's presence


class _Meaning(msgspec.Struct, frozen=True, gc=False):
    """What a metric is: a truth value, or so many `per` unit of a quantity.

    `rank`: its place in VERDICTS by the last part of its name, None when it has none.
    """

    name: str
    rank: int | None
    boolean: bool
    quantity: str | None
    per: float
    signed_bits: int


@dataclass(slots=True)
class Device:
    """What the birth of a device, or of a node, says of its metrics. `session`: that of its edge node it lives in.

    `parts`: the metrics that speak for the whole, with what each said last and for when (epoch ms); None: not known.
    """

    by_alias: dict[int | None, _Meaning] = field(default_factory=dict)
    by_name: dict[bytes, _Meaning] = field(default_factory=dict)
    parts: dict[str, tuple[int, float | None]] = field(default_factory=dict)
    session: int = 0

    def lose(self) -> None:
        """Know no word of its parts any more; what was overtaken since is still older than those were."""
        self.parts = {name: (at_ms, None) for name, (at_ms, _) in self.parts.items()}

    def knows(self, names: Collection[str]) -> bool:
        """Whether all of these metrics were born."""
        return set(names) <= {meaning.name for meaning in self.by_name.values()}

    def seems(self) -> str | None:
        """Its truth values, for people: which of them is presence they have to say."""
        names = [meaning.name for meaning in self.by_name.values() if meaning.quantity is None]
        more = ", …" if len(names) > _NAMES_SHOWN else ""
        return ", ".join(names[:_NAMES_SHOWN]) + more if names else None


class _Told(NamedTuple):
    """What is said of one time."""

    values: dict[str, float]
    presences: dict[str, float]
    unknown: set[str]


def born(metrics: Iterable[Metric], claimed: Collection[str]) -> Device:
    """What the metrics of a birth are. `claimed`: names that are always remembered. Raises DamagedFrame."""
    wanted: list[tuple[Metric, _Meaning]] = []
    others: list[tuple[Metric, _Meaning]] = []
    for metric in metrics:
        if (meaning := _meaning(metric, claimed)) is not None:
            (wanted if meaning.name in claimed else others).append((metric, meaning))
    others.sort(key=lambda pair: pair[1].quantity is None and pair[1].rank is None)
    device = Device()
    for metric, meaning in (*wanted, *others[:METRICS_KEPT]):
        device.by_name[metric.name or b""] = meaning
        if metric.alias is not None:
            device.by_alias[metric.alias] = meaning
    device.parts = dict.fromkeys(_widest(device.by_name.values()), (0, None))
    return device


def heard(address: str, device: Device, payload: Payload) -> list[Heard]:
    """What `payload` says by the birth of `device`, one Heard for each time, in the order of time.

    Nothing when none of its metrics has a meaning. Raises DamagedFrame, and the parts are then as before.
    """
    told: dict[tuple[int | None, bool], _Told] = {}
    for metric in payload.metrics:
        meaning = device.by_name.get(metric.name) if metric.name else device.by_alias.get(metric.alias)
        if meaning is None:
            continue
        time = (payload.at_ms if metric.at_ms is None else metric.at_ms, metric.historical)
        said = told.get(time)
        if said is None:
            told[time] = said = _Told({}, {}, set())
        _tell(said, meaning, metric)
    times = told.items() if len(told) < 2 else sorted(told.items(), key=lambda item: _order(*item[0]))
    for (at_ms, historical), said in times:
        if historical:
            _add_past(said, device.parts)
        else:
            _add_whole(said, device.parts, at_ms)
    return [
        Heard(
            device=address,
            address=address,
            values=said.values,
            presences=said.presences,
            unknown=frozenset(said.unknown),
            at_ms=at_ms,
            historical=historical,
        )
        for (at_ms, historical), said in times
    ]


def with_birth(address: str, said: Sequence[Heard], at_ms: int | None, seems: str | None) -> list[Heard]:
    """`said`, in the order of time, and that the device is there, at the time of its birth."""
    for n, one in enumerate(said):
        if one.at_ms == at_ms and not one.historical:
            return [*said[:n], msgspec.structs.replace(one, online=True, seems=seems), *said[n + 1 :]]
    there = Heard(device=address, address=address, at_ms=at_ms, online=True, seems=seems)
    return sorted((*said, there), key=lambda one: _order(one.at_ms, one.historical))


def bdseq(metrics: Iterable[Metric]) -> int | None:
    """The number of the connection that a node's birth or death belongs to."""
    for metric in metrics:
        if metric.name == b"bdSeq":
            return metric.value if type(metric.value) is int else None
    return None


def _meaning(metric: Metric, claimed: Collection[str]) -> _Meaning | None:
    if not metric.name or len(metric.name) > LONGEST_NAME:
        return None
    try:
        name = metric.name.decode()
    except UnicodeDecodeError:
        raise damaged("the name of a metric is no UTF-8") from None
    if name.startswith(_CONTROLS) and name not in claimed:
        return None
    boolean = type(metric.value) is bool if metric.datatype is None else metric.datatype == BOOLEAN
    word = name.rpartition("/")[2].strip().lower()
    if boolean or name in claimed:
        return _Meaning(name, VERDICTS.index(word) if word in VERDICTS else None, boolean, None, 1, 0)
    if (units := _PER_UNIT.get(word)) is None:
        return None
    per = units.get(property_of(metric.properties, b"engUnit"))
    return None if per is None else _Meaning(name, None, False, word, per, _SIGNED_BITS.get(metric.datatype or 0, 0))


def _widest(meanings: Iterable[_Meaning]) -> list[str]:
    """The names of the truth values that have the widest word."""
    ranked = [(meaning.rank, meaning.name) for meaning in meanings if meaning.boolean and meaning.rank is not None]
    first = min((rank for rank, _ in ranked), default=None)
    return [name for rank, name in ranked if rank == first]


def _tell(said: _Told, meaning: _Meaning, metric: Metric) -> None:
    """Add what `metric` says; the later stands over the earlier."""
    null = metric.null or _is_bad(metric)
    if meaning.quantity is not None:
        found = None if null else _number(meaning, metric.value, _MOST[meaning.quantity])
        if found is not None:
            said.values[meaning.quantity] = found
        return
    verdict = None if null else _verdict(meaning, metric.value)
    if verdict is not None:
        said.presences[meaning.name] = verdict
        said.unknown.discard(meaning.name)
    elif null and not metric.historical:
        said.presences.pop(meaning.name, None)
        said.unknown.add(meaning.name)


def _add_whole(said: _Told, parts: dict[str, tuple[int, float | None]], at_ms: int | None) -> None:
    """What the parts that spoke say of the whole, beside the last word of the others."""
    spoken = {name: said.presences.get(name) for name in parts if name in said.presences or name in said.unknown}
    if not spoken:
        return
    others: tuple[float | None, ...] = ()
    if len(parts) > 1:
        others = tuple(verdict for name, (_, verdict) in parts.items() if name not in spoken)
        for name, verdict in spoken.items():
            parts[name] = _last_word(*parts[name], at_ms, verdict)
    all_in_all = whole(spoken.values(), others)
    said.values.update(all_in_all.values)
    said.unknown.update(all_in_all.unknown)


def _last_word(
    before_ms: int, before: float | None, at_ms: int | None, verdict: float | None
) -> tuple[int, float | None]:
    """Not known when `verdict` was overtaken on the way, or the clock went back, and the one before says otherwise."""
    now_ms = before_ms if at_ms is None else at_ms
    return now_ms, verdict if now_ms >= before_ms or verdict == before else None


def _add_past(said: _Told, parts: Collection[str]) -> None:
    """What a message says of the whole in the past: the others' word of then is not known."""
    spoken = {name: said.presences[name] for name in parts if name in said.presences}
    said.values.update(whole(spoken.values(), (None for name in parts if name not in spoken)).values)


def _is_bad(metric: Metric) -> bool:
    return metric.properties is not None and property_of(metric.properties, b"Quality") in _BAD_QUALITIES


def _verdict(meaning: _Meaning, value: bool | int | float | bytes | None) -> float | None:
    if meaning.boolean or value is True or value is False:
        return float(value) if meaning.boolean and (value is True or value is False) else None
    return truth(value.decode(errors="replace") if isinstance(value, bytes) else value)


def _number(meaning: _Meaning, value: bool | int | float | bytes | None, most: float) -> float | None:
    if type(value) is not int and type(value) is not float:
        return None
    if (bits := meaning.signed_bits) and isinstance(value, int):
        value &= (1 << bits) - 1
        value -= value >> (bits - 1) << bits
    return within(value / meaning.per, 0.0, most)


def _order(at_ms: int | None, historical: bool) -> tuple[bool, int, bool]:
    """By time, what has none last: it was said as it was received; the past before the present."""
    return at_ms is None, at_ms or 0, not historical
