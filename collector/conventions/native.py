"""Native topics: SenML packs of sensors and gateways, and their retained status.

    hadir/1/{site}/sensor/{sensor}/readings     bare names
    hadir/1/{site}/gateway/{gateway}/readings   base name {sensor}/
    hadir/1/{site}/sensor|gateway/{id}/status   {"state":"online|offline","since":…}

Source: docs/ARCHITECTURE.md, Messages; RFC 8428.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec

from collector.conventions.convention import Message
from presence import senml, topics
from presence.errors import DamagedFrame
from presence.instants import parse_instant
from presence.readings import Reading

# A bridge without a clock sends ages and lets its messages live for 30 days: what is missing of that, they waited. A
# life of a day or less is somebody else's, and tells nothing.
AGES_LIVE_S = 30 * 24 * 3600
_DAY_S = 24 * 3600


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


class _StatusBody(msgspec.Struct):
    state: str
    since: str | None = None


_STATUS = msgspec.json.Decoder(_StatusBody)


SUBSCRIPTIONS = (
    topics.sensor_topic("+", "+", "readings"),
    topics.sensor_topic("+", "+", "status"),
    topics.gateway_topic("+", "+", "readings"),
    topics.gateway_topic("+", "+", "status"),
)


def decode(message: Message) -> Decoded | None:
    """What `message` says; None when its topic is not native. Raises DamagedFrame."""
    topic = topics.parse(message.topic)
    if topic is None or topic.thing not in ("sensor", "gateway"):
        return None
    if topic.leaf == "status":
        return Decoded(topic.site, statuses=[_status(topic.id, message.payload)] if message.payload else ())
    if topic.leaf != "readings":
        return None
    waited_ms = 0
    if message.expiry_s is not None and _DAY_S < message.expiry_s <= AGES_LIVE_S:
        waited_ms = (AGES_LIVE_S - message.expiry_s) * 1000
    readings = senml.decode(
        message.payload,
        content_type=message.content_type,
        sensor=topic.id if topic.thing == "sensor" else None,
        received_ms=message.received_ms,
        waited_ms=waited_ms,
        # What is delivered at subscribe time speaks of the past: at its own time, or not at all.
        dated_only=message.retain,
    )
    return Decoded(topic.site, readings=readings)


def _status(device: str, payload: bytes) -> Status:
    try:
        body = _STATUS.decode(payload)
        since_ms = None if body.since is None else parse_instant(body.since)
    except (msgspec.DecodeError, ValueError) as error:
        raise DamagedFrame(0, f"no status: {error}") from None
    if body.state not in ("online", "offline"):
        raise DamagedFrame(0, f'state is "{body.state[:40]}", not online or offline')
    return Status(device, body.state == "online", since_ms)
