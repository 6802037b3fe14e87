"""Theengs Gateway and OpenMQTTGateway."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from collector.conventions.convention import Entry, Heard, Message, Question, Subscription
from presence.site import Source


class Theengs:
    NAME: ClassVar[str] = "theengs"
    EXCLUSIVE: ClassVar[bool] = True

    def address(self, source: Source) -> str:
        raise ValueError("is not understood yet")

    def source(self, address: str) -> dict[str, str]:
        return {"topic": address}

    def follow(self, entries: Sequence[Entry]) -> None:
        return

    def subscriptions(self) -> Sequence[Subscription]:
        return ()

    def owns(self, topic: str) -> bool:
        return False

    def decode(self, message: Message) -> Sequence[Heard]:
        return ()

    def gateway_of(self, address: str) -> str | None:
        return None

    def ask(self, address: str, now_ms: int) -> Sequence[Question]:
        return ()

    def questions(self, now_ms: int) -> Sequence[Question]:
        return ()
