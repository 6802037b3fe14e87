"""What a channel says when it could not deliver."""

from __future__ import annotations

from presence.errors import HadirError


class NotDelivered(HadirError):
    """`again`: trying later may help. `after_s`: the other side asked not to be tried before."""

    def __init__(self, why: str, *, again: bool, after_s: float | None = None) -> None:
        self.again = again
        self.after_s = after_s
        super().__init__(why)
