"""Server-sent events for many pages: each event is encoded once, and a slow page never holds up another.

Events stand in one ring. A listener is no more than its place in it: woken, it takes everything behind its place in one
piece, and pieces are shared. Whoever falls out of the ring, or does not take a piece within `slowest_s`, is cut off and
comes back for a snapshot. Ids grow for ever, also over restarts: the first one is made from the time of the start.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncGenerator, Callable
from functools import partial
from typing import Literal, NamedTuple

from starlette.responses import StreamingResponse
from starlette.types import Message, Send

log = logging.getLogger(__name__)

Kind = Literal["occupancy", "alert"]

_LONGEST_PAUSE_S = 1.0
# Pages may take two thirds of the loop's time: a flush that kept it busy for 40 ms is followed by 20 ms of gathering.
_PAUSE_FOR_WORK = 0.5
# Streams that began in one moment, when this process started, end in so many.
_ENDS_APART = 60


class _Event(NamedTuple):
    id: int
    site: str
    agency: str | None  # whose it is; None: nobody's but those who see all of the site
    text: bytes


class Stream:
    """The ring and its listeners. Belongs to one event loop.

    `started_ms`: epoch ms, from which ids are made. `kept`: events in the ring. `longest_s`: after which a stream ends,
    a little later the one than the other, to be taken up again by its id: who has no access any more loses it then.
    """

    def __init__(self, *, started_ms: int, kept: int = 4096, slowest_s: float = 10.0, longest_s: float = 300.0) -> None:
        self.slowest_s = slowest_s
        self._longest_s = longest_s
        self.listeners = 0
        self.cut_off = 0
        self._last_id = started_ms * 1000
        self._ring: deque[_Event] = deque(maxlen=kept)
        self._waiting: dict[tuple[Kind, str, str], tuple[str | None, bytes]] = {}
        self._flush_at: asyncio.TimerHandle | None = None
        self._not_before = 0.0
        self._pieces: dict[tuple[int, str | None, str | None], bytes] = {}
        self._heartbeat = (0, b"")
        self._epoch = 0
        self._ended = False
        self._news = asyncio.Event()
        # Who is being handed a piece, since when by the loop's clock; and which of them are let go for their slowness.
        self._delivering: dict[asyncio.Task[object], float] = {}
        self._too_slow: set[asyncio.Task[object]] = set()

    @property
    def last_id(self) -> int:
        return self._last_id

    def put(
        self,
        kind: Kind,
        site: str,
        subject: str,
        data: bytes,
        *,
        agency: str | None = None,
        can_wait: bool = False,
    ) -> None:
        """Send `data` (JSON in one line) as soon as may be; what `can_wait` is gathered for a second.

        Of one subject only the newest goes out of what was gathered. `agency`: which agency may hear of it.
        """
        self._waiting[kind, site, subject] = (agency, data)
        loop = asyncio.get_running_loop()
        at = max(loop.time() + (_LONGEST_PAUSE_S if can_wait else 0.0), self._not_before)
        if self._flush_at is None or at < self._flush_at.when():
            if self._flush_at is not None:
                self._flush_at.cancel()
            self._flush_at = loop.call_at(at, self._flush)

    def beat(self, data: bytes) -> None:
        """Send a heartbeat: no id, and never repeated to those who come later. Who is too slow is let go by now."""
        self._heartbeat = (self._heartbeat[0] + 1, _text("heartbeat", data))
        self._let_go_of_the_slow()
        self._wake()

    def renew(self) -> None:
        """Send every listener a snapshot: what it knows was overtaken by a change of the registry, or of trust.

        No event tells of that, so that who was away meanwhile needs one too: no id from before leads on.
        """
        self._last_id += 1
        self._ring.clear()
        self._pieces.clear()
        self._epoch += 1
        self._wake()

    def end(self) -> None:
        """End all streams: the process is about to stop."""
        self._ended = True
        self._wake()

    async def listen(
        self, site: str | None, last_id: int | None, snapshot: Callable[[], bytes], agency: str | None = None
    ) -> AsyncGenerator[bytes, None]:
        """Pieces for one listener: a snapshot, or what followed `last_id` when the ring still has all of it; then news.

        `site`, `agency`: what is of that one alone; None: of all. `snapshot`: the present, by `snapshot_event`.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + self._longest_s * (1 + self.listeners % _ENDS_APART / _ENDS_APART)
        place, epoch, beats = last_id, self._epoch, self._heartbeat[0]
        if place is None or not self._has_all_after(place):
            place, first = self._last_id, snapshot()
        else:
            first = self._after(place, site, agency)
            place = self._last_id
        self.listeners += 1
        try:
            yield first or b": here\n\n"
            while not self._ended and loop.time() < until:
                news = self._news
                if epoch != self._epoch:
                    epoch = self._epoch
                    place, piece = self._last_id, snapshot()
                elif not self._has_all_after(place):
                    self.cut("it fell behind")
                    return
                else:
                    piece = self._after(place, site, agency)
                    place = self._last_id
                if beats != self._heartbeat[0]:
                    beats, beat = self._heartbeat
                    piece += beat
                if piece:
                    yield piece
                else:
                    await news.wait()
        finally:
            self.listeners -= 1

    async def deliver(self, send: Send, message: Message) -> None:
        """Hand a piece over to one listener. Raises TimeoutError when it does not take it within `slowest_s`.

        One look at all, with each heartbeat, costs a fifth less of each piece than a timer for each does.
        """
        task = asyncio.current_task()
        assert task is not None
        self._delivering[task] = asyncio.get_running_loop().time()
        try:
            await send(message)
        except asyncio.CancelledError:
            if task not in self._too_slow:
                raise
            task.uncancel()
            raise TimeoutError from None
        finally:
            del self._delivering[task]
            self._too_slow.discard(task)

    def _let_go_of_the_slow(self) -> None:
        before = asyncio.get_running_loop().time() - self.slowest_s
        for task, since in self._delivering.items():
            if since < before and task not in self._too_slow:
                self._too_slow.add(task)
                task.cancel()

    def cut(self, why: str) -> None:
        """Count a listener that is let go because of its slowness."""
        self.cut_off += 1
        log.info("a page is cut off: %s", why)

    def snapshot_event(self, data: bytes) -> bytes:
        """The present (JSON in one line) as one event, which all who need it at once can share."""
        return _text("snapshot", data, self._last_id)

    def _has_all_after(self, place: int) -> bool:
        """Whether the ring holds every event after `place` (and `place` is of this ring)."""
        oldest = self._ring[0].id if self._ring else self._last_id + 1
        return oldest - 1 <= place <= self._last_id

    def _after(self, place: int, site: str | None, agency: str | None) -> bytes:
        if place == self._last_id:
            return b""
        key = (place, site, agency)
        if key not in self._pieces:
            found: list[bytes] = []
            for event in reversed(self._ring):
                if event.id <= place:
                    break
                if site in (None, event.site) and agency in (None, event.agency):
                    found.append(event.text)
            self._pieces[key] = b"".join(reversed(found))
        return self._pieces[key]

    def _flush(self) -> None:
        self._flush_at = None
        for (kind, site, _subject), (agency, data) in self._waiting.items():
            self._last_id += 1
            self._ring.append(_Event(self._last_id, site, agency, _text(kind, data, self._last_id)))
        self._waiting.clear()
        self._pieces.clear()
        self._wake()
        # The listeners that were just woken run before what is called soon: the difference is what they cost.
        loop = asyncio.get_running_loop()
        began = loop.time()
        loop.call_soon(self._measure, began)

    def _measure(self, began: float) -> None:
        now = asyncio.get_running_loop().time()
        self._not_before = now + min(_LONGEST_PAUSE_S, _PAUSE_FOR_WORK * (now - began))

    def _wake(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()


class EventStream(StreamingResponse):
    """The response of one listener; one that does not take what it is sent within `slowest_s` is cut off."""

    media_type = "text/event-stream"

    def __init__(self, stream: Stream, pieces: AsyncGenerator[bytes, None]) -> None:
        # Nginx would hold the stream back until its buffer is full.
        super().__init__(pieces, headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        self._stream = stream
        self._pieces = pieces

    async def stream_response(self, send: Send) -> None:
        try:
            await super().stream_response(partial(self._stream.deliver, send))
        except TimeoutError:
            self._stream.cut("it takes nothing")
        finally:
            await self._pieces.aclose()


def _text(kind: str, data: bytes, event_id: int | None = None) -> bytes:
    head = b"" if event_id is None else b"id: %d\n" % event_id
    return b"%sevent: %s\ndata: %s\n\n" % (head, kind.encode(), data)
