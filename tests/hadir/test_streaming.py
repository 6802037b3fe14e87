"""What is told of a stream beside its readings."""

from __future__ import annotations

from hadir.streaming import Rate, live_words
from presence.readings import Reading


def test_a_rate_is_that_of_the_last_seconds_and_not_of_a_burst() -> None:
    rate = Rate()
    assert max(rate.add(at_ms) for at_ms in range(0, 100, 2)) == 0.0
    told = [rate.add(at_ms) for at_ms in range(100, 10_000, 100)]
    assert told[-1] == 10.0


def test_a_line_that_changes_begins_with_the_values() -> None:
    told = live_words(Reading("radar", 1_000, {"presence": 1.0, "distance": 1.25}), 10.0)
    assert told == "presence=true distance=1.25  10.0/s  00:00:01Z"
