"""What is wrong with service hours: in English words, and by keys for pages that have words of their own."""

from __future__ import annotations

from typing import NamedTuple


class Hint(NamedTuple):
    """What to write in place of a habit. `what`: whatever stands there against what is to be written, `Mon → Mo`."""

    key: str
    says: str
    what: str = ""


class HoursFault(NamedTuple):
    """`says`: the fault and its remedy. `what`: the part of the text that is at fault, or what is to be written."""

    key: str
    says: str
    what: str = ""
    hints: tuple[Hint, ...] = ()
