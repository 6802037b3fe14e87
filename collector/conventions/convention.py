"""What every convention shares: the message that comes in, what was heard in it, the `Convention` protocol.

A convention is pure: messages in, what they say out, with a bounded memory of its own. It knows devices by their
dialect's names; which device is which sensor is not its business (`collector.claims`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal, NamedTuple, Protocol

import msgspec

from presence.site import Source

_NOTHING: Mapping[str, float] = {}
_NONE: frozenset[str] = frozenset()

Scope = Literal["sensor", "gateway", "host"]


class Message(NamedTuple):
    """One MQTT message as it was received. `expiry_s`: what was left of its life, None when it has no end."""

    topic: str
    payload: bytes
    content_type: str | None
    expiry_s: int | None
    retain: bool
    received_ms: int


# The address of an entry that holds for every device, when one payload is decoded by itself.
ANY = ""


class Onboard(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An entity that a device announces of itself, as far as it is told.

    `kind`: what it measures (`occupancy`, `distance`, `switch` …); `unit`: as the device writes it; `json_key`: where
    in the payload of `state_topic` the value stands; `payload_*`: the words or values that are meant by on, off, there;
    `availability_mode`: which of several availability topics must say so; `off_delay_s`: after that an ON is over that
    no OFF follows.
    """

    state_topic: str
    kind: str | None = None
    unit: str | None = None
    json_key: str | None = None
    payload_on: str | bool | float | None = None
    payload_off: str | bool | float | None = None
    availability_topic: str | None = None
    availability_mode: str | None = None
    payload_online: str | None = None
    switch: str | None = None
    off_delay_s: float | None = None


class Heard(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What one device said in one message. A quantity that is not here was not spoken of: what was known stays.

    `device`: its name in the dialect. `address`: the name by which a `source` in the site file claims it, unique in the
    convention.
    `values`: quantity -> finite number in the unit of `presence.quantities`; `presence` is the verdict of the device as
    a whole, 1.0 or 0.0. Only what is evidence stands here: no cached value that the message merely repeats.
    `presences`: verdicts by the names of its single keys, objects or parts, as `presence` or `part` of a source may say
    them. `unknown`: of those names, and `presence` for the whole, what the message says is not known.
    `at_ms`: epoch ms of the evidence as the message dates it, however wrong; None: it has no date. `age_ms`: how old it
    was when it was received, where the message says that instead.
    `historical`: the past is told; the present is as it was.
    `online`: the device, or its gateway, says that it is there or gone; None: nothing about that.
    `seems`: what the device seems to be, for people. `candidate`: it may be a sensor, though nothing was understood.
    `announced`: whether `onboard` was spoken of: None there is then an announcement taken back.
    """

    device: str | None
    address: str
    values: Mapping[str, float] = _NOTHING
    presences: Mapping[str, float] = _NOTHING
    unknown: frozenset[str] = _NONE
    at_ms: int | None = None
    age_ms: int | None = None
    historical: bool = False
    online: bool | None = None
    scope: Scope = "sensor"
    seems: str | None = None
    candidate: bool = False
    announced: bool = False
    onboard: Onboard | None = None


class Entry(NamedTuple):
    """One claim of the registry. `key`: a name in `Heard.presences`; None: the device as a whole.

    `profile` and `config` hold for the device; with the address ANY for every device that has none of its own.
    `topic`: as the source in the site file has it, where the address does not tell on which topics to listen.
    """

    address: str
    key: str | None = None
    profile: str | None = None
    config: Mapping[str, Any] | None = None
    topic: str | None = None


class Subscription(NamedTuple):
    """A topic filter. With `qos` 0 the broker keeps nothing while we are away: what comes was said just now."""

    topic_filter: str
    qos: Literal[0, 1]


class Question(NamedTuple):
    """A message by which a device is asked for its state."""

    topic: str
    payload: bytes


class Convention(Protocol):
    """One way in which devices speak. Its module has the name, and says the bounds of its memory."""

    NAME: ClassVar[str]
    # Whether other conventions are not to hear what this one owns.
    EXCLUSIVE: ClassVar[bool]

    def address(self, source: Source) -> str:
        """The address of the device that `source` names, spelt as in `Heard.address`.

        Raises ValueError, saying what is wrong with the source (its profile and config, too) and what to write.
        """
        ...

    def source(self, address: str) -> dict[str, str]:
        """The keys of a `source` in the site file, without `convention`, that claim `address`."""
        ...

    def follow(self, entries: Sequence[Entry]) -> None:
        """Take over the registry's entries of this convention; what is known of their devices is never forgotten."""
        ...

    def subscriptions(self) -> Sequence[Subscription]:
        """What to listen to: the dialect's usual topics, those of the entries, those learnt from announcements."""
        ...

    def owns(self, topic: str) -> bool:
        """Whether a message on `topic` is to be decoded here; the answer changes with `subscriptions` only."""
        ...

    def decode(self, message: Message) -> Sequence[Heard]:
        """What a message on an owned topic says, in the order of its evidence; nothing when it says nothing.

        Raises DamagedFrame for what cannot be understood; the memory is then as before, and so is what was heard.
        """
        ...

    def gateway_of(self, address: str) -> str | None:
        """The address of the gateway through which a device speaks, as far as it is known."""
        ...

    def ask(self, address: str, now_ms: int) -> Sequence[Question]:
        """How to ask a claimed device for its state, when nothing was heard for a while; empty: it cannot be asked."""
        ...

    def questions(self, now_ms: int) -> Sequence[Question]:
        """What decoding made necessary to ask; each question is given once."""
        ...

    def missed(self, now_ms: int) -> None:
        """Messages may have been lost until now: what devices said last is not known any more.

        What they are (units, aliases, descriptions), and what was already taken as evidence, stays known.
        """
        ...
