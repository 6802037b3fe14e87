"""The retained status of a sensor or gateway, as docs/ARCHITECTURE.md has it in Messages."""

from __future__ import annotations

from typing import Literal

import msgspec

from presence.instants import rfc3339_or_none

State = Literal["online", "offline"]


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """`sent`: readings that were numbered in this epoch, of them `lost` so many; `damaged` frames since the start."""

    state: State
    since_ms: int | None
    driver: str | None = None
    firmware: str | None = None
    sent: int = 0
    damaged: int = 0
    lost: int = 0

    def encode(self) -> bytes:
        body = msgspec.structs.asdict(self)
        since_ms = body.pop("since_ms")
        return msgspec.json.encode({"state": body.pop("state"), "since": rfc3339_or_none(since_ms), **body})

    def differs(self, other: Status | None) -> bool:
        """Whether more than counters has changed since `other`."""
        return (
            other is None
            or msgspec.structs.replace(self, sent=other.sent, damaged=other.damaged, lost=other.lost) != other
        )
