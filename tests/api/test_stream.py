from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine
from typing import Any

import pytest
from starlette.types import Message

from api.stream import EventStream, Stream

STARTED_MS = 1_795_000_000_000
FIRST_ID = STARTED_MS * 1000


def running(test: Callable[[], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    def run() -> None:
        asyncio.run(asyncio.wait_for(test(), 30))

    run.__name__ = test.__name__
    return run


def events(piece: bytes) -> list[tuple[int | None, str, str]]:
    """Id, kind and data of the events in a piece."""
    found = []
    for block in piece.decode().removesuffix("\n\n").split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n"))
        if "event" in fields:
            found.append((int(fields["id"]) if "id" in fields else None, fields["event"], fields["data"]))
    return found


@contextlib.asynccontextmanager
async def listening(
    stream: Stream, site: str | None = None, last_id: int | None = None
) -> AsyncIterator[AsyncGenerator[bytes, None]]:
    pieces = stream.listen(site, last_id, lambda: stream.snapshot_event(b'"all"'))
    try:
        yield pieces
    finally:
        await pieces.aclose()


@running
async def test_a_listener_gets_a_snapshot_and_then_the_news() -> None:
    stream = Stream(started_ms=STARTED_MS)
    async with listening(stream) as pieces:
        assert events(await anext(pieces)) == [(FIRST_ID, "snapshot", '"all"')]
        stream.put("occupancy", "s", "a", b"1")
        assert events(await anext(pieces)) == [(FIRST_ID + 1, "occupancy", "1")]
        stream.beat(b'{"at":1}')
        assert events(await anext(pieces)) == [(None, "heartbeat", '{"at":1}')]
        stream.put("alert", "s", "x", b"2")
        assert events(await anext(pieces)) == [(FIRST_ID + 2, "alert", "2")]
        assert stream.listeners == 1
    assert stream.listeners == 0


@running
async def test_who_comes_back_with_an_id_gets_what_followed_it() -> None:
    stream = Stream(started_ms=STARTED_MS)
    async with listening(stream) as pieces:
        await anext(pieces)
        for n in range(3):
            stream.put("occupancy", "s", f"o{n}", b"%d" % n)
            await anext(pieces)
        stream.beat(b"{}")
        await anext(pieces)
    async with listening(stream, last_id=FIRST_ID + 1) as pieces:
        assert events(await anext(pieces)) == [(FIRST_ID + 2, "occupancy", "1"), (FIRST_ID + 3, "occupancy", "2")]
    async with listening(stream, last_id=FIRST_ID + 3) as pieces:
        assert events(await anext(pieces)) == []  # nothing followed


@running
async def test_an_id_that_the_ring_does_not_know_gets_a_snapshot() -> None:
    stream = Stream(started_ms=STARTED_MS, kept=2)
    async with listening(stream) as pieces:
        await anext(pieces)
        for n in range(4):
            stream.put("occupancy", "s", f"o{n}", b"%d" % n)
            await anext(pieces)
    for forgotten in (FIRST_ID, FIRST_ID + 1, FIRST_ID - 5_000, FIRST_ID + 9):
        async with listening(stream, last_id=forgotten) as pieces:
            assert events(await anext(pieces)) == [(FIRST_ID + 4, "snapshot", '"all"')]
    async with listening(stream, last_id=FIRST_ID + 2) as pieces:
        assert [kind for _, kind, _ in events(await anext(pieces))] == ["occupancy", "occupancy"]


@running
async def test_of_one_subject_only_the_newest_of_a_moment_goes_out() -> None:
    stream = Stream(started_ms=STARTED_MS)
    async with listening(stream) as pieces:
        await anext(pieces)
        for data in (b"1", b"2", b"3"):
            stream.put("occupancy", "s", "a", data)
        stream.put("occupancy", "s", "b", b"4")
        assert [data for _, _, data in events(await anext(pieces))] == ["3", "4"]


@running
async def test_what_can_wait_goes_with_what_cannot() -> None:
    stream = Stream(started_ms=STARTED_MS)
    async with listening(stream) as pieces:
        await anext(pieces)
        stream.put("occupancy", "s", "a", b"1", can_wait=True)
        await asyncio.sleep(0.1)
        assert stream.last_id == FIRST_ID
        stream.put("occupancy", "s", "b", b"2")
        assert [data for _, _, data in events(await anext(pieces))] == ["1", "2"]
        stream.put("occupancy", "s", "a", b"3", can_wait=True)
        assert [data for _, _, data in events(await anext(pieces))] == ["3"]


@running
async def test_a_listener_of_one_site_hears_nothing_of_others() -> None:
    stream = Stream(started_ms=STARTED_MS)
    async with listening(stream, "s") as pieces, listening(stream) as everything:
        await anext(pieces)
        await anext(everything)
        stream.put("occupancy", "t", "a", b"1")
        stream.put("occupancy", "s", "a", b"2")
        assert [data for _, _, data in events(await anext(pieces))] == ["2"]
        assert [data for _, _, data in events(await anext(everything))] == ["1", "2"]


@running
async def test_an_event_is_encoded_once_for_all_listeners() -> None:
    stream = Stream(started_ms=STARTED_MS)
    async with listening(stream) as one, listening(stream) as other:
        await anext(one)
        await anext(other)
        stream.put("occupancy", "s", "a", b"1")
        assert await anext(one) is await anext(other)


@running
async def test_who_falls_behind_the_ring_is_cut_off_and_nobody_waits_for_him() -> None:
    stream = Stream(started_ms=STARTED_MS, kept=3)
    async with listening(stream) as slow, listening(stream) as quick:
        await anext(slow)
        await anext(quick)
        for n in range(5):
            stream.put("occupancy", "s", f"o{n}", b"%d" % n)
            assert [data for _, _, data in events(await anext(quick))] == [str(n)]
        with pytest.raises(StopAsyncIteration):
            await anext(slow)
        assert stream.cut_off == 1


@running
async def test_a_renewal_gives_everybody_a_snapshot() -> None:
    stream = Stream(started_ms=STARTED_MS)
    async with listening(stream) as pieces:
        await anext(pieces)
        stream.put("occupancy", "s", "a", b"1")
        await anext(pieces)
        stream.renew()
        assert events(await anext(pieces)) == [(FIRST_ID + 2, "snapshot", '"all"')]
    async with listening(stream, last_id=FIRST_ID + 1) as pieces:  # who was away when it happened
        assert events(await anext(pieces)) == [(FIRST_ID + 2, "snapshot", '"all"')]
    async with listening(stream, last_id=FIRST_ID + 2) as pieces:
        assert events(await anext(pieces)) == []
        stream.put("occupancy", "s", "a", b"2")
        assert events(await anext(pieces)) == [(FIRST_ID + 3, "occupancy", "2")]


@running
async def test_a_stream_ends_after_its_time_so_that_access_is_asked_for_again() -> None:
    stream = Stream(started_ms=STARTED_MS, longest_s=0)
    async with listening(stream) as pieces:
        assert [kind for _, kind, _ in events(await anext(pieces))] == ["snapshot"]
        assert await anext(pieces, None) is None


@running
async def test_streams_end_with_the_process() -> None:
    stream = Stream(started_ms=STARTED_MS)
    async with listening(stream) as pieces:
        await anext(pieces)
        waiting = asyncio.create_task(anext(pieces, None))
        await asyncio.sleep(0)
        stream.end()
        assert await waiting is None


@running
async def test_who_takes_nothing_is_cut_off() -> None:
    stream = Stream(started_ms=STARTED_MS, slowest_s=0.05)
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)
        if message["type"] == "http.response.body":
            await asyncio.Event().wait()  # its buffers are full

    answer = EventStream(stream, stream.listen(None, None, lambda: stream.snapshot_event(b"{}")))
    answering = asyncio.create_task(answer.stream_response(send))
    while not answering.done():
        await asyncio.sleep(0.01)
        stream.beat(b"{}")
    await answering
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]
    assert (stream.cut_off, stream.listeners) == (1, 0)


@running
async def test_whose_request_is_given_up_is_not_counted_as_slow() -> None:
    stream = Stream(started_ms=STARTED_MS, slowest_s=0.05)

    async def send(_message: Message) -> None:
        await asyncio.Event().wait()

    answer = EventStream(stream, stream.listen(None, None, lambda: stream.snapshot_event(b"{}")))
    answering = asyncio.create_task(answer.stream_response(send))
    await asyncio.sleep(0)
    answering.cancel()
    with pytest.raises(asyncio.CancelledError):
        await answering
    assert stream.cut_off == 0
