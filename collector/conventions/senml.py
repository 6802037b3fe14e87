"""SenML packs (RFC 8428) of others, JSON or CBOR, on topics of their own.

    +/+/senml, +/+/senml-cbor, senml/#, sensors/+, and the topics of entries

    [{"bn":"urn:dev:mac:24e124fffe123456:","bt":1276020076.001,"n":"presence","vb":true},
     {"n":"distance","u":"m","v":0.82}]

A name is device, separator, key. The device of a DEV URN (RFC 9039) is urn:dev:{kind}:{id}, of another URN its first
three parts, of any other name all before the last `/` or `:`; a name without separator is a key of the topic's own
device, which has the topic as its name. A name that is a device alone is known by its unit.

Truth values (vb) are verdicts by their keys; those called presence, else occupancy, occupied, motion are the verdict of
the whole (`whole`); `open` or `alarm` are not. Quantities go by the last part of the key, and need their unit (m, cm,
mm, lx, Cel, %RH, %EL, ppm, and `/`, %, /100 for a battery). Text, data and sums are skipped.

Records of one device and time are one Heard, the oldest first, so that history does not stand over the present. Times
below 2**28 are ages; no time is now. `sensors/+` is a guess: what is no pack there is another dialect's, and
nothing is said about it. A topic alone in the site file claims the device that its packs are about, when it is one.

Packs are taken as they come, without queue: most are undated.
Bounded: 2,048 devices besides the claimed ones; of each 16 verdicts of each of the four names, with keys of at most 128
characters, thus some 16 KiB; a pack of 256 KiB.
Source: RFC 8428 (core-wg/senml-spec @aced339), RFC 8798 (units), RFC 9039 (DEV URN).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from math import inf
from typing import ClassVar, Final, NamedTuple

from collector.conventions.convention import Entry, Heard, Message, Question, Subscription
from collector.conventions.memory import Memory
from collector.conventions.payload import LARGEST_PAYLOAD, LONGEST_TOPIC, damaged
from collector.conventions.whole import NOTHING, VERDICTS, Parts, Whole
from presence import senml
from presence.errors import DamagedFrame
from presence.site import Source

MOST_DEVICES: Final = 2048
LONGEST_NAME: Final = 128

_FILTERS = ("+/+/senml", "+/+/senml-cbor", "senml/#", "sensors/+")
# A status below sensors is that of an ESPHome node of this name.
_USUAL = re.compile(r"[^/]+/[^/]+/senml(?:-cbor)?|senml/.+|sensors/(?!status$)[^/]+", re.DOTALL)
_GUESSED = "sensors/"
_NATIVE = "hadir/"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9\-:./_]*", re.ASCII)
_DEV_URN = re.compile(r"(urn:dev:[^:/]+:[^:/_]+)(?:[:/_](.*))?", re.ASCII)
_URN = re.compile(r"(urn:[^:]+:[^:/]+)(?:[:/](.*))?", re.ASCII)
_LAST_SEPARATOR = re.compile(r"(.*)[:/](.*)", re.ASCII)
_SEPARATORS = ":/_."
_RELATIVE_BELOW_S = 2**28
_DIGITS = 9  # behind the point: 82 cm are 0.82 m


class _Scale(NamedTuple):
    quantity: str
    times: float
    least: float
    most: float


_KEYS: Final[dict[str, tuple[str, ...]]] = {
    "distance": ("distance", "range", "target_distance", "detection_distance"),
    "moving_distance": ("moving_distance",),
    "still_distance": ("still_distance",),
    "illuminance": ("illuminance", "lux", "light", ""),
    "temperature": ("temperature", "temp", ""),
    "humidity": ("humidity", "hum", ""),
    "co2": ("co2",),
    "battery": ("battery", "batt", "bat", ""),
    "target_count": ("target_count", "people", "people_count"),
}
_METRES: Final[dict[str | None, tuple[float, float, float]]] = {
    "m": (1, 0, inf),
    "cm": (0.01, 0, inf),
    "mm": (0.001, 0, inf),
}
_UNITS: Final[dict[str, dict[str | None, tuple[float, float, float]]]] = {
    "distance": _METRES,
    "moving_distance": _METRES,
    "still_distance": _METRES,
    "illuminance": {"lx": (1, 0, inf)},
    "temperature": {"Cel": (1, -273.15, inf)},
    "humidity": {"%RH": (1, 0, 100)},
    "co2": {"ppm": (1, 0, inf)},
    "battery": {"%EL": (1, 0, 100), "/": (100, 0, 100), "%": (1, 0, 100), "/100": (1, 0, 100)},
    "target_count": {"count": (1, 0, inf)},
}
_SCALES: Final = {
    (key, unit): _Scale(quantity, *scale)
    for quantity, keys in _KEYS.items()
    for key in keys
    for unit, scale in _UNITS[quantity].items()
    # A value that has no name but its device's is told by a unit that measures one thing only.
    if key or unit not in ("/", "%", "/100")
}


class _Group:
    """What one device said of one time."""

    __slots__ = ("presences", "time_s", "values")

    def __init__(self, time_s: float) -> None:
        self.time_s = time_s
        self.values: dict[str, float] = {}
        self.presences: dict[str, float] = {}


class Senml:
    """Decodes packs; it knows which verdicts a device has, and how each was."""

    NAME: ClassVar[str] = "senml"
    EXCLUSIVE: ClassVar[bool] = True

    def __init__(self) -> None:
        self._parts: Memory[dict[str, Parts]] = Memory(MOST_DEVICES)  # by the last part of the keys
        self._claimed: frozenset[str] = frozenset()
        self._listed: frozenset[str] = frozenset()  # the topics of entries
        self._topics: frozenset[str] = frozenset()  # those of them that are not usual

    def address(self, source: Source) -> str:
        """The base name of `device` without its last separator, else `topic`. Raises ValueError."""
        if source.config or source.profile is not None:
            raise ValueError("knows neither profile nor config; leave them out")
        topic = source.topic
        if topic is not None and (not topic or len(topic) > LONGEST_TOPIC or any(sign in topic for sign in "+#\0")):
            raise ValueError(f'"{topic}" is no topic of a message; write topic: outlets/7/senml')
        if source.device is None:
            if topic is None:
                raise ValueError("names no device; write topic: outlets/7/senml, device: urn:dev:mac:…, or both")
            return topic
        device = source.device.rstrip(_SEPARATORS)
        if len(device) > LONGEST_NAME or not _NAME.fullmatch(device):
            raise ValueError(
                f'"{source.device}" is no name of SenML; write its base name, urn:dev:mac:24e124fffe123456'
            )
        return device

    def source(self, address: str) -> dict[str, str]:
        """`topic` of a device that has its name from there, else `device`."""
        return {"topic": address} if self.owns(address) else {"device": address}

    def follow(self, entries: Sequence[Entry]) -> None:
        """Listen to the entries' topics, too."""
        self._claimed = frozenset(entry.address for entry in entries)
        self._parts.pin(self._claimed)
        topics = {entry.topic for entry in entries if entry.topic}
        # An address that can be a topic was one: without `device` the topic is the address.
        topics |= {address for address in self._claimed if "/" in address and not address.startswith("urn:")}
        self._listed = frozenset(topics)
        self._topics = frozenset(topic for topic in topics if not _USUAL.fullmatch(topic))

    def subscriptions(self) -> Sequence[Subscription]:
        """The usual topics and those of entries, of the present only: most packs have no date."""
        return [Subscription(topic_filter, 0) for topic_filter in (*_FILTERS, *sorted(self._topics))]

    def owns(self, topic: str) -> bool:
        """Whether it is one of those topics; Hadir's own are not."""
        if topic in self._topics:
            return True
        return _USUAL.fullmatch(topic) is not None and not topic.startswith(_NATIVE)

    def decode(self, message: Message) -> Sequence[Heard]:
        """What a pack says, the oldest first. Raises DamagedFrame."""
        topic, payload = message.topic, message.payload
        if not payload:
            return ()
        is_guess = topic.startswith(_GUESSED) and topic not in self._listed
        if is_guess and not _may_be_pack(payload):
            return ()
        if len(payload) > LARGEST_PAYLOAD:
            raise damaged(f"{len(payload)} bytes, more than {LARGEST_PAYLOAD}")
        if len(topic) > LONGEST_TOPIC:
            raise damaged(f"a topic of {len(topic)} characters, more than {LONGEST_TOPIC}")
        try:
            groups = _grouped(_records(payload, message.content_type))
        except DamagedFrame:
            if is_guess:
                return ()
            raise
        told = list(groups.items())
        alone = len(told) == 1 or len({device for device, _ in groups}) == 1
        if len(told) > 1:
            told.sort(key=_time_of)
        heard: list[Heard] = []
        for (device, _), group in told:
            self._add(heard, device or topic, topic if alone else None, group)
        return heard

    def gateway_of(self, address: str) -> str | None:
        """None: packs tell nothing of their way."""
        return None

    def ask(self, address: str, now_ms: int) -> Sequence[Question]:
        """Nothing: SenML has no questions."""
        return ()

    def questions(self, now_ms: int) -> Sequence[Question]:
        """Nothing."""
        return ()

    def missed(self, now_ms: int) -> None:
        """As the convention says."""
        for by_name in self._parts.values():
            for parts in by_name.values():
                parts.lose()

    def _add(self, heard: list[Heard], device: str, topic: str | None, group: _Group) -> None:
        """What `group` says, for whoever claimed `device`, or the `topic` on which it alone speaks."""
        values = group.values
        unknown: frozenset[str] = frozenset()
        if group.presences:
            all_in_all, unknown = self._whole(device, group.presences)
            values.update(all_in_all)
        at_ms = age_ms = None
        if values or group.presences:
            if group.time_s >= _RELATIVE_BELOW_S:
                at_ms = round(group.time_s * 1000)
            elif group.time_s:
                age_ms = max(0, round(-group.time_s * 1000))
        by_topic = topic is not None and topic != device and topic in self._claimed
        if not by_topic or device in self._claimed:
            heard.append(_heard(device, device, group, unknown, at_ms, age_ms))
        if by_topic and topic is not None:
            heard.append(_heard(device, topic, group, unknown, at_ms, age_ms))

    def _whole(self, device: str, presences: dict[str, float]) -> Whole:
        """What the verdicts of the widest name that the device ever said say of it."""
        by_name: dict[str, dict[str, float]] = {}
        for key, verdict in presences.items():
            if (name := _last(key)) in VERDICTS:
                by_name.setdefault(name, {})[key] = verdict
        if not by_name:
            return NOTHING
        known = self._parts.get(device)
        if known is None:
            known = {}
            self._parts.put(device, known)
        for name in VERDICTS:
            if name in by_name:
                return known.setdefault(name, Parts()).hear(by_name[name])
            if name in known:
                break
        return NOTHING


def _records(payload: bytes, content_type: str | None) -> list[senml.Resolved]:
    """The records of the pack. Raises DamagedFrame, whose reason does not repeat long names."""
    try:
        return senml.resolve(payload, content_type)
    except DamagedFrame as damage:
        reason = damage.reason
        raise damaged(reason if len(reason) <= 80 else f"{reason[:30]}…{reason[-30:]}", damage.offset) from None


@lru_cache(maxsize=8192)
def _split(name: str) -> tuple[str, str]:
    """Device, empty for the topic's own, and key, empty for a device alone. Raises DamagedFrame."""
    if len(name) > LONGEST_NAME or not _NAME.fullmatch(name):
        raise damaged("a name that SenML does not allow")
    if name.startswith("urn:"):
        found = _DEV_URN.fullmatch(name) or _URN.fullmatch(name)
        if found is not None:
            return found[1], found[2] or ""
    found = _LAST_SEPARATOR.fullmatch(name)
    return (found[1], found[2]) if found is not None else ("", name)


@lru_cache(maxsize=8192)
def _last(key: str) -> str:
    return key.replace(":", "/").rpartition("/")[2]


def _grouped(records: Sequence[senml.Resolved]) -> dict[tuple[str, float], _Group]:
    """What each device says of each time; a device of which nothing is understood is in it as well."""
    groups: dict[tuple[str, float], _Group] = {}
    idle: set[str] = set()
    group: _Group | None = None
    last: tuple[str, float] | None = None
    for name, unit, value, time_s in records:
        device, key = _split(name)
        scale = None
        if value is True or value is False:
            if not key:
                value = None
        elif value is not None:
            scale = _SCALES.get((_last(key), unit))
            if scale is None or not scale.least <= value * scale.times <= scale.most:
                value = None
        if value is None:
            idle.add(device)
            continue
        if group is None or last != (device, time_s):
            last = (device, time_s)
            group = groups.setdefault(last, _Group(time_s))
        if scale is None:
            group.presences[key] = float(value)
        else:
            group.values[scale.quantity] = value if scale.times == 1 else round(value * scale.times, _DIGITS)
    if idle:
        for device in sorted(idle - {device for device, _ in groups}):
            groups[device, 0.0] = _Group(0.0)
    return groups


def _time_of(item: tuple[tuple[str, float], _Group]) -> float:
    """Ages lie behind all dates: they count from now."""
    time_s = item[1].time_s
    return time_s if time_s >= _RELATIVE_BELOW_S else 2**41 + time_s


def _heard(
    device: str, address: str, group: _Group, unknown: frozenset[str], at_ms: int | None, age_ms: int | None
) -> Heard:
    return Heard(
        device=device,
        address=address,
        values=group.values,
        presences=group.presences,
        unknown=unknown,
        at_ms=at_ms,
        age_ms=age_ms,
    )


def _may_be_pack(payload: bytes) -> bool:
    """Whether it begins as an array of JSON or CBOR does."""
    first = payload.lstrip()[:1]
    return first == b"[" or b"\x80" <= payload[:1] <= b"\x9f"
