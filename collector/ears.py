"""The session for what is heard when it is said or not at all, and what the conventions make of all that comes.

Dialects without a time of their own are not to wait at the broker: what it kept for us would be told as if it were
now. So they have a session of their own, which ends with its connection; what was said meanwhile is not known.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Container, Iterable, Mapping

from collector.conventions.convention import Message
from collector.hearing import Hearing, Outcome
from collector.intake import Note, Own
from presence.site import Site
from transport.session import BrokerAddress, NotConnected, Received, Session
from transport.session import Message as Outgoing

CLIENT_ID = "hadir-collector-ears"

_LOOK_MS = 2_000


class Ears:
    """Everything but the session's callbacks runs in the thread of the collector."""

    def __init__(
        self, address: BrokerAddress, receive: Callable[[Received], None], note: Callable[[Note, int], None],
        clock: Callable[[], int], until_ms: Callable[[str], int | None],
        seen: Callable[[], Mapping[tuple[str, str], int]], chance: random.Random,
    ) -> None:  # fmt: skip
        """`note`: as `Intake.note`. `until_ms`: a site's last sign of life; `seen`: that of its sensors."""
        self._hearing = Hearing(chance)
        self._clock = clock
        self._note = note
        self._until_ms = until_ms
        self._seen = seen
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
        self._looked_ms = 0
        self._listening: tuple[list[str], list[str]] = ([], [])

    def start(self) -> None:
        """Begin to listen; `follow` comes first. Since the process before nobody did."""
        self._note(lambda: self._hearing.lost(self._until_ms, self._seen()), self._clock())
        self._session.start()

    def stop(self) -> None:
        self._session.stop()

    def _connected(self, session_present: bool) -> None:
        now_ms = self._clock()
        self._note(lambda: self._hearing.back(now_ms, self._seen()), now_ms)

    def _lost(self, reason: str) -> None:
        now_ms = self._clock()
        self._note(lambda: self._hearing.lost(lambda site: now_ms, self._seen()), now_ms)

    def let_go(self, from_ms: int, to_ms: int) -> list[Own]:
        """What is to be written down when messages were lost between two times."""
        return [*self._hearing.lost(lambda site: from_ms, self._seen()), *self._hearing.back(to_ms, self._seen())]

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
        return self._hearing.hear(message)

    def hear_again(self, message: Message) -> Outcome:
        """As `hear`, of a letter that is tried again."""
        return self._hearing.hear_again(message)

    def hears(self) -> Container[tuple[str, str]]:
        """The sensors that are this session's, by site and id."""
        return self._hearing.heard_at_once()

    def ask(self, now_ms: int) -> None:
        """Ask whoever is to be asked now."""
        if not self._session.connected:
            return
        for question in self._hearing.questions(now_ms):
            try:
                self._session.publish(Outgoing(question.topic, question.payload, qos=0))
            except NotConnected:
                return
