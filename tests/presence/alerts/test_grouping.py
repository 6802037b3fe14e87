from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from presence.alerts.grouping import GATHER_MS, PAUSE_MS, Together, Waiting, group_key, together

T = 1_000_000


def firing(number: int, ready_ms: int) -> Waiting:
    return Waiting(f"a{number}.firing.budi.0", f"a{number}", ready_ms)


def resolved(number: int, ready_ms: int) -> Waiting:
    return Waiting(f"a{number}.resolved.budi.0", f"a{number}", ready_ms)


def test_what_is_due_within_a_second_goes_as_one() -> None:
    waiting = [firing(1, T), firing(2, T + 400), firing(3, T + 1000)]
    assert together(waiting, None, T + 999) == Together((), T + 1000)
    assert together(waiting, None, T + 1000) == Together(tuple(one.key for one in waiting), None)


def test_later_ones_join_the_next_a_minute_after() -> None:
    sent_ms = T + GATHER_MS
    waiting = [firing(4, T + 5000), firing(5, T + 40_000)]
    assert together(waiting, sent_ms, T + 59_999) == Together((), sent_ms + PAUSE_MS)
    assert together(waiting, sent_ms, sent_ms + PAUSE_MS) == Together(tuple(one.key for one in waiting), None)


def test_after_a_quiet_minute_a_second_is_waited_again() -> None:
    assert together([firing(1, T)], T - 2 * PAUSE_MS, T + 500) == Together((), T + GATHER_MS)


def test_an_alerts_end_goes_with_its_beginning_and_never_before_it() -> None:
    waiting = [firing(1, T + 9000), firing(2, T), resolved(1, T)]
    assert together(waiting, None, T + 1000).keys == ("a2.firing.budi.0",)
    waiting = [firing(1, T + 9000), resolved(1, T)]
    assert together(waiting, None, T + 5000) == Together((), T + 10_000)
    assert together(waiting, None, T + 10_000).keys == ("a1.firing.budi.0", "a1.resolved.budi.0")


def test_a_clock_that_was_set_back_silences_nobody() -> None:
    assert together([firing(1, T)], T + 3_600_000, T + 1000).keys == ("a1.firing.budi.0",)


def test_nothing_waits_for_nothing() -> None:
    assert together([], T, T) == Together((), None)


def test_a_group_has_a_key_that_changes_when_a_message_joins() -> None:
    two = group_key("budi", ["a1.firing.budi.0", "a2.firing.budi.0"])
    assert two == group_key("budi", ["a1.firing.budi.0", "a2.firing.budi.0"])
    assert two != group_key("budi", ["a1.firing.budi.0", "a2.firing.budi.0", "a3.firing.budi.0"])
    assert two.split(".")[1:] == ["group", "budi", "0"]
    assert group_key("budi", ["a1.firing.budi.0"]) == "a1.firing.budi.0"


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 300_000)), max_size=40))
def test_nothing_is_lost_doubled_or_sent_out_of_order_and_a_minute_lies_between(made: list[tuple[int, int]]) -> None:
    queue = [Waiting(f"{number}", f"a{alert}", ready_ms) for number, (alert, ready_ms) in enumerate(made)]
    left, sent, last_ms, now_ms = list(queue), list[str](), None, 0
    while left:
        found = together(left, last_ms, now_ms)
        if found.keys:
            assert last_ms is None or now_ms - last_ms >= PAUSE_MS
            sent += found.keys
            left = [one for one in left if one.key not in found.keys]
            last_ms = now_ms
        else:
            assert found.look_again_ms is not None
            assert found.look_again_ms > now_ms
            now_ms = found.look_again_ms
    assert sorted(sent, key=int) == [one.key for one in queue]
    for alert in {one.alert for one in queue}:
        keys = [one.key for one in queue if one.alert == alert]
        assert [key for key in sent if key in keys] == keys
