"""Instants, spans and numbers as people of one language read them, by one site's clock."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from presence.alerts.texts import MONTHS, TEXTS, Language


class Wording:
    """What is said at `now_ms` in one language. `timezone`: IANA."""

    def __init__(self, language: Language, timezone: str, now_ms: int) -> None:
        self._language = language
        self._texts = TEXTS[language]
        self._zone = ZoneInfo(timezone)
        self._now_ms = now_ms

    def first_of(self, *keys: str) -> str:
        """The text of the first key that there is."""
        return next(self._texts[key] for key in keys if key in self._texts)

    def say(self, key: str, **values: object) -> str:
        return self._texts[key].format(**values)

    def place(self, number: int | None, name: str) -> str:
        """An outlet by its number, else by its name."""
        return name if number is None else self.say("outlet", number=number)

    def clock(self, at_ms: int) -> str:
        """Hours and minutes, with the date when it is not that of the message."""
        at = datetime.fromtimestamp(at_ms / 1000, self._zone)
        clock = at.strftime(self._texts["clock"])
        if at.date() == datetime.fromtimestamp(self._now_ms / 1000, self._zone).date():
            return clock
        return f"{at.day} {MONTHS[self._language].split()[at.month - 1]} {clock}"

    def lasted(self, length_ms: int) -> str:
        seconds = max(0, length_ms) // 1000
        minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86_400
        if days:
            return self.say("days", days=days, hours=hours % 24)
        if hours:
            return self.say("hours", hours=hours, minutes=minutes % 60)
        return self.say("minutes" if minutes else "seconds", minutes=minutes, seconds=seconds)

    def whole_hours(self, length_ms: int) -> str:
        """`26 jam`: for what lasts so long that its minutes do not matter."""
        hours = length_ms // 3_600_000
        return self.say("whole_hours", hours=hours) if hours > 0 else self.lasted(length_ms)

    def percent(self, value: float) -> str:
        number = f"{round(value, 1):g}".replace(".", self._texts["decimal"])
        return self.say("percent", number=number)

    def listed(self, items: Sequence[str]) -> str:
        """`a, b dan c`."""
        *others, last = items
        return f"{', '.join(others)} {self._texts['and']} {last}" if others else last


def capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]
