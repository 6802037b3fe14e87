"""Service hours as iCalendar (RFC 5545): an event for each stretch that begins on one of the days.

Times are UTC, so that no calendar needs to know the zone's rules. An event's UID is made of whose hours they are, the
date, and which stretch of that date it is: another closing time changes the event instead of adding one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from presence.hours_preview import Day
from presence.schedule import Schedule

_LINE_OCTETS = 75


def calendar(days: Iterable[Day], *, name: str, key: str, now_ms: int) -> str:
    """The text, lines ended by CRLF. `name`: of the calendar and each event; `key`: whose hours, the same every time.

    `now_ms`: when it is made; of two events with one UID calendars keep the later.
    """
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Hadir//service hours//EN",
        "CALSCALE:GREGORIAN",
        "METHOD:PUBLISH",
        f"NAME:{_escaped(name)}",
        f"X-WR-CALNAME:{_escaped(name)}",  # what most calendars read instead of NAME (RFC 7986)
        *(line for day in days for line in _events(day, name, key, _instant(now_ms))),
        "END:VCALENDAR",
    ]
    return "".join(f"{_folded(line)}\r\n" for line in lines)


def key_of(schedule: Schedule) -> str:
    """A key for hours that belong to no outlet: by zone, country and expression. Exceptions may come and go."""
    decides = "|".join((schedule.timezone, schedule.country, schedule.service_hours))
    return hashlib.sha256(decides.encode()).hexdigest()[:16]


def _events(day: Day, name: str, key: str, stamp: str) -> Iterator[str]:
    for n, span in enumerate(day.stretches, 1):
        yield from (
            "BEGIN:VEVENT",
            f"UID:{day.on:%Y%m%d}-{n}.{key}@hadir",
            f"DTSTAMP:{stamp}",
            f"DTSTART:{_instant(span.start_ms)}",
            f"DTEND:{_instant(span.end_ms)}",
            f"SUMMARY:{_escaped(name)}",
        )
        if day.why:
            yield f"DESCRIPTION:{_escaped(day.why)}"
        # Whose calendar shows the hours of an outlet is not thereby busy.
        yield "TRANSP:TRANSPARENT"
        yield "END:VEVENT"


def _instant(at_ms: int) -> str:
    return f"{datetime.fromtimestamp(at_ms // 1000, UTC):%Y%m%dT%H%M%SZ}"


def _escaped(text: str) -> str:
    for sign in ("\\", ";", ","):
        text = text.replace(sign, f"\\{sign}")
    lines = ("".join(filter(str.isprintable, line)) for line in text.splitlines())
    return "\\n".join(lines)


def _folded(line: str) -> str:
    """Lines of at most 75 octets, what goes on behind a blank; no character is cut in two."""
    parts, room = [""], _LINE_OCTETS
    for character in line:
        octets = len(character.encode())
        if octets > room:
            parts.append("")
            room = _LINE_OCTETS - 1
        parts[-1] += character
        room -= octets
    return "\r\n ".join(parts)
