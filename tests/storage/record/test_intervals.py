from __future__ import annotations

from typing import get_args

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, select

from presence.intervals import Interval, State
from storage.record.checkpoints import Checkpoint, save
from storage.record.intervals import (
    IntervalChange,
    changes_after,
    first_start,
    last_change,
    newest_evidence,
    progress,
    progress_of_sites,
    revise,
    set_progress,
    spool_position,
    zone_intervals,
)
from storage.record.tables import occupancy_interval

EVER = 10**12
A = ("mpp", "a-1", "staff")


def occupied(start_ms: int, end_ms: int | None) -> Interval:
    return Interval(start_ms, end_ms, "occupied", 0.98)


def vacant(start_ms: int, end_ms: int | None) -> Interval:
    return Interval(start_ms, end_ms, "vacant", 0.02)


def all_rows(connection: Connection) -> list[tuple[int, int | None, str, int | None]]:
    rows = occupancy_interval.c
    found = select(rows.start_ms, rows.end_ms, rows.state, rows.superseded_ms).order_by(rows.id)
    return [tuple(row) for row in connection.execute(found)]


def current(connection: Connection) -> list[Interval]:
    return zone_intervals(connection, *A, 0, EVER)


def test_a_live_transition_closes_the_open_interval_and_opens_the_next(connection: Connection) -> None:
    revise(connection, *A, 100, [occupied(100, None)], now_ms=101)
    assert revise(connection, *A, 250, [vacant(250, None)], now_ms=251) == 250
    assert all_rows(connection) == [(100, 250, "occupied", None), (250, None, "vacant", None)]
    assert changes_after(connection, 0, 10) == [
        IntervalChange(1, "mpp", "a-1", "staff", 100),
        IntervalChange(2, "mpp", "a-1", "staff", 250),
    ]


def test_what_is_known_already_changes_nothing(connection: Connection) -> None:
    revise(connection, *A, 100, [occupied(100, 250), vacant(250, None)], now_ms=300)
    before = all_rows(connection)
    assert revise(connection, *A, 180, [occupied(100, 250), vacant(250, None)], now_ms=400) is None
    assert revise(connection, *A, 180, [occupied(180, 250), vacant(250, None)], now_ms=400) is None
    assert (all_rows(connection), last_change(connection)) == (before, 1)


def test_a_correction_keeps_what_it_contradicts_as_superseded(connection: Connection) -> None:
    revise(connection, *A, 0, [occupied(0, 100), vacant(100, 900), occupied(900, None)], now_ms=1000)
    corrected = [vacant(100, 300), occupied(300, 400), vacant(400, 900), occupied(900, None)]
    assert revise(connection, *A, 300, corrected, now_ms=2000) == 300
    assert current(connection) == [occupied(0, 100), *corrected]
    assert all_rows(connection) == [
        (0, 100, "occupied", None),
        (100, 900, "vacant", 2000),
        (900, None, "occupied", None),
        (100, 300, "vacant", None),
        (300, 400, "occupied", None),
        (400, 900, "vacant", None),
    ]


def test_intervals_of_one_state_that_touch_are_one(connection: Connection) -> None:
    revise(connection, *A, 0, [occupied(0, 100), vacant(100, 200), occupied(200, None)], now_ms=300)
    assert revise(connection, *A, 100, [occupied(100, None)], now_ms=400) == 100
    assert current(connection) == [occupied(0, None)]


def test_nothing_from_an_instant_on_ends_what_went_on_over_it(connection: Connection) -> None:
    revise(connection, *A, 0, [occupied(0, 100), vacant(100, None)], now_ms=300)
    assert revise(connection, *A, 150, [], now_ms=400) == 150
    assert current(connection) == [occupied(0, 100), vacant(100, 150)]


def test_zones_do_not_touch_each_other(connection: Connection) -> None:
    revise(connection, *A, 0, [occupied(0, None)], now_ms=1)
    revise(connection, "mpp", "a-1", "visitor", 0, [vacant(0, None)], now_ms=1)
    revise(connection, "mpp", "a-2", "staff", 0, [vacant(0, None)], now_ms=1)
    revise(connection, "other", "a-1", "staff", 0, [vacant(0, None)], now_ms=1)
    revise(connection, *A, 50, [vacant(50, None)], now_ms=51)
    assert current(connection) == [occupied(0, 50), vacant(50, None)]
    assert zone_intervals(connection, "mpp", "a-1", "visitor", 0, EVER) == [vacant(0, None)]
    assert zone_intervals(connection, "mpp", "a-2", "staff", 0, EVER) == [vacant(0, None)]
    assert [change.site for change in changes_after(connection, 1, 10)] == ["mpp", "mpp", "other", "mpp"]
    assert changes_after(connection, 1, 1) == [IntervalChange(2, "mpp", "a-1", "visitor", 0)]


def test_a_window_gives_whole_intervals_that_overlap_it(connection: Connection) -> None:
    revise(connection, *A, 0, [occupied(0, 100), vacant(100, 200), occupied(200, 300), vacant(300, None)], now_ms=1)
    assert zone_intervals(connection, *A, 100, 200) == [vacant(100, 200)]
    assert zone_intervals(connection, *A, 99, 201) == [occupied(0, 100), vacant(100, 200), occupied(200, 300)]
    assert zone_intervals(connection, *A, 5000, 6000) == [vacant(300, None)]
    assert (first_start(connection, *A), first_start(connection, "mpp", "a-9", "staff")) == (0, None)


def test_the_newest_evidence_is_that_of_the_outlet_seen_last(connection: Connection) -> None:
    seen = {("a-1", "staff"): 500, ("a-2", "staff"): 900, ("a-2", "visitor"): 950, ("a-3", "staff"): None}
    save(
        connection,
        [Checkpoint("mpp", outlet, zone, 1, seen_ms, 0, None, b"") for (outlet, zone), seen_ms in seen.items()],
    )
    assert newest_evidence(connection, "mpp", ["a-1", "a-2", "a-3"], "staff") == 900
    assert newest_evidence(connection, "mpp", ["a-3"], "staff") is None


def test_progress_says_how_far_the_intervals_are_complete(connection: Connection) -> None:
    assert (progress(connection, "mpp"), spool_position(connection, "mpp")) == (None, None)
    set_progress(connection, "mpp", 5_000, spool="b1", spool_id=7)
    set_progress(connection, "mpp", 6_000, spool="b1", spool_id=9)
    set_progress(connection, "other", 4_000, spool="b1", spool_id=9)
    assert (progress(connection, "mpp"), spool_position(connection, "mpp")) == (6_000, ("b1", 9))
    assert progress_of_sites(connection) == {"mpp": 6_000, "other": 4_000}


States: st.SearchStrategy[State] = st.sampled_from(get_args(State))


@st.composite
def histories(draw: st.DrawFn, start_ms: int = 0) -> list[Interval]:
    """Intervals from `start_ms` on that touch, no two of one state in a row, the last one open."""
    history: list[Interval] = []
    for _ in range(draw(st.integers(1, 5))):
        state: State = draw(States)
        length = draw(st.integers(1, 4))
        if history and history[-1].state == state:
            history[-1] = history[-1]._replace(end_ms=start_ms + length)
        else:
            history.append(Interval(start_ms, start_ms + length, state, 0.5))
        start_ms += length
    return [*history[:-1], history[-1]._replace(end_ms=None)]


@st.composite
def revisions(draw: st.DrawFn) -> list[tuple[int, list[Interval]]]:
    instants = draw(st.lists(st.integers(0, 20), min_size=1, max_size=6))
    return [(at_ms, draw(histories(at_ms))) for at_ms in instants]


def laid_over(before: list[Interval], from_ms: int, after: list[Interval]) -> list[Interval]:
    kept = [
        interval._replace(end_ms=from_ms if interval.end_ms is None else min(interval.end_ms, from_ms))
        for interval in before
        if interval.start_ms < from_ms
    ]
    if kept and kept[-1].end_ms == from_ms and kept[-1].state == after[0].state:
        return [*kept[:-1], kept[-1]._replace(end_ms=after[0].end_ms), *after[1:]]
    return [*kept, *after]


def difference(before: list[Interval], after: list[Interval]) -> int | None:
    """The first instant at which two histories differ, found millisecond by millisecond."""

    def at(history: list[Interval], at_ms: int) -> tuple[str, bool] | None:
        covering = [i for i in history if i.start_ms <= at_ms and (i.end_ms is None or at_ms < i.end_ms)]
        return (covering[0].state, covering[0].start_ms == at_ms) if covering else None

    return next((at_ms for at_ms in range(60) if at(before, at_ms) != at(after, at_ms)), None)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(steps=revisions())
def test_any_revisions_leave_the_last_word_of_each(
    connection: Connection, steps: list[tuple[int, list[Interval]]]
) -> None:
    with connection.begin_nested() as savepoint:
        said: list[Interval] = []
        for from_ms, intervals in steps:
            wanted = laid_over(said, from_ms, intervals)
            assert revise(connection, *A, from_ms, intervals, now_ms=99) == difference(said, wanted)
            assert current(connection) == wanted
            said = wanted
        savepoint.rollback()
