"""One MQTT message decoded by itself: whose it is, what it says, and why nobody understands it."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from collector.conventions import CONVENTIONS, Listeners, native
from collector.conventions.convention import ANY, Convention, Entry, Heard, Message
from collector.conventions.payload import LONGEST_TOPIC
from presence import topics
from presence.site import Source

NATIVE = "native"
NAMES = (NATIVE, *CONVENTIONS)
_NATIVE_FORM = f"{topics.ROOT}/SITE/sensor/SENSOR/readings"


class Said(NamedTuple):
    """What one convention heard in a message."""

    convention: str
    heard: Sequence[Heard]


class Decoders:
    """Conventions that know nothing yet: all, or the one that is `named`, with `profile` and `config` for any device.

    `named`: one of NAMES.
    """

    def __init__(self, named: str | None, profile: str | None, config: Mapping[str, Any] | None) -> None:
        self._named = named
        self._profile = profile
        self._config = config
        self._conventions = [make() for name, make in CONVENTIONS.items() if named in (None, name)]
        if profile is not None or config is not None:
            self._follow(ANY)

    def hear(self, message: Message) -> list[Said] | None:
        """What it says, to each convention that listens to its topic; None: none does. Raises DamagedFrame."""
        if self._named in (None, NATIVE) and (decoded := native.decode(message)) is not None:
            return [Said(NATIVE, list(_native(decoded, message.received_ms)))]
        listening = Listeners(self._conventions).of(message.topic)
        return [Said(one.NAME, one.decode(message)) for one in listening] or None

    def listens(self, topic: str) -> bool:
        """Whether one of them listens to `topic`."""
        own = topics.parse(topic) if self._named in (None, NATIVE) else None
        if own is not None and own.thing in ("sensor", "gateway") and own.leaf in ("readings", "status"):
            return True
        return any(convention.owns(topic) for convention in self._conventions)

    def learn_topic(self, topic: str) -> None:
        """Claim the device of the named convention that may speak on `topic`, as a `source` with a topic would."""
        levels = topic.split("/")
        for convention in self._conventions:
            for length in range(len(levels), 0, -1):
                if convention.owns(topic):
                    return
                source = Source(convention=convention.NAME, topic="/".join(levels[:length]))
                try:
                    self._follow(convention.address(source), source.topic)
                except ValueError:
                    continue

    def wrong_profile(self, topic: str, heard: Sequence[Said]) -> str | None:
        """What is wrong with profile or config to all that listen to `topic`; None when it is right, or not to be told.

        It is told where a source would be right without them.
        """
        problems = [self._wrong_to(one, topic, heard) for one in Listeners(self._conventions).of(topic)]
        return problems[0] if problems and all(problems) else None

    def _wrong_to(self, convention: Convention, topic: str, heard: Sequence[Said]) -> str | None:
        config = None if self._config is None else dict(self._config)
        for keys in _sources(convention, topic, heard):
            source = Source(convention=convention.NAME, **keys)  # type: ignore[arg-type]  # those of text alone
            if _problem(convention, source) is None:
                return _problem(convention, replace(source, profile=self._profile, config=config))
        return None

    def _follow(self, address: str, topic: str | None = None) -> None:
        for convention in self._conventions:
            convention.follow([Entry(address, None, self._profile, self._config, topic)])


def _sources(convention: Convention, topic: str, heard: Sequence[Said]) -> Iterator[dict[str, str]]:
    yield from (convention.source(one.address) for said in heard for one in said.heard)
    yield {"topic": topic}
    yield from ({"device": level} for level in topic.split("/"))


def _problem(convention: Convention, source: Source) -> str | None:
    try:
        convention.address(source)
    except ValueError as error:
        return str(error)
    return None


def _native(decoded: native.Decoded, received_ms: int) -> Iterator[Heard]:
    for reading in decoded.readings:
        at_ms = None if reading.at_ms == received_ms else reading.at_ms
        yield Heard(device=reading.sensor, address=reading.sensor, values=reading.values, at_ms=at_ms)
    for status in decoded.statuses:
        yield Heard(device=status.device, address=status.device, online=status.online, at_ms=status.since_ms)


def why_nobody(topic: str, named: str | None) -> tuple[str, str]:
    """Why no convention, or not the one that is `named`, listens to `topic`; and what to write."""
    if not topic:
        return "is empty", "write the topic of the message"
    if "+" in topic or "#" in topic or "\0" in topic:
        return "is no topic of a message: it holds a wildcard or NUL", "write the topic of one message"
    if len(topic) > LONGEST_TOPIC:
        return f"has {len(topic)} characters", f"topics of more than {LONGEST_TOPIC} are not understood"
    if topic.startswith(f"{topics.ROOT}/") and named in (None, NATIVE):
        return _why_not_native(topic)
    others = [name for name in NAMES if name != named and Decoders(name, None, None).listens(topic)]
    if named is not None and others:
        return f"is not one of {named}", f'did you mean "--convention {others[0]}"?'
    if topic.startswith("cmnd/") or topic.rpartition("/")[2] in ("set", "get", "command"):
        return "is where a device is told or asked something", "write the topic on which it answers"
    if named == NATIVE:
        return "is no native topic", f"write {_NATIVE_FORM}"
    if named is not None:
        return f"is not one of {named}", f"it speaks on {_filters(CONVENTIONS[named]())}"
    roots = {root: name for name in CONVENTIONS for root in _roots(CONVENTIONS[name]())}
    if near := difflib.get_close_matches(topic.partition("/")[0], roots, 1):
        return "belongs to no convention", f'did you mean "{near[0]}/…" ({roots[near[0]]})?'
    return "belongs to no convention by itself", f"say whose it is by --convention: {', '.join(NAMES)}"


def _why_not_native(topic: str) -> tuple[str, str]:
    if topics.parse(topic) is None:
        return "is no native topic", f"write {_NATIVE_FORM}; SITE and SENSOR of a-z, 0-9, - and _"
    return "is native, and says nothing of readings", f"readings are on {_NATIVE_FORM} and …/gateway/GATEWAY/readings"


def _filters(convention: Convention) -> str:
    return ", ".join(one.topic_filter for one in convention.subscriptions()) or "no topics but those of its sources"


def _roots(convention: Convention) -> set[str]:
    firsts = (one.topic_filter.partition("/")[0] for one in convention.subscriptions())
    return {first for first in firsts if first not in ("+", "#")}
