"""The session for what is heard when it is said or not at all, and what the conventions make of all that comes.

Dialects without a time of their own are not to wait at the broker: what it kept for us would be told as if it were
now. So they have a session of their own, which ends with its connection; what was said meanwhile is not known.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Container, Iterable, Mapping
from typing import NamedTuple

from collector.conventions.convention import Message
from collector.hearing import Hearing, Outcome
from collector.intake import Own
from presence.site import Site
from transport.session import BrokerAddress, NotConnected, Received, Session
from transport.session import Message as Outgoing

CLIENT_ID = "hadir-collector-ears"

_LOOK_MS = 2_000


class _Gap(NamedTuple):
    """Nobody listened from `lost_ms` (None: since the process before) to `back_ms`."""

    lost_ms: int | None
    back_ms: int


class Ears:
    """Everything but the session's callbacks runs in the thread of the collector."""

    def __init__(
        self, address: BrokerAddress, receive: Callable[[Received], None], wake: Callable[[], None],
        clock: Callable[[], int], chance: random.Random,
    ) -> None:  # fmt: skip
        self._hearing = Hearing(chance)
        self._clock = clock
        self._wake = wake
        self._session = Session(
            address,
            client_id=CLIENT_ID,
            clean_start=True,
            session_expiry_s=0,
            qos=0,
            on_message=receive,
            on_connected=self._connected,
            on_lost=self._lost,
        )
        self._lost_ms: int | None = None
        self._gaps: deque[_Gap] = deque()
        self._back_ms: deque[int] = deque()  # ends of gaps of which the conventions have yet to be told
        self._looked_ms = 0
        self._listening: tuple[list[str], list[str]] = ([], [])

    def start(self) -> None:
        """Begin to listen; `follow` comes first."""
        self._session.start()

    def stop(self) -> None:
        self._session.stop()

    def _connected(self, session_present: bool) -> None:
        gap = _Gap(self._lost_ms, self._clock())
        self._back_ms.append(gap.back_ms)
        self._gaps.append(gap)
        self._wake()

    def _lost(self, reason: str) -> None:
        self._lost_ms = self._clock()

    def follow(self, sites: Iterable[Site]) -> list[str] | None:
        """Take over the registry; as `listen`."""
        self._hearing.follow(sites, self._clock())
        return self.listen()

    def listen(self) -> list[str] | None:
        """Listen to what the conventions want now; what is to be kept for us is another session's: None as before."""
        wanted = self._hearing.subscriptions()
        if wanted == self._listening:
            return None
        self._listening = wanted
        self._session.subscribe(wanted[1])
        return wanted[0]

    def due(self, pace_ms: int) -> bool:
        """Whether it is time for `listen`."""
        if pace_ms - self._looked_ms < _LOOK_MS:
            return False
        self._looked_ms = pace_ms
        return True

    def hear(self, message: Message) -> Outcome:
        """What came of a message that is not native."""
        self._forget(message.received_ms)
        return self._hearing.hear(message)

    def _forget(self, until_ms: int) -> None:
        """Let the conventions forget what was said before the gaps that had ended by `until_ms`."""
        while self._back_ms and self._back_ms[0] <= until_ms:
            self._hearing.forget(self._back_ms.popleft())

    def hear_again(self, message: Message) -> Outcome:
        """As `hear`, of a letter that is tried again."""
        return self._hearing.hear_again(message)

    def hears(self) -> Container[tuple[str, str]]:
        """The sensors that are this session's, by site and id."""
        return self._hearing.heard_at_once()

    def missed(
        self, sites: Iterable[str], until_ms: Callable[[str], int | None], seen: Mapping[tuple[str, str], int]
    ) -> list[Own]:
        """What is to be written down of the times in which nobody listened.

        `until_ms`: a site's last sign of life; `seen`: that of its sensors.
        """
        own: list[Own] = []
        while self._gaps:
            gap = self._gaps.popleft()
            self._forget(gap.back_ms)
            for site in sites:
                from_ms = until_ms(site) if gap.lost_ms is None else gap.lost_ms
                own += self._hearing.missed(site, gap.back_ms if from_ms is None else from_ms, gap.back_ms, seen)
        return own

    def ask(self, now_ms: int) -> None:
        """Ask whoever is to be asked now."""
        if not self._session.connected:
            return
        for question in self._hearing.questions(now_ms):
            try:
                self._session.publish(Outgoing(question.topic, question.payload, qos=0))
            except NotConnected:
                return
