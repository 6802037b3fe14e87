"""A thousand open pages at the real server, and one among them that takes nothing."""

from __future__ import annotations

import asyncio
import resource
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import httpx

from tests.fixtures.hadir_command import eventually
from tests.fixtures.mall import Mall, floor_of

PAGES = 1000
PATIENCE_S = 120
GREETING = b"GET /api/v1/live/stream HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


@contextmanager
def many_files() -> Iterator[None]:
    """Both ends of a thousand connections are files of this process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 3 * PAGES)), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def opened(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(GREETING)
    await reader.readuntil(b"event: snapshot")
    return reader, writer


def counted(url: str, name: str) -> float:
    metrics = httpx.get(f"{url}/metrics", timeout=PATIENCE_S).text
    return next(float(line.split()[-1]) for line in metrics.splitlines() if line.startswith(f"{name} "))


async def everybody_hears(mall: Mall, port: int) -> int:
    """How many of the pages hear that an outlet is empty."""
    async with asyncio.timeout(PATIENCE_S):
        pages = [await opened(port) for _ in range(PAGES)]
        mall.outlet("a-1", "vacant")
        heard = await asyncio.gather(*(reader.readuntil(b'"status":"vacant"') for reader, _ in pages))
    for _, writer in pages:
        writer.close()
    await asyncio.gather(*(writer.wait_closed() for _, writer in pages), return_exceptions=True)
    return len(heard)


def test_a_thousand_pages_hear_a_change_though_one_of_them_takes_nothing(mall: Mall, url: str):
    mall.register(floor_of(400))  # its snapshots fill what the kernel keeps for a page that does not read
    port = urlsplit(url).port
    assert port is not None
    with many_files(), socket.socket() as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.connect(("127.0.0.1", port))
        slow.sendall(GREETING)
        eventually(lambda: counted(url, "hadir_sse_listeners") == 1)
        assert asyncio.run(everybody_hears(mall, port)) == PAGES
        eventually(lambda: counted(url, "hadir_sse_listeners") == 0)  # it was let go, though it is still there
