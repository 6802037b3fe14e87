"""Homie 5 and 4: devices that describe themselves.

    homie/5/{device}/$state               init | ready | disconnected | sleeping | lost
    homie/5/{device}/$description         {"nodes":{"radar":{"properties":{"presence":{"datatype":"boolean"}}}},
                                           "root":"gw-1"}
    homie/5/{device}/{node}/{property}    true
    homie/{device}/…                      the same of Homie 4, with `alert` as a state, and topics for a description:
    homie/{device}/{node}/{property}/$datatype, $unit, $format

The address is the topic up to the device; the root topic may be another than `homie`. Values are heard when the device
has described them (`homie_properties`), and each is evidence of its own property only. Names of verdicts are
{node}/{property}; the verdict of the whole is that of the property called presence, else occupancy, occupied, motion,
and of several of that name together (`whole`), where a retained value stands for a part until it speaks.

States. ready: there. sleeping: there, it just does not speak. disconnected, lost, or the state deleted: gone. init: it
begins anew, so that nothing of before holds: its verdicts are unknown, until it is ready nothing about there or gone.
alert: there, but "something is wrong, a sensor gives no data": its verdicts are unknown. A child (Homie 5) is lost with
its root, whose last will is the only one, while its own state stays ready: the root is a gateway. That it is gone is
said again when a child turns up behind it.

All is retained and undated, so it is listened to without queue: what comes unretained happened now.

Bounded: 1,024 devices besides the claimed ones and their roots; of each 128 properties, with names of at most 128
characters, thus some 50 KiB at the most.
Source: homieiot/convention @063301d (5.x) and tag v4.0.0.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Final, NamedTuple

import msgspec

from collector.conventions.convention import Entry, Heard, Message, Question, Subscription
from collector.conventions.homie_properties import LONGEST_VALUE, Meanings, Property, meanings
from collector.conventions.memory import Memory
from collector.conventions.payload import LONGEST_TOPIC, damaged, levels, text, typed
from collector.conventions.whole import NOTHING, Parts
from presence.site import Source

MOST_DEVICES: Final = 1024
MOST_PROPERTIES: Final = 128
LONGEST_KEY: Final = 128

_ROOT = "homie"
_V5 = "5"
_ONLINE: Final[dict[str, bool | None]] = {
    "ready": True,
    "sleeping": True,
    "alert": True,
    "init": None,
    "disconnected": False,
    "lost": False,
    "": False,
}
# States in which nothing that was said before holds, though the device is there.
_VOID = frozenset(("init", "alert"))
_ATTRIBUTES = {"$datatype": "datatype", "$unit": "unit", "$format": "format"}
_EMPTY = Property()


class _Property(msgspec.Struct, gc=False):
    datatype: str = "string"
    unit: str | None = None
    format: str | None = None


class _Node(msgspec.Struct):
    properties: dict[str, _Property] = {}


class _Description(msgspec.Struct):
    nodes: dict[str, _Node] = {}
    root: str | None = None
    parent: str | None = None
    children: list[str] = []


_DESCRIPTION = msgspec.json.Decoder(_Description)


class _Device:
    """What one device said of itself."""

    __slots__ = ("has_children", "meanings", "online", "parts", "properties", "root")

    def __init__(self) -> None:
        self.online: bool | None = None
        self.properties: dict[str, Property] = {}
        self.meanings = Meanings({}, frozenset())
        self.parts = Parts()
        self.root: str | None = None
        self.has_children = False

    def describe(self, properties: dict[str, Property]) -> frozenset[str]:
        """Take over what its properties are; gives the verdicts that there are no more, `presence` for the whole."""
        before = self.meanings
        self.properties = properties
        self.meanings = meanings(properties)
        if self.meanings.whole != before.whole:
            self.parts = Parts(self.meanings.whole)
        lost = before.verdicts - self.meanings.verdicts
        return lost | {"presence"} if before.whole and self.meanings.whole != before.whole else lost

    def unknown(self) -> frozenset[str]:
        """All its verdicts, which from now on are not known; of a lamp or a gateway there are none."""
        self.parts.lose()
        verdicts = self.meanings.verdicts
        return verdicts | {"presence"} if self.meanings.whole else verdicts


class _Place(NamedTuple):
    """A topic: `address` up to the device, whose name is `name`; `below` are the levels after that."""

    address: str
    name: str
    below: list[str]
    v5: bool


class Homie:
    """Decodes values, states and descriptions; it knows the properties, states and roots of devices."""

    NAME: ClassVar[str] = "homie"
    EXCLUSIVE: ClassVar[bool] = True

    def __init__(self) -> None:
        self._devices: Memory[_Device] = Memory(MOST_DEVICES)
        self._roots: tuple[str, ...] = (_ROOT,)
        self._claimed: frozenset[str] = frozenset()
        self._pinned: frozenset[str] = frozenset()

    def address(self, source: Source) -> str:
        """The topic up to the device. Raises ValueError."""
        if source.config or source.profile is not None or source.device is not None:
            raise ValueError("knows neither device, profile nor config; write topic: homie/5/counter-7")
        if source.topic is None:
            raise ValueError("names no device; write topic: homie/5/counter-7, or homie/counter-7 of Homie 4")
        parts = source.topic.split("/")
        wrong = len(parts) < 2 or "" in parts or parts[-1] == _V5 or any(sign in source.topic for sign in "+#$\0")
        if wrong or len(source.topic) > LONGEST_TOPIC or _root(source.topic) == "":
            raise ValueError(f'"{source.topic}" is not as homie/5/counter-7, or homie/counter-7 of Homie 4')
        return source.topic

    def source(self, address: str) -> dict[str, str]:
        """`topic` alone."""
        return {"topic": address}

    def follow(self, entries: Sequence[Entry]) -> None:
        """Listen below the root topics of the entries, too."""
        self._claimed = frozenset(entry.address for entry in entries if "/" in entry.address)
        self._pin()
        # Of two roots the one below the other is the nearer.
        self._roots = tuple(sorted({_ROOT, *map(_root, self._claimed)} - {""}, key=len, reverse=True))

    def subscriptions(self) -> Sequence[Subscription]:
        """All below the root topics, of the present only: nothing is dated."""
        # A root below another one is heard with it.
        return [
            Subscription(f"{root}/#", 0)
            for root in self._roots
            if not any(root.startswith(f"{other}/") for other in self._roots)
        ]

    def owns(self, topic: str) -> bool:
        """Whether it lies below a root topic."""
        return any(topic.startswith(f"{root}/") for root in self._roots)

    def decode(self, message: Message) -> Sequence[Heard]:
        """What a value, state or description says. Raises DamagedFrame."""
        place = self._place(message.topic)
        if place is None:
            return ()
        below = place.below
        if len(below) == 2 and below[0][:1] != "$" and below[1][:1] != "$":
            return self._value(place, f"{below[0]}/{below[1]}", message.payload)
        if below == ["$state"]:
            return self._state(place, message.payload)
        if place.v5:
            return self._description(place, message.payload) if below == ["$description"] else ()
        if len(below) == 3 and below[2] in _ATTRIBUTES:
            return self._attribute(place, f"{below[0]}/{below[1]}", _ATTRIBUTES[below[2]], message.payload)
        return ()

    def gateway_of(self, address: str) -> str | None:
        """The address of the root device of a child."""
        device = self._devices.get(address)
        return None if device is None else device.root

    def ask(self, address: str, now_ms: int) -> Sequence[Question]:
        """Nothing: Homie has no questions."""
        return ()

    def questions(self, now_ms: int) -> Sequence[Question]:
        """Nothing."""
        return ()

    def missed(self, now_ms: int) -> None:
        """As the convention says; what is retained, states among it, is told again."""
        for device in self._devices.values():
            device.online = None
            device.parts.lose()

    def _place(self, topic: str) -> _Place | None:
        parts = levels(topic)
        for root in self._roots:
            if not topic.startswith(f"{root}/"):
                continue
            at = root.count("/") + 1
            v5 = parts[at] == _V5
            at += v5
            if len(parts) <= at + 1 or parts[at][:1] in ("$", ""):
                return None
            return _Place("/".join(parts[: at + 1]), parts[at], parts[at + 1 :], v5)
        return None

    def _pin(self) -> None:
        """Never forget claimed devices and their roots, whose end is theirs."""
        roots = {root for address in self._claimed if (root := self.gateway_of(address)) is not None}
        self._pinned = self._claimed | roots
        self._devices.pin(self._pinned)

    def _known(self, address: str) -> _Device:
        device = self._devices.get(address)
        if device is None:
            device = _Device()
            self._devices.put(address, device)
        return device

    def _value(self, place: _Place, key: str, payload: bytes) -> Sequence[Heard]:
        device = self._devices.get(place.address)
        meaning = None if device is None else device.meanings.of.get(key)
        if device is None or meaning is None:
            return ()
        if not meaning.verdict:
            values = meaning.quantity_of(payload) if payload else {}
            return (Heard(device=place.name, address=place.address, values=values),)
        verdict = meaning.truth_of(payload) if payload else None  # deleted: not known
        all_in_all = device.parts.hear({key: verdict}) if key in device.meanings.whole else NOTHING
        return (
            Heard(
                device=place.name,
                address=place.address,
                values=all_in_all.values,
                presences={} if verdict is None else {key: verdict},
                unknown=all_in_all.unknown if verdict is not None else all_in_all.unknown | {key},
            ),
        )

    def _state(self, place: _Place, payload: bytes) -> Sequence[Heard]:
        state = text(payload, LONGEST_VALUE)
        if state not in _ONLINE:
            raise damaged("no state of Homie")
        device = self._known(place.address)
        device.online = online = _ONLINE[state]
        root_gone = self._root_gone(device)
        unknown = device.unknown() if state in _VOID else frozenset()
        if online is False:
            device.parts.lose()
        said = Heard(
            device=place.name,
            address=place.address,
            online=None if root_gone is not None and online else online,
            unknown=unknown,
        )
        if root_gone is not None:
            return (said, root_gone)
        if device.has_children and online is not None:
            return (said, Heard(device=place.name, address=place.address, online=online, scope="gateway"))
        return (said,)

    def _root_gone(self, device: _Device) -> Heard | None:
        """Says again that the root is gone, for a child that was not known when it was said."""
        root = None if device.root is None else self._devices.get(device.root)
        if device.root is None or root is None or root.online is not False:
            return None
        return Heard(device=device.root.rpartition("/")[2], address=device.root, online=False, scope="gateway")

    def _description(self, place: _Place, payload: bytes) -> Sequence[Heard]:
        described = typed(_DESCRIPTION, payload) if payload else _Description()
        properties: dict[str, Property] = {}
        for node, one in described.nodes.items():
            for name, of in one.properties.items():
                properties[f"{node}/{name}"] = _EMPTY.with_(datatype=of.datatype, unit=of.unit, format=of.format)
        if len(properties) > MOST_PROPERTIES:
            raise damaged(f"{len(properties)} properties, more than {MOST_PROPERTIES}")
        if any(len(key) > LONGEST_KEY for key in properties):
            raise damaged(f"a property whose name is longer than {LONGEST_KEY} characters")
        device = self._known(place.address)
        lost = device.describe(properties)
        device.has_children = device.has_children or bool(described.children)
        said = Heard(device=place.name, address=place.address, unknown=lost)
        root = described.root or described.parent
        device.root = None
        if root and root != place.name and len(root) <= LONGEST_TOPIC:
            device.root = place.address.removesuffix(place.name) + root
            self._known(device.root).has_children = True
            if place.address in self._claimed and device.root not in self._pinned:
                self._pin()
            if (root_gone := self._root_gone(device)) is not None:
                return (said, root_gone)
        return (said,)

    def _attribute(self, place: _Place, key: str, attribute: str, payload: bytes) -> Sequence[Heard]:
        said = text(payload)
        device = self._known(place.address)
        before = device.properties.get(key, _EMPTY)
        if key not in device.properties and len(device.properties) >= MOST_PROPERTIES:
            raise damaged(f"more than {MOST_PROPERTIES} properties")
        if len(key) > LONGEST_KEY:
            raise damaged(f"a property whose name is longer than {LONGEST_KEY} characters")
        now = before.with_(**{attribute: said})
        if now == before:
            return ()
        lost = device.describe({**device.properties, key: now})
        return (Heard(device=place.name, address=place.address, unknown=lost),) if lost else ()


def _root(address: str) -> str:
    """The root topic of a device's address."""
    above = address.rpartition("/")[0]
    if above.endswith(f"/{_V5}"):
        return above.removesuffix(f"/{_V5}")
    return "" if above == _V5 else above
