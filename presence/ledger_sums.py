"""Sums of the ledger: over the days of an outlet, a duty, an agency or a site; exact, for sums of integers are.

Agencies and sites are summed by duty: where one of two outlets is enough and there, the other one's emptiness is
nobody's fault, and named duties count once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from presence.ledger import LedgerDay, coverage

By = Literal["outlet", "duty", "agency", "site"]
Period = Literal["day", "month"]

_MONTH_LENGTH = len("2026-11")


class Entry(NamedTuple):
    """A day of the ledger, and who answers for it. Those of `day.subject` "duty" are of every duty, named or not."""

    site: str
    agency: str
    day: LedgerDay


@dataclass(frozen=True, kw_only=True, slots=True)
class LedgerSum:
    """What is booked of one outlet, duty, agency or site together. `period`: an ISO date or month; "" = all of it."""

    by: By
    site: str
    id: str
    period: str
    attended_ms: int = 0
    absent_ms: int = 0
    declared_ms: int = 0
    unknown_ms: int = 0
    equipment_down_ms: int = 0

    @property
    def obliged_ms(self) -> int:
        return self.attended_ms + self.absent_ms + self.declared_ms + self.unknown_ms

    def as_json(self) -> dict[str, Any]:
        """Whose sum of which day or month, and its `seconds`."""
        return {
            "site": self.site,
            self.by: self.id,
            **({"month" if len(self.period) == _MONTH_LENGTH else "date": self.period} if self.period else {}),
            **self.seconds(),
        }

    def seconds(self) -> dict[str, Any]:
        """Obliged time and its parts, and the share of it that was attended: at least, and at most."""
        bounds = coverage([self])
        return {
            "obliged_s": self.obliged_ms / 1000,
            "attended_s": self.attended_ms / 1000,
            "absent_s": self.absent_ms / 1000,
            "declared_s": self.declared_ms / 1000,
            "unknown_s": self.unknown_ms / 1000,
            "equipment_down_s": self.equipment_down_ms / 1000,
            "coverage": None if bounds is None else bounds._asdict(),
        }


def sums(entries: Iterable[Entry], by: By, period: Period | None = None) -> list[LedgerSum]:
    """One sum for each of `by` and each day or month, or for all time; by site, id and period in order.

    For "outlet" the entries of outlets are summed, for all others those of duties.
    """
    booked: dict[tuple[str, str, str], list[LedgerDay]] = defaultdict(list)
    for site, agency, day in entries:
        if (day.subject == "outlet") != (by == "outlet"):
            continue
        whose = {"outlet": day.id, "duty": day.id, "agency": agency, "site": site}[by]
        booked[site, whose, _period_of(day.date, period)].append(day)
    return [
        LedgerSum(
            by=by,
            site=site,
            id=whose,
            period=when,
            attended_ms=sum(day.attended_ms for day in days),
            absent_ms=sum(day.absent_ms for day in days),
            declared_ms=sum(day.declared_ms for day in days),
            unknown_ms=sum(day.unknown_ms for day in days),
            equipment_down_ms=sum(day.equipment_down_ms for day in days),
        )
        for (site, whose, when), days in sorted(booked.items())
    ]


def _period_of(date: str, period: Period | None) -> str:
    if period is None:
        return ""
    return date if period == "day" else date[:_MONTH_LENGTH]
