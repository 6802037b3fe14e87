"""What a reader asks of an outlet's page, and what is known when he does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from api.live import Occupancy
from storage.record.alert_list import Among

Range = Literal["week", "month"]


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What the reader wants to see. `day`: ISO; `at_ms`: the minute to be explained; `wrong_at`: what was no minute."""

    day: str
    span: Range
    at_ms: int | None = None
    wrong_at: str = ""


@dataclass(frozen=True, kw_only=True)
class Present:
    """What is known now, and who asks: he sees what is of `agency`, and alerts `among` these; None: all of it."""

    now_ms: int
    occupancy: Occupancy
    agency: str | None = None
    among: Among | None = None
