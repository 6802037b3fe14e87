"""Every word, number and instant that people read: the texts of one language in one time zone.

The page's module `words.js` does the same with the same texts; `tests/api/test_live_page.py` compares the two.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from functools import cache
from importlib import resources
from typing import Literal, cast, get_args
from zoneinfo import ZoneInfo

Lang = Literal["id", "en"]
LANGUAGES: tuple[Lang, ...] = get_args(Lang)
Text = str | dict[str, str]  # a dict holds the plural forms "one" and "other"

_DAY = timedelta(days=1)


@cache
def texts(lang: Lang) -> dict[str, Text]:
    """All texts of `lang` by key; keys are the same in every language."""
    raw = resources.files("api").joinpath("texts", f"{lang}.json").read_text(encoding="utf-8")
    return cast(dict[str, Text], json.loads(raw))


class Words:
    """`words("key", n=3)` is the text with its values; ints among them are written as numbers."""

    def __init__(self, lang: Lang, timezone: str) -> None:
        self.lang = lang
        self.timezone = timezone
        self._texts = texts(lang)
        self._zone = ZoneInfo(timezone)

    def __call__(self, key: str, /, **values: str | int) -> str:
        text = self._texts[key]
        if isinstance(text, dict):
            text = text["one" if values["n"] == 1 else "other"]
        return text.format(
            **{name: self.number(value) if isinstance(value, int) else value for name, value in values.items()}
        )

    def get(self, key: str, otherwise: str) -> str:
        """The text of a key that came from elsewhere; `otherwise` when there is none."""
        return self(key) if key in self._texts else otherwise

    def number(self, n: int) -> str:
        """`1.162`, in English `1,162`."""
        return f"{n:,}".replace(",", self("number.group"))

    def clock(self, at_ms: int) -> str:
        """`10.42`."""
        return self._local(at_ms).strftime(f"%H{self('time.dot')}%M")

    def clock_s(self, at_ms: int) -> str:
        """`10.42.07`."""
        dot = self("time.dot")
        return self._local(at_ms).strftime(f"%H{dot}%M{dot}%S")

    def date(self, at_ms: int) -> str:
        """`Sel 24 Nov`."""
        at = self._local(at_ms)
        return f"{self('day.short').split()[at.weekday()]} {at.day} {self('month.short').split()[at.month - 1]}"

    def coming(self, at_ms: int, now_ms: int) -> str:
        """An instant to come: `13.00` today, `Kamis 08.00` within a week, else `3 Des 08.00`."""
        at, now = self._local(at_ms), self._local(now_ms)
        if at.date() == now.date():
            return self.clock(at_ms)
        if at.date() - now.date() < 7 * _DAY:
            return f"{self('day.long').split()[at.weekday()]} {self.clock(at_ms)}"
        return f"{at.day} {self('month.short').split()[at.month - 1]} {self.clock(at_ms)}"

    def span(self, ms: int) -> str:
        """`4 dtk`, `51 mnt`, `2 j 42 mnt`, `3 hari 4 j`, with no-break spaces; less than nothing is `0 dtk`."""
        seconds = max(0, ms) // 1000
        minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86_400
        if minutes == 0:
            text = self("span.s", s=seconds)
        elif hours == 0:
            text = self("span.min", m=minutes)
        elif days == 0:
            text = self("span.h", h=hours, mm=f"{minutes % 60:02}")
        else:
            text = self("span.d", d=days, h=hours % 24)
        return text.replace(" ", "\u00a0")

    def zone(self, at_ms: int) -> str:
        """The zone's short name at an instant: `WIB`."""
        return self._local(at_ms).tzname() or self.timezone

    def iso(self, at_ms: int) -> str:
        """`2026-11-24T10:42:07+07:00`, for the `datetime` of a `time` element."""
        return self._local(at_ms).isoformat(timespec="seconds")

    def day_start_ms(self, at_ms: int) -> int:
        """Midnight of the local day."""
        at = self._local(at_ms)
        return round(at.replace(hour=0, minute=0, second=0, microsecond=0).timestamp() * 1000)

    def at(self, day: str, hour: int, minute: int, second: int) -> int:
        """The instant at which the clock shows this time on the ISO date `day`."""
        local = datetime.fromisoformat(day).replace(hour=hour, minute=minute, second=second, tzinfo=self._zone)
        return round(local.timestamp() * 1000)

    def _local(self, at_ms: int) -> datetime:
        return datetime.fromtimestamp(at_ms / 1000, self._zone)
