"""How messages become readings: the `Convention` protocol and the list of conventions.

A convention is pure: a message in, what it says out. Which topics it wants is its own business; which device is which
sensor is not (`collector.claims`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from presence.readings import Reading


class Message(NamedTuple):
    """One MQTT message as it was received. `expiry_s`: what was left of its life, None when it has no end."""

    topic: str
    payload: bytes
    content_type: str | None
    expiry_s: int | None
    retain: bool
    received_ms: int


class Status(NamedTuple):
    """A sensor or gateway, or its will, says that it is there or gone; `since_ms` None: the message does not tell."""

    device: str
    online: bool
    since_ms: int | None


@dataclass(frozen=True, slots=True)
class Decoded:
    """What a message says. Readings name sensors by id and carry the device's time, not yet judged."""

    site: str
    readings: Sequence[Reading] = field(default=())
    statuses: Sequence[Status] = field(default=())


class Convention(Protocol):
    """One way in which devices speak."""

    def subscriptions(self) -> Sequence[str]:
        """The topic filters that this convention listens to."""
        ...

    def decode(self, message: Message) -> Decoded | None:
        """What `message` says; None when its topic is not of this convention. Raises DamagedFrame."""
        ...


def conventions() -> tuple[Convention, ...]:
    """Every convention that is understood, in the order in which they are asked."""
    from collector.conventions import native

    return (native.Native(),)
