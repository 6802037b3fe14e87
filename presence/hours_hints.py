"""What to write in place of service hours that are not understood: the habits of people, not the syntax."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from presence.hours_fault import Hint

_DAYS = {
    "Mo": "mondays? mon senin sen",
    "Tu": "tuesdays? tues? selasa sel",
    "We": "wednesdays? weds? rabu rab",
    "Th": "thursdays? thurs? thu kamis kam",
    "Fr": "fridays? fri jum[’']?at jum",
    "Sa": "saturdays? sat sabtu sab",
    "Su": "sundays? sun minggu min ahad",
}
_DAY_NAMES = [(re.compile(rf"(?i)\b(?:{'|'.join(names.split())})\b"), day) for day, names in _DAYS.items()]
_TWELVE_HOURS = re.compile(r"(?i)\b(1[0-2]|0?[1-9])(?:[:.]([0-5]\d))? ?([ap])\.?m\b")
_CLOCK = re.compile(r"\b(\d{1,2}):(\d\d)\b")
_HINTS = tuple(
    (re.compile(pattern), Hint(key, remedy))
    for pattern, key, remedy in (
        (r"[–—−]", "dash", 'write "-" for the long dash'),
        (r"\d[.]\d\d", "colon", "write times with a colon, such as 08:00-12:00"),
        (r"\b\d{4} ?- ?\d{4}\b", "colon", "write times with a colon, such as 08:00-12:00"),
        (r"(?<![:.\d-])\b\d{1,2} ?- ?\d{1,2}\b(?![:.\d])", "minutes", "write hours and minutes, such as 08:00-17:00"),
        (r"[a-zA-Z\]]:", "day_colon", "leave out the colon behind the days"),
        (r"(?i)(?<=[\s\d])(?:s/d|s\.d\.?|sampai|hingga|to|until)(?=[\s\d])", "to",
         'write "-" between two days or times'),
        (r"(?i)\s(?:and|dan|&)\s", "and", 'write "," between several days or times'),
        (r"(?i)\b(?:libur nasional|hari libur|tanggal merah|(?:public )?holidays?)\b", "holidays",
         "write PH for public holidays"),
        (r"(?i)\b(?:tutup|libur)\b(?! nasional)", "closed", "write off for closed"),
        (r"(?i)\b(?:setiap hari|tiap hari|every ?day|daily)\b", "daily", "write the times alone for every day"),
        (r"(?i)\b24 (?:jam|hours)\b", "always", "write 24/7 for always open"),
    )
)  # fmt: skip


def hints(text: str) -> list[Hint]:
    """What to write instead, for each habit that is found in `text`."""
    return list(dict.fromkeys([*_days(text), *_times(text), *(hint for habit, hint in _HINTS if habit.search(text))]))


def _days(text: str) -> Iterator[Hint]:
    found = sorted((match.start(), match[0], day) for pattern, day in _DAY_NAMES for match in pattern.finditer(text))
    if found:
        named = ", ".join(dict.fromkeys(f"{day} for {name}" for _, name, day in found))
        yield Hint(
            "days",
            f"write {named} (days are Mo Tu We Th Fr Sa Su, holidays PH)",
            _arrows((name, day) for _, name, day in found),
        )


def _times(text: str) -> Iterator[Hint]:
    if found := [(match[0], _of_24_hours(*match.groups())) for match in _TWELVE_HOURS.finditer(text)]:
        written = ", ".join(dict.fromkeys(f"{clock} for {half}" for half, clock in found))
        yield Hint("half_days", f"write {written}", _arrows(found))
    for match in _CLOCK.finditer(text):
        if int(match[2]) > 59:
            yield Hint("sixty", f"{match[0]}: minutes go up to 59", match[0])
        elif int(match[1]) > 24 and not text[: match.start()].endswith("-"):
            yield Hint(
                "midnight",
                f"{match[0]}: a day begins at 00:00 and ends at 24:00; past midnight write 22:00-06:00",
                match[0],
            )


def _arrows(pairs: Iterable[tuple[str, str]]) -> str:
    return ", ".join(dict.fromkeys(f"{there} → {wanted}" for there, wanted in pairs))


def _of_24_hours(hour: str, minute: str | None, half: str) -> str:
    return f"{int(hour) % 12 + (12 if half.lower() == 'p' else 0):02d}:{minute or '00'}"
