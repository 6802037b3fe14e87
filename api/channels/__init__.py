"""The channels over which people are told: the `Channel` protocol, and which URL scheme means which channel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from api.channels.webhook import SCHEMES as WEBHOOK_SCHEMES
from api.channels.webhook import Webhook


class Channel(Protocol):
    """One way to deliver a message. Threads may share it.

    `grouped`: people read it, and what waits for one of them goes together, at most once a minute. The body of a group
    is that of `presence.alerts.group_message`; its `text` is in the place where every message has its own.
    """

    grouped: bool

    def send(self, url: str, key: str, body: bytes, at_ms: int) -> None:
        """Deliver `body` to the channel `url` of a contact. `key` is the same whenever the message is sent again.

        Raises NotDelivered; its text names neither secret nor path of the URL.
        """


def channels(environ: Mapping[str, str]) -> dict[str, Channel]:
    """The channel of each URL scheme. `environ`: where `{env:NAME}` is looked up, at each sending."""
    webhook = Webhook(environ)
    return dict.fromkeys(WEBHOOK_SCHEMES, webhook)


def scheme_of(url: str) -> str:
    """`hadir+https` of `hadir+https://…`."""
    return url.partition("://")[0]
