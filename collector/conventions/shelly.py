"""Shelly: Gen1 Motion, Gen2+ over MQTT, BLU sensors through a gateway or the script universal-blu-to-mqtt.

    shellies/<id>/status | info                 Gen1 (shelly_motion)
    <prefix>/online                             true | false, retained, last will; Gen1: shellies/<id>/online
    <prefix>/events/rpc                         {"src","method":"NotifyStatus","params":{"ts":s,"input:0":{…}}}
    <prefix>/status/<component>:<n>             the whole status of one component (shelly_components)
    hadir-collector/<prefix>/rpc                answers to our own questions
    <MAC>                                       a BLU sensor (shelly_motion)

NotifyStatus tells what changed, NotifyFullStatus and answers all there is. `ts` is the device's clock; a BTHome sensor
is dated by its own `last_updated_ts`. An address is the id or prefix, without `shellies/`, or the MAC address of a BLU
sensor in lower case with colons; the gateway of that is the device which told of it.

Memory: 1024 unclaimed devices and 1024 BLU sensors besides the claimed, of each at most 256 components, 64 KiB; the
last 4096 topics, 1 KiB each; 1024 questions.

Source: Shelly Gen1 API, shelly-api-docs.shelly.cloud gen2, homeassistant 2026.11, ALLTERCO/shelly-script-examples;
answers come on `<src>/rpc`: gen2/General/RPCChannels.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, Final, Literal, NamedTuple

import msgspec

from collector.conventions.convention import ANY, Entry, Heard, Message, Question, Scope, Subscription
from collector.conventions.memory import Memory
from collector.conventions.payload import LONGEST_TOPIC, damaged, json_object, levels, within
from collector.conventions.shelly_components import COMPONENTS, Known, Update, meaning_of
from collector.conventions.shelly_motion import Said, blu, info, put, seconds_ms, status
from presence.errors import DamagedFrame
from presence.site import Source

_DEVICES: Final = 1024
_QUESTIONS: Final = 1024
_TOPICS: Final = 4096  # of which it is remembered whose they are
_PIDS: Final = 4  # BLU broadcasts that are recognised when they come again

_GEN1: Final = "shellies/"
_OURS: Final = "hadir-collector"
_ANSWER: Final = "/rpc"
_EVENTS: Final = "/events/rpc"
_STATUS: Final = "/status"
# Roots of other dialects, in which a level may be called `online` or `status`, too.
_FOREIGN: Final = frozenset(
    (
        *("", "homeassistant", "zigbee2mqtt", "tele", "stat", "cmnd", "tasmota", "homie", "spBv1.0"),
        *("application", "v3", "home", "hadir", "shellies", _OURS),
    )
)
_SUBSCRIPTIONS: Final = (
    *("shellies/+/status", "shellies/+/info", "shellies/+/online", "shellies/+/events/rpc", "shellies/+/status/+"),
    *("+/online", "+/events/rpc", "+/status/+", f"{_OURS}/#", "+"),
)
_COMPONENT: Final = re.compile(r"[a-z0-9_]{1,32}:\d{1,3}|presence|bthome|sys|wifi|eth|ws|ble|cloud|mqtt|matter")
_MAC: Final = re.compile(r"(?:[0-9a-f]{2}:){5}[0-9a-f]{2}|[0-9a-f]{12}", re.IGNORECASE)
_LAST_PAGE: Final = COMPONENTS
_LONGEST_KEY: Final = 40

_Kind = Literal["status", "info", "online", "events", "component", "answer", "blu"]


class _Route(NamedTuple):
    """`prefix`: of a BLU sensor its topic."""

    kind: _Kind
    prefix: str
    address: str
    leaf: str


class _Events(msgspec.Struct):
    """What of a message on `<prefix>/events/rpc` is read."""

    method: str
    params: dict[str, Any] = {}


_EVENTS_DECODER: Final = msgspec.json.Decoder(_Events)


class Shelly:
    """Devices by their id or prefix, BLU sensors by their MAC address."""

    NAME: ClassVar[str] = "shelly"
    EXCLUSIVE: ClassVar[bool] = True

    def __init__(self) -> None:
        self._devices: Memory[Known] = Memory(_DEVICES)
        self._pids: Memory[tuple[float, ...]] = Memory(_DEVICES)
        self._gateways: Memory[str] = Memory(_DEVICES)  # of BLU sensors
        # By address: each verdict that came last, and when it was received.
        self._last: Memory[dict[str, tuple[float, int]]] = Memory(_DEVICES)
        self._sought: set[str] = set()  # claimed BLU sensors of which no gateway has told yet
        self._claimed: frozenset[str] = frozenset()
        self._meanings: dict[str, dict[str, str]] = {}  # address -> component -> what it measures
        self._everywhere: Mapping[str, str] = {}
        self._questions: dict[Question, None] = {}
        self._routes: dict[str, _Route | None] = {}

    def address(self, source: Source) -> str:
        named = source.topic if source.topic is not None else source.device
        if named is None or (source.topic is not None and source.device is not None):
            raise ValueError('needs topic or device; write the prefix, as in "topic: shellypresenceg4-0cdc7ef7a1b4"')
        if len(named) > LONGEST_TOPIC // 2 or not named or re.search(r"[+#\0]|^[$/]|/$|//", named):
            raise ValueError(f'"{named}" is no prefix of a Shelly; write it as in its MQTT settings')
        if named.endswith((_EVENTS, "/online", "/info", _STATUS)):
            raise ValueError(f'"{named}" is the topic of a message; write the prefix, what comes before')
        if source.profile is not None:
            raise ValueError("profile means nothing here; leave it out")
        for key, value in (source.config or {}).items():
            if not _COMPONENT.fullmatch(key):
                raise ValueError(f'config "{key}" is no component; write one as in "bthomesensor:202: motion"')
            if meaning_of(value) is None:
                raise ValueError(
                    f'config "{key}" is "{value}"; write motion, occupancy, presence, battery, illuminance'
                )
        return _mac(named) or _address(named)

    def source(self, address: str) -> dict[str, str]:
        return {"device": address}

    def follow(self, entries: Sequence[Entry]) -> None:
        self._claimed = frozenset(entry.address for entry in entries if entry.address)
        self._routes.clear()
        self._meanings = {}
        for entry in entries:
            for key, said in (entry.config or {}).items():
                if (meaning := meaning_of(said)) is not None:
                    self._meanings.setdefault(entry.address, {})[key] = meaning
        self._everywhere = self._meanings.get(ANY, {})
        self._gateways.pin(self._claimed)
        self._pids.pin(self._claimed)
        self._last.pin(self._claimed)
        through = {address: self._gateways.get(address) for address in self._claimed}
        self._devices.pin(self._claimed.union(gateway for gateway in through.values() if gateway is not None))
        self._sought = {address for address, gateway in through.items() if gateway is None and _mac(address)}

    def subscriptions(self) -> Sequence[Subscription]:
        deep = sorted(address for address in self._claimed if "/" in address)
        own = (f"{address}{tail}" for address in deep for tail in (_EVENTS, "/online", "/status/+"))
        return [Subscription(topic_filter, 0) for topic_filter in (*_SUBSCRIPTIONS, *own)]

    def owns(self, topic: str) -> bool:
        try:
            return self._route(topic) is not None
        except DamagedFrame:
            return False

    def decode(self, message: Message) -> Sequence[Heard]:
        route = self._route(message.topic)
        if route is None or not message.payload:
            return ()
        try:
            heard = self._said(route, message)
            return heard if message.retain else tuple(self._in_order(one, message.received_ms) for one in heard)
        except DamagedFrame:
            if self._is_shelly(route):
                raise
            return ()  # another's `x/online`, or whatever has twelve hexadecimal digits for a name

    def _is_shelly(self, route: _Route) -> bool:
        """Whether a topic is of a Shelly for sure: others have some of the same shape."""
        if route.kind in ("events", "answer") or route.prefix.startswith(_GEN1) or _seems(route.address) is not None:
            return True
        known = self._devices.get(route.address) or self._pids.get(route.address)
        return known is not None or route.address in self._claimed

    def _said(self, route: _Route, message: Message) -> Sequence[Heard]:
        if route.kind == "events":
            return self._notified(route, message.payload)
        if route.kind == "online":
            return self._present(route, message)
        body = json_object(message.payload)
        if route.kind == "component":
            return self._updated(route, {route.leaf: body}, None)
        if route.kind == "blu":
            return self._broadcast(route.address, body, is_old=message.retain)
        if route.kind == "answer":
            return self._answered(route, body)
        known = self._known(route)
        known.gen1 = True
        return (_heard(route.address, info(body) if route.kind == "info" else status(body), known.seems),)

    def _in_order(self, heard: Heard, received_ms: int) -> Heard:
        """`heard`, but a verdict that came after the opposite one is not dated before that came.

        Clocks of devices are slow, or tell whole seconds.
        """
        verdicts = dict(heard.presences)
        if (whole := heard.values.get("presence")) is not None:
            verdicts[""] = whole
        if not verdicts:
            return heard
        last = self._last.get(heard.address) or {}
        self._last.put(heard.address, last | {key: (verdict, received_ms) for key, verdict in verdicts.items()})
        before = [last[key][1] for key, verdict in verdicts.items() if key in last and last[key][0] != verdict]
        if heard.at_ms is None or not before or heard.at_ms > max(before):
            return heard
        return msgspec.structs.replace(heard, at_ms=None)

    def gateway_of(self, address: str) -> str | None:
        return self._gateways.get(address)

    def ask(self, address: str, now_ms: int) -> Sequence[Question]:
        if _mac(address) == address:
            gateway = self._gateways.get(address)
            return () if gateway is None else self.ask(gateway, now_ms)
        known = self._devices.get(address)
        if known is not None:
            return _gen1_questions(known.prefix) if known.gen1 else _questions(known.prefix)
        if "/" in address:
            return _questions(address)
        return [*_gen1_questions(_GEN1 + address), *_questions(address), *_questions(_GEN1 + address)]

    def questions(self, now_ms: int) -> Sequence[Question]:
        waiting = list(self._questions)
        self._questions.clear()
        return waiting

    def missed(self, now_ms: int) -> None:
        """As the convention says. Broadcasts stay known by their `pid`: one that comes again says nothing new."""
        for known in self._devices.values():
            known.lose()

    def _route(self, topic: str) -> _Route | None:
        """Raises DamagedFrame for what is no topic of a message."""
        try:
            return self._routes[topic]
        except KeyError:
            levels(topic)
        if len(self._routes) >= _TOPICS:
            self._routes.clear()
        found = self._routes[topic] = self._find_route(topic)
        return found

    def _find_route(self, topic: str) -> _Route | None:
        head, _, leaf = topic.rpartition("/")
        if not head:
            mac = _mac(topic)
            return None if mac is None else _Route("blu", topic, mac, "")
        if head.startswith(_OURS + "/"):
            return _routed("answer", head[len(_OURS) + 1 :]) if leaf == "rpc" else None
        if leaf == "online":
            return _routed("online", head) if self._is_prefix(head) else None
        if topic.endswith(_EVENTS):
            return _routed("events", head.removesuffix("/events")) if head[0] not in "$/" else None
        if head.endswith(_STATUS) and _COMPONENT.fullmatch(leaf) and self._is_prefix(head[: -len(_STATUS)]):
            return _routed("component", head[: -len(_STATUS)], leaf)
        if leaf in ("status", "info") and head.startswith(_GEN1) and "/" not in head[len(_GEN1) :]:
            return _routed("info" if leaf == "info" else "status", head)
        return None

    def _is_prefix(self, prefix: str) -> bool:
        if prefix in self._claimed:
            return True
        first, slash, rest = prefix.partition("/")
        if slash:
            return first == "shellies" and rest != "" and "/" not in rest
        return first not in _FOREIGN and not first.startswith("$")

    def _known(self, route: _Route) -> Known:
        known = self._devices.get(route.address)
        if known is None or known.prefix != route.prefix:
            known = Known(route.prefix, seems=_seems(route.address))
            self._devices.put(route.address, known)
        return known

    def _present(self, route: _Route, message: Message) -> Sequence[Heard]:
        if message.payload not in (b"true", b"false"):
            raise damaged("online is neither true nor false")
        online = message.payload == b"true"
        address = route.address
        known = self._devices.get(address)
        if known is not None and not (online and message.retain):
            known.lose()  # what happened since it was last heard nobody knows
        scopes: list[Scope] = ["sensor"]
        if known is not None and known.owners:
            scopes.append("gateway")
        return [
            Heard(device=address, address=address, online=online, scope=scope, seems=_seems(address))
            for scope in scopes
        ]

    def _notified(self, route: _Route, payload: bytes) -> Sequence[Heard]:
        event = _event(payload)
        at_ms = seconds_ms(event.params.get("ts"))
        if event.method == "NotifyStatus":
            return self._updated(route, event.params, at_ms, delta=True)
        if event.method == "NotifyFullStatus":
            return self._updated(route, event.params, at_ms, everything=True)
        return (_heard(route.address, Said({}, {}, set(), at_ms), _seems(route.address)),)

    def _answered(self, route: _Route, body: Mapping[str, Any]) -> Sequence[Heard]:
        result = body.get("result")
        if not isinstance(result, dict):
            return ()
        components = result.get("components")
        if not isinstance(components, list):
            return self._updated(route, result, None)
        self._learn(route, components)
        offset, total = within(result.get("offset"), 0, _LAST_PAGE), within(result.get("total"), 0, _LAST_PAGE)
        if components and offset is not None and total is not None and offset + len(components) < total:
            self._wonder(_page(route.prefix, int(offset) + len(components)))
        statuses = {one["key"]: one.get("status") for one in components if _is_component(one)}
        return self._updated(route, statuses, None, added_all=offset == 0 and total == len(components))

    def _learn(self, route: _Route, components: Iterable[Any]) -> None:
        """What BTHome components measure, and whose they are."""
        known = self._known(route)
        for one in components:
            if not _is_component(one) or not isinstance(one.get("config"), dict):
                continue
            key, config = one["key"], one["config"]
            if not key.startswith("bthome") or not _has_room(known, key):
                continue
            if (meaning := meaning_of(config.get("obj_id"))) is not None:
                known.meanings[key] = meaning
            owner = config.get("addr")
            if isinstance(owner, str) and (mac := _mac(owner)) is not None:
                known.owners[key] = mac
                self._gateways.put(mac, route.address)
                self._sought.discard(mac)

    def _updated(
        self,
        route: _Route,
        told: Mapping[str, Any],
        at_ms: int | None,
        *,
        delta: bool = False,
        everything: bool = False,
        added_all: bool = False,
    ) -> Sequence[Heard]:
        """`delta`: what is told has changed just now; `everything`: nothing else is there any more.

        `added_all`: nothing else of what people add is there any more.
        """
        address = route.address
        known = self._known(route)
        configured = self._meanings.get(address) or self._everywhere
        update = Update(known, configured, at_ms, delta=delta)
        update.expect_configured()
        if everything:
            update.replace(told)
        if added_all:
            update.remove_all_but(told)
        for key, body in told.items():
            if isinstance(body, dict) and len(key) <= _LONGEST_KEY:
                update.add(key, body)
        if update.unexplained and (self._sought or address in self._claimed):
            self._wonder_what(known, update.unexplained)
        heard = [_heard(address, said, known.seems) for said in update.device()]
        return heard + [_heard(owner, said, "Shelly BLU") for owner, said in update.others()]

    def _wonder_what(self, known: Known, components: set[str]) -> None:
        fresh = components - known.asked
        if fresh and len(known.asked) + len(fresh) <= COMPONENTS:
            known.asked |= fresh
            self._wonder(_page(known.prefix, 0))

    def _wonder(self, question: Question) -> None:
        if len(self._questions) < _QUESTIONS:
            self._questions[question] = None

    def _broadcast(self, address: str, body: Mapping[str, Any], *, is_old: bool) -> Sequence[Heard]:
        service_data, addr = body.get("service_data"), body.get("addr")
        if not isinstance(service_data, dict):
            raise damaged("no service_data")
        if isinstance(addr, str) and _mac(addr) != address:
            raise damaged("addr is that of another device")
        pid = within(service_data.get("pid"), 0, 255)
        heard_before = self._pids.get(address) or ()
        if pid is not None and pid in heard_before:
            return [Heard(device=address, address=address, seems="Shelly BLU")]
        said = blu(service_data)
        put(said.values, "rssi", body.get("rssi"), -150.0, 20.0)
        if pid is not None and not is_old:  # what is heard of it live is then the first of it
            self._pids.put(address, (*heard_before, pid)[-_PIDS:])
        return [_heard(address, said, "Shelly BLU")]


def _heard(address: str, said: Said, seems: str | None) -> Heard:
    return Heard(
        device=address,
        address=address,
        values=said.values,
        presences=said.presences,
        unknown=frozenset(said.unknown),
        at_ms=said.at_ms,
        seems=seems,
    )


def _routed(kind: _Kind, prefix: str, leaf: str = "") -> _Route | None:
    return _Route(kind, prefix, _address(prefix), leaf) if prefix else None


def _event(payload: bytes) -> _Events:
    try:
        return _EVENTS_DECODER.decode(payload)
    except (msgspec.DecodeError, ValueError, RecursionError):
        json_object(payload)  # says what is wrong with other JSON
        raise damaged("no notification with method and params") from None


def _address(prefix: str) -> str:
    """Of a Gen1 device or a prefix."""
    short = prefix.removeprefix(_GEN1)
    return prefix if "/" in short else short


def _mac(text: str) -> str | None:
    """A MAC address in lower case with colons; None for any other text."""
    if not _MAC.fullmatch(text):
        return None
    digits = text.replace(":", "").lower()
    return ":".join(digits[i : i + 2] for i in range(0, 12, 2))


def _seems(address: str) -> str | None:
    """The model in an id as it comes from the factory, `shellyplus1-a8032abe54dc`."""
    model, dash, _ = address.rpartition("/")[2].partition("-")
    return model if dash and model.startswith("shelly") and len(model) <= 40 else None


def _is_component(one: object) -> bool:
    return isinstance(one, dict) and isinstance(one.get("key"), str) and _COMPONENT.fullmatch(one["key"]) is not None


def _has_room(known: Known, key: str) -> bool:
    learnt = known.meanings.keys() | known.owners.keys()
    return key in learnt or len(learnt) < COMPONENTS


def _gen1_questions(prefix: str) -> list[Question]:
    return [Question(f"{prefix}/command", b"update")]


def _questions(prefix: str) -> list[Question]:
    status = {"id": 1, "src": f"{_OURS}/{prefix}", "method": "Shelly.GetStatus"}
    return [
        Question(f"{prefix}/rpc", msgspec.json.encode(status)),
        _page(prefix, 0),
        Question(f"{prefix}/command", b"status_update"),
    ]


def _page(prefix: str, offset: int) -> Question:
    """For the components that people add, with their settings; they come a page at a time."""
    asked = {
        "id": 2,
        "src": f"{_OURS}/{prefix}",
        "method": "Shelly.GetComponents",
        "params": {"offset": offset, "include": ["status", "config"], "dynamic_only": True},
    }
    return Question(f"{prefix}/rpc", msgspec.json.encode(asked))
