"""Writes to the record in the name of whoever asks."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from sqlalchemy import Connection

from api.parts import Parts

Done = TypeVar("Done")
Act = Callable[[Connection, str, int], Done]


def write_here(request: Request, act: Act[Done]) -> Done:
    """What `act` gives for a connection, who asks, and now; on this thread, of a route that has one."""
    parts: Parts = request.app.state.parts
    with parts.record.writing() as connection:
        return act(connection, request.state.account, parts.now())


async def write(request: Request, act: Act[Done]) -> Done:
    """The same on another thread, for a route on the event loop."""
    return await run_in_threadpool(write_here, request, act)
