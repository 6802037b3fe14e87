"""The late phase of a day: from the first opening of a duty until it is known whether somebody opened it.

In it `late_opening` is armed and `vacancy` is not: one cause, one alert. It ends with the first presence or, unless
`late_opening` is firing, the first unknown stretch that lasts `min_presence`, at the latest with the first closing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from presence.alerts.rule import Change, Rule, State, step
from presence.intervals import Span


def first_openings(spans: Iterable[Span], timezone: str) -> list[Span]:
    """Of the stretches in which a duty is open, in order, the first that begins on each local date."""
    zone = ZoneInfo(timezone)
    by_date: dict[int, Span] = {}
    for span in spans:
        by_date.setdefault(datetime.fromtimestamp(span.start_ms // 1000, zone).toordinal(), span)
    return list(by_date.values())


def late_phases(changes: Sequence[Change], openings: Iterable[Span], rule: Rule) -> list[Span]:
    """The late phases that begin with `openings`. `changes`: of the condition of `vacancy`, from before them on."""
    found = []
    holds = 0
    for opening in openings:
        while holds + 1 < len(changes) and changes[holds + 1].at_ms <= opening.start_ms:
            holds += 1
        found.append(Span(opening.start_ms, _end(changes, holds, opening, rule)))
    return found


def within(changes: Iterable[Change], phases: Sequence[Span], *, armed: bool) -> list[Change]:
    """`changes`, not armed outside of `phases` (or with `armed` False within them), which are in order."""
    edges = [(at_ms, into) for phase in phases for at_ms, into in ((phase.start_ms, True), (phase.end_ms, False))]
    made: list[Change] = []
    said: Change | None = None
    inside, edge = False, 0

    def say(at_ms: int) -> None:
        assert said is not None
        disarmed = said.disarmed if inside is armed else said.disarmed or "closed"
        if made and made[-1].at_ms == at_ms:
            made.pop()
        if not made or made[-1][1:] != (said.truth, disarmed):
            made.append(Change(at_ms, said.truth, disarmed))

    for change in changes:
        while edge < len(edges) and edges[edge][0] <= change.at_ms:
            at_ms, inside = edges[edge]
            edge += 1
            if said is not None and at_ms < change.at_ms:
                say(at_ms)
        said = change
        say(change.at_ms)
    for at_ms, inside in edges[edge:]:  # noqa: B007 -- read by `say`
        if said is not None:
            say(at_ms)
    return made


def _end(changes: Sequence[Change], first: int, opening: Span, rule: Rule) -> int:
    """When the phase that begins with `opening` is over. `first`: the place of the change that holds then."""
    state = State()
    truth, truth_since_ms = changes[first].truth, opening.start_ms
    for number in range(first, len(changes)):
        change = changes[number]
        at_ms = max(change.at_ms, opening.start_ms)
        if at_ms >= opening.end_ms:
            break
        next_ms = changes[number + 1].at_ms if number + 1 < len(changes) else opening.end_ms
        next_ms = min(next_ms, opening.end_ms)
        state, _ = step(state, change._replace(at_ms=at_ms), at_ms, rule)
        if change.truth is not truth:
            truth, truth_since_ms = change.truth, at_ms
        if truth is True:
            continue
        over_ms = max(truth_since_ms + rule.min_presence_ms, at_ms)
        if truth is None and state.fired_ms is not None:
            over_ms = max(over_ms, state.truth_since_ms + rule.unknown_after_ms)
        if over_ms <= next_ms:
            return over_ms
    return opening.end_ms
