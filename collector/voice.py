"""What the collector says of one site: retained occupancy and health, and a status with a will behind it."""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Callable, Iterable

from presence import topics
from presence.instants import rfc3339
from transport.session import BrokerAddress, Message, NotConnected, Received, Session

_STATUS_MS = 10_000
_WILL = b'{"state":"offline","at":null}'


class Voice:
    """One session a site: a will speaks for one topic, and each site has its own `collector/status`."""

    def __init__(self, site: str, address: BrokerAddress, wake: Callable[[], None]) -> None:
        self._topic = topics.collector_status(site)
        self._wake = wake
        self._new = threading.Event()
        self._said_ms = 0
        self._heard: deque[Received] = deque()
        self._session = Session(
            address,
            client_id=f"hadir-collector-{site}",
            will=Message(self._topic, _WILL, retain=True),
            clean_start=True,
            session_expiry_s=0,
            on_message=self._heard.append,
            on_connected=self._connected,
        )

    def start(self) -> None:
        self._session.start()

    def listen(self, filters: Iterable[str]) -> None:
        """Hear what comes on `filters`, and on nothing else."""
        self._session.subscribe(filters)

    def heard(self) -> list[Received]:
        """What has come since the last call."""
        messages = [self._heard.popleft() for _ in range(len(self._heard))]
        if messages:
            self._session.ack_all(messages)
        return messages

    def _connected(self, session_present: bool) -> None:
        self._new.set()
        self._wake()

    def renew(self, now_ms: int, pace_ms: int) -> bool:
        """Say that we are alive when it is time to, by `pace_ms`; True when the broker has to be told everything."""
        if not self._session.connected:
            return False
        new = self._new.is_set()
        if new:
            self._new.clear()
        if new or pace_ms - self._said_ms >= _STATUS_MS:
            self._said_ms = pace_ms
            self.status(now_ms)
        return new

    def status(self, now_ms: int, marker: str | None = None) -> None:
        """Publish that we are alive; with a `marker`, to be known when it comes back."""
        self._publish(Message(self._topic, _status("online", now_ms, marker), retain=True))

    def say(self, messages: Iterable[tuple[str, str, bytes]]) -> None:
        """Publish (site, topic, payload), retained. What is said while the broker is away is said again by `renew`."""
        for _, topic, payload in messages:
            self._publish(Message(topic, payload, retain=True))

    def _publish(self, message: Message) -> None:
        try:
            self._session.publish(message)
        except NotConnected:
            self._new.set()

    def fall_silent(self, now_ms: int) -> None:
        """Say that what was said is not to be believed for now; `renew` says all of it again."""
        self._publish(Message(self._topic, _status("offline", now_ms), retain=True))
        self._new.set()

    def stop(self, now_ms: int) -> None:
        """Say that we go, and go."""
        self._session.stop(last=Message(self._topic, _status("offline", now_ms), retain=True))


def _status(state: str, at_ms: int, marker: str | None = None) -> bytes:
    body = {"state": state, "at": rfc3339(at_ms)}
    if marker is not None:
        body["marker"] = marker
    return json.dumps(body, separators=(",", ":")).encode()


def marker_of(payload: bytes) -> str | None:
    """The marker of a status of ours; None for any other, and for what is no status."""
    try:
        return str(json.loads(payload).get("marker") or "") or None
    except (ValueError, AttributeError):
        return None
