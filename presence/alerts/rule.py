"""The five rules of an alert, written once for all kinds: (state, change, now) -> (state, effects).

A condition is a function of time that is true, false or unknown (None); beside it stands whether the alert is armed.
Both reach this module as changes. Two rules order what happens at one instant:

- a stretch that is complete (a false one of `min_presence`, an unknown one of `unknown_after`) acts before a change at
  the instant of its end, for [start, end) has been seen whole;
- an alert fires after it: stretches are half-open, so what is no longer true at an instant does not fire there.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, NamedTuple

from presence.intervals import Truth

Disarmed = Literal["closed", "declared", "maintenance"]
Reason = Literal["presence", "ended", "visitor_left", "unknown", "closed", "declared", "maintenance"]


@dataclass(frozen=True, slots=True)
class Rule:
    """What a site says of one kind: durations in ms. `false_reason`: how a false condition resolves it."""

    after_ms: int
    min_presence_ms: int = 30_000
    unknown_after_ms: int = 300_000
    false_reason: Reason = "presence"


class Change(NamedTuple):
    """From `at_ms` on the condition is `truth`; `disarmed` says why the alert is not armed, None that it is."""

    at_ms: int
    truth: Truth
    disarmed: Disarmed | None


class Fired(NamedTuple):
    since_ms: int
    fired_ms: int


class Resolved(NamedTuple):
    since_ms: int
    fired_ms: int
    resolved_ms: int
    reason: Reason


Effect = Fired | Resolved


class State(NamedTuple):
    """Between two changes. `truth_since_ms` and `broken_since_ms` are cut to the time in which the alert is armed.

    `clock_ms`: start of the clock; `broken_since_ms`: start of the interruption that is under way; `fired_ms`: when the
    alert fired that stands now.
    """

    armed: bool = False
    truth: Truth = None
    truth_since_ms: int = 0
    clock_ms: int | None = None
    broken_since_ms: int | None = None
    fired_ms: int | None = None

    @property
    def idle(self) -> bool:
        """No clock runs and nothing stands: what was before does not matter any more."""
        return self.clock_ms is None and self.fired_ms is None


def step(state: State, change: Change | None, now_ms: int, rule: Rule) -> tuple[State, list[Effect]]:
    """What becomes of `state` up to `now_ms`, and at it by `change` (whose instant is `now_ms`)."""
    effects: list[Effect] = []
    return _step(state, change, now_ms, rule, effects), effects


def due_ms(state: State, rule: Rule) -> int | None:
    """The next instant at which `step` has something to do though nothing changes; None when there is none."""
    if state.truth is True:
        return _fire_ms(state, rule) if state.fired_ms is None else None
    stretches = []
    if state.fired_ms is not None:
        limit = rule.min_presence_ms if state.truth is False else rule.unknown_after_ms
        stretches.append(state.truth_since_ms + limit)
    elif state.clock_ms is not None and state.broken_since_ms is not None:
        stretches.append(state.broken_since_ms + rule.min_presence_ms)
    return min(stretches, default=None)


def run(changes: Iterable[Change], until_ms: int, rule: Rule) -> tuple[State, list[Effect]]:
    """All effects of `changes`, in order of time, as far as [.., until_ms) is known."""
    effects: list[Effect] = []
    state = State()
    for change in changes:
        if change.at_ms >= until_ms:
            break
        state = _step(state, change, change.at_ms, rule, effects)
    return _step(state, None, until_ms, rule, effects), effects


def last_quiet(changes: Iterable[Change], before_ms: int, rule: Rule) -> int | None:
    """The newest instant up to `before_ms` from which on the past does not matter; None when `changes` hold none.

    It ends a stretch that was not armed, or an interruption so long that no clock and no alert outlives it.
    """
    quiet = None
    longest = max(rule.min_presence_ms, rule.unknown_after_ms)
    since, truth, disarmed = None, None, None
    for at_ms, next_truth, next_disarmed in [*changes, Change(before_ms, None, None)]:
        at_ms = min(at_ms, before_ms)
        if since is not None:
            limit = rule.min_presence_ms if truth is False else longest
            if disarmed is not None or (truth is not True and at_ms - since >= limit):
                quiet = at_ms
        if at_ms >= before_ms:
            break
        if since is None or next_truth is not truth or next_disarmed != disarmed:
            since, truth, disarmed = at_ms, next_truth, next_disarmed
    return quiet


def _step(state: State, change: Change | None, now_ms: int, rule: Rule, effects: list[Effect]) -> State:
    if state.clock_ms is not None:  # without a clock nothing stands either
        state = _fire(state, now_ms, rule, effects)
        state = _complete_stretches(state, now_ms, rule, effects)
    return state if change is None else _apply(state, change, effects)


def _fire_ms(state: State, rule: Rule) -> int | None:
    """When a condition that is true now fires: at the end of the clock, or of the bridge that covered that instant."""
    return None if state.clock_ms is None else max(state.clock_ms + rule.after_ms, state.truth_since_ms)


def _fire(state: State, now_ms: int, rule: Rule, effects: list[Effect]) -> State:
    if state.truth is not True or state.clock_ms is None or state.fired_ms is not None:
        return state
    at_ms = _fire_ms(state, rule)
    if at_ms is None or at_ms >= now_ms:
        return state
    effects.append(Fired(state.clock_ms, at_ms))
    return state._replace(fired_ms=at_ms)


def _complete_stretches(state: State, now_ms: int, rule: Rule, effects: list[Effect]) -> State:
    """Resolve what a whole false or unknown stretch resolves; stop a clock that was interrupted for too long."""
    if state.truth is True or state.clock_ms is None:
        return state
    if state.fired_ms is None:
        assert state.broken_since_ms is not None
        over = now_ms - state.broken_since_ms >= rule.min_presence_ms
        return state._replace(clock_ms=None) if over else state
    length_ms = now_ms - state.truth_since_ms
    if state.truth is False and length_ms >= rule.min_presence_ms:
        effects.append(Resolved(state.clock_ms, state.fired_ms, state.truth_since_ms, rule.false_reason))
    elif state.truth is None and length_ms >= rule.unknown_after_ms:
        resolved_ms = state.truth_since_ms + rule.unknown_after_ms
        effects.append(Resolved(state.clock_ms, state.fired_ms, resolved_ms, "unknown"))
    else:
        return state
    return state._replace(clock_ms=None, fired_ms=None)


def _apply(state: State, change: Change, effects: list[Effect]) -> State:
    at_ms, truth, disarmed = change
    if disarmed is not None:
        if state.fired_ms is not None and state.clock_ms is not None:
            effects.append(Resolved(state.clock_ms, state.fired_ms, at_ms, disarmed))
        return State(armed=False, truth=truth, truth_since_ms=at_ms)
    if not state.armed:
        clock_ms, broken_since_ms = (at_ms, None) if truth is True else (None, at_ms)
        return State(True, truth, at_ms, clock_ms, broken_since_ms, None)
    if truth is state.truth:
        return state
    if truth is True:
        clock_ms = at_ms if state.clock_ms is None else state.clock_ms
        return State(True, truth, at_ms, clock_ms, None, state.fired_ms)
    broken_since_ms = at_ms if state.truth is True else state.broken_since_ms
    return State(True, truth, at_ms, state.clock_ms, broken_since_ms, state.fired_ms)
