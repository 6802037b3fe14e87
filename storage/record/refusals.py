"""Why what somebody asks of the record is not done.

HadirError
├── NotThere          the record holds nothing of that name
└── NotNow            it is there, but as things stand this cannot be done with it
"""

from __future__ import annotations

from presence.errors import HadirError


class NotThere(HadirError):
    """What is named is not in the record."""


class NotNow(HadirError):
    """What is asked does not fit how things stand; `str` says how they stand."""
