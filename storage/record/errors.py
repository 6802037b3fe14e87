"""What the record says when it cannot be used for the moment."""

from __future__ import annotations

from presence.errors import BadInput


class RecordUnavailable(BadInput):
    """The server of the record cannot be reached, or lost us: wrong input at a start, later something to wait for."""
