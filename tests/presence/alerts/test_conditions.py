"""Conditions instant by instant, as the table of kinds words them, against the changes that are worked out at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from presence.alerts.conditions import OutletHistory, equipment_down, of_device, officer_came, unattended, vacancy
from presence.alerts.rule import Change, Resolved
from presence.intervals import Interval, Span, State, Truth, TruthInterval, union

BEGIN, END = -5, 30
STRETCHES = st.lists(st.tuples(st.integers(1, 8), st.integers(0, 3)), max_size=6)


def stretches(drawn: Iterable[tuple[int, int]]) -> list[Span]:
    """Ordered and disjoint, some with a gap before them, from before the beginning on."""
    found, at_ms = [], BEGIN - 4
    for length, gap in drawn:
        found.append(Span(at_ms + gap, at_ms + gap + length))
        at_ms = found[-1].end_ms
    return found


@st.composite
def zone(draw: st.DrawFn) -> list[Interval]:
    spans = stretches(draw(STRETCHES))
    line = [Interval(*span, draw(st.sampled_from(get_args(State))), 0.5) for span in spans]
    return [*line[:-1], line[-1]._replace(end_ms=None)] if line and draw(st.booleans()) else line


SPANS = st.builds(union, st.builds(stretches, STRETCHES))
HISTORIES = st.builds(OutletHistory, zone(), SPANS, SPANS, SPANS, zone(), zone())


def state_at(line: Sequence[Interval], at_ms: int) -> State:
    held = (one.state for one in line if one.start_ms <= at_ms and (one.end_ms is None or at_ms < one.end_ms))
    return next(held, "unknown")


def covered(spans: Iterable[Span], at_ms: int) -> bool:
    return any(span.start_ms <= at_ms < span.end_ms for span in spans)


def is_armed(outlet: OutletHistory, at_ms: int) -> bool:
    return covered(outlet.open, at_ms) and not (covered(outlet.declared, at_ms) or covered(outlet.maintenance, at_ms))


def said(changes: Sequence[Change]) -> list[tuple[Truth, bool]]:
    """Truth, and whether it is armed, at each instant."""
    assert changes[0].at_ms == BEGIN
    assert all(one.at_ms < other.at_ms for one, other in pairwise(changes))
    held = [[one for one in changes if one.at_ms <= at_ms][-1] for at_ms in range(BEGIN, END)]
    return [(one.truth, one.disarmed is None) for one in held]


@given(st.lists(HISTORIES, min_size=1, max_size=3), st.integers(1, 2))
def test_a_duty_is_vacant_when_even_those_not_known_would_not_be_enough(
    outlets: list[OutletHistory], at_least: int
) -> None:
    def truth(at_ms: int) -> Truth:
        seen = [
            "vacant" if not covered(one.open, at_ms) else state_at(one.staff, at_ms)
            if state_at(one.staff, at_ms) == "occupied" or not covered(one.declared, at_ms) else "vacant"
            for one in outlets
        ]  # fmt: skip
        if seen.count("occupied") >= at_least:
            return False
        return True if seen.count("occupied") + seen.count("unknown") < at_least else None

    expected = [(truth(at_ms), any(is_armed(one, at_ms) for one in outlets)) for at_ms in range(BEGIN, END)]
    assert said(vacancy(outlets, at_least, BEGIN, END)) == expected


@given(HISTORIES)
def test_unattended_is_a_visitor_without_an_officer(outlet: OutletHistory) -> None:
    def truth(at_ms: int) -> Truth:
        officer, visitor = state_at(outlet.staff, at_ms), state_at(outlet.visitor, at_ms)
        if officer == "occupied" or visitor == "vacant":
            return False
        return None if "unknown" in (officer, visitor) else True

    expected = [(truth(at_ms), is_armed(outlet, at_ms)) for at_ms in range(BEGIN, END)]
    assert said(unattended(outlet, BEGIN, END)) == expected


@given(HISTORIES)
def test_equipment_is_down_while_its_zone_is_vacant(outlet: OutletHistory) -> None:
    words: dict[State, Truth] = {"vacant": True, "occupied": False, "unknown": None}
    expected = [(words[state_at(outlet.equipment, at_ms)], is_armed(outlet, at_ms)) for at_ms in range(BEGIN, END)]
    assert said(equipment_down(outlet, BEGIN, END)) == expected


@given(zone(), SPANS)
def test_the_line_of_a_device_is_muted_by_maintenance_alone(line: list[Interval], muted: list[Span]) -> None:
    words: dict[State, Truth] = {"vacant": True, "occupied": False, "unknown": None}
    truths = [TruthInterval(one.start_ms, one.end_ms, words[one.state]) for one in line]
    expected = [(words[state_at(line, at_ms)], not covered(muted, at_ms)) for at_ms in range(BEGIN, END)]
    assert said(of_device(truths, muted, BEGIN, END)) == expected


@given(zone(), st.lists(st.integers(BEGIN, END - 3), unique=True), st.integers(1, 4))
def test_an_officer_came_who_was_there_in_the_first_of_the_false_stretch(
    staff: list[Interval], ends: list[int], min_presence_ms: int
) -> None:
    over = [Resolved(BEGIN - 2, BEGIN - 1, at_ms, "visitor_left") for at_ms in sorted(ends)]
    came = [any(state_at(staff, at_ms + ms) == "occupied" for ms in range(min_presence_ms)) for _, _, at_ms, _ in over]
    told = officer_came(over, staff, min_presence_ms)
    assert [one.reason == "presence" for one in told if isinstance(one, Resolved)] == came
