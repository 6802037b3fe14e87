"""How a person is named and called: one rule for site file, API and pages."""

from __future__ import annotations

import re
from typing import Final

LONGEST_NAME: Final = 100
LONGEST_PHONE: Final = 32
# As people write one: digits, and what stands between them.
PHONE_PATTERN: Final = r"\+?[0-9(][0-9 ()./-]{2,30}"
_FEWEST_DIGITS, _MOST_DIGITS = 3, 15  # of an extension, and of what is dialled anywhere (E.164)
_PHONE = re.compile(PHONE_PATTERN)
# Embeddings, overrides and isolates of direction: what is written after them would be read backwards.
TURNING: Final = re.compile("[\u202a-\u202e\u2066-\u2069]")


def name_problem(text: str) -> str | None:
    """What is wrong with somebody's name and what to write; None when it can be shown."""
    if not text.strip():
        return "is empty; write who it is"
    if len(text) > LONGEST_NAME or not text.isprintable() or TURNING.search(text):
        return f"is too long, or cannot be shown; write {LONGEST_NAME} characters at most"
    return None


def phone_problem(text: str) -> str | None:
    """What is wrong with a telephone number and what to write; None when it can be dialled."""
    if _PHONE.fullmatch(text) and _FEWEST_DIGITS <= sum(one.isdigit() for one in text) <= _MOST_DIGITS:
        return None
    return "is no telephone number; write 3 to 15 digits, such as 0812 3456 7890 or +62 21 5550 101"
