"""What somebody answered to an alert, in words: the same on the floor, sidak, an outlet's page and its agency's."""

from __future__ import annotations

from api.words import Words
from presence.alerts.answers import BACK_MS, GivenAnswer, is_back_soon


def reason_said(said: GivenAnswer, words: Words) -> str:
    """`alat rusak`; `kembali dalam 5 menit`, which is no break though the record counts it among them."""
    if is_back_soon(said):
        return words("absence.back", n=BACK_MS // 60_000)
    return words.get(f"absence.{said.reason}", said.reason).lower()


def answer_said(said: GivenAnswer, words: Words) -> str:
    """`alat rusak, “printer”`."""
    return with_note(reason_said(said, words), said.note)


def with_note(reason: str, note: str | None) -> str:
    """A reason, and what was written beside it."""
    return reason if note is None else f"{reason}, “{note}”"
