"""Sparkplug B 3.0: edge nodes and their devices, born with names and units, then heard by alias.

    spBv1.0/{group}/NBIRTH|NDATA|NDEATH/{edge}             protobuf (`protobuf_wire`), bdSeq in NBIRTH and NDEATH
    spBv1.0/{group}/DBIRTH|DDATA|DDEATH/{edge}/{device}    protobuf; seq 0 … 255 over all but NDEATH
    spBv1.0/{group}/NCMD/{edge}                            what we ask: Node Control/Rebirth
    spBv1.0/STATE/{host}                                   {"online":true,"timestamp":…}, of hosts, not of sensors

An address is `{group}/{edge}/{device}`, or `{group}/{edge}` for what the edge node measures itself; the keys of
`presences` are metric names. Which metrics are remembered, and which one speaks for the device: `sparkplug_metrics`.

What is trusted. A birth says the present, as of the time of each metric. DATA say what they say by alias, or by name,
from the birth of their device until the death of it or of its edge node, or the node's next birth; after those, and
before the first, they are no evidence, and a rebirth is asked for. A gap in seq that is not filled in REORDER_MS may
hide a birth: a rebirth is asked for, and until it comes the aliases are taken as last heard, since a lost message is
most often a value. NDEATH counts when its bdSeq is that of the NBIRTH; it has no time of its own (its timestamp is that
of the connection), and is said of every device of the node, last of the node itself. Nothing is retained in Sparkplug:
a birth that is so all the same tells its dated values and begins nothing, data and deaths tell nothing.

A rebirth is asked for at most once in ASK_EVERY_MS from an edge node, and only from those of claimed devices.

Memory: EDGES_KEPT edge nodes and DEVICES_KEPT devices, nodes among them, besides the claimed; of each METRICS_KEPT
metrics besides the claimed, with names of at most LONGEST_NAME bytes: 40 kB a device at the very most.

Source: eclipse-sparkplug @e45b610 (Topics, Payloads, Operational Behavior); the times to wait are ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, NamedTuple

from collector.conventions.convention import ANY, Entry, Heard, Message, Question, Subscription
from collector.conventions.memory import Memory
from collector.conventions.payload import damaged, json_object, levels
from collector.conventions.protobuf_wire import Payload, read, rebirth_request
from collector.conventions.sparkplug_metrics import Device, bdseq, born, heard, with_birth
from presence.site import Source

EDGES_KEPT = 512
DEVICES_KEPT = 1_024
REORDER_MS = 5_000
ASK_EVERY_MS = 30_000

_ROOT = "spBv1.0"
_BIRTHS, _DATA = ("NBIRTH", "DBIRTH"), ("NDATA", "DDATA")
_NODE_KINDS = frozenset(("NBIRTH", "NDATA", "NDEATH", "NCMD"))
_DEVICE_KINDS = frozenset(("DBIRTH", "DDATA", "DDEATH", "DCMD"))
_COMMANDS = frozenset(("NCMD", "DCMD"))
_NO_KEYS: frozenset[str] = frozenset()
_WIDEST_GAP = 32  # more than that was not overtaken on the way
_REASONS_KEPT = 32


@dataclass(slots=True)
class _Edge:
    """Where the talk with an edge node stands.

    `session`: new with each birth and death of the node. `missing`: of seq, those that may still come. `wanted`: why a
    rebirth is asked for: addresses that spoke unborn, and the node itself after a gap.
    """

    session: int
    born: bool = False
    dead: bool = False
    bdseq: int | None = None
    next_seq: int | None = None
    missing: set[int] = field(default_factory=set)
    gap_since_ms: int = 0
    sure: bool = True
    wanted: set[str] = field(default_factory=set)
    asked_ms: int | None = None
    born_ms: int | None = None


class _Topic(NamedTuple):
    kind: str
    edge: str
    address: str


class SparkplugB:
    """What edge nodes and their devices say, and whom to ask for a rebirth."""

    NAME: ClassVar[str] = "sparkplug_b"
    EXCLUSIVE: ClassVar[bool] = True

    def __init__(self) -> None:
        self._edges: Memory[_Edge] = Memory(EDGES_KEPT)
        self._devices: Memory[Device] = Memory(DEVICES_KEPT)
        self._keys: dict[str, frozenset[str]] = {}  # claimed address -> the metrics that claims name
        self._claimed_edges: frozenset[str] = frozenset()
        self._asking: set[str] = set()  # claimed edge nodes of which something may have to be asked
        self._sessions = 0

    def address(self, source: Source) -> str:
        """As the convention says."""
        if source.profile is not None or source.config:
            raise ValueError("has a profile or config, which Sparkplug does not need; leave it out")
        if source.device is None:
            raise ValueError("names no device; write device: group/edge/device, or group/edge")
        parts = source.device.split("/")
        if len(parts) not in (2, 3) or not all(parts) or any(sign in source.device for sign in "+#\0"):
            raise ValueError(f'"{source.device[:80]}" is no device; write group/edge/device, or group/edge')
        return source.device

    def source(self, address: str) -> dict[str, str]:
        """As the convention says."""
        return {"device": address}

    def follow(self, entries: Sequence[Entry]) -> None:
        """As the convention says. What is newly claimed and not known yet is asked for."""
        keys: dict[str, set[str]] = {}
        for entry in entries:
            keys.setdefault(entry.address, set()).update(() if entry.key is None else (entry.key,))
        before, self._keys = self._keys, {address: frozenset(names) for address, names in keys.items()}
        claimed = self._keys.keys() - {ANY}
        self._claimed_edges = frozenset(_edge_of(address) for address in claimed)
        self._edges.pin(self._claimed_edges)
        self._devices.pin(claimed)
        self._asking &= self._claimed_edges
        for address in claimed:
            if address not in before or self._keys[address] - before[address]:
                self._want_if_strange(address)

    def subscriptions(self) -> Sequence[Subscription]:
        """As the convention says. All is sent with QoS 0 but NDEATH, and whoever was away asks for a rebirth."""
        node = [f"{_ROOT}/+/{kind}/+" for kind in ("NBIRTH", "NDATA", "NDEATH")]
        device = [f"{_ROOT}/+/{kind}/+/+" for kind in ("DBIRTH", "DDATA", "DDEATH")]
        return [Subscription(topic_filter, 0) for topic_filter in (*node, *device, f"{_ROOT}/STATE/+")]

    def owns(self, topic: str) -> bool:
        """As the convention says."""
        return topic.startswith(_ROOT + "/")

    def decode(self, message: Message) -> Sequence[Heard]:
        """As the convention says."""
        topic = _topic(message.topic)
        if topic.kind in _COMMANDS:
            return ()
        if topic.kind == "STATE":
            if message.payload:
                json_object(message.payload)
            return [Heard(device=None, address=topic.address, scope="host")]
        payload = read(message.payload)
        if topic.kind in _DATA:
            return self._data(topic, payload, message)
        if topic.kind in _BIRTHS:
            return self._birth(topic, payload, message)
        if topic.kind == "NDEATH":
            return self._node_death(topic, payload, message)
        return self._device_death(topic, payload, message)

    def gateway_of(self, address: str) -> str | None:
        """As the convention says: the edge node of a device; a node speaks for itself."""
        edge = _edge_of(address)
        return None if edge == address else edge

    def ask(self, address: str, now_ms: int) -> Sequence[Question]:
        """As the convention says: a rebirth of its edge node, unless one was asked for, or came, just now."""
        key = _edge_of(address)
        edge, device = self._edge(key), self._devices.get(address)
        if device is not None and device.session == edge.session and _within(edge.born_ms, now_ms, ASK_EVERY_MS):
            return ()
        return self._rebirth(key, edge, now_ms)

    def questions(self, now_ms: int) -> Sequence[Question]:
        """As the convention says."""
        if not self._asking:
            return ()
        asked: list[Question] = []
        for key in sorted(self._asking):
            edge = self._edge(key)
            self._end_wait(key, edge, now_ms)
            if edge.wanted and (question := self._rebirth(key, edge, now_ms)):
                edge.wanted.clear()
                asked += question
            if not edge.wanted and not edge.missing:
                self._asking.discard(key)
        return asked

    def missed(self, now_ms: int) -> None:
        """As the convention says. Births and deaths that were lost are found by the numbers of what comes."""
        for device in self._devices.values():
            device.lose()

    def _data(self, topic: _Topic, payload: Payload, message: Message) -> list[Heard]:
        edge, device = self._edge(topic.edge), self._devices.get(topic.address)
        if message.retain:
            return [_named(topic.address)]
        lives = device is not None and device.session == edge.session
        said = heard(topic.address, device, payload) if device is not None and lives else []
        self._count(topic.edge, edge, payload.seq, message.received_ms)
        if not lives:
            self._want(topic.edge, edge, topic.address)
        elif not (edge.born and edge.sure):
            self._want(topic.edge, edge, topic.edge)
        return said or [_named(topic.address, at_ms=payload.at_ms)]

    def _birth(self, topic: _Topic, payload: Payload, message: Message) -> list[Heard]:
        claimed = self._keys.get(topic.address, _NO_KEYS) | self._keys.get(ANY, _NO_KEYS)
        device = born(payload.metrics, claimed)
        said = heard(topic.address, device, payload)
        if message.retain:
            return said or [_named(topic.address)]
        edge = self._edge(topic.edge)
        if topic.kind == "NBIRTH":
            self._begin(edge, payload, message.received_ms)
        else:
            self._count(topic.edge, edge, payload.seq, message.received_ms)
            edge.wanted.discard(topic.address)
            if not edge.born:
                self._want(topic.edge, edge, topic.edge)
            if edge.dead:
                return [_named(topic.address, at_ms=payload.at_ms)]
        device.session = edge.session
        self._devices.put(topic.address, device)
        return with_birth(topic.address, said, payload.at_ms, device.seems())

    def _begin(self, edge: _Edge, payload: Payload, received_ms: int) -> None:
        """A session of a node: its devices are unborn until they say otherwise."""
        edge.session = self._new_session()
        edge.born, edge.dead, edge.sure = True, False, True
        edge.bdseq = bdseq(payload.metrics)
        edge.next_seq = None if payload.seq is None else (payload.seq + 1) & 0xFF
        edge.missing.clear()
        edge.wanted.clear()
        edge.born_ms = received_ms

    def _node_death(self, topic: _Topic, payload: Payload, message: Message) -> list[Heard]:
        edge = self._edge(topic.edge)
        if message.retain or not (edge.born or edge.dead) or bdseq(payload.metrics) != edge.bdseq:
            return [_named(topic.address)]
        edge.session = self._new_session()
        edge.born, edge.dead, edge.next_seq = False, True, None
        edge.missing.clear()
        edge.wanted.clear()
        below = topic.edge + "/"
        known = {address for address, _ in self._devices.items()} | self._keys.keys()
        gone = sorted(address for address in known if address.startswith(below))
        return [_named(address, online=False) for address in (*gone, topic.address)]

    def _device_death(self, topic: _Topic, payload: Payload, message: Message) -> list[Heard]:
        if message.retain:
            return [_named(topic.address)]
        edge, device = self._edge(topic.edge), self._devices.get(topic.address)
        self._count(topic.edge, edge, payload.seq, message.received_ms)
        if device is not None:
            device.session = 0
        return [_named(topic.address, at_ms=payload.at_ms, online=False)]

    def _count(self, key: str, edge: _Edge, seq: int | None, received_ms: int) -> None:
        """Take `seq` into account: the next, a late one, the last again, or one after a gap."""
        if seq is None or not edge.born:
            return
        seq &= 0xFF
        self._end_wait(key, edge, received_ms)
        due = edge.next_seq
        if due is None or seq == due:
            edge.next_seq = (seq + 1) & 0xFF
        elif seq in edge.missing:
            edge.missing.discard(seq)
        elif (ahead := (seq - due) & 0xFF) != 0xFF:
            edge.next_seq = (seq + 1) & 0xFF
            if not edge.missing:
                edge.gap_since_ms = received_ms
            edge.missing.update((due + n) & 0xFF for n in range(ahead))
            if len(edge.missing) > _WIDEST_GAP:
                self._give_up(key, edge)
            elif key in self._claimed_edges:
                self._asking.add(key)

    def _end_wait(self, key: str, edge: _Edge, now_ms: int) -> None:
        if edge.missing and not _within(edge.gap_since_ms, now_ms, REORDER_MS):
            self._give_up(key, edge)

    def _give_up(self, key: str, edge: _Edge) -> None:
        """What is missing will not come."""
        edge.missing.clear()
        edge.sure = False
        self._want(key, edge, key)

    def _want(self, key: str, edge: _Edge, why: str) -> None:
        if key in self._claimed_edges:
            if len(edge.wanted) < _REASONS_KEPT:
                edge.wanted.add(why)
            self._asking.add(key)

    def _want_if_strange(self, address: str) -> None:
        key = _edge_of(address)
        edge, device = self._edge(key), self._devices.get(address)
        if device is None or device.session != edge.session or not device.knows(self._keys[address]):
            self._want(key, edge, address)

    def _rebirth(self, key: str, edge: _Edge, now_ms: int) -> list[Question]:
        if _within(edge.asked_ms, now_ms, ASK_EVERY_MS):
            return []
        edge.asked_ms = now_ms
        group, _, node = key.partition("/")
        return [Question(f"{_ROOT}/{group}/NCMD/{node}", rebirth_request(now_ms))]

    def _edge(self, key: str) -> _Edge:
        edge = self._edges.get(key)
        if edge is None:
            edge = _Edge(self._new_session())
            self._edges.put(key, edge)
        return edge

    def _new_session(self) -> int:
        self._sessions += 1
        return self._sessions


def _topic(topic: str) -> _Topic:
    """Raises DamagedFrame for one that Sparkplug does not have."""
    parts = levels(topic)
    if all(parts):
        if len(parts) == 3 and parts[1] == "STATE":
            return _Topic("STATE", "", f"STATE/{parts[2]}")
        if len(parts) == 4 and parts[2] in _NODE_KINDS:
            edge = f"{parts[1]}/{parts[3]}"
            return _Topic(parts[2], edge, edge)
        if len(parts) == 5 and parts[2] in _DEVICE_KINDS:
            edge = f"{parts[1]}/{parts[3]}"
            return _Topic(parts[2], edge, f"{edge}/{parts[4]}")
    raise damaged("no topic of Sparkplug B")


def _edge_of(address: str) -> str:
    """The address of the edge node of a device, or of the node itself."""
    return "/".join(address.split("/", 2)[:2])


def _named(address: str, *, at_ms: int | None = None, online: bool | None = None) -> Heard:
    """That a device spoke, and perhaps that it is gone; nothing of what it measures."""
    return Heard(device=address, address=address, at_ms=at_ms, online=online)


def _within(since_ms: int | None, now_ms: int, span_ms: int) -> bool:
    """Whether less than `span_ms` passed; a clock that went back tells nothing, and then it did not."""
    return since_ms is not None and 0 <= now_ms - since_ms < span_ms
