"""Every word, number and instant that people read: the texts of one language in one time zone.

Names, numbers, clocks, plurals and lists are as CLDR has them, through Babel. The page's module `words.js` does the
same with the same texts and the browser's `Intl`; `tests/api/test_live_page.py` compares the two.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, time, timedelta
from functools import cache, lru_cache
from importlib import resources
from typing import Literal, NamedTuple, cast, get_args
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import DateTimePattern, parse_pattern
from babel.lists import format_list
from babel.numbers import format_decimal

Lang = Literal["id", "en"]
LANGUAGES: tuple[Lang, ...] = get_args(Lang)
Text = str | dict[str, str]  # a dict holds the plural forms that the language has: in Indonesian none

# English as it is read outside of America: days before months, and a clock of 24 hours.
_LOCALES: Mapping[Lang, str] = {"id": "id", "en": "en_GB"}
# CLDR writes `60,7%` and `Sel, 24 Nov`, which are spelled otherwise here.
_PERCENT: Mapping[Lang, str] = {"id": "\u00a0%", "en": "%"}
_DATE = parse_pattern("EEE d MMM")
_DAY_AND_MONTH = parse_pattern("d MMM")
_WEEKDAY = parse_pattern("EEEE")
_MONTH = parse_pattern("LLLL")

_DAY = timedelta(days=1)
_NUMBERS_KEPT = 4096


class _Spoken(NamedTuple):
    """What CLDR knows of a language, taken out of it once."""

    locale: Locale
    clock: DateTimePattern
    clock_s: DateTimePattern
    full_date: DateTimePattern


@cache
def _spoken(lang: Lang) -> _Spoken:
    locale = Locale.parse(_LOCALES[lang])
    times = locale.time_formats
    # CLDR's Indonesian alone has `01 Desember`; everywhere else a day is `1 Des`.
    full_date = parse_pattern(locale.date_formats["full"].pattern.replace("dd", "d"))
    return _Spoken(locale, times["short"], times["medium"], full_date)


@lru_cache(_NUMBERS_KEPT)
def _number(n: int, lang: Lang) -> str:
    return format_decimal(n, locale=_spoken(lang).locale)


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
        self._spoken = _spoken(lang)

    def __call__(self, key: str, /, **values: str | int) -> str:
        text = self._texts[key]
        if isinstance(text, dict):
            text = text[self._spoken.locale.plural_form(int(values["n"]))]
        return text.format(
            **{name: self.number(value) if isinstance(value, int) else value for name, value in values.items()}
        )

    def __contains__(self, key: str) -> bool:
        return key in self._texts

    def get(self, key: str, otherwise: str) -> str:
        """The text of a key that came from elsewhere; `otherwise` when there is none."""
        return self(key) if key in self else otherwise

    def number(self, n: int) -> str:
        """`1.162`, in English `1,162`."""
        return _number(n, self.lang)

    def decimal(self, value: float, digits: int) -> str:
        """`60,7`: so many digits behind the comma."""
        return format_decimal(value, f"#,##0.{'0' * digits}".rstrip("."), self._spoken.locale)

    def measured(self, value: float) -> str:
        """`1,284`: a reading, of which four digits count."""
        return format_decimal(float(f"{value:.4g}"), "#,##0.######", self._spoken.locale)

    def percent(self, share: float, digits: int = 0) -> str:
        """`60,7 %` with a no-break space, in English `60.7%`; 1 is the whole."""
        return self.decimal(share * 100, digits) + _PERCENT[self.lang]

    def percents(self, least: float, most: float) -> str:
        """`60,7–65,0 %`: a share that lies between two."""
        return f"{self.decimal(least * 100, 1)}–{self.percent(most, 1)}"

    def listed(self, parts: Sequence[str]) -> str:
        """`KTP-el, akta, dan paspor`."""
        return format_list(parts, locale=self._spoken.locale)

    def clock(self, at_ms: int) -> str:
        """`10.42`."""
        return self._in(self._spoken.clock, at_ms)

    def clock_s(self, at_ms: int) -> str:
        """`10.42.07`."""
        return self._in(self._spoken.clock_s, at_ms)

    def clock_of(self, minutes: int) -> str:
        """`08.05`: what a clock shows so many minutes after midnight."""
        return self._spoken.clock.apply(time(*divmod(minutes, 60)), self._spoken.locale)

    def date(self, at_ms: int) -> str:
        """`Sel 24 Nov`."""
        return self._in(_DATE, at_ms)

    def dated(self, at_ms: int, now_ms: int) -> str:
        """`Sel 24 Nov`, of another year than now's with it: `Sen 5 Jan 2032`."""
        year = self._local(at_ms).year
        return self.date(at_ms) if year == self._local(now_ms).year else f"{self.date(at_ms)} {year}"

    def month(self, at_ms: int) -> str:
        """`November`."""
        return self._in(_MONTH, at_ms)

    def full_date(self, day: str) -> str:
        """`Selasa, 24 November 2026`, of an ISO date."""
        return self._spoken.full_date.apply(datetime.fromisoformat(day), self._spoken.locale)

    def short_date(self, day: str) -> str:
        """`Sel 24 Nov`, of an ISO date."""
        return _DATE.apply(datetime.fromisoformat(day), self._spoken.locale)

    def weekday(self, day: str) -> str:
        """`Selasa`, of an ISO date."""
        return _WEEKDAY.apply(datetime.fromisoformat(day), self._spoken.locale)

    def country(self, code: str) -> str:
        """`Indonesia`, of two letters of ISO 3166-1."""
        return str(self._spoken.locale.territories.get(code, code))

    def coming(self, at_ms: int, now_ms: int) -> str:
        """An instant to come: `13.00` today, `Kamis 08.00` within a week, else, also before today, `3 Des 08.00`."""
        at, now = self._local(at_ms), self._local(now_ms)
        if at.date() == now.date():
            return self.clock(at_ms)
        pattern = _WEEKDAY if _DAY <= at.date() - now.date() < 7 * _DAY else _DAY_AND_MONTH
        return f"{self._in(pattern, at_ms)} {self.clock(at_ms)}"

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

    def time_of_day_ms(self, at_ms: int) -> int:
        """What the clock shows, from its own midnight on: on a day on which clocks change no time that has passed."""
        at = self._local(at_ms)
        return (at.hour * 3600 + at.minute * 60 + at.second) * 1000 + at_ms % 1000

    def at(self, day: str, hour: int, minute: int, second: int) -> int:
        """The instant at which the clock shows this time on the ISO date `day`."""
        local = datetime.fromisoformat(day).replace(hour=hour, minute=minute, second=second, tzinfo=self._zone)
        return round(local.timestamp() * 1000)

    def _in(self, pattern: DateTimePattern, at_ms: int) -> str:
        return pattern.apply(self._local(at_ms), self._spoken.locale)

    def _local(self, at_ms: int) -> datetime:
        return datetime.fromtimestamp(at_ms / 1000, self._zone)
