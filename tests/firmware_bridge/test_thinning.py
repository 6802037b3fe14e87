"""Thinning keeps every change of presence, and of what repeats one report now and then."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge.thinning import Thinning

PRESENT, ABSENT = {"presence": 1.0, "distance": 0.8}, {"presence": 0.0, "distance": 0.8}
REPORTS = st.lists(st.tuples(st.integers(1, 400), st.fixed_dictionaries({}, optional={
    "presence": st.sampled_from([0.0, 1.0]), "moving": st.sampled_from([0.0, 1.0]), "distance": st.floats(0, 6),
})), max_size=60)  # fmt: skip


def sent(interval_ms: int | None, *reports: tuple[int, dict[str, float]]) -> list[int]:
    thinning = Thinning(interval_ms)
    return [at for at, values in reports if thinning.judge(at, values) != "drop"]


def test_what_repeats_is_sent_once_an_interval() -> None:
    assert sent(1000, *((at, PRESENT) for at in range(0, 3001, 100))) == [0, 1000, 2000, 3000]


def test_a_change_is_sent_at_once_and_back_again_too() -> None:
    assert sent(1000, (0, PRESENT), (100, ABSENT), (200, PRESENT), (300, PRESENT)) == [0, 100, 200]


def test_a_report_without_presence_says_nothing_new_about_it() -> None:
    assert sent(1000, (0, PRESENT), (100, {"distance": 0.5}), (200, PRESENT)) == [0]


def test_news_are_told_from_repeats() -> None:
    thinning = Thinning(None)
    assert [thinning.judge(0, each) for each in (PRESENT, PRESENT, {"distance": 1.0}, ABSENT, ABSENT)] == [
        "news", "repeat", "repeat", "news", "repeat",
    ]  # fmt: skip


def test_a_report_after_a_silence_is_news_though_it_repeats_the_last_one() -> None:
    thinning = Thinning(500)
    reports = [(0, PRESENT), (600, PRESENT), (3_099, PRESENT), (5_599, PRESENT), (5_700, PRESENT)]
    verdicts = [thinning.judge(at_ms, values) for at_ms, values in reports]
    assert verdicts == ["news", "repeat", "repeat", "news", "drop"]


def test_without_thinning_everything_is_sent() -> None:
    assert sent(None, (0, PRESENT), (1, PRESENT)) == [0, 1]


def test_a_clock_that_was_set_back_does_not_silence_a_sensor() -> None:
    assert sent(1000, (50_000, PRESENT), (10_000, PRESENT), (10_100, PRESENT)) == [50_000, 10_000]


def verdicts(*distances_m: float | None, **values: float) -> list[str]:
    thinning = Thinning(60_000)
    reports = [{**values, **({} if each is None else {"distance": each})} for each in distances_m]
    return [thinning.judge(number * 100, report) for number, report in enumerate(reports)]


def test_who_comes_before_a_distance_sensor_is_news_and_its_wavering_is_not() -> None:
    assert verdicts(2.0, 2.04, 0.6, 0.58, 1.98) == ["news", "drop", "news", "drop", "news"]


def test_a_slow_approach_is_told_in_steps() -> None:
    assert verdicts(2.0, 1.94, 1.88, 1.82, 1.76) == ["news", "drop", "news", "drop", "news"]


def test_a_distance_that_comes_or_goes_is_news() -> None:
    assert verdicts(None, 2.0, None, None, strength=3) == ["repeat", "news", "news", "drop"]


def test_the_distance_of_a_sensor_with_a_verdict_of_its_own_is_none() -> None:
    assert verdicts(2.0, 0.6, presence=1) == ["news", "drop"]


@given(REPORTS, st.integers(0, 1000))
def test_the_sent_reports_alone_tell_the_same_presence_at_every_instant(
    steps: list[tuple[int, dict[str, float]]], interval_ms: int
) -> None:
    thinning = Thinning(interval_ms)
    at, truth, told = 0, {}, {}
    for step, values in steps:
        at += step
        said = {name: value for name, value in values.items() if name != "distance"}
        truth |= said
        if thinning.judge(at, values) != "drop":
            told |= said
        assert told == truth
