"""The coming days of a schedule: when it is open on each, and why a day differs from others of its weekday."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from presence.instants import rfc3339
from presence.intervals import Span
from presence.schedule import Schedule
from presence.service_hours import Holiday, ServiceHours, holiday_on, rules_of
from presence.site import DatedHours

WEEKDAYS = ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")
CLOSED = "closed"
_NO_REASON = "exception"
_MINUTE_MS = 60_000


class Day(NamedTuple):
    """One local date. `stretches`: those that begin on it, whole. `clock`: the same on the wall, `08:00-12:00`.

    `counts`: whether the hours of this date say anything of its holiday.
    """

    on: date
    stretches: tuple[Span, ...]
    clock: tuple[str, ...]
    exception: DatedHours | None
    holiday: Holiday | None
    counts: bool

    @property
    def weekday(self) -> str:
        return WEEKDAYS[self.on.weekday()]

    @property
    def hours(self) -> str:
        return ", ".join(self.clock) or CLOSED

    @property
    def why(self) -> str:
        """The exception that decides, and the holiday: what makes this date no ordinary one; "" when it is one."""
        reasons = []
        if self.exception is not None:
            reasons.append(self.exception.reason or _NO_REASON)
        if self.holiday is not None:
            reasons.append(self.holiday.name if self.counts else f"{self.holiday.name} (does not count)")
        return "; ".join(reasons)

    def as_json(self) -> dict[str, Any]:
        """The keys of `hadir hours --days N --json`; instants UTC."""
        holiday, exception = self.holiday, self.exception
        return {
            "date": self.on.isoformat(),
            "weekday": self.weekday,
            "hours": list(self.clock),
            "open": [{"start": rfc3339(span.start_ms), "end": rfc3339(span.end_ms)} for span in self.stretches],
            "holiday": None if holiday is None else {"name": holiday.name, "counts": self.counts},
            "exception": None
            if exception is None
            else {"from": exception.first, "to": exception.last, "reason": exception.reason},
        }


def preview(schedule: Schedule, first: date, count: int) -> Iterator[Day]:
    """`count` local dates from `first` on. Raises ValueError as ServiceHours does."""
    hours = ServiceHours.of(schedule)
    zone = ZoneInfo(schedule.timezone)
    for on in (first + timedelta(days=n) for n in range(count)):
        exception, holiday = hours.exception_on(on), holiday_on(schedule.country, on)
        deciding = schedule.service_hours if exception is None else exception.service_hours
        counts = speaks_of_holidays(deciding) and (schedule.cuti_bersama or holiday is None or not holiday.is_leave)
        stretches = hours.begun_on(on)
        yield Day(on, stretches, tuple(_clock(span, zone) for span in stretches), exception, holiday, counts)


def speaks_of_holidays(expression: str) -> bool:
    """Whether it says what holds on public holidays."""
    return any("PH" in rule.days for rule in rules_of(expression))


def local_date(at_ms: int, timezone: str) -> date:
    """The date in `timezone` at an instant."""
    return datetime.fromtimestamp(at_ms // 1000, UTC).astimezone(ZoneInfo(timezone)).date()


def _clock(span: Span, zone: ZoneInfo) -> str:
    """The end is a minute after the last one: an hour that comes twice ends at 03:00, though the clock shows 02:00."""
    start = datetime.fromtimestamp(span.start_ms // 1000, zone)
    last = datetime.fromtimestamp((span.end_ms - _MINUTE_MS) // 1000, zone)
    hour, minute = divmod(last.hour * 60 + last.minute + 1, 60)
    return f"{start:%H:%M}-{hour:02d}:{minute:02d}"
