"""Why what somebody asks of the record is not done.

Said in English, the language of the API; pages speak their reader's, and go by the key, where a form can lead to it.

HadirError
├── NotThere          the record holds nothing of that name
└── NotNow            it is there, but as things stand this cannot be done with it
"""

from __future__ import annotations

from presence.errors import HadirError


class NotThere(HadirError):
    """What is named is not in the record."""

    def __init__(self, says: str, key: str = "") -> None:
        self.key = key
        super().__init__(says)


class NotNow(HadirError):
    """What is asked does not fit how things stand; `str` says how they stand. `what`: of which the key speaks."""

    def __init__(self, says: str, key: str = "", what: str = "") -> None:
        self.key, self.what = key, what
        super().__init__(says)
