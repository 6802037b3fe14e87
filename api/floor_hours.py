"""The service hours of a floor as a sentence. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from api.floor import HOUR_MS
from api.words import Words
from presence.intervals import Span

_WEEK_MS = 7 * 24 * HOUR_MS


def hours_sentence(spans: Sequence[Span], now_ms: int, words: Words) -> str:
    """`Jam layanan 08.00–12.00 dan 13.00–15.00. Istirahat dalam 1 j 18 mnt.` `spans`: of today and the days to come."""
    if any(span.end_ms - span.start_ms > _WEEK_MS for span in spans):
        return words("hours.always")
    day_ms = words.day_start_ms(now_ms)
    today = [span for span in spans if words.day_start_ms(span.start_ms) == day_ms]
    parts = [f"{words.clock(span.start_ms)}–{words.clock(span.end_ms)}" for span in today]
    first = words("hours.today", spans=words.listed(parts)) if parts else words("hours.none")
    return f"{first} {_what_comes(spans, today, now_ms, words)}".rstrip()


def _what_comes(spans: Sequence[Span], today: Sequence[Span], now_ms: int, words: Words) -> str:
    for span in spans:
        if now_ms < span.start_ms:
            soon = span.start_ms - now_ms < HOUR_MS
            key, at = ("hours.open_in", "") if soon else ("hours.open", words.coming(span.start_ms, now_ms))
            return words(key, at=at, span=words.span(span.start_ms - now_ms))
        if now_ms < span.end_ms:
            key = "hours.break" if any(later.start_ms > now_ms for later in today) else "hours.close"
            return words(key, span=words.span(span.end_ms - now_ms))
    return ""
