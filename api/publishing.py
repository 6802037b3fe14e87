"""Messages of the web process that must not be lost: told as sent when the broker has them, and not before."""

from __future__ import annotations

import asyncio
from typing import Protocol

from presence.errors import HadirError
from transport.session import Message, NotConnected, TooLarge

_PUBACK_S = 5.0


class NotPublished(HadirError):
    """The broker did not take the message, or did not say so in time; it may come again, then."""


class Outgoing(Protocol):
    """What messages are handed to: `transport.session.Session`."""

    def publish(self, message: Message, /) -> int:
        """The mid under which the session tells what becomes of it. Raises NotConnected, TooLarge."""
        ...


class Publishing:
    """Who waits for which PUBACK. Everything happens in the event loop to which the session hands over."""

    def __init__(self) -> None:
        self._session: Outgoing | None = None
        self._waiting: dict[int, asyncio.Future[None]] = {}

    def open(self, session: Outgoing | None) -> None:
        """Publish through `session`; None: no more."""
        self._session = session
        if session is None:
            self.lost("the web process ends")

    async def publish(self, message: Message, timeout_s: float = _PUBACK_S) -> None:
        """Hand `message` (QoS 1) to the broker and wait until it has it. Raises NotPublished."""
        if self._session is None:
            raise NotPublished("the broker is not connected")
        try:
            mid = self._session.publish(message)
        except (NotConnected, TooLarge) as error:
            raise NotPublished(str(error)) from None
        waiting = self._waiting[mid] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(timeout_s):
                await waiting
        except TimeoutError:
            raise NotPublished(f"the broker did not answer within {timeout_s:g} s") from None
        finally:
            self._waiting.pop(mid, None)

    def published(self, mid: int) -> None:
        """The broker has the message."""
        if (waiting := self._waiting.get(mid)) is not None and not waiting.done():
            waiting.set_result(None)

    def refused(self, mid: int, why: str) -> None:
        """The broker does not take the message."""
        if (waiting := self._waiting.get(mid)) is not None and not waiting.done():
            waiting.set_exception(NotPublished(why))

    def lost(self, why: str) -> None:
        """The connection ended: what had no PUBACK until then gets none."""
        for mid in list(self._waiting):
            self.refused(mid, why)
