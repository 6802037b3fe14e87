"""The five rules of DESIGN's section on alerts, each as a case, and what always holds as properties."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from presence.alerts.rule import Change, Fired, Resolved, Rule, State, due_ms, last_quiet, run, step

S = 1000
MIN = 60 * S
RULE = Rule(after_ms=10 * MIN, min_presence_ms=30 * S, unknown_after_ms=5 * MIN)
TRUTHS = {"vacant": True, "occupied": False, "unknown": None}


def changes(*stretches: tuple[int, str], disarmed: tuple[tuple[int, str], ...] = ()) -> list[Change]:
    """Changes at seconds; a word of TRUTHS sets the condition, any other disarms."""
    made = []
    for at_s, word in stretches:
        made.append(Change(at_s * S, TRUTHS[word], None) if word in TRUTHS else Change(at_s * S, None, word))  # type: ignore[arg-type]
    return made


def effects(*stretches: tuple[int, str], until_s: int) -> list[Fired | Resolved]:
    return run(changes(*stretches), until_s * S, RULE)[1]


def test_it_fires_when_the_clock_reaches_after_and_resolves_where_presence_began():
    assert effects((0, "vacant"), (1500, "occupied"), until_s=3000) == [
        Fired(0, 600 * S),
        Resolved(0, 600 * S, 1500 * S, "presence"),
    ]


def test_nothing_fires_at_the_instant_at_which_it_stops_being_true():
    assert effects((0, "vacant"), (600, "occupied"), until_s=3000) == []


def test_nothing_fires_at_the_instant_of_closing():
    assert effects((0, "vacant"), (600, "closed"), until_s=3000) == []


def test_an_interruption_shorter_than_min_presence_does_not_stop_the_clock():
    assert effects((0, "vacant"), (240, "occupied"), (269, "vacant"), until_s=700) == [Fired(0, 600 * S)]


def test_one_of_exactly_min_presence_does():
    assert effects((0, "vacant"), (240, "occupied"), (270, "vacant"), until_s=900) == [Fired(270 * S, 870 * S)]


def test_unknown_and_presence_in_a_row_are_one_interruption():
    assert effects((0, "vacant"), (60, "unknown"), (80, "occupied"), (95, "vacant"), until_s=700) == [
        Fired(95 * S, 695 * S)
    ]


def test_while_a_bridge_lasts_nothing_fires_and_at_its_end_it_does():
    assert effects((0, "vacant"), (590, "occupied"), (612, "vacant"), until_s=700) == [Fired(0, 612 * S)]


def test_a_firing_alert_outlives_what_does_not_last():
    came = effects(
        (0, "vacant"), (700, "occupied"), (720, "unknown"), (740, "occupied"), (760, "vacant"), (800, "unknown"),
        (1099, "vacant"), until_s=2000,
    )  # fmt: skip
    assert came == [Fired(0, 600 * S)]


def test_unknown_for_long_resolves_it_at_the_end_of_that_time():
    assert effects((0, "vacant"), (700, "unknown"), until_s=2000)[1] == Resolved(0, 600 * S, 1000 * S, "unknown")


def test_presence_that_is_whole_at_the_closing_resolves_it_as_presence():
    assert effects((0, "vacant"), (700, "occupied"), (730, "closed"), until_s=2000)[1].reason == "presence"  # type: ignore[union-attr]


def test_presence_that_the_closing_cuts_off_does_not():
    assert effects((0, "vacant"), (701, "occupied"), (730, "closed"), until_s=2000)[1] == Resolved(
        0, 600 * S, 730 * S, "closed"
    )


def test_a_vacancy_never_spans_a_break():
    assert effects((0, "vacant"), (300, "closed"), (900, "vacant"), until_s=1501) == [Fired(900 * S, 1500 * S)]


def test_due_says_when_to_look_again():
    state, _ = step(State(), Change(0, True, None), 0, RULE)
    assert due_ms(state, RULE) == 600 * S
    fired, _ = step(state, None, 601 * S, RULE)
    assert due_ms(fired, RULE) is None
    gone, _ = step(fired, Change(700 * S, False, None), 700 * S, RULE)
    assert due_ms(gone, RULE) == 730 * S


histories = st.lists(
    st.tuples(st.integers(1, 400), st.sampled_from([True, False, None]), st.sampled_from([None, None, None, "closed"])),
    min_size=1,
    max_size=25,
).map(lambda steps: _dated(steps))


def _dated(steps: list[tuple[int, bool | None, str | None]]) -> list[Change]:
    at_ms, made = 0, []
    for wait_s, truth, disarmed in steps:
        made.append(Change(at_ms, truth, disarmed))  # type: ignore[arg-type]
        at_ms += wait_s * S
    return made


@given(histories, st.integers(0, 8000), st.lists(st.integers(0, 8_000_000), max_size=6))
def test_looking_more_often_changes_nothing(history: list[Change], until_s: int, looks: list[int]):
    until_ms = until_s * S
    state, came = State(), []
    for at_ms in sorted({*looks, *(change.at_ms for change in history), until_ms}):
        if at_ms > until_ms:
            break
        change = next((one for one in history if one.at_ms == at_ms and at_ms < until_ms), None)
        state, effect = step(state, change, at_ms, RULE)
        came += effect
    assert came == run(history, until_ms, RULE)[1]


@given(histories, st.integers(0, 8000))
def test_firing_and_resolving_alternate_and_are_ordered(history: list[Change], until_s: int):
    standing: Fired | None = None
    for effect in run(history, until_s * S, RULE)[1]:
        if isinstance(effect, Fired):
            assert standing is None
            assert effect.fired_ms - effect.since_ms >= RULE.after_ms
            standing = effect
        else:
            assert standing is not None
            assert standing[:2] == effect[:2]
            assert effect.resolved_ms >= effect.fired_ms
            standing = None


@given(histories, st.integers(0, 8000), st.integers(0, 8000))
def test_from_a_quiet_instant_on_the_past_does_not_matter(history: list[Change], before_s: int, until_s: int):
    quiet_ms = last_quiet(history, before_s * S, RULE)
    if quiet_ms is None or until_s * S <= quiet_ms:
        return
    last = next((one for one in reversed(history) if one.at_ms <= quiet_ms), None)
    assert last is not None
    rest = [last._replace(at_ms=quiet_ms), *(one for one in history if one.at_ms > quiet_ms)]
    whole = [one for one in run(history, until_s * S, RULE)[1] if one.fired_ms >= quiet_ms]
    assert run(rest, until_s * S, RULE)[1] == whole
