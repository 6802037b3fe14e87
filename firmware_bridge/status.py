"""The retained status of a sensor or gateway, as docs/ARCHITECTURE.md has it in Messages."""

from __future__ import annotations

from typing import Literal

import msgspec

from firmware_bridge.diagnosis import Problem
from presence.instants import rfc3339_or_none

State = Literal["online", "offline"]


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """`sent`: readings that were numbered in this epoch, of them `lost` so many; `damaged` frames since the start.

    `missing`: lines that the sensor's own running number shows to be lost before they came to us, damaged ones among
    them.
    `problem`: what is wrong in one word, `hint` what to do about it; `reconnected`: how often the connection, a
    sensor's port or a gateway's broker, was made anew.
    """

    state: State
    since_ms: int | None
    driver: str | None = None
    firmware: str | None = None
    sent: int = 0
    damaged: int = 0
    lost: int = 0
    missing: int = 0
    reconnected: int = 0
    problem: Problem | None = None
    hint: str | None = None

    def encode(self) -> bytes:
        body = msgspec.structs.asdict(self)
        since_ms = body.pop("since_ms")
        return msgspec.json.encode({"state": body.pop("state"), "since": rfc3339_or_none(since_ms), **body})

    def differs(self, other: Status | None) -> bool:
        """Whether more than counters has changed since `other`."""
        if other is None:
            return True
        counters = {name: getattr(other, name) for name in ("sent", "damaged", "lost", "missing", "reconnected")}
        return msgspec.structs.replace(self, **counters) != other
