"""A receiver of a gateway's readings that keeps them in the order in which they come."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from presence import topics
from presence.readings import Reading
from presence.senml import decode
from transport.session import Received, Session, parse_broker


@contextmanager
def receiving(url: str, found: list[Reading]) -> Iterator[Session]:
    """Puts the readings of gateway `gw` at `mpp` into `found` as long as the block lasts."""
    connected = threading.Event()

    def take(received: Received) -> None:
        found.extend(decode(received.payload, content_type=received.content_type, sensor=None, received_ms=0))
        session.ack(received)

    session = Session(
        parse_broker(url),
        client_id="receiver",
        clean_start=True,
        session_expiry_s=0,
        subscriptions=(topics.gateway_topic("mpp", "gw", "readings"),),
        on_message=take,
        on_connected=lambda _: connected.set(),
    )
    session.start()
    try:
        assert connected.wait(30)
        yield session
    finally:
        session.stop()
