"""Hashing and checking of passwords, a few at a time: each takes 19 MiB and a core for its while."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from fastapi.concurrency import run_in_threadpool

Made = TypeVar("Made")

_AT_ONCE = 2
_MOST_WAITING = 50


class Busy(Exception):
    """So many wait already that one more would wait for too long."""


class PasswordWork:
    """The line in which it waits. Belongs to one event loop: who waits in it holds no thread, which others need."""

    def __init__(self) -> None:
        self._at_once = asyncio.Semaphore(_AT_ONCE)
        self._waiting = 0

    async def run(self, act: Callable[[], Made]) -> Made:
        """What `act` gives back in a thread, when its turn has come. Raises Busy when the line is too long."""
        if self._waiting >= _MOST_WAITING:
            raise Busy
        self._waiting += 1
        try:
            await self._at_once.acquire()
        finally:
            self._waiting -= 1
        try:
            return await run_in_threadpool(act)
        finally:
            self._at_once.release()
