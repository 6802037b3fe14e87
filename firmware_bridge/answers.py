"""The answers of the last minutes, so that a command that comes twice is carried out once.

MQTT delivers at least once: after a reconnect a sender or a broker may repeat what was acknowledged too late. Response
topic, correlation data and what is asked tell a repeat; a command without correlation cannot be told from another one.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Literal, NamedTuple

from transport.session import Message

KEPT_MS = 300_000
_MOST = 256


class Caller(NamedTuple):
    """Who asked what. `response_topic`: where the answer goes; None: nowhere; `asked`: a digest of the payload."""

    sensor: str
    response_topic: str | None
    correlation: bytes | None
    asked: bytes = b""


class _Known(NamedTuple):
    since_up_ms: int
    answer: Message | None


class Answers:
    """At most 256 of the last 5 minutes. Instants are of the clock that never steps."""

    def __init__(self) -> None:
        self._known: OrderedDict[Caller, _Known] = OrderedDict()

    def seen(self, caller: Caller, up_ms: int) -> Message | Literal["new"] | None:
        """The answer to a command that was seen before, None while it is being worked on; a new one is noted down."""
        self._forget(up_ms)
        if caller.correlation is None:
            return "new"
        if known := self._known.get(caller):
            return known.answer
        self._known[caller] = _Known(up_ms, None)
        return "new"

    def keep(self, caller: Caller, answer: Message) -> None:
        """Notes the answer to a command that was new."""
        if known := self._known.get(caller):
            self._known[caller] = known._replace(answer=answer)

    def _forget(self, up_ms: int) -> None:
        while self._known:
            oldest = next(iter(self._known))
            if len(self._known) < _MOST and up_ms - self._known[oldest].since_up_ms < KEPT_MS:
                return
            del self._known[oldest]
