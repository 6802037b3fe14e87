"""A request to a sensor by way of the broker, and its answer: what `hadir bridge send` does."""

from __future__ import annotations

import contextlib
import secrets
import time
from queue import Empty, SimpleQueue
from typing import Any

import msgspec

from presence import topics
from presence.errors import BadInput, HadirError
from transport.session import BrokerAddress, Message, Received, Session

_PATIENCE_S = 3.0
_OTHER_SITES_S = 0.3


class Unanswered(HadirError):
    """Nobody answered in time."""


def site_of(sensor: str, address: BrokerAddress) -> str:
    """The site at `address` that has `sensor`, by its retained status. Raises BadInput when none or several have."""
    arrived: SimpleQueue[Received] = SimpleQueue()
    session = _session(address, topics.sensor_topic("+", sensor, "status"), arrived)
    sites: set[str] = set()
    give_up_s = time.monotonic() + _PATIENCE_S
    try:
        while (left_s := give_up_s - time.monotonic()) > 0:
            try:
                received = arrived.get(timeout=_OTHER_SITES_S if sites else left_s)
            except Empty:
                break
            session.ack(received)
            if received.payload and (topic := topics.parse(received.topic)):
                sites.add(topic.site)
        connected = session.connected
    finally:
        session.stop()
    if not connected and not sites:
        raise _unreachable(address)
    if len(sites) == 1:
        return sites.pop()
    found = (
        f"is a sensor of several sites: {', '.join(sorted(sites))}" if sites else "is no sensor that was ever online"
    )
    raise BadInput(address.url, f'"{sensor}" {found}', remedy="give its site: --site ID")


def ask_sensor(site: str, sensor: str, body: dict[str, Any], address: BrokerAddress, *, timeout_s: float) -> Any:
    """What the bridge of `sensor` answers to `body`. Raises Unanswered."""
    client, correlation = f"send-{secrets.token_hex(4)}", secrets.token_bytes(8)
    arrived: SimpleQueue[Received] = SimpleQueue()
    response_topic = topics.reply(site, client)
    message = Message(
        topics.sensor_topic(site, sensor, "command"),
        msgspec.json.encode(body),
        content_type="application/json",
        expiry_s=max(1, round(timeout_s)),
        response_topic=response_topic,
        correlation=correlation,
    )
    session = _session(address, response_topic, arrived, client, message)
    give_up_s = time.monotonic() + timeout_s
    connected = False
    try:
        while (left_s := give_up_s - time.monotonic()) > 0:
            with contextlib.suppress(Empty):
                received = arrived.get(timeout=left_s)
                session.ack(received)
                if received.correlation == correlation:
                    return msgspec.json.decode(received.payload)
        connected = session.connected
    finally:
        session.stop()
    if not connected:
        raise _unreachable(address)
    raise Unanswered(
        f"{sensor}: no answer in {timeout_s:g} s; does the bridge of its gateway run, and is it one of site {site}?"
    )


def _unreachable(address: BrokerAddress) -> Unanswered:
    return Unanswered(f"{address.url}: cannot be reached; is the broker running, and HADIR_BROKER right?")


def _session(
    address: BrokerAddress,
    topic: str,
    arrived: SimpleQueue[Received],
    client: str | None = None,
    message: Message | None = None,
) -> Session:
    """A started session that hears `topic`, and at every connect sends `message`: a bridge knows what it has had."""

    def connected(_: bool) -> None:
        if message is not None:
            session.publish(message)

    session = Session(
        address,
        client_id=client or f"send-{secrets.token_hex(4)}",
        clean_start=True,
        session_expiry_s=0,
        subscriptions=(topic,),
        on_message=arrived.put,
        on_connected=connected,
    )
    session.start()
    return session
