"""Text that strangers wrote, made fit for a log line and a terminal."""

from __future__ import annotations


def printable(text: str) -> str:
    """`text` with everything that does not print, line ends and terminal commands among it, as `\\x1b`."""
    return text if text.isprintable() else "".join(one if one.isprintable() else _escaped(one) for one in text)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode()
