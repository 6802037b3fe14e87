from itertools import pairwise

import pytest

from hadir.simulation import officers
from hadir.simulation.officers import COUNTERS, Officers, absences, breaks, silent

ALERT_AFTER_S = 20.0


def test_the_first_alert_falls_into_the_first_forty_seconds():
    assert min(absence.start_s for absence in absences(0, 60)) + ALERT_AFTER_S <= 40


@pytest.mark.parametrize("seed", [0, 1, officers.SEED])
def test_in_any_two_minutes_an_alert_fires_and_one_resolves(seed: int):
    day = list(absences(0, 86_400, seed))
    fired = sorted(absence.start_s + ALERT_AFTER_S for absence in day)
    resolved = sorted(absence.end_s for absence in day)
    for events in (fired, resolved):
        assert max(later - earlier for earlier, later in pairwise([0.0, *events])) < 115


@pytest.mark.parametrize("seed", [0, officers.SEED])
def test_absences_last_long_enough_for_an_alert_and_breaks_do_not(seed: int):
    assert all(40 <= absence.end_s - absence.start_s <= 90 for absence in absences(0, 10_000, seed))
    assert all(pause.end_s - pause.start_s < ALERT_AFTER_S for pause in breaks(0, 10_000, seed))


@pytest.mark.parametrize("seed", [0, officers.SEED])
def test_no_counter_is_left_again_before_somebody_was_back_for_a_minute(seed: int):
    both = sorted([*absences(0, 10_000, seed), *breaks(0, 10_000, seed)], key=lambda absence: absence.start_s)
    for counter in range(COUNTERS):
        own = [absence for absence in both if absence.counter == counter]
        assert all(later.start_s - earlier.end_s >= 60 for earlier, later in pairwise(own))


def test_any_window_of_time_shows_the_same_absences():
    whole = list(absences(0, 1_000))
    for from_s in range(0, 900, 7):
        touching = [absence for absence in whole if absence.end_s > from_s and absence.start_s < from_s + 100]
        assert list(absences(from_s, from_s + 100)) == touching


def test_sensors_see_nobody_exactly_while_nobody_is_there():
    play = Officers()
    away = [*absences(0, 300), *breaks(0, 300)]
    for tenth in range(3_000):
        at_s = tenth / 10
        for counter in range(COUNTERS):
            if silent(counter, at_s):
                assert play.target(counter, at_s) is None
                continue
            gone = any(absence.counter == counter and absence.start_s <= at_s < absence.end_s for absence in away)
            target = play.target(counter, at_s)
            assert target is not None
            assert (target.state == "nobody") is gone


def test_officers_both_move_and_sit_still():
    play = Officers()
    states = [target.state for second in range(120) if (target := play.target(0, float(second)))]
    assert min(states.count("moving"), states.count("still")) > 20


def test_one_sensor_falls_silent_after_a_minute_and_speaks_again_some_minutes_later():
    last = COUNTERS - 1
    assert [silent(last, at_s) for at_s in (0, 59, 60, 359, 360, 959, 960)] == [
        False, False, True, True, False, False, True,
    ]  # fmt: skip
    assert not any(silent(counter, at_s) for counter in range(last) for at_s in range(0, 2_000, 10))


def test_the_same_seed_plays_the_same():
    first, second = Officers(), Officers()
    assert [first.target(3, at_s / 10) for at_s in range(600)] == [second.target(3, at_s / 10) for at_s in range(600)]
