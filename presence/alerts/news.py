"""What is told of an alert, before it has words: one event, with all that is known of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from presence.alerts.life import Alert
from presence.intervals import Span

Event = Literal["firing", "reminder", "acknowledged", "resolved", "disproved"]


class Answer(NamedTuple):
    """The newest acknowledgement of an alert: why, by whom, and until when it stops the ladder."""

    reason: str
    note: str | None
    by: str
    at_ms: int
    until_ms: int


class Heard(NamedTuple):
    """Who was told before, and when."""

    name: str
    at_ms: int


@dataclass(frozen=True, kw_only=True, slots=True)
class News:
    """One event of one alert, and what the alert itself does not say.

    `seen_ms`: newest evidence of the zones that it is about. `unknown_since_ms`: for an alert resolved `unknown`.
    `staffed`: for a disproved one, the presence that it had not known of. `withdrawn`: for one resolved `ended`, that
    its rule ended it and not its condition. `link`: where to read on. `told`: whom firing and reminders reached before.
    `declared_until_ms`: end of the declared absence at which the clock started. `unknown_outlets`: so many of so many.
    `sensors`: so many hang on the gateway. `battery`: %. `stuck`: in what state, and since when.
    """

    event: Event
    alert: Alert
    late: bool
    now_ms: int
    seen_ms: int | None = None
    unknown_since_ms: int | None = None
    staffed: Span | None = None
    withdrawn: bool = False
    link: str | None = None
    answer: Answer | None = None
    told: Sequence[Heard] = ()
    declared_until_ms: int | None = None
    unknown_outlets: tuple[int, int] | None = None
    sensors: int | None = None
    battery: float | None = None
    stuck: Literal["occupied", "vacant", "flapping"] | None = None
    stuck_since_ms: int | None = None
