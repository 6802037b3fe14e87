"""Native topics: SenML packs of sensors and gateways, and their retained status.

    hadir/1/{site}/sensor/{sensor}/readings     bare names
    hadir/1/{site}/gateway/{gateway}/readings   base name {sensor}/
    hadir/1/{site}/sensor|gateway/{id}/status   {"state":"online|offline","since":…}

Source: docs/ARCHITECTURE.md, Messages; RFC 8428.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from collector.conventions import Decoded, Message, Status
from presence import senml, topics
from presence.errors import DamagedFrame
from presence.instants import parse_instant

# A bridge without a clock sends ages and lets its messages live for 30 days: what is missing of that, they waited. A
# life of a day or less is somebody else's, and tells nothing.
AGES_LIVE_S = 30 * 24 * 3600
_DAY_S = 24 * 3600


class _StatusBody(msgspec.Struct):
    state: str
    since: str | None = None


_STATUS = msgspec.json.Decoder(_StatusBody)


class Native:
    """The convention of Hadir's own bridges and of whoever speaks as they do."""

    def subscriptions(self) -> Sequence[str]:
        return [
            topics.sensor_topic("+", "+", "readings"),
            topics.sensor_topic("+", "+", "status"),
            topics.gateway_topic("+", "+", "readings"),
            topics.gateway_topic("+", "+", "status"),
        ]

    def decode(self, message: Message) -> Decoded | None:
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
